//! Windows bitmaps, by the crate `image`.

use std::borrow::Cow;
use std::io::{BufRead, Cursor, Seek};

use image::codecs::bmp::{BmpDecoder, BmpEncoder};
use image::{ExtendedColorType, ImageDecoder};

use super::Decoded;
use crate::byte_order::ByteOrder::Little;
use crate::metadata::Metadata;
use crate::pixels::{Pixels, Samples};
use crate::{Depth, Format, Header, ImageError, Limits, Loss, allocate};

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

pub(super) fn decode(bytes: &[u8], header: &Header, limits: &Limits) -> Result<Decoded, ImageError> {
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
    let (icc, losses) = profile(bytes, limits);
    Ok(Decoded { pixels, metadata: Metadata { icc, ..Metadata::default() }, losses })
}

/// The profile that a header of version 5 embeds, which the crate does not read; its place counts from
/// the information header, which follows the 14 bytes of the file header.
fn profile(bytes: &[u8], limits: &Limits) -> (Option<Vec<u8>>, Vec<Loss>) {
    let information = bytes.get(14..).unwrap_or_default();
    let number = |at| Little.u32(information, at).map_or(0, |v| v as usize);
    if number(0) < 124 || information.get(56..60) != Some(b"DEBM") {
        return (None, Vec::new());
    }
    let len = Some(number(116)).filter(|&len| len <= limits.icc_bytes);
    let icc = len.and_then(|len| information.get(number(112)..)?.get(..len));
    let losses = if icc.is_some() { Vec::new() } else { vec![Loss::Unreadable("the colour profile")] };
    (icc.map(<[u8]>::to_vec), losses)
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
