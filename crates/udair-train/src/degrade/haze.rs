//! Haze and fog: light from the scene is lost on the way, light of the air is added.
//!
//! I = J t + A (1 - t) with t = exp(-tau), tau the optical depth along the line of sight: Koschmieder's
//! law (1924) as in Narasimhan and Nayar, "Vision and the atmosphere", IJCV 2002. An object at the
//! meteorological visibility has tau = 3.9 (contrast 2 %). The law holds for light; the field's data
//! sets (RESIDE: Li et al., IEEE TIP 2019) apply it to stored values, so both are drawn.

mod transmission;

pub use transmission::Transmission;

use serde::{Deserialize, Serialize};

use super::depth::Relief;
use super::photo::Photo;
use super::range::Range;
use super::tone::Rendering;
use crate::rng::Stream;

/// Which haze to draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HazeRecipe {
    /// Optical depth of the farthest things, dimensionless.
    pub thickness: Range,
    /// Optical depth of the nearest things, as a share of the farthest.
    pub nearest: Range,
    /// Brightness of the air, stored value.
    pub airlight: Range,
    /// Largest warmth of the air: red above and blue below its brightness, or the other way round.
    pub tint: f32,
    /// Share of pictures with the depth of a real pair, where such are at hand.
    pub transplanted_share: f32,
    /// Share of the others with ground, horizon and sky; the rest gets smooth random depth.
    pub ground_share: f32,
    /// Share of pictures mixed in linear light instead of stored values.
    pub linear_share: f32,
}

impl Default for HazeRecipe {
    fn default() -> Self {
        Self {
            thickness: Range::new(0.2, 2.4),
            nearest: Range::new(0.0, 0.5),
            airlight: Range::new(0.65, 1.0),
            tint: 0.05,
            transplanted_share: 0.5,
            ground_share: 0.4,
            linear_share: 0.25,
        }
    }
}

impl HazeRecipe {
    /// One setting of this recipe; `scenes` are the depths at hand, possibly none.
    pub fn draw(&self, scenes: &[Transmission], stream: &mut Stream) -> Haze {
        let transplanted = stream.chance(self.transplanted_share) && !scenes.is_empty();
        let cells = 2 + stream.below(4);
        let relief = if transplanted {
            Relief::Given(scenes[stream.below(scenes.len())].depth.clone())
        } else if stream.chance(self.ground_share) {
            Relief::Ground { horizon: stream.uniform(-0.8, 0.6), cells }
        } else {
            Relief::Smooth { cells }
        };
        let farthest = self.thickness.draw(stream);
        let brightness = self.airlight.draw(stream);
        let warmth = stream.uniform(-self.tint, self.tint);
        Haze {
            relief,
            nearest: farthest * self.nearest.draw(stream),
            farthest,
            airlight: [warmth, 0.0, -warmth].map(|shift| (brightness + shift).clamp(0.0, 1.0)),
            linear: stream.chance(self.linear_share),
        }
    }
}

/// Haze of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Haze {
    /// Where the depth comes from.
    pub relief: Relief,
    /// Optical depth where relative depth is 0.
    pub nearest: f32,
    /// Optical depth where relative depth is 1.
    pub farthest: f32,
    /// Colour of the air, stored values.
    pub airlight: [f32; 3],
    /// Whether light is mixed in place of stored values.
    pub linear: bool,
}

impl Haze {
    /// The same scene with `strength` times as much haze in the air; 0 is none.
    #[must_use]
    pub fn at(&self, strength: f32) -> Self {
        Self { nearest: self.nearest * strength, farthest: self.farthest * strength, ..self.clone() }
    }

    /// Fills the air between camera and scene.
    pub fn apply(&self, photo: &mut Photo, stream: &mut Stream) {
        let depth = self.relief.depth(photo, stream);
        let srgb = Rendering::srgb();
        let air = if self.linear { self.airlight.map(|v| srgb.decode.at(v)) } else { self.airlight };
        for (pixel, depth) in photo.pixels.chunks_exact_mut(3).zip(depth.values) {
            let t = (-(self.nearest + (self.farthest - self.nearest) * depth)).exp();
            for (value, air) in pixel.iter_mut().zip(air) {
                *value = if self.linear {
                    srgb.encode.at(srgb.decode.at(*value) * t + air * (1.0 - t))
                } else {
                    *value * t + air * (1.0 - t)
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degrade::testing::{deviation, ramp};

    fn some(linear: bool) -> Haze {
        Haze {
            relief: Relief::Smooth { cells: 3 },
            nearest: 0.2,
            farthest: 2.0,
            airlight: [0.9, 0.92, 0.95],
            linear,
        }
    }

    #[test]
    fn no_haze_is_no_change_and_endless_haze_is_air() {
        for linear in [false, true] {
            let clean = ramp(32, 24);
            let at = |strength| {
                let mut photo = clean.clone();
                some(linear).at(strength).apply(&mut photo, &mut Stream::new(0, 0, 0));
                photo
            };
            assert!(deviation(&at(0.0), &clean) < 1e-3);
            for pixel in at(100.0).pixels.chunks_exact(3) {
                assert!(pixel.iter().zip(some(linear).airlight).all(|(v, a)| (v - a).abs() < 1e-3));
            }
            let contrast = [0.0, 0.5, 1.0, 2.0].map(|s| {
                let pixels = at(s).pixels;
                let mean = pixels.iter().sum::<f32>() / pixels.len() as f32;
                pixels.iter().map(|v| (v - mean).powi(2)).sum::<f32>()
            });
            assert!(contrast.windows(2).all(|w| w[1] < w[0]), "contrast falls: {contrast:?}");
        }
    }

    #[test]
    fn every_pixel_lies_between_scene_and_air() {
        let clean = ramp(32, 24);
        let mut photo = clean.clone();
        some(false).apply(&mut photo, &mut Stream::new(0, 0, 0));
        for (hazy, clear) in photo.pixels.chunks_exact(3).zip(clean.pixels.chunks_exact(3)) {
            for c in 0..3 {
                let air = some(false).airlight[c];
                assert!(hazy[c] >= clear[c].min(air) - 1e-6 && hazy[c] <= clear[c].max(air) + 1e-6);
            }
        }
    }
}
