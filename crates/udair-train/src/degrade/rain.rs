//! Rain: drops that fall during the exposure draw streaks, and the mass of distant ones a veil.
//!
//! A drop refracts light of a wide field, mostly sky, so a streak is a bright, partly transparent line
//! (Garg and Nayar, "Vision and rain", IJCV 2007): I = B (1 - a) + L a. Drops fill space evenly. So at
//! distance z streaks are 1 / z as long and wide and z^2 as many per picture area, and those near the
//! lens lie out of focus: wider, and fainter for it. The field's synthetic sets (Rain100: Yang et al.,
//! CVPR 2017) add streaks to stored values, I = B + L a, so that is drawn as well.

mod streaks;

use serde::{Deserialize, Serialize};

use super::photo::Photo;
use super::range::Range;
use crate::rng::Stream;

/// Which rain to draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RainRecipe {
    /// Layers of drops at different distances.
    pub layers: Range,
    /// Distance of a layer, in units of the nearest possible one, log-uniform.
    pub distance: Range,
    /// Streaks per 10,000 pixels at distance 1, log-uniform.
    pub density: Range,
    /// Length of a streak at distance 1, pixels.
    pub length: Range,
    /// Half width (standard deviation across) of a streak at distance 1, pixels.
    pub width: Range,
    /// Angle from the vertical, degrees; wind blows both ways.
    pub angle: Range,
    /// Opacity of a streak in focus at distance 1.
    pub opacity: Range,
    /// Brightness of the light in the drops, stored value.
    pub brightness: Range,
    /// Opacity of the veil; every second picture has none.
    pub veil: Range,
    /// Share of pictures with streaks added instead of blended.
    pub added_share: f32,
}

impl Default for RainRecipe {
    fn default() -> Self {
        Self {
            layers: Range::new(1.0, 5.0),
            distance: Range::new(1.0, 4.0),
            density: Range::new(2.0, 24.0),
            length: Range::new(12.0, 80.0),
            width: Range::new(0.6, 2.0),
            angle: Range::new(-40.0, 40.0),
            opacity: Range::new(0.2, 0.85),
            brightness: Range::new(0.65, 1.0),
            veil: Range::new(0.0, 0.3),
            added_share: 0.5,
        }
    }
}

impl RainRecipe {
    /// One setting of this recipe.
    pub fn draw(&self, stream: &mut Stream) -> Rain {
        let angle = self.angle.draw(stream);
        let brightness = self.brightness.draw(stream);
        let layers = (0..self.layers.draw_whole(stream)).map(|_| {
            let distance = self.distance.draw_log(stream);
            Layer {
                distance,
                density: self.density.draw_log(stream),
                length: self.length.draw(stream),
                width: self.width.draw(stream),
                defocus: if distance < 1.6 { stream.uniform(0.0, 1.5) } else { 0.0 },
                angle: angle + 3.0 * stream.normal(),
                opacity: self.opacity.draw(stream),
            }
        });
        Rain {
            layers: layers.collect(),
            light: [(); 3].map(|()| (brightness + stream.uniform(-0.03, 0.03)).min(1.0)),
            veil: if stream.chance(0.5) { self.veil.draw(stream) } else { 0.0 },
            added: stream.chance(self.added_share),
        }
    }
}

/// Rain of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Rain {
    /// Drops at different distances.
    pub layers: Vec<Layer>,
    /// Light in the drops, stored values.
    pub light: [f32; 3],
    /// Opacity of the veil of distant drops.
    pub veil: f32,
    /// Whether streaks are added in place of blended.
    pub added: bool,
}

/// Drops at one distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    /// Distance in units of the nearest possible one, at least 1.
    pub distance: f32,
    /// Streaks per 10,000 pixels that there would be at distance 1.
    pub density: f32,
    /// Length at distance 1, pixels.
    pub length: f32,
    /// Half width at distance 1, pixels.
    pub width: f32,
    /// Half width of the blur that being out of focus adds, pixels.
    pub defocus: f32,
    /// Angle from the vertical, degrees.
    pub angle: f32,
    /// Opacity in focus at distance 1.
    pub opacity: f32,
}

impl Rain {
    /// The same rain with `strength` times as opaque streaks and veil; 0 is none.
    #[must_use]
    pub fn at(&self, strength: f32) -> Self {
        let layers = self.layers.iter().map(|layer| Layer { opacity: layer.opacity * strength, ..*layer });
        Self { layers: layers.collect(), veil: (self.veil * strength).min(1.0), ..self.clone() }
    }

    /// Lets it rain.
    pub fn apply(&self, photo: &mut Photo, stream: &mut Stream) {
        for layer in &self.layers {
            let opacity = streaks::opacity(layer, photo.width, photo.height, &mut stream.branch());
            for (pixel, a) in photo.pixels.chunks_exact_mut(3).zip(opacity.values) {
                for (value, light) in pixel.iter_mut().zip(self.light) {
                    let behind = if self.added { *value } else { *value * (1.0 - a) };
                    *value = (behind + light * a).min(1.0);
                }
            }
        }
        for pixel in photo.pixels.chunks_exact_mut(3) {
            for (value, light) in pixel.iter_mut().zip(self.light) {
                *value += (light - *value) * self.veil;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degrade::testing::{deviation, ramp};

    fn some(added: bool) -> Rain {
        let layer = Layer {
            distance: 1.5,
            density: 10.0,
            length: 30.0,
            width: 1.0,
            defocus: 0.3,
            angle: 10.0,
            opacity: 0.6,
        };
        Rain { layers: vec![layer, Layer { distance: 3.0, ..layer }], light: [0.9; 3], veil: 0.1, added }
    }

    #[test]
    fn no_rain_is_no_change_and_more_is_further_away() {
        let clean = ramp(64, 64);
        for added in [false, true] {
            let distance = [0.0, 0.3, 0.6, 1.0].map(|strength| {
                let mut photo = clean.clone();
                some(added).at(strength).apply(&mut photo, &mut Stream::new(0, 0, 0));
                assert!(photo.pixels.iter().all(|v| (0.0..=1.0).contains(v)));
                deviation(&photo, &clean)
            });
            assert_eq!(distance[0], 0.0);
            assert!(distance.windows(2).all(|w| w[1] > w[0]), "{distance:?}");
        }
    }

    #[test]
    fn rain_never_darkens_what_is_darker_than_the_drops() {
        let clean = ramp(64, 64);
        let mut photo = clean.clone();
        some(false).apply(&mut photo, &mut Stream::new(1, 0, 0));
        assert!(photo.pixels.iter().zip(&clean.pixels).all(|(wet, dry)| *dry > 0.9 || wet >= dry));
    }
}
