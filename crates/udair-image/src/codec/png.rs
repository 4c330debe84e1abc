//! PNG (W3C, third edition).

mod chunks;

use png::{BitDepth, ColorType, Transformations};

use self::chunks::Chunks;
use super::Decoded;
use crate::byte_order::ByteOrder;
use crate::metadata::Metadata;
use crate::pixels::{Pixels, Samples};
use crate::{Depth, Format, Header, ImageError, Limits, allocate};

pub(super) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let damaged = |what: &str| ImageError::damaged(Format::Png, what);
    let mut transparent = false;
    let mut first = None;
    for chunk in Chunks::new(bytes) {
        let chunk = chunk?;
        match (&chunk.name, &first) {
            (b"IHDR", None) => {
                let data = chunk.data;
                let size = ByteOrder::Big.u32(data, 0).zip(ByteOrder::Big.u32(data, 4));
                let ((width, height), &[depth, colour, ..]) =
                    size.zip(data.get(8..)).ok_or_else(|| damaged("its header is short"))?
                else {
                    return Err(damaged("its header is short"));
                };
                first = Some((width, height, depth, colour));
            }
            (_, None) => return Err(damaged("it does not start with a header")),
            (b"acTL", _) => {
                return Err(ImageError::unsupported(
                    "an animated PNG",
                    "extract its frames first: ffmpeg -i picture.png frame%04d.png",
                ));
            }
            (b"cICP", _) if matches!(chunk.data.get(1), Some(16 | 18)) => {
                return Err(ImageError::unsupported(
                    "a PNG of high dynamic range",
                    "map its tones to sRGB first, in an editor that knows them",
                ));
            }
            (b"tRNS", _) => transparent = true,
            (b"IDAT", _) => break,
            _ => {}
        }
    }
    let (width, height, depth, colour) = first.ok_or_else(|| damaged("it has no header"))?;
    let channels = match colour {
        0 => 1,
        2 | 3 => 3,
        4 => 2,
        6 => 4,
        _ => return Err(damaged("its colour type is unknown")),
    } + usize::from(transparent && colour < 4);
    let depth = if depth == 16 { Depth::Sixteen } else { Depth::Eight };
    let mut header = Header::new(Format::Png, width, height, depth, channels)?;
    if depth == Depth::Sixteen {
        // The decoder gives bytes, from which the samples are made.
        header.beside = 2 * channels as u64;
    }
    Ok(header)
}

pub(super) fn decode(bytes: &[u8], header: &Header, limits: &Limits) -> Result<Decoded, ImageError> {
    let damaged = |e: png::DecodingError| ImageError::damaged(Format::Png, e);
    let (metadata, losses) = chunks::metadata(bytes, limits)?;

    let bound = png::Limits { bytes: usize::try_from(limits.decoded_bytes).unwrap_or(usize::MAX) };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), bound);
    decoder.set_transformations(Transformations::EXPAND);
    // The chunks have been walked above, within their own limits.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (colour, depth) = reader.output_color_type();
    let channels = colour.samples();
    let len = header.width * header.height * header.channels * header.depth.bytes();
    if reader.output_buffer_size() != Some(len) || channels != header.channels {
        return Err(ImageError::damaged(Format::Png, "its header contradicts its pixels"));
    }
    let mut raw = allocate::zeros(len)?;
    reader.next_frame(&mut raw).map_err(damaged)?;
    reader.finish().map_err(damaged)?;
    let samples = if depth == BitDepth::Sixteen {
        Samples::Sixteen(allocate::collect(raw.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])))?)
    } else {
        Samples::Eight(raw)
    };
    let pixels = Pixels { width: header.width, height: header.height, channels, samples };
    Ok(Decoded { pixels, metadata, losses })
}

pub(super) fn encode(pixels: &Pixels, metadata: &Metadata) -> Result<Vec<u8>, ImageError> {
    let unfit = |e: png::EncodingError| ImageError::Unfit { format: Format::Png, what: e.to_string() };
    let side = |v: usize| {
        u32::try_from(v)
            .map_err(|_| ImageError::Unfit { format: Format::Png, what: "it is too large".into() })
    };
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side(pixels.width)?, side(pixels.height)?);
    encoder.set_color(match pixels.channels {
        1 => ColorType::Grayscale,
        2 => ColorType::GrayscaleAlpha,
        3 => ColorType::Rgb,
        _ => ColorType::Rgba,
    });
    encoder.set_depth(match pixels.depth() {
        Depth::Eight => BitDepth::Eight,
        Depth::Sixteen => BitDepth::Sixteen,
    });
    let mut writer = encoder.write_header().map_err(unfit)?;
    for (name, data) in chunks::written(metadata) {
        writer.write_chunk(png::chunk::ChunkType(name), &data).map_err(unfit)?;
    }
    writer.write_image_data(&pixels.bytes(u16::to_be_bytes)?).map_err(unfit)?;
    writer.finish().map_err(unfit)?;
    Ok(file)
}
