//! TIFF 6.0: whole-number grey, RGB and palette pictures of one page.

mod layout;
mod read;
mod samples;
mod write;

pub(super) use read::{decode, header};
pub(super) use write::encode;

/// Tags of the pixels' structure, of what has a place of its own in
/// [`Metadata`](crate::metadata::Metadata), and of further pictures. All others are kept.
mod tag {
    pub(super) const SUBFILE: u16 = 254;
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const BITS: u16 = 258;
    pub(super) const COMPRESSION: u16 = 259;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const STRIP_OFFSETS: u16 = 273;
    pub(super) const ORIENTATION: u16 = 274;
    pub(super) const SAMPLES: u16 = 277;
    pub(super) const ROWS_PER_STRIP: u16 = 278;
    pub(super) const STRIP_BYTES: u16 = 279;
    pub(super) const PLANAR: u16 = 284;
    pub(super) const PREDICTOR: u16 = 317;
    pub(super) const COLOUR_MAP: u16 = 320;
    pub(super) const SUB_DIRECTORIES: u16 = 330;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const SAMPLE_FORMAT: u16 = 339;
    pub(super) const XMP: u16 = 700;
    pub(super) const ICC: u16 = 34_675;
    pub(super) const DNG_VERSION: u16 = 50_706;

    /// Whether a tag describes how the pixels are stored.
    pub(super) fn structural(tag: u16) -> bool {
        matches!(tag, 254..=266 | 273 | 277..=281 | 284 | 288..=293 | 301 | 317 | 320..=347 | 512..=532)
            || matches!(tag, XMP | ICC)
    }
}
