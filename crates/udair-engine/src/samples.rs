//! The picture while it waits to be added to the network's correction: large, and mostly of 256
//! levels, which take a quarter of the memory.

use crate::pad::Pad;

/// The picture's values, interleaved RGB in \[0, 1\].
#[derive(Debug)]
pub(crate) enum Samples {
    /// Numerators over 255, where all values are such.
    Levels(Vec<u8>),
    /// Anything else.
    Values(Vec<f32>),
}

/// The highest level of an 8-bit picture.
const WHITE: f32 = 255.0;

impl Samples {
    pub(crate) fn new(values: Vec<f32>) -> Self {
        if are_levels(&values) {
            Self::Levels(values.into_iter().map(level).collect())
        } else {
            Self::Values(values)
        }
    }

    /// Bytes by which these values take more than levels would.
    pub(crate) fn extra(values: &[f32]) -> usize {
        if are_levels(values) { 0 } else { 3 * values.len() }
    }

    /// Row `y` of the padded picture minus the mean.
    pub(crate) fn centred_row(&self, pad: &Pad, y: usize, to: &mut [f32]) {
        let source = pad.source(y);
        match self {
            Self::Levels(levels) => {
                pad.row(levels[source].iter().map(|&level| f32::from(level) / WHITE), to);
            }
            Self::Values(values) => pad.row(values[source].iter().copied(), to),
        }
    }
}

fn are_levels(values: &[f32]) -> bool {
    values.iter().all(|&v| f32::from(level(v)) / WHITE == v)
}

fn level(value: f32) -> u8 {
    (value * WHITE).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Padding;

    #[test]
    fn levels_and_values_give_the_same_rows() {
        let pad = Pad::new(Padding::Eight, 5, 3);
        let stored: Vec<f32> = (0..45).map(|i| (i * 37 % 256) as f32 / 255.0).collect();
        for (i, other) in [(44, 0.5), (7, -0.25), (0, f32::NAN)] {
            let mut values = stored.clone();
            values[i] = other;
            assert!(matches!(Samples::new(values), Samples::Values(_)), "{other}");
        }
        let levels = Samples::new(stored.clone());
        assert!(matches!(levels, Samples::Levels(_)));
        let rows = |samples: &Samples, y| {
            let mut row = vec![0.0; pad.grid.row()];
            samples.centred_row(&pad, y, &mut row);
            row
        };
        for y in 0..pad.grid.height {
            assert_eq!(rows(&levels, y), rows(&Samples::Values(stored.clone()), y));
        }
    }
}
