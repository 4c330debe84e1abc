//! What can go wrong in the engine, by who must act.

use thiserror::Error;

/// An error of the engine. Callers add the name of the file that it concerns.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The weights file cannot be used: not safetensors, not UDAIR, parameters missing or misshapen.
    #[error("unusable weights: {0}")]
    Weights(String),
    /// A configuration that no network can have (zero width, heads that do not divide the channels).
    #[error("impossible network configuration: {0}")]
    Config(String),
    /// A variant of the network that only the trainer's network runs.
    #[error("a variant of the network: the engine runs transformer blocks guided by codebooks alone")]
    Variant,
    /// The caller's buffer does not fit the size it gave.
    #[error("the picture is {width} x {height}, which is {expected} samples, but {got} were given")]
    Shape {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Samples that the size asks for.
        expected: usize,
        /// Samples in the buffer.
        got: usize,
    },
    /// The conditions belong to a picture of another size or to another network.
    #[error("the conditions do not belong to a padded picture of {width} x {height}")]
    Conditions {
        /// Width of the padded picture in pixels.
        width: usize,
        /// Height of the padded picture in pixels.
        height: usize,
    },
    /// The memory budget does not suffice for a picture of this size.
    #[error(
        "a picture of {width} x {height} takes at least {} MiB, and {} MiB are allowed",
        least.div_ceil(1 << 20),
        budget >> 20
    )]
    Budget {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes that would just do.
        least: usize,
        /// Bytes that may be used.
        budget: usize,
    },
    /// The working memory could not be had.
    #[error("not enough memory: {bytes} bytes could not be allocated")]
    Memory {
        /// Size of the allocation that failed, in bytes.
        bytes: usize,
    },
    /// Another device than the CPU failed.
    #[error("the device failed: {0}")]
    Device(String),
    /// The [`crate::Watch`] asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl EngineError {
    pub(crate) fn weights(message: impl Into<String>) -> Self {
        Self::Weights(message.into())
    }
}
