//! The chunks of a PNG file: which hold metadata, which are kept as they are.
//!
//! Text chunks stay compressed, so that a bomb in one is carried, not inflated.

use std::borrow::Cow;

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use crate::byte_order::ByteOrder;
use crate::metadata::{Metadata, Part};
use crate::{Format, ImageError, Limits, Loss};

const SIGNATURE: usize = 8;
const XMP: &[u8] = b"XML:com.adobe.xmp\0";
/// Chunks that stay true when the samples change although their names say that they may not:
/// colour space and size in print. The file's own copying bit decides on all others.
const KEPT: [&[u8; 4]; 7] = [b"cHRM", b"gAMA", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"tIME"];

/// Chunks that say how the samples were stored: decoding has used them up.
const STORAGE: [&[u8; 4]; 4] = [b"tRNS", b"sBIT", b"hIST", b"iDOT"];
/// All other chunks that may not be copied beside changed samples.
const TIED: Loss = Loss::Native("PNG chunks that depend on the old samples");

/// The chunks of a file up to and with `IEND`.
pub(super) struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    done: bool,
}

pub(super) struct Chunk<'a> {
    pub(super) name: [u8; 4],
    pub(super) data: &'a [u8],
    /// Name and data, which the checksum covers.
    covered: &'a [u8],
    checksum: u32,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: SIGNATURE, done: false }
    }

    fn read(&mut self) -> Option<Chunk<'a>> {
        let len = ByteOrder::Big.u32(self.bytes, self.at)? as usize;
        let covered = self.bytes.get(self.at + 4..)?.get(..len.checked_add(4)?)?;
        let (name, data) = covered.split_first_chunk()?;
        let checksum = ByteOrder::Big.u32(self.bytes, self.at + 8 + len)?;
        self.at += 12 + len;
        Some(Chunk { name: *name, data, covered, checksum })
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let chunk = self.read();
        self.done = chunk.as_ref().is_none_or(|c| &c.name == b"IEND");
        Some(chunk.ok_or_else(|| ImageError::damaged(Format::Png, "it ends early")))
    }
}

impl Chunk<'_> {
    fn intact(&self) -> bool {
        crc32fast::hash(self.covered) == self.checksum
    }

    fn ancillary(&self) -> bool {
        self.name[0].is_ascii_lowercase()
    }

    fn safe_to_copy(&self) -> bool {
        self.name[3].is_ascii_lowercase()
    }
}

/// Collects the metadata; with it, what was dropped.
pub(super) fn metadata(bytes: &[u8], limits: &Limits) -> Result<(Metadata, Vec<Loss>), ImageError> {
    let mut metadata = Metadata::default();
    let mut losses = Vec::new();
    for chunk in Chunks::new(bytes) {
        let chunk = chunk?;
        if !chunk.ancillary() {
            continue;
        }
        if !chunk.intact() {
            losses.push(Loss::Unreadable("a chunk of metadata"));
            continue;
        }
        match &chunk.name {
            b"iCCP" if metadata.icc.is_none() => match profile(chunk.data, limits.icc_bytes) {
                Some(profile) => metadata.icc = Some(profile),
                None => losses.push(Loss::Unreadable("the colour profile")),
            },
            b"eXIf" if metadata.exif.is_none() => metadata.exif = Some(chunk.data.to_vec()),
            b"iTXt" if metadata.xmp.is_none() && chunk.data.starts_with(XMP) => {
                match international(&chunk.data[XMP.len()..], limits.xmp_bytes) {
                    Some(packet) => metadata.xmp = Some(packet),
                    None => losses.push(Loss::Unreadable("the XMP packet")),
                }
            }
            b"iCCP" | b"eXIf" => {}
            name if STORAGE.contains(&name) => {}
            name if chunk.safe_to_copy() || KEPT.contains(&name) => metadata.native.push(Part {
                format: Format::Png,
                name: chunk.name,
                data: chunk.data.to_vec(),
            }),
            _ if losses.contains(&TIED) => {}
            _ => losses.push(TIED),
        }
    }
    Ok((metadata, losses))
}

/// The chunks to write between the header and the pixels.
pub(super) fn written(metadata: &Metadata) -> impl Iterator<Item = ([u8; 4], Cow<'_, [u8]>)> {
    let icc = metadata.icc.iter().map(|icc| {
        let mut data = b"ICC profile\0\0".to_vec();
        data.extend(compress_to_vec_zlib(icc, 6));
        (*b"iCCP", Cow::Owned(data))
    });
    // An sRGB chunk beside a profile would contradict it, so a profile stands alone.
    let has_icc = metadata.icc.is_some();
    let native = metadata
        .parts(Format::Png)
        .filter(move |part| !has_icc || &part.name != b"sRGB")
        .map(|part| (part.name, Cow::Borrowed(part.data.as_slice())));
    let exif = metadata.exif.iter().map(|exif| (*b"eXIf", Cow::Borrowed(exif.as_slice())));
    let xmp = metadata.xmp.iter().map(|xmp| {
        // Keyword, not compressed, method, no language, no translated keyword.
        let data = [XMP, &[0, 0, 0, 0], xmp].concat();
        (*b"iTXt", Cow::Owned(data))
    });
    icc.chain(native).chain(exif).chain(xmp)
}

/// The profile of an iCCP chunk: name, 0, method, zlib stream.
fn profile(data: &[u8], limit: usize) -> Option<Vec<u8>> {
    let name = data.iter().position(|&b| b == 0)?;
    inflate(data.get(name + 2..)?, limit)
}

/// The text of an iTXt chunk behind its keyword: flag, method, language, 0, translation, 0, text.
fn international(data: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (&[compressed, _], rest) = data.split_first_chunk()?;
    let language = rest.iter().position(|&b| b == 0)?;
    let rest = &rest[language + 1..];
    let translation = rest.iter().position(|&b| b == 0)?;
    let text = &rest[translation + 1..];
    match compressed {
        0 => Some(text.to_vec()),
        1 => inflate(text, limit),
        _ => None,
    }
}

fn inflate(stream: &[u8], limit: usize) -> Option<Vec<u8>> {
    decompress_to_vec_zlib_with_limit(stream, limit).ok()
}
