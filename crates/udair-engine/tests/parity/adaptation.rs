//! Test-time adaptation: as released against the numbers of the authors' program, and ours against
//! what it promises.

use udair_engine::{
    Adaptation, Adapters, Aim, Anchor, Conditions, Engine, Guard, Isa, Map, MapSum, MomentSum, Outcome,
    Silent, Verdict, Weights,
};

use crate::golden::{self, codes};
use crate::reference::{Golden, assert_close};
use crate::{random, twin};

/// The picture that the reference adapts to, and what it needs.
struct Case {
    golden: Golden,
    engine: Engine,
    adapters: Adapters,
    anchor: Anchor,
    rgb: Vec<f32>,
    conditions: Conditions,
}

const SIZE: (usize, usize) = (56, 72);

impl Case {
    fn open() -> Option<Self> {
        let (golden, weights) = (Golden::open("udair/tta/io")?, golden::network()?);
        let pattern = golden.tensors["reference_index"].data[0] as usize;
        let level = |level: usize| golden.map(&format!("anchor.distrib_{level}"), pattern);
        let engine = Engine::new(&weights).unwrap();
        let rgb = golden.map("input", 0).data;
        Some(Self {
            adapters: Adapters::from_weights(&weights).unwrap(),
            anchor: Anchor::Maps([level(4), level(3), level(2)]),
            conditions: engine.conditions(&rgb, SIZE.0, SIZE.1, &Silent).unwrap(),
            rgb,
            engine,
            golden,
        })
    }

    fn adapt(&self, steps: usize, outcome: Outcome) -> udair_engine::Adapted {
        let settings = Adaptation { steps, outcome, ..Adaptation::released() };
        let conditions = self.conditions.clone();
        self.engine.adapt(&self.adapters, conditions, &self.anchor, &settings, &Silent).unwrap()
    }

    fn assert_picture(&self, name: &str, conditions: Conditions) {
        let out = self.engine.restore(self.rgb.clone(), SIZE.0, SIZE.1, conditions, &Silent).unwrap();
        assert_close(name, &out, &self.golden.map(name, 0).data, self.golden.tolerance(name));
    }
}

#[test]
fn released_losses_equal_the_reference() {
    let Some(case) = Case::open() else { return };
    let golden = &case.golden;
    let adapted = case.adapt(5, Outcome::AfterLastUpdate);
    assert_eq!(adapted.verdict, Verdict::Adapted);
    let losses: Vec<f32> = adapted.losses.iter().flatten().map(|v| (v / 1e5) as f32).collect();
    let (before, after) = losses.split_at(15);
    let name = "coral.levels_4_3_2";
    assert_close(name, before, &golden.tensors[name].data, golden.tolerance(name));
    let name = "coral.after5";
    assert_close(name, after, &golden.tensors[name].data, golden.tolerance(name));
    let totals: Vec<f32> = adapted.losses[..5].iter().map(|l| l.iter().sum::<f64>() as f32).collect();
    assert_close(
        "coral.total",
        &totals,
        &golden.tensors["coral.total"].data,
        golden.tolerance("coral.total"),
    );
}

#[test]
fn released_adapters_equal_the_reference_after_every_step() {
    let Some(case) = Case::open() else { return };
    for steps in 1..=5 {
        let tensors = case.adapt(steps, Outcome::AfterLastUpdate).adapters.tensors();
        let stored = case.golden.under(&format!("after{steps}."));
        assert!(!stored.is_empty());
        for (short, expected) in stored {
            let name = format!("after{steps}.{short}");
            let values = &tensors[&short].data;
            assert_eq!(tensors[&short].shape, expected.shape, "{name}");
            assert_close(&name, values, &expected.data, case.golden.tolerance(&name));
        }
    }
}

#[test]
fn released_conditions_and_pictures_equal_the_reference() {
    let Some(case) = Case::open() else { return };
    let golden = &case.golden;
    assert_eq!(case.conditions.codes_t, codes(golden, "no_tta.idx_t", 0));
    assert_eq!(case.conditions.codes_b, codes(golden, "no_tta.idx_b", 0));
    case.assert_picture("no_tta.out", case.conditions.clone());

    let first = case.adapt(0, Outcome::AfterLastUpdate).conditions;
    golden.assert_map("forward1.D4", 0, &first.d4);
    case.assert_picture("forward1.out", first);

    case.assert_picture("returned.out", case.adapt(5, Outcome::BeforeLastUpdate).conditions);

    let last = case.adapt(5, Outcome::AfterLastUpdate).conditions;
    golden.assert_map("final.D4", 0, &last.d4);
    golden.assert_map("final.D3", 0, &last.d3);
    golden.assert_map("final.D2", 0, last.d2.as_ref().unwrap());
    case.assert_picture("final.out", last);
}

/// The shipped network with a picture.
struct Ours {
    engine: Engine,
    adapters: Adapters,
    picture: Map,
}

impl Ours {
    fn new(width: usize, height: usize) -> Self {
        let weights = twin::shipped_weights();
        let engine = Engine::new(&weights).unwrap();
        let adapters = Adapters::fresh(&weights.config);
        Self { engine, adapters, picture: random::picture(width, height, 6) }
    }

    fn conditions(&self, picture: &Map) -> Conditions {
        let mut conditions =
            self.engine.conditions(&picture.data, picture.width, picture.height, &Silent).unwrap();
        conditions.d2 = Some(self.engine.d2(&conditions, &Silent).unwrap());
        conditions
    }

    /// The moments of other pictures.
    fn anchor(&self) -> Anchor {
        let mut sum = MomentSum::default();
        for seed in 20..24 {
            let conditions = self.conditions(&random::picture(128, 128, seed));
            sum.add(Isa::detect(), maps(&conditions)).unwrap();
        }
        sum.finish().unwrap()
    }

    fn adapt(&self, settings: &Adaptation) -> udair_engine::Adapted {
        let conditions = self.conditions(&self.picture);
        self.engine.adapt(&self.adapters, conditions, &self.anchor(), settings, &Silent).unwrap()
    }
}

fn maps(conditions: &Conditions) -> [&Map; 3] {
    [&conditions.d4, &conditions.d3, conditions.d2.as_ref().unwrap()]
}

#[test]
fn fresh_residual_adapters_change_nothing_before_the_first_step() {
    let ours = Ours::new(200, 136);
    let adapted = ours.adapt(&Adaptation { steps: 0, guard: None, ..Adaptation::default() });
    assert_eq!(maps(&adapted.conditions), maps(&ours.conditions(&ours.picture)));
    assert_eq!(adapted.change, [0.0; 3]);
}

#[test]
fn steps_lower_the_loss_and_change_the_conditions() {
    let ours = Ours::new(200, 136);
    let settings = Adaptation::default();
    let adapted = ours.adapt(&settings);
    assert_eq!(adapted.verdict, Verdict::Adapted, "{:?} {:?}", adapted.losses, adapted.change);
    assert_eq!(adapted.losses.len(), 6);
    let most = settings.guard.unwrap().change;
    // Their sum is what every step lowers; one level may rise on the way.
    let sum = |losses: &[f64; 3]| losses.iter().sum::<f64>();
    assert!(adapted.losses.is_sorted_by(|a, b| sum(a) > sum(b)), "{:?}", adapted.losses);
    let (first, last) = (adapted.losses[0], adapted.losses[5]);
    assert!((0..3).all(|level| last[level] < first[level]), "{:?}", adapted.losses);
    assert!(adapted.change.iter().all(|&change| change > 1e-3 && change < most), "{:?}", adapted.change);
}

#[test]
fn the_guard_drops_what_it_should() {
    let ours = Ours::new(128, 128);
    let before = ours.conditions(&ours.picture);
    for (settings, expected) in [
        (
            Adaptation { guard: Some(Guard { change: 1e-6 }), ..Adaptation::default() },
            Verdict::ChangedTooMuch,
        ),
        // So large a step that the loss rises.
        (Adaptation { rate: 10.0, ..Adaptation::default() }, Verdict::LossDidNotFall),
        (Adaptation { steps: 0, ..Adaptation::default() }, Verdict::LossDidNotFall),
        (Adaptation { rate: 10.0, guard: None, ..Adaptation::default() }, Verdict::Adapted),
    ] {
        let adapted = ours.adapt(&settings);
        assert_eq!(adapted.verdict, expected, "{settings:?}");
        let same = maps(&adapted.conditions) == maps(&before);
        assert_eq!(same, expected != Verdict::Adapted, "{settings:?}");
    }
}

#[test]
fn threads_change_no_bit() {
    let ours = Ours::new(200, 136);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| ours.adapt(&Adaptation::default()))
    };
    let expected = run(1);
    for threads in [2, 5] {
        let adapted = run(threads);
        assert_eq!(adapted.losses, expected.losses);
        assert_eq!(maps(&adapted.conditions), maps(&expected.conditions));
    }
}

#[test]
fn a_repeated_picture_is_as_far_from_the_anchors() {
    // Large enough that its margins, which repeating removes, count for little.
    let ours = Ours::new(192, 256);
    let Map { width, height, .. } = ours.picture;
    let pixel = |i: usize| {
        let (y, x, c) = (i / 3 / (4 * width), i / 3 % (4 * width), i % 3);
        ours.picture.data[(y % height * width + x % width) * 3 + c]
    };
    let data = (0..16 * width * height * 3).map(pixel).collect();
    let repeated = Map { width: 4 * width, height: 4 * height, data, ..ours.picture };
    let (anchor, settings) = (ours.anchor(), Adaptation::default());
    let distance = |picture: &Map| -> f64 {
        let conditions = ours.conditions(picture);
        ours.engine.anchor_distances(maps(&conditions), &anchor, &settings).unwrap().iter().sum()
    };
    let (once, often) = (distance(&ours.picture), distance(&repeated));
    assert!((once - often).abs() < 0.05 * once, "{once} and {often}");
}

#[test]
fn tiny_pictures_are_adapted_without_harm() {
    for (width, height) in [(1, 1), (8, 70), (65, 9)] {
        let adapted = Ours::new(width, height).adapt(&Adaptation::default());
        let finite = maps(&adapted.conditions).iter().all(|map| map.data.iter().all(|v| v.is_finite()));
        assert!(finite, "{width} x {height}: {:?}", adapted.losses);
    }
}

#[test]
fn foreign_anchors_are_refused() {
    let ours = Ours::new(64, 64);
    let Anchor::Moments([d4, d3, _]) = ours.anchor() else { panic!() };
    let anchor = Anchor::Moments([d4, d3.clone(), d3]);
    let conditions = ours.conditions(&ours.picture);
    let settings = Adaptation::default();
    assert!(ours.engine.anchor_distances(maps(&conditions), &anchor, &settings).is_err());
    assert!(ours.engine.adapt(&ours.adapters, conditions, &anchor, &settings, &Silent).is_err());
}

#[test]
fn anchors_live_in_the_weights_file() {
    let (weights, anchor) = (twin::shipped_weights(), Ours::new(64, 64).anchor());
    let with = |anchors: Vec<Anchor>| {
        let aims = anchors.into_iter().map(|anchor| Aim { anchor, worth: 2.5 }).collect();
        let weights = Weights { aims: Some(aims), ..weights.clone() };
        Weights::from_bytes(&weights.to_bytes(true).unwrap())
    };
    let anchors = vec![anchor.clone(); weights.patterns.len()];
    let aims = with(anchors.clone()).unwrap().aims.unwrap();
    assert!(aims.iter().all(|aim| aim.worth == 2.5));
    assert_eq!(aims.into_iter().map(|aim| aim.anchor).collect::<Vec<_>>(), anchors);
    let Anchor::Moments([d4, d3, _]) = anchor.clone() else { panic!() };
    let foreign = Anchor::Moments([d4, d3.clone(), d3]);
    for wrong in [vec![anchor], vec![foreign; weights.patterns.len()]] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(error.contains("anchor"), "{error}");
    }
}

#[test]
fn anchors_survive_being_stored() {
    let ours = Ours::new(64, 64);
    let mut maps_of = MapSum::new([(4, 4), (8, 8), (16, 16)]);
    maps_of.add(maps(&ours.conditions(&ours.picture))).unwrap();
    for anchor in [ours.anchor(), maps_of.finish().unwrap()] {
        let anchors = vec![anchor.clone(), anchor];
        let tensors = Anchor::tensors(&anchors);
        assert_eq!(Anchor::from_tensors(&tensors, 2).unwrap(), anchors);
        assert!(Anchor::from_tensors(&tensors, 3).is_err());
        let names = ["rain", "haze"].map(String::from);
        let bytes = Anchor::to_bytes(&anchors, &names).unwrap();
        assert_eq!(Anchor::from_bytes(&bytes, &names).unwrap(), anchors);
        assert!(Anchor::from_bytes(&bytes, &["haze", "rain"].map(String::from)).is_err());
        assert!(Anchor::from_bytes(&bytes[..bytes.len() / 2], &names).is_err());
    }
    assert!(MomentSum::default().finish().is_none());
}

#[test]
fn averaged_maps_equal_the_reference() {
    let (Some(golden), Some(weights), Some(train)) =
        (Golden::open("udair/tta/io"), golden::network(), Golden::open("udair/train/io"))
    else {
        return;
    };
    // Two pictures of each pattern, and their mirror images.
    let engine = Engine::new(&weights).unwrap();
    for pattern in 0..5 {
        let mut sum = MapSum::new([(6, 6), (12, 12), (24, 24)]);
        for n in 2 * pattern..2 * pattern + 2 {
            let picture = train.map("input", n);
            let mirrored = picture.data.chunks_exact(48 * 3);
            let mirrored = mirrored.flat_map(|row| row.chunks_exact(3).rev().flatten()).copied().collect();
            for rgb in [picture.data.clone(), mirrored] {
                let mut conditions = engine.conditions(&rgb, 48, 48, &Silent).unwrap();
                conditions.d2 = Some(engine.d2(&conditions, &Silent).unwrap());
                sum.add(maps(&conditions)).unwrap();
            }
        }
        let Some(Anchor::Maps(levels)) = sum.finish() else { panic!() };
        for (map, level) in levels.iter().zip([4, 3, 2]) {
            golden.assert_map(&format!("anchor.distrib_{level}"), pattern, map);
        }
    }
}
