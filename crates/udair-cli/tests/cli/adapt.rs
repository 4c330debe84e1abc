//! Adaptation: what its flags do, and where what it needs comes from.

use std::fmt::Write;

use serde_json::Value;

use udair_engine::{Blocks, Config};

use crate::sandbox::{Sandbox, weights_of};

/// A folder with `count` pictures of every pattern, listed in `train.tsv`.
fn training(count: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut manifest = "task\tsource\tlq\tgt\n".to_string();
    for task in ["denoise", "dehaze", "derain", "lowlight", "underwater", "clean"] {
        for i in 0..count {
            let name = format!("train/{task}-{i}.png");
            sandbox.picture(&name, 66 + i, 64);
            let _ = writeln!(manifest, "{task}\t{task}\t{name}\t{name}");
        }
    }
    sandbox.write("train.tsv", manifest.as_bytes());
    sandbox
}

#[test]
fn prototypes_are_measured_and_drawn() {
    let sandbox = training(2);
    let args = ["study", "prototypes", "--manifest", "train.tsv", "--side", "64", "--out", "figures"];
    let ended = sandbox.run(&args).expect(0);
    for what in ["information on the pattern", "another pattern", "noise 50", "named rightly"] {
        assert!(ended.text().contains(what), "{}", ended.text());
    }
    let names = ["codes-coarse", "codes-fine", "confusion", "t-sne"];
    let expected: Vec<String> = names.iter().flat_map(|n| [format!("{n}.png"), format!("{n}.svg")]).collect();
    assert_eq!(sandbox.files("figures"), expected);
}

#[test]
fn every_way_to_adapt_is_tried() {
    let sandbox = training(1);
    let args = ["study", "adaptation", "--manifest", "train.tsv", "--side", "64", "--methods", "auto"];
    let ended = sandbox.run(&args).expect(0);
    for what in ["pictures as they are", "shifted pictures", "auto, at any distance", "auto, by set"] {
        assert!(ended.text().contains(what), "{}", ended.text());
    }
    sandbox.write("maps", b"no anchors");
    let ended = sandbox.run(&[&args[..], &["--maps", "maps"]].concat()).expect(2);
    assert!(ended.stderr.contains("maps") && ended.stderr.contains("safetensors"), "{}", ended.stderr);
}

/// Weights that have learned anchors from pictures of every pattern.
fn learned() -> Sandbox {
    let sandbox = training(12);
    let args = ["study", "anchors", "--manifest", "train.tsv", "-o", "adaptable", "--trials", "1"];
    let args = [&args[..], &["--maps", "maps"]].concat();
    let ended = sandbox.run(&args).expect(0);
    assert!(ended.text().contains("named rightly"), "{}", ended.text());
    sandbox
}

#[test]
fn anchors_are_learned_and_adapted_to() {
    let sandbox = learned();
    let args = ["study", "adaptation", "--manifest", "train.tsv", "--side", "64", "--methods", "auto"];
    let args = [&args[..], &["--per-source", "1", "--maps", "maps", "--model", "adaptable"]].concat();
    let tried = sandbox.run(&args).expect(0);
    assert!(tried.text().contains("averaged maps as anchors"), "{}", tried.text());
    sandbox.picture("a.png", 80, 72);
    let restore = |rest: &[&str]| -> Value {
        let args = ["restore", "a.png", "--always", "--overwrite", "--json", "--model", "adaptable"];
        sandbox.run(&[&args[..], rest].concat()).expect(0).json()[0].clone()
    };
    let off = restore(&[]);
    assert_eq!((&off["adapted"], &off["adapt_losses"]), (&Value::Null, &Value::Null));
    let plain = sandbox.read("a.restored.png");
    let forced = restore(&["--adapt", "coral", "--pattern", "derain", "--adapt-steps", "3"]);
    assert_eq!((&forced["adapted"], &forced["adaptation"]), (&true.into(), &"adapted".into()));
    assert_eq!(forced["adapt_losses"].as_array().unwrap().len(), 4);
    assert_eq!(forced["anchor_distances"].as_array().unwrap().len(), 6);
    assert_eq!(forced["pattern"], off["pattern"], "naming a pattern changes nothing that is found");
    assert_ne!(sandbox.read("a.restored.png"), plain);

    sandbox.write("a.tsv", b"task\tsource\tlq\tgt\nderain\ts\ta.png\ta.png\n");
    let args = ["eval", "--manifest", "a.tsv", "--model", "adaptable", "--json", "-", "--always"];
    let eval = |rest: &[&str]| -> Value {
        serde_json::from_slice(&sandbox.run(&[&args[..], rest].concat()).expect(0).stdout).unwrap()
    };
    let told = eval(&["--adapt", "coral", "--oracle"]);
    assert_eq!((&told["oracle"], &told["images"][0]["adapted"]), (&true.into(), &true.into()));
    assert_eq!(told["images"][0]["anchor_distances"].as_object().unwrap().len(), 6);
    let off = eval(&[]);
    assert_eq!((&off["oracle"], &off["images"][0]["adapted"]), (&false.into(), &false.into()));
}

#[test]
fn what_cannot_be_adapted_says_why() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 80, 72);
    let ended = sandbox.run(&["restore", "a.png", "--adapt", "auto"]).expect(0);
    assert!(ended.stderr.contains("not adapted: the weights hold no anchors"), "{}", ended.stderr);
    for method in ["tent", "sar"] {
        let ended = sandbox.run(&["restore", "a.png", "--overwrite", "--adapt", method]).expect(2);
        assert!(ended.stderr.contains("hint: build with --features train"), "{}", ended.stderr);
    }
}

#[test]
fn the_weights_that_ship_can_be_adapted_and_auto_trusts_none_of_it() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 80, 72);
    let restore = |rest: &[&str]| -> Value {
        let args = ["restore", "a.png", "--always", "--overwrite", "--json", "--model", "small"];
        sandbox.run(&[&args[..], rest].concat()).expect(0).json()[0].clone()
    };
    let forced = restore(&["--adapt", "coral", "--pattern", "derain"]);
    assert_eq!((&forced["adapted"], &forced["adaptation"]), (&true.into(), &"adapted".into()));
    let auto = restore(&["--adapt", "auto", "--pattern", "derain"]);
    assert_eq!((&auto["adapted"], &auto["adaptation"]), (&false.into(), &"near".into()));
}

#[test]
fn variants_run_where_there_is_a_trainer_and_are_refused_elsewhere() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 80, 72);
    let variant = Config { blocks: Blocks::Resnet, ..Config::small() };
    sandbox.write("variant", &weights_of("derain", &variant));
    let args = ["restore", "a.png", "--model", "variant", "--always"];
    if cfg!(feature = "train") {
        sandbox.run(&args).expect(0);
        assert!(sandbox.files("").contains(&"a.restored.png".into()));
    } else {
        let ended = sandbox.run(&args).expect(2);
        assert!(ended.stderr.contains("hint: udair-cli built with --features train"), "{}", ended.stderr);
    }
}
