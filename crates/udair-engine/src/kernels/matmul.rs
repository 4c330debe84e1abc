//! Matrix products: pixels times packed weights, and the Gram matrix of channel attention.
//!
//! One register tile serves both: `ROWS` x `COLUMNS` vectors of accumulators, one multiply-add each
//! per step of the inner dimension, in ascending order.

use std::ops::{Deref, DerefMut};

use super::isa::{Isa, dispatch};
use super::precision::Kind;
use super::simd::Simd;
use super::{Buffer, LANES, Precision};
use crate::EngineError;

/// A weight matrix of `inner` x `outputs`, laid out as blocks of 16 outputs: `[block][inner][16]`.
/// The last block is filled up with zeros. In bf16 two inner values share a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed<D = Buffer> {
    inner: usize,
    outputs: usize,
    precision: Precision,
    data: D,
}

impl Packed {
    /// Values that a matrix takes in f32.
    pub(crate) fn len(inner: usize, outputs: usize) -> usize {
        outputs.next_multiple_of(LANES) * inner
    }

    /// Packs the matrix whose value for inner index `k` and output `n` is `value(k, n)`.
    pub(crate) fn new(
        inner: usize,
        outputs: usize,
        value: impl Fn(usize, usize) -> f32,
    ) -> Result<Self, EngineError> {
        let mut data = Buffer::zeros(Self::len(inner, outputs))?;
        for n in 0..outputs {
            for k in 0..inner {
                data[(n / LANES * inner + k) * LANES + n % LANES] = value(k, n);
            }
        }
        Ok(Self { inner, outputs, precision: Precision::f32(), data })
    }

    /// As [`new`](Self::new), in the given precision.
    ///
    /// For bf16 an inner segment of the products, and the distance between pixels, must be even.
    pub(crate) fn with_precision(
        inner: usize,
        outputs: usize,
        precision: Precision,
        value: impl Fn(usize, usize) -> f32,
    ) -> Result<Self, EngineError> {
        match precision.0 {
            Kind::F32 => Self::new(inner, outputs, value),
            #[cfg(target_arch = "x86_64")]
            Kind::Bf16 => {
                let pair = |k: usize, n: usize| super::bf16::pair(value(2 * k, n), value(2 * k + 1, n));
                let halved = Self::new(inner / 2, outputs, pair)?;
                Ok(Self { inner, precision, ..halved })
            }
        }
    }
}

impl<D: DerefMut<Target = [f32]>> Packed<D> {
    /// An f32 matrix over [`Packed::len`] values, which `fill` lays out.
    pub(crate) fn over(inner: usize, outputs: usize, mut data: D, fill: impl FnOnce(&mut [f32])) -> Self {
        assert_eq!(data.len(), Packed::len(inner, outputs));
        fill(&mut data);
        Self { inner, outputs, precision: Precision::f32(), data }
    }

    /// Rounds an f32 matrix to another precision in place.
    pub(crate) fn rounded(mut self, precision: Precision) -> Self {
        match precision.0 {
            Kind::F32 => {}
            #[cfg(target_arch = "x86_64")]
            Kind::Bf16 => {
                // Pairs lie before what they are made from.
                for (pair, at) in (0..self.data.len() / (2 * LANES)).map(|pair| (pair, pair * LANES)) {
                    for i in 0..LANES {
                        let [low, high] = [0, LANES].map(|next| self.data[2 * pair * LANES + next + i]);
                        self.data[at + i] = super::bf16::pair(low, high);
                    }
                }
            }
        }
        Self { precision, ..self }
    }

    /// Room for `inner` x `outputs` values in `precision` over [`Packed::len`] values, to be
    /// [mixed](Self::mix).
    pub(crate) fn empty(inner: usize, outputs: usize, precision: Precision, data: D) -> Self {
        assert_eq!(data.len(), Packed::len(inner, outputs));
        Self { inner, outputs, precision, data }
    }

    /// Overwrites one of the two halves of the inner dimension with `a + t (b - a)`, two f32 matrices
    /// of that many inner values.
    pub(crate) fn mix(&mut self, half: usize, a: &Self, b: &Self, t: f32) {
        let inner = self.inner / 2;
        assert!(half < 2 && [a, b].iter().all(|m| (m.inner, m.outputs) == (inner, self.outputs)));
        let granule = self.precision.granule();
        let (panel, place) = (inner * LANES, inner / granule * LANES);
        for (block, (a, b)) in a.data.chunks_exact(panel).zip(b.data.chunks_exact(panel)).enumerate() {
            let to = &mut self.data[(2 * block + half) * place..][..place];
            let mixed = |a: &f32, b: &f32| a + t * (b - a);
            match self.precision.0 {
                Kind::F32 => {
                    to.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = mixed(a, b));
                }
                #[cfg(target_arch = "x86_64")]
                Kind::Bf16 => {
                    let pairs = a.chunks_exact(2 * LANES).zip(b.chunks_exact(2 * LANES));
                    for (to, (a, b)) in to.chunks_exact_mut(LANES).zip(pairs) {
                        for (i, to) in to.iter_mut().enumerate() {
                            let (low, high) = (mixed(&a[i], &b[i]), mixed(&a[i + LANES], &b[i + LANES]));
                            *to = super::bf16::pair(low, high);
                        }
                    }
                }
            }
        }
    }
}

impl<D: Deref<Target = [f32]>> Packed<D> {
    /// The same matrix, borrowed.
    fn view(&self) -> Packed<&[f32]> {
        Packed { inner: self.inner, outputs: self.outputs, precision: self.precision, data: &self.data }
    }

    /// Number of outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Outputs with the last block filled up.
    pub(crate) fn padded(&self) -> usize {
        self.outputs.next_multiple_of(LANES)
    }
}

/// Where a product goes: output `n` of pixel `p` lies at `p * pixel + n / 16 * block + n % 16`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Distance between pixels.
    pub(crate) pixel: usize,
    /// Distance between blocks of 16 outputs.
    pub(crate) block: usize,
    /// Write the zeros that fill up the last block too; else they are left alone.
    pub(crate) whole_blocks: bool,
}

impl Output {
    /// Pixels of interleaved channels, `pixel` values apart.
    pub(crate) fn interleaved(pixel: usize) -> Self {
        Self { pixel, block: LANES, whole_blocks: false }
    }
}

/// What happens to a product before it is stored.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Epilogue<'a> {
    /// Added to every pixel: one value an output, filled up to whole blocks.
    pub(crate) bias: Option<&'a [f32]>,
    /// Add to what the output holds instead of replacing it.
    pub(crate) accumulate: bool,
    /// Replace negative results by zero.
    pub(crate) relu: bool,
}

/// `output[p][n] = sum over k of input[p][k] * weights[k][n]` for `pixels` pixels.
///
/// The inner dimension is cut into equal segments, one a slice of `segments`: pixel p's part of a
/// segment starts at `p * stride`. One segment is a 1x1 convolution; three segments of padded rows
/// are a 3x3 convolution.
pub(crate) fn matmul(
    isa: Isa,
    segments: &[&[f32]],
    stride: usize,
    pixels: usize,
    weights: &Packed<impl Deref<Target = [f32]>>,
    out: &mut [f32],
    output: Output,
    epilogue: Epilogue<'_>,
) {
    if pixels == 0 {
        return;
    }
    let weights = weights.view();
    let inner = weights.inner / segments.len();
    assert_eq!(inner * segments.len(), weights.inner, "segments do not divide the inner dimension");
    let reach = (pixels - 1) * stride + inner;
    assert!(segments.iter().all(|s| s.len() >= reach), "an input segment is too short");
    let last = if output.whole_blocks { LANES } else { (weights.outputs - 1) % LANES + 1 };
    let blocks = weights.outputs.div_ceil(LANES);
    assert!(
        out.len() >= (pixels - 1) * output.pixel + (blocks - 1) * output.block + last,
        "the output is too short"
    );
    assert!(epilogue.bias.is_none_or(|b| b.len() >= blocks * LANES), "the bias is too short");
    let product =
        Product { segments, stride, inner, pixels, weights, out: out.as_mut_ptr(), output, last, epilogue };
    match weights.precision.0 {
        Kind::F32 => dispatch!(isa, product_with(product: Product<'_>)),
        #[cfg(target_arch = "x86_64")]
        Kind::Bf16 => {
            let even = inner.is_multiple_of(2) && stride.is_multiple_of(2);
            assert!(even && segments.len() <= 4, "pairs would be torn");
            // SAFETY: a precision exists only where its instructions do; the slices were checked above.
            unsafe { super::bf16::product(product) }
        }
    }
}

/// Repeats a body for every index below a constant of at most eight, each index a constant: an
/// array of accumulators indexed by variables is kept in memory instead of registers.
macro_rules! unroll {
    ($i:ident < $end:ident $body:block) => {
        unroll!(@ $i $end $body 0 1 2 3 4 5 6 7)
    };
    (@ $i:ident $end:ident $body:block $($n:literal)*) => {
        $(if $end > $n {
            #[allow(non_upper_case_globals)]
            const $i: usize = $n;
            $body
        })*
    };
}
/// A product whose slices have been checked.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) segments: &'a [&'a [f32]],
    pub(super) stride: usize,
    pub(super) inner: usize,
    pub(super) pixels: usize,
    weights: Packed<&'a [f32]>,
    out: *mut f32,
    output: Output,
    last: usize,
    epilogue: Epilogue<'a>,
}

#[inline(always)]
pub(super) unsafe fn product_with<S: Simd>(product: Product<'_>) {
    let blocks = product.weights.outputs.div_ceil(LANES);
    let mut block = 0;
    while block < blocks {
        // SAFETY: `matmul` has checked every slice for all pixels and blocks.
        unsafe {
            match columns(blocks - block, S::COLUMNS) {
                3 => pixels::<S, 3>(product, block),
                2 => pixels::<S, 2>(product, block),
                _ => pixels::<S, 1>(product, block),
            }
        }
        block += columns(blocks - block, S::COLUMNS);
    }
}

/// Blocks to take next out of `left`: even shares rather than a lonely last one.
fn columns(left: usize, most: usize) -> usize {
    left.div_ceil(left.div_ceil(most))
}

#[inline(always)]
unsafe fn pixels<S: Simd, const C: usize>(product: Product<'_>, block: usize) {
    let mut pixel = 0;
    // SAFETY: the tiles cover pixels 0..pixels, which `matmul` has checked.
    unsafe {
        while pixel + S::ROWS <= product.pixels {
            match S::ROWS {
                8 => tile_at::<S, 8, C>(product, pixel, block),
                6 => tile_at::<S, 6, C>(product, pixel, block),
                _ => tile_at::<S, 2, C>(product, pixel, block),
            }
            pixel += S::ROWS;
        }
        if product.pixels - pixel >= 4 {
            tile_at::<S, 4, C>(product, pixel, block);
            pixel += 4;
        }
        if product.pixels - pixel >= 2 {
            tile_at::<S, 2, C>(product, pixel, block);
            pixel += 2;
        }
        if product.pixels > pixel {
            tile_at::<S, 1, C>(product, pixel, block);
        }
    }
}

#[inline(always)]
unsafe fn tile_at<S: Simd, const R: usize, const C: usize>(product: Product<'_>, pixel: usize, block: usize) {
    let Product { stride, inner, weights, output, epilogue, .. } = product;
    let panel = inner * product.segments.len() * LANES;
    // SAFETY: `matmul` has checked that R pixels from `pixel` and C blocks from `block` lie inside
    // every segment, the weights, the bias and the output.
    unsafe {
        let mut sums = [[S::splat(0.0); C]; R];
        let mut right = weights.data.as_ptr().add(block * panel);
        for segment in product.segments {
            let left = segment.as_ptr().add(pixel * stride);
            tile::<S, R, C>(&mut sums, left, (stride, 1), right, (LANES, panel), inner);
            right = right.add(inner * LANES);
        }
        let blocks = weights.outputs.div_ceil(LANES);
        unroll!(c < C {
            let width = if block + c + 1 == blocks { product.last } else { LANES };
            let bias = epilogue.bias.map(|b| S::load(b.as_ptr().add((block + c) * LANES)));
            unroll!(r < R {
                let to = product.out.add((pixel + r) * output.pixel + (block + c) * output.block);
                let mut sum = sums[r][c];
                if let Some(bias) = bias {
                    sum = S::add(sum, bias);
                }
                if epilogue.accumulate {
                    sum = S::add(sum, if width == LANES { S::load(to) } else { S::load_part(to, width) });
                }
                if epilogue.relu {
                    sum = S::max(sum, S::splat(0.0));
                }
                if width == LANES { S::store(to, sum) } else { S::store_part(to, sum, width) }
            });
        });
    }
}

/// `sums[r][c] += left[r][k] * right[k][c]` for `inner` steps k; strides are (row, k) and (k, block).
#[inline(always)]
pub(super) unsafe fn tile<S: Simd, const R: usize, const C: usize>(
    sums: &mut [[S::V; C]; R],
    left: *const f32,
    left_stride: (usize, usize),
    right: *const f32,
    right_stride: (usize, usize),
    inner: usize,
) {
    let mut local = *sums;
    for k in 0..inner {
        // SAFETY: the caller has `inner` steps of R rows and C vectors behind both pointers.
        unsafe {
            let right = right.add(k * right_stride.0);
            let mut vectors = [S::splat(0.0); C];
            unroll!(c < C { vectors[c] = S::load(right.add(c * right_stride.1)); });
            let left = left.add(k * left_stride.1);
            unroll!(r < R {
                let value = S::splat(*left.add(r * left_stride.0));
                unroll!(c < C { local[r][c] = S::fma(value, vectors[c], local[r][c]); });
            });
        }
    }
    *sums = local;
}

/// The shape of a Gram product: `q` and `k` are interleaved pixels, `stride` values apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gram {
    /// Channels of one head.
    pub(crate) channels: usize,
    /// Pixels to sum over.
    pub(crate) pixels: usize,
    /// Distance between pixels.
    pub(crate) stride: usize,
}

impl Gram {
    /// Values of a row of the sum, filled up to whole blocks.
    pub(crate) fn row(channels: usize) -> usize {
        channels.next_multiple_of(LANES)
    }
}

/// `sum[i][j] += sum over p of q[p][i] * k[p][j]`; `sum` has rows of [`Gram::row`] values, whose
/// tail is not meaningful.
///
/// `k` must reach [`Gram::row`] values from its last pixel on.
pub(crate) fn gram(isa: Isa, q: &[f32], k: &[f32], shape: Gram, sum: &mut [f32]) {
    let Gram { channels, pixels, stride } = shape;
    outer(isa, q, k, Outer { rows: channels, columns: channels, pixels, strides: (stride, stride) }, sum);
}

/// The shape of a sum of outer products of interleaved pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outer {
    /// Channels taken of the left pixels.
    pub(crate) rows: usize,
    /// Channels taken of the right pixels.
    pub(crate) columns: usize,
    /// Pixels to sum over.
    pub(crate) pixels: usize,
    /// Distances between pixels, left and right.
    pub(crate) strides: (usize, usize),
}

/// `sum[i][j] += sum over p of left[p][i] * right[p][j]`, with rows as [`gram`] has them.
///
/// `right` must reach [`Gram::row`] values from its last pixel on.
pub(crate) fn outer(isa: Isa, left: &[f32], right: &[f32], shape: Outer, sum: &mut [f32]) {
    if shape.pixels == 0 {
        return;
    }
    let (row, before_last) = (Gram::row(shape.columns), shape.pixels - 1);
    assert!(left.len() >= before_last * shape.strides.0 + shape.rows, "the left input is too short");
    assert!(right.len() >= before_last * shape.strides.1 + row, "the right input is too short");
    assert!(sum.len() >= shape.rows * row, "the sum is too short");
    let (left, right, sum) = (left.as_ptr(), right.as_ptr(), sum.as_mut_ptr());
    dispatch!(isa, outer_with(left: *const f32, right: *const f32, shape: Outer, sum: *mut f32));
}

#[inline(always)]
unsafe fn outer_with<S: Simd>(left: *const f32, right: *const f32, shape: Outer, sum: *mut f32) {
    let blocks = shape.columns.div_ceil(LANES);
    let mut block = 0;
    while block < blocks {
        let take = columns(blocks - block, S::COLUMNS);
        let mut i = 0;
        while i < shape.rows {
            // SAFETY: `outer` has checked both inputs and the sum for all rows and blocks.
            unsafe {
                let (left, right) = (left.add(i), right.add(block * LANES));
                let to = sum.add(i * Gram::row(shape.columns) + block * LANES);
                let rows = (shape.rows - i).min(4);
                match (rows, take) {
                    (4, 3) => outer_tile::<S, 4, 3>(left, right, shape, to),
                    (4, 2) => outer_tile::<S, 4, 2>(left, right, shape, to),
                    (4, _) => outer_tile::<S, 4, 1>(left, right, shape, to),
                    (_, 3) => (0..rows)
                        .for_each(|r| outer_tile::<S, 1, 3>(left.add(r), right, shape, row(to, r, shape))),
                    (_, 2) => (0..rows)
                        .for_each(|r| outer_tile::<S, 1, 2>(left.add(r), right, shape, row(to, r, shape))),
                    (_, _) => (0..rows)
                        .for_each(|r| outer_tile::<S, 1, 1>(left.add(r), right, shape, row(to, r, shape))),
                }
                i += rows;
            }
        }
        block += take;
    }
}

#[inline(always)]
unsafe fn row(sum: *mut f32, r: usize, shape: Outer) -> *mut f32 {
    // SAFETY: the caller stays within the checked rows.
    unsafe { sum.add(r * Gram::row(shape.columns)) }
}

#[inline(always)]
unsafe fn outer_tile<S: Simd, const R: usize, const C: usize>(
    left: *const f32,
    right: *const f32,
    shape: Outer,
    to: *mut f32,
) {
    // SAFETY: `outer` has checked R rows and C blocks for every pixel.
    unsafe {
        let mut sums = [[S::splat(0.0); C]; R];
        let ((left_stride, right_stride), pixels) = (shape.strides, shape.pixels);
        tile::<S, R, C>(&mut sums, left, (1, left_stride), right, (right_stride, LANES), pixels);
        for (r, sums) in sums.iter().enumerate() {
            for (c, &value) in sums.iter().enumerate() {
                let to = row(to, r, shape).add(c * LANES);
                S::store(to, S::add(S::load(to), value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::{few, noise, same};

    #[test]
    fn products_equal_the_naive_sum() {
        let cases = [
            (1, 1, 1, 1),
            (7, 3, 3, 1),
            (13, 16, 16, 1),
            (66, 24, 72, 1),
            (9, 27, 24, 3),
            (33, 96, 130, 3),
            (5, 8, 17, 4),
        ];
        for isa in Isa::available() {
            for &(pixels, inner, outputs, segments) in few(&cases) {
                let (step, stride) = (inner / segments, inner / segments + 2);
                let w = noise(inner * outputs, 1);
                let packed = Packed::new(inner, outputs, |k, n| w[k * outputs + n]).unwrap();
                let inputs: Vec<_> = (0..segments).map(|s| noise(pixels * stride, s as u32 + 2)).collect();
                let views: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
                let inner = step * segments;
                let packed = if packed.inner == inner {
                    packed
                } else {
                    Packed::new(inner, outputs, |k, n| w[k * outputs + n]).unwrap()
                };
                let bias = noise(packed.padded(), 9);
                let before = noise(pixels * (outputs + 1), 10);
                for relu in [false, true] {
                    let mut out = before.clone();
                    let epilogue = Epilogue { bias: Some(&bias), accumulate: true, relu };
                    matmul(
                        isa,
                        &views,
                        stride,
                        pixels,
                        &packed,
                        &mut out,
                        Output::interleaved(outputs + 1),
                        epilogue,
                    );
                    for p in 0..pixels {
                        for n in 0..outputs {
                            let at = p * (outputs + 1) + n;
                            let mut sum = f64::from(before[at]) + f64::from(bias[n]);
                            for k in 0..inner {
                                sum += f64::from(inputs[k / step][p * stride + k % step])
                                    * f64::from(w[k * outputs + n]);
                            }
                            same(out[at], if relu { sum.max(0.0) } else { sum }, isa);
                        }
                        let gap = p * (outputs + 1) + outputs;
                        assert_eq!(out[gap], before[gap], "{} wrote past its channels", isa.name());
                    }
                }
            }
        }
    }

    #[test]
    fn a_pixel_does_not_depend_on_its_place() {
        for isa in Isa::available() {
            let packed = Packed::new(24, 40, |k, n| (k * 40 + n) as f32 * 0.01 - 3.0).unwrap();
            let input = noise(24 * 37, 3);
            let mut whole = vec![0.0; 37 * 40];
            let output = Output::interleaved(40);
            matmul(isa, &[&input], 24, 37, &packed, &mut whole, output, Epilogue::default());
            for p in 0..37 {
                let mut one = vec![0.0; 40];
                matmul(isa, &[&input[p * 24..]], 24, 1, &packed, &mut one, output, Epilogue::default());
                assert_eq!(one, whole[p * 40..][..40]);
            }
        }
    }

    #[test]
    fn gram_equals_the_naive_sum() {
        for isa in Isa::available() {
            for &(channels, pixels) in few(&[(1, 1), (6, 5), (16, 64), (24, 7), (48, 33), (96, 10)]) {
                let stride = 2 * channels;
                let mut qk = noise(pixels * stride, 5);
                qk.resize(pixels * stride + LANES, f32::NAN);
                let row = Gram::row(channels);
                let mut sum = vec![1.0; channels * row];
                gram(isa, &qk, &qk[channels..], Gram { channels, pixels, stride }, &mut sum);
                for i in 0..channels {
                    for j in 0..channels {
                        let expected: f64 = (0..pixels)
                            .map(|p| f64::from(qk[p * stride + i]) * f64::from(qk[p * stride + channels + j]))
                            .sum();
                        same(sum[i * row + j], 1.0 + expected, isa);
                    }
                }
            }
        }
    }

    #[test]
    fn outer_products_equal_the_naive_sum() {
        for isa in Isa::available() {
            let shapes = [(1, 1, 1), (6, 20, 5), (16, 32, 64), (24, 48, 7), (3, 96, 10)];
            for &(rows, columns, pixels) in few(&shapes) {
                let strides = (rows + 1, columns + 2);
                let left = noise(pixels * strides.0, 5);
                let mut right = noise(pixels * strides.1, 6);
                right.resize(pixels * strides.1 + LANES, f32::NAN);
                let row = Gram::row(columns);
                let mut sum = vec![1.0; rows * row];
                outer(isa, &left, &right, Outer { rows, columns, pixels, strides }, &mut sum);
                for (i, j) in (0..rows * columns).map(|n| (n / columns, n % columns)) {
                    let product =
                        |p: usize| f64::from(left[p * strides.0 + i]) * f64::from(right[p * strides.1 + j]);
                    same(sum[i * row + j], 1.0 + (0..pixels).map(product).sum::<f64>(), isa);
                }
            }
        }
    }
}
