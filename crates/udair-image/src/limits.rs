//! How much a file may ask for, compared with its header before anything is decoded.

use crate::{Header, ImageError};

/// Bounds on what reading one picture may cost. The default suits a tool that its own user starts;
/// a server wants less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Size of the file, in bytes (2 GiB).
    pub file_bytes: u64,
    /// Width and height, in pixels (65,535, the bound of JPEG).
    pub side: u64,
    /// Width times height, in pixels (400 million).
    pub pixels: u64,
    /// The decoded samples with what the decoder holds beside them, in bytes (4 GiB).
    pub decoded_bytes: u64,
    /// Colour profile, inflated, in bytes (4 MiB); a larger one is dropped and named as a loss.
    pub icc_bytes: usize,
    /// EXIF block, in bytes (8 MiB); a larger one is dropped and named as a loss.
    pub exif_bytes: usize,
    /// XMP packet, inflated, in bytes (2 MiB); a larger one is dropped and named as a loss.
    pub xmp_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 2 << 30,
            side: 65_535,
            pixels: 400_000_000,
            decoded_bytes: 4 << 30,
            icc_bytes: 4 << 20,
            exif_bytes: 8 << 20,
            xmp_bytes: 2 << 20,
        }
    }
}

impl Limits {
    pub(crate) fn check_file(&self, bytes: u64) -> Result<(), ImageError> {
        within("the file, in bytes,", bytes, self.file_bytes)
    }

    pub(crate) fn check(&self, header: &Header) -> Result<(), ImageError> {
        let (width, height) = (header.width as u64, header.height as u64);
        within("the width, in pixels,", width, self.side)?;
        within("the height, in pixels,", height, self.side)?;
        within("the area, in pixels,", width.saturating_mul(height), self.pixels)?;
        within("the decoded picture, in bytes,", header.decoded_bytes(), self.decoded_bytes)
    }
}

fn within(what: &'static str, value: u64, limit: u64) -> Result<(), ImageError> {
    if value <= limit { Ok(()) } else { Err(ImageError::Limit { what, value, limit }) }
}
