//! Pictures of known reference to adapt to: as they are, and shifted away from what was trained.

use udair::{Limits, Options, Pattern, Picture, Report, Restorer, Silent};

use crate::crop::cut;
use crate::score::{Pixels, psnr_of};
use crate::{Case, Shift, StudyError};

/// A picture to restore, with its reference where there is one.
#[derive(Debug)]
pub struct Subject {
    /// The collection, with the shift where there is one.
    pub set: String,
    /// What spoils it most.
    pub label: Pattern,
    case: Case,
    picture: Picture,
    reference: Option<Pixels>,
}

/// The subjects of a case: the picture itself where it is spoiled; its shifts where there is a
/// reference; a good photo only as what shifts make of it. Each is the central square of at most `side`
/// pixels.
///
/// # Errors
/// [`StudyError`] naming the picture.
pub fn subjects(case: &Case, side: usize, seed: u64) -> Result<Vec<Subject>, StudyError> {
    let label = case.task.as_deref().and_then(|task| task.parse::<Pattern>().ok());
    let Some(label) = label else { return Ok(Vec::new()) };
    let picture = central(&case.lq, side)?;
    let clean = (label == Pattern::Clean).then_some(&case.lq);
    let reference = case.gt.as_ref().or(clean).map(|path| central(path, side)).transpose()?;
    let source = case.source.clone().unwrap_or_default();
    let failed = |source| StudyError::Picture { path: case.lq.clone(), source };
    let plain = (label != Pattern::Clean).then(|| Ok((source.clone(), label, picture.clone())));
    let shifts = if reference.is_some() { shifts(label) } else { Vec::new() };
    let shifted = shifts.into_iter().map(|(label, shift)| {
        Ok((format!("{source}, {}", shift.name()), label, shift.apply(&picture, seed).map_err(failed)?))
    });
    let subject = |(set, label, picture)| {
        let reference = reference.as_ref().map(Pixels::of).transpose().map_err(failed)?;
        Ok(Subject { set, label, case: case.clone(), picture, reference })
    };
    plain.into_iter().chain(shifted).map(|subject_of| subject_of.and_then(subject)).collect()
}

/// What shifts a picture of a pattern farther along it, or makes a good photo one of it.
fn shifts(pattern: Pattern) -> Vec<(Pattern, Shift)> {
    const CAMERA: Shift = Shift::Camera { shot: 0.012, read: 0.0004 };
    const WATER: Shift = Shift::Water([0.25, 0.85, 0.7]);
    let jpeg = (pattern, Shift::Jpeg(30));
    match pattern {
        Pattern::Denoise => vec![jpeg, (pattern, CAMERA)],
        Pattern::Dehaze => vec![jpeg, (pattern, Shift::Haze(0.75))],
        Pattern::Lowlight => vec![jpeg, (pattern, Shift::Dark(0.5))],
        Pattern::Underwater => vec![jpeg, (pattern, WATER)],
        Pattern::Clean => vec![
            (Pattern::Denoise, CAMERA),
            (Pattern::Dehaze, Shift::Haze(0.6)),
            (Pattern::Lowlight, Shift::Dark(0.06)),
            (Pattern::Underwater, WATER),
        ],
        _ => vec![jpeg],
    }
}

impl Subject {
    /// Restores it, good photos too.
    ///
    /// # Errors
    /// [`StudyError`] naming the picture.
    pub fn restore(&self, restorer: &Restorer, options: &Options) -> Result<(Outcome, Report), StudyError> {
        let options = Options { always: true, ..options.clone() };
        let restored = restorer.restore(&self.picture, &options, &Silent);
        let (restored, report) =
            restored.map_err(|source| StudyError::Restore { path: self.case.lq.clone(), source })?;
        Ok((self.outcome(&restored)?, report))
    }

    /// The picture as it is.
    ///
    /// # Errors
    /// [`StudyError`] naming the picture.
    pub fn untouched(&self) -> Result<Outcome, StudyError> {
        self.outcome(&self.picture)
    }

    fn outcome(&self, picture: &Picture) -> Result<Outcome, StudyError> {
        let failed = |source| StudyError::Picture { path: self.case.lq.clone(), source };
        let pixels = Pixels::of(picture).map_err(failed)?;
        let psnr = self.reference.as_ref().map(|reference| psnr_of(&pixels, reference));
        Ok(Outcome { psnr, pixels })
    }
}

/// A result, scored.
#[derive(Debug)]
pub struct Outcome {
    /// PSNR in dB, where there is a reference.
    pub psnr: Option<f64>,
    pixels: Pixels,
}

impl Outcome {
    /// Mean absolute difference to another result of the same subject, in units of 1/255.
    pub fn change(&self, other: &Self) -> f64 {
        let pairs = self.pixels.rgb.iter().zip(&other.pixels.rgb);
        pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / self.pixels.rgb.len() as f64
    }
}

/// The central square of a picture, in 8 bits.
pub(crate) fn central(path: &std::path::Path, side: usize) -> Result<Picture, StudyError> {
    let failed = |source| StudyError::Picture { path: path.into(), source };
    let whole = Picture::open(path, &Limits::default()).map_err(failed)?;
    let (width, height) = (whole.width(), whole.height());
    let place = (width.saturating_sub(side) / 2, height.saturating_sub(side) / 2);
    let (width, height, rgb) = cut(&whole.to_rgb8().map_err(failed)?, width, height, side, place);
    Picture::from_rgb8(width, height, rgb).map_err(failed)
}
