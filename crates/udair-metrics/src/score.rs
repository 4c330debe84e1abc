//! What a metric says of a picture: a number, or why there is none.

use std::fmt;

use thiserror::Error;

/// Which direction is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Better {
    /// A larger value is better.
    Higher,
    /// A smaller value is better.
    Lower,
}

impl fmt::Display for Better {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
        })
    }
}

/// Why a metric has no value for a picture. This is a result, not a failure.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotApplicable {
    /// A side is too short for the metric.
    #[error("a side is shorter than {least} pixels")]
    TooSmall {
        /// Pixels that each side must have.
        least: usize,
    },
    /// The statistics are over blocks, and there are too few of them.
    #[error("fewer than {least} blocks of {side} x {side} pixels")]
    TooFewBlocks {
        /// Blocks that are needed.
        least: usize,
        /// Side of a block in pixels.
        side: usize,
    },
    /// The definition divides nothing by nothing, as on pictures without contrast.
    #[error("undefined for this picture: {0}")]
    Undefined(&'static str),
    /// The picture and its reference differ in size.
    #[error("the picture is {} x {}, its reference {} x {}", image.0, image.1, reference.0, reference.1)]
    SizesDiffer {
        /// Width and height of the picture in pixels.
        image: (usize, usize),
        /// Width and height of the reference in pixels.
        reference: (usize, usize),
    },
    /// The metric compares with a reference, and there is none.
    #[error("the metric needs a reference")]
    NoReference,
    /// The metric needs learned parameters, and none were given.
    #[error("the metric needs parameters, and none were given")]
    NoParameters,
}

/// The score of one picture by one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Name of the metric, such as `ssim`.
    pub metric: &'static str,
    /// Name of the variant, such as `gaussian`; names the parameters where they are not the usual ones.
    pub variant: String,
    /// Which direction is good.
    pub better: Better,
    /// The number, never NaN, or why there is none.
    pub value: Result<f64, NotApplicable>,
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ", self.metric, self.variant)?;
        match &self.value {
            Ok(value) => write!(f, "{value} ({} is better)", self.better),
            Err(reason) => write!(f, "not applicable: {reason}"),
        }
    }
}
