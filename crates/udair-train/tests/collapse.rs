//! The reference's codebooks collapse to a single code, and ours stay in use: the same tiny network on the
//! same made-up photos, with the codebook settings of each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use burn::tensor::Device;
use udair_train::batches;
use udair_train::config::Config;
use udair_train::run::RunFolder;
use udair_train::trainer::{Event, Observer, train};

/// Keeps the effective numbers of codes (coarse and fine level) that the first validation sees, and then
/// stops.
#[derive(Default)]
struct Watch(Option<[f32; 2]>);

impl Observer for Watch {
    fn event(&mut self, event: &Event) {
        if let Event::Validation(_, found) = event {
            self.0.get_or_insert(found.perplexity);
        }
    }

    fn stop(&self) -> bool {
        self.0.is_some()
    }
}

/// After the first `steps` steps of `configs/tiny.toml`.
fn perplexities(steps: u64, overrides: &[&str]) -> [f32; 2] {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/tiny.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let overrides = overrides.iter().map(ToString::to_string);
    let validation = [format!("val.every={steps}"), "val.anchors=3".into()];
    let config = Config::read(&text, &overrides.chain(validation).collect::<Vec<_>>()).unwrap();
    let (batches, pairs) = batches::open(&config).unwrap();
    let runs = tempfile::tempdir().unwrap();
    let mut run = RunFolder::create(runs.path(), &config).unwrap();
    let mut watch = Watch::default();
    train(&config, None, batches, &pairs, &Device::flex(), &mut run, &mut watch).unwrap();
    watch.0.expect("it validates before it stops")
}

#[test]
fn codebooks_of_the_reference_collapse() {
    let released = [
        "codebook.bypass=0",
        "codebook.seed_batches=0",
        "codebook.revive_every=0",
        "codebook.start_count=0.0",
        "loss.commit=0.0",
    ];
    let [coarse, fine] = perplexities(100, &released);
    assert!(coarse < 1.5 && fine < 1.5, "{coarse} and {fine} of 512 codes");
}

#[test]
fn ours_stay_in_use() {
    let [coarse, fine] = perplexities(500, &[]);
    assert!(coarse >= 64.0 && fine >= 64.0, "{coarse} and {fine} of 512 codes");
}
