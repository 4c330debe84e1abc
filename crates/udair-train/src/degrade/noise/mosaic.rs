//! Noise on a colour filter mosaic, and its way to three channels.

use super::Camera;
use crate::degrade::photo::mirror;
use crate::rng::Stream;

/// Channel of the Bayer pattern RGGB at (`x`, `y`).
fn filter(x: usize, y: usize) -> usize {
    (x & 1) + (y & 1)
}

/// The noise of every photosite, one value per pixel, in units of the white level.
///
/// `sensor` holds the clean signal of all three channels at every pixel, `electrons` are those of a
/// photosite at white.
pub(super) fn noise(
    sensor: &[f32],
    width: usize,
    height: usize,
    electrons: f32,
    camera: &Camera,
    stream: &mut Stream,
) -> Vec<f32> {
    let mut noise = Vec::with_capacity(width * height);
    for y in 0..height {
        let row_offset = camera.banding * camera.read_noise * stream.normal();
        for x in 0..width {
            let mean = sensor[(y * width + x) * 3 + filter(x, y)].max(0.0) * electrons;
            let read = camera.read_noise * stream.normal() + row_offset;
            noise.push((stream.poisson(mean) - mean + read) / electrons);
        }
    }
    noise
}

/// Fills in the two missing channels of every pixel: the mean of the neighbours of that colour, plus
/// `gradient` times the correction by the gradient of the pixel's own colour of Malvar, He and Cutler,
/// "High-quality linear interpolation for demosaicing of Bayer-patterned color images", ICASSP 2004.
/// Linear in `mosaic`.
pub(super) fn demosaic(mosaic: &[f32], width: usize, height: usize, gradient: f32) -> Vec<f32> {
    // Mirroring about an edge sample keeps the parity of an index, so the pattern goes on as well.
    let stride = width + 4;
    let padded: Vec<f32> = (0..height + 4)
        .flat_map(|y| {
            let row = mirror(y as isize - 2, height) * width;
            (0..stride).map(move |x| mosaic[row + mirror(x as isize - 2, width)])
        })
        .collect();
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let at = |dx: isize, dy: isize| {
                padded[((y as isize + 2 + dy) * stride as isize + x as isize + 2 + dx) as usize]
            };
            let own = at(0, 0);
            let across = at(-1, 0) + at(1, 0);
            let down = at(0, -1) + at(0, 1);
            let diagonal = at(-1, -1) + at(1, -1) + at(-1, 1) + at(1, 1);
            let across2 = at(-2, 0) + at(2, 0);
            let down2 = at(0, -2) + at(0, 2);
            let pixel = match filter(x, y) {
                1 => {
                    let red_row = y & 1 == 0;
                    let sides = (own * 5.0 - diagonal) / 8.0;
                    let beside = across / 2.0 + gradient * (sides + (down2 / 2.0 - across2) / 8.0);
                    let above = down / 2.0 + gradient * (sides + (across2 / 2.0 - down2) / 8.0);
                    if red_row { [beside, own, above] } else { [above, own, beside] }
                }
                channel => {
                    let slope = own - (across2 + down2) / 4.0;
                    let green = (across + down) / 4.0 + gradient * slope / 2.0;
                    let other = diagonal / 4.0 + gradient * slope * 0.75;
                    if channel == 0 { [own, green, other] } else { [other, green, own] }
                }
            };
            rgb.extend(pixel);
        }
    }
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_colours_pass_and_measured_samples_stay() {
        let (width, height) = (8, 6);
        let colour = [0.2, 0.5, 0.9];
        let mosaic: Vec<f32> =
            (0..height).flat_map(|y| (0..width).map(move |x| colour[filter(x, y)])).collect();
        for gradient in [0.0, 0.5, 1.0] {
            for pixel in demosaic(&mosaic, width, height, gradient).chunks_exact(3) {
                for c in 0..3 {
                    // The correction mixes colours but vanishes where they are flat.
                    assert!((pixel[c] - colour[c]).abs() < 1e-6, "gradient {gradient}: {pixel:?}");
                }
            }
        }
    }

    #[test]
    fn demosaicing_correlates_neighbours() {
        let mut stream = Stream::new(0, 0, 0);
        let mosaic: Vec<f32> = (0..128 * 128).map(|_| stream.normal()).collect();
        let rgb = demosaic(&mosaic, 128, 128, 0.0);
        let red = |x: usize, y: usize| rgb[(y * 128 + x) * 3];
        let pairs = (0..128).flat_map(|y| (0..127).map(move |x| (x, y)));
        let product: f32 = pairs.map(|(x, y)| red(x, y) * red(x + 1, y)).sum();
        let power: f32 = rgb.iter().step_by(3).map(|v| v * v).sum();
        assert!(product / power > 0.4, "white noise on the sensor is no white noise in the file");
    }
}
