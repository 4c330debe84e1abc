//! A dark picture's detail is what the network makes of the picture itself; the brightness and colour of its wide
//! areas are those that a smaller version gets.

use crate::smaller::Undone;

/// What an area's brightness changes by at most, up and down.
const MOST: f32 = 2.0;

/// Keeps the quotient of two averages calm where both are almost black.
const BLACK: f32 = 1.0 / 255.0;

/// Gives `restored`, the result of the picture that `smaller` was made from, the brightness and colour that the
/// smaller version is restored to.
pub(crate) fn adopt(smaller: &Undone, restored: &mut [f32]) {
    let aim = smaller.seen.means(&smaller.restored);
    let gain = |(aim, own): (&[f32; 3], &[f32; 3])| -> [f32; 3] {
        std::array::from_fn(|c| ((aim[c] + BLACK) / (own[c] + BLACK)).clamp(1.0 / MOST, MOST))
    };
    let gains: Vec<_> = aim.iter().zip(&smaller.areas.means(restored)).map(gain).collect();
    smaller.areas.multiply(&gains, restored);
}
