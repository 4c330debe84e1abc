//! The same picture as people bring it: cut, rescaled, compressed, or spoiled once more.

use udair::{ImageError, Picture};

use crate::Shift;
use crate::crop::cut;
use crate::resize::resized;
use crate::stream::Stream;

/// Two further views: rescaled and compressed, and cut. Rescaling would average noise away, so noisy
/// pictures keep their size.
pub(super) fn of(whole: &Picture, pattern: &str, stream: &mut Stream) -> Result<[Picture; 2], ImageError> {
    let (width, height, rgb) = (whole.width(), whole.height(), whole.to_rgb8()?);
    let scale = if pattern == "denoise" { 1.0 } else { 0.5 + 0.75 * stream.uniform() };
    let scaled = |side: usize| ((side as f64 * scale) as usize).max(64);
    let size = (scaled(width), scaled(height));
    let small = Picture::from_rgb8(size.0, size.1, resized(&rgb, (width, height), size))?;
    let compressed = Shift::Jpeg(40 + stream.below(50) as u8).apply(&small, 0)?;
    let side = 128 + stream.below(128);
    let place = (stream.below(width.saturating_sub(side) + 1), stream.below(height.saturating_sub(side) + 1));
    let (width, height, rgb) = cut(&rgb, width, height, side, place);
    Ok([compressed, Picture::from_rgb8(width, height, rgb)?])
}

/// A second pattern for a picture that has one, for one picture in two.
pub(super) fn second(pattern: &str, stream: &mut Stream) -> Option<(&'static str, Shift)> {
    let noise = ("denoise", Shift::Noise(15.0 + 25.0 * stream.uniform()));
    let haze = ("dehaze", Shift::Haze(0.45 + 0.25 * stream.uniform()));
    let dark = ("lowlight", Shift::Dark(0.02 + 0.1 * stream.uniform()));
    let first = stream.uniform() < 0.5;
    let choice = match pattern {
        "derain" if first => haze,
        "dehaze" if first => dark,
        "derain" | "dehaze" | "lowlight" | "underwater" => noise,
        _ => return None,
    };
    (stream.uniform() < 0.5).then_some(choice)
}

/// A good photo as a picture of each pattern that can be made without a model of the scene, and the name
/// of the collection that such photos are. Mild and strong noise are two: the anchor of both together
/// would lie far from either.
pub(super) fn made(stream: &mut Stream) -> [(&'static str, &'static str, Shift); 6] {
    let mut uniform = |from: f64, to: f64| from + (to - from) * stream.uniform();
    [
        ("dehaze", "made: haze", Shift::Haze(uniform(0.4, 0.8))),
        ("lowlight", "made: darkness", Shift::Dark(uniform(0.02, 0.2))),
        ("denoise", "made: mild noise", Shift::Noise(uniform(8.0, 30.0))),
        ("denoise", "made: strong noise", Shift::Noise(uniform(30.0, 90.0))),
        ("denoise", "made: camera", Shift::Camera { shot: uniform(0.0, 0.03), read: uniform(0.0, 0.0008) }),
        (
            "underwater",
            "made: water",
            Shift::Water([uniform(0.1, 0.4), uniform(0.6, 1.0), uniform(0.5, 1.0)]),
        ),
    ]
}
