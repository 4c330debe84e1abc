//! Colours that a PNG describes without a profile: code points, or gamma and chromaticities (PNG,
//! third edition, sections 11.3.2.1 to 11.3.2.6).

use moxcms::{Chromaticity, CicpProfile, ColorPrimaries, ColorProfile, MatrixCoefficients, ToneReprCurve};

use crate::Format;
use crate::byte_order::ByteOrder::Big;
use crate::metadata::{Metadata, Part};

/// The gamma that stands for the curve of sRGB, in 1/100,000, and how far others may lie from it.
const SRGB_GAMMA: u32 = 45_455;
const NEAR: u32 = 500;

/// Whether a PNG chunk says what the samples mean.
pub(crate) fn describes(part: &Part) -> bool {
    part.format == Format::Png && matches!(&part.name, b"cICP" | b"sRGB" | b"gAMA" | b"cHRM")
}

/// The colours of a picture's PNG chunks, where they count. Code points
/// come before a profile, gamma and chromaticities behind it.
pub(crate) fn profile(metadata: &Metadata) -> Option<ColorProfile> {
    let data = |name: &[u8; 4]| {
        metadata.parts(Format::Png).find(|part| &part.name == name).map(|part| part.data.as_slice())
    };
    if let Some(&[primaries, transfer, _, _]) = data(b"cICP") {
        let points = CicpProfile {
            color_primaries: primaries.try_into().ok()?,
            transfer_characteristics: transfer.try_into().ok()?,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        };
        return Some(ColorProfile::new_from_cicp(points));
    }
    let (gamma, points) = (data(b"gAMA"), data(b"cHRM"));
    if metadata.icc.is_some() || data(b"sRGB").is_some() || (gamma.is_none() && points.is_none()) {
        return None;
    }
    let gamma = gamma.and_then(|data| Big.u32(data, 0)).unwrap_or(SRGB_GAMMA);
    let mut profile = ColorProfile::new_srgb();
    if gamma.abs_diff(SRGB_GAMMA) > NEAR {
        let curve = Some(ToneReprCurve::Parametric(vec![100_000.0 / gamma.max(1) as f32]));
        (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
    }
    if let Some(data) = points.filter(|data| data.len() == 32) {
        let point = |i: usize| {
            let value = |at| Big.u32(data, at).unwrap_or(0) as f32 / 100_000.0;
            Chromaticity::new(value(8 * i), value(8 * i + 4))
        };
        let [white, red, green, blue] = [0, 1, 2, 3].map(point);
        profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
    }
    Some(profile)
}
