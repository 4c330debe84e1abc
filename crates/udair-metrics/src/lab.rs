//! CIE L\*a\*b\* in the four ways that programs compute it: they differ by white, and by 8-bit rounding.

use std::sync::LazyLock;

use crate::colour::round;

type Rows = [[f64; 3]; 3];

/// A linear sRGB to XYZ matrix with its white.
pub(crate) struct Illuminant {
    matrix: Rows,
    white: [f64; 3],
}

/// D50 by Bradford's adaptation: MATLAB's `makecform('srgb2lab')`.
pub(crate) const D50: Illuminant = Illuminant {
    matrix: [
        [0.436_074_7, 0.385_064_9, 0.143_080_4],
        [0.222_504_5, 0.716_878_6, 0.060_616_9],
        [0.013_932_2, 0.097_104_5, 0.714_173_3],
    ],
    white: [0.9642, 1.0, 0.8249],
};

const TO_XYZ: Rows =
    [[0.412_453, 0.357_580, 0.180_423], [0.212_671, 0.715_160, 0.072_169], [0.019_334, 0.119_193, 0.950_227]];

/// D65 with OpenCV's white, to which the matrix takes (1, 1, 1), so that greys have no colour.
pub(crate) const D65: Illuminant = Illuminant { matrix: TO_XYZ, white: [0.950_456, 1.0, 1.088_754] };

/// Linear light of an sRGB value in 0..=1 (IEC 61966-2-1).
fn linear(value: f64) -> f64 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// Linear light of every 8-bit value.
static LINEAR: LazyLock<[f64; 256]> =
    LazyLock::new(|| std::array::from_fn(|value| linear(value as f64 / 255.0)));

/// CIE's f: a cube root with a straight line near 0.
fn f(t: f64) -> f64 {
    if t >= 216.0 / 24389.0 { t.cbrt() } else { t * 841.0 / 108.0 + 16.0 / 116.0 }
}

/// L in 0..=100, a and b in about -128..128.
#[inline(always)]
pub(crate) fn lab(pixel: [u8; 3], illuminant: &Illuminant) -> [f64; 3] {
    let rgb = pixel.map(|value| LINEAR[usize::from(value)]);
    let [x, y, z] = std::array::from_fn(|i| {
        let [r, g, b] = illuminant.matrix[i];
        f((r * rgb[0] + g * rgb[1] + b * rgb[2]) / illuminant.white[i])
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// [`lab`] at D50 in whole numbers 0..=255: L times 2.55, a and b plus 128.
pub(crate) fn lab_8bit(pixel: [u8; 3]) -> [u8; 3] {
    let [l, a, b] = lab(pixel, &D50);
    [l * 2.55, a + 128.0, b + 128.0].map(|x| round(x) as u8)
}

/// OpenCV's integer conversion of 8-bit sRGB, bit for bit: L times 2.55, a and b plus 128, 0..=255.
#[inline(always)]
pub(crate) fn lab_opencv(pixel: [u8; 3]) -> [u8; 3] {
    let tables = &*OPENCV;
    let [r, g, b] = std::array::from_fn(|c| tables.parts[c][usize::from(pixel[c])]);
    let sums: [i32; 4] = std::array::from_fn(|i| r[i] + g[i] + b[i]);
    let [x, y, z, _] = sums.map(|sum| tables.root[descale(sum, 12) as usize % ROOTS]);
    let l = descale(296 * y - 1_336_934, 15);
    let a = descale(500 * (x - y) + (128 << 15), 15);
    let b = descale(200 * (y - z) + (128 << 15), 15);
    [l, a, b].map(|x| x.clamp(0, 255) as u8)
}

/// Division by a power of two, rounded.
#[inline(always)]
fn descale(value: i32, bits: u32) -> i32 {
    (value + (1 << (bits - 1))) >> bits
}

/// More roots than are needed, so that no index can be out of range.
const ROOTS: usize = 4096;

struct OpenCv {
    /// Of every value of every channel the part in X, Y and Z relative to white, times 2040 * 4096; the
    /// fourth number fills a vector.
    parts: [[[i32; 4]; 256]; 3],
    /// CIE's f of every 2040th, times 32768.
    root: [i32; ROOTS],
}

static OPENCV: LazyLock<OpenCv> = LazyLock::new(|| {
    let matrix = opencv_matrix();
    let part = |c: usize, value: usize| {
        let linear = round(2040.0 * LINEAR[value]) as i32;
        [matrix[0][c] * linear, matrix[1][c] * linear, matrix[2][c] * linear, 0]
    };
    let mut root = std::array::from_fn(|j| round(32768.0 * f(j as f64 / 2040.0)) as i32);
    // OpenCV's software floats round these two the other way.
    (root[49], root[628]) = (9454, 22126);
    OpenCv { parts: std::array::from_fn(|c| std::array::from_fn(|value| part(c, value))), root }
});

/// To XYZ relative to white, times 4096.
fn opencv_matrix() -> [[i32; 3]; 3] {
    std::array::from_fn(|i| TO_XYZ[i].map(|m| round(4096.0 * m / D65.white[i]) as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integer_matrix_is_opencvs() {
        assert_eq!(opencv_matrix(), [[1777, 1541, 778], [871, 2929, 296], [73, 448, 3575]]);
    }

    #[test]
    fn every_colour_is_opencvs() {
        // The same sum over the result of OpenCV 4.12.
        let sum = (0..1_u64 << 24).fold(0_u64, |sum, i| {
            let [l, a, b] = lab_opencv([(i >> 16) as u8, (i >> 8) as u8, i as u8]).map(u64::from);
            sum.wrapping_add((l << 16 | a << 8 | b).wrapping_mul(2 * i + 1))
        });
        assert_eq!(sum, 4_296_439_484_621_414_248);
    }

    #[test]
    fn greys_have_no_colour() {
        for value in 0..=255 {
            let [_, a, b] = lab_opencv([value; 3]);
            assert_eq!((a, b), (128, 128), "{value}");
        }
        assert_eq!(lab_opencv([255; 3])[0], 255);
        assert_eq!(lab_opencv([0; 3])[0], 0);
    }
}
