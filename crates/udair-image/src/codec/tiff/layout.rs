//! What the directory of a TIFF says about its pixels, checked before they are decoded.

use super::tag;
use crate::format::RAW_HINT;
use crate::metadata::ifd::{Block, Directory};
use crate::{Depth, Format, Header, ImageError};

/// How samples make a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    /// Grey, the largest sample white.
    Grey,
    /// Grey, 0 white.
    WhiteIsZero,
    Rgb,
    /// Index into a colour map.
    Palette,
    /// JPEG's luma and chroma.
    YCbCr,
}

#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) block: Block<'a>,
    pub(super) directory: Directory,
    pub(super) header: Header,
    pub(super) photometric: Photometric,
    /// Bits of a stored sample: 1, 2, 4, 8 or 16.
    pub(super) bits: usize,
    /// Stored samples of a pixel, of which the header's channels come first.
    pub(super) stored: usize,
    /// Whether colours are stored multiplied with alpha.
    pub(super) premultiplied: bool,
    /// Whether every channel has a plane of its own.
    pub(super) planar: bool,
    /// Whether small versions of the picture follow, which are dropped.
    pub(super) previews: bool,
}

const HINT: &str = "convert it first: magick picture.tiff -depth 16 picture.png";

impl<'a> Layout<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let damaged = |what: &str| ImageError::damaged(Format::Tiff, what);
        let unsupported = |what: &str| Err(ImageError::unsupported(what, HINT));
        if matches!(bytes, [b'I', b'I', 43, ..] | [b'M', b'M', 0, 43, ..]) {
            return unsupported("a BigTIFF");
        }
        let block = Block::new(bytes).ok_or_else(|| damaged("it has no header"))?;
        let directory = block.first().ok_or_else(|| damaged("its directory is cut off or too long"))?;
        let number =
            |tag, default| -> u32 { directory.find(tag).and_then(|e| block.number(e, 0)).unwrap_or(default) };
        let raw = directory.find(tag::DNG_VERSION).is_some()
            || number(tag::PHOTOMETRIC, 0) == 32_803
            || (number(tag::SUBFILE, 0) & 1 == 1 && directory.find(tag::SUB_DIRECTORIES).is_some());
        if raw {
            return Err(ImageError::unsupported("a raw photo", RAW_HINT));
        }

        let photometric = match number(tag::PHOTOMETRIC, u32::MAX) {
            0 => Photometric::WhiteIsZero,
            1 => Photometric::Grey,
            2 => Photometric::Rgb,
            3 => Photometric::Palette,
            5 => return unsupported("CMYK colours"),
            6 => Photometric::YCbCr,
            8..=10 => return unsupported("Lab colours"),
            u32::MAX => return Err(damaged("it does not say what its samples mean")),
            _ => return unsupported("a TIFF with unusual colours"),
        };
        let stored = number(tag::SAMPLES, 1) as usize;
        let colours = if matches!(photometric, Photometric::Rgb | Photometric::YCbCr) { 3 } else { 1 };
        let extra = stored.checked_sub(colours).ok_or_else(|| damaged("a pixel has too few samples"))?;
        if stored > 64 {
            return unsupported("a TIFF with more than 64 channels");
        }
        for index in 0..stored {
            let kind = directory.find(tag::SAMPLE_FORMAT).and_then(|e| block.number(e, index)).unwrap_or(1);
            match kind {
                1 | 4 => {}
                2 => return unsupported("signed samples"),
                3 => return unsupported("float samples"),
                _ => return unsupported("complex samples"),
            }
        }
        let bits = number(tag::BITS, 1) as usize;
        let same = directory
            .find(tag::BITS)
            .is_none_or(|e| (1..e.count as usize).all(|i| block.number(e, i) == Some(bits as u32)));
        if !same || !(matches!(bits, 8 | 16) || (matches!(bits, 1 | 2 | 4) && stored == 1)) {
            return Err(ImageError::unsupported(format!("samples of {bits} or mixed bits"), HINT));
        }

        // 1 is alpha that the colours are multiplied with, 2 plain alpha; anything else is none.
        let alpha = Some(number(tag::EXTRA_SAMPLES, 0))
            .filter(|kind| extra > 0 && matches!(kind, 1 | 2) && photometric != Photometric::Palette);
        let depth =
            if bits == 16 && photometric != Photometric::Palette { Depth::Sixteen } else { Depth::Eight };
        let colours = if photometric == Photometric::Palette { 3 } else { colours };
        let channels = colours + usize::from(alpha.is_some());
        let (width, height) = (number(tag::WIDTH, 0), number(tag::HEIGHT, 0));
        let mut header = Header::new(Format::Tiff, width, height, depth, channels)?;
        // All stored samples are decoded before the channels are picked.
        header.beside = (stored * bits.div_ceil(8)) as u64;
        Ok(Self {
            header,
            photometric,
            bits,
            stored,
            premultiplied: alpha == Some(1),
            planar: number(tag::PLANAR, 1) == 2 && stored > 1,
            previews: previews(block, &directory)?,
            block,
            directory,
        })
    }
}

/// Whether smaller versions of the picture follow it; other pages are refused.
fn previews(block: Block<'_>, first: &Directory) -> Result<bool, ImageError> {
    let mut next = first.next;
    let mut seen = vec![first.place.start];
    while next != 0 {
        if seen.contains(&next) || seen.len() > 64 {
            return Err(ImageError::damaged(Format::Tiff, "its directories form a loop or a long chain"));
        }
        let page = block
            .directory(next)
            .ok_or_else(|| ImageError::damaged(Format::Tiff, "its second directory is cut off"))?;
        let kind = page.find(tag::SUBFILE).and_then(|e| block.number(e, 0)).unwrap_or(0);
        if kind & 1 == 0 {
            return Err(ImageError::unsupported(
                "a TIFF of several pages",
                "split it first: tiffsplit pages.tiff",
            ));
        }
        seen.push(next);
        next = page.next;
    }
    Ok(seen.len() > 1)
}
