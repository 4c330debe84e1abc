//! The whole network against the numbers of the authors' program.

use udair_engine::{Engine, Map, Silent, Weights};

use crate::plain;
use crate::reference::{Golden, assert_close, golden_network};

/// Runs `check(network, goldens, case prefix, image)` for every image of the reference data.
fn for_each_image(check: impl Fn(&Weights, &Golden, &str, usize)) {
    let (Some(weights), Some(golden)) = (golden_network(), Golden::open("udair/small/io")) else { return };
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
        assert_eq!(trace.codes_t, golden.codes(&format!("{case}idx_t"), n));
        assert_eq!(trace.codes_b, golden.codes(&format!("{case}idx_b"), n));
    });
}

#[test]
fn engine_equals_conditions_and_output() {
    for_each_image(|weights, golden, case, n| {
        let engine = Engine::new(weights).unwrap();
        let Map { height, width, data, .. } = golden.map(&format!("{case}input"), n);
        let conditions = engine.conditions(&data, width, height, &Silent).unwrap();
        assert_eq!(conditions.codes_t, golden.codes(&format!("{case}idx_t"), n));
        assert_eq!(conditions.codes_b, golden.codes(&format!("{case}idx_b"), n));
        let maps = [("D4", &conditions.d4), ("D", &conditions.d3), ("D2", &conditions.d2)];
        for (name, map) in maps {
            let name = format!("{case}{name}");
            if golden.tensors.contains_key(&name) {
                golden.assert_map(&name, n, map);
            }
        }
        let out = engine.restore(&data, width, height, &conditions, &Silent).unwrap();
        let name = format!("{case}out");
        assert_close(&name, &out, &golden.map(&name, n).data, golden.tolerance(&name));
    });
}
