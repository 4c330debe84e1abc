//! x + MDTA(LN(x)), the attention half of a transformer block (Zamir et al., "Restormer", CVPR 2022,
//! eq. 1): q, k, v = dw3x3(1x1(LN(x))); out = x + 1x1(softmax(q kᵀ · temperature) v), where q and k
//! have unit length along the positions and channels attend to channels.

use super::entry::{Entry, Maps};
use super::product::{Matrix, Store, product};
use super::strip::Strip;
use super::{Layer, Shape};
use crate::kernels::{Isa, LANES};

/// Rows shorter than this are divided by it instead of their length.
const SHORTEST: f32 = 1e-12;

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

/// Sums over an image, and what follows from them.
#[derive(Debug)]
struct Heads {
    /// 1 / length of the rows of q and k, `[2 c]`.
    scales: Vec<f32>,
    /// Of every head, `[d, d]`: cosines of q and k, and the attention.
    cosines: Vec<f32>,
    attention: Vec<f32>,
    /// 1x1 from v to the output, `[c, c]`: the attention, then `project`.
    mix: Vec<f32>,
    /// Products of the output's gradient and v, `[c, c]`; only the backward pass needs them.
    with_values: Vec<f32>,
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
    fn look(&self, isa: Isa, strip: Strip, scratch: &mut Scratch) {
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
            product(isa, map(q), map(k).transposed(), cosines, Store::Add);
        }
    }

    /// The attention, once all strips were looked at.
    fn attend(&self, isa: Isa, heads: &mut Heads) {
        let (c, d) = self.channels();
        let Heads { scales, cosines, attention, mix, .. } = heads;
        scales.iter_mut().for_each(|scale| *scale = 1.0 / scale.sqrt().max(SHORTEST));
        let (of_q, of_k) = scales.split_at(c);
        let mut mixed = vec![0.0; c * d];
        for (head, &temperature) in self.temperature.iter().enumerate() {
            let (rows, square) = (head * d..(head + 1) * d, head * d * d..(head + 1) * d * d);
            let (cosines, attention) = (&mut cosines[square.clone()], &mut attention[square]);
            let lines = cosines.chunks_exact_mut(d).zip(attention.chunks_exact_mut(d));
            for ((cosines, attention), of_q) in lines.zip(&of_q[rows.clone()]) {
                let of_k = &of_k[rows.clone()];
                cosines.iter_mut().zip(of_k).for_each(|(cosine, of_k)| *cosine *= of_q * of_k);
                softmax(cosines, temperature, attention);
            }
            let project = Matrix::new(self.project, c).columns(rows.clone());
            product(isa, project, Matrix::new(attention, d), &mut mixed, Store::Replace);
            for (mix, mixed) in mix.chunks_exact_mut(c).zip(mixed.chunks_exact(d)) {
                mix[rows.clone()].copy_from_slice(mixed);
            }
        }
    }

    /// Adds to the gradients of the temperature and of `project`. Returns those of the products of q and k,
    /// `[d, d]` a head, and how much of the rows of q and k is to be taken off theirs, `[2 c]`.
    fn heads_gradient(
        &self,
        isa: Isa,
        heads: &Heads,
        dtemperature: &mut [f32],
        dproject: &mut [f32],
    ) -> (Vec<f32>, Vec<f32>) {
        let (c, d) = self.channels();
        let Heads { scales, cosines, attention, with_values, .. } = heads;
        let (of_q, of_k) = scales.split_at(c);
        let mut to_products = vec![0.0; cosines.len()];
        let mut along = vec![0.0; 2 * c];
        let mut part = vec![0.0; c * d];
        for (head, &temperature) in self.temperature.iter().enumerate() {
            let (rows, square) = (head * d..(head + 1) * d, head * d * d..(head + 1) * d * d);
            let (cosines, attention) = (&cosines[square.clone()], &attention[square.clone()]);
            let to_cosines = &mut to_products[square];
            let with_values = Matrix::new(with_values, c).columns(rows.clone());
            product(isa, with_values, Matrix::new(attention, d).transposed(), &mut part, Store::Replace);
            for (to, part) in dproject.chunks_exact_mut(c).zip(part.chunks_exact(d)) {
                to[rows.clone()].iter_mut().zip(part).for_each(|(to, part)| *to += part);
            }
            let project = Matrix::new(self.project, c).columns(rows.clone()).transposed();
            product(isa, project, with_values, to_cosines, Store::Replace);
            for ((to, attention), cosines) in
                to_cosines.chunks_exact_mut(d).zip(attention.chunks_exact(d)).zip(cosines.chunks_exact(d))
            {
                let mean: f32 = to.iter().zip(attention).map(|(to, share)| to * share).sum();
                for ((to, share), cosine) in to.iter_mut().zip(attention).zip(cosines) {
                    let to_logit = share * (*to - mean);
                    dtemperature[head] += to_logit * cosine;
                    *to = to_logit * temperature;
                }
            }
            // A row that is turned changes cosines, one that grows does not: what lies along it is
            // taken off. Rows shorter than the shortest are not scaled by their own length.
            let (of_q, of_k) = (&of_q[rows.clone()], &of_k[rows.clone()]);
            let own = |sum: f32, scale: f32| if scale < 1.0 / SHORTEST { sum * scale * scale } else { 0.0 };
            for i in 0..d {
                let shared = |at: usize| to_cosines[at] * cosines[at];
                along[rows.start + i] = own((0..d).map(|j| shared(i * d + j)).sum(), of_q[i]);
                along[c + rows.start + i] = own((0..d).map(|j| shared(j * d + i)).sum(), of_k[i]);
            }
            for (to, of_q) in to_cosines.chunks_exact_mut(d).zip(of_q) {
                to.iter_mut().zip(of_k).for_each(|(to, of_k)| *to *= of_q * of_k);
            }
        }
        (to_products, along)
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

    fn image(&self, isa: Isa, x: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        let (c, _) = self.channels();
        scratch.heads.clear();
        scratch.values.resize(x.len(), 0.0);
        for strip in Strip::all(scratch.shape, 8 * c) {
            self.entry().forward(isa, x, strip, &mut scratch.entry);
            self.look(isa, strip, scratch);
            strip.scatter(thirds(&scratch.entry.filtered)[2], &mut scratch.values);
        }
        self.attend(isa, &mut scratch.heads);
        out.copy_from_slice(x);
        let values = Matrix::new(&scratch.values, x.len() / c);
        product(isa, Matrix::new(&scratch.heads.mix, c), values, out, Store::Add);
    }

    fn image_gradient(
        &self,
        isa: Isa,
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
            self.entry().forward(isa, x, strip, &mut scratch.entry);
            self.look(isa, strip, scratch);
            let (to_out, heads) = (&mut scratch.back[0], &mut scratch.heads);
            to_out.resize(c * strip.len(), 0.0);
            strip.gather(gradient, to_out);
            let values = Matrix::new(thirds(&scratch.entry.filtered)[2], strip.len()).transposed();
            product(isa, Matrix::new(to_out, strip.len()), values, &mut heads.with_values, Store::Add);
        }
        self.attend(isa, &mut scratch.heads);
        let (to_products, along) = self.heads_gradient(isa, &scratch.heads, dtemperature, dproject);
        let several = strips.clone().count() > 1;
        for strip in strips {
            let near = strip.widened();
            // The only strip is still there from before.
            if several {
                self.entry().forward(isa, x, near, &mut scratch.entry);
            }
            let Scratch { entry, heads, back: [to_out, to_filtered], .. } = scratch;
            to_out.resize(c * near.len(), 0.0);
            to_filtered.resize(3 * c * near.len(), 0.0);
            near.gather(gradient, to_out);

            let map = |values| Matrix::new(values, near.len());
            let (to_pair, to_v) = to_filtered.split_at_mut(2 * c * near.len());
            let mix = Matrix::new(&heads.mix, c).transposed();
            product(isa, mix, map(to_out), to_v, Store::Replace);
            take(to_pair, &entry.filtered, &along, near.len());
            let (to_q, to_k) = to_pair.split_at_mut(c * near.len());
            let [q, k, _] = thirds(&entry.filtered);
            let head = d * near.len();
            let queries = q.chunks_exact(head).zip(to_q.chunks_exact_mut(head));
            let keys = k.chunks_exact(head).zip(to_k.chunks_exact_mut(head));
            for (((q, to_q), (k, to_k)), square) in queries.zip(keys).zip(to_products.chunks_exact(d * d)) {
                let square = Matrix::new(square, d);
                product(isa, square, map(k), to_q, Store::Add);
                product(isa, square.transposed(), map(q), to_k, Store::Add);
            }
            let gradients = [&mut *dweight, &mut *dbias, &mut *dqkv, &mut *dtaps];
            self.entry().backward(isa, [x, gradient], strip, to_filtered, entry, dx, gradients);
        }
    }
}

impl Heads {
    /// Before the first strip.
    fn clear(&mut self) {
        for sums in [&mut self.scales, &mut self.cosines, &mut self.with_values] {
            sums.fill(0.0);
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

/// `out = softmax(temperature · logits)`.
fn softmax(logits: &[f32], temperature: f32, out: &mut [f32]) {
    let largest = logits.iter().map(|v| v * temperature).fold(f32::NEG_INFINITY, f32::max);
    out.iter_mut().zip(logits).for_each(|(out, v)| *out = (v * temperature - largest).exp());
    let total: f32 = out.iter().sum();
    out.iter_mut().for_each(|v| *v /= total);
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
                    half.forward(isa, x, shape, &mut out);
                    let gradients = half.backward(isa, x, &g, shape, &mut dx);
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
        let gradients = half.backward(Isa::detect(), &x, &noise(18, 3), shape, &mut dx);
        assert!(gradients.iter().flatten().chain(&dx).all(|v| v.is_finite()));
    }
}
