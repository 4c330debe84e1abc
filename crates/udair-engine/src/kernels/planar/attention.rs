//! x + MDTA(LN(x)), the attention half of a transformer block (Zamir et al., "Restormer", CVPR 2022,
//! eq. 1): q, k, v = dw3x3(1x1(LN(x))); out = x + 1x1(softmax(q kᵀ · temperature) v), where q and k
//! have unit length along the positions and channels attend to channels.

mod heads;

use heads::Heads;

use super::entry::{Entry, Maps};
use super::product::{Matrix, Store, product};
use super::strip::Strip;
use super::{Arithmetic, Layer, Shape};
use crate::kernels::LANES;

/// Parameters of the half-block over c channels.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a> {
    /// Scale of the norm, `[c]`.
    pub norm_weight: &'a [f32],
    /// Shift of the norm, `[c]`.
    pub norm_bias: &'a [f32],
    /// One factor a head.
    pub temperature: &'a [f32],
    /// 1x1, `[3 c, c]`.
    pub qkv: &'a [f32],
    /// 3x3 per channel, `[3 c, 9]`.
    pub taps: &'a [f32],
    /// 1x1, `[c, c]`.
    pub project: &'a [f32],
}

/// Maps of a strip of an image, and what the whole image says of its channels.
#[derive(Debug)]
pub struct Scratch {
    shape: Shape,
    /// q, k and v.
    entry: Maps,
    /// v of the whole image; only the forward pass keeps it.
    values: Vec<f32>,
    heads: Heads,
    /// Gradients of the output and of q, k and v; only the backward pass needs them.
    back: [Vec<f32>; 2],
}

impl Attention<'_> {
    /// Channels in all and of a head.
    fn channels(&self) -> (usize, usize) {
        let c = self.norm_weight.len();
        (c, c / self.temperature.len())
    }

    /// What q, k and v are made by.
    fn entry(&self) -> Entry<'_> {
        Entry { norm: [self.norm_weight, self.norm_bias], expand: self.qkv, taps: self.taps }
    }

    /// Adds up what the strip says of the channels.
    fn look(&self, on: Arithmetic, strip: Strip, scratch: &mut Scratch) {
        let (_, d) = self.channels();
        let filtered = &scratch.entry.filtered;
        let [q, k, _] = thirds(filtered);
        let Heads { scales, cosines, .. } = &mut scratch.heads;
        for (sum, row) in scales.iter_mut().zip(filtered.chunks_exact(strip.len())) {
            *sum += squares(row);
        }
        let heads = q.chunks_exact(d * strip.len()).zip(k.chunks_exact(d * strip.len()));
        for ((q, k), cosines) in heads.zip(cosines.chunks_exact_mut(d * d)) {
            let map = |values| Matrix::new(values, strip.len());
            product(on, map(q), map(k).transposed(), cosines, Store::Add);
        }
    }
}

impl Layer<6> for Attention<'_> {
    type Scratch = Scratch;

    fn lengths(&self) -> [usize; 6] {
        [self.norm_weight, self.norm_bias, self.temperature, self.qkv, self.taps, self.project]
            .map(<[f32]>::len)
    }

    fn output(&self, shape: Shape) -> Shape {
        shape
    }

    fn scratch(&self, shape: Shape) -> Scratch {
        let (c, heads) = (shape.channels, self.temperature.len());
        assert_eq!(self.lengths(), [c, c, heads, 3 * c * c, 27 * c, c * c], "parameters differ");
        assert_eq!(c % heads, 0, "heads must divide the channels");
        let squares = || vec![0.0; c * c / heads];
        Scratch {
            shape,
            entry: Maps::new(shape),
            values: Vec::new(),
            heads: Heads {
                scales: vec![0.0; 2 * c],
                cosines: squares(),
                attention: squares(),
                mix: vec![0.0; c * c],
                with_values: vec![0.0; c * c],
            },
            back: [Vec::new(), Vec::new()],
        }
    }

    fn image(&self, on: Arithmetic, x: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        let (c, _) = self.channels();
        scratch.heads.clear();
        scratch.values.resize(x.len(), 0.0);
        for strip in Strip::all(scratch.shape, 8 * c) {
            self.entry().forward(on, x, strip, &mut scratch.entry);
            self.look(on, strip, scratch);
            strip.scatter(thirds(&scratch.entry.filtered)[2], &mut scratch.values);
        }
        self.attend(on, &mut scratch.heads);
        out.copy_from_slice(x);
        let values = Matrix::new(&scratch.values, x.len() / c);
        product(on, Matrix::new(&scratch.heads.mix, c), values, out, Store::Add);
    }

    fn image_gradient(
        &self,
        on: Arithmetic,
        x: &[f32],
        gradient: &[f32],
        scratch: &mut Scratch,
        dx: &mut [f32],
        [dweight, dbias, dtemperature, dqkv, dtaps, dproject]: [&mut [f32]; 6],
    ) {
        let (c, d) = self.channels();
        let strips = Strip::all(scratch.shape, 18 * c);
        scratch.heads.clear();
        for strip in strips.clone() {
            self.entry().forward(on, x, strip, &mut scratch.entry);
            self.look(on, strip, scratch);
            let (to_out, heads) = (&mut scratch.back[0], &mut scratch.heads);
            to_out.resize(c * strip.len(), 0.0);
            strip.gather(gradient, to_out);
            let values = Matrix::new(thirds(&scratch.entry.filtered)[2], strip.len()).transposed();
            product(on, Matrix::new(to_out, strip.len()), values, &mut heads.with_values, Store::Add);
        }
        self.attend(on, &mut scratch.heads);
        let (to_products, along) = self.heads_gradient(on, &scratch.heads, dtemperature, dproject);
        let several = strips.clone().count() > 1;
        for strip in strips {
            let near = strip.widened();
            // The only strip is still there from before.
            if several {
                self.entry().forward(on, x, near, &mut scratch.entry);
            }
            let Scratch { entry, heads, back: [to_out, to_filtered], .. } = scratch;
            to_out.resize(c * near.len(), 0.0);
            to_filtered.resize(3 * c * near.len(), 0.0);
            near.gather(gradient, to_out);

            let map = |values| Matrix::new(values, near.len());
            let (to_pair, to_v) = to_filtered.split_at_mut(2 * c * near.len());
            let mix = Matrix::new(&heads.mix, c).transposed();
            product(on, mix, map(to_out), to_v, Store::Replace);
            take(to_pair, &entry.filtered, &along, near.len());
            let (to_q, to_k) = to_pair.split_at_mut(c * near.len());
            let [q, k, _] = thirds(&entry.filtered);
            let head = d * near.len();
            let queries = q.chunks_exact(head).zip(to_q.chunks_exact_mut(head));
            let keys = k.chunks_exact(head).zip(to_k.chunks_exact_mut(head));
            for (((q, to_q), (k, to_k)), square) in queries.zip(keys).zip(to_products.chunks_exact(d * d)) {
                let square = Matrix::new(square, d);
                product(on, square, map(k), to_q, Store::Add);
                product(on, square.transposed(), map(q), to_k, Store::Add);
            }
            let gradients = [&mut *dweight, &mut *dbias, &mut *dqkv, &mut *dtaps];
            self.entry().backward(on, [x, gradient], strip, to_filtered, entry, dx, gradients);
        }
    }
}

fn thirds(values: &[f32]) -> [&[f32]; 3] {
    let third = values.len() / 3;
    [&values[..third], &values[third..2 * third], &values[2 * third..]]
}

/// The sum of squares, in as many parts as a vector has lanes.
fn squares(row: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for chunk in row.chunks(LANES) {
        sums.iter_mut().zip(chunk).for_each(|(sum, v)| *sum += v * v);
    }
    sums.iter().sum()
}

/// Row i of `out` becomes -`factors[i]` times row i of `rows`.
fn take(out: &mut [f32], rows: &[f32], factors: &[f32], plane: usize) {
    for ((out, row), factor) in out.chunks_exact_mut(plane).zip(rows.chunks_exact(plane)).zip(factors) {
        out.iter_mut().zip(row).for_each(|(out, v)| *out = -factor * v);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_gradient, weighted};
    use super::*;
    use crate::kernels::Isa;
    use crate::kernels::tests::noise;

    #[test]
    fn every_gradient_is_that_of_the_forward_pass() {
        let [c, height, width, most_heads] = if cfg!(miri) { [2, 2, 3, 1] } else { [6, 5, 7, 3] };
        let shape = Shape { images: 2, channels: c, height, width };
        let (x, g) = (noise(shape.len(), 1), noise(shape.len(), 2));
        for heads in [1, most_heads] {
            let lengths = [c, c, heads, 3 * c * c, 27 * c, c * c];
            let mut parameters = lengths.map(|length| noise(length, length as u32));
            parameters[2] = vec![2.0; heads];
            for isa in Isa::available() {
                let run = |x: &[f32], parameters: &[Vec<f32>; 6]| {
                    let [norm_weight, norm_bias, temperature, qkv, taps, project] =
                        parameters.each_ref().map(Vec::as_slice);
                    let half = Attention { norm_weight, norm_bias, temperature, qkv, taps, project };
                    let (mut out, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
                    half.forward(Arithmetic::f32(isa), x, shape, &mut out);
                    let gradients = half.backward(Arithmetic::f32(isa), x, &g, shape, &mut dx);
                    (out, dx, gradients)
                };
                let (_, dx, gradients) = run(&x, &parameters);
                check_gradient(&x, &dx, |x| weighted(&run(x, &parameters).0, &g));
                for (at, gradient) in gradients.iter().enumerate() {
                    check_gradient(&parameters[at], gradient, |values| {
                        let mut moved = parameters.clone();
                        moved[at] = values.to_vec();
                        weighted(&run(&x, &moved).0, &g)
                    });
                }
            }
        }
    }

    #[test]
    fn rows_of_zeros_have_finite_gradients() {
        let shape = Shape { images: 1, channels: 2, height: 3, width: 3 };
        let zeros = |length| vec![0.0; length];
        let (qkv, taps, project) = (zeros(12), zeros(54), noise(4, 1));
        let half = Attention {
            norm_weight: &[1.0; 2],
            norm_bias: &[0.0; 2],
            temperature: &[1.0],
            qkv: &qkv,
            taps: &taps,
            project: &project,
        };
        let (x, mut dx) = (noise(18, 2), zeros(18));
        let gradients = half.backward(Arithmetic::f32(Isa::detect()), &x, &noise(18, 3), shape, &mut dx);
        assert!(gradients.iter().flatten().chain(&dx).all(|v| v.is_finite()));
    }
}
