//! A result counts only once it has been looked at: a broken device or file must not end in a black
//! picture that is reported as a success.

/// What is remembered of a picture to judge its result.
pub(crate) struct Input {
    len: usize,
    constant: bool,
}

impl Input {
    /// Looks at the picture's RGB values.
    pub(crate) fn of(rgb: &[f32]) -> Self {
        Self { len: rgb.len(), constant: is_constant(rgb) }
    }
}

/// Says what is wrong with the RGB values of a result.
pub(crate) fn fault(input: &Input, output: &[f32]) -> Option<&'static str> {
    if output.len() != input.len {
        return Some("it has another size than the picture");
    }
    if !output.iter().all(|v| v.is_finite()) {
        return Some("it holds values that are no numbers");
    }
    if is_constant(output) && !input.constant {
        return Some("it is one flat colour, but the picture is not");
    }
    None
}

fn is_constant(rgb: &[f32]) -> bool {
    rgb.chunks_exact(3).all(|pixel| pixel == &rgb[..3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_seen() {
        let picture = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
        let flat = [0.5; 6];
        let cases: [(&[f32], &[f32], bool); 7] = [
            (&picture, &picture, false),
            (&picture, &picture[..3], true),
            (&picture, &[0.1, f32::NAN, 0.3, 0.4, 0.5, 0.6], true),
            (&picture, &[0.1, 0.2, 0.3, 0.4, 0.5, f32::INFINITY], true),
            (&picture, &flat, true),
            (&flat, &flat, false),
            (&picture[..3], &[0.7, 0.7, 0.7], false),
        ];
        for (input, output, faulty) in cases {
            assert_eq!(fault(&Input::of(input), output).is_some(), faulty, "{input:?} -> {output:?}");
        }
    }
}
