//! Made shifts of domain: what another camera, denser haze, other water, worse light or stronger JPEG
//! would have made of a picture. They need no reference and no depth, so any photo will do.

use udair::{ImageError, Picture};
use udair_image::{EncodeOptions, Format, Limits, Subsampling};

use crate::stream::Stream;

/// A change to a picture of sRGB values in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shift {
    /// Independent Gaussian noise of this standard deviation, in units of 1/255.
    Noise(f64),
    /// Noise of another camera: in linear light, of the variance `shot` times the value plus `read`.
    Camera {
        /// Variance of a full signal.
        shot: f64,
        /// Variance in the dark.
        read: f64,
    },
    /// Haze (Koschmieder): light 0.9, and this transmission at the bottom, falling to its square at
    /// the top, where outdoor photos show what is farther away.
    Haze(f64),
    /// Other water: the transmissions of red, green and blue.
    Water([f64; 3]),
    /// Darkness: linear light times this factor.
    Dark(f64),
    /// JPEG of this quality with chroma at half resolution.
    Jpeg(u8),
}

impl Shift {
    /// A name for tables.
    pub fn name(&self) -> String {
        match self {
            Self::Noise(sigma) => format!("noise {sigma}"),
            Self::Camera { shot, .. } => format!("camera noise {shot}"),
            Self::Haze(transmission) => format!("haze {transmission}"),
            Self::Water([red, ..]) => format!("water {red}"),
            Self::Dark(factor) => format!("dark {factor}"),
            Self::Jpeg(quality) => format!("JPEG {quality}"),
        }
    }

    /// The picture with the change, in 8 bits; random numbers depend on the seed alone.
    pub fn apply(&self, picture: &Picture, seed: u64) -> Result<Picture, ImageError> {
        let (width, height) = (picture.width(), picture.height());
        if let Self::Jpeg(quality) = *self {
            let jpeg =
                EncodeOptions { format: Some(Format::Jpeg), quality, subsampling: Subsampling::Quarter };
            let pixels = Picture::from_rgb8(width, height, picture.to_rgb8()?)?;
            return Picture::decode(&pixels.encode(&jpeg)?, &Limits::default());
        }
        let mut stream = Stream::new(seed);
        let values = picture.srgb()?.into_iter().enumerate().map(|(i, v)| {
            let v = f64::from(v).clamp(0.0, 1.0);
            let changed = match self {
                Self::Noise(sigma) => v + stream.normal() * sigma / 255.0,
                Self::Camera { shot, read } => {
                    let light = linear(v);
                    encoded(light + stream.normal() * (shot * light + read).sqrt())
                }
                Self::Haze(transmission) => {
                    let up = 1.0 - (i / 3 / width) as f64 / height as f64;
                    let t = transmission.powf(1.0 + up);
                    encoded(linear(v) * t + linear(0.9) * (1.0 - t))
                }
                Self::Water(transmissions) => encoded(linear(v) * transmissions[i % 3]),
                Self::Dark(factor) => encoded(linear(v) * factor),
                Self::Jpeg(_) => v,
            };
            (changed.clamp(0.0, 1.0) * 255.0).round() as u8
        });
        Picture::from_rgb8(width, height, values.collect())
    }
}

/// Linear light of an sRGB value (IEC 61966-2-1).
fn linear(v: f64) -> f64 {
    if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// The sRGB value of linear light.
fn encoded(light: f64) -> f64 {
    if light <= 0.003_130_8 { light.max(0.0) * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(shift: Shift) -> Vec<u8> {
        let grey = Picture::from_rgb8(64, 48, vec![100; 64 * 48 * 3]).unwrap();
        let picture = shift.apply(&grey, 7).unwrap();
        assert_eq!((picture.width(), picture.height()), (64, 48));
        picture.to_rgb8().unwrap()
    }

    #[test]
    fn noise_has_its_strength() {
        let noisy = changed(Shift::Noise(15.0));
        let deviation =
            noisy.iter().map(|&v| (f64::from(v) - 100.0).powi(2)).sum::<f64>() / noisy.len() as f64;
        assert!((deviation.sqrt() - 15.0).abs() < 0.5, "{}", deviation.sqrt());
        assert_eq!(noisy, changed(Shift::Noise(15.0)), "always the same");
    }

    #[test]
    fn each_shift_goes_its_way() {
        let mean = |values: &[u8]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
        let hazy = changed(Shift::Haze(0.5));
        assert!(mean(&hazy[..192]) > mean(&hazy[hazy.len() - 192..]) && mean(&hazy) > 140.0);
        assert!(mean(&changed(Shift::Dark(0.2))) < 60.0);
        let water = changed(Shift::Water([0.3, 0.9, 0.8]));
        assert!(water[0] < water[2] && water[2] < water[1] && water[1] < 100);
        assert_eq!(changed(Shift::Jpeg(50)), vec![100; 64 * 48 * 3], "JPEG keeps a flat grey");
    }
}
