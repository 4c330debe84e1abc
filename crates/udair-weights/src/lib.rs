//! The weights that ship with udair, as bytes: no download, no file beside the binary.
//!
//! Their terms are not those of the code: they were learned from pictures that are for research
//! use. `LICENSE-WEIGHTS.md` holds the terms, `MODEL_CARD.md` the data, the recipe, the scores and
//! the limits.

/// The preset `small`: 2,705,832 parameters as f16 safetensors, codebooks and anchors included.
pub const SMALL: &[u8] = include_bytes!("../small.safetensors");

/// The name that `--model` and reports use for [`SMALL`].
pub const SMALL_NAME: &str = "small";

/// The terms of [`SMALL`] in one line, for `--version` and reports.
pub const SMALL_TERMS: &str = "research use only, under the terms of the data sets it was trained on";
