//! Contrast energy after Groen, Ghebreab, Prins, Lamme and Scholte (2013): the response of a
//! second-derivative filter, normalised by its maximum, less a noise threshold.

use std::sync::LazyLock;

use rayon::prelude::*;

use crate::plane::Plane;
use crate::simd::{weigh, wide};

/// Standard deviation of the Gaussian whose second derivative is the filter.
const SIGMA: f64 = 3.25;

/// Taps at -9.75, -8.75 .. 9.25: as the release samples it, off centre by half a step.
const TAPS: usize = 20;

/// Pixels that are copied beyond each edge.
const MARGIN: usize = 10;

/// Semi-saturation of the normalisation, relative to the maximum.
const SATURATION: f64 = 0.1;

/// Contrast energy of every pixel of a channel in 8-bit units; both sides must have 10 pixels.
pub(super) fn contrast_energy(channel: &Plane, noise: f64) -> Plane {
    let (width, height) = (channel.width, channel.height);
    let mut energy = Plane::by_rows(width, height, |y, out| {
        let row = channel.row(y);
        let padded = [&row[..MARGIN], row, &row[width - MARGIN..]].concat();
        // A convolution runs backwards over its input; the last of the 21 pixels around is not met.
        weigh(std::array::from_fn::<_, TAPS, _>(|k| &padded[TAPS - k..][..width]), &KERNEL, out);
        let mut down = vec![0.0; width];
        let rows = std::array::from_fn(|k| channel.row(bordered(y + TAPS - k, height)));
        weigh::<TAPS>(rows, &KERNEL, &mut down);
        magnitude(&down, out);
    });
    let rows = energy.data.par_chunks(width);
    let most = rows
        .map(|row| row.iter().fold(0.0_f64, |most, &e| if e > most { e } else { most }))
        .reduce(|| 0.0, f64::max);
    energy.data.par_chunks_mut(width).for_each(|row| respond(row, most, noise));
    energy
}

wide! {
    fn magnitude(down: &[f64], across: &mut [f64]) {
        across.iter_mut().zip(down).for_each(|(out, down)| *out = (*out * *out + down * down).sqrt());
    }
}

wide! {
    /// Normalises by the maximum of the picture and takes off the noise. Where nothing responds at all,
    /// NaN is compared.
    fn respond(row: &mut [f64], most: f64, noise: f64) {
        for e in row {
            let response = *e * most / (*e + SATURATION * most) - noise;
            *e = if response > 1e-7 { response } else { 0.0 };
        }
    }
}

/// The row out of `n` that row `i` of a picture with margins shows: the first pixels once more in front,
/// the last ones once more behind, both in their order.
fn bordered(i: usize, n: usize) -> usize {
    if i < MARGIN {
        i
    } else if i < MARGIN + n {
        i - MARGIN
    } else {
        i - 2 * MARGIN
    }
}

static KERNEL: LazyLock<[f64; TAPS]> = LazyLock::new(|| {
    let place = |i: usize| i as f64 - 9.75;
    let gaussian: [f64; TAPS] = std::array::from_fn(|i| (-place(i).powi(2) / (2.0 * SIGMA * SIGMA)).exp());
    let sum: f64 = gaussian.iter().sum();
    let second = |i: usize| (place(i).powi(2) / SIGMA.powi(4) - 1.0 / (SIGMA * SIGMA)) * gaussian[i] / sum;
    let raw: [f64; TAPS] = std::array::from_fn(second);
    let mean = raw.iter().sum::<f64>() / TAPS as f64;
    let centred = raw.map(|k| k - mean);
    let norm: f64 = (0..TAPS).map(|i| 0.5 * place(i).powi(2) * centred[i]).sum();
    centred.map(|k| k / norm)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_repeat_the_ends_in_order() {
        let places: Vec<usize> = (0..32).map(|i| bordered(i, 12)).collect();
        let expected: Vec<usize> = (0..10).chain(0..12).chain(2..12).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn a_constant_channel_has_no_energy() {
        let flat = Plane { width: 16, height: 16, data: vec![200.0; 256] };
        assert!(contrast_energy(&flat, 0.1).data.iter().all(|&e| e == 0.0));
    }
}
