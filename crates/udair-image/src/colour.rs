//! Between a picture's own colours and sRGB-encoded values, in both directions and without clipping.
//!
//! Profiles made of curves and a matrix (cameras, displays, grey) are computed here, because their
//! inverse must be exact and their sRGB values may leave 0..1; `moxcms` reads them. Profiles made of
//! tables (scanners, printers) go through `moxcms` both ways and clip at sRGB's gamut.

mod curve;
pub(crate) mod described;
mod srgb;

use moxcms::{ColorProfile, DataColorSpace, Layout, ToneReprCurve, TransformF32Executor, TransformOptions};
use std::sync::Arc;

use self::curve::Curve;
use crate::metadata::Metadata;

/// A change per channel of less than this, in sRGB-encoded values, is no difference: a quarter of an
/// 8-bit step, which profiles that all mean sRGB differ by.
const SAME: f32 = 0.25 / 255.0;

/// What a colour is of.
type Rgb = [f32; 3];

/// How a picture's own values (0..1, grey threefold) and sRGB-encoded values belong together.
pub(crate) enum Colour {
    /// They are the same.
    Srgb,
    /// Tone curves, then a matrix to linear sRGB.
    Matrix(Box<Matrix>),
    /// Tables.
    Table { to: Arc<TransformF32Executor>, from: Arc<TransformF32Executor> },
}

pub(crate) struct Matrix {
    curves: [Curve; 3],
    /// Linear own values to linear sRGB, row by row, and back.
    to: [Rgb; 3],
    from: [Rgb; 3],
}

impl Colour {
    /// The colours that a picture's metadata describe; sRGB where they describe none that fit it.
    pub(crate) fn of(metadata: &Metadata, grey: bool) -> Self {
        let read = |icc: &Vec<u8>| ColorProfile::new_from_slice(icc).ok();
        let profile = described::profile(metadata).or_else(|| metadata.icc.as_ref().and_then(read));
        profile.and_then(|profile| Self::read(&profile, grey)).unwrap_or(Self::Srgb)
    }

    fn read(profile: &ColorProfile, grey: bool) -> Option<Self> {
        let colour = match profile.color_space {
            DataColorSpace::Gray if grey => Self::grey(profile)?,
            // A grey picture with a profile for RGB holds three equal values.
            DataColorSpace::Rgb => match (has_tables(profile), profile.is_matrix_shaper()) {
                (false, true) => Self::matrix(profile)?,
                _ => Self::table(profile)?,
            },
            _ => return None,
        };
        Some(if colour.is_srgb(grey) { Self::Srgb } else { colour })
    }

    fn grey(profile: &ColorProfile) -> Option<Self> {
        let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let curve = Curve::new(profile.gray_trc.as_ref()?)?;
        let curves = [curve.clone(), curve.clone(), curve];
        Some(Self::Matrix(Box::new(Matrix { curves, to: identity, from: identity })))
    }

    fn matrix(profile: &ColorProfile) -> Option<Self> {
        let curve = |trc: &Option<ToneReprCurve>| Curve::new(trc.as_ref()?);
        let curves = [curve(&profile.red_trc)?, curve(&profile.green_trc)?, curve(&profile.blue_trc)?];
        let srgb = ColorProfile::new_srgb();
        let f32s = |m: moxcms::Matrix3d| m.v.map(|row| row.map(|v| v as f32));
        let to = f32s(profile.transform_matrix(&srgb));
        let from = f32s(srgb.transform_matrix(profile));
        let finite = to.iter().chain(&from).flatten().all(|v| v.is_finite());
        finite.then(|| Self::Matrix(Box::new(Matrix { curves, to, from })))
    }

    fn table(profile: &ColorProfile) -> Option<Self> {
        let srgb = ColorProfile::new_srgb();
        let options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
        let to = profile.create_transform_f32(Layout::Rgb, &srgb, Layout::Rgb, options).ok()?;
        let from = srgb.create_transform_f32(Layout::Rgb, profile, Layout::Rgb, options).ok()?;
        Some(Self::Table { to, from })
    }

    fn is_srgb(&self, grey: bool) -> bool {
        let steps = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0];
        let mut own = Vec::new();
        for r in steps {
            for (g, b) in steps.iter().flat_map(|&g| steps.iter().map(move |&b| (g, b))) {
                if !grey || (r == g && g == b) {
                    own.extend([r, g, b]);
                }
            }
        }
        let mut srgb = own.clone();
        self.to_srgb(&mut srgb);
        own.iter().zip(&srgb).all(|(a, b)| (a - b).abs() < SAME)
    }

    /// Own values to sRGB-encoded ones, in place, three a pixel.
    pub(crate) fn to_srgb(&self, values: &mut [f32]) {
        match self {
            Self::Srgb => {}
            Self::Matrix(matrix) => each(values, |own| matrix.to_srgb(own)),
            Self::Table { to, .. } => transform(to.as_ref(), values),
        }
    }

    /// sRGB-encoded values to own ones within 0..1, in place, three a pixel.
    pub(crate) fn to_own(&self, values: &mut [f32]) {
        match self {
            Self::Srgb => values.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0)),
            Self::Matrix(matrix) => each(values, |srgb| matrix.to_own(srgb)),
            Self::Table { from, .. } => transform(from.as_ref(), values),
        }
    }

    /// Whether [`to_own`](Self::to_own) gives back what [`to_srgb`](Self::to_srgb) was given.
    pub(crate) fn is_exact(&self) -> bool {
        match self {
            Self::Srgb => true,
            Self::Matrix(matrix) => matrix.curves.iter().all(|curve| curve.exact),
            Self::Table { .. } => false,
        }
    }
}

impl Matrix {
    fn to_srgb(&self, own: Rgb) -> Rgb {
        let linear = [0, 1, 2].map(|i| self.curves[i].linear(own[i]));
        product(&self.to, linear).map(srgb::encode)
    }

    fn to_own(&self, encoded: Rgb) -> Rgb {
        let linear = product(&self.from, encoded.map(srgb::decode));
        [0, 1, 2].map(|i| self.curves[i].encoded(linear[i]))
    }
}

/// A profile with tables means them, even where it has curves as well.
fn has_tables(profile: &ColorProfile) -> bool {
    profile.lut_a_to_b_perceptual.is_some() || profile.lut_a_to_b_colorimetric.is_some()
}

fn product(matrix: &[Rgb; 3], v: Rgb) -> Rgb {
    matrix.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
}

fn each(values: &mut [f32], change: impl Fn(Rgb) -> Rgb) {
    values.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = change(*pixel));
}

fn transform(executor: &TransformF32Executor, values: &mut [f32]) {
    let mut source = [0.0; 3 * 1024];
    for values in values.chunks_mut(source.len()) {
        let source = &mut source[..values.len()];
        source.iter_mut().zip(&*values).for_each(|(source, v)| *source = v.clamp(0.0, 1.0));
        // Lengths are equal and multiples of three, which is all that the transform asks for.
        let _ = executor.transform(source, values);
    }
}
