//! Putting restored colours back into a picture.
//!
//! What is added is the network's change, not its picture: values that it could not see (outside
//! 0..1, between 8-bit steps) survive, and where it changed nothing the samples stay as they were.

use super::{Picture, unit};
use crate::colour::Colour;
use crate::pixels::{Pixels, Sample, Samples};
use crate::{ImageError, allocate};

/// Weights of red, green and blue in the luma of a change (ITU-R BT.709).
const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

impl Picture {
    /// The picture with `x + strength * (restored - clip(x))` for its colours, where `x` is
    /// [`srgb`](Self::srgb) and `clip` bounds it to 0..1, converted back to the picture's own profile,
    /// depth and channels. Alpha and metadata stay.
    ///
    /// A pixel that `restored` leaves equal to `clip(x)`, and every pixel at strength 0, keeps its
    /// samples bit for bit. A grey picture takes on the luma of the change (BT.709 weights on
    /// encoded values).
    ///
    /// `restored` has `height` rows of `width` pixels of sRGB-encoded red, green and blue.
    ///
    /// # Errors
    /// [`ImageError::Samples`] for a wrong length or values that are not finite;
    /// [`ImageError::Memory`].
    pub fn with_restored(&self, restored: &[f32], strength: f32) -> Result<Self, ImageError> {
        let Pixels { width, height, channels, samples } = &self.pixels;
        if restored.len() != width * height * 3 {
            return Err(ImageError::Samples(format!(
                "{} restored values are no {width} x {height} RGB picture",
                restored.len()
            )));
        }
        if !strength.is_finite() || !restored.iter().all(|v| v.is_finite()) {
            return Err(ImageError::Samples("a restored value is not finite".into()));
        }
        let colour = self.colour();
        let blend = Blend { restored, strength, colour: &colour, width: *width, channels: *channels };
        let samples = match samples {
            Samples::Eight(samples) => Samples::Eight(blend.apply(samples)?),
            Samples::Sixteen(samples) => Samples::Sixteen(blend.apply(samples)?),
        };
        let pixels = Pixels { width: *width, height: *height, channels: *channels, samples };
        let (metadata, losses) = (self.metadata.clone(), self.losses.clone());
        Ok(Self { pixels, format: self.format, metadata, losses })
    }
}

struct Blend<'a> {
    restored: &'a [f32],
    strength: f32,
    colour: &'a Colour,
    width: usize,
    channels: usize,
}

impl Blend<'_> {
    fn apply<T: Sample>(&self, samples: &[T]) -> Result<Vec<T>, ImageError> {
        let mut out = allocate::collect(samples.iter().copied())?;
        let row = self.width * 3;
        let mut x = allocate::zeros(row)?;
        let mut change = allocate::zeros(row)?;
        let mut y = allocate::zeros(row)?;
        let rows = out.chunks_exact_mut(self.width * self.channels).zip(self.restored.chunks_exact(row));
        for (samples, restored) in rows {
            unit(samples, self.channels, &mut x);
            self.colour.to_srgb(&mut x);
            self.fill(&x, restored, &mut change);
            if change.iter().all(|&c| c == 0.0) {
                continue;
            }
            y.iter_mut().zip(&x).zip(&change).for_each(|((y, x), c)| *y = x + c);
            self.colour.to_own(&mut y);
            if !self.colour.is_exact() {
                self.colour.to_own(&mut x);
            }
            self.put(samples, &x, &change, &y);
        }
        Ok(out)
    }

    /// The change of one row of pixels.
    fn fill(&self, x: &[f32], restored: &[f32], change: &mut [f32]) {
        for ((change, x), restored) in change.iter_mut().zip(x).zip(restored) {
            *change = self.strength * (restored - x.clamp(0.0, 1.0));
        }
        if self.channels < 3 {
            for pixel in change.as_chunks_mut::<3>().0 {
                let luma: f32 = pixel.iter().zip(LUMA).map(|(c, weight)| c * weight).sum();
                *pixel = [luma; 3];
            }
        }
    }

    /// Writes the changed pixels of a row; `y` holds own values, and `x` as well where the colours
    /// are not exact: then going there and back moves a colour, which must not count as a change.
    fn put<T: Sample>(&self, samples: &mut [T], x: &[f32], change: &[f32], y: &[f32]) {
        let rows = x.as_chunks::<3>().0.iter().zip(change.as_chunks::<3>().0).zip(y.as_chunks::<3>().0);
        for (pixel, ((x, change), y)) in samples.chunks_exact_mut(self.channels).zip(rows) {
            if *change == [0.0; 3] {
                continue;
            }
            let colours = if self.channels < 3 { 1 } else { 3 };
            for (sample, (x, y)) in pixel[..colours].iter_mut().zip(x.iter().zip(y)) {
                let value = if self.colour.is_exact() { *y } else { sample.unit() + y - x };
                *sample = T::nearest(value);
            }
        }
    }
}
