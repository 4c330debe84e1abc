//! The algebra of linear discriminant analysis: standardised features, their covariance within groups, and the axes
//! that the whitened centres of groups span. Rows are pictures, columns are numbers of a feature.

use rayon::prelude::*;

/// Share of the mean variance that is added to the covariance's diagonal.
const SHRINKAGE: f64 = 3.0;

/// The weighted mean of every group.
pub(super) fn centres(
    standard: &[Vec<f64>],
    weights: &[f64],
    groups: &[usize],
    count: usize,
) -> Vec<Vec<f64>> {
    let (mut centres, mut totals) = (vec![vec![0.0; standard[0].len()]; count], vec![0.0; count]);
    for ((row, &group), weight) in standard.iter().zip(groups).zip(weights) {
        centres[group].iter_mut().zip(row).for_each(|(c, v)| *c += weight * v);
        totals[group] += weight;
    }
    centres.iter_mut().zip(totals).for_each(|(centre, total)| centre.iter_mut().for_each(|c| *c /= total));
    centres
}

/// The weighted mean of the covariance within groups, shrunk; row after row.
pub(super) fn within(
    standard: &[Vec<f64>],
    weights: &[f64],
    groups: &[usize],
    centres: &[Vec<f64>],
) -> Vec<f64> {
    let f = centres[0].len();
    let total: f64 = weights.iter().sum();
    let scaled = |((row, &group), weight): ((&Vec<f64>, &usize), &f64)| -> Vec<f64> {
        let root = (weight / total).sqrt();
        row.iter().zip(&centres[group]).map(|(v, c)| root * (v - c)).collect()
    };
    let rows: Vec<Vec<f64>> = standard.iter().zip(groups).zip(weights).map(scaled).collect();
    let mut covariance = vec![0.0; f * f];
    covariance.par_chunks_mut(f).enumerate().for_each(|(i, line)| {
        for row in &rows {
            // The lower triangle is all that the factorisation reads.
            line[..=i].iter_mut().zip(row).for_each(|(sum, v)| *sum += row[i] * v);
        }
    });
    let ridge = SHRINKAGE * (0..f).map(|i| covariance[i * f + i]).sum::<f64>() / f as f64 + 1e-9;
    (0..f).for_each(|i| covariance[i * f + i] += ridge);
    covariance
}

pub(super) fn standardise(row: &[f64], mean: &[f64], scale: &[f64]) -> Vec<f64> {
    row.iter().zip(mean.iter().zip(scale)).map(|(v, (m, s))| (v - m) / s).collect()
}

/// Weighted mean and standard deviation (at least 1e-6) of every column.
pub(super) fn moments(rows: &[Vec<f64>], weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let total: f64 = weights.iter().sum();
    let average = |term: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
        let mut sums = vec![0.0; rows[0].len()];
        for (row, weight) in rows.iter().zip(weights) {
            let terms = sums.iter_mut().zip(row).enumerate();
            terms.for_each(|(i, (sum, &v))| *sum += weight / total * term(i, v));
        }
        sums
    };
    let mean = average(&|_, v| v);
    let scale = average(&|i, v| (v - mean[i]).powi(2)).into_iter().map(|v| v.sqrt() + 1e-6).collect();
    (mean, scale)
}

/// The lower triangle C of a positive definite n x n matrix, C Cᵀ = A; reads the lower triangle.
pub(super) fn cholesky(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    for i in 0..n {
        for j in 0..=i {
            let rest = a[i * n + j] - dot(&a[i * n..i * n + j], &a[j * n..j * n + j]);
            a[i * n + j] = if i == j { rest.sqrt() } else { rest / a[j * n + j] };
        }
    }
    a
}

/// Axes C⁻ᵀ q, where q are orthonormal and span the whitened centres C⁻¹ c about their mean.
pub(super) fn projection(factor: &[f64], centres: &[Vec<f64>], n: usize) -> Vec<Vec<f64>> {
    let mean: Vec<f64> =
        (0..n).map(|i| centres.iter().map(|c| c[i]).sum::<f64>() / centres.len() as f64).collect();
    let mut axes: Vec<Vec<f64>> = Vec::new();
    for centre in &centres[..centres.len() - 1] {
        let mut y: Vec<f64> = centre.iter().zip(&mean).map(|(c, m)| c - m).collect();
        for i in 0..n {
            y[i] = (y[i] - dot(&factor[i * n..i * n + i], &y[..i])) / factor[i * n + i];
        }
        let before = dot(&y, &y).sqrt();
        // Twice, because one Gram-Schmidt pass loses orthogonality.
        for axis in axes.clone().iter().chain(&axes.clone()) {
            let along = dot(axis, &y);
            y.iter_mut().zip(axis).for_each(|(y, a)| *y -= along * a);
        }
        let length = dot(&y, &y).sqrt();
        // A centre between others needs no axis of its own.
        if length > 1e-9 * before {
            axes.push(y.into_iter().map(|v| v / length).collect());
        }
    }
    if axes.is_empty() {
        // An analysis that sees no difference between patterns names them at random, and is no error.
        axes.push((0..n).map(|i| f64::from(u8::from(i == 0))).collect());
    }
    for axis in &mut axes {
        for i in (0..n).rev() {
            let rest: f64 = (i + 1..n).map(|j| factor[j * n + i] * axis[j]).sum();
            axis[i] = (axis[i] - rest) / factor[i * n + i];
        }
    }
    axes
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
