//! Too little light: a short exposure, the lens's fall-off, and what little signal there is among the
//! sensor's noise.
//!
//! Linear light is scaled by 2^-stops and by the colour shift of a wrong white balance, falls off
//! towards the corners with cos^4 of the field angle (natural vignetting; Kingslake, "Optics in
//! photography", 1992), gets Poisson-Gaussian noise of variance x / N + r^2 (see [`super::Noise`]) and
//! is stored with sRGB and the camera's own gamma on top.

use serde::{Deserialize, Serialize};

use super::blur::gaussian;
use super::photo::Photo;
use super::range::Range;
use super::tone::Rendering;
use crate::rng::Stream;

/// Which darkness to draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LowlightRecipe {
    /// Underexposure in stops (factors of two of light).
    pub stops: Range,
    /// Largest relative change of a channel by wrong white balance.
    pub colour_shift: f32,
    /// Exponent on stored values; above 1 darkens.
    pub gamma: Range,
    /// Tangent of the field angle half a picture's diagonal from the centre; 0.6 loses a stop there.
    pub field: Range,
    /// Photo-electrons at white, log-uniform.
    pub electrons: Range,
    /// Read noise as a share of white, log-uniform.
    pub read_noise: Range,
    /// Standard deviation in pixels of the camera's smoothing of the noise.
    pub smoothing: Range,
}

impl Default for LowlightRecipe {
    fn default() -> Self {
        Self {
            stops: Range::new(1.8, 6.0),
            colour_shift: 0.12,
            gamma: Range::new(0.85, 1.15),
            field: Range::new(0.0, 0.5),
            electrons: Range::new(1_000.0, 40_000.0),
            read_noise: Range::new(0.0002, 0.003),
            smoothing: Range::new(0.0, 0.8),
        }
    }
}

impl LowlightRecipe {
    /// One setting of this recipe.
    pub fn draw(&self, stream: &mut Stream) -> Lowlight {
        Lowlight {
            stops: self.stops.draw(stream),
            gains: [(); 3].map(|()| 1.0 + stream.uniform(-self.colour_shift, self.colour_shift)),
            gamma: self.gamma.draw(stream),
            field: self.field.draw(stream),
            centre: [stream.uniform(-0.5, 1.5), stream.uniform(-0.5, 1.5)],
            shot_noise: 1.0 / self.electrons.draw_log(stream),
            read_noise: self.read_noise.draw_log(stream),
            smoothing: self.smoothing.draw(stream),
        }
    }
}

/// Darkness of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowlight {
    /// Underexposure in stops.
    pub stops: f32,
    /// Factor on each channel's light.
    pub gains: [f32; 3],
    /// Exponent on stored values.
    pub gamma: f32,
    /// Tangent of the field angle half a diagonal from the centre.
    pub field: f32,
    /// Where the lens's axis meets the picture, in widths and heights from the top left; outside for a
    /// window of a larger picture.
    pub centre: [f32; 2],
    /// Variance of the noise per unit of signal, 1 / electrons at white.
    pub shot_noise: f32,
    /// Standard deviation of the read noise, 1 = white.
    pub read_noise: f32,
    /// Standard deviation of the smoothing of the noise, pixels.
    pub smoothing: f32,
}

impl Lowlight {
    /// `strength` times the stops, the shift, the fall-off and the noise; 0 is a good exposure.
    #[must_use]
    pub fn at(&self, strength: f32) -> Self {
        let towards_one = |value: f32| 1.0 + (value - 1.0) * strength;
        Self {
            stops: self.stops * strength,
            gains: self.gains.map(towards_one),
            gamma: towards_one(self.gamma),
            field: self.field * strength,
            shot_noise: self.shot_noise * strength * strength,
            read_noise: self.read_noise * strength,
            ..self.clone()
        }
    }

    /// Takes the light away.
    pub fn apply(&self, photo: &mut Photo, stream: &mut Stream) {
        let srgb = Rendering::srgb();
        let (width, height) = (photo.width, photo.height);
        let exposure = (-self.stops).exp2();
        for (at, pixel) in photo.pixels.chunks_exact_mut(3).enumerate() {
            let light = exposure * self.falloff(at % width, at / width, width, height);
            for (value, gain) in pixel.iter_mut().zip(self.gains) {
                *value = srgb.decode.at(*value) * gain * light;
            }
        }
        let spread = |light: f32| (light * self.shot_noise + self.read_noise * self.read_noise).sqrt();
        let mut noise: Vec<f32> = photo.pixels.iter().map(|&v| spread(v) * stream.normal()).collect();
        gaussian(&mut noise, width, height, 3, self.smoothing);
        for (value, noise) in photo.pixels.iter_mut().zip(noise) {
            let stored = srgb.encode.at(*value + noise);
            *value = if self.gamma == 1.0 { stored } else { stored.powf(self.gamma) };
        }
    }

    /// cos^4 of the field angle at a pixel.
    fn falloff(&self, x: usize, y: usize, width: usize, height: usize) -> f32 {
        let from_axis = |at: usize, length: usize, centre: f32| at as f32 + 0.5 - centre * length as f32;
        let (x, y) = (from_axis(x, width, self.centre[0]), from_axis(y, height, self.centre[1]));
        let half_diagonal_squared = ((width * width + height * height) as f32 / 4.0).max(1.0);
        let tangent_squared = self.field * self.field * (x * x + y * y) / half_diagonal_squared;
        (1.0 + tangent_squared).powi(-2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degrade::testing::{deviation, grey, mean, ramp};

    const SOME: Lowlight = Lowlight {
        stops: 3.0,
        gains: [1.05, 1.0, 0.95],
        gamma: 1.1,
        field: 0.4,
        centre: [0.5, 0.5],
        shot_noise: 1e-4,
        read_noise: 1e-3,
        smoothing: 0.4,
    };

    #[test]
    fn strength_darkens_and_none_is_no_change() {
        let clean = ramp(48, 48);
        let dark = |strength| {
            let mut photo = clean.clone();
            SOME.at(strength).apply(&mut photo, &mut Stream::new(0, 0, 0));
            photo
        };
        assert!(deviation(&dark(0.0), &clean) < 0.4 / 255.0);
        let means = [0.0, 0.4, 0.8, 1.2].map(|strength| mean(&dark(strength)));
        assert!(means.windows(2).all(|w| w[1] < w[0]), "{means:?}");
    }

    #[test]
    fn a_stop_halves_the_light() {
        let plain = Lowlight {
            stops: 1.0,
            gains: [1.0; 3],
            gamma: 1.0,
            field: 0.0,
            shot_noise: 0.0,
            read_noise: 0.0,
            ..SOME
        };
        let mut photo = grey(4, 4, 1.0);
        plain.apply(&mut photo, &mut Stream::new(0, 0, 0));
        // Half of white's light is stored as 0.7354 in sRGB.
        assert!((photo.pixels[0] - 0.7354).abs() < 1e-3, "{}", photo.pixels[0]);
    }

    #[test]
    fn corners_fall_off_and_the_axis_does_not() {
        let lens = Lowlight { field: 1.0, ..SOME };
        assert!((lens.falloff(50, 50, 101, 101) - 1.0).abs() < 1e-6);
        assert!((lens.falloff(0, 0, 1000, 1000) - 0.25).abs() < 1e-2, "cos^4 of 45 degrees");
    }
}
