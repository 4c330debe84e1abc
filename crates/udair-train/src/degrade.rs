//! What spoils pictures, from its physics: noise, haze, rain, darkness, water, and mixtures of them.
//!
//! Each file holds a *recipe* (ranges, readable from TOML), the *setting* that it draws (physical
//! quantities of one picture) and `apply`. A setting at strength 0 leaves the picture as it is, and a
//! larger strength always means more. Draws come from a [`Stream`] alone, so a picture is the
//! same for the same (seed, epoch, index).
//!
//! ```
//! use udair_train::degrade::{Kind, Photo, Recipe};
//! use udair_train::rng::Stream;
//!
//! let mut photo = Photo::from_rgb8(2, 2, &[128; 12]);
//! let mut stream = Stream::new(0, 0, 0);
//! Recipe::default().draw(Kind::Haze, &[], &mut stream).apply(&mut photo, &mut stream);
//! assert!(photo.pixels.iter().all(|v| (0.0..=1.0).contains(v)));
//! ```

mod blur;
mod depth;
mod haze;
mod jpeg;
mod lowlight;
mod mixed;
mod noise;
mod photo;
mod rain;
mod range;
mod recipe;
#[cfg(test)]
pub(crate) mod testing;
mod tone;
mod underwater;

pub use depth::Relief;
pub use haze::{Haze, HazeRecipe, Transmission};
pub use jpeg::{Jpeg, JpegRecipe, Subsampling};
pub use lowlight::{Lowlight, LowlightRecipe};
pub use mixed::MixedRecipe;
pub use noise::{Camera, Noise, NoiseRecipe};
pub(crate) use photo::mirror;
pub use photo::{Field, Photo};
pub use rain::{Layer, Rain, RainRecipe};
pub use range::Range;
pub use recipe::{Plan, Recipe, RecipeError};
pub use underwater::{Underwater, UnderwaterRecipe};

use std::str::FromStr;

use crate::rng::Stream;

/// A kind of degradation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sensor noise.
    Noise,
    /// Haze or fog.
    Haze,
    /// Rain.
    Rain,
    /// Underexposure.
    Lowlight,
    /// Water.
    Underwater,
    /// Two or three of the others.
    Mixed,
}

impl Kind {
    /// All kinds, in the order of tables.
    pub const ALL: [Self; 6] =
        [Self::Noise, Self::Haze, Self::Rain, Self::Lowlight, Self::Underwater, Self::Mixed];

    /// The id of the pattern, as manifests and flags have it: the task that undoes this.
    pub fn id(self) -> &'static str {
        match self {
            Self::Noise => "denoise",
            Self::Haze => "dehaze",
            Self::Rain => "derain",
            Self::Lowlight => "lowlight",
            Self::Underwater => "underwater",
            Self::Mixed => "mixed",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.id() == id).ok_or_else(|| {
            format!("{id:?} cannot be synthesised: choose among {}", Self::ALL.map(Self::id).join(", "))
        })
    }
}

/// One degradation with its physical quantities.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// Sensor noise.
    Noise(Noise),
    /// Haze or fog.
    Haze(Haze),
    /// Rain.
    Rain(Rain),
    /// Underexposure.
    Lowlight(Lowlight),
    /// Water.
    Underwater(Underwater),
}

impl Setting {
    /// The same at `strength` times its strength; 0 is none.
    #[must_use]
    pub fn at(&self, strength: f32) -> Self {
        match self {
            Self::Noise(noise) => Self::Noise(noise.at(strength)),
            Self::Haze(haze) => Self::Haze(haze.at(strength)),
            Self::Rain(rain) => Self::Rain(rain.at(strength)),
            Self::Lowlight(lowlight) => Self::Lowlight(lowlight.at(strength)),
            Self::Underwater(water) => Self::Underwater(water.at(strength)),
        }
    }

    /// Degrades `photo`; values may leave [0, 1] by noise.
    pub fn apply(&self, photo: &mut Photo, stream: &mut Stream) {
        match self {
            Self::Noise(noise) => noise.apply(photo, stream),
            Self::Haze(haze) => haze.apply(photo, stream),
            Self::Rain(rain) => rain.apply(photo, stream),
            Self::Lowlight(lowlight) => lowlight.apply(photo, stream),
            Self::Underwater(water) => water.apply(photo, stream),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.id().parse(), Ok(kind));
        }
        assert!("clean".parse::<Kind>().is_err_and(|message| message.contains("denoise")));
    }
}
