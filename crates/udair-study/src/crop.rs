//! Random crops that depend on the seed and the picture's number alone: a picture is cropped alike
//! whatever else is evaluated beside it.

use crate::stream::mix;

/// Left and top of a crop of `side` pixels, or of all that a smaller picture has.
pub(crate) fn place(width: usize, height: usize, side: usize, seed: u64, index: u64) -> (usize, usize) {
    let random = |axis: u64, room: usize| (mix(mix(seed ^ mix(index)) ^ axis) % (room as u64 + 1)) as usize;
    (random(1, width.saturating_sub(side)), random(2, height.saturating_sub(side)))
}

/// Cuts `side` x `side` pixels, or what a smaller picture has, out of `width` pixels a row.
pub(crate) fn cut(
    rgb: &[u8],
    width: usize,
    height: usize,
    side: usize,
    (left, top): (usize, usize),
) -> (usize, usize, Vec<u8>) {
    let (w, h) = (side.min(width), side.min(height));
    let row = 3 * w;
    let rows = (top..top + h).flat_map(|y| {
        let start = 3 * (y * width + left);
        rgb[start..start + row].iter().copied()
    });
    (w, h, rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_lie_inside_and_vary() {
        let places: Vec<_> = (0..200).map(|i| place(10, 7, 4, 1, i)).collect();
        assert!(places.iter().all(|&(x, y)| x <= 6 && y <= 3));
        for x in 0..=6 {
            assert!(places.iter().any(|p| p.0 == x), "left {x} never occurs");
        }
        for y in 0..=3 {
            assert!(places.iter().any(|p| p.1 == y), "top {y} never occurs");
        }
        assert_eq!(places[5], place(10, 7, 4, 1, 5));
        assert_ne!(places, (0..200).map(|i| place(10, 7, 4, 2, i)).collect::<Vec<_>>());
        assert_eq!(place(3, 2, 4, 1, 0), (0, 0));
    }

    #[test]
    fn cut_takes_the_right_pixels() {
        let rgb: Vec<u8> = (0..3 * 4 * 3).collect();
        assert_eq!(cut(&rgb, 4, 3, 2, (1, 1)), (2, 2, [15..21, 27..33].into_iter().flatten().collect()));
        assert_eq!(cut(&rgb, 4, 3, 9, (0, 0)), (4, 3, rgb));
    }
}
