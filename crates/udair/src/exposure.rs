//! How much the network brightens a dark picture and how much haze it takes away depend on the picture's size:
//! less of a large one than of a small version of it. It is right on average at the sizes of the crops that it
//! was trained on. The brightness and colour of wide areas are therefore those that a version of that size gets;
//! detail is the picture's own.

use udair_engine::Watch;

use crate::blocks::Blocks;
use crate::check;
use crate::network::Network;
use crate::{Pattern, RestoreError};

/// The shorter side of the smaller version, in pixels: that of the largest crops of training.
const SIDE: usize = 256;

/// Side of the areas whose brightness is taken over, in pixels of the smaller version.
const AREA: usize = 16;

/// What an area's brightness changes by at most, up and down.
const MOST: f32 = 2.0;

/// Keeps the quotient of two averages calm where both are almost black.
const BLACK: f32 = 1.0 / 255.0;

/// Gives `restored`, rows of `width` RGB pixels, the brightness and colour of wide areas that a smaller
/// version of `input` is restored with. Where the picture is no larger, or the smaller version is not found to be
/// spoiled by `pattern`, too, nothing changes.
///
/// # Errors
/// Those of the network, and [`RestoreError::Output`] where its result is not a picture.
pub(crate) fn adopt(
    network: &dyn Network,
    pattern: Pattern,
    input: &[f32],
    restored: &mut [f32],
    width: usize,
    watch: &dyn Watch,
) -> Result<(), RestoreError> {
    let height = input.len() / (3 * width);
    let shorter = width.min(height);
    if shorter <= SIDE {
        return Ok(());
    }
    let [across, down] = [width, height].map(|side| side * SIDE / shorter);
    let smaller = averages(Blocks::counted((width, across), (height, down)), input);
    let known = check::Input::of(smaller.as_flattened());
    let conditions = network.conditions(smaller.as_flattened(), across, down, watch)?;
    let found = network.identify(&conditions);
    if found.is_none_or(|found| found.best().pattern != pattern.id()) {
        return Ok(());
    }
    let smaller = network.restore(smaller.into_flattened(), across, down, conditions, watch)?;
    if let Some(fault) = check::fault(&known, &smaller) {
        return Err(RestoreError::Output(fault));
    }
    let [columns, rows] = [across, down].map(|side| side / AREA);
    let aim = averages(Blocks::counted((across, columns), (down, rows)), &smaller);
    let areas = Blocks::counted((width, columns), (height, rows));
    let gain = |(aim, own): (&[f32; 3], &[f32; 3])| -> [f32; 3] {
        std::array::from_fn(|c| ((aim[c] + BLACK) / (own[c] + BLACK)).clamp(1.0 / MOST, MOST))
    };
    let gains: Vec<_> = aim.iter().zip(&averages(areas, restored)).map(gain).collect();
    areas.multiply(&gains, restored);
    Ok(())
}

/// The average of every block in each channel, not below black.
fn averages(blocks: Blocks, rgb: &[f32]) -> Vec<[f32; 3]> {
    blocks.measure(rgb, rgb, |rows| {
        let (mut sums, mut pixels) = ([0.0; 3], 0.0);
        for (row, _) in rows {
            for pixel in row.as_chunks::<3>().0 {
                (0..3).for_each(|c| sums[c] += pixel[c]);
                pixels += 1.0;
            }
        }
        sums.map(|sum: f32| (sum / pixels).max(0.0))
    })
}
