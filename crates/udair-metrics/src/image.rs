//! The picture that every metric reads: a borrowed view of 8-bit sRGB pixels.

use thiserror::Error;

/// A view of an 8-bit sRGB picture: rows from top to bottom, three bytes (R, G, B) a pixel.
#[derive(Debug, Clone, Copy)]
pub struct Rgb8<'a> {
    width: usize,
    height: usize,
    /// Pixels from one row to the next.
    stride: usize,
    pixels: &'a [[u8; 3]],
}

/// The bytes are not a picture of the size that was given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{bytes} bytes are not an RGB picture of {width} x {height} pixels, at least 1 x 1")]
pub struct SizeError {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes that were given.
    pub bytes: usize,
}

impl<'a> Rgb8<'a> {
    /// Views `data` as a picture: R, G, B, R, G, B, … row by row.
    ///
    /// # Errors
    /// [`SizeError`] unless both sides are at least 1 and `data` holds `3 * width * height` bytes.
    pub fn new(width: usize, height: usize, data: &'a [u8]) -> Result<Self, SizeError> {
        let (pixels, rest) = data.as_chunks();
        if pixels.is_empty() || !rest.is_empty() || width.checked_mul(height) != Some(pixels.len()) {
            return Err(SizeError { width, height, bytes: data.len() });
        }
        Ok(Self { width, height, stride: width, pixels })
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The pixels of row `y`, which is below the height.
    pub fn row(&self, y: usize) -> &'a [[u8; 3]] {
        &self.pixels[y * self.stride..][..self.width]
    }

    /// The view without `border` pixels on each side; `None` where nothing would remain.
    pub fn crop(&self, border: usize) -> Option<Self> {
        let inner = |side: usize| side.checked_sub(border.checked_mul(2)?).filter(|&side| side > 0);
        let (width, height) = (inner(self.width)?, inner(self.height)?);
        Some(Self { width, height, pixels: &self.pixels[border * self.stride + border..], ..*self })
    }

    /// The upper left part, which is not larger than the picture.
    pub(crate) fn top_left(&self, width: usize, height: usize) -> Self {
        debug_assert!(width <= self.width && height <= self.height);
        Self { width, height, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_are_viewed() {
        assert!(Rgb8::new(2, 1, &[0; 6]).is_ok());
        for (width, height, bytes) in [(0, 0, 0), (0, 5, 0), (2, 2, 11), (2, 2, 13), (usize::MAX, 2, 6)] {
            assert_eq!(
                Rgb8::new(width, height, &vec![0; bytes]).unwrap_err(),
                SizeError { width, height, bytes }
            );
        }
    }

    #[test]
    fn a_crop_takes_the_same_from_every_side() {
        let data: Vec<u8> = (0..5 * 4 * 3).collect();
        let image = Rgb8::new(5, 4, &data).unwrap();
        let inner = image.crop(1).unwrap();
        assert_eq!(inner.size(), (3, 2));
        assert_eq!(inner.row(1), &image.row(2)[1..4]);
        assert!(image.crop(2).is_none());
    }
}
