//! What a whole image says of its channels: which of them attend to which, and the way back.

use super::Attention;
use crate::kernels::planar::Arithmetic;
use crate::kernels::planar::product::{Matrix, Store, product};

/// Rows shorter than this are divided by it instead of their length.
const SHORTEST: f32 = 1e-12;

/// Sums over an image, and what follows from them.
#[derive(Debug)]
pub(super) struct Heads {
    /// 1 / length of the rows of q and k, `[2 c]`.
    pub(super) scales: Vec<f32>,
    /// Of every head, `[d, d]`: cosines of q and k, and the attention.
    pub(super) cosines: Vec<f32>,
    pub(super) attention: Vec<f32>,
    /// 1x1 from v to the output, `[c, c]`: the attention, then `project`.
    pub(super) mix: Vec<f32>,
    /// Products of the output's gradient and v, `[c, c]`; only the backward pass needs them.
    pub(super) with_values: Vec<f32>,
}

impl Heads {
    /// Before the first strip.
    pub(super) fn clear(&mut self) {
        for sums in [&mut self.scales, &mut self.cosines, &mut self.with_values] {
            sums.fill(0.0);
        }
    }
}

impl Attention<'_> {
    /// The attention, once all strips were looked at.
    pub(super) fn attend(&self, on: Arithmetic, heads: &mut Heads) {
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
            product(on.exact(), project, Matrix::new(attention, d), &mut mixed, Store::Replace);
            for (mix, mixed) in mix.chunks_exact_mut(c).zip(mixed.chunks_exact(d)) {
                mix[rows.clone()].copy_from_slice(mixed);
            }
        }
    }

    /// Adds to the gradients of the temperature and of `project`. Returns those of the products of q and k,
    /// `[d, d]` a head, and how much of the rows of q and k is to be taken off theirs, `[2 c]`.
    pub(super) fn heads_gradient(
        &self,
        on: Arithmetic,
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
            product(
                on.exact(),
                with_values,
                Matrix::new(attention, d).transposed(),
                &mut part,
                Store::Replace,
            );
            for (to, part) in dproject.chunks_exact_mut(c).zip(part.chunks_exact(d)) {
                to[rows.clone()].iter_mut().zip(part).for_each(|(to, part)| *to += part);
            }
            let project = Matrix::new(self.project, c).columns(rows.clone()).transposed();
            product(on.exact(), project, with_values, to_cosines, Store::Replace);
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

/// `out = softmax(temperature · logits)`.
fn softmax(logits: &[f32], temperature: f32, out: &mut [f32]) {
    let largest = logits.iter().map(|v| v * temperature).fold(f32::NEG_INFINITY, f32::max);
    out.iter_mut().zip(logits).for_each(|(out, v)| *out = (v * temperature - largest).exp());
    let total: f32 = out.iter().sum();
    out.iter_mut().for_each(|v| *v /= total);
}
