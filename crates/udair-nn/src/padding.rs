//! Padding by reflection to the sizes that the network can halve three times.

use burn::tensor::{Int, Tensor};
use udair_engine::Padding;

/// A padded batch, and how to get back.
pub(crate) struct Padded {
    pub(crate) picture: Tensor<4>,
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

/// Pads `[n, c, h, w]` by reflection; where the pad reaches the side length the reflection
/// repeats, and a side of 1 is copied.
pub(crate) fn pad(x: Tensor<4>, padding: Padding) -> Padded {
    let [_, _, height, width] = x.dims();
    let (top, bottom) = padding.split(height);
    let (left, right) = padding.split(width);
    let picture = reflect(reflect(x, 2, top, bottom), 3, left, right);
    Padded { picture, top, left, height, width }
}

impl Padded {
    /// Cuts the original size out of a picture of the padded size.
    pub(crate) fn crop(&self, x: Tensor<4>) -> Tensor<4> {
        x.narrow(2, self.top, self.height).narrow(3, self.left, self.width)
    }
}

fn reflect(x: Tensor<4>, dim: usize, before: usize, after: usize) -> Tensor<4> {
    if before + after == 0 {
        return x;
    }
    let length = x.dims()[dim];
    let indices: Vec<i64> =
        (0..before + length + after).map(|i| mirror(i as i64 - before as i64, length as i64)).collect();
    let device = x.device();
    x.select(dim, Tensor::<1, Int>::from_data(indices.as_slice(), &device))
}

/// The position inside `0..length` that `i` is reflected to, the edges not repeated.
fn mirror(i: i64, length: i64) -> i64 {
    if length == 1 {
        return 0;
    }
    let period = 2 * (length - 1);
    let i = i.rem_euclid(period);
    i.min(period - i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_repeats_where_the_side_is_short() {
        let row = |length| (-3..length + 4).map(|i| mirror(i, length)).collect::<Vec<_>>();
        assert_eq!(row(1), [0; 8]);
        assert_eq!(row(2), [1, 0, 1, 0, 1, 0, 1, 0, 1]);
        assert_eq!(row(5), [3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn cropping_undoes_padding() {
        let device = burn::tensor::Device::flex();
        for padding in [Padding::Eight, Padding::Sixteen] {
            let x = Tensor::<1, Int>::arange(0..3 * 5 * 21, &device).float().reshape([1, 3, 5, 21]);
            let padded = pad(x.clone(), padding);
            let [_, _, h, w] = padded.picture.dims();
            assert_eq!((h % padding.multiple(), w % padding.multiple()), (0, 0));
            padded.crop(padded.picture.clone()).into_data().assert_eq(&x.into_data(), true);
        }
    }
}
