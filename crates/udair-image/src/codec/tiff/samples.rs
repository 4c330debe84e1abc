//! From stored samples to pixels: bits are unpacked, planes interleaved, palettes looked up, inverted
//! grey turned round and multiplied alpha divided.

use super::layout::{Layout, Photometric};
use super::tag;
use crate::pixels::Samples;
use crate::{Depth, Format, Header, ImageError, allocate};

/// Picks the colour and alpha of every pixel, as 8 or 16 bits.
pub(super) fn arranged(layout: &Layout<'_>, raw: Vec<u8>) -> Result<Samples, ImageError> {
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
    let Header { width, height, channels, .. } = layout.header;
    let pixels = width * height;
    let stored = samples.len() / pixels;
    if stored == channels && !layout.planar {
        return Ok(samples);
    }
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
pub(super) fn mapped(layout: &Layout<'_>, raw: &[u8]) -> Result<Samples, ImageError> {
    let damaged = |what: &str| ImageError::damaged(Format::Tiff, what);
    let block = layout.block;
    let map = layout.directory.find(tag::COLOUR_MAP).ok_or_else(|| damaged("it has no colour map"))?;
    let size = 1_usize << layout.bits;
    if map.kind != 3 || map.count as usize != 3 * size || layout.stored != 1 {
        return Err(damaged("its colour map has the wrong size"));
    }
    let map: Vec<u16> =
        (0..3 * size).filter_map(|i| block.order.u16(block.bytes, map.value.start + 2 * i)).collect();
    // Old writers fill the map with 8-bit values.
    let shift = if map.iter().all(|&v| v < 256) { 0 } else { 8 };
    let mut out = allocate::with_room(layout.header.width * layout.header.height * 3)?;
    for index in indices(raw, layout.header.width, layout.bits)? {
        out.extend((0..3).map(|channel| (map[channel * size + index as usize] >> shift) as u8));
    }
    Ok(Samples::Eight(out))
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
