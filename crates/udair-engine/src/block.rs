//! The transformer block, `x += MDTA(LN(x)); x += GDFN(LN(x))`, fused over strips of rows.
//!
//! MDTA (Restormer's transposed attention) attends between channels: its matrix is c x c whatever
//! the picture's size, so one pass over the map sums it up and a second applies it, and both need
//! only a few rows at a time. The normalised rows of a strip are computed once; the 1x1 expansion
//! then rolls through three rows of a column tile, which stay in the cache until the depthwise
//! convolution has read them. The map is updated in place: strips first save the rows of their
//! neighbours that they will need.

mod attention;
mod expansion;
mod feed_forward;

use attention::Attention;
use feed_forward::FeedForward;

use crate::EngineError;
use crate::grid::Grid;
use crate::kernels::layer_norm;
use crate::run::{Run, Scratch};
use crate::source::Source;
use crate::storage::Element;

/// Rows whose Gram products are summed in one go; strips are multiples of it, so that the sum does
/// not depend on how a map is cut.
pub(crate) const SUM_ROWS: usize = 8;

/// Rows of a strip, at most.
pub(crate) const STRIP_ROWS: usize = 64;

/// A transformer block with its weights packed.
#[derive(Debug)]
pub(crate) struct Block {
    attention: Attention,
    feed_forward: FeedForward,
}

impl Block {
    pub(crate) fn load(source: Source<'_>, name: &str) -> Result<Self, EngineError> {
        Ok(Self { attention: Attention::load(source, name)?, feed_forward: FeedForward::load(source, name)? })
    }

    /// Loads `name.0`, `name.1`, and so on, `count` blocks.
    pub(crate) fn stage(source: Source<'_>, name: &str, count: usize) -> Result<Vec<Self>, EngineError> {
        (0..count).map(|i| Self::load(source, &format!("{name}.{i}"))).collect()
    }

    /// Replaces `x` by the block's output.
    pub(crate) fn apply<T: Element>(
        &self,
        run: &Run<'_>,
        x: &mut [T],
        grid: Grid,
    ) -> Result<(), EngineError> {
        self.attention.apply(run, x, grid)?;
        self.feed_forward.apply(run, x, grid)
    }
}

/// Weight and bias of a layer normalisation.
#[derive(Debug)]
struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Norm {
    fn load(source: Source<'_>, name: &str) -> Self {
        let values = |part: &str| source.tensor(&format!("{name}.body.{part}")).data.clone();
        Self { weight: values("weight"), bias: values("bias") }
    }
}

/// Rows of a map that are worked on together, with the rows above and below where there are any.
struct Strip<'a> {
    above: Option<&'a [f32]>,
    below: Option<&'a [f32]>,
}

impl Strip<'_> {
    /// Values that [`normalise`](Self::normalise) writes for `rows` rows.
    fn len(rows: usize, grid: Grid) -> usize {
        (rows + 2) * (grid.width + 2) * grid.channels
    }

    /// Normalises the strip's rows and its neighbours into `out`: rows of `width + 2` pixels, with
    /// zeros for what lies outside the map.
    fn normalise(&self, run: &Run<'_>, norm: &Norm, rows: &[f32], grid: Grid, out: &mut [f32]) {
        let sources = std::iter::once(self.above)
            .chain(rows.chunks_exact(grid.row()).map(Some))
            .chain(std::iter::once(self.below));
        let c = grid.channels;
        for (source, out) in sources.zip(out.chunks_exact_mut((grid.width + 2) * c)) {
            match source {
                None => out.fill(0.0),
                Some(source) => {
                    out[..c].fill(0.0);
                    layer_norm(run.isa, source, &norm.weight, &norm.bias, &mut out[c..][..grid.row()]);
                    out[c + grid.row()..].fill(0.0);
                }
            }
        }
    }
}

/// Cuts a map into strips and runs `body(strip number, strip, its rows, scratch)` on all of them.
fn each_strip<T, F>(run: &Run<'_>, x: &mut [T], grid: Grid, body: F) -> Result<(), EngineError>
where
    T: Element,
    F: Fn(usize, &Strip<'_>, &mut [f32], &mut Scratch) -> Result<(), EngineError> + Sync,
{
    let (row, rows) = (grid.row(), strip_rows(run, grid));
    let strips = grid.height.div_ceil(rows);
    // The last row of every strip but the last, then the first row of every strip but the first.
    let mut edges = run.map(2 * (strips - 1) * row)?;
    let (lasts, firsts) = edges.split_at_mut((strips - 1) * row);
    for strip in 1..strips {
        let start = strip * rows * row;
        T::load(&x[start - row..start], &mut lasts[(strip - 1) * row..][..row]);
        T::load(&x[start..start + row], &mut firsts[(strip - 1) * row..][..row]);
    }
    let (lasts, firsts) = (&*lasts, &*firsts);
    run.each_chunk(x, rows * row, |i, chunk, scratch| {
        let above = i.checked_sub(1).map(|i| &lasts[i * row..][..row]);
        let below = (i + 1 < strips).then(|| &firsts[i * row..][..row]);
        T::edit(run, chunk, |rows| body(i, &Strip { above, below }, rows, scratch))
    })
}

/// Rows of a strip: few enough to give every thread one, many enough that the two rows computed
/// twice are few, and within the run's memory.
fn strip_rows(run: &Run<'_>, grid: Grid) -> usize {
    let share = grid.height.div_ceil(rayon::current_num_threads()).next_multiple_of(SUM_ROWS);
    let fitting = run.strip_values / ((grid.width + 2) * grid.channels);
    share.min(STRIP_ROWS).min((fitting / SUM_ROWS * SUM_ROWS).max(SUM_ROWS))
}
