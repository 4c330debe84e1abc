//! WebP (RFC 9649): lossy and lossless in, lossless out.

use image_webp::{ColorType, WebPDecoder, WebPEncoder};

use super::Decoded;
use crate::byte_order::ByteOrder::Little;
use crate::metadata::Metadata;
use crate::pixels::{Pixels, Samples};
use crate::{Depth, Format, Header, ImageError, Limits, Loss, allocate};

/// The largest side, in pixels.
const SIDE: usize = 16_384;
const ALPHA: u8 = 1 << 4;
const ANIMATION: u8 = 1 << 1;

struct Chunk<'a> {
    name: [u8; 4],
    data: &'a [u8],
}

/// The chunks of the file; each is padded to an even length.
fn chunks(bytes: &[u8]) -> Result<Vec<Chunk<'_>>, ImageError> {
    let early = || ImageError::damaged(Format::WebP, "it ends early");
    let len = Little.u32(bytes, 4).ok_or_else(early)? as usize;
    let body = bytes.get(12..len.saturating_add(8)).ok_or_else(early)?;
    let mut chunks = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let (name, _) = rest.split_first_chunk().ok_or_else(early)?;
        let len = Little.u32(rest, 4).ok_or_else(early)? as usize;
        let data = rest[8..].get(..len).ok_or_else(early)?;
        chunks.push(Chunk { name: *name, data });
        rest = rest.get(8 + len + len % 2..).unwrap_or_default();
    }
    Ok(chunks)
}

pub(super) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let damaged = |what: &str| ImageError::damaged(Format::WebP, what);
    let chunks = chunks(bytes)?;
    let animated = chunks.iter().any(|c| matches!(&c.name, b"ANIM" | b"ANMF"));
    let first = chunks.first().ok_or_else(|| damaged("it holds nothing"))?;
    let flags = if &first.name == b"VP8X" { first.data.first().copied().unwrap_or(0) } else { 0 };
    if animated || flags & ANIMATION != 0 {
        return Err(ImageError::unsupported(
            "an animated WebP",
            "extract its frames first: webpmux -get frame 1 picture.webp -o frame.webp",
        ));
    }
    let picture = chunks.iter().find(|c| matches!(&c.name, b"VP8 " | b"VP8L"));
    let picture = picture.ok_or_else(|| damaged("it holds no picture"))?;
    let size = if &picture.name == b"VP8 " { lossy(picture.data) } else { lossless(picture.data) };
    let (width, height, alpha) = size.ok_or_else(|| damaged("its header is short"))?;
    let alpha = if &first.name == b"VP8X" { flags & ALPHA != 0 } else { alpha };
    let mut header = Header::new(Format::WebP, width, height, Depth::Eight, if alpha { 4 } else { 3 })?;
    // The decoder holds the planes, or the lossless picture with alpha, beside the result.
    header.beside = 4;
    Ok(header)
}

/// Width and height of a key frame (RFC 6386 section 9.1).
fn lossy(data: &[u8]) -> Option<(u32, u32, bool)> {
    if data.get(3..6)? != [0x9D, 0x01, 0x2A] {
        return None;
    }
    let side = |at| Little.u16(data, at).map(|v| u32::from(v & 0x3FFF));
    Some((side(6)?, side(8)?, false))
}

/// Width and height minus one in 14 bits each, and the alpha bit (RFC 9649 section 3.4).
fn lossless(data: &[u8]) -> Option<(u32, u32, bool)> {
    if *data.first()? != 0x2F {
        return None;
    }
    let bits = Little.u32(data, 1)?;
    Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bits >> 28 & 1 == 1))
}

pub(super) fn decode(bytes: &[u8], header: &Header, limits: &Limits) -> Result<Decoded, ImageError> {
    let damaged = |e: image_webp::DecodingError| ImageError::damaged(Format::WebP, e);
    let mut decoder = WebPDecoder::new(std::io::Cursor::new(bytes)).map_err(damaged)?;
    decoder.set_memory_limit(usize::try_from(limits.decoded_bytes).unwrap_or(usize::MAX));
    let len = header.width * header.height * header.channels;
    if decoder.output_buffer_size() != Some(len) {
        return Err(ImageError::damaged(Format::WebP, "its header contradicts its pixels"));
    }
    let mut samples = allocate::zeros(len)?;
    decoder.read_image(&mut samples).map_err(damaged)?;

    let mut metadata = Metadata::default();
    let mut losses = Vec::new();
    for Chunk { name, data } in chunks(bytes)? {
        match &name {
            b"ICCP" => metadata.icc = Some(data.to_vec()),
            // Some writers keep the identifier that JPEG puts before the block.
            b"EXIF" => metadata.exif = Some(data.strip_prefix(b"Exif\0\0").unwrap_or(data).to_vec()),
            b"XMP " => metadata.xmp = Some(data.to_vec()),
            b"VP8X" | b"VP8 " | b"VP8L" | b"ALPH" => {}
            _ if losses.is_empty() => losses.push(Loss::Native("unknown WebP chunks")),
            _ => {}
        }
    }
    let samples = Samples::Eight(samples);
    let pixels = Pixels { width: header.width, height: header.height, channels: header.channels, samples };
    Ok(Decoded { pixels, metadata, losses })
}

pub(super) fn encode(pixels: &Pixels, metadata: &Metadata) -> Result<Vec<u8>, ImageError> {
    let unfit = |what: String| ImageError::Unfit { format: Format::WebP, what };
    if pixels.width.max(pixels.height) > SIDE {
        return Err(unfit(format!("a side is longer than {SIDE} pixels")));
    }
    let mut file = Vec::new();
    let mut encoder = WebPEncoder::new(&mut file);
    metadata.icc.iter().for_each(|icc| encoder.set_icc_profile(icc.clone()));
    metadata.exif.iter().for_each(|exif| encoder.set_exif_metadata(exif.clone()));
    metadata.xmp.iter().for_each(|xmp| encoder.set_xmp_metadata(xmp.clone()));
    let colour = match pixels.channels {
        1 => ColorType::L8,
        2 => ColorType::La8,
        3 => ColorType::Rgb8,
        _ => ColorType::Rgba8,
    };
    let (width, height) = (pixels.width as u32, pixels.height as u32);
    encoder.encode(&pixels.eight()?, width, height, colour).map_err(|e| unfit(e.to_string()))?;
    Ok(file)
}
