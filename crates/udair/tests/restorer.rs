//! What a restorer makes of a network, well-behaved or not.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::sync::Mutex;

use udair::{
    Conditions, EngineError, Identification, Limits, Network, Options, Pattern, Picture, RestoreError,
    Restorer, Silent, Status, Watch,
};
use udair_engine::{Finding, Likeness, Map};

type Answer = fn(Vec<f32>) -> Result<Vec<f32>, EngineError>;

/// A network that finds one pattern and answers with what it is told.
#[derive(Clone)]
struct Fake {
    found: Option<(&'static str, f32)>,
    /// What it finds in pictures of at most `SMALL` values instead.
    found_in_small: Option<&'static str>,
    answer: Answer,
    budget: usize,
}

const SMALL: usize = 400_000;

/// Darkens to half.
const DARKEN: Fake = Fake {
    found: Some(("lowlight", 0.9)),
    found_in_small: None,
    answer: |rgb| Ok(rgb.iter().map(|v| v / 2.0).collect()),
    budget: usize::MAX,
};

impl Network for Fake {
    fn conditions(
        &self,
        rgb: &[f32],
        _: usize,
        _: usize,
        watch: &dyn Watch,
    ) -> Result<Conditions, EngineError> {
        assert!(rgb.iter().all(|v| (0.0..=1.0).contains(v)));
        watch.progress(1.0);
        let map = || Map { channels: 1, height: 1, width: 1, data: vec![rgb.len() as f32] };
        let (d4, d3) = (map(), map());
        Ok(Conditions { d4, d3, d2: None, codes_t: vec![], codes_b: vec![], feature: vec![], parts: vec![] })
    }

    fn identify(&self, conditions: &Conditions) -> Option<Identification> {
        let (pattern, probability) = self.found?;
        let small = conditions.d4.data[0] <= SMALL as f32;
        let pattern = self.found_in_small.filter(|_| small).unwrap_or(pattern);
        let finding =
            |pattern: &str, probability| Finding { pattern: pattern.into(), probability, distance: 0.0 };
        Some(Identification {
            findings: vec![finding("derain", 1.0 - probability), finding(pattern, probability)],
            verdict: Likeness::One,
        })
    }

    fn restore(
        &self,
        rgb: Vec<f32>,
        _: usize,
        _: usize,
        _: Conditions,
        watch: &dyn Watch,
    ) -> Result<Vec<f32>, EngineError> {
        watch.progress(0.5);
        if watch.cancelled() { Err(EngineError::Cancelled) } else { (self.answer)(rgb) }
    }

    fn memory(&self, width: usize, height: usize) -> Result<usize, EngineError> {
        let least = 1000 * width * height;
        let budget = self.budget;
        if least > budget { Err(EngineError::Budget { width, height, least, budget }) } else { Ok(least) }
    }

    fn with_memory(self: Box<Self>, budget: usize) -> Box<dyn Network> {
        Box::new(Self { budget, ..*self })
    }
}

fn restorer(fake: &Fake) -> Restorer {
    Restorer::with_network(Box::new(fake.clone()))
}

fn picture() -> Picture {
    Picture::from_rgb8(4, 2, (0..24).map(|i| i * 10).collect()).unwrap()
}

#[test]
fn the_result_is_the_networks_at_the_given_strength() {
    let restore = |strength| {
        let options = Options { strength, ..Options::default() };
        let (result, report) = restorer(&DARKEN).restore(&picture(), &options, &Silent).unwrap();
        (result.to_rgb8().unwrap(), report.status)
    };
    let before = picture().to_rgb8().unwrap();
    assert_eq!(restore(1.0), (before.iter().map(|v| v / 2).collect(), Status::Restored));
    assert_eq!(restore(0.0), (before, Status::Unchanged));
}

/// A flat picture that the network darkens by five levels.
#[test]
fn tones_are_kept_where_noise_or_rain_is_found() {
    let picture = Picture::from_rgb8(64, 48, vec![100; 64 * 48 * 3]).unwrap();
    let restore = |pattern, tones| {
        let answer: Answer = |rgb| {
            let dim = |(i, v): (usize, &f32)| v - (5.0 + (i / 3 % 2) as f32) / 255.0;
            Ok(rgb.iter().enumerate().map(dim).collect())
        };
        let fake = Fake { found: Some((pattern, 0.9)), answer, ..DARKEN };
        let options = Options { tones, ..Options::default() };
        let result = restorer(&fake).restore(&picture, &options, &Silent).unwrap().0.to_rgb8().unwrap();
        result.iter().map(|&v| f64::from(v)).sum::<f64>() / result.len() as f64
    };
    for kept in ["denoise", "derain"] {
        assert!((restore(kept, true) - 100.0).abs() < 1.0, "{kept}");
        assert_eq!(restore(kept, false), 94.5, "{kept}");
    }
    assert_eq!(restore("dehaze", true), 94.5);
}

/// A network that darkens pictures the more the larger they are.
#[test]
fn dark_and_hazy_pictures_get_the_tones_of_a_smaller_version() {
    let answer: Answer = |rgb| {
        let dim = if rgb.len() > SMALL { 0.6 } else { 0.9 };
        Ok(rgb.iter().map(|v| v * dim).collect())
    };
    let restore_found = |pattern, found_in_small, (width, height): (usize, usize), tones| {
        // Stripes of one pixel on a ramp from left to right.
        let value = |i: usize| 40 + i / 3 % width * 100 / width + 20 * (i / 3 % 2);
        let before: Vec<u8> = (0..width * height * 3).map(|i| value(i) as u8).collect();
        let picture = Picture::from_rgb8(width, height, before.clone()).unwrap();
        let fake = Fake { found: Some((pattern, 0.9)), found_in_small, answer, ..DARKEN };
        let options = Options { tones, ..Options::default() };
        let after = restorer(&fake).restore(&picture, &options, &Silent).unwrap().0.to_rgb8().unwrap();
        let share = |(&after, before): (&u8, u8)| f64::from(after) / f64::from(before);
        let shares: Vec<f64> = after.iter().zip(before).map(share).collect();
        let end = |pick: fn(f64, f64) -> f64| shares.iter().copied().reduce(pick).unwrap();
        (end(f64::min), end(f64::max))
    };
    let restore = |pattern, size, tones| restore_found(pattern, None, size, tones);
    let near = |(least, most): (f64, f64), share: f64| least > share - 0.03 && most < share + 0.03;
    for size in [(400, 400), (500, 350), (301, 600)] {
        for pattern in ["lowlight", "dehaze"] {
            let shares = restore(pattern, size, true);
            assert!(near(shares, 0.9), "{pattern}, {size:?}: {shares:?}");
            assert!(near(restore(pattern, size, false), 0.6), "{pattern}, {size:?}");
        }
        assert!(near(restore("underwater", size, true), 0.6), "{size:?}");
    }
    // No smaller version of it: its shorter side is that of the crops.
    assert!(near(restore("lowlight", (256, 600), true), 0.6));
    // A smaller version of it that looks otherwise does not tell how bright it should be.
    for (pattern, other) in [("lowlight", "clean"), ("lowlight", "underwater"), ("dehaze", "lowlight")] {
        assert!(near(restore_found(pattern, Some(other), (400, 400), true), 0.6), "{pattern}, {other}");
    }
}

/// Haze and water do not vanish in a smaller version.
#[test]
fn what_a_smaller_version_refutes_does_not_count() {
    let found = |pattern, found_in_small, (width, height): (usize, usize)| {
        let picture = Picture::from_rgb8(width, height, vec![100; width * height * 3]).unwrap();
        let restorer =
            restorer(&Fake { found: Some((pattern, 0.9)), found_in_small: Some(found_in_small), ..DARKEN });
        let options = Options { tones: false, ..Options::default() };
        let (result, report) = restorer.restore(&picture, &options, &Silent).unwrap();
        assert_eq!(restorer.identify(&picture, &Silent).unwrap(), report.findings);
        assert_eq!(result == picture, report.status == Status::Unchanged, "{pattern}");
        report.findings.pattern
    };
    let large = (400, 400);
    for pattern in ["dehaze", "underwater"] {
        assert_eq!(found(pattern, "clean", large), Pattern::Clean);
        assert_eq!(found(pattern, "denoise", large), Pattern::Denoise);
    }
    // What vanishes in a smaller version, or nearly, and what says nothing of haze.
    assert_eq!(found("lowlight", "clean", large), Pattern::Lowlight);
    assert_eq!(found("denoise", "clean", large), Pattern::Denoise);
    assert_eq!(found("dehaze", "derain", large), Pattern::Dehaze);
    // There is no smaller version.
    assert_eq!(found("dehaze", "clean", (256, 600)), Pattern::Dehaze);
}

/// The lines of the smaller version undo haze, so that a large picture costs no more than a small one.
#[test]
fn large_hazy_pictures_are_not_restored_twice() {
    let answer: Answer = |rgb| {
        assert!(rgb.len() <= SMALL, "the network was run on the picture itself");
        Ok(rgb)
    };
    let value = |i: usize| (i / 3 % 400 * 255 / 400) as u8;
    let picture = Picture::from_rgb8(400, 400, (0..400 * 400 * 3).map(value).collect()).unwrap();
    let fake = Fake { found: Some(("dehaze", 0.9)), answer, ..DARKEN };
    let (result, report) = restorer(&fake).restore(&picture, &Options::default(), &Silent).unwrap();
    assert_eq!((result, report.status), (picture, Status::Restored));
}

/// A network that takes away more on the left than on the right takes away the same everywhere.
#[test]
fn haze_is_undone_evenly() {
    // The smaller version is 256 pixels wide.
    let answer: Answer = |rgb| {
        let share = |i: usize| 0.6 + 0.4 * (i / 3 % 256) as f32 / 255.0;
        Ok(rgb.iter().enumerate().map(|(i, v)| v * share(i)).collect())
    };
    let value = |i: usize| (100 + 50 * (i / 60 % 2)) as u8;
    let before: Vec<u8> = (0..400 * 400 * 3).map(value).collect();
    let picture = Picture::from_rgb8(400, 400, before.clone()).unwrap();
    let fake = Fake { found: Some(("dehaze", 0.9)), answer, ..DARKEN };
    let after = restorer(&fake).restore(&picture, &Options::default(), &Silent).unwrap().0.to_rgb8().unwrap();
    for (at, (after, before)) in after.iter().zip(before).enumerate() {
        let share = f64::from(*after) / f64::from(before);
        assert!((share - 0.8).abs() < 0.02, "{share} at {at}");
    }
}

#[test]
fn findings_are_those_of_the_network() {
    let findings = restorer(&DARKEN).identify(&picture(), &Silent).unwrap();
    assert_eq!((findings.pattern, findings.confidence), (Pattern::Lowlight, 0.9));
    assert_eq!(findings.patterns[0].0, Pattern::Derain);
    let without = restorer(&Fake { found: None, ..DARKEN }).identify(&picture(), &Silent).unwrap();
    assert_eq!((without.pattern, without.confidence, without.patterns.len()), (Pattern::None, 0.0, 0));
}

#[test]
fn clean_pictures_are_left_alone_unless_asked_for() {
    let restore = |pattern, p: f32, always| {
        let fake = Fake { found: Some((pattern, p)), ..DARKEN };
        let options = Options { always, ..Options::default() };
        let (result, report) = restorer(&fake).restore(&picture(), &options, &Silent).unwrap();
        assert_eq!(result == picture(), report.status == Status::Unchanged);
        report.status
    };
    assert_eq!(restore("clean", 0.9, false), Status::Unchanged);
    // However unsure: whoever is not sure of a fault does not touch the picture.
    assert_eq!(restore("clean", 0.6, false), Status::Unchanged);
    assert_eq!(restore("clean", 0.9, true), Status::Restored);
    assert_eq!(restore("lowlight", 0.6, false), Status::Restored);
}

#[test]
fn broken_results_are_errors() {
    let answers: [Answer; 4] = [
        |rgb| Ok(vec![0.0; rgb.len()]),
        |rgb| Ok(vec![f32::NAN; rgb.len()]),
        |rgb| Ok(rgb[3..].to_vec()),
        |rgb| Ok(rgb.iter().map(|v| v / 0.0).collect()),
    ];
    for answer in answers {
        let result = restorer(&Fake { answer, ..DARKEN }).restore(&picture(), &Options::default(), &Silent);
        assert!(matches!(result, Err(RestoreError::Output(_))));
    }
    let failing = Fake { answer: |_| Err(EngineError::Memory { bytes: 1 }), ..DARKEN };
    let result = restorer(&failing).restore(&picture(), &Options::default(), &Silent);
    assert!(matches!(result, Err(RestoreError::Engine(_))));
}

#[test]
fn memory_is_checked_before_the_work() {
    let untouched = Fake { answer: |_| panic!("the work was started"), ..DARKEN };
    let result = restorer(&untouched).with_memory(2000).restore(&picture(), &Options::default(), &Silent);
    let Err(error @ RestoreError::Memory { largest, .. }) = result else { panic!("it fits") };
    assert_eq!(largest, Some((2, 1)));
    assert!(error.hint().unwrap().contains("2 x 1"));
}

#[test]
fn progress_rises_and_cancelling_stops() {
    struct Seen(Mutex<Vec<f32>>, bool);
    impl Watch for Seen {
        fn progress(&self, done: f32) {
            self.0.lock().unwrap().push(done);
        }
        fn cancelled(&self) -> bool {
            self.1
        }
    }
    let seen = Seen(Mutex::default(), false);
    restorer(&DARKEN).restore(&picture(), &Options::default(), &seen).unwrap();
    let seen = seen.0.into_inner().unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&1.0) && seen.len() == 3, "{seen:?}");
    let stop = Seen(Mutex::default(), true);
    let result = restorer(&DARKEN).restore(&picture(), &Options::default(), &stop);
    assert!(matches!(result, Err(RestoreError::Cancelled)));
}

#[test]
fn unusable_weights_name_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    let message = |error: Result<Restorer, RestoreError>| error.err().unwrap().to_string();
    assert!(message(Restorer::open(&path)).contains("weights"));
    std::fs::write(&path, b"not weights").unwrap();
    assert!(message(Restorer::open(&path)).starts_with(&path.display().to_string()));
    assert!(message(Restorer::from_bytes(b"not weights")).starts_with("unusable weights"));
    assert!(Picture::open(&path, &Limits::default()).is_err());
}
