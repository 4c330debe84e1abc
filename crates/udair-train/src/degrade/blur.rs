//! Gaussian blur of interleaved samples, mirrored at the edges: defocus, forward scatter, and the
//! smoothing inside a camera.

use super::photo::mirror;

/// Blurs `values` (`height` rows of `width` pixels of `channels` samples) with standard deviation
/// `sigma` in pixels, cut off at 2.5 sigma. Below 0.05 px nothing changes.
pub(crate) fn gaussian(values: &mut [f32], width: usize, height: usize, channels: usize, sigma: f32) {
    if sigma < 0.05 {
        return;
    }
    let radius = (2.5 * sigma).ceil() as usize;
    let kernel = kernel(sigma, radius);
    let stride = width * channels;
    let mut padded = vec![0.0; (width + 2 * radius) * channels];
    for row in values.chunks_exact_mut(stride) {
        for (x, pixel) in padded.chunks_exact_mut(channels).enumerate() {
            let from = mirror(x as isize - radius as isize, width) * channels;
            pixel.copy_from_slice(&row[from..from + channels]);
        }
        row.fill(0.0);
        for (tap, &weight) in kernel.iter().enumerate() {
            add(row, &padded[tap * channels..], weight);
        }
    }
    let rows = values.to_vec();
    for (y, row) in values.chunks_exact_mut(stride).enumerate() {
        row.fill(0.0);
        for (tap, &weight) in kernel.iter().enumerate() {
            let from = mirror(y as isize + tap as isize - radius as isize, height);
            add(row, &rows[from * stride..], weight);
        }
    }
}

/// `2 radius + 1` weights that sum to 1.
fn kernel(sigma: f32, radius: usize) -> Vec<f32> {
    let weight = |tap: usize| (-0.5 * ((tap as f32 - radius as f32) / sigma).powi(2)).exp();
    let total: f32 = (0..=2 * radius).map(weight).sum();
    (0..=2 * radius).map(|tap| weight(tap) / total).collect()
}

fn add(sum: &mut [f32], values: &[f32], weight: f32) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += weight * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_becomes_a_bell_of_the_same_volume() {
        let (width, height) = (31, 21);
        let mut values = vec![0.0; width * height * 2];
        values[(10 * width + 15) * 2] = 1.0;
        gaussian(&mut values, width, height, 2, 1.5);
        let of = |x: usize, y: usize| values[(y * width + x) * 2];
        assert!((values.iter().step_by(2).sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(values.iter().skip(1).step_by(2).sum::<f32>(), 0.0, "channels stay apart");
        let expected = (-0.5f32 / (1.5 * 1.5)).exp();
        assert!((of(16, 10) / of(15, 10) - expected).abs() < 1e-4);
        assert!((of(15, 11) - of(16, 10)).abs() < 1e-6, "round");
    }

    #[test]
    fn constants_pass_and_small_pictures_work() {
        let mut values = vec![0.25; 2 * 3];
        gaussian(&mut values, 2, 1, 3, 4.0);
        assert!(values.iter().all(|v| (v - 0.25).abs() < 1e-6));
    }
}
