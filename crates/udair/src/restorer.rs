//! The restorer: identify, restore, check.

use std::path::Path;
use std::time::Instant;

use udair_engine::{Attention, Conditions, Engine, EngineError, Watch, Weights};
use udair_image::Picture;

use crate::adapt::{self, Adapt, Adaptation, Decision};
use crate::entropy::{self, Differentiable};
use crate::estimate::Estimate;
use crate::network::Network;
use crate::phase::Phase;
use crate::smaller::Smaller;
use crate::{
    Findings, Options, Pattern, Report, RestoreError, Status, background, check, denoised, exposure, haze,
    memory,
};

/// Share of the work that the analysis takes, for the progress bar alone.
const ANALYSIS: f32 = 0.15;

/// Identifies and restores pictures. One restorer serves any number of them, from any thread.
pub struct Restorer {
    network: Box<dyn Network>,
    gradients: Option<Box<dyn Differentiable>>,
    estimate: Estimate,
}

/// What the analysis sees in a picture.
struct Seen {
    conditions: Conditions,
    findings: Findings,
    /// The smaller version of a hazy or underwater picture that bears that out, where there is one.
    smaller: Option<Smaller>,
}

/// A picture's pixels as the network sees them.
struct Pixels {
    rgb: Vec<f32>,
    width: usize,
    height: usize,
}

impl Restorer {
    /// Reads a weights file from memory.
    ///
    /// # Errors
    /// [`RestoreError::Weights`] for anything but a complete UDAIR weights file.
    pub fn from_bytes(weights: &[u8]) -> Result<Self, RestoreError> {
        Self::load(weights, None)
    }

    /// Reads a weights file.
    ///
    /// # Errors
    /// [`RestoreError::Read`] and [`RestoreError::Weights`], both naming the file.
    pub fn open(path: &Path) -> Result<Self, RestoreError> {
        let bytes = std::fs::read(path).map_err(|source| RestoreError::Read { path: path.into(), source })?;
        Self::load(&bytes, Some(path))
    }

    /// Restores with an engine that was made to one's own liking: instruction set, precision, storage,
    /// and where attention gathers its statistics.
    ///
    /// # Errors
    /// [`RestoreError::Weights`] where its weights name a pattern that is unknown here.
    pub fn new(engine: Engine) -> Result<Self, RestoreError> {
        for pattern in engine.patterns() {
            let unknown =
                |message| RestoreError::Weights { path: None, source: EngineError::Weights(message) };
            pattern.parse::<Pattern>().map_err(unknown)?;
        }
        Ok(Self::with_network(Box::new(engine)))
    }

    /// Restores with any network, such as one on another device.
    pub fn with_network(network: Box<dyn Network>) -> Self {
        Self { network, gradients: None, estimate: Estimate::default() }
    }

    /// Adds the same network with gradients, which [`Adapt::Tent`] and [`Adapt::Sar`] need.
    #[must_use]
    pub fn with_gradients(self, network: Box<dyn Differentiable>) -> Self {
        Self { gradients: Some(network), ..self }
    }

    fn load(bytes: &[u8], path: Option<&Path>) -> Result<Self, RestoreError> {
        let wrong = |source| RestoreError::Weights { path: path.map(Into::into), source };
        let engine = Weights::from_bytes(bytes).and_then(|weights| Engine::new(&weights)).map_err(wrong)?;
        Self::new(engine.with_attention(Attention::ByPattern)).map_err(|error| match error {
            RestoreError::Weights { source, .. } => wrong(source),
            other => other,
        })
    }

    /// Bounds the working memory of one picture to `bytes`; the picture itself and the weights are
    /// not counted. The result is the same for every bound.
    #[must_use]
    pub fn with_memory(self, bytes: usize) -> Self {
        Self { network: self.network.with_memory(bytes), ..self }
    }

    /// Seconds that a picture of this size will take to restore on the current rayon pool. The first
    /// call measures it on a small picture of noise.
    ///
    /// # Errors
    /// Those of the network.
    pub fn estimate(&self, width: usize, height: usize) -> Result<f64, RestoreError> {
        self.estimate.seconds(self.network.as_ref(), width, height)
    }

    /// Says what spoiled the picture, and leaves it alone.
    ///
    /// # Errors
    /// Those of [`restore`](Self::restore).
    pub fn identify(&self, picture: &Picture, watch: &dyn Watch) -> Result<Findings, RestoreError> {
        memory::check(self.network.as_ref(), picture.width(), picture.height())?;
        let pixels = Pixels::of(picture)?;
        Ok(self.see(&pixels, watch)?.findings)
    }

    /// Identifies and restores. The picture that comes back has the size, depth, alpha channel,
    /// colour profile and metadata of the one that went in.
    ///
    /// # Errors
    /// [`RestoreError::Memory`] before any work where the picture is too large for
    /// [`with_memory`](Self::with_memory); [`RestoreError::Output`] where the result is not a
    /// picture; [`RestoreError::Cancelled`] once the watch asks to stop.
    pub fn restore(
        &self,
        picture: &Picture,
        options: &Options,
        watch: &dyn Watch,
    ) -> Result<(Picture, Report), RestoreError> {
        let start = Instant::now();
        memory::check(self.network.as_ref(), picture.width(), picture.height())?;
        let pixels = Pixels::of(picture)?;
        let seen = self.see(&pixels, &Phase { watch, from: 0.0, to: ANALYSIS })?;
        let findings = seen.findings.clone();
        let clean = findings.clean().is_some();
        let (result, status, adaptation) = if options.strength == 0.0 || (clean && !options.always) {
            (picture.clone(), Status::Unchanged, None)
        } else {
            let watch = Phase { watch, from: ANALYSIS, to: 1.0 };
            let (restored, adaptation) = self.undo(picture, pixels, seen, options, &watch)?;
            (picture.with_restored(&restored, options.strength)?, Status::Restored, adaptation)
        };
        watch.progress(1.0);
        let seconds = start.elapsed().as_secs_f64();
        Ok((result, Report { status, findings, adaptation, seconds }))
    }

    /// Undoes what was found, after adapting to it, and keeps what the damage leaves of the picture's tones.
    fn undo(
        &self,
        picture: &Picture,
        pixels: Pixels,
        seen: Seen,
        options: &Options,
        watch: &dyn Watch,
    ) -> Result<(Vec<f32>, Option<Adaptation>), RestoreError> {
        let (network, width) = (self.network.as_ref(), pixels.width);
        let Seen { mut conditions, findings, smaller } = seen;
        let (mut minimised, mut adaptation) = (None, None);
        match options.adapt {
            Adapt::Off => {}
            Adapt::Auto | Adapt::Coral => {
                let (adapted, report) =
                    adapt::adapt(network, pixels.size(), conditions, &findings, options, watch)?;
                (conditions, adaptation) = (adapted, Some(report));
            }
            Adapt::Tent | Adapt::Sar => {
                let (gradients, size) = (self.gradients.as_deref(), pixels.size());
                let (rgb, report) = entropy::restore(gradients, &pixels.rgb, size, &findings, options)?;
                (minimised, adaptation) = (rgb, Some(report));
            }
        }
        // What was adapted to this picture is not what a smaller version of it would get.
        let adapted = adaptation.as_ref().is_some_and(|a| a.decision == Decision::Adapted);
        let still = Phase { watch, from: 0.0, to: 0.0 };
        // Half the size has a quarter of the pixels.
        let whole = if findings.pattern == Pattern::Denoise && options.tones { 0.8 } else { 1.0 };
        let restore = Phase { watch, from: 0.0, to: whole };
        let finish = Phase { watch, from: whole, to: 1.0 };
        let smaller = match findings.pattern {
            _ if adapted || !options.tones => None,
            Pattern::Dehaze => smaller,
            Pattern::Lowlight => Smaller::look(network, &pixels.rgb, width, &still)?,
            _ => None,
        };
        let smaller = smaller
            .filter(|smaller| smaller.findings.pattern == findings.pattern)
            .map(|smaller| smaller.restore(network, pixels.size(), &still))
            .transpose()?;
        let input = check::Input::of(&pixels.rgb);
        let mut restored = match (minimised, &smaller) {
            (Some(rgb), _) => rgb,
            // The smaller version says all that there is to undo.
            (None, Some(smaller)) if findings.pattern == Pattern::Dehaze => {
                let mut rgb = pixels.rgb;
                haze::undo(smaller, &mut rgb);
                rgb
            }
            _ => network.restore(pixels.rgb, width, pixels.height, conditions, &restore)?,
        };
        if let Some(fault) = check::fault(&input, &restored) {
            return Err(RestoreError::Output(fault));
        }
        match findings.pattern {
            Pattern::Denoise if options.tones => {
                let input = Pixels::of(picture)?.rgb;
                denoised::finish(network, &input, &mut restored, width, &finish)?;
            }
            Pattern::Derain if options.tones => {
                background::keep(&Pixels::of(picture)?.rgb, &mut restored, width);
            }
            Pattern::Lowlight => smaller.iter().for_each(|s| exposure::adopt(s, &mut restored)),
            _ => {}
        }
        Ok((restored, adaptation))
    }

    /// Analyses the picture and names what spoiled it.
    fn see(&self, pixels: &Pixels, watch: &dyn Watch) -> Result<Seen, RestoreError> {
        let network = self.network.as_ref();
        let conditions = network.conditions(&pixels.rgb, pixels.width, pixels.height, watch)?;
        let findings = Findings::of(network.identify(&conditions));
        // Neither vanishes in a smaller version; darkness now and then does.
        let smaller = match findings.pattern {
            Pattern::Dehaze | Pattern::Underwater => {
                Smaller::look(network, &pixels.rgb, pixels.width, &Phase { watch, from: 1.0, to: 1.0 })?
            }
            _ => None,
        };
        Ok(match smaller {
            Some(smaller) if smaller.surely_clear() => {
                Seen { conditions, findings: smaller.findings, smaller: None }
            }
            smaller => Seen { conditions, findings, smaller },
        })
    }
}

impl Pixels {
    /// The network takes values in [0, 1]; what lies beyond stays in the picture and is put back.
    fn of(picture: &Picture) -> Result<Self, RestoreError> {
        let mut rgb = picture.srgb()?;
        rgb.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        Ok(Self { rgb, width: picture.width(), height: picture.height() })
    }

    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
}
