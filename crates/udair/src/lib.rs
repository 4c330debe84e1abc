//! Says what spoiled a picture and undoes it.
//!
//! A [`Restorer`] holds the weights. It identifies the degradation of a [`Picture`] (its
//! [`Pattern`], and how sure that is), restores it, and checks the result before it hands it out.
//! A picture that is found clean comes back as it was.
//!
//! ```no_run
//! use udair::{Limits, Options, Picture, Restorer, Silent};
//!
//! let restorer = Restorer::open("small.safetensors".as_ref())?;
//! let picture = Picture::open("photo.jpg".as_ref(), &Limits::default())?;
//! let (restored, report) = restorer.restore(&picture, &Options::default(), &Silent)?;
//! println!("{}: {:.0} % sure", report.findings.pattern, 100.0 * report.findings.confidence);
//! # let _ = restored;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adapt;
mod background;
mod blocks;
mod check;
mod contrast;
mod denoised;
mod entropy;
mod error;
mod estimate;
mod exposure;
mod grain;
mod haze;
mod median;
mod memory;
mod network;
mod options;
mod pattern;
mod phase;
mod restorer;
mod smaller;
#[cfg(test)]
mod testing;
mod texture;

pub use adapt::{Adapt, Adaptation, Decision};
pub use entropy::{Differentiable, Entropy, Minimised};
pub use error::RestoreError;
pub use network::{AnchorDistance, Network};
pub use options::{Findings, Options, Report, Status};
pub use pattern::Pattern;
pub use restorer::Restorer;

pub use udair_engine::Adaptation as Coral;
pub use udair_engine::{Conditions, EngineError, Identification, Silent, Watch, Weights};
pub use udair_image::{ImageError, Limits, Picture};
