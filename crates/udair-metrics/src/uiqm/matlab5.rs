//! Sharpness and contrast of the MATLAB scripts with blocks of 5 x 5.
//!
//! Where a side is not a multiple of 5, both enlarge what they measure to the next multiples above, the
//! other side by 5 if it is one, with MATLAB's bicubic. Enlarged values overshoot below 0, logarithms become
//! complex, and the magnitude of their sum is taken: reproduced as it is.

use super::blocks::mean_over_blocks;
use crate::image::Rgb8;
use crate::plane::{Plane, mirror};

const BLOCK: usize = 5;

/// BT.601 weights of the channels' `2/n |sum ln(max/min)|` over the sum of both Sobel filters.
///
/// Of what is enlarged the blocks that begin within the original size are counted, and `n` is the
/// original area over 25, a whole number or not.
pub(super) fn sharpness(image: &Rgb8) -> f64 {
    let (width, height) = image.size();
    let (wide, high) = (width.next_multiple_of(BLOCK), height.next_multiple_of(BLOCK));
    let blocks_per_n = (wide * high) as f64 / (width * height) as f64;
    let of = |channel: usize| {
        let edges = enlarged(sobel_sum(image, channel)).top_left(wide, high);
        2.0 * blocks_per_n * magnitude(&edges, enhancement)
    };
    0.299 * of(0) + 0.587 * of(1) + 0.114 * of(2)
}

/// Sum of the channels' `1/n |sum m ln m|`.
pub(super) fn contrast(image: &Rgb8) -> f64 {
    let channel = |c: usize| Plane::of(image, |pixel| f64::from(pixel[c]));
    (0..3).map(|c| magnitude(&enlarged(channel(c)), michelson)).sum()
}

/// A complex number.
type Complex = (f64, f64);

fn magnitude(plane: &Plane, of: impl Fn(f64, f64) -> Complex + Sync) -> f64 {
    let mean = |part: fn(Complex) -> f64| {
        mean_over_blocks(
            (plane.width, plane.height),
            BLOCK,
            |first, extremes| (first..first + BLOCK).for_each(|y| extremes.add(plane.row(y))),
            |most, least| part(of(most, least)),
        )
    };
    mean(|z| z.0).hypot(mean(|z| z.1))
}

fn enhancement(most: f64, least: f64) -> Complex {
    if most == 0.0 || least == 0.0 { (0.0, 0.0) } else { ln(most / least) }
}

fn michelson(most: f64, least: f64) -> Complex {
    if most == least || most + least == 0.0 {
        return (0.0, 0.0);
    }
    let m = (most - least) / (most + least);
    let (re, im) = ln(m);
    (m * re, m * im)
}

/// Principal logarithm of a real number.
fn ln(x: f64) -> Complex {
    (x.abs().ln(), if x < 0.0 { std::f64::consts::PI } else { 0.0 })
}

/// `|Gx + Gy|` of a channel. One filter points down, the other left, so that they add to one with
/// zeros along a diagonal.
fn sobel_sum(image: &Rgb8, channel: usize) -> Plane {
    let (width, height) = (image.width(), image.height());
    Plane::by_rows(width, height, |y, out| {
        let above = image.row(y.saturating_sub(1));
        let below = image.row((y + 1).min(height - 1));
        let here = image.row(y);
        for (x, out) in out.iter_mut().enumerate() {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
            let at = |row: &[[u8; 3]], x: usize| f64::from(row[x][channel]);
            let corner = 2.0 * (at(below, left) - at(above, right));
            let sides = 2.0 * (at(here, left) - at(here, right) + at(below, x) - at(above, x));
            *out = (corner + sides).abs();
        }
    })
}

fn enlarged(plane: Plane) -> Plane {
    let (width, height) = (plane.width, plane.height);
    if width.is_multiple_of(BLOCK) && height.is_multiple_of(BLOCK) {
        return plane;
    }
    let (wide, high) = ((width / BLOCK + 1) * BLOCK, (height / BLOCK + 1) * BLOCK);
    let columns: Vec<_> = (0..wide).map(|x| taps(x, width, wide)).collect();
    let rows: Vec<_> = (0..high).map(|y| taps(y, height, high)).collect();
    let tall = Plane::by_rows(width, high, |y, out| {
        for (from, weight) in rows[y] {
            out.iter_mut().zip(plane.row(from)).for_each(|(out, x)| *out += weight * x);
        }
    });
    Plane::by_rows(wide, high, |y, out| {
        let row = tall.row(y);
        for (out, taps) in out.iter_mut().zip(&columns) {
            *out = taps.iter().map(|&(from, weight)| weight * row[from]).sum();
        }
    })
}

/// The four source places of one place of an enlarged row, with their weights (Keys, a = -1/2).
fn taps(place: usize, from: usize, to: usize) -> [(usize, f64); 4] {
    let scale = to as f64 / from as f64;
    let u = (place as f64 + 0.5) / scale - 0.5;
    let first = u.floor() as isize - 1;
    let weights: [f64; 4] = std::array::from_fn(|k| keys(u - (first + k as isize) as f64));
    let sum: f64 = weights.iter().sum();
    std::array::from_fn(|k| (mirror(first + k as isize, from), weights[k] / sum))
}

fn keys(x: f64) -> f64 {
    match x.abs() {
        x if x <= 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        x if x <= 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        _ => 0.0,
    }
}
