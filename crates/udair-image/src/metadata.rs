//! What a file says beside its pixels, byte for byte.

pub(crate) mod exif;
pub(crate) mod ifd;
pub(crate) mod xmp;

use crate::{Format, Limits, Loss};

/// Profile, EXIF and XMP in the form that every format shares, and the rest in the source's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// ICC profile.
    pub(crate) icc: Option<Vec<u8>>,
    /// EXIF: a TIFF structure, from its byte order mark on.
    pub(crate) exif: Option<Vec<u8>>,
    /// XMP packet.
    pub(crate) xmp: Option<Vec<u8>>,
    /// What only the source's format knows, in its order.
    pub(crate) native: Vec<Part>,
}

/// A PNG chunk or a JPEG segment, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) format: Format,
    /// Chunk type of PNG; marker (in the first byte) of JPEG.
    pub(crate) name: [u8; 4],
    pub(crate) data: Vec<u8>,
}

impl Metadata {
    /// The parts that `format` understands.
    pub(crate) fn parts(&self, format: Format) -> impl Iterator<Item = &Part> {
        self.native.iter().filter(move |part| part.format == format)
    }

    /// Applies the limits, and gives back the orientation, which is left at 1 with no thumbnail. It
    /// counts even where the limits drop the block that holds it.
    pub(crate) fn settle(&mut self, limits: &Limits, losses: &mut Vec<Loss>) -> u16 {
        let orientation = self.exif.as_mut().map_or(1, exif::settle);
        bound(&mut self.icc, limits.icc_bytes, Loss::Unreadable("the colour profile"), losses);
        bound(&mut self.exif, limits.exif_bytes, Loss::Unreadable("the EXIF block"), losses);
        bound(&mut self.xmp, limits.xmp_bytes, Loss::Unreadable("the XMP packet"), losses);
        if let (2..=8, Some(xmp)) = (orientation, &mut self.xmp) {
            xmp::reset_orientation(xmp);
        }
        orientation
    }
}

fn bound(bytes: &mut Option<Vec<u8>>, limit: usize, loss: Loss, losses: &mut Vec<Loss>) {
    if bytes.as_ref().is_some_and(|b| b.len() > limit) {
        *bytes = None;
        losses.push(loss);
    }
}
