//! Made-up photos: dead leaves, for trials and tests that need no data set.
//!
//! Leaves of all sizes fall on each other until they cover the ground (Matheron 1975). With radii r
//! distributed as r^-3 the result has no scale of its own, and shares occlusion, edges and statistics of
//! differences with natural photos (Lee, Mumford and Huang, "Occlusion models for natural images", IJCV
//! 2001). Leaves here are ellipses and rectangles with a slope of brightness and sometimes a grating.

use crate::degrade::Photo;
use crate::rng::Stream;

/// Radii of the smallest and largest leaves, as shares of the picture's side.
const RADII: (f32, f32) = (0.01, 0.35);

/// Samples along each side of a pixel: edges of leaves are smoothed over it.
const FINE: usize = 2;

/// A picture of `side` x `side` pixels.
pub fn dead_leaves(side: usize, stream: &mut Stream) -> Photo {
    let fine = side * FINE;
    let leaves: Vec<Leaf> = (0..=LEAVES).map(|_| Leaf::fallen(fine as f32, stream)).collect();
    let mut photo = Photo { width: fine, height: fine, pixels: vec![BARE; fine * fine * 3] };
    // From the top down, so that no point is painted twice.
    for leaf in leaves.iter().skip(1).rev() {
        leaf.show(&mut photo);
    }
    for (at, pixel) in photo.pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        if pixel[0] == BARE {
            *pixel = leaves[0].colour_at((at % fine) as f32, (at / fine) as f32);
        }
    }
    let mut photo = photo.shrunk(FINE);
    photo.round_to_8_bit();
    photo
}

/// Where no leaf has been painted yet; colours lie between 0 and 1.
const BARE: f32 = -1.0;

/// Enough that the ground shows through in few places.
const LEAVES: usize = 1_500;

/// One leaf.
struct Leaf {
    centre: [f32; 2],
    /// Half lengths along its two axes, pixels.
    half: [f32; 2],
    /// Direction of its first axis, as cosine and sine.
    axis: [f32; 2],
    angular: bool,
    colour: [f32; 3],
    /// Change of brightness from one end to the other.
    slope: f32,
    /// Amplitude and angular frequency per pixel of the grating; none for most.
    grating: (f32, f32),
}

impl Leaf {
    fn fallen(side: f32, stream: &mut Stream) -> Self {
        // The inverse of the distribution function of r^-3 between the two radii.
        let [small, large] = [RADII.0, RADII.1].map(|radius| (radius * side).powi(-2));
        let radius = (small + (large - small) * stream.unit()).powf(-0.5);
        let (sin, cos) = stream.uniform(0.0, std::f32::consts::PI).sin_cos();
        let brightness = stream.uniform(0.05, 0.95);
        let colourful = 0.35 * stream.unit() * (1.0 - (2.0 * brightness - 1.0).abs());
        Self {
            centre: [stream.unit() * side, stream.unit() * side],
            half: [radius, radius * stream.uniform(0.3, 1.0)],
            axis: [cos, sin],
            angular: stream.chance(0.3),
            colour: [(); 3].map(|()| brightness + colourful * stream.uniform(-1.0, 1.0)),
            slope: stream.uniform(-0.2, 0.2),
            grating: if stream.chance(0.3) {
                (stream.uniform(0.02, 0.15), stream.uniform(0.15, 1.5))
            } else {
                (0.0, 0.0)
            },
        }
    }

    /// A point in the leaf's own axes, 1 at its rim.
    fn own(&self, x: f32, y: f32) -> [f32; 2] {
        let (dx, dy) = (x - self.centre[0], y - self.centre[1]);
        let [cos, sin] = self.axis;
        [(dx * cos + dy * sin) / self.half[0], (dy * cos - dx * sin) / self.half[1]]
    }

    fn colour_at(&self, x: f32, y: f32) -> [f32; 3] {
        let [along, _] = self.own(x, y);
        let (amplitude, frequency) = self.grating;
        let light =
            self.slope * along.clamp(-1.0, 1.0) + amplitude * (frequency * along * self.half[0]).sin();
        self.colour.map(|value| (value + light).clamp(0.0, 1.0))
    }

    /// Paints what of it no leaf above covers.
    fn show(&self, photo: &mut Photo) {
        let reach = self.half[0] + self.half[1];
        let span = |centre: f32, length: usize| {
            ((centre - reach).max(0.0) as usize)..((centre + reach + 1.0).min(length as f32) as usize)
        };
        for y in span(self.centre[1], photo.height) {
            for x in span(self.centre[0], photo.width) {
                let pixel = &mut photo.pixels[(y * photo.width + x) * 3..][..3];
                if pixel[0] != BARE {
                    continue;
                }
                let [u, v] = self.own(x as f32, y as f32);
                let inside = if self.angular { u.abs().max(v.abs()) < 1.0 } else { u * u + v * v < 1.0 };
                if inside {
                    pixel.copy_from_slice(&self.colour_at(x as f32, y as f32));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_repeat_and_differ() {
        let draw = |index| dead_leaves(48, &mut Stream::new(0, 0, index));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(3).pixels.iter().all(|v| (0.0..=1.0).contains(v)));
    }

    #[test]
    fn differences_have_heavy_tails_as_in_photos() {
        let photo = dead_leaves(128, &mut Stream::new(0, 0, 0));
        let luma = photo.luma();
        let steps: Vec<f32> = luma.chunks(128).flat_map(|row| row.windows(2).map(|w| w[1] - w[0])).collect();
        let moment = |power: i32| steps.iter().map(|s| s.powi(power)).sum::<f32>() / steps.len() as f32;
        let kurtosis = moment(4) / moment(2).powi(2);
        assert!(kurtosis > 6.0, "{kurtosis}; noise has 3");
    }
}
