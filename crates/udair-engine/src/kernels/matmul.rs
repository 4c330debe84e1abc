//! Matrix products: pixels times packed weights. 1x1 and 3x3 convolutions are such products.

use std::ops::Deref;

use super::LANES;
use super::isa::{Isa, dispatch};
use super::packed::Packed;
use super::precision::Kind;
use super::simd::Simd;
use super::tile::{even_share, tile, unroll};

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
            match even_share(blocks - block, S::COLUMNS) {
                3 => pixels::<S, 3>(product, block),
                2 => pixels::<S, 2>(product, block),
                _ => pixels::<S, 1>(product, block),
            }
        }
        block += even_share(blocks - block, S::COLUMNS);
    }
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
}
