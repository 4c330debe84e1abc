//! JPEG (ITU-T T.81): baseline and progressive in, baseline out.

mod segments;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::Decoded;
use crate::byte_order::ByteOrder::Big;
use crate::metadata::Metadata;
use crate::pixels::{Pixels, Samples};
use crate::{Depth, EncodeOptions, Format, Header, ImageError, Limits, Subsampling, allocate};

/// The largest side, in pixels.
const SIDE: usize = 65_535;

pub(super) use segments::fits;
pub(crate) use segments::fits_profile;

const HINT: &str = "convert it first: magick photo.jpg -colorspace sRGB -depth 8 photo.png";

pub(super) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let mut header: Option<Header> = None;
    let mut baseline = false;
    for segment in segments::Segments::new(bytes) {
        let segment = segment?;
        let kind = match segment.marker {
            0xC0..=0xC2 => {
                header = Some(frame(segment.data, segment.marker == 0xC2)?);
                baseline = segment.marker != 0xC2;
                continue;
            }
            0xC3 | 0xC7 | 0xCB | 0xCF => "a lossless JPEG",
            0xC5 | 0xC6 | 0xCD | 0xCE => "a hierarchical JPEG",
            0xC9 | 0xCA => "a JPEG with arithmetic coding",
            0xDA => {
                // The decoder drops the last rows of all scans but the last.
                let apart =
                    segment.data.first().is_some_and(|&n| header.is_some_and(|h| (n as usize) < h.channels));
                if baseline && apart {
                    return Err(ImageError::unsupported(
                        "a baseline JPEG with a scan for every component",
                        "rewrite it without loss first: jpegtran -copy all -progressive photo.jpg > new.jpg",
                    ));
                }
                break;
            }
            _ => continue,
        };
        return Err(ImageError::unsupported(kind, HINT));
    }
    header.ok_or_else(|| ImageError::damaged(Format::Jpeg, "it has no frame header"))
}

/// The header that a frame describes.
fn frame(frame: &[u8], progressive: bool) -> Result<Header, ImageError> {
    let (&[bits, ..], Some(height), Some(width), Some(&components)) =
        (frame, Big.u16(frame, 1), Big.u16(frame, 3), frame.get(5))
    else {
        return Err(ImageError::damaged(Format::Jpeg, "its frame header is short"));
    };
    if bits != 8 {
        return Err(ImageError::unsupported(format!("a JPEG with {bits} bits a sample"), HINT));
    }
    let channels = match components {
        1 => 1,
        3 => 3,
        4 => return Err(ImageError::unsupported("CMYK colours", HINT)),
        n => return Err(ImageError::unsupported(format!("a JPEG with {n} components"), HINT)),
    };
    let mut header = Header::new(Format::Jpeg, width.into(), height.into(), Depth::Eight, channels)?;
    if progressive {
        // A progressive picture is held as 16-bit coefficients until its last scan.
        header.beside = 2 * channels as u64;
    }
    Ok(header)
}

pub(super) fn decode(bytes: &[u8], header: &Header, limits: &Limits) -> Result<Decoded, ImageError> {
    let damaged = |e: zune_jpeg::errors::DecodeErrors| ImageError::damaged(Format::Jpeg, e);
    segments::check_end(bytes)?;
    let (metadata, losses) = segments::metadata(bytes, limits)?;

    let colour = if header.channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
    // Strict, as the decoder otherwise paints grey over whatever is missing.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(SIDE)
        .set_max_height(SIDE)
        .jpeg_set_out_colorspace(colour);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let len = header.width * header.height * header.channels;
    if decoder.output_buffer_size() != Some(len) {
        return Err(ImageError::damaged(Format::Jpeg, "its headers contradict each other"));
    }
    let mut samples = allocate::zeros(len)?;
    decoder.decode_into(&mut samples).map_err(damaged)?;
    let samples = Samples::Eight(samples);
    let pixels = Pixels { width: header.width, height: header.height, channels: header.channels, samples };
    Ok(Decoded { pixels, metadata, losses })
}

pub(super) fn encode(
    pixels: &Pixels,
    metadata: &Metadata,
    options: EncodeOptions,
) -> Result<Vec<u8>, ImageError> {
    let unfit = |what: String| ImageError::Unfit { format: Format::Jpeg, what };
    if pixels.width.max(pixels.height) > SIDE {
        return Err(unfit(format!("a side is longer than {SIDE} pixels")));
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, options.quality.clamp(1, 100));
    encoder.set_sampling_factor(match options.subsampling {
        Subsampling::Full => SamplingFactor::F_1_1,
        Subsampling::Quarter => SamplingFactor::F_2_2,
    });
    let colour = if pixels.is_grey() { ColorType::Luma } else { ColorType::Rgb };
    encoder
        .encode(&pixels.eight()?, pixels.width as u16, pixels.height as u16, colour)
        .map_err(|e| unfit(e.to_string()))?;
    Ok(segments::splice(&file, metadata))
}
