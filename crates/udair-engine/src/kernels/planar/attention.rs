//! x + MDTA(LN(x)), the attention half of a transformer block (Zamir et al., "Restormer", CVPR 2022,
//! eq. 1): q, k, v = dw3x3(1x1(LN(x))); out = x + 1x1(softmax(q kᵀ · temperature) v), where q and k
//! have unit length along the positions and channels attend to channels.

use super::depthwise::{Frame, depthwise, depthwise_input_gradient, depthwise_taps_gradient};
use super::norm::{normalise, normalise_gradient};
use super::product::{Matrix, Store, product};
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

/// Maps of one image.
#[derive(Debug)]
pub struct Scratch {
    normal: Vec<f32>,
    expanded: Vec<f32>,
    filtered: Vec<f32>,
    attended: Vec<f32>,
    /// 1 / length of the rows of q and k.
    scales: Vec<f32>,
    /// Of every head: cosines of q and k, and the attention.
    cosines: Vec<f32>,
    attention: Vec<f32>,
    /// Gradients of `attended`, `filtered`, `expanded`, `normal` and `cosines`; only the backward pass
    /// needs them.
    back: [Vec<f32>; 5],
    frames: [Frame; 2],
}

impl Attention<'_> {
    /// Everything up to the attended values.
    fn inside(&self, isa: Isa, x: &[f32], scratch: &mut Scratch) {
        let Scratch { normal, expanded, filtered, attended, scales, cosines, attention, frames, .. } =
            scratch;
        let (c, d) = self.channels();
        let plane = x.len() / c;
        normalise(isa, x, self.norm_weight, self.norm_bias, plane, normal);
        product(isa, Matrix::new(self.qkv, c), Matrix::new(normal, plane), expanded, Store::Replace);
        depthwise(isa, expanded, self.taps, &mut frames[0], filtered);
        for (scale, row) in scales.iter_mut().zip(filtered.chunks_exact(plane)) {
            *scale = 1.0 / squares(row).sqrt().max(SHORTEST);
        }
        let [q, k, v] = thirds(filtered);
        for (head, &temperature) in self.temperature.iter().enumerate() {
            let (rows, square) = (head * d * plane..(head + 1) * d * plane, head * d * d..(head + 1) * d * d);
            let (cosines, attention) = (&mut cosines[square.clone()], &mut attention[square]);
            let map = |values| Matrix::new(values, plane);
            product(isa, map(&q[rows.clone()]), map(&k[rows.clone()]).transposed(), cosines, Store::Replace);
            let (of_q, of_k) = (&scales[head * d..][..d], &scales[c + head * d..][..d]);
            for ((cosines, attention), of_q) in
                cosines.chunks_exact_mut(d).zip(attention.chunks_exact_mut(d)).zip(of_q)
            {
                cosines.iter_mut().zip(of_k).for_each(|(cosine, of_k)| *cosine *= of_q * of_k);
                softmax(cosines, temperature, attention);
            }
            product(
                isa,
                Matrix::new(attention, d),
                map(&v[rows.clone()]),
                &mut attended[rows],
                Store::Replace,
            );
        }
    }

    /// Channels in all and of a head.
    fn channels(&self) -> (usize, usize) {
        let c = self.norm_weight.len();
        (c, c / self.temperature.len())
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
        let map = |channels| vec![0.0; channels * shape.plane()];
        let squares = || vec![0.0; c * c / heads];
        Scratch {
            normal: map(c),
            expanded: map(3 * c),
            filtered: map(3 * c),
            attended: map(c),
            scales: vec![0.0; 2 * c],
            cosines: squares(),
            attention: squares(),
            back: [Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new()],
            frames: [Frame::new(shape), Frame::new(shape)],
        }
    }

    fn image(&self, isa: Isa, x: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        self.inside(isa, x, scratch);
        let (c, _) = self.channels();
        out.copy_from_slice(x);
        let attended = Matrix::new(&scratch.attended, x.len() / c);
        product(isa, Matrix::new(self.project, c), attended, out, Store::Add);
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
        self.inside(isa, x, scratch);
        let Scratch { normal, expanded, filtered, attended, scales, cosines, attention, back, frames } =
            scratch;
        let (c, d) = self.channels();
        let plane = x.len() / c;
        let like = [&*attended, &*filtered, &*expanded, &*normal, &*cosines];
        back.iter_mut().zip(like).for_each(|(back, like)| back.resize(like.len(), 0.0));
        let [to_attended, to_filtered, to_expanded, to_normal, to_cosines] = back;
        let map = |values| Matrix::new(values, plane);

        product(isa, map(gradient), map(attended).transposed(), dproject, Store::Add);
        let project = Matrix::new(self.project, c).transposed();
        product(isa, project, map(gradient), to_attended, Store::Replace);
        let [q, k, v] = thirds(filtered);
        let (to_q, rest) = to_filtered.split_at_mut(c * plane);
        let (to_k, to_v) = rest.split_at_mut(c * plane);
        for (head, &temperature) in self.temperature.iter().enumerate() {
            let (rows, square) = (head * d * plane..(head + 1) * d * plane, head * d * d..(head + 1) * d * d);
            let (q, k, v) = (&q[rows.clone()], &k[rows.clone()], &v[rows.clone()]);
            let (cosines, attention) = (&cosines[square.clone()], &attention[square.clone()]);
            let (to_cosines, to_head) = (&mut to_cosines[square], &to_attended[rows.clone()]);
            let (of_q, of_k) = (&scales[head * d..][..d], &scales[c + head * d..][..d]);

            let turned = Matrix::new(attention, d).transposed();
            product(isa, turned, map(to_head), &mut to_v[rows.clone()], Store::Replace);
            product(isa, map(to_head), map(v).transposed(), to_cosines, Store::Replace);
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
            let along = |i: usize, j: usize| to_cosines[i * d + j] * cosines[i * d + j];
            let own = |sum: f32, scale: f32| if scale < 1.0 / SHORTEST { sum * scale * scale } else { 0.0 };
            let along_q: Vec<f32> = (0..d).map(|i| own((0..d).map(|j| along(i, j)).sum(), of_q[i])).collect();
            let along_k: Vec<f32> = (0..d).map(|j| own((0..d).map(|i| along(i, j)).sum(), of_k[j])).collect();
            for (to, of_q) in to_cosines.chunks_exact_mut(d).zip(of_q) {
                to.iter_mut().zip(of_k).for_each(|(to, of_k)| *to *= of_q * of_k);
            }
            let to_products = Matrix::new(to_cosines, d);
            let (to_q, to_k) = (&mut to_q[rows.clone()], &mut to_k[rows]);
            take(to_q, q, &along_q, plane);
            product(isa, to_products, map(k), to_q, Store::Add);
            take(to_k, k, &along_k, plane);
            product(isa, to_products.transposed(), map(q), to_k, Store::Add);
        }
        depthwise_taps_gradient(isa, expanded, to_filtered, frames, dtaps);
        depthwise_input_gradient(isa, to_filtered, self.taps, &mut frames[0], to_expanded);
        product(isa, map(to_expanded), map(normal).transposed(), dqkv, Store::Add);
        let qkv = Matrix::new(self.qkv, c).transposed();
        product(isa, qkv, map(to_expanded), to_normal, Store::Replace);
        dx.copy_from_slice(gradient);
        normalise_gradient(isa, x, self.norm_weight, to_normal, dx, dweight, dbias);
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
