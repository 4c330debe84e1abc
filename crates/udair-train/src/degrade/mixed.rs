//! Several degradations at once, in the order in which light meets them: medium, then lens and
//! exposure, then sensor.

use serde::{Deserialize, Serialize};

use super::Kind;
use super::range::Range;
use crate::rng::Stream;

use Kind::{Haze, Lowlight, Noise, Rain, Underwater};

/// What occurs together. Water excludes weather; the order of each list is the order of light.
const TOGETHER: [&[Kind]; 13] = [
    &[Haze, Noise],
    &[Rain, Noise],
    &[Underwater, Noise],
    &[Lowlight, Noise],
    &[Haze, Rain],
    &[Haze, Lowlight],
    &[Rain, Lowlight],
    &[Underwater, Lowlight],
    &[Haze, Rain, Noise],
    &[Haze, Rain, Lowlight],
    &[Haze, Lowlight, Noise],
    &[Rain, Lowlight, Noise],
    &[Underwater, Lowlight, Noise],
];

/// How strong the parts of a mixture are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MixedRecipe {
    /// Strength of each part, 1 being that of the degradation alone.
    pub strength: Range,
}

impl Default for MixedRecipe {
    fn default() -> Self {
        Self { strength: Range::new(0.3, 0.8) }
    }
}

impl MixedRecipe {
    /// Two or three kinds in physical order, with the strength of each.
    pub(super) fn draw(&self, stream: &mut Stream) -> Vec<(Kind, f32)> {
        let kinds = TOGETHER[stream.below(TOGETHER.len())];
        kinds.iter().map(|&kind| (kind, self.strength.draw(stream))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixtures_follow_the_light() {
        let place = |kind| match kind {
            Underwater => 0,
            Haze => 1,
            Rain => 2,
            Lowlight => 3,
            Noise => 4,
            Kind::Mixed => unreachable!("a mixture holds no mixture"),
        };
        for kinds in TOGETHER {
            assert!((2..=3).contains(&kinds.len()));
            assert!(kinds.windows(2).all(|w| place(w[0]) < place(w[1])), "{kinds:?}");
            let weather = kinds.contains(&Haze) || kinds.contains(&Rain);
            assert!(!(weather && kinds.contains(&Underwater)), "{kinds:?}");
        }
    }
}
