//! The depth of real scenes, read off pairs of a clear and a hazy picture.

use std::sync::Arc;

use crate::degrade::blur::gaussian;
use crate::degrade::photo::{Field, Photo};

/// The relative depth of a scene, to be filled with other haze over other pictures.
#[derive(Debug, Clone)]
pub struct Transmission {
    /// Relative depth, 0 nearest to 1 farthest.
    pub depth: Arc<Field>,
    /// Estimated brightness of the pair's air.
    pub airlight: f32,
}

impl Transmission {
    /// From a pair that follows I = J t + A (1 - t) with a grey A: t = (I - A) / (J - A) by least
    /// squares over the channels and a small neighbourhood, then depth = -ln t, scaled to [0, 1].
    ///
    /// A is the grey for which the three channels agree best on t. None where the pair does not follow
    /// the law: sizes differ, no haze in it, or no grey explains it.
    pub fn from_pair(clear: &Photo, hazy: &Photo) -> Option<Self> {
        if (clear.width, clear.height) != (hazy.width, hazy.height) {
            return None;
        }
        let candidates = (60..=110).map(|percent| percent as f32 / 100.0);
        let (airlight, misfit) =
            candidates.map(|air| (air, misfit(clear, hazy, air))).min_by(|a, b| a.1.total_cmp(&b.1))?;
        let (width, height) = (clear.width, clear.height);
        let mut pairs: Vec<f32> =
            per_pixel(clear, hazy, airlight).flat_map(|(dot, square, _)| [dot, square]).collect();
        gaussian(&mut pairs, width, height, 2, 1.5);
        let mut depth: Vec<f32> =
            pairs.chunks_exact(2).map(|p| -(p[0] / p[1].max(1e-6)).clamp(0.02, 1.0).ln()).collect();
        let (near, far) = depth.iter().fold((f32::MAX, 0.0f32), |(near, far), &d| (near.min(d), far.max(d)));
        if misfit > MOST_MISFIT || far - near < 0.1 {
            return None;
        }
        depth.iter_mut().for_each(|d| *d = (*d - near) / (far - near));
        Some(Self { depth: Arc::new(Field { width, height, values: depth }), airlight })
    }
}

/// Mean squared error, in stored values, above which a pair does not follow the law.
const MOST_MISFIT: f32 = 0.002;

/// Per pixel: (I - A)·(J - A), |J - A|^2 and |I - A|^2.
fn per_pixel<'a>(clear: &'a Photo, hazy: &'a Photo, air: f32) -> impl Iterator<Item = (f32, f32, f32)> + 'a {
    clear.pixels.chunks_exact(3).zip(hazy.pixels.chunks_exact(3)).map(move |(clear, hazy)| {
        (0..3).fold((0.0, 0.0, 0.0), |(dot, square, seen), c| {
            let (j, i) = (clear[c] - air, hazy[c] - air);
            (dot + i * j, square + j * j, seen + i * i)
        })
    })
}

/// What remains of |I - A - t (J - A)|^2 at the best t of every pixel, averaged.
fn misfit(clear: &Photo, hazy: &Photo, air: f32) -> f32 {
    let residual = per_pixel(clear, hazy, air).map(|(dot, square, seen)| seen - dot * dot / square.max(1e-6));
    residual.sum::<f32>() / (clear.width * clear.height) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degrade::depth::Relief;
    use crate::degrade::haze::Haze;
    use crate::degrade::testing::ramp;
    use crate::rng::Stream;

    #[test]
    fn depth_and_air_are_found_again() {
        let mut clear = ramp(64, 48);
        for (at, value) in clear.pixels.iter_mut().enumerate() {
            *value = (*value * 0.6 + 0.1 * (at % 5) as f32).min(1.0);
        }
        let depth = Arc::new(Field::smooth(64, 48, 2, &mut Stream::new(4, 0, 0)));
        let haze = Haze {
            relief: Relief::Given(depth.clone()),
            nearest: 0.3,
            farthest: 2.0,
            airlight: [0.9; 3],
            linear: false,
        };
        let mut hazy = clear.clone();
        haze.apply(&mut hazy, &mut Stream::new(0, 0, 0));
        let found = Transmission::from_pair(&clear, &hazy).expect("a pair made by the law");
        assert!((found.airlight - 0.9).abs() < 0.011, "{}", found.airlight);
        let error: f32 = found.depth.values.iter().zip(&depth.values).map(|(a, b)| (a - b).abs()).sum();
        assert!(error / (64.0 * 48.0) < 0.03, "{error}");
        assert!(Transmission::from_pair(&clear, &clear).is_none(), "no haze, no depth");
    }
}
