//! Cameras that never existed, each the same every time its number comes up.

use super::Matrix;
use crate::degrade::jpeg::{Jpeg, JpegRecipe};
use crate::degrade::range::Range;
use crate::rng::Stream;

/// The seed of the camera catalogue; a catalogue is data, so it never changes with a run's seed.
const CATALOGUE: u64 = 0xca3e_7a00;

/// What one camera does between light and file.
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    /// Electrons that fill a photosite at ISO 100: about 4,000 on a phone, 60,000 on a full-frame
    /// sensor.
    pub full_well: f32,
    /// Read noise in electrons.
    pub read_noise: f32,
    /// Standard deviation of a whole row's offset, as a share of the read noise.
    pub banding: f32,
    /// White balance gains of red and blue over green.
    pub gains: [f32; 2],
    /// Response of the three filters to linear sRGB red, green and blue light; rows sum to 1.
    pub filters: Matrix,
    /// How far demosaicing corrects by gradients: 0 bilinear, 1 as far as Malvar, He and Cutler.
    pub demosaic_gradient: f32,
    /// Standard deviation in pixels of the smoothing by lens correction, stabilisation and resizing.
    pub resampling_sigma: f32,
    /// Exponent of the tone curve; 1 is sRGB.
    pub contrast: f32,
    /// Standard deviation in pixels of the smoothing of colour at ISO 6400; it grows with the fourth root
    /// of the sensitivity.
    pub chroma_sigma: f32,
    /// Share of luma noise removed in flat areas at ISO 6400, 0 to 1.
    pub luma_reduction: f32,
    /// Amount of unsharp masking.
    pub sharpening: f32,
    /// How it compresses, if it does.
    pub jpeg: Option<Jpeg>,
}

impl Camera {
    /// Camera `number` of the catalogue.
    pub fn numbered(number: u64) -> Self {
        let stream = &mut Stream::new(CATALOGUE, 0, number);
        let crosstalk = stream.uniform(0.1, 0.45);
        let filters = std::array::from_fn(|own| {
            let draws: [f32; 3] = std::array::from_fn(|_| stream.uniform(0.2, 1.0));
            let total: f32 = draws.iter().sum();
            std::array::from_fn(|c| {
                let own = if c == own { 1.0 - crosstalk } else { 0.0 };
                own + crosstalk * draws[c] / total
            })
        });
        // Some cameras hand over what they measured, as raw developers do; most are full of opinions.
        let clever = stream.chance(0.7);
        let opinion =
            |min: f32, max: f32, stream: &mut Stream| if clever { stream.uniform(min, max) } else { 0.0 };
        let in_camera = JpegRecipe { share: if clever { 0.8 } else { 0.2 }, quality: Range::new(82.0, 98.0) };
        Self {
            full_well: Range::new(4_000.0, 60_000.0).draw_log(stream),
            read_noise: Range::new(1.2, 6.0).draw_log(stream),
            banding: if stream.chance(0.3) { stream.uniform(0.05, 0.4) } else { 0.0 },
            gains: [stream.uniform(1.4, 2.6), stream.uniform(1.2, 2.4)],
            filters,
            demosaic_gradient: stream.unit(),
            resampling_sigma: if stream.chance(0.5) { stream.uniform(0.2, 0.8) } else { 0.0 },
            contrast: stream.uniform(1.0, 1.4),
            chroma_sigma: opinion(0.5, 3.0, stream),
            luma_reduction: opinion(0.0, 0.95, stream),
            sharpening: opinion(0.0, 1.0, stream),
            jpeg: in_camera.draw(stream),
        }
    }

    /// The same sensor, its raw files developed plainly: demosaicing, colour and tone, but no noise
    /// reduction, sharpening, resizing or compression.
    #[must_use]
    pub fn developed_raw(self) -> Self {
        Self {
            resampling_sigma: 0.0,
            chroma_sigma: 0.0,
            luma_reduction: 0.0,
            sharpening: 0.0,
            jpeg: None,
            ..self
        }
    }

    /// A camera that hands the sensor on: no colour matrix, no gains, no processing.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self {
            full_well: 16_000.0,
            read_noise: 4.0,
            banding: 0.0,
            gains: [1.0, 1.0],
            filters: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            demosaic_gradient: 0.0,
            resampling_sigma: 0.0,
            contrast: 1.0,
            chroma_sigma: 0.0,
            luma_reduction: 0.0,
            sharpening: 0.0,
            jpeg: None,
        }
    }

    /// The end of its scale: makers stop where white is some fifty electrons.
    pub(crate) fn top_iso(&self) -> f32 {
        self.full_well * 100.0 / 50.0
    }

    /// Linear sRGB light to sensor signal: the filters, then the gains undone.
    pub(crate) fn to_sensor(&self) -> Matrix {
        let [red, blue] = self.gains;
        let [r, g, b] = self.filters;
        [r.map(|v| v / red), g, b.map(|v| v / blue)]
    }

    /// Sensor signal to linear sRGB light, the inverse of [`Self::to_sensor`] by Cramer's rule.
    pub(crate) fn light_of_sensor(&self) -> Matrix {
        let [a, b, c] = self.to_sensor();
        let cross = |u: [f32; 3], v: [f32; 3]| {
            [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
        };
        let columns = [cross(b, c), cross(c, a), cross(a, b)];
        let determinant: f32 = (0..3).map(|k| a[k] * columns[0][k]).sum();
        std::array::from_fn(|row| std::array::from_fn(|column| columns[column][row] / determinant))
    }
}

#[cfg(test)]
mod tests {
    use super::super::times;
    use super::*;

    #[test]
    fn a_number_names_one_camera() {
        assert_eq!(Camera::numbered(17), Camera::numbered(17));
        assert_ne!(Camera::numbered(17), Camera::numbered(18));
    }

    #[test]
    fn colour_goes_to_the_sensor_and_back() {
        for number in 0..50 {
            let camera = Camera::numbered(number);
            let light = [0.1, 0.5, 0.8];
            let back = times(&camera.light_of_sensor(), &times(&camera.to_sensor(), &light));
            for (back, light) in back.iter().zip(light) {
                assert!((back - light).abs() < 1e-5, "camera {number}: {back} for {light}");
            }
            for row in camera.filters {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "grey stays grey");
            }
        }
    }
}
