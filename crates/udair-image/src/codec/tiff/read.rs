//! Decoding: the crate `tiff` unpacks the strips or tiles, the samples are put in order here.

use std::borrow::Cow;
use std::io::Cursor;

use tiff::decoder::{Decoder, Limits as TiffLimits};
use tiff::tags::Tag;

use super::layout::{Layout, Photometric};
use super::tag;
use crate::codec::Decoded;
use crate::metadata::Metadata;
use crate::metadata::ifd::Value;
use crate::pixels::{Pixels, Samples};
use crate::{Depth, Format, Header, ImageError, Limits, Loss, allocate};

pub(in crate::codec) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    Layout::read(bytes).map(|layout| layout.header)
}

pub(in crate::codec) fn decode(
    bytes: &[u8],
    header: &Header,
    limits: &Limits,
) -> Result<Decoded, ImageError> {
    let layout = Layout::read(bytes)?;
    let raw = unpack(bytes, &layout, limits)?;
    let samples = match layout.photometric {
        Photometric::Palette => Samples::Eight(mapped(&layout, &raw)?),
        _ => arranged(&layout, raw)?,
    };
    let pixels = Pixels { width: header.width, height: header.height, channels: header.channels, samples };
    let (metadata, losses) = metadata(&layout, limits);
    Ok(Decoded { pixels, metadata, losses })
}

/// All stored samples as bytes: rows padded to bytes, 16 bits in the machine's order.
fn unpack(bytes: &[u8], layout: &Layout<'_>, limits: &Limits) -> Result<Vec<u8>, ImageError> {
    let damaged = |e: &dyn std::fmt::Display| ImageError::damaged(Format::Tiff, e.to_string());
    // The crate decodes no palettes and inverts no grey with alpha: both are read as plain grey.
    let bytes = match layout.photometric {
        Photometric::Palette | Photometric::WhiteIsZero => {
            let entry = layout.directory.find(tag::PHOTOMETRIC).ok_or_else(|| damaged(&"no photometric"))?;
            let mut patched = allocate::collect(bytes.iter().copied())?;
            let grey = layout.block.order.of_u16(1);
            let place = entry.value.start..entry.value.start + 2;
            if entry.kind != 3 {
                return Err(damaged(&"its photometric is no short number"));
            }
            patched[place].copy_from_slice(&grey);
            Cow::Owned(patched)
        }
        _ => Cow::Borrowed(bytes),
    };
    let bound = usize::try_from(limits.decoded_bytes).unwrap_or(usize::MAX);
    let mut tiff_limits = TiffLimits::default();
    tiff_limits.decoding_buffer_size = bound;
    tiff_limits.intermediate_buffer_size = bound;
    tiff_limits.ifd_value_size = limits.exif_bytes;
    let mut decoder =
        Decoder::new(Cursor::new(bytes.as_ref())).map_err(|e| damaged(&e))?.with_limits(tiff_limits);
    if layout.photometric == Photometric::YCbCr {
        // Only JPEG data come back in whole pixels; the decoder then gives YCbCr.
        let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression).map_err(|e| damaged(&e))?;
        if compression != Some(7) {
            return Err(ImageError::unsupported(
                "YCbCr colours without JPEG compression",
                "convert it first: magick picture.tiff picture.png",
            ));
        }
    }
    let row = (layout.header.width * layout.stored * layout.bits).div_ceil(8);
    let expected = row * layout.header.height;
    let found = decoder.image_buffer_layout().map_err(|e| damaged(&e))?.complete_len;
    if found != expected {
        return Err(damaged(&"its header contradicts its pixels"));
    }
    let mut raw = allocate::zeros(expected)?;
    decoder.read_image_bytes(&mut raw).map_err(|e| damaged(&e))?;
    Ok(raw)
}

/// Picks the colour and alpha of every pixel, as 8 or 16 bits.
fn arranged(layout: &Layout<'_>, raw: Vec<u8>) -> Result<Samples, ImageError> {
    let Header { depth, channels, width, .. } = layout.header;
    let invert = layout.photometric == Photometric::WhiteIsZero;
    Ok(match depth {
        Depth::Eight => {
            let samples = if layout.bits < 8 { unpacked_bits(&raw, width, layout.bits)? } else { raw };
            let mut samples = picked(layout, samples)?;
            if layout.photometric == Photometric::YCbCr {
                samples.chunks_exact_mut(channels).for_each(to_rgb);
            }
            if invert {
                samples.chunks_exact_mut(channels).for_each(|pixel| pixel[0] = 255 - pixel[0]);
            }
            if layout.premultiplied {
                samples.chunks_exact_mut(channels).for_each(|pixel| divide(pixel, 255));
            }
            Samples::Eight(samples)
        }
        Depth::Sixteen => {
            let native = raw.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]]));
            let mut samples = picked(layout, allocate::collect(native)?)?;
            if invert {
                samples.chunks_exact_mut(channels).for_each(|pixel| pixel[0] = 65_535 - pixel[0]);
            }
            if layout.premultiplied {
                samples.chunks_exact_mut(channels).for_each(|pixel| divide(pixel, 65_535));
            }
            Samples::Sixteen(samples)
        }
    })
}

/// Interleaves planes and leaves out the samples beyond colour and alpha.
fn picked<T: Copy>(layout: &Layout<'_>, samples: Vec<T>) -> Result<Vec<T>, ImageError> {
    let Header { channels, .. } = layout.header;
    let stored = layout.stored;
    if !layout.planar && stored == channels {
        return Ok(samples);
    }
    let pixels = samples.len() / stored;
    let (step, plane) = if layout.planar { (1, pixels) } else { (stored, 1) };
    let mut out = allocate::with_room(pixels * channels)?;
    for pixel in 0..pixels {
        out.extend((0..channels).map(|channel| samples[pixel * step + channel * plane]));
    }
    Ok(out)
}

/// One byte a sample from packed rows, spread over 0 to 255.
fn unpacked_bits(raw: &[u8], width: usize, bits: usize) -> Result<Vec<u8>, ImageError> {
    let scale = 255 / ((1 << bits) - 1);
    let indices = indices(raw, width, bits)?;
    Ok(indices.into_iter().map(|v| v as u8 * scale as u8).collect())
}

/// Sample values from packed rows.
fn indices(raw: &[u8], width: usize, bits: usize) -> Result<Vec<u16>, ImageError> {
    if bits == 16 {
        return allocate::collect(raw.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]])));
    }
    let row = (width * bits).div_ceil(8);
    let mut out = allocate::with_room(raw.len() / row * width)?;
    for row in raw.chunks_exact(row) {
        out.extend(
            (0..width * bits)
                .step_by(bits)
                .map(|at| u16::from(row[at / 8] >> (8 - bits - at % 8)) & ((1 << bits) - 1)),
        );
    }
    Ok(out)
}

/// RGB of every index; the map holds all reds, then all greens, then all blues, 16 bits each.
fn mapped(layout: &Layout<'_>, raw: &[u8]) -> Result<Vec<u8>, ImageError> {
    let damaged = |what: &str| ImageError::damaged(Format::Tiff, what);
    let block = layout.block;
    let map = layout.directory.find(tag::COLOUR_MAP).ok_or_else(|| damaged("it has no colour map"))?;
    let size = 1_usize << layout.bits;
    if map.count as usize != 3 * size || layout.stored != 1 {
        return Err(damaged("its colour map has the wrong size"));
    }
    let map: Option<Vec<u16>> =
        (0..3 * size).map(|i| block.order.u16(block.bytes, map.value.start + 2 * i)).collect();
    let map = map.ok_or_else(|| damaged("its colour map is cut off"))?;
    // Old writers fill the map with 8-bit values.
    let shift = if map.iter().all(|&v| v < 256) { 0 } else { 8 };
    let mut out = allocate::with_room(layout.header.width * layout.header.height * 3)?;
    for index in indices(raw, layout.header.width, layout.bits)? {
        out.extend((0..3).map(|channel| (map[channel * size + index as usize] >> shift) as u8));
    }
    Ok(out)
}

/// JFIF's YCbCr to RGB, in place.
fn to_rgb(pixel: &mut [u8]) {
    let [y, cb, cr] = [0, 1, 2].map(|i| f32::from(pixel[i]));
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
    pixel.iter_mut().zip(rgb).for_each(|(sample, value)| *sample = value.round() as u8);
}

/// Undoes the multiplication with alpha, the last sample of the pixel.
fn divide<T: Copy + Into<u32> + TryFrom<u32>>(pixel: &mut [T], max: u32) {
    let Some((alpha, colours)) = pixel.split_last_mut() else { return };
    let alpha: u32 = (*alpha).into();
    for sample in colours.iter_mut().filter(|_| alpha > 0) {
        let value =
            (((*sample).into() as u64 * max as u64 + alpha as u64 / 2) / alpha as u64).min(max as u64);
        if let Ok(value) = T::try_from(value as u32) {
            *sample = value;
        }
    }
}

/// Profile and XMP have tags of their own; EXIF is the directory without its pixels.
fn metadata(layout: &Layout<'_>, limits: &Limits) -> (Metadata, Vec<Loss>) {
    let Layout { block, directory, .. } = layout;
    let mut losses = Vec::new();
    let own = |tag, limit| {
        let value = directory.find(tag).map(|e| e.value.clone());
        value.map(|range| if range.len() <= limit { Ok(block.bytes[range].to_vec()) } else { Err(()) })
    };
    let mut keep = |value: Option<Result<Vec<u8>, ()>>, what| match value {
        Some(Err(())) => {
            losses.push(Loss::Unreadable(what));
            None
        }
        value => value.and_then(Result::ok),
    };
    let icc = keep(own(tag::ICC, limits.icc_bytes), "the colour profile");
    let xmp = keep(own(tag::XMP, limits.xmp_bytes), "the XMP packet");
    let mut kept = directory.clone();
    kept.entries.retain(|entry| !tag::structural(entry.tag));
    let exif = match block.tree(&kept, limits.exif_bytes) {
        Some(tree)
            if tree.nodes.iter().any(|n| n.tag != tag::ORIENTATION || n.value != upright(block.order)) =>
        {
            Some(tree.block(block.order))
        }
        Some(_) => None,
        None => {
            losses.push(Loss::Unreadable("the EXIF block"));
            None
        }
    };
    if layout.previews {
        losses.push(Loss::Native("the smaller versions in the file"));
    }
    (Metadata { icc, exif, xmp, native: Vec::new() }, losses)
}

/// An orientation that says nothing is no EXIF block.
fn upright(order: crate::byte_order::ByteOrder) -> Value {
    Value::Bytes(order.of_u16(1).to_vec())
}
