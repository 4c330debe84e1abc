//! [`Picture`]: pixels with everything that was said about them.

mod part;
mod restored;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::colour::{Colour, described};
use crate::metadata::Metadata;
use crate::pixels::{Pixels, Sample, Samples};
use crate::{Depth, Format, ImageError, Limits, Loss, allocate, codec, orientation, read_header};

/// A decoded picture, upright, with its depth, alpha channel, colour profile and metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub(crate) pixels: Pixels,
    pub(crate) format: Format,
    pub(crate) metadata: Metadata,
    pub(crate) losses: Vec<Loss>,
}

impl Picture {
    /// Reads a file whole and decodes it.
    ///
    /// # Errors
    /// [`ImageError::Io`], or what [`decode`](Self::decode) reports.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, ImageError> {
        let io = |step| move |source| ImageError::Io { step, source };
        let mut file = File::open(path).map_err(io("open the file"))?;
        let len = file.metadata().map_err(io("look at the file"))?.len();
        limits.check_file(len)?;
        let mut bytes = allocate::with_room(len as usize)?;
        // Files such as pipes have no length, so what is read is bounded as well.
        file.by_ref().take(limits.file_bytes + 1).read_to_end(&mut bytes).map_err(io("read the file"))?;
        Self::decode(&bytes, limits)
    }

    /// Decodes a file in memory: PNG, JPEG, WebP, TIFF, BMP or PNM, by its first bytes.
    ///
    /// The orientation of EXIF is applied to the pixels and set to 1, and the EXIF thumbnail is
    /// dropped. Palettes become RGB, fewer than 8 bits become 8, and colours that a TIFF stores
    /// multiplied with alpha are divided.
    ///
    /// A file that ends early is refused. One kind of damage cannot be told: a JPEG whose scan was cut
    /// and then closed with an end marker decodes, its missing part grey.
    ///
    /// # Errors
    /// [`ImageError::Limit`] before anything large is allocated; [`ImageError::Unsupported`] for
    /// animations, several pages, CMYK and float samples and foreign formats;
    /// [`ImageError::Damaged`] or [`ImageError::Unknown`] for the rest.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, ImageError> {
        limits.check_file(bytes.len() as u64)?;
        let header = read_header(bytes)?;
        limits.check(&header)?;
        let codec::Decoded { pixels, mut metadata, mut losses } = codec::decode(bytes, &header, limits)?;
        let orientation = metadata.settle(limits, &mut losses);
        let pixels = orientation::apply(pixels, orientation)?;
        Ok(Self { pixels, format: header.format, metadata, losses })
    }

    /// A picture of 8-bit sRGB samples: `height` rows of `width` pixels of red, green and blue.
    ///
    /// # Errors
    /// [`ImageError::Samples`] unless both sides are at least 1 and the length is right.
    pub fn from_rgb8(width: usize, height: usize, samples: Vec<u8>) -> Result<Self, ImageError> {
        if width == 0
            || height == 0
            || width.checked_mul(height).and_then(|n| n.checked_mul(3)) != Some(samples.len())
        {
            return Err(ImageError::Samples(format!(
                "{} samples are no {width} x {height} RGB picture",
                samples.len()
            )));
        }
        let pixels = Pixels { width, height, channels: 3, samples: Samples::Eight(samples) };
        Ok(Self { pixels, format: Format::Png, metadata: Metadata::default(), losses: Vec::new() })
    }

    /// Width in pixels, after the orientation was applied.
    pub fn width(&self) -> usize {
        self.pixels.width
    }

    /// Height in pixels, after the orientation was applied.
    pub fn height(&self) -> usize {
        self.pixels.height
    }

    /// The format that the picture was read from; PNG for one made from samples.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Bits a sample; fewer than 8 in the file are 8 here.
    pub fn depth(&self) -> Depth {
        self.pixels.depth()
    }

    /// Whether the picture has one channel of colour.
    pub fn is_grey(&self) -> bool {
        self.pixels.is_grey()
    }

    /// Whether the picture has an alpha channel.
    pub fn has_alpha(&self) -> bool {
        self.pixels.has_alpha()
    }

    /// The ICC profile, byte for byte as the file had it.
    pub fn profile(&self) -> Option<&[u8]> {
        self.metadata.icc.as_deref()
    }

    /// Whether the picture has an ICC profile.
    pub fn has_profile(&self) -> bool {
        self.metadata.icc.is_some()
    }

    /// The EXIF block from its byte order mark on, with orientation 1 and without thumbnail. A
    /// TIFF's descriptive tags count as EXIF.
    pub fn exif(&self) -> Option<&[u8]> {
        self.metadata.exif.as_deref()
    }

    /// The XMP packet.
    pub fn xmp(&self) -> Option<&[u8]> {
        self.metadata.xmp.as_deref()
    }

    /// What reading the file had to drop.
    pub fn read_losses(&self) -> &[Loss] {
        &self.losses
    }

    /// Drops EXIF, XMP and everything else that is no pixel. What says that the
    /// colours are other than sRGB stays, as the pixels mean nothing without it.
    pub fn strip_metadata(&mut self) {
        let colours = !matches!(self.colour(), Colour::Srgb);
        let Metadata { icc, mut native, .. } = std::mem::take(&mut self.metadata);
        if colours {
            native.retain(described::describes);
            self.metadata = Metadata { icc, native, ..Metadata::default() };
        }
    }

    /// The colours as `height` rows of `width` pixels of sRGB-encoded red, green and blue, nominally
    /// 0..1; a wide gamut leaves that range. Grey comes threefold; alpha is left out.
    ///
    /// # Errors
    /// [`ImageError::Memory`].
    pub fn srgb(&self) -> Result<Vec<f32>, ImageError> {
        let mut values = allocate::zeros(self.pixels.width * self.pixels.height * 3)?;
        match &self.pixels.samples {
            Samples::Eight(samples) => unit(samples, self.pixels.channels, &mut values),
            Samples::Sixteen(samples) => unit(samples, self.pixels.channels, &mut values),
        }
        self.colour().to_srgb(&mut values);
        Ok(values)
    }

    /// The colours as 8-bit sRGB, clipped: `height` rows of `width` pixels of red, green and blue.
    /// These are the samples that evaluation scores.
    ///
    /// # Errors
    /// [`ImageError::Memory`].
    pub fn to_rgb8(&self) -> Result<Vec<u8>, ImageError> {
        allocate::collect(self.srgb()?.into_iter().map(u8::nearest))
    }

    pub(crate) fn colour(&self) -> Colour {
        Colour::of(&self.metadata, self.is_grey())
    }
}

/// Colour samples as values within 0..1, three a pixel, without alpha.
pub(crate) fn unit<T: Sample>(samples: &[T], channels: usize, values: &mut [f32]) {
    for (pixel, value) in samples.chunks_exact(channels).zip(values.as_chunks_mut::<3>().0) {
        *value = match pixel {
            [r, g, b, ..] => [r.unit(), g.unit(), b.unit()],
            [grey, ..] => [grey.unit(); 3],
            [] => [0.0; 3],
        };
    }
}
