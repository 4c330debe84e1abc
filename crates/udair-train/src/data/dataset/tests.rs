use super::*;
use crate::data::testing::pictures;
use crate::data::{Entry, Loader};
use crate::degrade::{Photo, Range};

fn patterns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_string()).collect()
}

/// Two clean photos, three real pairs of two sources, one real picture without reference.
fn some(mix: Mix, names: &[&str]) -> (tempfile::TempDir, Result<Dataset, DataError>) {
    some_of("derain", mix, names)
}

/// The same, the pairs being of this task.
fn some_of(task: &str, mix: Mix, names: &[&str]) -> (tempfile::TempDir, Result<Dataset, DataError>) {
    let folder = pictures(&[
        ("c/1.png", 80, 60),
        ("c/2.png", 40, 30),
        ("r/lq/1.png", 50, 40),
        ("r/gt/1.png", 50, 40),
        ("r/lq/2.png", 50, 40),
        ("r/gt/2.png", 50, 40),
        ("s/lq/3.png", 20, 40),
        ("s/gt/3.png", 20, 40),
        ("u/4.png", 64, 64),
    ]);
    let path = |name: &str| Some(folder.path().join(name));
    let entry = |task: &str, source: &str, lq, gt| Entry { task: task.into(), source: source.into(), lq, gt };
    let manifest = Manifest {
        entries: vec![
            entry("clean", "photos", None, path("c/1.png")),
            entry("clean", "photos", None, path("c/2.png")),
            entry(task, "r", path("r/lq/1.png"), path("r/gt/1.png")),
            entry(task, "r", path("r/lq/2.png"), path("r/gt/2.png")),
            entry(task, "s", path("s/lq/3.png"), path("s/gt/3.png")),
            entry(task, "u", path("u/4.png"), None),
        ],
    };
    let dataset = Dataset::new(&manifest, &patterns(names), mix, Recipe::default(), 5, 1 << 20);
    (folder, dataset)
}

const ALL: [&str; 6] = ["denoise", "dehaze", "derain", "lowlight", "underwater", "clean"];

#[test]
fn batches_are_balanced_and_a_function_of_the_step() {
    let mix = Mix { mixed: 2, unpaired: [("derain".to_string(), 0.3)].into(), ..Mix::default() };
    let (_folder, dataset) = some(mix, &ALL);
    let dataset = dataset.expect("enough data");
    let batch = dataset.batch(3, 24, 2).expect("a batch");
    assert_eq!((batch.len(), batch.patterns, batch.per_pattern), (14, 6, 2));
    assert_eq!(dataset.counts().nth(2), Some(("derain", 3, 1)));
    assert_eq!((dataset.photos(), dataset.epoch_length()), (2, 4));
    assert_eq!(batch.labels().iter().flatten().count(), 12);
    assert_eq!(batch.degraded.len(), 14 * 3 * 24 * 24);
    assert!(batch.degraded.iter().chain(&batch.clean).all(|v| (0.0..=1.0).contains(v)));
    let (_, other) = (dataset.batch(4, 24, 2), dataset.batch(3, 24, 2).expect("a batch"));
    assert_eq!(batch, other, "whatever was asked before");
    assert_ne!(batch.clean, dataset.batch(4, 24, 2).expect("a batch").clean);
}

#[test]
fn extra_pictures_stand_at_the_end_and_go_on_in_the_patterns_sequence() {
    let mix = Mix { mixed: 1, extra: [("derain".to_string(), 2)].into(), ..Mix::default() };
    let (_folder, dataset) = some(mix, &ALL);
    let batch = dataset.expect("enough data").batch(3, 24, 1).expect("a batch");
    assert_eq!((batch.len(), batch.labels().iter().flatten().count()), (9, 6));
    let (_folder, dataset) = some(Mix::default(), &ALL);
    let three = dataset.expect("enough data").batch(3, 24, 3).expect("a batch");
    for (at, same) in [(2, 6), (7, 7), (8, 8)] {
        assert_eq!(batch.rgb(&batch.degraded, at), three.rgb(&three.degraded, same));
    }
}

#[test]
fn crops_of_a_pattern_may_be_windows_of_one_picture() {
    let mix = Mix { same_picture: true, ..Mix::default() };
    let (_folder, dataset) = some(mix, &ALL);
    let dataset = dataset.expect("enough data");
    let batch = dataset.batch(3, 16, 4).expect("a batch");
    assert_eq!((batch.len(), batch.clean.len()), (24, 24 * 3 * 16 * 16));
    assert_eq!(batch, dataset.batch(3, 16, 4).expect("a batch"));
    let turn = Turn { pattern: 0, position: 3, size: 16 };
    let whole = dataset.sample(Turn { size: 32, ..turn }, &mut dataset.stream(turn)).expect("a picture");
    let windows: Vec<Photo> = (0..4)
        .map(|nth| dataset.window_of_one(turn, &mut Stream::new(nth, 0, 0)).expect("a window").degraded)
        .collect();
    assert_ne!(windows[0], windows[1]);
    for window in windows {
        let places = (0..=16).flat_map(|y| (0..=16).map(move |x| (x, y)));
        assert!(places.into_iter().any(|(x, y)| whole.degraded.crop(x, y, 16, 16) == window));
    }
}

#[test]
fn every_pattern_but_clean_is_degraded() {
    let (_folder, dataset) = some(Mix::synthetic_only(), &ALL);
    let dataset = dataset.expect("enough data");
    let mut distance = [0.0; 6];
    for step in 0..20 {
        let batch = dataset.batch(step, 24, 1).expect("a batch");
        let pictures = batch.degraded.chunks(3 * 24 * 24).zip(batch.clean.chunks(3 * 24 * 24));
        for ((degraded, clean), distance) in pictures.zip(&mut distance) {
            *distance += degraded.iter().zip(clean).map(|(a, b)| (a - b).abs()).sum::<f32>();
        }
    }
    assert!(distance[..5].iter().all(|d| *d > 20.0 * 0.01 * 1728.0), "{distance:?}");
    assert_eq!(distance[5], 0.0);
}

#[test]
fn pictures_without_reference_say_so() {
    let mix = Mix { unpaired: [("derain".to_string(), 1.0)].into(), ..Mix::default() };
    let (_folder, dataset) = some(mix, &["derain"]);
    let batch = dataset.expect("enough data").batch(0, 32, 3).expect("a batch");
    assert_eq!(batch.referenced, [false; 3]);
    assert_eq!(batch.clean, batch.degraded);
}

#[test]
fn pairs_may_be_seen_as_a_whole() {
    let mix = Mix {
        whole: [("derain".to_string(), 1.0)].into(),
        synthetic: [("derain".to_string(), 0.0)].into(),
        sources: [("s".to_string(), 0.0)].into(),
        recompression: crate::degrade::JpegRecipe { share: 0.0, ..Mix::default().recompression },
        ..Mix::default()
    };
    let (_folder, dataset) = some(mix, &["derain"]);
    let dataset = dataset.expect("enough data");
    let pairs = &dataset.pools[0].sources[0].pairs;
    // 50 x 40 pixels, 25 x 20 as a whole.
    for position in 0..8 {
        let turn = Turn { pattern: 0, position, size: 20 };
        let sample = dataset.sample(turn, &mut dataset.stream(turn)).expect("a picture");
        let clean = sample.clean.expect("a pair");
        let shown = pairs.iter().any(|pair| {
            let whole = |path: &PathBuf| Rgb8::open(path).expect("a PNG").photo().fitted(20);
            let (lq, gt) = (whole(&pair.lq), whole(&pair.gt));
            (0..=5).any(|x| lq.crop(x, 0, 20, 20) == sample.degraded && gt.crop(x, 0, 20, 20) == clean)
        });
        assert!(shown, "{position}");
    }
}

#[test]
fn pictures_may_be_without_colour() {
    let coloured = |pixel: &[f32; 3]| pixel[0] != pixel[1] || pixel[1] != pixel[2];
    for (share, expected) in [(1.0, false), (0.0, true)] {
        let grey = ["denoise", "clean"].map(|pattern| (pattern.to_string(), share));
        let (_folder, dataset) = some(Mix { grey: grey.into(), ..Mix::default() }, &ALL);
        let dataset = dataset.expect("enough data");
        for pattern in [0, 5] {
            let turn = Turn { pattern, position: 1, size: 24 };
            let sample = dataset.sample(turn, &mut dataset.stream(turn)).expect("a picture");
            let clean = sample.clean.expect("a reference");
            for photo in [&sample.degraded, &clean] {
                assert_eq!(photo.pixels.as_chunks::<3>().0.iter().any(coloured), expected, "{pattern}");
            }
        }
    }
}

#[test]
fn pairs_may_be_enlarged_alike_but_not_real_noise() {
    let shown = |task: &str, position: u64| {
        let mix = Mix {
            enlarged: [(task.to_string(), 1.0)].into(),
            enlarged_by: Range::new(2.0, 2.0),
            synthetic: [(task.to_string(), 0.0)].into(),
            sources: [("s".to_string(), 0.0)].into(),
            recompression: crate::degrade::JpegRecipe { share: 0.0, ..Mix::default().recompression },
            ..Mix::default()
        };
        let (_folder, dataset) = some_of(task, mix, &[task]);
        let dataset = dataset.expect("enough data");
        let turn = Turn { pattern: 0, position, size: 24 };
        let sample = dataset.sample(turn, &mut dataset.stream(turn)).expect("a picture");
        // Neighbours of an enlarged picture differ less than those of the picture itself.
        let rough = |photo: &Photo| {
            let rows = photo.pixels.chunks_exact(3 * photo.width);
            rows.flat_map(|row| row.iter().zip(&row[3..]).map(|(a, b)| (a - b).abs())).sum::<f32>()
        };
        (rough(&sample.degraded), rough(&sample.clean.expect("a pair")))
    };
    for position in 0..6 {
        let ((large, large_clean), (noisy, noisy_clean)) =
            (shown("derain", position), shown("denoise", position));
        assert!(large < 0.8 * noisy && large_clean < 0.8 * noisy_clean, "{large} {noisy}");
    }
}

#[test]
fn pictures_smaller_than_the_crop_are_mirrored() {
    let (_folder, dataset) = some(Mix::default(), &ALL);
    let batch = dataset.expect("enough data").batch(0, 96, 2).expect("larger than any picture");
    assert_eq!(batch.clean.len(), 12 * 3 * 96 * 96);
}

#[test]
fn a_source_of_weight_zero_is_left_out() {
    let mix = Mix {
        sources: [("r".to_string(), 0.0), ("u".to_string(), 0.0)].into(),
        synthetic: [("derain".to_string(), 0.0)].into(),
        ..Mix::default()
    };
    let (_folder, dataset) = some(mix, &["derain"]);
    assert_eq!(dataset.expect("enough data").pools[0].len(), 1);
}

#[test]
fn made_up_photos_need_no_files() {
    let generated = |seed| {
        let dataset =
            Dataset::generated(3, 40, &patterns(&ALL), Mix::synthetic_only(), Recipe::default(), seed);
        dataset.expect("nothing to miss").batch(0, 32, 1).expect("a batch")
    };
    assert_eq!(generated(1), generated(1));
    assert_ne!(generated(1), generated(2));
}

#[test]
fn batches_do_not_depend_on_the_number_of_threads() {
    let (_folder, dataset) = some(Mix::default(), &ALL);
    let dataset = std::sync::Arc::new(dataset.expect("enough data"));
    let run = |threads| {
        let dataset = dataset.clone();
        let batches = Loader::start(threads, 2, 5, move |step| dataset.batch(step, 16, 1));
        batches.take(6).collect::<Result<Vec<_>, _>>().expect("batches")
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_pattern_without_pictures_is_an_error() {
    let (_folder, dataset) = some(Mix::default(), &["deblur"]);
    let error = dataset.expect_err("nothing of it").to_string();
    assert!(error.contains("\"deblur\"") && error.contains("hint:"), "{error}");
}
