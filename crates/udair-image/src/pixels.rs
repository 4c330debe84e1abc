//! Samples in memory: rows of interleaved channels, 8 or 16 bits each.

use std::borrow::Cow;

use crate::{ImageError, allocate};

/// Bits of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Depth {
    /// 8 bits, 0 to 255.
    Eight,
    /// 16 bits, 0 to 65535.
    Sixteen,
}

impl Depth {
    /// 8 or 16.
    pub fn bits(self) -> usize {
        self.bytes() * 8
    }

    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Eight => 1,
            Self::Sixteen => 2,
        }
    }
}

/// `height` rows of `width` pixels of `channels` samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    pub(crate) channels: usize,
    pub(crate) samples: Samples,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

/// An integer sample and its place in 0..1.
pub(crate) trait Sample: Copy + Default + PartialEq {
    fn unit(self) -> f32;
    /// The nearest sample; values outside 0..1 are clipped.
    fn nearest(unit: f32) -> Self;
}

impl Sample for u8 {
    fn unit(self) -> f32 {
        self as f32 / 255.0
    }
    fn nearest(unit: f32) -> Self {
        (unit * 255.0).round() as Self
    }
}

impl Sample for u16 {
    fn unit(self) -> f32 {
        self as f32 / 65535.0
    }
    fn nearest(unit: f32) -> Self {
        (unit * 65535.0).round() as Self
    }
}

impl Samples {
    pub(crate) fn depth(&self) -> Depth {
        match self {
            Self::Eight(_) => Depth::Eight,
            Self::Sixteen(_) => Depth::Sixteen,
        }
    }
}

impl Pixels {
    pub(crate) fn depth(&self) -> Depth {
        self.samples.depth()
    }

    pub(crate) fn is_grey(&self) -> bool {
        self.channels < 3
    }

    pub(crate) fn has_alpha(&self) -> bool {
        self.channels.is_multiple_of(2)
    }

    /// Samples of colour in a pixel: 1 or 3.
    pub(crate) fn colours(&self) -> usize {
        if self.is_grey() { 1 } else { 3 }
    }

    /// The 8-bit samples, rounded from 16 bits where need be.
    pub(crate) fn eight(&self) -> Result<Cow<'_, [u8]>, ImageError> {
        Ok(match &self.samples {
            Samples::Eight(samples) => Cow::Borrowed(samples),
            Samples::Sixteen(samples) => {
                let round = |&v: &u16| ((v as u32 * 255 + 32_767) / 65_535) as u8;
                Cow::Owned(allocate::collect(samples.iter().map(round))?)
            }
        })
    }

    /// The samples as bytes, 16 bits in the order that `of_u16` gives.
    pub(crate) fn bytes(&self, of_u16: impl Fn(u16) -> [u8; 2]) -> Result<Cow<'_, [u8]>, ImageError> {
        Ok(match &self.samples {
            Samples::Eight(samples) => Cow::Borrowed(samples),
            Samples::Sixteen(samples) => {
                let mut bytes = allocate::with_room(samples.len() * 2)?;
                samples.iter().for_each(|&v| bytes.extend_from_slice(&of_u16(v)));
                Cow::Owned(bytes)
            }
        })
    }
}
