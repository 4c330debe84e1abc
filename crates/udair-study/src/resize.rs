//! Pictures of another size: a linear kernel, widened where the picture shrinks so that every pixel
//! counts.

/// The rgb samples of a picture of `from` (width, height) at the size `to`.
pub(crate) fn resized(rgb: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    let (columns, rows) = (taps(from.0, to.0), taps(from.1, to.1));
    let mut wide = Vec::with_capacity(3 * to.0 * from.1);
    for row in rgb.chunks_exact(3 * from.0) {
        for (first, weights) in &columns {
            wide.extend((0..3).map(|c| mix(weights, |i| f32::from(row[3 * (first + i) + c]))));
        }
    }
    let stride = 3 * to.0;
    let lines = rows.iter().flat_map(|(first, weights)| {
        let wide = &wide;
        (0..stride).map(move |x| mix(weights, |i| wide[(first + i) * stride + x]))
    });
    lines.map(|v| v.round().clamp(0.0, 255.0) as u8).collect()
}

fn mix(weights: &[f32], value: impl Fn(usize) -> f32) -> f32 {
    weights.iter().enumerate().map(|(i, weight)| weight * value(i)).sum()
}

/// For every place, the first source place and the weights from there on.
fn taps(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let place = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let first = (centre - reach).floor().max(0.0) as usize;
        let end = ((centre + reach).ceil() as usize).min(from);
        let weights = (first..end).map(|x| (1.0 - ((x as f64 + 0.5 - centre) / reach).abs()).max(0.0));
        let weights: Vec<f64> = weights.collect();
        let sum: f64 = weights.iter().sum();
        (first, weights.iter().map(|w| (w / sum) as f32).collect())
    };
    (0..to).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_changes_and_light_does_not() {
        let rgb: Vec<u8> = (0..40 * 30 * 3).map(|i| (i / 3 % 40 * 6) as u8).collect();
        assert_eq!(resized(&rgb, (40, 30), (40, 30)), rgb);
        let mean = |v: &[u8]| v.iter().map(|&v| f64::from(v)).sum::<f64>() / v.len() as f64;
        for size in [(20, 15), (55, 33), (7, 90)] {
            let out = resized(&rgb, (40, 30), size);
            assert_eq!(out.len(), 3 * size.0 * size.1);
            assert!((mean(&out) - mean(&rgb)).abs() < 1.5, "{size:?}");
        }
    }
}
