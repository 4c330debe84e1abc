//! The nearest code of every position: `argmin_j ||z - e_j||²`.

use crate::grid::Grid;
use crate::kernels::{Epilogue, Output, Packed, matmul};
use crate::run::{Lease, Run};
use crate::{EngineError, Weights};

/// Positions whose distances are computed together.
const TILE: usize = 32;

#[derive(Debug)]
pub(super) struct Codebook {
    /// dimensions x codes, for the products z · e.
    packed: Packed,
    /// One code behind the other.
    codes: Vec<f32>,
    /// ||e||² / 2 of every code.
    half_norms: Vec<f32>,
}

impl Codebook {
    pub(super) fn load(weights: &Weights, name: &str) -> Result<Self, EngineError> {
        let embed = weights.tensor(&format!("{name}.embed"));
        let (dims, count) = (embed.shape[0], embed.shape[1]);
        let value = |k: usize, n: usize| embed.data[k * count + n];
        let half_norm = |n| (0..dims).map(|k| f64::from(value(k, n)).powi(2)).sum::<f64>() as f32 / 2.0;
        Ok(Self {
            packed: Packed::new(dims, count, value)?,
            codes: (0..count).flat_map(|n| (0..dims).map(move |k| value(k, n))).collect(),
            half_norms: (0..count).map(half_norm).collect(),
        })
    }

    /// The nearest codes of a map, and their numbers.
    pub(super) fn quantise<'a>(
        &self,
        run: &Run<'a>,
        z: &[f32],
        grid: Grid,
    ) -> Result<(Lease<'a>, Vec<u32>), EngineError> {
        let (dims, count) = (grid.channels, self.packed.outputs());
        let mut out = run.map(grid.len())?;
        run.each_chunk(&mut out, grid.row(), |y, out, scratch| {
            let [products] = scratch.pieces([TILE * count])?;
            let z = &z[y * grid.row()..][..grid.row()];
            for (out, z) in out.chunks_mut(TILE * dims).zip(z.chunks(TILE * dims)) {
                let output = Output::interleaved(count);
                let pixels = z.len() / dims;
                matmul(run.isa, &[z], dims, pixels, &self.packed, products, output, Epilogue::default());
                for (out, products) in out.chunks_exact_mut(dims).zip(products.chunks_exact(count)) {
                    let code = self.nearest(products);
                    out.copy_from_slice(&self.codes[code * dims..][..dims]);
                    // The number travels in the map until all rows are done.
                    out[0] = f32::from_bits(code as u32);
                }
            }
            Ok(())
        })?;
        let numbers: Vec<u32> = out.chunks_exact(dims).map(|position| position[0].to_bits()).collect();
        for (position, &code) in out.chunks_exact_mut(dims).zip(&numbers) {
            position[0] = self.codes[code as usize * dims];
        }
        run.advance((grid.len() * count) as u64);
        Ok((out, numbers))
    }

    /// The code with the least `||e||² / 2 - z · e`; the first of equals.
    fn nearest(&self, products: &[f32]) -> usize {
        let (mut best, mut least) = (0, f32::INFINITY);
        for (code, (half_norm, product)) in self.half_norms.iter().zip(products).enumerate() {
            let distance = half_norm - product;
            if distance < least {
                (best, least) = (code, distance);
            }
        }
        best
    }
}
