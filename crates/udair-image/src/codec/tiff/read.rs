//! Decoding: the crate `tiff` unpacks the strips or tiles; the metadata are gathered here.

use std::borrow::Cow;
use std::io::Cursor;

use tiff::decoder::{Decoder, Limits as TiffLimits};
use tiff::tags::Tag;

use super::layout::{Layout, Photometric};
use super::{samples, tag};
use crate::codec::Decoded;
use crate::metadata::Metadata;
use crate::metadata::ifd::{Node, Value};
use crate::pixels::Pixels;
use crate::{Format, Header, ImageError, Limits, Loss, allocate};

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
        Photometric::Palette => samples::mapped(&layout, &raw)?,
        _ => samples::arranged(&layout, raw)?,
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
    let found = decoder.image_buffer_layout().map_err(|e| damaged(&e))?.complete_len;
    let bytes =
        |stored: usize| (layout.header.width * stored * layout.bits).div_ceil(8) * layout.header.height;
    // The crate may leave samples beyond colour and alpha out.
    if found != bytes(layout.stored) && found != bytes(layout.header.channels) {
        return Err(damaged(&"its header contradicts its pixels"));
    }
    let mut raw = allocate::zeros(found)?;
    decoder.read_image_bytes(&mut raw).map_err(|e| damaged(&e))?;
    Ok(raw)
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
    // Editors store layers in a tag of many megabytes, which must not cost all the others.
    let all = kept.entries.len();
    kept.entries.retain(|entry| entry.value.len() <= limits.exif_bytes);
    if kept.entries.len() < all {
        losses.push(Loss::Native("the longest tags of the TIFF"));
    }
    let tree = block.tree(&kept, limits.exif_bytes).or_else(|| {
        losses.push(Loss::Unreadable("the EXIF block"));
        // How the pixels are turned is known all the same.
        kept.entries.retain(|entry| entry.tag == tag::ORIENTATION);
        block.tree(&kept, limits.exif_bytes)
    });
    let says = |node: &Node| node.tag != tag::ORIENTATION || node.value != upright(block.order);
    let exif = tree.filter(|tree| tree.nodes.iter().any(says)).map(|tree| tree.block(block.order));
    if layout.header.channels < layout.stored {
        losses.push(Loss::Native("the channels beside colour and alpha"));
    }
    if layout.previews {
        losses.push(Loss::Native("the smaller versions in the file"));
    }
    (Metadata { icc, exif, xmp, native: Vec::new() }, losses)
}

/// An orientation that says nothing is no EXIF block.
fn upright(order: crate::byte_order::ByteOrder) -> Value {
    Value::Bytes(order.of_u16(1).to_vec())
}
