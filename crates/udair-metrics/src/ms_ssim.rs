//! Multi-scale structural similarity (Wang, Simoncelli and Bovik, Asilomar 2003), as pyiqa computes it.

use crate::colour;
use crate::image::Rgb8;
use crate::plane::Plane;
use crate::score::NotApplicable;
use crate::ssim::{Form, compare, gaussian};

/// Exponents of the scales, from the finest; the paper's.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// MS-SSIM of BT.601 luma in the full range, rounded: 0 to 1, higher is better.
///
/// The contrast terms of four scales and the SSIM of the fifth, each to the power of its weight,
/// multiplied. Scales are made by means of 2 x 2; where a side is odd, zeros are added at both ends.
/// [`NotApplicable::TooSmall`] where the fifth scale is smaller than the window, that is up to 160
/// pixels a side.
///
/// # Panics
/// Where the pictures differ in size.
pub fn ms_ssim(image: &Rgb8, reference: &Rgb8) -> Result<f64, NotApplicable> {
    assert_eq!(image.size(), reference.size(), "MS-SSIM compares pictures of one size");
    if image.width().min(image.height()) < 161 {
        return Err(NotApplicable::TooSmall { least: 161 });
    }
    let luma = |image| Plane::of(image, colour::luma_pyiqa);
    let (mut a, mut b) = (luma(image), luma(reference));
    let mut product = 1.0;
    for (scale, weight) in WEIGHTS.into_iter().enumerate() {
        let means = compare(&a, &b, &gaussian::<11>(1.5), Form::CLAMPED)?;
        if scale + 1 == WEIGHTS.len() {
            product *= means.ssim.max(0.0).powf(weight);
        } else {
            product *= means.contrast.powf(weight);
            (a, b) = (halved(&a), halved(&b));
        }
    }
    Ok(product)
}

/// Means of 2 x 2, with a zero before and behind where the side is odd.
fn halved(plane: &Plane) -> Plane {
    let (pad_x, pad_y) = (plane.width % 2, plane.height % 2);
    let (width, height) = (plane.width.div_ceil(2), plane.height.div_ceil(2));
    let at = |x: usize, y: usize| match (x.checked_sub(pad_x), y.checked_sub(pad_y)) {
        (Some(x), Some(y)) if x < plane.width && y < plane.height => plane.row(y)[x],
        _ => 0.0,
    };
    Plane::by_rows(width, height, |y, out| {
        for (x, out) in out.iter_mut().enumerate() {
            let (x, y) = (2 * x, 2 * y);
            *out = (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0;
        }
    })
}
