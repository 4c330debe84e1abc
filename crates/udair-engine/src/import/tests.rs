//! Checkpoints written by PyTorch (`tools/torch/checkpoints.py`), by this file, and by attackers.

use std::collections::BTreeMap;

use super::*;
use crate::Padding;

const LIGHTNING: &[u8] = include_bytes!("../../tests/fixtures/lightning.ckpt");
const PLAIN: &[u8] = include_bytes!("../../tests/fixtures/plain.pth");

/// The network in `lightning.ckpt`.
fn tiny() -> Config {
    Config {
        width: 2,
        enc: [1; 4],
        dec: [1; 3],
        refine: 0,
        heads: [1; 4],
        fusion_heads: 2,
        expansion: 1.0,
        trunk: 2,
        res: 1,
        res_blocks: 1,
        code_dim: 2,
        codes: 3,
        head: 2,
        dropout: 0.3,
        pad: Padding::Sixteen,
        ..Config::small()
    }
}

/// A network of this shape in which the n-th tensor counts up from n.
fn weights(config: &Config) -> Weights {
    let tensor = |(n, p): (usize, crate::Parameter)| {
        let data = (0..p.len()).map(|i| (n + i) as f32).collect();
        (p.name, Tensor { shape: p.shape, data })
    };
    let tensors = parameters(config).into_iter().enumerate().map(tensor).collect();
    Weights::new(config.clone(), Vec::new(), BTreeMap::new(), tensors, None).unwrap()
}

/// A zip file of stored entries.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let offset = file.len() as u32;
        let mut fields = vec![0; 10];
        fields.extend(crc32fast::hash(data).to_le_bytes());
        fields.extend([data.len() as u32, data.len() as u32].map(u32::to_le_bytes).concat());
        fields.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        file.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), data].concat());
        directory.extend([b"PK\x01\x02\0\0", &fields[..], &[0; 10], &offset.to_le_bytes()].concat());
        directory.extend(name.as_bytes());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let size = (directory.len() as u32).to_le_bytes();
    let start = (file.len() as u32).to_le_bytes();
    [&file, &directory, &b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size, &start, &[0, 0]].concat()
}

/// A state dict of f32 tensors, pickled as PyTorch does; `strides` from a shape.
fn pickle(weights: &Weights, prefix: &str, strides: impl Fn(&[usize]) -> Vec<usize>) -> Vec<u8> {
    let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let number = |n: usize| [b"J", &(n as u32).to_le_bytes()[..]].concat();
    let tuple = |items: Vec<Vec<u8>>| [b"(", &items.concat()[..], b"t"].concat();
    let numbers = |n: &[usize]| tuple(n.iter().map(|&n| number(n)).collect());
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (key, (name, tensor)) in weights.tensors.iter().enumerate() {
        let id = [
            text("storage"),
            b"ctorch\nFloatStorage\n".to_vec(),
            text(&key.to_string()),
            text("cpu"),
            number(tensor.data.len()),
        ];
        let storage = [tuple(id.to_vec()), b"Q".to_vec()].concat();
        let arguments = [
            storage,
            number(0),
            numbers(&tensor.shape),
            numbers(&strides(&tensor.shape)),
            b"\x89".to_vec(),
            b"ccollections\nOrderedDict\n)R".to_vec(),
        ];
        pickle.extend(text(&format!("{prefix}{name}")));
        pickle
            .extend([b"ctorch._utils\n_rebuild_tensor_v2\n", &tuple(arguments.to_vec())[..], b"R"].concat());
    }
    pickle.extend(b"u.");
    pickle
}

/// A checkpoint in PyTorch's format, made by this file.
fn checkpoint(weights: &Weights, prefix: &str) -> Vec<u8> {
    let contiguous = |shape: &[usize]| Stored::contiguous(Kind::F32, &[], shape.to_vec()).strides;
    let pickle = pickle(weights, prefix, contiguous);
    let storages: Vec<(String, Vec<u8>)> = weights
        .tensors
        .values()
        .enumerate()
        .map(|(key, t)| (format!("a/data/{key}"), t.data.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let mut entries: Vec<(&str, &[u8])> = vec![("a/data.pkl", &pickle)];
    entries.extend(storages.iter().map(|(name, data)| (name.as_str(), data.as_slice())));
    zip(&entries)
}

#[test]
fn lightning_checkpoint_of_pytorch_is_read() {
    let imported = import(LIGHTNING).unwrap();
    assert_eq!(imported.weights.config, tiny());
    assert_eq!(imported.prefixes, ["net."]);
    assert_eq!(imported.dead, ["dam.codebook.dec.blocks.0.weight"]);
    assert_eq!(imported.unknown, ["criterion.window"]);
    for name in ["epoch", "optimizer_states", "hyper_parameters", "callbacks", "loops"] {
        assert!(imported.other.iter().any(|other| other == name), "{name}");
    }
    // The n-th tensor of the file starts at the n-th multiple of 37; these two are its first.
    assert_eq!(imported.weights.tensor("logit_scale").data, [0.0]);
    let expected: Vec<f32> = (37..37 + 54).map(|v| v as f32 / 64.0).collect();
    assert_eq!(imported.weights.tensor("patch_embed.proj.weight").data, expected);
}

#[test]
fn every_kind_of_tensor_of_pytorch_is_read() {
    let Contents { tensors, other } = contents(PLAIN).unwrap();
    assert_eq!(other, ["note"]);
    let matrix: Vec<f32> = (0..12).map(|v| v as f32 / 4.0).collect();
    let transposed: Vec<f32> = (0..12).map(|i| matrix[i % 3 * 4 + i / 3]).collect();
    let cases: [(&str, &[usize], &[f32]); 9] = [
        ("f64", &[3, 4], &matrix),
        ("f32", &[3, 4], &matrix),
        ("f16", &[3, 4], &matrix),
        ("bf16", &[3, 4], &matrix),
        ("transposed", &[4, 3], &transposed),
        ("slice", &[2, 2], &[1.0, 1.5, 2.0, 2.5]),
        ("scalar", &[], &[2.5]),
        ("parameter", &[4], &matrix[..4]),
        ("empty", &[0, 4], &[]),
    ];
    for (name, shape, values) in cases {
        assert_eq!(tensors[name].shape, shape, "{name}");
        assert_eq!(tensors[name].read().unwrap(), values, "{name}");
    }
    assert!(tensors["i64"].read().is_err());
}

#[test]
fn all_forms_of_one_network_give_the_same_weights() {
    let weights = weights(&tiny());
    for (bytes, prefixes) in [
        (checkpoint(&weights, ""), vec![]),
        (checkpoint(&weights, "net."), vec!["net."]),
        (checkpoint(&weights, "module._orig_mod.net."), vec!["module.", "_orig_mod.", "net."]),
        (weights.to_bytes(false).unwrap(), vec![]),
    ] {
        let imported = import(&bytes).unwrap();
        assert_eq!(imported.prefixes, prefixes);
        assert_eq!(imported.weights.config, weights.config);
        assert_eq!(imported.weights.tensors, weights.tensors);
        assert!(imported.dead.is_empty() && imported.unknown.is_empty() && imported.other.is_empty());
    }
}

#[test]
fn imported_weights_are_a_weights_file() {
    let imported = import(LIGHTNING).unwrap().weights;
    let back = Weights::from_bytes(&imported.to_bytes(true).unwrap()).unwrap();
    assert_eq!(back.config, imported.config);
    assert_eq!(back.tensors, imported.tensors);
}

#[test]
fn incomplete_and_strange_networks_are_named() {
    let mut weights = weights(&tiny());
    weights.tensors.remove("output.weight");
    weights.tensors.get_mut("dam_level4.weight").unwrap().shape = vec![16, 72, 1, 1];
    let error = import(&checkpoint(&weights, "")).unwrap_err().to_string();
    assert!(error.contains("output.weight is missing"), "{error}");
    assert!(error.contains("dam_level4.weight has shape [16, 72, 1, 1]"), "{error}");
    let error = import(PLAIN).unwrap_err();
    assert!(matches!(&error, ImportError::NotUdair(what) if what.contains("missing")), "{error}");
}

#[test]
fn other_files_are_told_apart() {
    for bytes in [&b""[..], b"\x89PNG\r\n\x1a\n", b"hello", &[0xFF; 100]] {
        assert!(matches!(import(bytes), Err(ImportError::Kind)), "{bytes:?}");
    }
    assert!(matches!(import(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."), Err(ImportError::Old)));
    assert!(matches!(import(&zip(&[("word/document.xml", b"x")])), Err(ImportError::Kind)));
}

#[test]
fn a_pickle_cannot_run_anything() {
    for (pickle, named) in [
        (&b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R."[..], "os.system"),
        (b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.", "posix.system"),
        (b"\x80\x02c__builtin__\nexec\nX\x02\0\0\0ls\x85R.", "__builtin__.exec"),
        (b"\x80\x02ctorch._utils\n_rebuild_wrapper_subclass\n)R.", "torch._utils._rebuild_wrapper_subclass"),
    ] {
        match import(&zip(&[("a/data.pkl", pickle)])) {
            Err(ImportError::Forbidden(what)) => assert_eq!(what, named),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn views_cannot_claim_more_values_than_the_file_has_bytes() {
    let mut weights = weights(&Config { width: 64, ..tiny() });
    let pickle = pickle(&weights, "", |shape| vec![0; shape.len()]);
    weights.tensors.clear();
    let names: Vec<String> = (0..400).map(|key| format!("a/data/{key}")).collect();
    let mut entries: Vec<(&str, &[u8])> = vec![("a/data.pkl", &pickle)];
    entries.extend(names.iter().map(|name| (name.as_str(), &[0_u8; 4][..])));
    let error = import(&zip(&entries)).unwrap_err().to_string();
    assert!(error.contains("more values than it has bytes"), "{error}");
}

#[test]
fn truncated_anywhere_is_an_error() {
    for len in 0..LIGHTNING.len() {
        assert!(import(&LIGHTNING[..len]).is_err(), "{len} bytes");
    }
    let archive = archive::Archive::read(PLAIN).unwrap();
    let pickle = archive.entry("plain/data.pkl").unwrap();
    for len in 0..pickle.len() {
        assert!(import(&zip(&[("a/data.pkl", &pickle[..len])])).is_err(), "{len} bytes of the pickle");
    }
}

#[test]
fn changed_bytes_never_panic() {
    let archive = archive::Archive::read(PLAIN).unwrap();
    let pickle = archive.entry("plain/data.pkl").unwrap();
    for at in 0..pickle.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF, b'.', b'R', b'(', pickle[at].wrapping_add(1)] {
            let mut changed = pickle.to_vec();
            changed[at] = value;
            let _ = import(&zip(&[("a/data.pkl", &changed)]));
        }
    }
    for at in 0..PLAIN.len() {
        let mut changed = PLAIN.to_vec();
        changed[at] ^= 0xFF;
        let _ = import(&changed);
    }
    // Values lie behind checksums.
    let archive = archive::Archive::read(LIGHTNING).unwrap();
    let name = archive.names().find(|name| name.contains("/data/")).unwrap();
    let value = archive.entry(name).unwrap().as_ptr() as usize - LIGHTNING.as_ptr() as usize;
    let mut changed = LIGHTNING.to_vec();
    changed[value + 100] ^= 1;
    let error = import(&changed).unwrap_err().to_string();
    assert!(error.contains("checksum"), "{error}");
}
