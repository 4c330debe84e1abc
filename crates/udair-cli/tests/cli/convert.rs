//! Checkpoints become weights files that the other verbs take.

use udair_engine::Weights;

use crate::sandbox::{Sandbox, weights};

/// The tiny weights under the names that a trainer would give them, with tensors nobody needs.
fn checkpoint() -> Vec<u8> {
    let weights = Weights::from_bytes(&weights("denoise")).unwrap();
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = weights
        .tensors
        .iter()
        .map(|(name, t)| {
            (format!("net.{name}"), t.shape.clone(), t.data.iter().flat_map(|v| v.to_le_bytes()).collect())
        })
        .collect();
    for name in ["net.dam.codebook.out_conv.weight", "net.surprise"] {
        tensors.push((name.into(), vec![1], vec![0; 4]));
    }
    // The safetensors layout: length of the header, header, data.
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape, bytes) in tensors {
        let offsets = [data.len(), data.len() + bytes.len()];
        header.insert(name, serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": offsets}));
        data.extend(bytes);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

#[test]
fn a_checkpoint_becomes_a_model() {
    let sandbox = Sandbox::new();
    sandbox.write("trained.safetensors", &checkpoint());
    let ended = sandbox.run(&["convert", "trained.safetensors"]).expect(0);
    for line in [
        "prefix taken off: net.",
        "not used by the network: dam.codebook.out_conv.weight",
        "not known, left out: surprise",
    ] {
        assert!(ended.stderr.lines().any(|l| l == line), "{line} in {}", ended.stderr);
    }
    let before = Weights::from_bytes(&sandbox.read("tiny")).unwrap();
    let after = Weights::from_bytes(&sandbox.read("trained.udair.safetensors")).unwrap();
    assert_eq!(after.tensors, before.tensors, "nothing is rounded");
    sandbox.run(&["convert", "trained.safetensors"]).expect(2);
    sandbox.run(&["convert", "trained.safetensors", "--half", "--overwrite"]).expect(0);
    assert!(sandbox.read("trained.udair.safetensors").len() < checkpoint().len());
    sandbox.picture("a.png", 8, 8);
    sandbox.run(&["restore", "a.png", "--model", "trained.udair.safetensors"]).expect(0);
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 8, 8);
    for name in ["a.png", "absent.pth"] {
        let ended = sandbox.run(&["convert", name, "-o", "out"]).expect(2);
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
    }
    assert!(!sandbox.path("out").exists());
}
