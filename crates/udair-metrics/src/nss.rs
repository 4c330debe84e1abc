//! Natural-scene statistics: normalised luminance (MSCN), on which NIQE, BRISQUE and FADE are built.

mod gaussian;

use crate::plane::Plane;
use crate::simd::wide;
pub(crate) use gaussian::Moments;

/// What becomes of rounding noise in areas of one colour.
///
/// There the normalised luminance should be 0. What the rounding of a weighted sum leaves instead
/// (about 1e-14) has a sign that depends on the order of the summation, and signs are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// It stays as the published programs have it: the window is summed row by row in `f64`.
    #[default]
    Compat,
    /// Normalised luminance below 1e-9 counts as 0: the result does not depend on the arithmetic, and
    /// differs from published numbers where a picture has such areas.
    FlatExact,
}

/// What lies outside of the picture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Border {
    /// The nearest pixel.
    Replicate,
    /// Zeros.
    Zero,
}

const RADIUS: usize = 3;
const SIDE: usize = 2 * RADIUS + 1;

/// One quadrant, from the corner to the centre, of the normalised 7 x 7 Gaussian with sigma 7/6.
/// Literal, so that no mathematics library moves its last digit.
#[expect(clippy::unreadable_literal, clippy::excessive_precision, reason = "digits as they were printed")]
const QUADRANT: [[f64; 4]; 4] = [
    [0.00015775863580826989, 0.00099009503892436622, 0.0029804862989742742, 0.0043035205210607934],
    [0.00099009503892436622, 0.0062138480158640784, 0.01870556678610541, 0.027008944999942323],
    [0.0029804862989742742, 0.01870556678610541, 0.05630942821519818, 0.081305114516614874],
    [0.0043035205210607934, 0.027008944999942323, 0.081305114516614874, 0.1173963553900135],
];

/// Mean and deviation around every pixel.
pub(crate) struct Local {
    pub(crate) mean: Plane,
    pub(crate) deviation: Plane,
}

/// Weighted mean, and square root of the absolute value of the weighted variance, around every pixel.
pub(crate) fn local(grey: &Plane, border: Border) -> Local {
    let padded = match border {
        Border::Replicate => grey.replicated(RADIUS),
        Border::Zero => grey.zero_padded(RADIUS),
    };
    let (mean, deviation) = Plane::pair_by_rows(grey.width, grey.height, |y, mean, deviation| {
        moments(std::array::from_fn(|i| padded.row(y + i)), mean, deviation);
    });
    Local { mean, deviation }
}

wide! {
    /// Mean and deviation of a row of pixels.
    fn moments(rows: [&[f64]; SIDE], mean: &mut [f64], deviation: &mut [f64]) {
        /// Pixels that are summed side by side.
        const LANES: usize = 16;
        let (means, last_means) = mean.as_chunks_mut::<LANES>();
        let (deviations, last_deviations) = deviation.as_chunks_mut::<LANES>();
        let rest = LANES * means.len();
        for (i, (mean, deviation)) in means.iter_mut().zip(deviations).enumerate() {
            (*mean, *deviation) = window(&rows, LANES * i);
        }
        for (i, (mean, deviation)) in last_means.iter_mut().zip(last_deviations).enumerate() {
            ([*mean], [*deviation]) = window(&rows, rest + i);
        }
    }
}

/// Mean and deviation of `N` neighbouring pixels. Each sum runs row by row and without fused products,
/// as in the published programs: [`Mode::Compat`] depends on it.
#[inline(always)]
fn window<const N: usize>(rows: &[&[f64]; SIDE], x: usize) -> ([f64; N], [f64; N]) {
    let (mut sums, mut squares) = ([0.0; N], [0.0; N]);
    for (i, row) in rows.iter().enumerate() {
        let row = &row[x..x + N + SIDE - 1];
        for j in 0..SIDE {
            let weight = QUADRANT[i.min(SIDE - 1 - i)][j.min(SIDE - 1 - j)];
            for lane in 0..N {
                let value = row[j + lane];
                sums[lane] += weight * value;
                squares[lane] += weight * (value * value);
            }
        }
    }
    for lane in 0..N {
        squares[lane] = (squares[lane] - sums[lane] * sums[lane]).abs().sqrt();
    }
    (sums, squares)
}

impl Local {
    /// Mean-subtracted, contrast-normalised luminance: `(grey - mean) / (deviation + 1)`.
    pub(crate) fn normalise(&self, grey: &Plane, mode: Mode) -> Plane {
        let least = match mode {
            Mode::Compat => 0.0,
            Mode::FlatExact => 1e-9,
        };
        Plane::by_rows(grey.width, grey.height, |y, out| {
            normalise(grey.row(y), self.mean.row(y), self.deviation.row(y), least, out);
        })
    }
}

wide! {
    fn normalise(grey: &[f64], mean: &[f64], deviation: &[f64], least: f64, out: &mut [f64]) {
        for (((out, grey), mean), deviation) in out.iter_mut().zip(grey).zip(mean).zip(deviation) {
            let value = (grey - mean) / (deviation + 1.0);
            *out = if value.abs() < least { 0.0 } else { value };
        }
    }
}
