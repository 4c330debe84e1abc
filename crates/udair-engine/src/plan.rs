//! How much memory a picture takes, and how its maps are cut so that it fits a budget.
//!
//! The maps are what they are; the scratch memory of the threads is chosen, by the height of the
//! strips that they work on. The result is the same for every height.

use crate::block::{STRIP_ROWS, SUM_ROWS};
use crate::pad::Pad;
use crate::{Config, EngineError, Storage};

/// Values of normalised rows that a thread works on at once where memory is plentiful: more would
/// only save part of the two rows that every strip computes twice.
const PLENTY: usize = 8 << 20;

/// Scratch of a thread beside the normalised rows, in values: rolling rows, tiles, filter rows, sums.
pub(crate) const TILES: usize = 2 << 20;

/// The memory of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Values of normalised rows that a thread may hold.
    pub(crate) strip_values: usize,
    /// Bytes in all.
    pub(crate) bytes: usize,
}

impl Plan {
    /// The fastest plan within `budget` bytes for this many threads; `extra` bytes are held beside
    /// what every picture takes.
    pub(crate) fn new(
        config: &Config,
        storage: Storage,
        (width, height): (usize, usize),
        threads: usize,
        budget: usize,
        extra: usize,
    ) -> Result<Self, EngineError> {
        let maps = maps(config, storage, width, height).saturating_add(extra);
        let rows = |rows: usize| (rows + 2) * (width + 16) * 2 * config.width;
        let (least_values, most_values) = (rows(SUM_ROWS), rows(STRIP_ROWS).min(PLENTY));
        // Strips of maps that are stored in another way are there in f32 too.
        let copies = if storage == Storage::F32 { 1 } else { 2 };
        let bytes = |values: usize| maps.saturating_add(threads * (copies * values + TILES) * 4);
        let least = bytes(least_values);
        if least > budget {
            return Err(EngineError::Budget { width, height, least, budget });
        }
        let affordable = (budget - maps) / threads;
        let strip_values = (affordable / 4).saturating_sub(TILES) / copies;
        let strip_values = strip_values.min(most_values.max(least_values));
        Ok(Self { strip_values, bytes: bytes(strip_values) })
    }
}

/// Bytes of the maps at the worst moment, the picture itself included.
fn maps(config: &Config, storage: Storage, width: usize, height: usize) -> usize {
    let grid = Pad::new(config.pad, width, height).grid;
    // A full-size pixel takes, in the backbone, the area of full size, beside it the map that leaves
    // 1/2 (the inner areas take as much, while part of the large area is not yet touched), and the
    // picture's levels, a byte each; in the analysis its two largest maps, and the picture twice.
    // Conditions that follow from the codes are kept as such, and take next to nothing.
    let areas = 2 * config.width + config.width.div_ceil(2);
    let backbone = areas * storage.bytes() + 4;
    let analysis = (config.trunk.div_ceil(4) + 2 * 3) * 4;
    grid.height.saturating_mul(grid.width).saturating_mul(backbone.max(analysis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_photos_fit_what_is_promised() {
        let photo = (6000, 4000);
        let base = Plan::new(&Config::base(), Storage::F32, photo, 2, 8 << 30, 0).unwrap();
        let small = Plan::new(&Config::small(), Storage::F32, photo, 2, 4_usize << 30, 0);
        assert!(base.bytes <= 8 << 30);
        assert!(small.is_ok(), "{small:?}");
    }

    #[test]
    fn a_tight_budget_makes_lower_strips_and_too_tight_a_one_an_error() {
        let config = Config::small();
        let size = (1000, 1000);
        let free = Plan::new(&config, Storage::F32, size, 2, usize::MAX, 0).unwrap();
        let tight = Plan::new(&config, Storage::F32, size, 2, free.bytes - (8 << 20), 0).unwrap();
        assert!(tight.strip_values < free.strip_values && tight.bytes <= free.bytes - (8 << 20));
        let Err(EngineError::Budget { least, .. }) = Plan::new(&config, Storage::F32, size, 2, 10 << 20, 0)
        else {
            panic!("10 MiB cannot do");
        };
        assert!(Plan::new(&config, Storage::F32, size, 2, least, 0).is_ok());
        assert!(Plan::new(&config, Storage::F32, size, 2, least - 1, 0).is_err());
        assert!(Plan::new(&config, Storage::F32, size, 2, least, 1).is_err());
    }
}
