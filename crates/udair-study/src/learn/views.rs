//! The same picture as people bring it: cut, rescaled, compressed, or spoiled once more.

use udair::{ImageError, Picture};
use udair_engine::Look;

use crate::Shift;
use crate::crop::cut;
use crate::resize::resized;
use crate::stream::Stream;

/// Further views: rescaled and compressed; cut; enlarged; without colour. Rescaling would average noise away or make
/// it coarser than any sensor's, so noisy pictures keep their size. Water without colour is none.
pub(super) fn of(
    whole: &Picture,
    pattern: &str,
    stream: &mut Stream,
) -> Result<Vec<(Look, Picture)>, ImageError> {
    let (width, height, rgb) = (whole.width(), whole.height(), whole.to_rgb8()?);
    let noisy = pattern == "denoise";
    let scale = if noisy { 1.0 } else { 0.5 + 0.75 * stream.uniform() };
    let scaled = |side: usize| ((side as f64 * scale) as usize).max(64);
    let size = (scaled(width), scaled(height));
    let small = Picture::from_rgb8(size.0, size.1, resized(&rgb, (width, height), size))?;
    let compressed = Shift::Jpeg(40 + stream.below(50) as u8).apply(&small, 0)?;
    let (wide, high, cut) = window(&rgb, (width, height), 128 + stream.below(128), stream);
    let mut views = vec![(Look::Usual, compressed), (Look::Usual, Picture::from_rgb8(wide, high, cut)?)];
    if !noisy {
        views.push((Look::Enlarged, enlarged(&rgb, (width, height), stream)?));
    }
    if pattern != "underwater" {
        let luma = rgb
            .as_chunks::<3>()
            .0
            .iter()
            .map(|&[r, g, b]| 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b));
        let grey = luma.flat_map(|level| [level.round() as u8; 3]).collect();
        views.push((Look::Grey, Picture::from_rgb8(width, height, grey)?));
    }
    Ok(views)
}

/// What a photo of many megapixels would show of the scene: a part of it, enlarged, and half of the times compressed.
fn enlarged(rgb: &[u8], size: (usize, usize), stream: &mut Stream) -> Result<Picture, ImageError> {
    const SIDE: usize = 384;
    let factor = 1.5 * (4.0_f64 / 1.5).powf(stream.uniform());
    let (width, height, rgb) = window(rgb, size, (SIDE as f64 / factor).ceil() as usize, stream);
    let size = [width, height].map(|side| ((side as f64 * factor) as usize).min(SIDE));
    let large = Picture::from_rgb8(size[0], size[1], resized(&rgb, (width, height), (size[0], size[1])))?;
    let compressed = stream.uniform() < 0.5;
    let quality = Shift::Jpeg(80 + stream.below(18) as u8);
    if compressed { quality.apply(&large, 0) } else { Ok(large) }
}

/// A random window of `side` pixels, or of all that a smaller picture has.
fn window(
    rgb: &[u8],
    (width, height): (usize, usize),
    side: usize,
    stream: &mut Stream,
) -> (usize, usize, Vec<u8>) {
    let place = (stream.below(width.saturating_sub(side) + 1), stream.below(height.saturating_sub(side) + 1));
    cut(rgb, width, height, side, place)
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
