//! The header of a picture: its size before anything is decoded.

use crate::{Depth, Format, ImageError, codec, format};

/// What a file says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The file's format.
    pub format: Format,
    /// Width in pixels as stored, so before an EXIF orientation turns the picture.
    pub width: usize,
    /// Height in pixels as stored.
    pub height: usize,
    /// Depth of the samples once decoded: fewer than 8 bits become 8.
    pub depth: Depth,
    /// Samples a pixel once decoded: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    pub channels: usize,
    /// Bytes a pixel that the decoder holds beside the samples.
    pub(crate) beside: u64,
}

impl Header {
    /// Bytes that decoding takes: the samples, and what the decoder holds beside them.
    pub fn decoded_bytes(&self) -> u64 {
        let a_pixel = self.channels as u64 * self.depth.bytes() as u64 + self.beside;
        (self.width as u64).saturating_mul(self.height as u64).saturating_mul(a_pixel)
    }

    pub(crate) fn new(
        format: Format,
        width: u32,
        height: u32,
        depth: Depth,
        channels: usize,
    ) -> Result<Self, ImageError> {
        if width == 0 || height == 0 {
            return Err(ImageError::damaged(format, format!("its size is {width} x {height}")));
        }
        Ok(Self { format, width: width as usize, height: height as usize, depth, channels, beside: 0 })
    }
}

/// Reads the header of a picture; the pixels are not looked at.
///
/// # Errors
/// [`ImageError::Unknown`], [`ImageError::Damaged`] or [`ImageError::Unsupported`].
pub fn read_header(bytes: &[u8]) -> Result<Header, ImageError> {
    codec::header(format::recognise(bytes)?, bytes)
}
