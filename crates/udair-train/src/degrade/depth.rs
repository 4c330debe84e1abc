//! How far away things are: scattering media need a distance for every pixel, and photos carry none.

use std::sync::Arc;

use super::blur::gaussian;
use super::photo::{Field, Photo, luma};
use crate::rng::Stream;

/// Where the relative depth of a scene, 0 nearest to 1 farthest, comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Relief {
    /// A smooth random surface over `cells` x `cells` lattice cells.
    Smooth {
        /// Lattice cells along each side.
        cells: usize,
    },
    /// Flat ground seen from above it, and sky: at `v` picture heights below the horizon the ground is
    /// at a distance proportional to 1 / v; above it, and in bright unstructured regions that look like
    /// sky, depth is 1. A smooth surface of a third of the height stands for everything on the ground.
    Ground {
        /// Height of the horizon from the top edge, in picture heights; it may lie outside.
        horizon: f32,
        /// Lattice cells of the smooth surface.
        cells: usize,
    },
    /// The depth of another scene, from a pair of a clear and a hazy picture ([`super::Transmission`]).
    /// Where it is larger than the picture, a window of it.
    Given(Arc<Field>),
}

impl Relief {
    /// Relative depth of every pixel of `photo`, in [0, 1].
    pub fn depth(&self, photo: &Photo, stream: &mut Stream) -> Field {
        let (width, height) = (photo.width, photo.height);
        match self {
            Self::Smooth { cells } => Field::smooth(width, height, *cells, stream),
            Self::Ground { horizon, cells } => {
                let mut field = Field::smooth(width, height, *cells, stream);
                let sky = sky(photo);
                for (y, row) in field.values.chunks_exact_mut(width).enumerate() {
                    let below = (y as f32 + 0.5) / height as f32 - horizon;
                    let ground = if below <= 0.0 { 1.0 } else { 1.0 / (1.0 + 4.0 * below) };
                    for (x, value) in row.iter_mut().enumerate() {
                        let depth = (ground - 0.33 * *value * ground).clamp(0.0, 1.0);
                        *value = depth + (1.0 - depth) * sky.values[y * width + x];
                    }
                }
                field
            }
            Self::Given(field) if field.width > width && field.height > height => {
                let (left, top) = (stream.below(field.width - width), stream.below(field.height - height));
                let rows = field.values.chunks_exact(field.width).skip(top).take(height);
                let values = rows.flat_map(|row| &row[left..left + width]).copied().collect();
                Field { width, height, values }
            }
            Self::Given(field) => field.resized(width, height),
        }
    }
}

/// How much every pixel looks like sky, in [0, 1]: bright, no warmer than white, without structure.
fn sky(photo: &Photo) -> Field {
    let (width, height) = (photo.width, photo.height);
    let mut smooth = photo.luma();
    gaussian(&mut smooth, width, height, 1, 1.5);
    let rise = |value: f32, from: f32, to: f32| ((value - from) / (to - from)).clamp(0.0, 1.0);
    let mut values: Vec<f32> = photo
        .pixels
        .chunks_exact(3)
        .zip(smooth)
        .map(|(rgb, smooth)| {
            let bright = rise(smooth, 0.55, 0.75);
            let cool = rise(rgb[2] - rgb[0], -0.06, 0.02);
            let flat = 1.0 - rise((luma(rgb) - smooth).abs(), 0.01, 0.05);
            bright * cool * flat
        })
        .collect();
    gaussian(&mut values, width, height, 1, 2.0);
    Field { width, height, values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degrade::testing::grey;

    #[test]
    fn ground_recedes_towards_the_horizon() {
        let photo = grey(32, 64, 0.3);
        let relief = Relief::Ground { horizon: 0.25, cells: 2 };
        let depth = relief.depth(&photo, &mut Stream::new(0, 0, 0));
        let row = |y: usize| depth.values[y * 32..][..32].iter().sum::<f32>() / 32.0;
        assert!(row(4) > 0.6 && row(20) > row(40) && row(40) > row(62));
        assert!(depth.values.iter().all(|d| (0.0..=1.0).contains(d)));
    }

    #[test]
    fn sky_is_bright_cool_and_flat() {
        let mut photo = grey(32, 32, 0.3);
        for pixel in photo.pixels.chunks_exact_mut(3).take(32 * 16) {
            pixel.copy_from_slice(&[0.7, 0.8, 0.95]);
        }
        let sky = sky(&photo).values;
        assert!(sky[3 * 32 + 16] > 0.95 && sky[28 * 32 + 16] < 0.01);
    }

    #[test]
    fn a_given_depth_is_cut_or_stretched() {
        let field = Arc::new(Field { width: 40, height: 30, values: (0..1200).map(|v| v as f32).collect() });
        let relief = Relief::Given(field);
        let mut stream = Stream::new(0, 0, 1);
        let cut = relief.depth(&grey(8, 8, 0.5), &mut stream);
        assert_eq!(cut.values[1] - cut.values[0], 1.0, "a window keeps its scale");
        assert_eq!(relief.depth(&grey(80, 60, 0.5), &mut stream).values.len(), 4800);
    }
}
