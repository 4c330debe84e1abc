//! What fuzz targets check of the kernels; compiled for them alone.

use crate::kernels::{Epilogue, Gram, Isa, LANES, Outer, Output, Packed, Precision, matmul, outer};

/// Sizes and strides of a product and of an outer product.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Shape {
    pub pixels: usize,
    pub inner: usize,
    pub outputs: usize,
    pub segments: usize,
    pub gap: usize,
    pub out_gap: usize,
    pub bias: bool,
    pub accumulate: bool,
    pub relu: bool,
    pub rows: usize,
    pub columns: usize,
    pub gaps: (usize, usize),
    pub seed: u32,
}

/// Compares the kernels with plain loops on every instruction set and precision.
///
/// # Panics
/// Where they differ, or touch what lies beside their output.
pub fn check(shape: &Shape) {
    for isa in Isa::available() {
        product(shape, isa, Precision::f32());
        outer_product(shape, isa);
    }
    for precision in Precision::available() {
        // Pairs want even numbers.
        let even = Shape { inner: shape.inner.next_multiple_of(2), gap: shape.gap & !1, ..shape.clone() };
        product(&even, Isa::detect(), precision);
    }
}

fn product(shape: &Shape, isa: Isa, precision: Precision) {
    let &Shape { pixels, inner, outputs, segments, gap, out_gap, bias, accumulate, relu, seed, .. } = shape;
    let (stride, pixel) = (inner + gap, outputs + out_gap);
    let weights = noise(inner * segments * outputs, seed);
    let packed =
        Packed::with_precision(inner * segments, outputs, precision, |k, n| weights[k * outputs + n])
            .expect("there is memory");
    let inputs: Vec<_> =
        (0..segments).map(|s| noise((pixels - 1) * stride + inner, seed ^ (s as u32 + 1))).collect();
    let views: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
    let biases = noise(packed.padded(), seed ^ 77);
    let before = noise((pixels - 1) * pixel + outputs, seed ^ 99);
    let mut out = before.clone();
    let epilogue = Epilogue { bias: bias.then_some(biases.as_slice()), accumulate, relu };
    matmul(isa, &views, stride, pixels, &packed, &mut out, Output::interleaved(pixel), epilogue);
    let tolerance = if precision == Precision::f32() { 1e-5 } else { 1e-2 };
    for (i, &value) in out.iter().enumerate() {
        let (p, n) = (i / pixel, i % pixel);
        if n >= outputs {
            assert_eq!(value.to_bits(), before[i].to_bits(), "between pixels");
            continue;
        }
        let mut expected = 0.0;
        let mut size = 1.0;
        for k in 0..inner * segments {
            let term =
                f64::from(inputs[k / inner][p * stride + k % inner]) * f64::from(weights[k * outputs + n]);
            expected += term;
            size += term.abs();
        }
        expected += if bias { f64::from(biases[n]) } else { 0.0 };
        expected += if accumulate { f64::from(before[i]) } else { 0.0 };
        let expected = if relu { expected.max(0.0) } else { expected };
        assert!((f64::from(value) - expected).abs() <= tolerance * size, "{value} is not {expected}");
    }
}

fn outer_product(shape: &Shape, isa: Isa) {
    let &Shape { pixels, rows, columns, gaps, seed, .. } = shape;
    let strides = (rows + gaps.0, columns + gaps.1);
    let left = noise((pixels - 1) * strides.0 + rows, seed);
    let right = noise((pixels - 1) * strides.1 + columns.next_multiple_of(LANES), seed ^ 5);
    let row = Gram::row(columns);
    let mut sum = vec![1.0; rows * row];
    outer(isa, &left, &right, Outer { rows, columns, pixels, strides }, &mut sum);
    for (i, j) in (0..rows * columns).map(|n| (n / columns, n % columns)) {
        let term = |p: usize| f64::from(left[p * strides.0 + i]) * f64::from(right[p * strides.1 + j]);
        let expected = 1.0 + (0..pixels).map(term).sum::<f64>();
        let size = 1.0 + (0..pixels).map(|p| term(p).abs()).sum::<f64>();
        assert!((f64::from(sum[i * row + j]) - expected).abs() <= 1e-5 * size, "outer {i}, {j}");
    }
}

/// Uniform values in [-1, 1).
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| value()).collect()
}
