//! Whole runs of a tiny network on made-up pictures: they end in a file that the engine runs, they
//! learn, and an interrupted run goes on to the same bytes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use safetensors::SafeTensors;
use udair_engine::{Engine, Silent, Weights};
use udair_train::batches::{Batches, Overfit, Pair};
use udair_train::config::Config;
use udair_train::data::{Batch, DataError};
use udair_train::rng::Stream;
use udair_train::run::RunFolder;
use udair_train::trainer::{Event, Observer, Outcome, train};

/// Smooth random pictures, darkened or covered by fog.
struct Pictures(Vec<String>);

impl Pictures {
    fn new() -> Self {
        Self(["dark", "fog"].map(String::from).into())
    }
}

impl Batches for Pictures {
    fn patterns(&self) -> &[String] {
        &self.0
    }

    fn batch(&self, number: u64, size: usize, per_pattern: usize) -> Result<Batch, DataError> {
        let mut stream = Stream::new(1, number, 0);
        let mut batch = Batch {
            degraded: Vec::new(),
            clean: Vec::new(),
            referenced: vec![true; 2 * per_pattern],
            size,
            patterns: 2,
            per_pattern,
        };
        for picture in 0..2 * per_pattern {
            let dark = self.0[picture / per_pattern] == "dark";
            for _channel in 0..3 {
                let [fx, fy, phase] = [(); 3].map(|()| stream.uniform(0.1, 0.6));
                for at in 0..size * size {
                    let (x, y) = ((at % size) as f32, (at / size) as f32);
                    let clean = 0.5 + 0.4 * (fx * x + fy * y + 9.0 * phase).sin();
                    batch.clean.push(clean);
                    batch.degraded.push(if dark { 0.3 * clean } else { 0.7 + 0.3 * clean });
                }
            }
        }
        Ok(batch)
    }
}

/// Stops a run after so many log steps and remembers the losses.
struct Watch {
    stop_after: usize,
    losses: Vec<f64>,
    perplexities: Vec<[f64; 2]>,
    identified: Option<f32>,
}

impl Watch {
    fn new(stop_after: usize) -> Self {
        Self { stop_after, losses: Vec::new(), perplexities: Vec::new(), identified: None }
    }
}

impl Observer for Watch {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Step(row, _) => {
                self.losses.push(row[4]);
                self.perplexities.push([row[11], row[12]]);
            }
            Event::Validation(_, found) => self.identified = found.identified,
            Event::Saved(_) | Event::Resumed(..) | Event::CodebooksSeeded => {}
        }
    }

    fn stop(&self) -> bool {
        self.losses.len() >= self.stop_after
    }
}

fn config(overrides: &[&str]) -> Config {
    let text = r#"
        name = "tiny"
        steps = 12
        [data]
        patterns = ["dark", "fog"]
        size = 16
        [model]
        width = 4
        enc = [1, 1, 1, 1]
        dec = [1, 1, 1]
        heads = [1, 1, 2, 2]
        fusion_heads = 2
        trunk = 8
        res = 4
        code_dim = 4
        codes = 16
        head = 8
        [schedule]
        warmup = 4
        [codebook]
        bypass = 4
        seed_batches = 4
        revive_every = 3
        [val]
        every = 6
        anchors = 8
        anchor_sizes = [16]
        [log]
        every = 1
        save_every = 5
    "#;
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    Config::read(text, &overrides).unwrap()
}

fn pairs() -> Vec<Pair> {
    Pair::drawn(&Pictures::new(), 24, 2).unwrap()
}

fn run(config: &Config, folder: &mut RunFolder, watch: &mut Watch) -> Outcome {
    let batches = Arc::new(Pictures::new());
    train(config, None, batches, &pairs(), &Device::flex(), folder, watch).unwrap()
}

/// Every file of a run's newest checkpoint, by name.
fn last_checkpoint(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let folder = run.join("checkpoints");
    let name = std::fs::read_to_string(folder.join("last")).unwrap();
    let files = std::fs::read_dir(folder.join(name.trim())).unwrap();
    files
        .map(|file| {
            let path: PathBuf = file.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())
        })
        .collect()
}

/// The analysis, and what was learned from it, stay; the rest learns, also after an interruption.
#[test]
fn a_run_may_train_the_restorer_alone() {
    let runs = tempfile::tempdir().unwrap();
    let mut folder = RunFolder::create(runs.path(), &config(&[])).unwrap();
    let Outcome::Finished(path) = run(&config(&[]), &mut folder, &mut Watch::new(usize::MAX)) else {
        panic!("nothing stopped it");
    };
    let before = std::fs::read(path).unwrap();
    let weights = Weights::from_bytes(&before).unwrap();
    let alone = config(&["name=alone", "steps=6", "optim.analysis=false", "codebook.bypass=0"]);
    let mut folder = RunFolder::create(runs.path(), &alone).unwrap();
    let mut go_on = |watch: &mut Watch| {
        // In another order than the analysis knows them.
        let batches = Arc::new(Pictures(["fog", "dark"].map(String::from).into()));
        train(&alone, Some(weights.clone()), batches, &pairs(), &Device::flex(), &mut folder, watch).unwrap()
    };
    assert_eq!(go_on(&mut Watch::new(3)), Outcome::Stopped(3));
    let Outcome::Finished(path) = go_on(&mut Watch::new(usize::MAX)) else { panic!("nothing stopped it") };
    let after = std::fs::read(path).unwrap();
    assert_eq!(Weights::from_bytes(&after).unwrap().patterns, ["dark", "fog"]);
    let [before, after] = [&before, &after].map(|file| SafeTensors::deserialize(file).unwrap());
    assert_eq!(before.len(), after.len());
    let stays = ["dam", "logit_scale", "adapt", "identify", "anchors"];
    let (held, learned): (Vec<_>, Vec<_>) =
        before.names().into_iter().partition(|name| stays.iter().any(|start| name.starts_with(start)));
    assert!(held.iter().any(|name| name.starts_with("identify")));
    let same = |name: &&str| before.tensor(name).unwrap() == after.tensor(name).unwrap();
    for name in held {
        assert!(same(&name), "{name}");
    }
    let moved = learned.iter().filter(|name| !same(name)).count();
    assert!(2 * moved > learned.len(), "{moved} of {}", learned.len());
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bytes() {
    let runs = tempfile::tempdir().unwrap();
    let config = config(&[]);
    let mut whole = RunFolder::create(runs.path(), &config).unwrap();
    assert!(matches!(run(&config, &mut whole, &mut Watch::new(usize::MAX)), Outcome::Finished(_)));
    let mut parts = RunFolder::create(runs.path(), &config).unwrap();
    // Stopped in the bypass phase, at the seeding, and late.
    for (steps, expected) in [(3, 3), (1, 4), (5, 9)] {
        assert_eq!(run(&config, &mut parts, &mut Watch::new(steps)), Outcome::Stopped(expected));
        parts = RunFolder::open(parts.path()).unwrap();
    }
    assert!(matches!(run(&config, &mut parts, &mut Watch::new(usize::MAX)), Outcome::Finished(_)));
    assert_eq!(last_checkpoint(whole.path()), last_checkpoint(parts.path()));
    let weights = |run: &RunFolder| std::fs::read(run.path().join("weights.safetensors")).unwrap();
    assert_eq!(weights(&whole), weights(&parts));
}

#[test]
fn the_result_runs_in_the_engine_and_names_patterns() {
    let runs = tempfile::tempdir().unwrap();
    let config = config(&["steps=6", "val.anchors=40", "val.anchor_sizes=[24]"]);
    let mut folder = RunFolder::create(runs.path(), &config).unwrap();
    let mut watch = Watch::new(usize::MAX);
    let Outcome::Finished(path) = run(&config, &mut folder, &mut watch) else { panic!("not finished") };
    assert!(watch.identified.is_some());
    let weights = Weights::from_bytes(&std::fs::read(path).unwrap()).unwrap();
    let engine = Engine::new(&weights).unwrap();
    for pair in pairs() {
        let conditions = engine.conditions(&pair.degraded, pair.width, pair.height, &Silent).unwrap();
        assert_eq!(engine.identify(&conditions).unwrap().best().pattern, pair.pattern);
        let size = pair.degraded.len();
        let restored = engine.restore(pair.degraded, pair.width, pair.height, conditions, &Silent).unwrap();
        assert_eq!(restored.len(), size);
    }
    let rows = std::fs::read_to_string(folder.path().join("metrics.csv")).unwrap();
    assert_eq!(rows.lines().count(), 1 + 6);
}

#[test]
fn two_batches_are_learned_by_heart() {
    let runs = tempfile::tempdir().unwrap();
    let config = config(&["steps=120", "log.save_every=1000", "optim.lr=3e-3", "codebook.bypass=30"]);
    let mut folder = RunFolder::create(runs.path(), &config).unwrap();
    let mut watch = Watch::new(usize::MAX);
    let batches = Arc::new(Overfit { batches: Arc::new(Pictures::new()), count: 2 });
    train(&config, None, batches, &[], &Device::flex(), &mut folder, &mut watch).unwrap();
    let (first, last) = (watch.losses[0], watch.losses[watch.losses.len() - 1]);
    assert!(last < 0.5 * first, "L1 went from {first} to {last}");
    let [t, b] = watch.perplexities[watch.perplexities.len() - 1];
    assert!(t > 2.0 && b > 2.0, "perplexities {t} and {b} of 16 codes");
}

#[test]
fn every_variant_trains() {
    for variant in [
        ["model.blocks=resnet", "loss.cscl=0"],
        ["model.blocks=metaformer", "loss.similarity=cosine"],
        ["model.guidance=continuous", "model.blocks=transformer"],
        ["model.guidance=none", "model.blocks=resnet"],
    ] {
        let runs = tempfile::tempdir().unwrap();
        let overrides = [&variant[..], &["steps=60", "log.save_every=1000", "codebook.bypass=30"]].concat();
        let config = config(&overrides);
        let mut folder = RunFolder::create(runs.path(), &config).unwrap();
        let mut watch = Watch::new(usize::MAX);
        let Outcome::Finished(path) = run(&config, &mut folder, &mut watch) else { panic!("not finished") };
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let (first, last) = (mean(&watch.losses[..10]), mean(&watch.losses[50..]));
        assert!(last < 0.9 * first, "{variant:?}: L1 went from {first} to {last}");
        let weights = Weights::from_bytes(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(weights.config, config.model);
        assert_eq!(weights.identifier.is_some(), !variant.contains(&"model.guidance=none"));
    }
}
