//! What people do to pictures before they bring them: cut, made smaller, compressed. An evaluation that
//! does the same shows what identification and restoration are worth outside a data set.

use udair::{ImageError, Picture};

use crate::crop;
use crate::resize::resized;
use crate::shifts::Shift;
use crate::stream::{Stream, mix};

/// Changes to every picture, in this order. Random choices depend on the seed and on the picture's number
/// alone, so that a picture and its reference are cut alike, whatever else is evaluated beside them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Handling {
    /// A random square of so many pixels a side, or what a smaller picture has.
    pub crop: Option<usize>,
    /// Rescaled by a factor from this range; (1, 1) keeps the size.
    pub rescale: Option<(f64, f64)>,
    /// Compressed as JPEG of a quality from this range, with chroma at half resolution; the input alone.
    pub jpeg: Option<(u8, u8)>,
    /// Seed of all that is random.
    pub seed: u64,
}

/// Which picture of a pair is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// The picture to be restored.
    Input,
    /// What it is compared with.
    Reference,
}

impl Handling {
    /// What becomes of picture number `index`.
    pub(crate) fn apply(&self, picture: Picture, index: u64, of: Of) -> Result<Picture, ImageError> {
        let mut stream = Stream::new(mix(self.seed ^ mix(index)));
        let (scale, quality) = (stream.uniform(), stream.uniform());
        let mut picture = picture;
        if self.crop.is_some() || self.rescale.is_some() {
            let (mut width, mut height, mut rgb) = (picture.width(), picture.height(), picture.to_rgb8()?);
            if let Some(side) = self.crop {
                let place = crop::place(width, height, side, self.seed, index);
                (width, height, rgb) = crop::cut(&rgb, width, height, side, place);
            }
            if let Some((least, most)) = self.rescale {
                let factor = least + (most - least) * scale;
                let scaled = |side: usize| ((side as f64 * factor).round() as usize).max(1);
                let to = (scaled(width), scaled(height));
                if to != (width, height) {
                    rgb = resized(&rgb, (width, height), to);
                    (width, height) = to;
                }
            }
            picture = Picture::from_rgb8(width, height, rgb)?;
        }
        match self.jpeg.filter(|_| of == Of::Input) {
            Some((least, most)) => {
                let quality = f64::from(least) + (f64::from(most) - f64::from(least)) * quality;
                Shift::Jpeg(quality.round() as u8).apply(&picture, 0)
            }
            None => Ok(picture),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Picture {
        let rgb = (0..90 * 70 * 3).map(|i| (i / 3 % 90 * 2 + i / 270) as u8).collect();
        Picture::from_rgb8(90, 70, rgb).unwrap()
    }

    #[test]
    fn a_picture_and_its_reference_have_one_size_and_place() {
        let handling = Handling { crop: Some(64), rescale: Some((0.7, 1.0)), jpeg: Some((75, 95)), seed: 1 };
        let mut sizes = Vec::new();
        for index in 0..6 {
            let [input, reference] =
                [Of::Input, Of::Reference].map(|of| handling.apply(ramp(), index, of).unwrap());
            assert_eq!((input.width(), input.height()), (reference.width(), reference.height()));
            assert!((45..=64).contains(&input.width()) && input.width() == input.height());
            let [a, b] = [&input, &reference].map(|picture| picture.to_rgb8().unwrap());
            let off: u64 = a.iter().zip(&b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            assert!(off > 0 && off < 6 * a.len() as u64, "{off} over {} values", a.len());
            sizes.push(input.width());
        }
        sizes.dedup();
        assert!(sizes.len() > 2, "{sizes:?}");
    }

    #[test]
    fn nothing_asked_for_changes_nothing() {
        let same = Handling::default().apply(ramp(), 3, Of::Input).unwrap();
        assert_eq!(same.to_rgb8().unwrap(), ramp().to_rgb8().unwrap());
        let kept = Handling { rescale: Some((1.0, 1.0)), ..Handling::default() };
        assert_eq!(kept.apply(ramp(), 3, Of::Input).unwrap().to_rgb8().unwrap(), ramp().to_rgb8().unwrap());
    }
}
