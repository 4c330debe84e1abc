//! The restoring U-Net: four scales of transformer blocks, with the conditions fused into the
//! decoder at 1/8, 1/4 and 1/2.
//!
//! The full-size map is by far the largest, so memory is laid out around it. Every scale has one
//! area, as large as its decoder's input: two maps side by side. While the encoder and what lies
//! below it run, the scale's own map waits as one piece in the second half of the area; then it is
//! spread out in place and its partner is written between its pixels. The area of scale 1/2 fits
//! the first half of the full-size area exactly, and lies there.

use rayon::prelude::*;

use crate::block::Block;
use crate::conv::{Conv, Down, Reduce, Up};
use crate::daam::Enlarge;
use crate::grid::Grid;
use crate::kernels::{Epilogue, Output};
use crate::palette::{D3, Positions};
use crate::run::{Lease, Run};
use crate::source::Source;
use crate::storage::Element;
use crate::{Conditions, EngineError};

/// The backbone with its weights packed.
#[derive(Debug)]
pub(crate) struct Backbone {
    embed: Conv,
    first: Vec<Block>,
    /// Scales 1/2 and 1/4.
    scales: [Scale; 2],
    /// Into the bottleneck.
    down: Down,
    latent: Vec<Block>,
    fusion: Fusion,
    /// Out of scale 1/2.
    up: Up,
    last: Vec<Block>,
    output: Conv,
    /// Codes of the fine codebook.
    codes: usize,
}

/// What happens at scale 1/2 or 1/4.
#[derive(Debug)]
struct Scale {
    down: Down,
    encoder: Vec<Block>,
    /// From the scale below.
    up: Up,
    merge: Reduce,
    decoder: Vec<Block>,
    fusion: Fusion,
}

/// A block over the map and its condition side by side, reduced to the map's channels again.
#[derive(Debug)]
struct Fusion {
    block: Block,
    reduce: Reduce,
}

impl Backbone {
    pub(crate) fn load(source: Source<'_>) -> Result<Self, EngineError> {
        let config = &source.weights.config;
        let stage = |name: &str, count| Block::stage(source, name, count);
        let fusion = |level: usize| -> Result<Fusion, EngineError> {
            Ok(Fusion {
                block: Block::load(source, &format!("dpm_level{level}"))?,
                reduce: Reduce::load(source, &format!("reduce_dpm_level{level}"))?,
            })
        };
        let scale = |level: usize| -> Result<Scale, EngineError> {
            Ok(Scale {
                down: Down::load(source, &format!("down{}_{level}", level - 1))?,
                encoder: stage(&format!("encoder_level{level}"), config.enc[level - 1])?,
                up: Up::load(source, &format!("up{}_{level}", level + 1))?,
                merge: Reduce::load(source, &format!("reduce_chan_level{level}"))?,
                decoder: stage(&format!("decoder_level{level}"), config.dec[3 - level])?,
                fusion: fusion(level - 1)?,
            })
        };
        let mut last = stage("decoder_level1", config.dec[2])?;
        last.extend(stage("refinement", config.refine)?);
        Ok(Self {
            embed: Conv::load(source, "patch_embed.proj", 1)?,
            first: stage("encoder_level1", config.enc[0])?,
            scales: [scale(2)?, scale(3)?],
            down: Down::load(source, "down3_4")?,
            latent: stage("latent", config.enc[3])?,
            fusion: fusion(3)?,
            up: Up::load(source, "up2_1")?,
            last,
            output: Conv::load(source, "output", 1)?,
            codes: config.codes,
        })
    }

    /// The picture plus the network's correction. `picture(y, to)` writes row y of the padded,
    /// mean-subtracted picture; what comes back is of that kind.
    pub(crate) fn restore<'a, T: Element>(
        &self,
        run: &Run<'a>,
        picture: impl Fn(usize, &mut [f32]) + Sync,
        grid: Grid,
        conditions: Conditions,
        enlarge: &Enlarge,
    ) -> Result<Lease<'a>, EngineError> {
        let c = self.embed.outputs();
        let (narrow, wide) = (grid.with(c), grid.with(2 * c));
        let mut full = run.map_of::<T>(wide.len())?;
        let (half, map) = full.split_at_mut(narrow.len());
        run.stage("encoder 1");
        self.embed.rows(run, grid, &picture, false, map)?;
        apply(run, &self.first, map, narrow)?;
        let below = self.below(run, (map, narrow), half, conditions, enlarge)?;
        run.stage("decoder 1");
        spread(&mut full, narrow, c);
        self.up.write(run, &below, narrow.halved(2 * c), &mut full, 2 * c)?;
        drop(below);
        apply(run, &self.last, &mut full, wide)?;
        let row = wide.row();
        let mut x = run.map(grid.len())?;
        run.each_chunk(&mut x, grid.row(), |y, out, scratch| {
            picture(y, out);
            let [scratch] = scratch.pieces([self.output.scratch(grid.width)])?;
            let fetch = |r: usize, to: &mut [f32]| T::load(&full[r * row..][..row], to);
            let epilogue = Epilogue { accumulate: true, ..Epilogue::default() };
            let (size, output) = ((grid.height, grid.width), Output::interleaved(3));
            self.output.row(run, size, y, fetch, scratch, out, output, epilogue);
            Ok(())
        })?;
        run.advance(self.output.macs(wide));
        Ok(x)
    }

    /// Everything below full size, in `area`: the map at 1/2 that is enlarged last.
    fn below<'a, T: Element>(
        &self,
        run: &Run<'a>,
        (map, grid): (&[T], Grid),
        area: &mut [T],
        conditions: Conditions,
        enlarge: &Enlarge,
    ) -> Result<Lease<'a, T>, EngineError> {
        let Conditions { d4, d3, d2, codes_b, .. } = conditions;
        let d3 = D3::new(d3, codes_b, self.codes);
        let [half, quarter] = &self.scales;
        run.stage("encoder 1/2");
        let half_grid = half.enter(run, (map, grid), area)?;
        run.stage("encoder 1/4");
        let mut quarter_area = run.map_of(2 * quarter.down.grid(half_grid).len())?;
        let quarter_grid = quarter.enter(run, (second(area), half_grid), &mut quarter_area)?;
        run.stage("bottleneck");
        let latent_grid = self.down.grid(quarter_grid);
        let mut latent = run.map_of::<T>(2 * latent_grid.len())?;
        self.down.write(run, second(&quarter_area), quarter_grid, second_mut(&mut latent))?;
        apply(run, &self.latent, second_mut(&mut latent), latent_grid)?;

        let map = self.fusion.apply(run, &mut latent, latent_grid, stored(&d4))?;
        drop((latent, d4));
        run.stage("decoder 1/4");
        quarter.leave(run, (&map, latent_grid), (&mut quarter_area, quarter_grid))?;
        drop(map);
        let map = quarter.fusion.apply(run, &mut quarter_area, quarter_grid, stored(&d3))?;
        drop(quarter_area);
        run.stage("decoder 1/2");
        half.leave(run, (&map, quarter_grid), (&mut *area, half_grid))?;
        drop(map);
        match d2 {
            Some(d2) => half.fusion.apply(run, area, half_grid, stored(&d2)),
            None => half.fusion.apply(run, area, half_grid, |y, out, stride, scratch| {
                enlarge.row(run, &d3, y, out, stride, scratch)
            }),
        }
    }
}

impl Scale {
    /// From the scale above into the second half of `area`, through the encoder.
    fn enter<T: Element>(
        &self,
        run: &Run<'_>,
        (map, grid): (&[T], Grid),
        area: &mut [T],
    ) -> Result<Grid, EngineError> {
        let own = self.down.grid(grid);
        self.down.write(run, map, grid, second_mut(area))?;
        apply(run, &self.encoder, second_mut(area), own)?;
        Ok(own)
    }

    /// Merges the map from below into the second half of `area`, and on through the decoder.
    fn leave<T: Element>(
        &self,
        run: &Run<'_>,
        (below, below_grid): (&[T], Grid),
        (area, grid): (&mut [T], Grid),
    ) -> Result<(), EngineError> {
        self.merge.merge(run, (&self.up, below, below_grid), second_mut(area))?;
        apply(run, &self.decoder, second_mut(area), grid)
    }
}

impl Fusion {
    /// Fuses the map in the second half of `area` with a condition whose row y `condition(y, out,
    /// stride, scratch)` writes to pixels `stride` values apart.
    fn apply<'a, T, F>(
        &self,
        run: &Run<'a>,
        area: &mut [T],
        grid: Grid,
        condition: F,
    ) -> Result<Lease<'a, T>, EngineError>
    where
        T: Element,
        F: Fn(usize, &mut [f32], usize, &mut crate::run::Scratch) -> Result<(), EngineError> + Sync,
    {
        let both = grid.with(2 * grid.channels);
        spread(area, grid, 0);
        run.each_chunk(area, both.row(), |y, row, scratch| {
            T::edit(run, row, |row| condition(y, &mut row[grid.channels..], both.channels, scratch))
        })?;
        self.block.apply(run, area, both)?;
        self.reduce.map(run, area, both)
    }
}

/// A condition that is at hand.
fn stored(
    map: &impl Positions,
) -> impl Fn(usize, &mut [f32], usize, &mut crate::run::Scratch) -> Result<(), EngineError> + Sync + '_ {
    |y, out, stride, _| {
        for (x, to) in out.chunks_mut(stride).take(map.size().1).enumerate() {
            let from = map.at(y, x);
            to[..from.len()].copy_from_slice(from);
        }
        Ok(())
    }
}

fn apply<T: Element>(run: &Run<'_>, blocks: &[Block], x: &mut [T], grid: Grid) -> Result<(), EngineError> {
    blocks.iter().try_for_each(|block| block.apply(run, x, grid))
}

fn second<T>(area: &[T]) -> &[T] {
    &area[area.len() / 2..]
}

fn second_mut<T>(area: &mut [T]) -> &mut [T] {
    let half = area.len() / 2;
    &mut area[half..]
}

/// Moves the map in the second half of `area` to the channels from `offset` on of pixels of twice
/// its channels.
///
/// The first half of the pixels go to where none come from, so all threads move them at once; what is
/// left is the same task, half as large.
fn spread<T: Element>(mut area: &mut [T], grid: Grid, offset: usize) {
    /// Values that are worth sharing out.
    const PIECE: usize = 1 << 14;
    let c = grid.channels;
    while area.len() > PIECE.max(4 * c) {
        let pixels = area.len() / (2 * c);
        let moved = pixels / 2;
        let (to, from) = area.split_at_mut(pixels * c);
        let piece = PIECE.div_ceil(c);
        let pieces = to[..2 * moved * c].par_chunks_mut(2 * c * piece).zip(from.par_chunks(c * piece));
        pieces.for_each(|(to, from)| {
            for (to, from) in to.chunks_exact_mut(2 * c).zip(from.chunks_exact(c)) {
                to[offset..][..c].copy_from_slice(from);
            }
        });
        area = &mut area[2 * moved * c..];
    }
    // Ascending order never overwrites what is still to be moved.
    let pixels = area.len() / (2 * c);
    for p in 0..pixels {
        let from = (pixels + p) * c;
        area.copy_within(from..from + c, 2 * p * c + offset);
    }
}
