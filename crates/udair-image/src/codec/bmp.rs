//! Windows bitmaps, by the crate `image`.

use std::borrow::Cow;
use std::io::{BufRead, Cursor, Seek};

use image::codecs::bmp::{BmpDecoder, BmpEncoder};
use image::{ExtendedColorType, ImageDecoder};

use super::Decoded;
use crate::byte_order::ByteOrder::Little;
use crate::metadata::Metadata;
use crate::pixels::{Pixels, Samples};
use crate::{Depth, Format, Header, ImageError, allocate};

pub(super) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let decoder = open(bytes)?;
    let (width, height) = decoder.dimensions();
    let decoded = usize::from(decoder.color_type().channel_count());
    let channels = if is_grey(&decoder) { 1 } else { decoded };
    let mut header = Header::new(Format::Bmp, width, height, Depth::Eight, channels)?;
    header.beside = (decoded - channels) as u64;
    Ok(header)
}

/// A bitmap has no grey, but a palette may hold nothing else.
fn is_grey<R: BufRead + Seek>(decoder: &BmpDecoder<R>) -> bool {
    decoder.get_palette().is_some_and(|colours| colours.iter().all(|[r, g, b]| r == g && g == b))
}

pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Decoded, ImageError> {
    let decoder = open(bytes)?;
    let decoded = usize::from(decoder.color_type().channel_count());
    let mut samples = allocate::zeros(header.width * header.height * decoded)?;
    if decoder.total_bytes() != samples.len() as u64 {
        return Err(ImageError::damaged(Format::Bmp, "its header contradicts its pixels"));
    }
    decoder.read_image(&mut samples).map_err(|e| ImageError::damaged(Format::Bmp, e))?;
    if header.channels == 1 {
        samples = allocate::collect(samples.iter().copied().step_by(decoded))?;
    }
    let samples = Samples::Eight(samples);
    let pixels = Pixels { width: header.width, height: header.height, channels: header.channels, samples };
    Ok(Decoded { pixels, metadata: Metadata::default(), losses: Vec::new() })
}

/// Compressed bitmaps may leave pixels out, so only for plain ones a short file shows in its length.
fn open(bytes: &[u8]) -> Result<BmpDecoder<Cursor<&[u8]>>, ImageError> {
    let damaged = |what: String| ImageError::damaged(Format::Bmp, what);
    // A claim that the file is longer than it is betrays a cut; 0 and less are written by some tools.
    if Little.u32(bytes, 2).is_some_and(|len| len as usize > bytes.len()) {
        return Err(damaged("it ends early".into()));
    }
    BmpDecoder::new(Cursor::new(bytes)).map_err(|e| damaged(e.to_string()))
}

pub(super) fn encode(pixels: &Pixels) -> Result<Vec<u8>, ImageError> {
    let eight = pixels.eight()?;
    let (samples, colour) = match pixels.channels {
        1 => (eight, ExtendedColorType::L8),
        2 => (Cow::Owned(threefold(&eight)?), ExtendedColorType::Rgba8),
        3 => (eight, ExtendedColorType::Rgb8),
        _ => (eight, ExtendedColorType::Rgba8),
    };
    let mut file = Vec::new();
    BmpEncoder::new(&mut file)
        .encode(&samples, pixels.width as u32, pixels.height as u32, colour)
        .map_err(|e| ImageError::Unfit { format: Format::Bmp, what: e.to_string() })?;
    Ok(file)
}

/// Grey with alpha, which bitmaps do not know, as RGB with alpha.
fn threefold(samples: &[u8]) -> Result<Vec<u8>, ImageError> {
    let mut wide = allocate::with_room(samples.len() * 2)?;
    samples.as_chunks().0.iter().for_each(|&[grey, alpha]| wide.extend([grey, grey, grey, alpha]));
    Ok(wide)
}
