//! Evaluation: pictures with a reference in, scores, confusion and tables out.
//!
//! [`cases`] lists what to evaluate, from a manifest or from two folders; [`evaluate`] restores and
//! scores it. Every score of an output stands beside the score of its input, so that a method which
//! loses to doing nothing cannot hide it. Nothing here prints or writes files.

mod adaptation;
mod crop;
mod error;
mod evaluate;
mod figure;
mod handling;
mod learn;
mod overlap;
mod prototypes;
mod report;
mod resize;
mod score;
mod shifts;
mod stream;
mod subjects;

pub mod cases;

pub use adaptation::{Method, Summary, Trial, methods, summary, towards_maps, trials};
pub use cases::Case;
pub use error::StudyError;
pub use evaluate::{Observer, Settings, evaluate, peak_rss_mib};
pub use figure::{Colour, Figure};
pub use handling::Handling;
pub use learn::{Gain, HARM, Learned, averaged_maps, gains, kept_out, learn, thinned, worth};
pub use overlap::unseen;
pub use prototypes::{Drawing, Prototypes, Strength, Swap, Usage, prototypes, usage};
pub use report::{
    Accuracy, AdaptationResult, Confusion, Evaluation, Group, Identified, ImageResult, Probability, WeightsId,
};
pub use score::{MetricMean, MetricScore, PSNR_OF_IDENTICAL, SCORES, metrics_of};
pub use shifts::Shift;
pub use subjects::{Outcome, Subject, subjects};
