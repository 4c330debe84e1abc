//! What a file could not keep, so that callers can say so.

use std::fmt;

/// Something that a picture lost, or would lose, in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// 16-bit samples are rounded to 8 bits.
    Depth,
    /// Transparent pixels are laid on white.
    Alpha,
    /// The colours are converted to sRGB, and what lies outside its gamut is clipped.
    Profile,
    /// The EXIF block is dropped.
    Exif,
    /// The XMP packet is dropped.
    Xmp,
    /// Metadata that only the named format knows are dropped.
    Native(&'static str),
    /// A part of the source was unreadable or above its limit, and is dropped.
    Unreadable(&'static str),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth => f.write_str("16 bits a sample become 8"),
            Self::Alpha => f.write_str("transparent pixels are laid on white"),
            Self::Profile => f.write_str("the colours are converted to sRGB"),
            Self::Exif => f.write_str("the EXIF block is dropped"),
            Self::Xmp => f.write_str("the XMP packet is dropped"),
            Self::Native(what) => write!(f, "{what} are dropped"),
            Self::Unreadable(what) => write!(f, "{what} is damaged or too large and is dropped"),
        }
    }
}
