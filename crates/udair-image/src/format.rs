//! File formats, known by extension or by the first bytes of a file.

use std::fmt;

use crate::ImageError;

/// A format that is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Portable Network Graphics: 8 or 16 bits, alpha, every kind of metadata.
    Png,
    /// JPEG: 8 bits, lossy, no alpha.
    Jpeg,
    /// WebP: 8 bits, written without loss.
    WebP,
    /// TIFF: 8 or 16 bits, alpha, every kind of metadata; written with Deflate.
    Tiff,
    /// Windows bitmap: 8 bits, alpha, no metadata.
    Bmp,
    /// Portable any-map (PBM, PGM, PPM, PAM): 8 or 16 bits, no metadata; alpha only as PAM.
    Pnm,
}

impl Format {
    /// The format that a file name extension stands for, without the dot, in any case.
    pub fn from_extension(extension: &str) -> Option<Self> {
        Some(match extension.to_ascii_lowercase().as_str() {
            "png" => Self::Png,
            "jpg" | "jpeg" | "jpe" | "jfif" => Self::Jpeg,
            "webp" => Self::WebP,
            "tif" | "tiff" => Self::Tiff,
            "bmp" | "dib" => Self::Bmp,
            "pnm" | "ppm" | "pgm" | "pbm" | "pam" => Self::Pnm,
            _ => return None,
        })
    }

    /// The format that the first bytes of a file (12 suffice) claim.
    pub fn from_signature(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Self::Png,
            [0xFF, 0xD8, 0xFF, ..] => Self::Jpeg,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::WebP,
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Self::Tiff,
            [b'B', b'M', ..] => Self::Bmp,
            [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => Self::Pnm,
            _ => return None,
        })
    }

    /// The usual file name extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
            Self::Pnm => "ppm",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Pnm => "PNM",
        })
    }
}

/// The format of a file, or why it is not read.
pub(crate) fn recognise(bytes: &[u8]) -> Result<Format, ImageError> {
    if let Some((what, hint)) = foreign(bytes) {
        return Err(ImageError::unsupported(what, hint));
    }
    Format::from_signature(bytes).ok_or(ImageError::Unknown)
}

pub(crate) const RAW_HINT: &str = "develop it first: darktable-cli photo.raw photo.tiff";

/// A known format that is not read, and the command that converts it.
fn foreign(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const HEIC: &str = "convert it first: heif-convert photo.heic photo.png";
    let brand = match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => brand.first_chunk::<4>(),
        _ => None,
    };
    Some(match (brand, bytes) {
        (Some(b"avif" | b"avis"), _) => ("AVIF", "convert it first: avifdec photo.avif photo.png"),
        (Some(b"crx "), _) => ("a raw photo (CR3)", RAW_HINT),
        (Some(b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1"), _) => {
            ("HEIC", HEIC)
        }
        (_, [b'I', b'I', 42, 0, _, _, _, _, b'C', b'R', ..]) => ("a raw photo (CR2)", RAW_HINT),
        (_, [b'I', b'I', b'R', b'O' | b'S', ..] | [b'M', b'M', b'O', b'R', ..]) => {
            ("a raw photo (ORF)", RAW_HINT)
        }
        (_, [b'I', b'I', b'U', 0, ..]) => ("a raw photo (RW2)", RAW_HINT),
        (_, _) if bytes.starts_with(b"FUJIFILMCCD-RAW") => ("a raw photo (RAF)", RAW_HINT),
        (_, [0xFF, 0x0A, ..] | [0, 0, 0, 0x0C, b'J', b'X', b'L', b' ', ..]) => {
            ("JPEG XL", "convert it first: djxl photo.jxl photo.png")
        }
        (_, [b'G', b'I', b'F', b'8', ..]) => ("GIF", "convert it first: ffmpeg -i picture.gif picture.png"),
        (_, [b'P', b'F' | b'f', b'\n' | b'\r' | b' ', ..]) => {
            ("float samples (PFM)", "convert it first: magick picture.pfm -depth 16 picture.png")
        }
        (_, [0, 0, 0, 0x0C, b'j', b'P', ..]) => {
            ("JPEG 2000", "convert it first: opj_decompress -i photo.jp2 -o photo.png")
        }
        (_, [b'8', b'B', b'P', b'S', ..]) => ("PSD", "export it as TIFF or PNG"),
        (_, [0x76, 0x2F, 0x31, 0x01, ..]) => {
            ("float samples (OpenEXR)", "convert it first: magick picture.exr -depth 16 picture.png")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_extension_and_signature() {
        for (extension, format) in [
            ("png", Format::Png),
            ("JPG", Format::Jpeg),
            ("jpeg", Format::Jpeg),
            ("webp", Format::WebP),
            ("tif", Format::Tiff),
            ("Bmp", Format::Bmp),
            ("pgm", Format::Pnm),
        ] {
            assert_eq!(Format::from_extension(extension), Some(format));
            assert_eq!(Format::from_extension(format.extension()), Some(format));
        }
        assert_eq!(Format::from_extension("txt"), None);
        assert_eq!(Format::from_signature(b"P6\n1 1"), Some(Format::Pnm));
        assert_eq!(Format::from_signature(b"P8\n1 1"), None);
        assert_eq!(Format::from_signature(b""), None);
    }

    #[test]
    fn foreign_formats_come_with_a_command() {
        let files: [(&[u8], &str); 10] = [
            (b"\0\0\0\x18ftypheic", "heif-convert"),
            (b"\0\0\0\x18ftypmif1", "heif-convert"),
            (b"\0\0\0\x18ftypavif", "avifdec"),
            (b"\0\0\0\x18ftypcrx ", "darktable-cli"),
            (b"II*\0\x10\0\0\0CR\x02\0", "darktable-cli"),
            (b"FUJIFILMCCD-RAW 0201", "darktable-cli"),
            (b"\xFF\x0A\x00", "djxl"),
            (b"\0\0\0\x0CJXL \r\n\x87\n", "djxl"),
            (b"GIF89a", "ffmpeg"),
            (b"PF\n2 2\n-1.0\n", "magick"),
        ];
        for (bytes, command) in files {
            let error = recognise(bytes).unwrap_err();
            assert!(matches!(error, ImageError::Unsupported { .. }), "{error}");
            assert!(error.hint().unwrap().contains(command), "{error:?}");
        }
        assert!(matches!(recognise(b"hello"), Err(ImageError::Unknown)));
    }
}
