//! Writing a picture: what the format cannot hold is converted first, and can be asked for as losses.

use std::borrow::Cow;

use crate::colour::{Colour, described};
use crate::metadata::Metadata;
use crate::picture::unit;
use crate::pixels::{Pixels, Sample, Samples};
use crate::{Depth, Format, ImageError, Loss, Picture, allocate, codec};

/// How to write a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeOptions {
    /// The format; none means the picture's own.
    pub format: Option<Format>,
    /// Quality of JPEG, 1 to 100.
    pub quality: u8,
    /// Chroma resolution of JPEG.
    pub subsampling: Subsampling,
}

/// How finely JPEG keeps colours beside brightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subsampling {
    /// 4:4:4, every pixel.
    Full,
    /// 4:2:0, one in four pixels.
    Quarter,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { format: None, quality: 95, subsampling: Subsampling::Full }
    }
}

impl Picture {
    /// What the picture loses in a file of this format, beside JPEG's own rounding. Empty means that
    /// decoding the file gives back every sample and all metadata.
    pub fn losses(&self, format: Format) -> Vec<Loss> {
        let Metadata { icc, exif, xmp, native } = &self.metadata;
        let mut losses = Vec::new();
        let mut lose = |lost: bool, loss| {
            if lost {
                losses.push(loss);
            }
        };
        lose(self.depth() == Depth::Sixteen && !holds_sixteen(format), Loss::Depth);
        lose(self.has_alpha() && format == Format::Jpeg, Loss::Alpha);
        let says = icc.is_some() || !matches!(self.colour(), Colour::Srgb);
        lose(says && !self.keeps_colours(format), Loss::Profile);
        let (exif_fits, xmp_fits) = codec::fits(format, &self.metadata);
        lose(exif.is_some() && !exif_fits, Loss::Exif);
        lose(xmp.is_some() && !xmp_fits, Loss::Xmp);
        for (of, what) in [(Format::Png, "PNG's own chunks"), (Format::Jpeg, "JPEG's own segments")] {
            let lost =
                of != format && native.iter().any(|part| part.format == of && !described::describes(part));
            lose(lost, Loss::Native(what));
        }
        losses
    }

    /// Encodes the picture.
    ///
    /// Samples are written as they are, except that JPEG is lossy, and that where
    /// [`losses`](Self::losses) says so 16 bits are rounded to 8, transparent pixels laid on white,
    /// and colours converted to sRGB. WebP is written without loss, so the rounding of a lossy source
    /// is not added to, but the file grows. Grey stays grey, except that WebP, and BMP beside an alpha
    /// channel, store it as RGB.
    ///
    /// # Errors
    /// [`ImageError::Unfit`] where the picture is too large for the format;
    /// [`ImageError::Memory`].
    pub fn encode(&self, options: &EncodeOptions) -> Result<Vec<u8>, ImageError> {
        let format = options.format.unwrap_or(self.format);
        let mut pixels = Cow::Borrowed(&self.pixels);
        let mut metadata = Cow::Borrowed(&self.metadata);
        if !self.keeps_colours(format) {
            pixels = Cow::Owned(in_srgb(&pixels, &self.colour())?);
            metadata.to_mut().icc = None;
        }
        if pixels.depth() == Depth::Sixteen && !holds_sixteen(format) {
            let samples = Samples::Eight(pixels.eight()?.into_owned());
            let Pixels { width, height, channels, .. } = *pixels;
            pixels = Cow::Owned(Pixels { width, height, channels, samples });
        }
        if pixels.has_alpha() && format == Format::Jpeg {
            pixels = Cow::Owned(on_white(&pixels)?);
        }
        codec::encode(format, &pixels, &metadata, *options)
    }

    /// Whether a file can say what the samples mean, so that they are stored as they are.
    fn keeps_colours(&self, format: Format) -> bool {
        let holds_profile = match format {
            Format::Png | Format::Tiff => true,
            Format::Jpeg => codec::jpeg_fits_profile(self.metadata.icc.as_deref()),
            // WebP stores grey as RGB, which a profile for grey does not describe.
            Format::WebP => !self.is_grey(),
            Format::Bmp | Format::Pnm => false,
        };
        let holds_chunks = format == Format::Png || described::profile(&self.metadata).is_none();
        (holds_profile || !self.has_profile()) && holds_chunks
    }
}

fn holds_sixteen(format: Format) -> bool {
    matches!(format, Format::Png | Format::Tiff | Format::Pnm)
}

/// The colours converted to sRGB and clipped, at the same depth; grey stays grey.
fn in_srgb(pixels: &Pixels, colour: &Colour) -> Result<Pixels, ImageError> {
    let samples = match (&pixels.samples, colour) {
        (samples, Colour::Srgb) => samples.clone(),
        (Samples::Eight(samples), _) => Samples::Eight(converted(samples, pixels, colour)?),
        (Samples::Sixteen(samples), _) => Samples::Sixteen(converted(samples, pixels, colour)?),
    };
    Ok(Pixels { samples, ..*pixels })
}

fn converted<T: Sample>(samples: &[T], pixels: &Pixels, colour: &Colour) -> Result<Vec<T>, ImageError> {
    let Pixels { width, channels, .. } = *pixels;
    let mut out = allocate::collect(samples.iter().copied())?;
    let mut values = allocate::zeros(width * 3)?;
    for row in out.chunks_exact_mut(width * channels) {
        unit(row, channels, &mut values);
        colour.to_srgb(&mut values);
        for (pixel, values) in row.chunks_exact_mut(channels).zip(values.chunks_exact(3)) {
            let colours = pixels.colours();
            pixel[..colours].iter_mut().zip(values).for_each(|(sample, &v)| *sample = T::nearest(v));
        }
    }
    Ok(out)
}

/// 8-bit pixels over a white ground, without alpha.
fn on_white(pixels: &Pixels) -> Result<Pixels, ImageError> {
    let colours = pixels.colours();
    let eight = pixels.eight()?;
    let mut out = allocate::with_room(eight.len() / pixels.channels * colours)?;
    for pixel in eight.chunks_exact(pixels.channels) {
        let alpha = u32::from(pixel[colours]);
        let over = |&v: &u8| ((u32::from(v) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        out.extend(pixel[..colours].iter().map(over));
    }
    Ok(Pixels { channels: colours, samples: Samples::Eight(out), ..*pixels })
}
