//! UISM: measure of enhancement of the edges of each channel, `2/n sum ln(max/min)` over blocks.
//!
//! An edge is the Sobel magnitude times the channel. Squares of both are whole numbers below 2^53, so
//! blocks are compared by squares, exactly, and one logarithm a block is halved. The norm of the Sobel
//! filter falls out of the quotient.

use super::blocks::{Extremes, mean_over_blocks};
use crate::image::Rgb8;
use crate::simd::wide;

/// Sum over channels, weighted; blocks with a 0 in them count as 0.
pub(super) fn sharpness(image: &Rgb8, block: usize, weights: [f64; 3]) -> f64 {
    (0..3).map(|channel| weights[channel] * enhancement(image, block, channel)).sum()
}

fn enhancement(image: &Rgb8, block: usize, channel: usize) -> f64 {
    let (width, height) = (image.width(), image.height());
    let rows = |first: usize, extremes: &mut Extremes| {
        let mut edges = vec![0.0; width];
        let padded = |y: usize| padded_row(image, y.min(height - 1), channel);
        let mut above = padded(first.saturating_sub(1));
        let mut here = padded(first);
        for y in first..first + block {
            let below = padded(y + 1);
            squared_edges(&above, &here, &below, &mut edges);
            extremes.add(&edges);
            (above, here) = (here, below);
        }
    };
    // 2 ln(max/min) of edges is ln(max/min) of their squares.
    mean_over_blocks((width, height), block, rows, |most, least| {
        if most == 0.0 || least == 0.0 { 0.0 } else { (most / least).ln() }
    })
}

/// A channel of a row with its first and last pixel repeated.
fn padded_row(image: &Rgb8, y: usize, channel: usize) -> Vec<i32> {
    let row = image.row(y);
    let mut padded = Vec::with_capacity(row.len() + 2);
    padded.push(i32::from(row[0][channel]));
    padded.extend(row.iter().map(|pixel| i32::from(pixel[channel])));
    padded.push(i32::from(row[row.len() - 1][channel]));
    padded
}

wide! {
    fn squared_edges(above: &[i32], here: &[i32], below: &[i32], out: &mut [f64]) {
        let n = out.len();
        let (above, here, below) = (&above[..n + 2], &here[..n + 2], &below[..n + 2]);
        for (x, out) in out.iter_mut().enumerate() {
            let across = (above[x + 2] - above[x]) + 2 * (here[x + 2] - here[x]) + (below[x + 2] - below[x]);
            let down = (below[x] - above[x]) + 2 * (below[x + 1] - above[x + 1]) + (below[x + 2] - above[x + 2]);
            let value = here[x + 1];
            *out = f64::from(across * across + down * down) * f64::from(value * value);
        }
    }
}
