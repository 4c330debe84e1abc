//! CSCL, cross-sample contrastive learning: pictures of one pattern shall look alike to the
//! degradation analysis, whatever they show.
//!
//! With `a_k` the features of pattern k's m pictures joined, and `p_k` the same with the pictures
//! permuted, the loss is the symmetric cross-entropy over the K x K logits s a pᵀ (Radford et al.,
//! "CLIP", ICML 2021), where s = exp(`logit_scale`).

use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use serde::{Deserialize, Serialize};

use crate::rng::Stream;

/// How features are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Similarity {
    /// As released: plain dot products, which saturate the softmax.
    Released,
    /// The paper's text: cosine of the joined features.
    Cosine,
    /// Ours: the mean cosine of the pictures' features, so that no single picture decides; the
    /// temperature is kept in \[0.01, 1\].
    PerImage,
}

/// Side of the map that features are pooled to.
const CELLS: usize = 16;

/// The feature of every picture: D `[n, 4C, h, w]` pooled to 16 x 16, flattened to
/// `[n, 4C · 256]`.
pub fn features(d: Tensor<4>) -> Tensor<2> {
    adaptive_avg_pool2d(d, [CELLS, CELLS]).flatten(1, 3)
}

/// The K x K logits. `features` is `[K m, F]`, pattern after pattern; `permutations[k]` says which
/// picture of pattern k stands opposite to each.
pub fn logits(
    features: Tensor<2>,
    permutations: &[Vec<usize>],
    logit_scale: Tensor<1>,
    similarity: Similarity,
) -> Tensor<2> {
    let [n, f] = features.dims();
    let (k, m) = (permutations.len(), n / permutations.len());
    let features = match similarity {
        Similarity::PerImage => unit_rows(features) / (m as f64).sqrt(),
        Similarity::Released | Similarity::Cosine => features,
    };
    let order: Vec<i64> = permutations
        .iter()
        .enumerate()
        .flat_map(|(pattern, order)| order.iter().map(move |&i| (pattern * m + i) as i64))
        .collect();
    let order = Tensor::<1, Int>::from_data(order.as_slice(), &features.device().inner());
    let anchors = features.clone().reshape([k, m * f]);
    let positives = features.select(0, order).reshape([k, m * f]);
    let (anchors, positives) = match similarity {
        Similarity::Cosine => (unit_rows(anchors), unit_rows(positives)),
        Similarity::Released | Similarity::PerImage => (anchors, positives),
    };
    let scale = match similarity {
        Similarity::PerImage => logit_scale.exp().clamp(1.0, 100.0),
        Similarity::Released | Similarity::Cosine => logit_scale.exp(),
    };
    anchors.matmul(positives.transpose()) * scale.unsqueeze_dim(1)
}

/// The symmetric cross-entropy of K x K logits whose diagonal is right: `[1]`.
pub fn loss(logits: Tensor<2>) -> Tensor<1> {
    let k = logits.dims()[0];
    let diagonal = Tensor::<2>::eye(k, &logits.device().inner());
    let right = log_softmax(logits.clone(), 1) + log_softmax(logits.transpose(), 1);
    (right * diagonal).sum() / (-2.0 * k as f64)
}

/// The orders that positives are drawn in: at random, as the paper has it, or ours, in which no
/// picture is its own positive.
pub fn permutations(
    similarity: Similarity,
    patterns: usize,
    per_pattern: usize,
    stream: &mut Stream,
) -> Vec<Vec<usize>> {
    match similarity {
        Similarity::PerImage => derangements(patterns, per_pattern, stream),
        Similarity::Released | Similarity::Cosine => {
            let mut orders = vec![(0..per_pattern).collect::<Vec<_>>(); patterns];
            orders.iter_mut().for_each(|order| stream.shuffle(order));
            orders
        }
    }
}

/// For each of `patterns` an order of its `per_pattern` pictures in which none stands opposite to
/// itself (but where there is only one).
fn derangements(patterns: usize, per_pattern: usize, stream: &mut Stream) -> Vec<Vec<usize>> {
    let m = per_pattern;
    let draw = |_| {
        // A random cyclic order, turned by a random amount.
        let mut cycle: Vec<usize> = (0..m).collect();
        stream.shuffle(&mut cycle);
        let turn = if m > 1 { 1 + stream.below(m - 1) } else { 0 };
        let mut order = vec![0; m];
        (0..m).for_each(|i| order[cycle[i]] = cycle[(i + turn) % m]);
        order
    };
    (0..patterns).map(draw).collect()
}

/// The same contrast between pictures over pooled moments, which do not depend on where in the
/// picture something is: the mean negative log share of a picture's own pattern among all others.
/// `moments` is `[K m, F]`, each column centred and scaled over the batch first: `[1]`.
pub fn moments_loss(moments: Tensor<2>, patterns: usize) -> Tensor<1> {
    let (n, device) = (moments.dims()[0], moments.device().inner());
    let m = n / patterns;
    let centred = moments.clone() - moments.mean_dim(0);
    let deviation = (centred.clone().square().sum_dim(0) / (n as f64 - 1.0) + 1e-12).sqrt();
    let rows = unit_rows(centred / (deviation + 1e-4));
    let similarity = rows.clone().matmul(rows.transpose()) * 8.0;
    let mask = |wanted: &dyn Fn(usize, usize) -> bool| {
        let outside = (0..n * n).map(|at| if wanted(at / n, at % n) { 0.0 } else { -1e9_f32 });
        Tensor::<2>::from_data(TensorData::new(outside.collect(), [n, n]), &device)
    };
    let others = mask(&|i, j| i != j);
    let same = mask(&|i, j| i != j && i / m == j / m);
    (log_sum_exp(similarity.clone() + others) - log_sum_exp(similarity + same)).mean()
}

/// Channel means and log variances of D4, D and D2: `[n, 28 C]`.
pub fn moments(conditions: &udair_nn::Conditions) -> Tensor<2> {
    let parts = [&conditions.d4, &conditions.d3, &conditions.d2].into_iter().flat_map(|map| {
        let map: Tensor<3> = map.clone().flatten(2, 3); // [n, c, h w]
        let mean = map.clone().mean_dim(2);
        let variance = (map - mean.clone()).square().mean_dim(2);
        [mean.squeeze_dim::<2>(2), (variance + 1e-6).log().squeeze_dim(2)]
    });
    Tensor::cat(parts.collect(), 1)
}

fn log_sum_exp(x: Tensor<2>) -> Tensor<2> {
    let largest = x.clone().inner().max_dim(1);
    (x - largest.clone()).exp().sum_dim(1).log() + largest
}

/// x / max(|x|, 1e-12) along rows.
fn unit_rows(x: Tensor<2>) -> Tensor<2> {
    let length = x.clone().square().sum_dim(1).clamp_min(1e-24).sqrt();
    x / length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stands_opposite_to_itself() {
        let mut stream = Stream::new(7, 0, 0);
        for m in 2..6 {
            for order in derangements(50, m, &mut stream) {
                let mut sorted = order.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..m).collect::<Vec<_>>());
                assert!(order.iter().enumerate().all(|(i, &j)| i != j), "{order:?}");
            }
        }
        assert_eq!(derangements(2, 1, &mut stream), [[0], [0]]);
    }

    #[test]
    fn moments_that_agree_within_patterns_cost_less() {
        let device = burn::tensor::Device::flex();
        let loss = |rows: [[f32; 2]; 4]| -> f32 {
            moments_loss(Tensor::from_data(TensorData::from(rows), &device), 2).into_scalar()
        };
        let sorted = loss([[0.0, 0.0], [0.1, 0.0], [1.0, 1.0], [1.1, 1.0]]);
        let mixed = loss([[0.0, 0.0], [1.0, 1.0], [0.1, 0.0], [1.1, 1.0]]);
        assert!(sorted < 0.01 && mixed > 5.0, "{sorted} {mixed}");
    }
}
