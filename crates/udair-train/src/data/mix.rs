//! What a training set is mixed from: shares of real and synthetic pictures and what is done to both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::degrade::{JpegRecipe, Range};

/// Shares and weights; TOML keys are the names of the fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mix {
    /// Share of synthetic pictures of each pattern; those that are not named get `synthetic_share`. A
    /// pattern without real pairs is synthetic altogether, and the other way round.
    pub synthetic: BTreeMap<String, f32>,
    /// Share of synthetic pictures of all other patterns.
    pub synthetic_share: f32,
    /// Share of real pictures without a reference of each pattern, 0 where not named. They have no part
    /// in a loss against a reference.
    pub unpaired: BTreeMap<String, f32>,
    /// Share of real pairs of each pattern, 0 where not named, that are scaled down as a whole until their
    /// shorter side is that of the crop: wide areas, as the restorer sees them in a smaller version.
    pub whole: BTreeMap<String, f32>,
    /// Share of pictures of each pattern, 0 where not named, that are enlarged: photos of many megapixels are
    /// soft from pixel to pixel, and show little in a crop. Real noise stays as fine as it is; made-up noise is
    /// added afterwards.
    pub enlarged: BTreeMap<String, f32>,
    /// By which factor, log-uniform.
    pub enlarged_by: Range,
    /// Share of pictures of each pattern, 0 where not named, that are seen without colour.
    pub grey: BTreeMap<String, f32>,
    /// Weight of a source among those of its pattern, 1 where not named, 0 to leave it out.
    pub sources: BTreeMap<String, f32>,
    /// Share of clean pictures that are references of real pairs instead of clean photos.
    pub reference_share: f32,
    /// Sources whose references count as clean photos.
    pub references: Vec<String>,
    /// Share of clean photos seen at half their size: sharper, of another scale.
    pub half_size_share: f32,
    /// Share of clean photos darkened before noise, or before nothing, is added: dim scenes are no
    /// underexposed ones.
    pub dim_share: f32,
    /// By how many stops.
    pub dim_stops: Range,
    /// Compression of real degraded pictures; synthetic ones follow the recipe.
    pub recompression: JpegRecipe,
    /// All crops of a pattern in a batch are windows of one picture, twice as large as they are, so that
    /// the contrast draws together parts of a picture instead of different pictures.
    pub same_picture: bool,
    /// Pictures with several degradations behind the balanced ones of every batch.
    pub mixed: usize,
    /// More pictures of each pattern at the end of every batch, none where not named: for what is harder to
    /// restore than others. They are not contrasted, which takes as many of every pattern.
    pub extra: BTreeMap<String, usize>,
}

impl Default for Mix {
    fn default() -> Self {
        let named = |pairs: &[(&str, f32)]| pairs.iter().map(|(k, v)| ((*k).to_string(), *v)).collect();
        Self {
            synthetic: named(&[
                ("denoise", 0.6),
                ("dehaze", 0.3),
                ("derain", 0.45),
                ("lowlight", 0.2),
                ("underwater", 0.12),
            ]),
            synthetic_share: 0.5,
            unpaired: BTreeMap::new(),
            whole: BTreeMap::new(),
            enlarged: BTreeMap::new(),
            enlarged_by: Range::new(1.3, 4.0),
            grey: BTreeMap::new(),
            sources: BTreeMap::new(),
            reference_share: 0.15,
            references: Vec::new(),
            half_size_share: 0.33,
            dim_share: 0.25,
            dim_stops: Range::new(0.0, 2.0),
            recompression: JpegRecipe { share: 0.12, quality: Range::new(70.0, 96.0) },
            same_picture: false,
            mixed: 0,
            extra: BTreeMap::new(),
        }
    }
}

impl Mix {
    /// Everything made from clean photos, nothing real.
    pub fn synthetic_only() -> Self {
        Self { synthetic: BTreeMap::new(), synthetic_share: 1.0, reference_share: 0.0, ..Self::default() }
    }

    /// Share of synthetic pictures of `pattern`.
    pub(super) fn synthetic_of(&self, pattern: &str) -> f32 {
        self.synthetic.get(pattern).copied().unwrap_or(self.synthetic_share)
    }

    /// Pictures of `pattern` beyond the balanced ones.
    pub(super) fn extra_of(&self, pattern: &str) -> usize {
        self.extra.get(pattern).copied().unwrap_or(0)
    }

    /// Weight of `source`.
    pub(super) fn weight_of(&self, source: &str) -> f32 {
        self.sources.get(source).copied().unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_reads_back_and_unknown_keys_are_refused() {
        let text = toml::to_string(&Mix::default()).expect("plain tables");
        assert_eq!(toml::from_str::<Mix>(&text).expect("its own output"), Mix::default());
        assert!(toml::from_str::<Mix>("mixd = 3").is_err_and(|error| error.to_string().contains("mixd")));
    }

    #[test]
    fn names_override_defaults() {
        let mix: Mix = toml::from_str("synthetic.dehaze = 0.9\nsources.nam = 0").expect("a mix");
        assert_eq!((mix.synthetic_of("dehaze"), mix.synthetic_of("denoise")), (0.9, 0.5));
        assert_eq!((mix.weight_of("nam"), mix.weight_of("siddval")), (0.0, 1.0));
    }
}
