//! Pillow's bicubic reduction of 8-bit pictures, bit for bit: some programs resize before they measure.
//!
//! Rows first, then columns, each in 22-bit fixed point with a result of 8 bits; the kernel (Keys,
//! a = -1/2) is stretched by the reduction, so that every pixel counts.

use crate::image::Rgb8;

const FRACTION: u32 = 22;

/// A picture that owns its pixels.
pub(crate) struct Pixels {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Pixels {
    pub(crate) fn view(&self) -> Rgb8<'_> {
        Rgb8::new(self.width, self.height, &self.data).expect("made at this size")
    }
}

/// The picture at another size.
pub(crate) fn bicubic(image: &Rgb8, width: usize, height: usize) -> Pixels {
    let columns = Pass::new(image.width(), width);
    let mut wide = Vec::with_capacity(width * image.height());
    for y in 0..image.height() {
        let row = image.row(y);
        wide.extend((0..width).map(|x| columns.mix(x, |i| row[i])));
    }
    let rows = Pass::new(image.height(), height);
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let data = places.flat_map(|(x, y)| rows.mix(y, |i| wide[i * width + x])).collect();
    Pixels { width, height, data }
}

/// Weights of one direction.
struct Pass {
    /// For every place, the first source place and the weights from there on.
    taps: Vec<(usize, Vec<i32>)>,
}

impl Pass {
    fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let support = 2.0 * stretch;
        let place = |i: usize| {
            let centre = (i as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let weight = |x: usize| keys((x as f64 - centre + 0.5) * (1.0 / stretch));
            let weights: Vec<f64> = (first..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |w: &f64| (w / sum * f64::from(1 << FRACTION)).round() as i32;
            (first, weights.iter().map(fixed).collect())
        };
        Self { taps: (0..to).map(place).collect() }
    }

    fn mix(&self, place: usize, pixel: impl Fn(usize) -> [u8; 3]) -> [u8; 3] {
        let (first, weights) = &self.taps[place];
        let mut sums = [1 << (FRACTION - 1); 3];
        for (k, weight) in weights.iter().enumerate() {
            for (sum, value) in sums.iter_mut().zip(pixel(first + k)) {
                *sum += weight * i32::from(value);
            }
        }
        sums.map(|sum| (sum >> FRACTION).clamp(0, 255) as u8)
    }
}

/// Keys' cubic with a = -1/2.
fn keys(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x.abs() {
        x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}
