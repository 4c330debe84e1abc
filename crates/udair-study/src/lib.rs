//! Evaluation: pictures with a reference in, scores, confusion and tables out.
//!
//! [`cases`] lists what to evaluate, from a manifest or from two folders; [`evaluate`] restores and
//! scores it. Every score of an output stands beside the score of its input, so that a method which
//! loses to doing nothing cannot hide it. Nothing here prints or writes files.

mod crop;
mod error;
mod evaluate;
mod report;
mod score;
mod stream;

pub mod cases;

pub use cases::Case;
pub use error::StudyError;
pub use evaluate::{Observer, Settings, evaluate, peak_rss_mib};
pub use report::{
    Accuracy, AdaptationResult, Confusion, Evaluation, Group, Identified, ImageResult, Probability, WeightsId,
};
pub use score::{MetricMean, MetricScore, PSNR_OF_IDENTICAL, SCORES, metrics_of};
