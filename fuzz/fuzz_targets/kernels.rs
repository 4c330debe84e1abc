//! Matrix products and outer products with any sizes and strides, on every instruction set, against
//! plain loops.

#![no_main]

use libfuzzer_sys::fuzz_target;
use udair_engine::fuzzing::{Shape, check};

fuzz_target!(|shape: [u8; 12]| {
    let [pixels, inner, outputs, segments, gap, out_gap, flags, rows, columns, left_gap, right_gap, seed] =
        shape.map(usize::from);
    check(&Shape {
        pixels: pixels % 40 + 1,
        inner: inner % 48 + 1,
        outputs: outputs % 70 + 1,
        segments: segments % 4 + 1,
        gap: gap % 9,
        out_gap: out_gap % 9,
        bias: flags & 1 != 0,
        accumulate: flags & 2 != 0,
        relu: flags & 4 != 0,
        rows: rows % 40 + 1,
        columns: columns % 70 + 1,
        gaps: (left_gap % 9, right_gap % 9),
        seed: seed as u32,
    });
});
