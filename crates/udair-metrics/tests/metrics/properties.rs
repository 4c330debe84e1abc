//! What must hold for any picture: no panic, symmetries, and the extremes of the scales.

use proptest::prelude::*;
use udair_metrics::{FadeFit, Metric, NotApplicable, Parameters, Rgb8, psnr, ssim};

use crate::synth::{Picture, synth};

/// Pictures of every kind that statistics stumble over.
fn pictures(most: usize) -> impl Strategy<Value = Picture> {
    let content = prop_oneof![Just(0), Just(1), Just(2), Just(3), Just(4)];
    (1..=most, 1..=most, content, any::<[u8; 6]>(), any::<u32>()).prop_map(
        |(width, height, content, [r, g, b, s, t, u], seed)| {
            let constant = || Picture { width, height, data: [r, g, b].repeat(width * height) };
            match content {
                0 => constant(),
                1 => {
                    let mut spike = constant();
                    let at = 3 * (seed as usize % (width * height));
                    spike.data[at..at + 3].copy_from_slice(&[s, t, u]);
                    spike
                }
                2 => constant().map(|x, pixel| if x > width / 2 { [s, t, u] } else { pixel }),
                3 => constant().map(|x, pixel| if x % 2 == 0 { [0, 0, 255] } else { pixel }),
                _ => synth(width, height, seed),
            }
        },
    )
}

fn score_all(image: &Rgb8, reference: &Rgb8, parameters: &Parameters) {
    for metric in Metric::all() {
        let score = metric.score(image, Some(reference), parameters);
        assert!(!score.value.is_ok_and(f64::is_nan), "{metric}");
    }
}

/// Parameters for FADE too, of no meaning.
fn parameters() -> Parameters {
    let mut fit = FadeFit::default();
    fit.add_fogfree(&synth(64, 64, 1).view());
    fit.add_foggy(&synth(64, 64, 2).map(|_, pixel| pixel.map(|value| value / 4 + 180)).view());
    Parameters { fade: Some(fit.model("test").unwrap()), ..Parameters::default() }
}

#[test]
fn no_narrow_picture_panics() {
    for (width, height) in [(1, 3000), (3000, 1), (9, 1200), (1200, 9), (95, 300), (300, 97)] {
        let picture = synth(width, height, 1);
        score_all(&picture.view(), &picture.view(), &parameters());
    }
}

#[test]
fn no_size_up_to_two_windows_panics() {
    let parameters = parameters();
    for width in 1..=24 {
        for height in [1, 2, 3, 7, 8, 10, 11, 12, 16, 23] {
            for picture in
                [synth(width, height, 1), Picture { width, height, data: vec![0; 3 * width * height] }]
            {
                let white = Picture { data: vec![255; picture.data.len()], ..picture };
                score_all(&picture.view(), &white.view(), &parameters);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_picture_panics(image in pictures(220)) {
        let reference = Picture { data: image.data.iter().map(|x| x ^ 1).collect(), ..image };
        score_all(&image.view(), &reference.view(), &parameters());
    }

    #[test]
    fn comparisons_are_symmetric(image in pictures(60), change in any::<u8>()) {
        let other = image.map(|x, [r, g, b]| if x % 3 == 0 { [r ^ change, g, b] } else { [r, g, b] });
        let (a, b) = (image.view(), other.view());
        for metric in Metric::all().filter(Metric::needs_reference) {
            let score = |a, b| metric.score(a, Some(b), &Parameters::default()).value;
            match (score(&a, &b), score(&b, &a)) {
                (Ok(ab), Ok(ba)) => prop_assert!(ab == ba || (ab - ba).abs() <= 1e-12 * ab.abs(), "{metric} {ab} {ba}"),
                (ab, ba) => prop_assert_eq!(ab, ba),
            }
        }
    }

    #[test]
    fn equal_pictures_have_the_best_score(image in pictures(60)) {
        let view = image.view();
        prop_assert_eq!(psnr(&view, &view), f64::INFINITY);
        if let Some(score) = ssim(&view, &view) {
            prop_assert!((score - 1.0).abs() < 1e-12, "{score}");
        }
    }

    #[test]
    fn threads_do_not_show(image in pictures(150)) {
        let scores = || -> Vec<_> {
            let reference = Picture { data: image.data.iter().map(|x| x / 2).collect(), ..image };
            let score = |metric: Metric| metric.score(&image.view(), Some(&reference.view()), &parameters());
            Metric::all().map(score).collect()
        };
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        prop_assert_eq!(one.install(scores), three.install(scores));
    }
}

#[test]
fn the_order_of_channels_matters_where_it_must() {
    let parameters = parameters();
    let image = synth(200, 200, 5);
    let swapped = image.map(|_, [r, g, b]| [b, g, r]);
    // One contrast is between the extremes over all channels, the other a sum over the channels.
    let blind = |metric: &Metric| {
        ["uiconm:funie", "uiconm:funie-256", "uiconm:matlab5"].contains(&metric.to_string().as_str())
    };
    for metric in Metric::all().filter(|metric| !metric.needs_reference() && !blind(metric)) {
        let score = |picture: &Picture| metric.score(&picture.view(), None, &parameters).value;
        assert!(score(&image).is_err() || score(&image) != score(&swapped), "{metric}");
    }
    // All channels count alike in these.
    let darker = image.map(|_, pixel| pixel.map(|value| value / 2));
    let swapped_darker = darker.map(|_, [r, g, b]| [b, g, r]);
    let distance = psnr(&image.view(), &darker.view());
    assert_eq!(distance, psnr(&swapped.view(), &swapped_darker.view()));
}

#[test]
fn what_a_metric_lacks_is_its_reason() {
    let (large, small) = (synth(64, 64, 1), synth(9, 64, 1));
    let value = |name: &str, image: &Picture, reference: Option<&Picture>| {
        let metric: Metric = name.parse().unwrap();
        metric.score(&image.view(), reference.map(Picture::view).as_ref(), &Parameters::default()).value
    };
    assert_eq!(value("ssim", &large, None), Err(NotApplicable::NoReference));
    assert_eq!(value("ssim", &small, Some(&small)), Err(NotApplicable::TooSmall { least: 11 }));
    assert_eq!(value("psnr:rgb-crop5", &small, Some(&small)), Err(NotApplicable::TooSmall { least: 11 }));
    assert!(value(&format!("psnr:rgb-crop{}", usize::MAX), &small, Some(&small)).is_err());
    assert_eq!(value("niqe", &large, None), Err(NotApplicable::TooFewBlocks { least: 2, side: 96 }));
    let sizes = NotApplicable::SizesDiffer { image: (64, 64), reference: (9, 64) };
    assert_eq!(value("psnr", &large, Some(&small)), Err(sizes));
    let flat = large.map(|_, _| [7; 3]);
    assert!(matches!(value("brisque:flat-exact", &flat, None), Err(NotApplicable::Undefined(_))));
}

#[test]
fn names_lead_back_to_their_metric() {
    for metric in Metric::all() {
        assert_eq!(metric.to_string().parse(), Ok(metric));
        assert!(!metric.about().is_empty());
    }
    assert_eq!("SSIM-Y".parse::<Metric>().unwrap().to_string(), "ssim:y");
    for (text, suggestion) in [
        ("nique", Some("niqe")),
        ("ssim:skimge", Some("skimage")),
        ("niqe:flat-exakt", Some("flat-exact")),
        ("psnr:rgb-cropx", None),
        ("niqe:compat-crop4", None),
        ("loudness", None),
    ] {
        let error = text.parse::<Metric>().unwrap_err();
        assert_eq!(error.suggestion.as_deref(), suggestion, "{error}");
    }
}
