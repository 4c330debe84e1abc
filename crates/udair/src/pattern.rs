//! Patterns: the kinds of degradation, under the ids that flags, JSON, metadata and manifests share.

use std::fmt;
use std::str::FromStr;

/// A kind of degradation, or what stands in its place in a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// Sensor noise.
    Denoise,
    /// Haze or fog.
    Dehaze,
    /// Rain streaks and veil.
    Derain,
    /// Underexposure.
    Lowlight,
    /// Colour cast and scatter of water.
    Underwater,
    /// A good photo, to be left alone.
    Clean,
    /// Two degradations at once.
    Mixed,
    /// Nothing was identified: the picture is like none of the patterns, or the weights hold no
    /// identification.
    None,
}

impl Pattern {
    /// The six patterns that a picture can have alone, in the order of tables.
    pub const SINGLE: [Self; 6] =
        [Self::Denoise, Self::Dehaze, Self::Derain, Self::Lowlight, Self::Underwater, Self::Clean];

    /// The id, e.g. `dehaze`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Denoise => "denoise",
            Self::Dehaze => "dehaze",
            Self::Derain => "derain",
            Self::Lowlight => "lowlight",
            Self::Underwater => "underwater",
            Self::Clean => "clean",
            Self::Mixed => "mixed",
            Self::None => "none",
        }
    }

    /// The word for people, e.g. `haze`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Denoise => "noise",
            Self::Dehaze => "haze",
            Self::Derain => "rain",
            Self::Lowlight => "low light",
            Self::Underwater => "underwater",
            Self::Clean => "clean",
            Self::Mixed => "several at once",
            Self::None => "not identified",
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        Self::SINGLE
            .into_iter()
            .chain([Self::Mixed, Self::None])
            .find(|pattern| pattern.id() == id)
            .ok_or_else(|| format!("{id:?} is not a pattern"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        for pattern in Pattern::SINGLE.into_iter().chain([Pattern::Mixed, Pattern::None]) {
            assert_eq!(pattern.id().parse(), Ok(pattern));
        }
        assert!("haze".parse::<Pattern>().is_err(), "words for people are no ids");
    }
}
