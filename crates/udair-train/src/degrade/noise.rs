//! Sensor noise as a stored picture shows it: drawn on the mosaic in electrons, then carried through
//! the camera.
//!
//! The clean picture is taken back to the sensor (inverse tone curve, colour matrix and white balance,
//! after Brooks et al., "Unprocessing images for learned raw denoising", CVPR 2019). A photosite with
//! signal x (1 = white) holds Poisson(x N) photo-electrons plus read noise of r electrons, N being the
//! electrons at white: full well x 100 / ISO. So the variance is x / N + (r / N)^2 (Foi et al.,
//! "Practical Poissonian-Gaussian noise modeling", IEEE TIP 2008). Forward again: demosaicing and the
//! colour matrix spread and correlate the noise, the tone curve bends it, and the camera's own noise
//! reduction, sharpening and compression leave blotches in flat areas and grain along edges.
//!
//! Only the *difference* that the noise makes is added to the picture: demosaicing and matrices are
//! linear, and the reference of a real pair (the mean of many frames) went through the same camera. With
//! no noise the picture comes back unchanged.

mod camera;
mod mosaic;
mod processing;

pub use camera::Camera;

use serde::{Deserialize, Serialize};

use super::jpeg::Jpeg;
use super::photo::Photo;
use super::range::Range;
use super::tone::Rendering;
use crate::rng::Stream;

/// Which noise to draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoiseRecipe {
    /// Share of pictures with plain white Gaussian noise on the stored values, as the field's
    /// protocols have it.
    pub gaussian_share: f32,
    /// Its standard deviation in 1/255.
    pub gaussian_sigma: Range,
    /// Numbers of the cameras to draw from ([`Camera::numbered`]): `[0, 399]` and `[400, 499]` share
    /// none, so whole cameras can be held out.
    pub cameras: Range,
    /// Sensitivity, ISO, log-uniform; a camera whose scale ends earlier takes its highest.
    pub iso: Range,
    /// Share of photographs developed from raw files without noise reduction, sharpening or
    /// compression ([`Camera::developed_raw`]), beside the cameras that do so anyway.
    pub raw_share: f32,
}

impl Default for NoiseRecipe {
    fn default() -> Self {
        Self {
            gaussian_share: 0.25,
            gaussian_sigma: Range::new(0.0, 50.0),
            cameras: Range::new(0.0, 399.0),
            iso: Range::new(100.0, 25_600.0),
            raw_share: 0.0,
        }
    }
}

impl NoiseRecipe {
    /// One setting of this recipe.
    pub fn draw(&self, stream: &mut Stream) -> Noise {
        if stream.chance(self.gaussian_share) {
            return Noise::Gaussian { sigma: self.gaussian_sigma.draw(stream) / 255.0 };
        }
        let camera = Camera::numbered(self.cameras.draw_whole(stream) as u64);
        let iso = self.iso.draw_log(stream).min(camera.top_iso());
        // Nothing is drawn for a share of none, so that older recipes keep their pictures.
        let raw = self.raw_share > 0.0 && stream.chance(self.raw_share);
        Noise::Shot { camera: if raw { camera.developed_raw() } else { camera }, iso }
    }
}

/// Noise of one picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Noise {
    /// White Gaussian noise on stored values.
    Gaussian {
        /// Standard deviation, 1 = white.
        sigma: f32,
    },
    /// A photograph by this camera.
    Shot {
        /// Who took it.
        camera: Camera,
        /// At which sensitivity, ISO.
        iso: f32,
    },
}

impl Noise {
    /// The same noise with `strength` times its standard deviation; 0 is none.
    #[must_use]
    pub fn at(&self, strength: f32) -> Self {
        match self {
            Self::Gaussian { sigma } => Self::Gaussian { sigma: sigma * strength },
            Self::Shot { camera, iso } => {
                Self::Shot { camera: camera.clone(), iso: iso * strength * strength }
            }
        }
    }

    /// Adds the noise to `photo`.
    pub fn apply(&self, photo: &mut Photo, stream: &mut Stream) {
        match self {
            Self::Gaussian { sigma } => {
                photo.pixels.iter_mut().for_each(|v| *v += sigma * stream.normal());
            }
            Self::Shot { camera, iso } if *iso > 0.0 => shoot(camera, *iso, photo, stream),
            Self::Shot { .. } => {}
        }
    }
}

fn shoot(camera: &Camera, iso: f32, photo: &mut Photo, stream: &mut Stream) {
    let (width, height) = (photo.width, photo.height);
    let rendering = Rendering::with_contrast(camera.contrast);
    let to_sensor = camera.to_sensor();
    let to_light = camera.light_of_sensor();

    let light: Vec<f32> = photo.pixels.iter().map(|&v| rendering.decode.at(v)).collect();
    let sensor: Vec<f32> = light.chunks_exact(3).flat_map(|rgb| times(&to_sensor, rgb)).collect();
    let electrons = camera.full_well * 100.0 / iso;
    let mosaic = mosaic::noise(&sensor, width, height, electrons, camera, stream);
    let mut noise = mosaic::demosaic(&mosaic, width, height, camera.demosaic_gradient);
    super::blur::gaussian(&mut noise, width, height, 3, camera.resampling_sigma);

    for (noise, light) in noise.chunks_exact_mut(3).zip(light.chunks_exact(3)) {
        let in_light = times(&to_light, noise);
        for c in 0..3 {
            noise[c] = rendering.encode.at(light[c] + in_light[c]) - rendering.encode.at(light[c]);
        }
    }
    processing::reduce_and_sharpen(&mut noise, photo, camera, iso);
    match camera.jpeg {
        Some(jpeg) => add_compressed(&noise, photo, jpeg),
        None => photo.pixels.iter_mut().zip(noise).for_each(|(value, noise)| *value += noise),
    }
}

/// Adds what is left of `noise` when the camera compresses picture and noise together: the difference of
/// the compressed noisy and the compressed clean picture.
fn add_compressed(noise: &[f32], photo: &mut Photo, jpeg: Jpeg) {
    let (mut clean, mut noisy) = (photo.clone(), photo.clone());
    noisy.pixels.iter_mut().zip(noise).for_each(|(value, noise)| *value += noise);
    jpeg.apply(&mut clean);
    jpeg.apply(&mut noisy);
    for ((value, noisy), clean) in photo.pixels.iter_mut().zip(noisy.pixels).zip(clean.pixels) {
        *value += noisy - clean;
    }
}

/// A 3 x 3 matrix, row by row.
pub(crate) type Matrix = [[f32; 3]; 3];

fn times(matrix: &Matrix, rgb: &[f32]) -> [f32; 3] {
    matrix.map(|row| row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degrade::testing::{deviation, grey, ramp};

    #[test]
    fn zero_strength_changes_nothing() {
        let clean = ramp(48, 32);
        for number in 0..8 {
            for noise in [
                Noise::Shot { camera: Camera::numbered(number), iso: 3200.0 },
                Noise::Gaussian { sigma: 0.1 },
            ] {
                let mut photo = clean.clone();
                noise.at(0.0).apply(&mut photo, &mut Stream::new(0, 0, number));
                assert_eq!(photo, clean);
            }
        }
    }

    #[test]
    fn noise_grows_with_iso_and_hardly_moves_the_mean() {
        let clean = grey(64, 64, 0.5);
        for number in 0..6 {
            let camera = Camera::numbered(number);
            let spread = [100.0, 800.0, 6400.0].map(|iso| {
                let mut photo = clean.clone();
                let noise = Noise::Shot { camera: camera.clone(), iso };
                noise.apply(&mut photo, &mut Stream::new(1, 0, 0));
                let mean = photo.pixels.iter().sum::<f32>() / photo.pixels.len() as f32;
                let spread = deviation(&photo, &clean);
                assert!((mean - 0.5).abs() < 0.1 * spread + 0.01, "camera {number}, ISO {iso}: mean {mean}");
                spread
            });
            assert!(spread[0] < spread[1] && spread[1] < spread[2], "camera {number}: {spread:?}");
        }
    }

    #[test]
    fn raw_variance_is_that_of_the_poissonian_gaussian_model() {
        // A camera that hands the sensor on as it is: grey noise must then have x / N + (r / N)^2.
        let camera = Camera::plain();
        let (iso, signal) = (1600.0, 0.25);
        let electrons = camera.full_well * 100.0 / iso;
        let sensor = vec![signal; 128 * 128 * 3];
        let noise = mosaic::noise(&sensor, 128, 128, electrons, &camera, &mut Stream::new(2, 0, 0));
        let variance = noise.iter().map(|n| n * n).sum::<f32>() / noise.len() as f32;
        let expected = signal / electrons + (camera.read_noise / electrons).powi(2);
        assert!((variance / expected - 1.0).abs() < 0.04, "{variance} for {expected}");
    }

    #[test]
    fn raw_files_keep_their_grain() {
        let clean = ramp(48, 48);
        let spread = |raw_share| {
            let recipe = NoiseRecipe { gaussian_share: 0.0, raw_share, ..NoiseRecipe::default() };
            (0..60)
                .map(|index| {
                    let mut stream = Stream::new(4, 0, index);
                    let mut photo = clean.clone();
                    recipe.draw(&mut stream).apply(&mut photo, &mut stream);
                    deviation(&photo, &clean)
                })
                .sum::<f32>()
        };
        assert!(spread(1.0) > 1.3 * spread(0.0), "{} {}", spread(1.0), spread(0.0));
    }

    #[test]
    fn default_noise_reaches_from_almost_none_to_strong() {
        let recipe = NoiseRecipe::default();
        let clean = ramp(48, 48);
        let mut spreads: Vec<f32> = (0..200)
            .map(|index| {
                let mut stream = Stream::new(3, 0, index);
                let mut photo = clean.clone();
                recipe.draw(&mut stream).apply(&mut photo, &mut stream);
                photo.round_to_8_bit();
                deviation(&photo, &clean) * 255.0
            })
            .collect();
        spreads.sort_by(f32::total_cmp);
        assert!(spreads[20] < 3.0, "a tenth is mild: {}", spreads[20]);
        assert!(spreads[180] > 15.0, "a tenth is strong: {}", spreads[180]);
        assert!(spreads[199] < 90.0, "none is absurd: {}", spreads[199]);
    }
}
