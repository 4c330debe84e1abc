//! From RGB to one number: the greys and lumas that metrics mean when they say "Y", 0..=255.

/// Rounds half up, as MATLAB does for positive numbers; `x` is not negative.
#[inline(always)]
pub(crate) fn round(x: f64) -> f64 {
    f64::from((x + 0.5) as u32)
}

#[inline(always)]
fn weigh([r, g, b]: [u8; 3], weights: [f64; 3]) -> f64 {
    f64::from(r) * weights[0] + f64::from(g) * weights[1] + f64::from(b) * weights[2]
}

/// MATLAB's `rgb2gray` of an 8-bit picture, in whole numbers.
#[inline(always)]
pub(crate) fn grey_matlab(pixel: [u8; 3]) -> f64 {
    round(weigh(pixel, [0.298_936_021_293_775, 0.587_043_074_451_121, 0.114_020_904_255_103]))
}

/// Pillow's mode `L`, in whole numbers: BT.601 in 16-bit fixed point.
pub(crate) fn grey_pillow(pixel: [u8; 3]) -> f64 {
    let [r, g, b] = pixel.map(u32::from);
    f64::from((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16)
}

/// Luma of ITU-R BT.601 in the studio range 16..=235, not rounded: `BasicSR`'s `test_y_channel`.
#[inline(always)]
pub(crate) fn luma_studio(pixel: [u8; 3]) -> f64 {
    weigh(pixel, [65.481, 128.553, 24.966]) / 255.0 + 16.0
}

/// [`luma_studio`] in whole numbers, halves up: MATLAB's `rgb2ycbcr` of an 8-bit picture.
#[inline(always)]
pub(crate) fn luma_studio_matlab(pixel: [u8; 3]) -> f64 {
    round(luma_studio(pixel))
}

/// [`luma_studio`] in whole numbers, halves to the even one: `BasicSR`'s NIQE.
#[inline(always)]
pub(crate) fn luma_studio_numpy(pixel: [u8; 3]) -> f64 {
    luma_studio(pixel).round_ties_even()
}

/// Luma of ITU-R BT.601 in the full range, not rounded.
#[inline(always)]
pub(crate) fn luma_full(pixel: [u8; 3]) -> f64 {
    weigh(pixel, [0.299, 0.587, 0.114])
}

/// [`luma_full`] in whole numbers, in single precision as pyiqa has it: where a half is rounded depends
/// on that, which moves its SSIM by 1e-5.
#[inline(always)]
pub(crate) fn luma_pyiqa(pixel: [u8; 3]) -> f64 {
    let [r, g, b] = pixel.map(|value| f32::from(value) / 255.0);
    let luma = r * 0.299 + g * 0.587 + b * 0.114;
    f64::from((luma * 255.0).round_ties_even())
}
