//! The whole network against the numbers of the authors' program.

use std::collections::BTreeMap;

use udair_engine::{Config, Engine, Isa, Map, Padding, Silent, Weights};

use crate::plain;
use crate::reference::{Golden, assert_close, file};

/// The network of the goldens with its random parameters. Its pictures need no padding to 8; the
/// reference pads outside of the network.
pub(crate) fn network() -> Option<Weights> {
    let golden = Golden::open("udair/small/weights")?;
    let config = Config { width: 6, enc: [1, 2, 1, 2], dec: [1, 2, 1], refine: 2, ..Config::base() };
    Some(Weights::new(config, Vec::new(), BTreeMap::new(), golden.tensors, None).unwrap())
}

/// Code numbers of image `n`.
pub(crate) fn codes(golden: &Golden, name: &str, n: usize) -> Vec<u32> {
    let tensor = &golden.tensors[name];
    let positions = tensor.shape[1..].iter().product();
    tensor.data[n * positions..][..positions].iter().map(|&code| code as u32).collect()
}

/// Runs `check(network, goldens, case prefix, image)` for every image of the reference data.
fn for_each_image(check: impl Fn(&Weights, &Golden, &str, usize)) {
    let (Some(weights), Some(golden)) = (network(), Golden::open("udair/small/io")) else { return };
    for case in ["A.", "B."] {
        for n in 0..golden.images(&format!("{case}input")) {
            check(&weights, &golden, case, n);
        }
    }
}

#[test]
fn plain_form_equals_every_stored_intermediate() {
    for_each_image(|weights, golden, case, n| {
        let trace = plain::forward(weights, &golden.map(&format!("{case}input"), n));
        let mut stored = 0;
        for (name, map) in &trace.maps {
            let name = format!("{case}{name}");
            if golden.tensors.contains_key(&name) {
                golden.assert_map(&name, n, map);
                stored += 1;
            }
        }
        assert_eq!(stored, if case == "A." { 27 } else { 4 }, "{case} intermediates compared");
        assert_eq!(trace.codes_t, codes(golden, &format!("{case}idx_t"), n));
        assert_eq!(trace.codes_b, codes(golden, &format!("{case}idx_b"), n));
    });
}

#[test]
fn engine_equals_conditions_and_output() {
    for isa in Isa::available() {
        for_each_image(|weights, golden, case, n| {
            let engine = Engine::with_isa(weights, isa).unwrap();
            compare(&engine, golden, case, n);
        });
    }
}

fn compare(engine: &Engine, golden: &Golden, case: &str, n: usize) {
    let Map { height, width, data, .. } = golden.map(&format!("{case}input"), n);
    let conditions = engine.conditions(&data, width, height, &Silent).unwrap();
    assert_eq!(conditions.codes_t, codes(golden, &format!("{case}idx_t"), n));
    assert_eq!(conditions.codes_b, codes(golden, &format!("{case}idx_b"), n));
    let d2 = engine.d2(&conditions, &Silent).unwrap();
    let maps = [("D4", &conditions.d4), ("D", &conditions.d3), ("D2", &d2)];
    for (name, map) in maps {
        let name = format!("{case}{name}");
        if golden.tensors.contains_key(&name) {
            golden.assert_map(&name, n, map);
        }
    }
    let out = engine.restore(data, width, height, conditions, &Silent).unwrap();
    let name = format!("{case}out");
    assert_close(&name, &out, &golden.map(&name, n).data, golden.tolerance(&name));
}

#[test]
fn reference_weights_are_imported_whole() {
    let (Some(expected), Some(path)) = (network(), file("golden/udair/small/weights.safetensors")) else {
        return;
    };
    let imported = udair_engine::import(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(imported.weights.config, Config { pad: Padding::Sixteen, ..expected.config });
    assert_eq!(imported.weights.tensors, expected.tensors);
    assert!(imported.dead.is_empty() && imported.unknown.is_empty());
}
