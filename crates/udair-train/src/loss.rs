//! Losses between the restored and the clean picture, weighted so that pictures without a
//! reference take no part.

use burn::tensor::{Device, Tensor, TensorData};

/// Restoration losses of a batch, each the mean over the pictures with a reference: `[1]`.
#[derive(Debug, Clone)]
pub struct Restoration {
    /// Mean absolute error.
    pub l1: Tensor<1>,
    /// ln(mean squared error + 1e-5): what PSNR measures, and small errors still count.
    pub log_mse: Tensor<1>,
    /// Mean absolute error of real and imaginary part of the orthonormal spectrum.
    pub fft: Tensor<1>,
    /// Mean squared error of every picture, without gradient: `[n]`.
    pub mse: Tensor<1>,
}

impl Restoration {
    /// Compares `[n, 3, h, w]` pictures; `referenced` tells which of them have a reference.
    pub fn new(restored: Tensor<4>, clean: Tensor<4>, referenced: &[bool]) -> Self {
        let device = restored.device().inner();
        let count = referenced.iter().filter(|&&has| has).count().max(1) as f32;
        let weights: Vec<f32> = referenced.iter().map(|&has| if has { 1.0 / count } else { 0.0 }).collect();
        let weights = Tensor::<1>::from_data(weights.as_slice(), &device);
        let mean = |map: Tensor<4>| map.mean_dims(&[1, 2, 3]).flatten::<1>(0, 3);
        let weighted = |values: Tensor<1>| (values * weights.clone()).sum();
        let error = restored - clean;
        let mse = mean(error.clone().square());
        let [real, imaginary] = spectrum(error.clone());
        Self {
            l1: weighted(mean(error.abs())),
            log_mse: weighted((mse.clone() + 1e-5).log()),
            fft: weighted(mean(real.abs()) + mean(imaginary.abs())) / 2.0,
            mse: mse.inner(),
        }
    }
}

/// Real and imaginary part of the orthonormal 2-D Fourier transform, as four matrix products per
/// axis pair; crops are small, so the matrices are too. `[n, c, h, w]` to the half spectrum
/// `[n, c, h, w / 2 + 1]`.
fn spectrum(x: Tensor<4>) -> [Tensor<4>; 2] {
    let [_, _, h, w] = x.dims();
    let device = x.device().inner();
    let [row_cos, row_sin] = waves(w, w / 2 + 1, &device);
    let [column_cos, column_sin] = waves(h, h, &device).map(Tensor::transpose);
    let (c, s) = (x.clone().matmul(row_cos.unsqueeze()), x.matmul(row_sin.unsqueeze()));
    let (column_cos, column_sin) = (column_cos.unsqueeze::<4>(), column_sin.unsqueeze::<4>());
    let real = column_cos.clone().matmul(c.clone()) - column_sin.clone().matmul(s.clone());
    let imaginary = (column_cos.matmul(s) + column_sin.matmul(c)) * -1.0;
    [real, imaginary]
}

/// cos and sin of 2 pi i j / n over sqrt(n), `[n, frequencies]`.
fn waves(n: usize, frequencies: usize, device: &Device) -> [Tensor<2>; 2] {
    [f64::cos, f64::sin].map(|wave| {
        let values = (0..n * frequencies).map(|at| {
            let turn = (at / frequencies) * (at % frequencies) % n;
            (wave(std::f64::consts::TAU * turn as f64 / n as f64) / (n as f64).sqrt()) as f32
        });
        Tensor::from_data(TensorData::new(values.collect(), [n, frequencies]), device)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec().unwrap()
    }

    #[test]
    fn spectra_keep_energy_and_find_waves() {
        let device = Device::flex();
        let (h, w) = (6, 8);
        // cos(2 pi (y / 6 + 2 x / 8)): all energy in one bin, sqrt(h w) / 2 high.
        let wave = (0..h * w).map(|at| {
            let (y, x) = ((at / w) as f32, (at % w) as f32);
            (std::f32::consts::TAU * (y / 6.0 + 2.0 * x / 8.0)).cos()
        });
        let wave = Tensor::<4>::from_data(TensorData::new(wave.collect(), [1, 1, h, w]), &device);
        let [real, imaginary] = spectrum(wave);
        let real = values(real);
        let peak = 5 + 2;
        for (at, value) in real.iter().enumerate() {
            let expected = if at == peak { (48.0_f32).sqrt() / 2.0 } else { 0.0 };
            assert!((value - expected).abs() < 1e-5, "bin {at}: {value}");
        }
        assert!(values(imaginary).iter().all(|v| v.abs() < 1e-5));
    }

    #[test]
    fn pictures_without_reference_take_no_part() {
        let device = Device::flex();
        let restored = Tensor::<4>::from_data(
            TensorData::new([vec![0.5_f32; 12], vec![9.0; 12]].concat(), [2, 3, 2, 2]),
            &device,
        );
        let losses = Restoration::new(restored, Tensor::zeros([2, 3, 2, 2], &device), &[true, false]);
        assert_eq!(values(losses.l1), [0.5]);
        assert!((values(losses.log_mse)[0] - (0.25_f32 + 1e-5).ln()).abs() < 1e-6);
        // A constant 0.5 has one bin of 0.5 · 2; the half spectrum has 4 bins.
        assert!((values(losses.fft)[0] - 1.0 / 4.0 / 2.0).abs() < 1e-6);
    }
}
