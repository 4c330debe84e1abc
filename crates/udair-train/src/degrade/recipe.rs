//! Ranges for every degradation, as one TOML file, and the draw of a degraded picture from them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::haze::{HazeRecipe, Transmission};
use super::jpeg::{Jpeg, JpegRecipe};
use super::lowlight::LowlightRecipe;
use super::mixed::MixedRecipe;
use super::noise::NoiseRecipe;
use super::photo::Photo;
use super::rain::RainRecipe;
use super::underwater::UnderwaterRecipe;
use super::{Kind, Setting};
use crate::rng::Stream;

/// Ranges for every degradation; sections carry the pattern's id, keys are those of the structs.
///
/// ```
/// let recipe = udair_train::degrade::Recipe::from_toml("[denoise]\niso = [100, 3200]")?;
/// assert_eq!(recipe.denoise.iso.max(), 3200.0);
/// assert_eq!(recipe.jpeg, Default::default(), "what is not given keeps its default");
/// assert!(udair_train::degrade::Recipe::from_toml("[denoise]\nisso = 3").is_err());
/// # Ok::<(), udair_train::degrade::RecipeError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Sensor noise.
    pub denoise: NoiseRecipe,
    /// Haze and fog.
    pub dehaze: HazeRecipe,
    /// Rain.
    pub derain: RainRecipe,
    /// Underexposure.
    pub lowlight: LowlightRecipe,
    /// Water.
    pub underwater: UnderwaterRecipe,
    /// Mixtures of the above.
    pub mixed: MixedRecipe,
    /// Compression after any of them.
    pub jpeg: JpegRecipe,
}

/// A recipe that cannot be read.
#[derive(Debug, Error)]
#[error("unusable recipe: {0}")]
pub struct RecipeError(#[from] toml::de::Error);

/// A degraded picture's settings: replaying them on the clean picture gives the same one.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One degradation, or two to three in physical order.
    pub settings: Vec<Setting>,
    /// Compression at the end.
    pub jpeg: Option<Jpeg>,
}

impl Recipe {
    /// Reads a recipe; unknown sections and keys, and ranges the wrong way round, are errors.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        Ok(toml::from_str(text)?)
    }

    /// Draws settings of this `kind`; `scenes` are depths of real scenes for haze and water, possibly
    /// none.
    pub fn draw(&self, kind: Kind, scenes: &[Transmission], stream: &mut Stream) -> Plan {
        let settings = match kind {
            Kind::Noise => vec![Setting::Noise(self.denoise.draw(stream))],
            Kind::Haze => vec![Setting::Haze(self.dehaze.draw(scenes, stream))],
            Kind::Rain => vec![Setting::Rain(self.derain.draw(stream))],
            Kind::Lowlight => vec![Setting::Lowlight(self.lowlight.draw(stream))],
            Kind::Underwater => vec![Setting::Underwater(self.underwater.draw(scenes, stream))],
            Kind::Mixed => {
                let parts = self.mixed.draw(stream);
                let part = |(kind, strength): &(Kind, f32)| {
                    let plan = self.draw(*kind, scenes, stream);
                    plan.settings.iter().map(|setting| setting.at(*strength)).collect::<Vec<_>>()
                };
                parts.iter().flat_map(part).collect()
            }
        };
        Plan { settings, jpeg: self.jpeg.draw(stream) }
    }
}

impl Plan {
    /// The same plan with every degradation at `strength` times its own; 0 leaves compression alone.
    #[must_use]
    pub fn at(&self, strength: f32) -> Self {
        Self { settings: self.settings.iter().map(|setting| setting.at(strength)).collect(), jpeg: self.jpeg }
    }

    /// Degrades `photo`, which then holds the 256 levels of a stored picture.
    pub fn apply(&self, photo: &mut Photo, stream: &mut Stream) {
        for setting in &self.settings {
            setting.apply(photo, &mut stream.branch());
            photo.pixels.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        }
        photo.round_to_8_bit();
        if let Some(jpeg) = self.jpeg {
            jpeg.apply(photo);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degrade::testing::{deviation, ramp};

    #[test]
    fn the_default_recipe_reads_back() {
        let text = toml::to_string(&Recipe::default()).expect("plain tables");
        assert_eq!(Recipe::from_toml(&text).expect("its own output"), Recipe::default());
        assert_eq!(Recipe::from_toml("").expect("all defaults"), Recipe::default());
    }

    #[test]
    fn errors_name_the_key() {
        for (text, named) in [
            ("[denoise]\nisso = [1, 2]", "isso"),
            ("[dehase]", "dehase"),
            ("[derain]\nangle = [40, -40]", "[40, -40] is no range"),
        ] {
            let message = Recipe::from_toml(text).expect_err(text).to_string();
            assert!(message.contains(named), "{message}");
        }
    }

    #[test]
    fn every_kind_is_deterministic_in_range_and_not_the_identity() {
        let recipe = Recipe::default();
        let clean = ramp(48, 40);
        for kind in Kind::ALL {
            let mut change = 0.0;
            for index in 0..20 {
                let degrade = || {
                    let mut stream = Stream::new(5, 1, index);
                    let mut photo = clean.clone();
                    recipe.draw(kind, &[], &mut stream).apply(&mut photo, &mut stream);
                    photo
                };
                let photo = degrade();
                assert_eq!(photo, degrade(), "{kind:?} {index}");
                assert!(photo.pixels.iter().all(|v| (0.0..=1.0).contains(v)), "{kind:?} {index}");
                change += deviation(&photo, &clean);
            }
            assert!(change / 20.0 > 0.02, "{kind:?} changes too little: {change}");
        }
    }

    #[test]
    fn strength_zero_is_the_clean_picture() {
        let recipe = Recipe { jpeg: JpegRecipe { share: 0.0, ..JpegRecipe::default() }, ..Recipe::default() };
        let mut clean = ramp(40, 40);
        clean.round_to_8_bit();
        for kind in Kind::ALL {
            for index in 0..10 {
                let mut stream = Stream::new(6, 0, index);
                let mut photo = clean.clone();
                recipe.draw(kind, &[], &mut stream).at(0.0).apply(&mut photo, &mut stream);
                assert!(deviation(&photo, &clean) < 0.3 / 255.0, "{kind:?} {index}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_size_works(width in 1..40usize, height in 1..40usize, kind in 0..6usize, index in 0..10_000u64) {
            let mut stream = Stream::new(8, 0, index);
            let mut photo = ramp(width, height);
            let recipe = Recipe { jpeg: JpegRecipe { share: 1.0, ..JpegRecipe::default() }, ..Recipe::default() };
            recipe.draw(Kind::ALL[kind], &[], &mut stream).apply(&mut photo, &mut stream);
            proptest::prop_assert_eq!(photo.pixels.len(), width * height * 3);
            proptest::prop_assert!(photo.pixels.iter().all(|v| (0.0..=1.0).contains(v)));
        }
    }

    #[test]
    fn degrading_does_not_depend_on_the_thread() {
        let clean = ramp(32, 32);
        let recipe = Recipe::default();
        let degrade = |index: usize| {
            let mut stream = Stream::new(7, 3, index as u64);
            let mut photo = clean.clone();
            let kind = Kind::ALL[index % Kind::ALL.len()];
            recipe.draw(kind, &[], &mut stream).apply(&mut photo, &mut stream);
            photo
        };
        let alone: Vec<Photo> = (0..24).map(degrade).collect();
        let together = std::thread::scope(|scope| {
            let halves = [0, 1].map(|half| {
                let degrade = &degrade;
                scope.spawn(move || {
                    (half..24).step_by(2).map(|index| (index, degrade(index))).collect::<Vec<_>>()
                })
            });
            let mut all: Vec<_> = halves.into_iter().flat_map(|h| h.join().expect("no panic")).collect();
            all.sort_by_key(|(index, _)| *index);
            all.into_iter().map(|(_, photo)| photo).collect::<Vec<_>>()
        });
        assert_eq!(alone, together);
    }
}
