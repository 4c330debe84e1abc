//! Curves between stored values and linear light, as tables: a degradation passes every sample
//! through one or two of them.

use std::sync::OnceLock;

/// Knots of a table over [0, 1]; between them it is interpolated linearly.
const KNOTS: usize = 1024;

/// A monotone function from [0, 1] to [0, 1]; arguments outside are clamped.
///
/// Knots are spread evenly over the argument or over its square root. The second suits functions that
/// rise steeply at 0, as every encoding of linear light does.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    knots: Vec<f32>,
    by_square_root: bool,
}

impl Curve {
    fn tabulate(by_square_root: bool, function: impl Fn(f32) -> f32) -> Self {
        let knots = (0..=KNOTS).map(|k| {
            let x = k as f32 / KNOTS as f32;
            function(if by_square_root { x * x } else { x })
        });
        Self { knots: knots.collect(), by_square_root }
    }

    /// The curve at `x`.
    pub(crate) fn at(&self, x: f32) -> f32 {
        let x = x.clamp(0.0, 1.0);
        let at = if self.by_square_root { x.sqrt() } else { x } * KNOTS as f32;
        let low = (at as usize).min(KNOTS - 1);
        let past = at - low as f32;
        self.knots[low] * (1.0 - past) + self.knots[low + 1] * past
    }
}

/// A camera's rendering of linear light into stored values and back.
#[derive(Debug, Clone)]
pub(crate) struct Rendering {
    /// Linear light to stored values.
    pub(crate) encode: Curve,
    /// Stored values to linear light.
    pub(crate) decode: Curve,
}

impl Rendering {
    /// An S-shaped contrast curve x^c / (x^c + (1 - x)^c), symmetric about middle grey, after the sRGB
    /// encoding; `contrast` 1 leaves sRGB alone. Its inverse is the same curve with exponent 1 / c.
    pub(crate) fn with_contrast(contrast: f32) -> Self {
        Self {
            encode: Curve::tabulate(true, |x| sigmoid(encode(x), contrast)),
            decode: Curve::tabulate(false, |y| decode(sigmoid(y, 1.0 / contrast))),
        }
    }

    /// Plain sRGB.
    pub(crate) fn srgb() -> &'static Self {
        static SRGB: OnceLock<Rendering> = OnceLock::new();
        SRGB.get_or_init(|| Self::with_contrast(1.0))
    }
}

/// Linear light to sRGB (IEC 61966-2-1).
fn encode(x: f32) -> f32 {
    if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 }
}

/// sRGB to linear light (IEC 61966-2-1).
fn decode(y: f32) -> f32 {
    if y <= 0.040_45 { y / 12.92 } else { ((y + 0.055) / 1.055).powf(2.4) }
}

fn sigmoid(x: f32, exponent: f32) -> f32 {
    if exponent == 1.0 {
        return x;
    }
    let (rise, fall) = (x.powf(exponent), (1.0 - x).max(0.0).powf(exponent));
    rise / (rise + fall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_follow_the_formulas() {
        let srgb = Rendering::srgb();
        for k in 0..=4000 {
            let x = k as f32 / 4000.0;
            assert!((srgb.encode.at(x) - encode(x)).abs() < 2e-4, "encode {x}");
            assert!((srgb.decode.at(x) - decode(x)).abs() < 1e-5, "decode {x}");
        }
        assert_eq!((srgb.encode.at(-1.0), srgb.encode.at(2.0)), (0.0, encode(1.0)), "clamped");
    }

    #[test]
    fn decoding_and_encoding_gives_every_stored_level_back() {
        for contrast in [1.0, 1.2, 1.5] {
            let rendering = Rendering::with_contrast(contrast);
            for level in 0..=255 {
                let stored = level as f32 / 255.0;
                let back = rendering.encode.at(rendering.decode.at(stored));
                assert!((back - stored).abs() < 0.4 / 255.0, "contrast {contrast}, level {level}: {back}");
            }
        }
    }

    #[test]
    fn contrast_darkens_shadows_and_brightens_lights() {
        let (plain, hard) = (Rendering::srgb(), Rendering::with_contrast(1.4));
        assert!(hard.encode.at(0.02) < plain.encode.at(0.02));
        assert!(hard.encode.at(0.7) > plain.encode.at(0.7));
    }
}
