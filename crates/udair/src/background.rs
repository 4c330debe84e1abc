//! Rain brightens what its streaks cross and leaves what lies between them. Where streaks cover less than
//! half of a place, the brighter half of what a network changes there is no rain, and what the middle of
//! that half has been moved by, the network has made up: in light rain its result gets it back.
//!
//! In heavy rain streaks lie over everything and each other, and nothing is left that would say how bright
//! the picture was. The changes of the brighter half then differ among themselves.

use crate::blocks::{Blocks, Rows};

/// Blocks along the shorter side of a picture: streaks grow with the resolution.
const BLOCKS: usize = 10;

/// Smallest side of a block, in pixels.
const SIDE: usize = 32;

/// Parts of a block's changes, in order, between which the middle half of its brighter half lies, and the
/// middle itself.
const PARTS: [f64; 3] = [0.625, 0.75, 0.875];

/// What that half differs by, in a range of values of 1, up to which rain is light, and from which on it is
/// heavy. Light rain of training pictures stays below 1.2 levels, heavy rain above 7.6.
const LIGHT: f32 = 2.0 / 255.0;
const HEAVY: f32 = 4.0 / 255.0;

/// Gives `restored`, rows of `width` RGB pixels, the background of `input` where it took light rain away.
/// Pictures that are smaller than a block stay as they are.
pub(crate) fn keep(input: &[f32], restored: &mut [f32], width: usize) {
    let height = restored.len() / (3 * width);
    let side = (width.min(height) / BLOCKS).max(SIDE);
    let Some(blocks) = Blocks::of(width, restored.len(), side) else { return };
    let changes = blocks.measure(input, restored, |rows| Change::of(rows));
    let mut spreads: Vec<f32> = changes.iter().flat_map(|change| change.spread).collect();
    let share = ((HEAVY - at(&mut spreads, 0.5)) / (HEAVY - LIGHT)).clamp(0.0, 1.0);
    if share > 0.0 {
        let corrections: Vec<_> = changes.iter().map(|change| change.middle.map(|v| -share * v)).collect();
        blocks.add(&corrections, restored);
    }
}

/// What a network changed of the brighter half of a block, in each channel.
struct Change {
    middle: [f32; 3],
    spread: [f32; 3],
}

impl Change {
    fn of<'a>(rows: impl Iterator<Item = Rows<'a>>) -> Self {
        let mut channels: [Vec<f32>; 3] = Default::default();
        for (input, restored) in rows {
            for (input, restored) in input.chunks_exact(3).zip(restored.chunks_exact(3)) {
                for (c, channel) in channels.iter_mut().enumerate() {
                    channel.push(restored[c] - input[c]);
                }
            }
        }
        let [low, middle, high] = PARTS.map(|part| channels.each_mut().map(|channel| at(channel, part)));
        Self { middle, spread: std::array::from_fn(|c| high[c] - low[c]) }
    }
}

/// The value that this part of all values lies below.
fn at(values: &mut [f32], part: f64) -> f32 {
    let place = (part * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(place, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (160, 96);

    /// A plain picture with a streak of 0.3 on every pixel of which `covered` says so, and a result
    /// without them that is `shift` brighter than the picture was.
    fn pictures(covered: impl Fn(usize, usize) -> f32, shift: f32) -> (Vec<f32>, Vec<f32>) {
        let pixel = |i: usize| 0.5 + 0.3 * covered(i / 3 % SIZE.0, i / 3 / SIZE.0);
        let len = SIZE.0 * SIZE.1 * 3;
        ((0..len).map(pixel).collect(), vec![0.5 + shift; len])
    }

    fn worst(restored: &[f32]) -> f32 {
        restored.iter().map(|v| (v - 0.5).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn what_lies_between_streaks_comes_back() {
        for every in [3, 5, 16] {
            for shift in [-0.1, 0.0, 0.04] {
                let streak = |x: usize, y: usize| f32::from(u8::from((2 * x + y).is_multiple_of(every)));
                let (input, mut restored) = pictures(streak, shift);
                keep(&input, &mut restored, SIZE.0);
                assert!(worst(&restored) < 1e-6, "every {every}th, {shift}: {}", worst(&restored));
            }
        }
    }

    #[test]
    fn heavy_rain_is_left_to_the_network() {
        let streaks = |x: usize, y: usize| ((x * 7 + y * 3) % 11) as f32 / 11.0;
        let (input, mut restored) = pictures(streaks, -0.1);
        let before = restored.clone();
        keep(&input, &mut restored, SIZE.0);
        assert_eq!(restored, before);
    }

    #[test]
    fn small_pictures_stay() {
        let (input, restored) = (vec![0.5; 31 * 90 * 3], vec![0.25; 31 * 90 * 3]);
        let mut kept = restored.clone();
        keep(&input, &mut kept, 31);
        assert_eq!(kept, restored);
    }
}
