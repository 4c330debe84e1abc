//! Exact t-SNE (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 2008): points in two
//! dimensions whose neighbourhoods resemble those of rows of many numbers.

use crate::stream::Stream;

/// How many neighbours a point has, about.
const PERPLEXITY: f64 = 20.0;
const STEPS: usize = 500;
/// Steps during which attraction is exaggerated, so that clusters form first.
const EARLY: usize = 100;

/// One point a row, always the same for the same rows.
pub(super) fn tsne(rows: &[Vec<f64>]) -> Vec<[f64; 2]> {
    let n = rows.len();
    let joint = joint(rows);
    let mut stream = Stream::new(1);
    let mut points: Vec<[f64; 2]> =
        (0..n).map(|_| [1e-2 * stream.normal(), 1e-2 * stream.normal()]).collect();
    let mut speed = vec![[0.0; 2]; n];
    for step in 0..STEPS {
        let exaggeration = if step < EARLY { 4.0 } else { 1.0 };
        let momentum = if step < EARLY { 0.5 } else { 0.8 };
        let kernel = |a: [f64; 2], b: [f64; 2]| 1.0 / (1.0 + (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2));
        let total: f64 = (0..n)
            .flat_map(|i| (0..n).map(move |j| (i, j)))
            .map(|(i, j)| if i == j { 0.0 } else { kernel(points[i], points[j]) })
            .sum();
        for i in 0..n {
            let mut pull = [0.0; 2];
            for j in (0..n).filter(|&j| j != i) {
                let q = kernel(points[i], points[j]);
                let force = 4.0 * (exaggeration * joint[i * n + j] - q / total) * q;
                (0..2).for_each(|axis| pull[axis] += force * (points[i][axis] - points[j][axis]));
            }
            let rate = n as f64 / 4.0;
            (0..2).for_each(|axis| speed[i][axis] = momentum * speed[i][axis] - rate * pull[axis]);
        }
        for (point, speed) in points.iter_mut().zip(&speed) {
            (0..2).for_each(|axis| point[axis] += speed[axis]);
        }
    }
    points
}

/// How probable each pair of rows is as neighbours; all pairs sum to 1.
fn joint(rows: &[Vec<f64>]) -> Vec<f64> {
    let n = rows.len();
    let squared = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let conditional: Vec<f64> = (0..n)
        .flat_map(|i| neighbours(i, &rows.iter().map(|row| squared(&rows[i], row)).collect::<Vec<_>>()))
        .collect();
    let pair = |at: usize| (conditional[at] + conditional[at % n * n + at / n]) / (2 * n) as f64;
    (0..n * n).map(pair).collect()
}

/// The probabilities of one row's neighbours, Gaussian of the width that has the perplexity.
fn neighbours(own: usize, distances: &[f64]) -> Vec<f64> {
    let least =
        distances.iter().enumerate().filter(|(j, _)| *j != own).map(|(_, d)| *d).fold(f64::MAX, f64::min);
    let weights = |precision: f64| -> Vec<f64> {
        let weight = |(j, d): (usize, &f64)| if j == own { 0.0 } else { (-(d - least) * precision).exp() };
        let weights: Vec<f64> = distances.iter().enumerate().map(weight).collect();
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|w| w / total).collect()
    };
    let entropy = |p: &[f64]| -p.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
    let wanted = PERPLEXITY.min((distances.len() as f64 - 1.0) / 2.0).max(1.0).ln();
    let (mut low, mut high) = (1e-12_f64, 1e12_f64);
    for _ in 0..80 {
        let middle = (low * high).sqrt();
        if entropy(&weights(middle)) > wanted { low = middle } else { high = middle }
    }
    weights((low * high).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_stay_clusters() {
        let mut stream = Stream::new(9);
        let rows: Vec<Vec<f64>> = (0..60)
            .map(|i| (0..10).map(|axis| stream.normal() + if axis == i % 3 { 12.0 } else { 0.0 }).collect())
            .collect();
        let points = tsne(&rows);
        let distance = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        let nearest = |i: usize| {
            (0..60)
                .filter(|&j| j != i)
                .min_by(|&a, &b| distance(points[i], points[a]).total_cmp(&distance(points[i], points[b])))
        };
        let right = (0..60).filter(|&i| nearest(i).unwrap() % 3 == i % 3).count();
        assert!(right >= 58, "{right} of 60 have a neighbour of their own cluster");
    }
}
