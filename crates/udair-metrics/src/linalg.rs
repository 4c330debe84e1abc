//! Quadratic forms with symmetric matrices of a few dozen rows: distances between Gaussians.

/// A square matrix, row by row.
pub(crate) type Matrix<const N: usize> = [[f64; N]; N];

/// Whether all numbers are finite and the matrix is symmetric.
pub(crate) fn is_covariance<const N: usize>(matrix: &Matrix<N>) -> bool {
    (0..N).all(|i| (0..=i).all(|j| matrix[i][j].is_finite() && matrix[i][j] == matrix[j][i]))
}

/// `vᵀ M⁺ v`, where M⁺ is the inverse, or the pseudo-inverse of a singular matrix.
pub(crate) fn inverse_form<const N: usize>(matrix: &Matrix<N>, v: &[f64; N]) -> f64 {
    match cholesky(matrix) {
        // |L⁻¹ v|², by forward substitution.
        Some(lower) => {
            let mut solved = [0.0; N];
            for i in 0..N {
                let known: f64 = (0..i).map(|j| lower[i][j] * solved[j]).sum();
                solved[i] = (v[i] - known) / lower[i][i];
            }
            solved.iter().map(|x| x * x).sum()
        }
        None => pseudo_inverse_form(matrix, v),
    }
}

/// The inverse, or the pseudo-inverse of a singular matrix.
pub(crate) fn inverse<const N: usize>(matrix: &Matrix<N>) -> Matrix<N> {
    let Eigen { values, vectors } = Eigen::of(matrix);
    let least = least_eigenvalue::<N>(&values);
    std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            let part = |k: usize| vectors[i][k] * vectors[j][k] / values[k];
            (0..N).filter(|&k| values[k].abs() > least).map(part).sum()
        })
    })
}

/// Lower triangle L with `L Lᵀ = M`; `None` unless M is safely positive definite.
fn cholesky<const N: usize>(matrix: &Matrix<N>) -> Option<Matrix<N>> {
    let greatest = (0..N).map(|i| matrix[i][i]).fold(0.0, f64::max);
    let least = N as f64 * f64::EPSILON * greatest;
    let mut lower = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix[i][j] - known;
            if i == j {
                if rest.is_nan() || rest <= least {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
    }
    Some(lower)
}

fn pseudo_inverse_form<const N: usize>(matrix: &Matrix<N>, v: &[f64; N]) -> f64 {
    let Eigen { values, vectors } = Eigen::of(matrix);
    let least = least_eigenvalue::<N>(&values);
    let along = |k: usize| (0..N).map(|i| vectors[i][k] * v[i]).sum::<f64>();
    (0..N).filter(|&k| values[k].abs() > least).map(|k| along(k).powi(2) / values[k]).sum()
}

/// Below this an eigenvalue counts as 0, as in MATLAB's `pinv`.
fn least_eigenvalue<const N: usize>(values: &[f64; N]) -> f64 {
    N as f64 * f64::EPSILON * values.iter().fold(0.0, |most, value| value.abs().max(most))
}

/// Eigenvalues and, in columns, eigenvectors of a symmetric matrix.
struct Eigen<const N: usize> {
    values: [f64; N],
    vectors: Matrix<N>,
}

impl<const N: usize> Eigen<N> {
    /// By cyclic Jacobi rotations.
    fn of(matrix: &Matrix<N>) -> Self {
        let mut a = *matrix;
        let mut vectors = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
        // Convergence is quadratic; a dozen sweeps are plenty.
        for _sweep in 0..30 {
            let off =
                |a: &Matrix<N>| (0..N).flat_map(|i| (0..i).map(move |j| (i, j))).any(|(i, j)| a[i][j] != 0.0);
            if !off(&a) {
                break;
            }
            for p in 0..N {
                for q in p + 1..N {
                    rotate(&mut a, &mut vectors, p, q);
                }
            }
        }
        Self { values: std::array::from_fn(|i| a[i][i]), vectors }
    }
}

/// Rotates rows and columns `p` and `q` so that the element between them becomes 0.
fn rotate<const N: usize>(a: &mut Matrix<N>, vectors: &mut Matrix<N>, p: usize, q: usize) {
    if a[p][q].abs() <= f64::EPSILON * f64::EPSILON * (a[p][p].abs() + a[q][q].abs()) {
        (a[p][q], a[q][p]) = (0.0, 0.0);
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for k in 0..N {
        let (kp, kq) = (a[k][p], a[k][q]);
        (a[k][p], a[k][q]) = (c * kp - s * kq, s * kp + c * kq);
    }
    for k in 0..N {
        let (pk, qk) = (a[p][k], a[q][k]);
        (a[p][k], a[q][k]) = (c * pk - s * qk, s * pk + c * qk);
        let (kp, kq) = (vectors[k][p], vectors[k][q]);
        (vectors[k][p], vectors[k][q]) = (c * kp - s * kq, s * kp + c * kq);
    }
    (a[p][q], a[q][p]) = (0.0, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definite_form_is_the_same_by_both_ways() {
        let matrix = [[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]];
        let v = [1.0, -2.0, 0.5];
        let inverse = inverse(&matrix);
        let direct: f64 =
            (0..3).flat_map(|i| (0..3).map(move |j| (i, j))).map(|(i, j)| v[i] * inverse[i][j] * v[j]).sum();
        assert!((inverse_form(&matrix, &v) - direct).abs() < 1e-14);
        assert!((pseudo_inverse_form(&matrix, &v) - direct).abs() < 1e-14);
    }

    #[test]
    fn a_singular_form_counts_only_its_range() {
        // Rank 1 along (1, 2): the pseudo-inverse is M / 25.
        let matrix = [[1.0, 2.0], [2.0, 4.0]];
        assert!((inverse_form(&matrix, &[1.0, 2.0]) - 1.0).abs() < 1e-14);
        assert!(inverse_form(&matrix, &[2.0, -1.0]).abs() < 1e-14);
        assert_eq!(inverse_form(&[[0.0; 2]; 2], &[1.0, 1.0]), 0.0);
    }
}
