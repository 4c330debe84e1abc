//! One file per format: header, decoding, encoding.
//!
//! The formats' own crates do the pixels; the containers around them are walked here, because what
//! the crates hide (raw chunks, byte orders, strictness) is what must be kept or refused.

mod bmp;
mod jpeg;
mod png;
mod pnm;
mod tiff;
mod webp;

use crate::metadata::{Metadata, exif};
use crate::pixels::Pixels;
use crate::{EncodeOptions, Format, Header, ImageError, Limits, Loss};

/// A file, read.
pub(crate) struct Decoded {
    pub(crate) pixels: Pixels,
    pub(crate) metadata: Metadata,
    /// What reading dropped.
    pub(crate) losses: Vec<Loss>,
}

pub(crate) fn header(format: Format, bytes: &[u8]) -> Result<Header, ImageError> {
    match format {
        Format::Png => png::header(bytes),
        Format::Jpeg => jpeg::header(bytes),
        Format::WebP => webp::header(bytes),
        Format::Tiff => tiff::header(bytes),
        Format::Bmp => bmp::header(bytes),
        Format::Pnm => pnm::header(bytes),
    }
}

/// Decodes a file whose header is within the limits.
pub(crate) fn decode(bytes: &[u8], header: &Header, limits: &Limits) -> Result<Decoded, ImageError> {
    match header.format {
        Format::Png => png::decode(bytes, header, limits),
        Format::Jpeg => jpeg::decode(bytes, header, limits),
        Format::WebP => webp::decode(bytes, header, limits),
        Format::Tiff => tiff::decode(bytes, header, limits),
        Format::Bmp => bmp::decode(bytes, header, limits),
        Format::Pnm => pnm::decode(bytes, header),
    }
}

/// Encodes pixels that the format can hold.
pub(crate) fn encode(
    format: Format,
    pixels: &Pixels,
    metadata: &Metadata,
    options: EncodeOptions,
) -> Result<Vec<u8>, ImageError> {
    match format {
        Format::Png => png::encode(pixels, metadata),
        Format::Jpeg => jpeg::encode(pixels, metadata, options),
        Format::WebP => webp::encode(pixels, metadata),
        Format::Tiff => tiff::encode(pixels, metadata),
        Format::Bmp => bmp::encode(pixels),
        Format::Pnm => pnm::encode(pixels),
    }
}

pub(crate) use jpeg::fits_profile as jpeg_fits_profile;

/// Whether the format holds this EXIF block and this XMP packet.
pub(crate) fn fits(format: Format, metadata: &Metadata) -> (bool, bool) {
    match format {
        Format::Png | Format::WebP => (true, true),
        Format::Jpeg => jpeg::fits(metadata),
        Format::Tiff => (metadata.exif.as_deref().is_none_or(|block| exif::tree(block).is_some()), true),
        Format::Bmp | Format::Pnm => (false, false),
    }
}
