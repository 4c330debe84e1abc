//! Under water: the light of the sky fades on the way down, the scene's on the way to the camera, and
//! the water scatters light of its own colour into the view.
//!
//! In linear light, per channel c (Akkaynak and Treibitz, "A revised underwater image formation model",
//! CVPR 2018, which lets the two coefficients differ; before it Jaffe 1990 and `McGlamery` 1979):
//! I = W J exp(-D z) + B (1 - exp(-S z)), z the distance in metres, D the beam attenuation and S the
//! backscatter coefficient in 1/m. W = exp(-K d) is the daylight left at depth d, exposed for its
//! strongest channel; the water's colour B is proportional to W / S. Scattering at small angles blurs
//! with distance (Jaffe's forward component), and suspended particles shine: marine snow.
//!
//! K, the diffuse attenuation of daylight, comes from the ten water types of Jerlov, "Marine optics",
//! 1976, by their transmittance per metre at red, green and blue (about 600, 525 and 475 nm).

use serde::{Deserialize, Serialize};

use super::blur::gaussian;
use super::depth::Relief;
use super::haze::Transmission;
use super::photo::{Field, Photo};
use super::range::Range;
use super::tone::Rendering;
use crate::rng::Stream;

/// Transmittance of daylight per metre in red, green, blue: ocean types I, IA, IB, II, III, then
/// coastal types 1, 3, 5, 7, 9.
const JERLOV: [[f32; 3]; 10] = [
    [0.805, 0.961, 0.982],
    [0.804, 0.955, 0.975],
    [0.830, 0.950, 0.968],
    [0.800, 0.925, 0.940],
    [0.750, 0.885, 0.890],
    [0.750, 0.885, 0.875],
    [0.710, 0.820, 0.800],
    [0.670, 0.730, 0.670],
    [0.620, 0.610, 0.500],
    [0.550, 0.460, 0.290],
];

/// Which water to draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnderwaterRecipe {
    /// Jerlov's types by place in his list: 0 to 4 are oceanic I, IA, IB, II, III; 5 to 9 coastal 1, 3,
    /// 5, 7, 9. By default the two murkiest, of rivers and harbours, are left out.
    pub water: Range,
    /// Depth of the scene below the surface, metres.
    pub depth: Range,
    /// Distance of the nearest things, metres.
    pub nearest: Range,
    /// How much farther the farthest are, metres.
    pub relief: Range,
    /// Optical depth, in the clearest channel, beyond which nobody takes a picture: distances shrink to
    /// it in murky water.
    pub visibility: f32,
    /// Beam attenuation as a multiple of the diffuse one: scattered light is lost to the beam.
    pub beam: Range,
    /// Backscatter coefficient as a multiple of the beam attenuation.
    pub backscatter: Range,
    /// Brightness of the water's strongest channel, linear light.
    pub brightness: Range,
    /// Share of the daylight's colour that the camera's white balance undoes.
    pub white_balance: Range,
    /// Blur by forward scattering at the farthest things, standard deviation in pixels.
    pub scatter: Range,
    /// Particles of marine snow per 10,000 pixels; every second picture has none.
    pub snow: Range,
}

impl Default for UnderwaterRecipe {
    fn default() -> Self {
        Self {
            water: Range::new(0.0, 7.0),
            depth: Range::new(1.0, 15.0),
            nearest: Range::new(0.4, 2.5),
            relief: Range::new(0.5, 6.0),
            visibility: 1.6,
            beam: Range::new(1.0, 2.0),
            backscatter: Range::new(0.7, 1.3),
            brightness: Range::new(0.15, 0.7),
            white_balance: Range::new(0.0, 0.5),
            scatter: Range::new(0.0, 1.5),
            snow: Range::new(0.0, 15.0),
        }
    }
}

impl UnderwaterRecipe {
    /// One setting of this recipe; `scenes` are the depths at hand, possibly none.
    pub fn draw(&self, scenes: &[Transmission], stream: &mut Stream) -> Underwater {
        let relief = if !scenes.is_empty() && stream.chance(0.3) {
            Relief::Given(scenes[stream.below(scenes.len())].depth.clone())
        } else {
            Relief::Smooth { cells: 2 + stream.below(3) }
        };
        let diffuse = JERLOV[self.water.draw_whole(stream).min(9)].map(|transmitted| -transmitted.ln());
        let beam_ratio = self.beam.draw(stream);
        let beam = diffuse.map(|k| k * beam_ratio);
        let nearest = self.nearest.draw(stream);
        let farthest = nearest + self.relief.draw(stream);
        let clearest = beam.iter().copied().fold(f32::MAX, f32::min);
        let closer = (self.visibility / (clearest * farthest)).min(1.0);
        Underwater {
            relief,
            depth: self.depth.draw(stream),
            nearest: nearest * closer,
            farthest: farthest * closer,
            diffuse,
            beam,
            backscatter: beam.map(|k| k * self.backscatter.draw(stream)),
            brightness: self.brightness.draw(stream),
            white_balance: self.white_balance.draw(stream),
            scatter: self.scatter.draw(stream),
            snow: if stream.chance(0.5) { self.snow.draw(stream) } else { 0.0 },
        }
    }
}

/// The water over one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Underwater {
    /// Where the distances come from.
    pub relief: Relief,
    /// Depth below the surface, metres.
    pub depth: f32,
    /// Distance where relative depth is 0, metres.
    pub nearest: f32,
    /// Distance where relative depth is 1, metres.
    pub farthest: f32,
    /// Diffuse attenuation of daylight per channel, 1/m.
    pub diffuse: [f32; 3],
    /// Beam attenuation per channel, 1/m.
    pub beam: [f32; 3],
    /// Backscatter coefficient per channel, 1/m.
    pub backscatter: [f32; 3],
    /// Brightness of the water's strongest channel, linear light.
    pub brightness: f32,
    /// Share of the daylight's colour that the camera undoes.
    pub white_balance: f32,
    /// Blur at the farthest things, standard deviation in pixels.
    pub scatter: f32,
    /// Particles of marine snow per 10,000 pixels.
    pub snow: f32,
}

impl Underwater {
    /// `strength` times as much water above and before the scene, with what floats in it; 0 is air.
    #[must_use]
    pub fn at(&self, strength: f32) -> Self {
        Self {
            depth: self.depth * strength,
            nearest: self.nearest * strength,
            farthest: self.farthest * strength,
            scatter: self.scatter * strength,
            snow: self.snow * strength,
            ..self.clone()
        }
    }

    /// Daylight left at the scene, per channel, strongest channel 1.
    fn daylight(&self) -> [f32; 3] {
        let left = self.diffuse.map(|k| (-k * self.depth).exp());
        let most = left.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        left.map(|v| (v / most).powf(1.0 - self.white_balance))
    }

    /// Colour of the water, linear light.
    fn veil(&self) -> [f32; 3] {
        let daylight = self.daylight();
        let veil: [f32; 3] = std::array::from_fn(|c| daylight[c] / self.backscatter[c].max(1e-6));
        let most = veil.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        veil.map(|v| v / most * self.brightness)
    }

    /// Sinks the scene.
    pub fn apply(&self, photo: &mut Photo, stream: &mut Stream) {
        let srgb = Rendering::srgb();
        let (width, height) = (photo.width, photo.height);
        let relative = self.relief.depth(photo, stream);
        photo.pixels.iter_mut().for_each(|v| *v = srgb.decode.at(*v));
        self.scatter_forward(photo, &relative);

        let (daylight, veil) = (self.daylight(), self.veil());
        for (pixel, depth) in photo.pixels.chunks_exact_mut(3).zip(relative.values) {
            let z = self.nearest + (self.farthest - self.nearest) * depth;
            for c in 0..3 {
                let direct = pixel[c] * daylight[c] * (-self.beam[c] * z).exp();
                pixel[c] = direct + veil[c] * (1.0 - (-self.backscatter[c] * z).exp());
            }
        }
        let particles = stream.poisson(self.snow * (width * height) as f32 / 10_000.0) as usize;
        for _ in 0..particles {
            drift(photo, veil, stream);
        }
        photo.pixels.iter_mut().for_each(|v| *v = srgb.encode.at(*v));
    }

    /// Blends in a blurred copy, the more the farther away.
    fn scatter_forward(&self, photo: &mut Photo, relative: &Field) {
        let mut blurred = photo.pixels.clone();
        gaussian(&mut blurred, photo.width, photo.height, 3, self.scatter);
        let pixels = photo.pixels.chunks_exact_mut(3).zip(blurred.chunks_exact(3));
        for ((pixel, blurred), depth) in pixels.zip(&relative.values) {
            pixel.iter_mut().zip(blurred).for_each(|(v, b)| *v += (b - *v) * depth);
        }
    }
}

/// One out-of-focus particle that shines in the water's light, whitened by being near.
fn drift(photo: &mut Photo, veil: [f32; 3], stream: &mut Stream) {
    let (x, y) = (stream.unit() * photo.width as f32, stream.unit() * photo.height as f32);
    let radius = stream.uniform(0.5, 2.2);
    let opacity = stream.uniform(0.15, 0.8) / (1.0 + radius);
    let most = veil.iter().copied().fold(0.0, f32::max);
    let light = veil.map(|v| (0.5 * v + 0.5 * most + 0.25).min(1.0));
    let reach = (3.0 * radius).ceil();
    let span = |centre: f32, length: usize| {
        ((centre - reach).max(0.0) as usize)..((centre + reach + 1.0).min(length as f32) as usize)
    };
    for row in span(y, photo.height) {
        for column in span(x, photo.width) {
            let (dx, dy) = (column as f32 - x, row as f32 - y);
            let a = opacity * (-(dx * dx + dy * dy) / (2.0 * radius * radius)).exp();
            let pixel = &mut photo.pixels[(row * photo.width + column) * 3..][..3];
            pixel.iter_mut().zip(light).for_each(|(v, light)| *v += (light - *v) * a);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degrade::testing::{deviation, grey, ramp};

    fn some(water: f32) -> Underwater {
        let recipe = UnderwaterRecipe {
            water: Range::new(water, water),
            white_balance: Range::new(0.0, 0.0),
            ..UnderwaterRecipe::default()
        };
        recipe.draw(&[], &mut Stream::new(1, 0, 0))
    }

    #[test]
    fn no_water_is_no_change_and_more_is_further_away() {
        let clean = ramp(48, 48);
        for water in 0..10 {
            let distance = [0.0, 0.3, 0.6, 1.0].map(|strength| {
                let mut photo = clean.clone();
                let water = Underwater { snow: 0.0, ..some(water as f32) };
                water.at(strength).apply(&mut photo, &mut Stream::new(0, 0, 0));
                deviation(&photo, &clean)
            });
            assert!(distance[0] < 0.4 / 255.0, "type {water}: {distance:?}");
            assert!(distance.windows(2).all(|w| w[1] > w[0]), "type {water}: {distance:?}");
        }
    }

    #[test]
    fn ocean_turns_blue_and_coast_green() {
        let colour = |water| {
            let mut photo = grey(16, 16, 0.5);
            some(water).at(2.0).apply(&mut photo, &mut Stream::new(0, 0, 0));
            let mean = |c: usize| photo.pixels.iter().skip(c).step_by(3).sum::<f32>();
            [mean(0), mean(1), mean(2)]
        };
        let ocean = colour(0.0);
        assert!(ocean[2] > ocean[1] && ocean[1] > ocean[0], "{ocean:?}");
        let coast = colour(7.0);
        assert!(coast[1] > coast[0] && coast[1] > coast[2], "{coast:?}");
    }

    #[test]
    fn red_light_dies_first_in_the_ocean() {
        assert!(JERLOV[..5].iter().all(|[r, g, b]| r < g && g < b));
        let murkier = JERLOV.windows(2).filter(|w| w[1][1] <= w[0][1] && w[1][2] < w[0][2]);
        assert_eq!(murkier.count(), 9, "from type to type green and blue fade faster");
    }

    #[test]
    fn snow_is_bright() {
        let clean = grey(64, 64, 0.05);
        let mut photo = clean.clone();
        let water = Underwater { snow: 40.0, ..some(0.0).at(0.0) };
        water.apply(&mut photo, &mut Stream::new(0, 0, 0));
        let lighter = photo.pixels.iter().zip(&clean.pixels).filter(|(a, b)| **a > **b + 0.02).count();
        assert!(lighter > 50, "{lighter}");
    }
}
