//! When a picture is adapted, and that nothing changes when it is not.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use udair::{Adapt, Adaptation, Coral, Decision, Options, Pattern, Picture, Restorer, Silent, Weights};
use udair_engine::{Aim, Engine, Guard, MomentSum};

/// A restorer whose anchors all are those of a flat picture, and worth it from this distance on.
fn restorer(worth: Option<f32>) -> Restorer {
    let weights = Weights::from_bytes(udair_weights::SMALL).unwrap();
    let engine = Engine::new(&Weights { aims: None, ..weights.clone() }).unwrap();
    let conditions = engine.conditions(&vec![0.4; 3 * 64 * 64], 64, 64, &Silent).unwrap();
    let d2 = engine.d2(&conditions, &Silent).unwrap();
    let mut sum = MomentSum::default();
    sum.add(engine.isa(), [&conditions.d4, &conditions.d3, &d2]).unwrap();
    let anchor = sum.finish().unwrap();
    let aims = worth.map(|worth| vec![Aim { anchor, worth }; weights.patterns.len()]);
    Restorer::with_network(Box::new(Engine::new(&Weights { aims, ..weights }).unwrap()))
}

/// Blocks with noise.
fn picture(width: usize, height: usize) -> Picture {
    let value = |i: usize| {
        let block = (i / 3 % width / 16 + i / 3 / width / 16) % 2;
        let noise = ((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 61;
        (60 + 90 * block + noise as usize) as u8
    };
    Picture::from_rgb8(width, height, (0..3 * width * height).map(value).collect()).unwrap()
}

fn restore(worth: Option<f32>, options: Options, size: (usize, usize)) -> (Picture, Option<Adaptation>) {
    let options = Options { always: true, ..options };
    let (restored, report) = restorer(worth).restore(&picture(size.0, size.1), &options, &Silent).unwrap();
    (restored, report.adaptation)
}

#[test]
fn every_reason_not_to_adapt_is_heard_and_changes_nothing() {
    let auto = || Options { adapt: Adapt::Auto, sure: 0.0, far: false, ..Options::default() };
    let strict = Coral { guard: Some(Guard { change: 0.0 }), ..Coral::default() };
    let forced = Options { adapt: Adapt::Coral, sure: 2.0, far: true, coral: strict.clone(), ..auto() };
    let (size, far) = ((96, 64), Some(f32::MAX));
    let cases = [
        (Some(0.0), auto(), (96, 63), Decision::TooSmall),
        (None, auto(), size, Decision::NotPossible),
        (far, Options { anchor: Some(Pattern::Mixed), ..auto() }, size, Decision::NoAnchor),
        (Some(0.0), Options { sure: 2.0, ..auto() }, size, Decision::Unsure),
        (far, Options { far: true, ..auto() }, size, Decision::Near),
        (Some(0.0), Options { coral: strict, ..auto() }, size, Decision::ChangedTooMuch),
        (Some(0.0), Options { far: true, ..auto() }, size, Decision::Adapted),
        (far, forced, size, Decision::Adapted),
    ];
    for (worth, options, size, decision) in cases {
        let (restored, adaptation) = restore(worth, options, size);
        let adaptation = adaptation.unwrap();
        assert_eq!(adaptation.decision, decision);
        let (plain, none) = restore(worth, Options::default(), size);
        assert!(none.is_none(), "off is the default");
        assert_eq!(restored == plain, decision != Decision::Adapted, "{decision:?}");
        let steps = matches!(decision, Decision::Adapted | Decision::ChangedTooMuch);
        assert_eq!(adaptation.losses.len(), if steps { 6 } else { 0 }, "{decision:?}");
    }
}

#[test]
fn a_named_pattern_guides_the_adaptation_alone() {
    let auto =
        Options { adapt: Adapt::Auto, far: false, anchor: Some(Pattern::Derain), ..Options::default() };
    let (_, adaptation) = restore(Some(0.0), Options { sure: 2.0, ..auto.clone() }, (64, 64));
    let adaptation = adaptation.unwrap();
    assert_eq!((adaptation.anchor, adaptation.decision), (Pattern::Derain, Decision::Adapted));
    assert_eq!(adaptation.distances.len(), 6);
    let found = |options| {
        let options = Options { always: true, ..options };
        restorer(Some(0.0)).restore(&picture(64, 64), &options, &Silent).unwrap().1.findings
    };
    assert_eq!(found(auto), found(Options::default()));
}
