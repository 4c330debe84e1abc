//! A layer of streaks as an opacity per pixel.

use super::Layer;
use crate::degrade::photo::Field;
use crate::rng::Stream;

/// Narrowest half width that a pixel grid can show; what is thinner becomes fainter instead.
const SHARPEST: f32 = 0.5;

/// Opacity of every pixel, in [0, 1]: streaks in front of each other let through the product of what
/// each lets through.
pub(super) fn opacity(layer: &Layer, width: usize, height: usize, stream: &mut Stream) -> Field {
    let mut clear = vec![1.0f32; width * height];
    let length = layer.length / layer.distance;
    let thin = layer.width / layer.distance;
    let half_width = (thin * thin + layer.defocus * layer.defocus).sqrt().max(SHARPEST);
    let peak = (layer.opacity * thin / half_width).min(0.98);

    // Centres lie up to a streak's length outside, so that edges get as many streaks as the middle.
    let (wide, high) = (width as f32 + 2.0 * length, height as f32 + 2.0 * length);
    let per_pixel = layer.density * layer.distance * layer.distance / 10_000.0;
    for _ in 0..stream.poisson(per_pixel * wide * high) as usize {
        let streak = Streak {
            x: stream.unit() * wide - length,
            y: stream.unit() * high - length,
            half_length: 0.5 * length * stream.uniform(0.6, 1.4),
            slope: (layer.angle + stream.normal()).to_radians().tan(),
            half_width,
            peak: peak * stream.uniform(0.4, 1.0),
        };
        streak.draw(&mut clear, width, height);
    }
    Field { width, height, values: clear.into_iter().map(|clear| 1.0 - clear).collect() }
}

/// One line: a Gaussian across, fading over the outer halves along.
struct Streak {
    x: f32,
    y: f32,
    half_length: f32,
    /// Pixels sideways per pixel down.
    slope: f32,
    half_width: f32,
    peak: f32,
}

impl Streak {
    /// Multiplies what it lets through into `clear`.
    fn draw(&self, clear: &mut [f32], width: usize, height: usize) {
        let stretch = (1.0 + self.slope * self.slope).sqrt();
        let reach = 2.5 * self.half_width * stretch;
        let half_height = self.half_length / stretch;
        let rows = inside(self.y - half_height, self.y + half_height, height);
        for row in rows {
            let down = (row as f32 - self.y) / half_height.max(1e-3);
            let along = (2.0 - 2.0 * down.abs()).clamp(0.0, 1.0);
            let centre = self.x + (row as f32 - self.y) * self.slope;
            for column in inside(centre - reach, centre + reach, width) {
                let across = (column as f32 - centre) / (stretch * self.half_width);
                clear[row * width + column] *= 1.0 - self.peak * along * (-0.5 * across * across).exp();
            }
        }
    }
}

/// The whole numbers from `from` to `to` that are valid indices.
fn inside(from: f32, to: f32, length: usize) -> std::ops::Range<usize> {
    (from.ceil().max(0.0) as usize)..((to.floor() + 1.0).clamp(0.0, length as f32) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYER: Layer = Layer {
        distance: 1.0,
        density: 6.0,
        length: 40.0,
        width: 1.0,
        defocus: 0.0,
        angle: 0.0,
        opacity: 0.8,
    };

    /// Mean squared step across and down.
    fn steps(field: &Field) -> (f32, f32) {
        let at = |x: usize, y: usize| field.values[y * field.width + x];
        let mut sums = (0.0, 0.0);
        for y in 0..field.height - 1 {
            for x in 0..field.width - 1 {
                sums.0 += (at(x + 1, y) - at(x, y)).powi(2);
                sums.1 += (at(x, y + 1) - at(x, y)).powi(2);
            }
        }
        sums
    }

    #[test]
    fn streaks_run_along_their_angle() {
        let draw = |angle| opacity(&Layer { angle, ..LAYER }, 128, 128, &mut Stream::new(0, 0, 0));
        let (across, down) = steps(&draw(0.0));
        assert!(across > 5.0 * down, "vertical streaks change across: {across} and {down}");
        let (across, down) = steps(&draw(45.0));
        assert!((0.5..2.0).contains(&(across / down)), "slanted ones both ways: {across} and {down}");
    }

    #[test]
    fn distance_makes_streaks_more_and_fainter() {
        let mean = |distance| {
            let field = opacity(&Layer { distance, ..LAYER }, 256, 256, &mut Stream::new(1, 0, 0));
            assert!(field.values.iter().all(|a| (0.0..=1.0).contains(a)));
            let peak = field.values.iter().copied().fold(0.0, f32::max);
            (field.values.iter().sum::<f32>() / field.values.len() as f32, peak)
        };
        let (near, far) = (mean(1.0), mean(4.0));
        assert!(far.1 < near.1, "thin streaks are fainter: {far:?}, {near:?}");
        assert!((0.3..3.0).contains(&(far.0 / near.0)), "covered area stays of a size: {far:?}, {near:?}");
    }

    #[test]
    fn the_middle_gets_no_more_rain_than_the_edge() {
        let mut mean = [0.0f32; 2];
        for index in 0..400 {
            let field = opacity(&LAYER, 64, 64, &mut Stream::new(2, 0, index));
            let rows = |from: usize| field.values[from * 64..][..16 * 64].iter().sum::<f32>();
            mean[0] += rows(0);
            mean[1] += rows(24);
        }
        assert!((mean[0] / mean[1] - 1.0).abs() < 0.1, "{mean:?}");
    }
}
