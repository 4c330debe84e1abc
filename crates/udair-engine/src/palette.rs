//! D3 by its codes: where a condition follows from the codes alone, every position has one of few
//! values, and numbers take a fraction of the memory of a map.

use crate::Map;

/// D3 for the decoder, which needs it until its last fusion.
#[derive(Debug)]
pub(crate) enum D3 {
    /// As it is: it was changed after the analysis.
    Map(Map),
    /// By codes.
    Palette(Palette),
}

/// A map of which position i has the value number `codes[i]`.
#[derive(Debug)]
pub(crate) struct Palette {
    width: usize,
    height: usize,
    channels: usize,
    codes: Vec<u32>,
    /// The values, `channels` of each code.
    values: Vec<f32>,
}

/// Positions in rows, each with its channels.
pub(crate) trait Positions: Sync {
    /// Rows, positions a row, and channels.
    fn size(&self) -> (usize, usize, usize);

    /// The channels of position `x` of row `y`.
    fn at(&self, y: usize, x: usize) -> &[f32];
}

impl D3 {
    /// By codes where all positions of a code agree, else as it is. `count` is the number of codes.
    pub(crate) fn new(map: Map, codes: Vec<u32>, count: usize) -> Self {
        let c = map.channels;
        let mut values = vec![f32::NAN; count * c];
        let mut seen = vec![false; count];
        let agree = codes.len() == map.width * map.height
            && map.data.chunks_exact(c).zip(&codes).all(|(position, &code)| {
                let Some(seen) = seen.get_mut(code as usize) else { return false };
                let value = &mut values[code as usize * c..][..c];
                if !std::mem::replace(seen, true) {
                    value.copy_from_slice(position);
                }
                *value == *position
            });
        if agree {
            let (width, height) = (map.width, map.height);
            Self::Palette(Palette { width, height, channels: c, codes, values })
        } else {
            Self::Map(map)
        }
    }
}

impl Positions for D3 {
    fn size(&self) -> (usize, usize, usize) {
        match self {
            Self::Map(map) => map.size(),
            Self::Palette(palette) => (palette.height, palette.width, palette.channels),
        }
    }

    fn at(&self, y: usize, x: usize) -> &[f32] {
        match self {
            Self::Map(map) => map.at(y, x),
            Self::Palette(palette) => {
                let code = palette.codes[y * palette.width + x] as usize;
                &palette.values[code * palette.channels..][..palette.channels]
            }
        }
    }
}

impl Positions for Map {
    fn size(&self) -> (usize, usize, usize) {
        (self.height, self.width, self.channels)
    }

    fn at(&self, y: usize, x: usize) -> &[f32] {
        &self.data[(y * self.width + x) * self.channels..][..self.channels]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(data: [f32; 12]) -> Map {
        Map { channels: 2, height: 2, width: 3, data: data.into() }
    }

    #[test]
    fn what_follows_from_the_codes_is_kept_by_code_and_what_was_changed_as_it_is() {
        let agreeing = [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.0, 2.0];
        let mut changed = agreeing;
        changed[11] = 2.5;
        let codes = [7, 2, 7, 2, 0, 7];
        for (data, codes, by_code) in [
            (agreeing, codes.to_vec(), true),
            (changed, codes.to_vec(), false),
            (agreeing, vec![7, 2, 7, 2, 0, 8], false),
            (agreeing, vec![7, 2], false),
        ] {
            let expected = map(data);
            let d3 = D3::new(map(data), codes, 8);
            assert_eq!(matches!(d3, D3::Palette(_)), by_code);
            assert_eq!(d3.size(), (2, 3, 2));
            for (y, x) in (0..6).map(|i| (i / 3, i % 3)) {
                assert_eq!(d3.at(y, x), expected.at(y, x));
            }
        }
    }
}
