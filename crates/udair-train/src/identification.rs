//! How pictures are told apart: the `identify.*` tensors, from features of training crops.
//!
//! Features are standardised, whitened by the pooled covariance within patterns W (shrunk: W +
//! 0.3 mean(diag W) I) and projected onto the span of the patterns' means, so that the distance to
//! a mean is measured in the spread that pictures of one pattern have (linear discriminant
//! analysis, Fisher 1936).

use std::collections::BTreeMap;

use udair_engine::{Engine, EngineError, Silent, Tensor};

use crate::TrainError;
use crate::batches::Batches;

/// Share of the mean variance that is added to the covariance's diagonal.
const SHRINKAGE: f64 = 0.3;
/// Unseen pictures are less sure than training crops: the best temperature is raised by this.
const CAUTION: f64 = 1.5;

/// Features with the number of each one's pattern.
#[derive(Debug, Clone, Default)]
pub struct Features {
    /// One picture's feature each.
    pub rows: Vec<Vec<f64>>,
    /// Their patterns.
    pub labels: Vec<usize>,
}

impl Features {
    /// Features of at least `per_pattern` crops of every pattern, of the given sizes in turn,
    /// from the batches from number `first` on.
    pub fn collect(
        engine: &Engine,
        batches: &dyn Batches,
        first: u64,
        sizes: &[usize],
        per_pattern: usize,
    ) -> Result<Self, TrainError> {
        let mut features = Self::default();
        for (number, &size) in (0..per_pattern as u64).zip(sizes.iter().cycle()) {
            let batch = batches.batch(first + number, size, 1)?;
            for (picture, label) in batch.labels().into_iter().enumerate() {
                let Some(label) = label else { continue };
                let rgb = batch.rgb(&batch.degraded, picture);
                features.rows.push(engine.conditions(&rgb, size, size, &Silent)?.feature);
                features.labels.push(label);
            }
        }
        Ok(features)
    }

    /// The tensors `mean`, `scale`, `project`, `anchors` and `temperature` that tell `patterns`
    /// patterns apart.
    ///
    /// # Errors
    /// [`EngineError::Config`] where a pattern has fewer than two pictures.
    pub fn fit(&self, patterns: usize) -> Result<BTreeMap<String, Tensor>, EngineError> {
        let count = |pattern| self.labels.iter().filter(|&&label| label == pattern).count();
        if let Some(pattern) = (0..patterns).find(|&pattern| count(pattern) < 2) {
            let message = format!("pattern {pattern} has fewer than two pictures to be told by");
            return Err(EngineError::Config(message));
        }
        let f = self.rows[0].len();
        let (mean, scale) = moments(&self.rows);
        let standard: Vec<Vec<f64>> =
            self.rows.iter().map(|row| (0..f).map(|i| (row[i] - mean[i]) / scale[i]).collect()).collect();
        let mut centres = vec![vec![0.0; f]; patterns];
        for (row, &label) in standard.iter().zip(&self.labels) {
            let share = 1.0 / count(label) as f64;
            centres[label].iter_mut().zip(row).for_each(|(c, v)| *c += share * v);
        }
        let factor = cholesky(self.within(&standard, &centres), f);
        let project = projection(&factor, &centres, f);
        let rank = project.len();
        let place = |row: &[f64]| project.iter().map(|axis| dot(axis, row)).collect::<Vec<f64>>();
        let anchors: Vec<Vec<f64>> = centres.iter().map(|centre| place(centre)).collect();
        let distances: Vec<Vec<f64>> = standard
            .iter()
            .map(|row| {
                let u = place(row);
                anchors
                    .iter()
                    .map(|anchor| u.iter().zip(anchor).map(|(u, a)| (u - a).powi(2)).sum())
                    .collect()
            })
            .collect();
        let tensor = |shape: &[usize], data: &mut dyn Iterator<Item = f64>| Tensor {
            shape: shape.to_vec(),
            data: data.map(|v| v as f32).collect(),
        };
        Ok(BTreeMap::from([
            ("mean".to_string(), tensor(&[f], &mut mean.iter().copied())),
            ("scale".to_string(), tensor(&[f], &mut scale.iter().copied())),
            (
                "project".to_string(),
                tensor(&[f, rank], &mut (0..f * rank).map(|at| project[at % rank][at / rank])),
            ),
            ("anchors".to_string(), tensor(&[patterns, rank], &mut anchors.concat().into_iter())),
            (
                "temperature".to_string(),
                tensor(&[], &mut [CAUTION * self.temperature(&distances)].into_iter()),
            ),
        ]))
    }

    /// The mean over patterns of the covariance within each, shrunk; row after row.
    fn within(&self, standard: &[Vec<f64>], centres: &[Vec<f64>]) -> Vec<f64> {
        let (f, patterns) = (centres[0].len(), centres.len());
        let mut covariance = vec![0.0; f * f];
        for (pattern, centre) in centres.iter().enumerate() {
            let own = |&(_, label): &(&Vec<f64>, &usize)| *label == pattern;
            let rows: Vec<_> = standard.iter().zip(&self.labels).filter(own).map(|(row, _)| row).collect();
            let share = 1.0 / ((rows.len() - 1) * patterns) as f64;
            for row in rows {
                let centred: Vec<f64> = row.iter().zip(centre).map(|(v, c)| v - c).collect();
                for (i, line) in covariance.chunks_exact_mut(f).enumerate() {
                    let weight = share * centred[i];
                    line.iter_mut().zip(&centred).for_each(|(sum, v)| *sum += weight * v);
                }
            }
        }
        let ridge = SHRINKAGE * (0..f).map(|i| covariance[i * f + i]).sum::<f64>() / f as f64 + 1e-9;
        (0..f).for_each(|i| covariance[i * f + i] += ridge);
        covariance
    }

    /// The temperature from 1/4 to 2^10 under which the true patterns are most probable.
    fn temperature(&self, distances: &[Vec<f64>]) -> f64 {
        let cost = |temperature: f64| -> f64 {
            let surprise = |(row, &label): (&Vec<f64>, &usize)| {
                let least = row.iter().copied().fold(f64::INFINITY, f64::min);
                let total: f64 = row.iter().map(|d| ((least - d) / temperature).exp()).sum();
                (row[label] - least) / temperature + total.ln()
            };
            distances.iter().zip(&self.labels).map(surprise).sum()
        };
        let candidates = (-8..=40).map(|k| (f64::from(k) / 4.0).exp2());
        candidates.min_by(|&a, &b| cost(a).total_cmp(&cost(b))).expect("there are candidates")
    }
}

/// Mean and standard deviation (with n - 1, and at least 1e-6) of every column.
fn moments(rows: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let n = rows.len() as f64;
    let column = |i: usize| rows.iter().map(move |row| row[i]);
    let mean: Vec<f64> = (0..rows[0].len()).map(|i| column(i).sum::<f64>() / n).collect();
    let scale =
        |(i, m): (usize, &f64)| (column(i).map(|v| (v - m).powi(2)).sum::<f64>() / (n - 1.0)).sqrt() + 1e-6;
    (mean.clone(), mean.iter().enumerate().map(scale).collect())
}

/// The lower triangle C of a positive definite n x n matrix, C Cᵀ = A.
fn cholesky(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    for i in 0..n {
        for j in 0..=i {
            let rest = a[i * n + j] - dot(&a[i * n..i * n + j], &a[j * n..j * n + j]);
            a[i * n + j] = if i == j { rest.sqrt() } else { rest / a[j * n + j] };
        }
    }
    a
}

/// Axes C⁻ᵀ q, where q are orthonormal and span the whitened centres C⁻¹ c about their mean.
fn projection(factor: &[f64], centres: &[Vec<f64>], n: usize) -> Vec<Vec<f64>> {
    let mean: Vec<f64> =
        (0..n).map(|i| centres.iter().map(|c| c[i]).sum::<f64>() / centres.len() as f64).collect();
    let mut axes: Vec<Vec<f64>> = Vec::new();
    for centre in &centres[..centres.len() - 1] {
        let mut y: Vec<f64> = centre.iter().zip(&mean).map(|(c, m)| c - m).collect();
        for i in 0..n {
            y[i] = (y[i] - dot(&factor[i * n..i * n + i], &y[..i])) / factor[i * n + i];
        }
        // Twice, because one Gram-Schmidt pass loses orthogonality.
        for axis in axes.clone().iter().chain(&axes.clone()) {
            let along = dot(axis, &y);
            y.iter_mut().zip(axis).for_each(|(y, a)| *y -= along * a);
        }
        let length = dot(&y, &y).sqrt();
        axes.push(y.into_iter().map(|v| v / length.max(1e-12)).collect());
    }
    for axis in &mut axes {
        for i in (0..n).rev() {
            let rest: f64 = (i + 1..n).map(|j| factor[j * n + i] * axis[j]).sum();
            axis[i] = (axis[i] - rest) / factor[i * n + i];
        }
    }
    axes
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;
    use udair_engine::{Config, Identifier};

    /// Three clusters that differ a little in 40 features, while 200 others vary together and much
    /// more in every cluster.
    fn features(seed: u64) -> Features {
        let mut stream = Stream::new(seed, 0, 0);
        let mut features = Features::default();
        for at in 0..360 {
            let label = at % 3;
            let shared = 3.0 * stream.normal();
            let value = |i: usize| match i {
                0..200 => shared,
                200..240 if i % 3 == label => 1.0,
                _ => 0.0,
            };
            let row = (0..28 * Config::small().width).map(|i| f64::from(value(i) + stream.normal()));
            features.rows.push(row.collect());
            features.labels.push(label);
        }
        features
    }

    #[test]
    fn clusters_are_told_apart_in_their_own_spread() {
        let (seen, fresh) = (features(1), features(2));
        let names: Vec<String> = ["a", "b", "c"].map(String::from).into();
        let identifier = Identifier::from_tensors(&Config::small(), &names, seen.fit(3).unwrap()).unwrap();
        let share = |right: &dyn Fn(&[f64], usize) -> bool| {
            let pairs = fresh.rows.iter().zip(&fresh.labels);
            pairs.filter(|(row, label)| right(row, **label)).count() as f64 / fresh.rows.len() as f64
        };
        let fitted = share(&|row, label| identifier.identify(row).best().pattern == names[label]);
        let centre = |label: usize| {
            let own = || seen.rows.iter().zip(&seen.labels).filter(|(_, l)| **l == label).map(|(row, _)| row);
            let mean = |i: usize| own().map(|row| row[i]).sum::<f64>() / own().count() as f64;
            (0..seen.rows[0].len()).map(mean).collect::<Vec<f64>>()
        };
        let centres = [centre(0), centre(1), centre(2)];
        let plain = share(&|row, label| {
            let distance = |k: usize| row.iter().zip(&centres[k]).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            (0..3).all(|k| distance(label) <= distance(k))
        });
        assert!(fitted > 0.9 && plain < 0.6, "fitted {fitted}, plain distances {plain}");
    }

    #[test]
    fn too_few_pictures_are_refused() {
        assert!(Features { rows: vec![vec![1.0]; 3], labels: vec![0, 0, 1] }.fit(2).is_err());
    }
}
