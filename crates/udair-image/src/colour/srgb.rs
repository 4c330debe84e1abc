//! The transfer function of sRGB (IEC 61966-2-1), mirrored at 0 and continued above 1.

/// Linear light to the encoded value.
pub(super) fn encode(linear: f32) -> f32 {
    let v = linear.abs();
    let encoded = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
    encoded.copysign(linear)
}

/// The encoded value to linear light.
pub(super) fn decode(encoded: f32) -> f32 {
    let v = encoded.abs();
    let linear = if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
    linear.copysign(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_and_inverse() {
        for (linear, encoded) in
            [(0.0, 0.0), (1.0, 1.0), (0.214_041, 0.5), (-0.214_041, -0.5), (2.0, 1.353_256)]
        {
            assert!((encode(linear) - encoded).abs() < 1e-5, "{linear}: {}", encode(linear));
        }
        for i in -200..=200 {
            let v = i as f32 / 100.0;
            assert!((encode(decode(v)) - v).abs() < 2e-6, "{v}");
        }
    }
}
