//! Pictures and distances that tests share.

use super::Photo;

/// A flat grey.
pub(crate) fn grey(width: usize, height: usize, level: f32) -> Photo {
    Photo { width, height, pixels: vec![level; width * height * 3] }
}

/// Red rises from left to right, green from top to bottom, blue along both.
pub(crate) fn ramp(width: usize, height: usize) -> Photo {
    let pixels = (0..width * height).flat_map(|at| {
        let (x, y) = ((at % width) as f32 / width as f32, (at / width) as f32 / height as f32);
        [0.1 + 0.8 * x, 0.05 + 0.9 * y, 0.1 + 0.4 * (x + y)]
    });
    Photo { width, height, pixels: pixels.collect() }
}

/// Root mean square difference.
pub(crate) fn deviation(a: &Photo, b: &Photo) -> f32 {
    let squares: f32 = a.pixels.iter().zip(&b.pixels).map(|(a, b)| (a - b).powi(2)).sum();
    (squares / a.pixels.len() as f32).sqrt()
}

/// Mean of all samples.
pub(crate) fn mean(photo: &Photo) -> f32 {
    photo.pixels.iter().sum::<f32>() / photo.pixels.len() as f32
}
