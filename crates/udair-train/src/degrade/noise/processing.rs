//! A camera's own noise reduction and sharpening, acting on the noise.

use super::Camera;
use crate::degrade::blur::gaussian;
use crate::degrade::photo::{Photo, luma};

/// Steps of stored luma per pixel that count as an edge: noise reduction halves there.
const EDGE: f32 = 0.025;

/// What smoothing of colour, edge-aware smoothing of luma and unsharp masking make of `noise` (RGB, on
/// stored values) over the clean `photo`.
pub(super) fn reduce_and_sharpen(noise: &mut [f32], photo: &Photo, camera: &Camera, iso: f32) {
    let (width, height) = (photo.width, photo.height);
    let effort = (iso / 6400.0).sqrt().sqrt().min(1.3);
    let mut grain: Vec<f32> = noise.chunks_exact(3).map(luma).collect();

    let chroma_sigma = camera.chroma_sigma * effort;
    if chroma_sigma > 0.0 {
        for (pixel, grain) in noise.chunks_exact_mut(3).zip(&grain) {
            pixel.iter_mut().for_each(|v| *v -= grain);
        }
        gaussian(noise, width, height, 3, chroma_sigma);
        for (pixel, grain) in noise.chunks_exact_mut(3).zip(&grain) {
            pixel.iter_mut().for_each(|v| *v += grain);
        }
    }

    let before = grain.clone();
    let reduction = (camera.luma_reduction * effort).min(0.95);
    if reduction > 0.0 {
        let mut smooth = grain.clone();
        gaussian(&mut smooth, width, height, 1, 1.6);
        let edges = edges(photo);
        for ((grain, smooth), edge) in grain.iter_mut().zip(smooth).zip(edges) {
            *grain += reduction / (1.0 + (edge / EDGE).powi(2)) * (smooth - *grain);
        }
    }
    if camera.sharpening > 0.0 {
        let mut smooth = grain.clone();
        gaussian(&mut smooth, width, height, 1, 0.9);
        for (grain, smooth) in grain.iter_mut().zip(smooth) {
            *grain += camera.sharpening * (*grain - smooth);
        }
    }
    for ((pixel, after), before) in noise.chunks_exact_mut(3).zip(grain).zip(before) {
        pixel.iter_mut().for_each(|v| *v += after - before);
    }
}

/// The larger of the luma steps to the next pixel across and down.
fn edges(photo: &Photo) -> Vec<f32> {
    let luma = photo.luma();
    let (width, height) = (photo.width, photo.height);
    let mut edges = Vec::with_capacity(luma.len());
    for y in 0..height {
        for x in 0..width {
            let at = y * width + x;
            let across = if x + 1 < width { luma[at + 1] - luma[at] } else { 0.0 };
            let down = if y + 1 < height { luma[at + width] - luma[at] } else { 0.0 };
            edges.push(across.abs().max(down.abs()));
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn noise(stream: &mut Stream) -> Vec<f32> {
        (0..64 * 64 * 3).map(|_| 0.05 * stream.normal()).collect()
    }

    fn power(values: impl Iterator<Item = f32>) -> f32 {
        values.map(|v| v * v).sum()
    }

    #[test]
    fn reduction_calms_flats_and_spares_edges() {
        let stream = &mut Stream::new(0, 0, 0);
        let camera = Camera { luma_reduction: 0.8, ..Camera::plain() };
        // Left half flat, right half a fine checkerboard.
        let pixels = (0..64 * 64).flat_map(|at| {
            let (x, y) = (at % 64, at / 64);
            [if x >= 32 && (x + y) % 2 == 0 { 0.8 } else { 0.3 }; 3]
        });
        let photo = Photo { width: 64, height: 64, pixels: pixels.collect() };
        let before = noise(stream);
        let mut after = before.clone();
        reduce_and_sharpen(&mut after, &photo, &camera, 6400.0);
        let half = |values: &[f32], left: bool| {
            let luma: Vec<f32> = values.chunks_exact(3).map(luma).collect();
            power(luma.into_iter().enumerate().filter(|(at, _)| (at % 64 < 31) == left).map(|(_, v)| v))
        };
        assert!(half(&after, true) < 0.4 * half(&before, true));
        assert!(half(&after, false) > 0.7 * half(&before, false));
    }

    #[test]
    fn sharpening_raises_grain_and_chroma_smoothing_leaves_luma() {
        let stream = &mut Stream::new(1, 0, 0);
        let photo = Photo { width: 64, height: 64, pixels: vec![0.5; 64 * 64 * 3] };
        let before = noise(stream);
        let lumas = |values: &[f32]| power(values.chunks_exact(3).map(luma));
        let mut sharp = before.clone();
        let camera = Camera { sharpening: 0.8, ..Camera::plain() };
        reduce_and_sharpen(&mut sharp, &photo, &camera, 1600.0);
        assert!(lumas(&sharp) > 1.5 * lumas(&before));
        let mut calm = before.clone();
        let camera = Camera { chroma_sigma: 2.0, ..Camera::plain() };
        reduce_and_sharpen(&mut calm, &photo, &camera, 6400.0);
        assert!((lumas(&calm) / lumas(&before) - 1.0).abs() < 0.02);
        assert!(power(calm.iter().copied()) < 0.6 * power(before.iter().copied()));
    }
}
