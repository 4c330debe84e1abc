//! The restoring U-Net: four scales of transformer blocks, with the conditions fused into the
//! decoder at 1/8, 1/4 and 1/2.
//!
//! The full-size map is by far the largest. It is allocated once with the decoder's 2C channels;
//! the encoder works on its second half, as C channels, and is spread out in place when the
//! decoder arrives there.

use crate::block::Block;
use crate::conv::{Conv, Down, Reduce, Up, concat};
use crate::grid::Grid;
use crate::kernels::{Buffer, Epilogue, Output};
use crate::run::Run;
use crate::{Conditions, EngineError, Weights};

/// The backbone with its weights packed.
#[derive(Debug)]
pub(crate) struct Backbone {
    embed: Conv,
    encoder: [Vec<Block>; 3],
    down: [Down; 3],
    latent: Vec<Block>,
    fusion: [Fusion; 3],
    merge: [Reduce; 2],
    decoder: [Vec<Block>; 3],
    refinement: Vec<Block>,
    output: Conv,
}

/// A block over the map and its condition side by side, reduced again and enlarged.
#[derive(Debug)]
struct Fusion {
    block: Block,
    reduce: Reduce,
    up: Up,
}

impl Backbone {
    pub(crate) fn load(weights: &Weights) -> Result<Self, EngineError> {
        let config = &weights.config;
        let fusion = |level: usize| -> Result<Fusion, EngineError> {
            Ok(Fusion {
                block: Block::load(weights, &format!("dpm_level{level}"))?,
                reduce: Reduce::load(weights, &format!("reduce_dpm_level{level}"))?,
                up: Up::load(weights, &format!("up{}_{level}", level + 1))?,
            })
        };
        Ok(Self {
            embed: Conv::load(weights, "patch_embed.proj", 1)?,
            encoder: [
                Block::stage(weights, "encoder_level1", config.enc[0])?,
                Block::stage(weights, "encoder_level2", config.enc[1])?,
                Block::stage(weights, "encoder_level3", config.enc[2])?,
            ],
            down: [
                Down::load(weights, "down1_2")?,
                Down::load(weights, "down2_3")?,
                Down::load(weights, "down3_4")?,
            ],
            latent: Block::stage(weights, "latent", config.enc[3])?,
            fusion: [fusion(3)?, fusion(2)?, fusion(1)?],
            merge: [
                Reduce::load(weights, "reduce_chan_level3")?,
                Reduce::load(weights, "reduce_chan_level2")?,
            ],
            decoder: [
                Block::stage(weights, "decoder_level3", config.dec[0])?,
                Block::stage(weights, "decoder_level2", config.dec[1])?,
                Block::stage(weights, "decoder_level1", config.dec[2])?,
            ],
            refinement: Block::stage(weights, "refinement", config.refine)?,
            output: Conv::load(weights, "output", 1)?,
        })
    }

    /// Adds the network's correction to the padded, mean-subtracted picture `x`.
    pub(crate) fn restore(
        &self,
        run: &Run<'_>,
        x: &mut [f32],
        grid: Grid,
        conditions: &Conditions,
    ) -> Result<(), EngineError> {
        let c = self.embed.outputs();
        let (narrow, wide) = (grid.with(c), grid.with(2 * c));
        let mut full = Buffer::zeros(wide.len())?;
        let (mid, mid_grid) = {
            let first = &mut full[narrow.len()..];
            self.embed.rows(
                run,
                grid,
                |y, to| to.copy_from_slice(&x[y * grid.row()..][..grid.row()]),
                false,
                first,
            )?;
            apply(run, &self.encoder[0], first, narrow)?;
            let (second, second_grid) = self.down[0].map(run, first, narrow)?;
            self.inner(run, second, second_grid, conditions)?
        };
        spread(&mut full, grid.height * grid.width, c);
        self.fusion[2].up.write(run, &mid, mid_grid, &mut full, 2 * c)?;
        drop(mid);
        apply(run, &self.decoder[2], &mut full, wide)?;
        apply(run, &self.refinement, &mut full, wide)?;
        let row = wide.row();
        run.each_chunk(x, grid.row(), |y, out, scratch| {
            let [scratch] = scratch.pieces([self.output.scratch(grid.width)])?;
            let fetch = |r: usize, to: &mut [f32]| to.copy_from_slice(&full[r * row..][..row]);
            let epilogue = Epilogue { accumulate: true, ..Epilogue::default() };
            let (size, output) = ((grid.height, grid.width), Output::interleaved(3));
            self.output.row(run, size, y, fetch, scratch, out, output, epilogue);
            Ok(())
        })?;
        run.advance(self.output.macs(wide));
        Ok(())
    }

    /// Everything below full size: from the first down-sampling to the map that is enlarged last.
    fn inner(
        &self,
        run: &Run<'_>,
        mut second: Buffer,
        second_grid: Grid,
        conditions: &Conditions,
    ) -> Result<(Buffer, Grid), EngineError> {
        apply(run, &self.encoder[1], &mut second, second_grid)?;
        let (mut third, third_grid) = self.down[1].map(run, &second, second_grid)?;
        apply(run, &self.encoder[2], &mut third, third_grid)?;
        let (mut latent, latent_grid) = self.down[2].map(run, &third, third_grid)?;
        apply(run, &self.latent, &mut latent, latent_grid)?;

        let (map, map_grid) = self.fusion[0].apply(run, latent, latent_grid, &conditions.d4.data)?;
        let map = self.join(run, 0, &map, map_grid, third, third_grid)?;
        let (map, map_grid) = self.fusion[1].apply(run, map, third_grid, &conditions.d3.data)?;
        let map = self.join(run, 1, &map, map_grid, second, second_grid)?;
        self.fusion[2].apply(run, map, second_grid, &conditions.d2.data)
    }

    /// Enlarges a map, merges it with the encoder's at that size and runs the decoder's blocks.
    fn join(
        &self,
        run: &Run<'_>,
        stage: usize,
        map: &[f32],
        map_grid: Grid,
        skip: Buffer,
        skip_grid: Grid,
    ) -> Result<Buffer, EngineError> {
        let (larger, _) = self.fusion[stage].up.map(run, map, map_grid)?;
        let (mut merged, _) = self.merge[stage].map(run, &[&larger, &skip], skip_grid)?;
        drop((larger, skip));
        apply(run, &self.decoder[stage], &mut merged, skip_grid)?;
        Ok(merged)
    }
}

impl Fusion {
    /// The map with its condition fused in, at the map's own size.
    fn apply(
        &self,
        run: &Run<'_>,
        map: Buffer,
        grid: Grid,
        condition: &[f32],
    ) -> Result<(Buffer, Grid), EngineError> {
        let (mut both, both_grid) = concat(run, (&map, grid.channels), (condition, grid.channels), grid)?;
        drop(map);
        self.block.apply(run, &mut both, both_grid)?;
        self.reduce.map(run, &[&both], both_grid)
    }
}

fn apply(run: &Run<'_>, blocks: &[Block], x: &mut [f32], grid: Grid) -> Result<(), EngineError> {
    blocks.iter().try_for_each(|block| block.apply(run, x, grid))
}

/// Moves `pixels` pixels of c channels from the second half of `map` to the second c channels of
/// every pixel. Ascending order never overwrites what is still to be moved.
fn spread(map: &mut [f32], pixels: usize, c: usize) {
    for p in 0..pixels {
        let from = (pixels + p) * c;
        map.copy_within(from..from + c, (2 * p + 1) * c);
    }
}
