//! Pictures and texts in files: the one place of this crate that decodes, encodes and writes.

use std::path::Path;

use udair_image::{EncodeOptions, Format, ImageError, Limits, Picture};

use super::DataError;

/// Width, height and interleaved 8-bit sRGB samples of the picture in a file.
pub(super) fn decode(path: &Path) -> Result<(usize, usize, Vec<u8>), DataError> {
    let picture = Picture::open(path, &Limits::default()).map_err(named(path))?;
    let samples = picture.to_rgb8().map_err(named(path))?;
    Ok((picture.width(), picture.height(), samples))
}

/// Writes a PNG of these samples, whole or not at all.
pub(super) fn save_png(path: &Path, width: usize, height: usize, samples: Vec<u8>) -> Result<(), DataError> {
    let png = EncodeOptions { format: Some(Format::Png), ..EncodeOptions::default() };
    let picture = Picture::from_rgb8(width, height, samples).map_err(named(path))?;
    write(path, &picture.encode(&png).map_err(named(path))?)
}

/// Writes `bytes`, whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    udair_image::write_atomic(path, bytes, true).map_err(named(path))
}

/// Adds the file's name to what went wrong.
fn named(path: &Path) -> impl FnOnce(ImageError) -> DataError {
    move |error| match error.hint() {
        Some(hint) => DataError::picture(path, &format!("{error}\nhint: {hint}")),
        None => DataError::picture(path, &error),
    }
}
