//! The segments of a JPEG file: which hold metadata, which are kept as they are, where the file ends.

use crate::byte_order::ByteOrder::Big;
use crate::metadata::{Metadata, Part};
use crate::{Format, ImageError, Limits, Loss};

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
/// An index of further pictures in the file; its offsets do not survive rewriting.
const MULTI_PICTURE: &[u8] = b"MPF\0";
const JFIF: &[u8] = b"JFIF\0";
/// Bytes of data in a segment.
const ROOM: usize = 65_533;
/// Bytes of a profile in a segment, behind the number of the piece and how many there are.
const PIECE: usize = ROOM - ICC.len() - 2;

/// The marker segments from the start of the file to the first scan.
pub(super) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    done: bool,
}

pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    pub(super) data: &'a [u8],
}

impl<'a> Segments<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 2, done: false }
    }

    fn read(&mut self) -> Option<Segment<'a>> {
        // Any number of fill bytes may stand before a marker.
        let marker = loop {
            let (&byte, &next) = (self.bytes.get(self.at)?, self.bytes.get(self.at + 1)?);
            self.at += 1;
            if byte == 0xFF && !matches!(next, 0 | 0xFF) {
                break next;
            }
        };
        self.at += 1;
        if matches!(marker, 0x01 | 0xD0..=0xD9) {
            return Some(Segment { marker, data: &[] });
        }
        let len = Big.u16(self.bytes, self.at)? as usize;
        let data = self.bytes.get(self.at + 2..self.at + len)?;
        self.at += len;
        Some(Segment { marker, data })
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let segment = self.read();
        self.done = segment.as_ref().is_none_or(|s| matches!(s.marker, 0xD9 | 0xDA));
        Some(segment.ok_or_else(early))
    }
}

fn early() -> ImageError {
    ImageError::damaged(Format::Jpeg, "it ends early")
}

/// Refuses a file without an end marker: its last rows would be guessed.
pub(super) fn check_end(bytes: &[u8]) -> Result<(), ImageError> {
    let mut segments = Segments::new(bytes);
    loop {
        segments.done = false;
        let segment = segments.next().ok_or_else(early)??;
        match segment.marker {
            0xD9 => return Ok(()),
            // Within a scan, `FF 00` is a sample and `FF D0` to `FF D7` are restarts.
            0xDA => loop {
                let rest = bytes.get(segments.at..).unwrap_or_default();
                segments.at += rest.iter().position(|&b| b == 0xFF).ok_or_else(early)?;
                match bytes.get(segments.at + 1).ok_or_else(early)? {
                    0 | 0xD0..=0xD7 => segments.at += 2,
                    0xFF => segments.at += 1,
                    _ => break,
                }
            },
            _ => {}
        }
    }
}

/// Collects the metadata before the first scan; with it, what was dropped.
pub(super) fn metadata(bytes: &[u8], limits: &Limits) -> Result<(Metadata, Vec<Loss>), ImageError> {
    let mut metadata = Metadata::default();
    let mut losses = Vec::new();
    let mut profile: Vec<(u8, u8, &[u8])> = Vec::new();
    for segment in Segments::new(bytes) {
        let Segment { marker, data } = segment?;
        match marker {
            0xE1 if data.starts_with(EXIF) && metadata.exif.is_none() => {
                metadata.exif = Some(data[EXIF.len()..].to_vec());
            }
            0xE1 if data.starts_with(XMP) && metadata.xmp.is_none() => {
                metadata.xmp = Some(data[XMP.len()..].to_vec());
            }
            0xE2 if data.starts_with(ICC) => {
                if let [number, total, piece @ ..] = &data[ICC.len()..] {
                    profile.push((*number, *total, piece));
                }
            }
            0xE2 if data.starts_with(MULTI_PICTURE) => {
                losses.push(Loss::Native("the further pictures of the file"));
            }
            // No density: one by one without a unit.
            0xE0 if data.starts_with(JFIF) && data.get(7..12) == Some(&[0, 0, 1, 0, 1]) => {}
            // A thumbnail of the picture as it was.
            0xE0 if data.starts_with(b"JFXX\0") => {}
            // The encoder writes its own colour transform.
            0xEE if data.starts_with(b"Adobe") => {}
            0xE0..=0xEF | 0xFE => metadata.native.push(Part {
                format: Format::Jpeg,
                name: [marker, 0, 0, 0],
                data: data.to_vec(),
            }),
            _ => {}
        }
    }
    if !profile.is_empty() {
        metadata.icc = join(profile, limits.icc_bytes);
        if metadata.icc.is_none() {
            losses.push(Loss::Unreadable("the colour profile"));
        }
    }
    Ok((metadata, losses))
}

/// The profile from its pieces, which are numbered from 1 (ICC.1 annex B.4).
fn join(mut pieces: Vec<(u8, u8, &[u8])>, limit: usize) -> Option<Vec<u8>> {
    pieces.sort_by_key(|&(number, _, _)| number);
    let whole = pieces
        .iter()
        .zip(1..)
        .all(|(&(number, total, _), i)| number as usize == i && total as usize == pieces.len());
    let len: usize = pieces.iter().map(|(_, _, piece)| piece.len()).sum();
    (whole && len <= limit).then(|| pieces.iter().flat_map(|(_, _, piece)| *piece).copied().collect())
}

/// Whether an EXIF block and an XMP packet fit their segments.
pub(crate) fn fits(metadata: &Metadata) -> (bool, bool) {
    let fits =
        |bytes: &Option<Vec<u8>>, name: &[u8]| bytes.as_ref().is_none_or(|b| name.len() + b.len() <= ROOM);
    (fits(&metadata.exif, EXIF), fits(&metadata.xmp, XMP))
}

/// Whether a profile fits the 255 segments that its pieces can be numbered in.
pub(crate) fn fits_profile(icc: Option<&[u8]>) -> bool {
    icc.is_none_or(|icc| icc.len() <= PIECE * 255)
}

/// Puts the metadata behind the encoder's first segment, JFIF, which takes on the source's density.
pub(super) fn splice(file: &[u8], metadata: &Metadata) -> Vec<u8> {
    let start = 4 + Big.u16(file, 4).map_or(0, usize::from);
    let mut out = file[..start].to_vec();
    let (exif, xmp) = fits(metadata);
    if let (Some(block), true) = (&metadata.exif, exif) {
        segment(&mut out, 0xE1, &[EXIF, block]);
    }
    if let (Some(packet), true) = (&metadata.xmp, xmp) {
        segment(&mut out, 0xE1, &[XMP, packet]);
    }
    if let Some(profile) = &metadata.icc {
        let pieces = profile.chunks(PIECE);
        let total = pieces.len() as u8;
        for (piece, number) in pieces.zip(1..=total) {
            segment(&mut out, 0xE2, &[ICC, &[number, total], piece]);
        }
    }
    for part in metadata.parts(Format::Jpeg) {
        if part.data.starts_with(JFIF) {
            // Unit and density: bytes 7 to 11 of the segment's data.
            if let (Some(density), Some(place)) = (part.data.get(7..12), out.get_mut(13..18)) {
                place.copy_from_slice(density);
            }
        } else {
            segment(&mut out, part.name[0], &[&part.data]);
        }
    }
    out.extend_from_slice(&file[start..]);
    out
}

fn segment(out: &mut Vec<u8>, marker: u8, pieces: &[&[u8]]) {
    let len: usize = pieces.iter().map(|piece| piece.len()).sum();
    out.extend([0xFF, marker]);
    out.extend(Big.of_u16(len as u16 + 2));
    pieces.iter().for_each(|piece| out.extend_from_slice(piece));
}
