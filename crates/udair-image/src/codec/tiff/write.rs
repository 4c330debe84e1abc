//! Encoding: strips of Deflate with the horizontal predictor, and a directory that takes in the EXIF
//! block's own, in the block's byte order, so that its values stay byte for byte.

use miniz_oxide::deflate::compress_to_vec_zlib;

use super::tag;
use crate::byte_order::ByteOrder;
use crate::metadata::Metadata;
use crate::metadata::exif;
use crate::metadata::ifd::{self, Node, Tree, Value};
use crate::pixels::{Pixels, Samples};
use crate::{Format, ImageError};

/// Bytes of samples in a strip, before compression.
const STRIP: usize = 1 << 18;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const UNDEFINED: u16 = 7;
const BYTE: u16 = 1;

pub(in crate::codec) fn encode(pixels: &Pixels, metadata: &Metadata) -> Result<Vec<u8>, ImageError> {
    let (order, kept) =
        metadata.exif.as_deref().and_then(exif::tree).unwrap_or((ByteOrder::Little, Tree::default()));

    let row = pixels.width * pixels.channels * pixels.depth().bytes();
    let rows = (STRIP / row).clamp(1, pixels.height);
    let mut file = ifd::start(order);
    let (mut offsets, mut lengths) = (Vec::new(), Vec::new());
    for first in (0..pixels.height).step_by(rows) {
        let strip = strip(pixels, first, rows.min(pixels.height - first), order);
        let strip = compress_to_vec_zlib(&strip, 6);
        offsets.push(file.len() as u32);
        lengths.push(strip.len() as u32);
        file.extend(strip);
        if file.len() > u32::MAX as usize - (1 << 26) {
            return Err(ImageError::Unfit {
                format: Format::Tiff,
                what: "the file would exceed 4 GiB".into(),
            });
        }
    }

    let number = |tag, kind, values: &[u32]| Node {
        tag,
        kind,
        value: Value::Bytes(match kind {
            SHORT => values.iter().flat_map(|&v| order.of_u16(v as u16)).collect(),
            _ => values.iter().flat_map(|&v| order.of_u32(v)).collect(),
        }),
    };
    let bits = vec![pixels.depth().bits() as u32; pixels.channels];
    let mut nodes = vec![
        number(tag::WIDTH, LONG, &[pixels.width as u32]),
        number(tag::HEIGHT, LONG, &[pixels.height as u32]),
        number(tag::BITS, SHORT, &bits),
        number(tag::COMPRESSION, SHORT, &[8]),
        number(tag::PHOTOMETRIC, SHORT, &[if pixels.is_grey() { 1 } else { 2 }]),
        number(tag::STRIP_OFFSETS, LONG, &offsets),
        number(tag::SAMPLES, SHORT, &[pixels.channels as u32]),
        number(tag::ROWS_PER_STRIP, LONG, &[rows as u32]),
        number(tag::STRIP_BYTES, LONG, &lengths),
        number(tag::PLANAR, SHORT, &[1]),
        number(tag::PREDICTOR, SHORT, &[2]),
    ];
    if pixels.has_alpha() {
        // 2: alpha that the colours are not multiplied with.
        nodes.push(number(tag::EXTRA_SAMPLES, SHORT, &[2]));
    }
    let bytes = |tag, kind, bytes: &[u8]| Node { tag, kind, value: Value::Bytes(bytes.to_vec()) };
    nodes.extend(metadata.xmp.iter().map(|xmp| bytes(tag::XMP, BYTE, xmp)));
    nodes.extend(metadata.icc.iter().map(|icc| bytes(tag::ICC, UNDEFINED, icc)));
    nodes.extend(kept.nodes.into_iter().filter(|node| !tag::structural(node.tag)));

    let at = Tree { nodes }.append(order, &mut file);
    file[4..8].copy_from_slice(&order.of_u32(at));
    Ok(file)
}

/// Rows of samples, each but a row's first pixel as the difference to its left neighbour.
fn strip(pixels: &Pixels, first: usize, rows: usize, order: ByteOrder) -> Vec<u8> {
    let row = pixels.width * pixels.channels;
    let range = first * row..(first + rows) * row;
    match &pixels.samples {
        Samples::Eight(samples) => {
            differences(&samples[range], row, pixels.channels, u8::wrapping_sub).collect()
        }
        Samples::Sixteen(samples) => differences(&samples[range], row, pixels.channels, u16::wrapping_sub)
            .flat_map(|v| order.of_u16(v))
            .collect(),
    }
}

fn differences<T: Copy>(
    samples: &[T],
    row: usize,
    channels: usize,
    minus: fn(T, T) -> T,
) -> impl Iterator<Item = T> {
    samples.chunks_exact(row).flat_map(move |row| {
        (0..row.len()).map(move |i| if i < channels { row[i] } else { minus(row[i], row[i - channels]) })
    })
}
