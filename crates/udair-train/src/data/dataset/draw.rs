//! One picture of a batch: which file, which window, real or made, from its own stream.

use super::Dataset;
use super::pool::{Pair, Pool};
use crate::data::batch::Sample;
use crate::data::picture::Rgb8;
use crate::data::{DataError, order};
use crate::degrade::{Kind, Photo};
use crate::rng::Stream;

/// Whose turn it is: the picture at `position` of a pattern's endless sequence, as a crop of `size` pixels.
/// The pattern after the last one is that of mixed pictures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) pattern: usize,
    pub(super) position: u64,
    pub(super) size: usize,
}

/// The lists of a pattern, each run through in an order of its own.
#[derive(Debug, Clone, Copy)]
enum List {
    Photos,
    References,
    Unpaired,
    Source(usize),
}

impl Dataset {
    /// The stream of a picture, keyed by its epoch and its place in it.
    pub(super) fn stream(&self, turn: Turn) -> Stream {
        let (epoch, place) = (turn.position / self.longest as u64, turn.position % self.longest as u64);
        Stream::new(self.seed, epoch, place * (self.patterns.len() as u64 + 1) + turn.pattern as u64)
    }

    pub(super) fn sample(&self, turn: Turn, stream: &mut Stream) -> Result<Sample, DataError> {
        let Some(pool) = self.pools.get(turn.pattern) else {
            return self.synthetic(Kind::Mixed, turn, stream);
        };
        let mut sample = self.coloured(pool, turn, stream)?;
        // Where the share is 0, nothing is drawn.
        if pool.grey_share > 0.0 && stream.chance(pool.grey_share) {
            sample.degraded.grey();
            sample.clean.iter_mut().for_each(Photo::grey);
        }
        Ok(sample)
    }

    fn coloured(&self, pool: &Pool, turn: Turn, stream: &mut Stream) -> Result<Sample, DataError> {
        if stream.chance(pool.unpaired_share) {
            let path = self.pick(turn, List::Unpaired, &pool.unpaired);
            let picture = self.cache.get(path)?;
            let view = self.view(pool.enlarged_share, stream);
            return Ok(Sample { degraded: view.of(&picture, turn.size, stream), clean: None });
        }
        match pool.kind {
            Some(kind) if stream.chance(pool.synthetic_share) => self.synthetic(kind, turn, stream),
            None if pool.sources.is_empty() => {
                let clean = self.clean_crop(turn, true, stream)?;
                Ok(Sample { degraded: clean.clone(), clean: Some(clean) })
            }
            _ => {
                let source = pool.draw_source(stream);
                let pair = self.pick(turn, List::Source(source), &pool.sources[source].pairs);
                self.real(pair, turn.size, pool, stream)
            }
        }
    }

    /// A window, drawn from `stream`, of a picture of twice the size that is the same for all of them.
    pub(super) fn window_of_one(&self, turn: Turn, stream: &mut Stream) -> Result<Sample, DataError> {
        let whole = self.sample(Turn { size: 2 * turn.size, ..turn }, &mut self.stream(turn))?;
        let (x, y) = (stream.below(turn.size + 1), stream.below(turn.size + 1));
        let cut = |photo: &Photo| photo.crop(x, y, turn.size, turn.size);
        Ok(Sample { degraded: cut(&whole.degraded), clean: whole.clean.as_ref().map(cut) })
    }

    /// The item of a list whose turn it is.
    fn pick<'a, T>(&self, turn: Turn, list: List, items: &'a [T]) -> &'a T {
        let list = match list {
            List::Photos => 0,
            List::References => 1,
            List::Unpaired => 2,
            List::Source(source) => 3 + source as u64,
        };
        let number = ((turn.pattern as u64) << 32) | list;
        &items[order::item(self.seed, number, items.len(), turn.position)]
    }

    /// The same window of both pictures of a pair, a share of them scaled down as a whole first, or enlarged.
    fn real(&self, pair: &Pair, size: usize, pool: &Pool, stream: &mut Stream) -> Result<Sample, DataError> {
        let (lq, gt) = (self.cache.get(&pair.lq)?, self.cache.get(&pair.gt)?);
        if (lq.width, lq.height) != (gt.width, gt.height) {
            return Err(DataError::picture(&pair.lq, &"differs in size from its clean picture"));
        }
        let whole = pool.whole_share > 0.0 && stream.chance(pool.whole_share);
        let (mut degraded, clean) = if whole && lq.width.min(lq.height) > size {
            let (lq, gt) = (lq.photo().fitted(size), gt.photo().fitted(size));
            let (x, y) = corner((lq.width, lq.height), size, stream);
            (lq.crop(x, y, size, size), gt.crop(x, y, size, size))
        } else {
            // Enlarged noise would be coarser than any that a sensor makes.
            let share = if pool.kind == Some(Kind::Noise) { 0.0 } else { pool.enlarged_share };
            let view = self.view(share, stream);
            let place = corner((lq.width, lq.height), view.side(size), stream);
            (view.at(&lq, place, size), view.at(&gt, place, size))
        };
        if let Some(jpeg) = self.mix.recompression.draw(stream) {
            jpeg.apply(&mut degraded);
        }
        Ok(Sample { degraded, clean: Some(clean) })
    }

    /// Enlarged for a share of the pictures. Where that is none, nothing is drawn.
    fn view(&self, share: f32, stream: &mut Stream) -> View {
        if share > 0.0 && stream.chance(share) {
            View { factor: self.mix.enlarged_by.draw_log(stream).max(1.0), softness: stream.unit() }
        } else {
            View { factor: 1.0, softness: 0.0 }
        }
    }

    fn synthetic(&self, kind: Kind, turn: Turn, stream: &mut Stream) -> Result<Sample, DataError> {
        let clean = self.clean_crop(turn, kind == Kind::Noise, stream)?;
        let mut degraded = clean.clone();
        self.recipe.draw(kind, &self.scenes, stream).apply(&mut degraded, stream);
        Ok(Sample { degraded, clean: Some(clean) })
    }

    /// A window of a clean photo, or of a real pair's reference, perhaps at half size, perhaps of a dim
    /// scene where those `may_be_dim`.
    fn clean_crop(&self, turn: Turn, may_be_dim: bool, stream: &mut Stream) -> Result<Photo, DataError> {
        let borrowed = stream.chance(self.mix.reference_share) && !self.references.is_empty();
        let (list, photos) =
            if borrowed { (List::References, &self.references) } else { (List::Photos, &self.photos) };
        let path = self.pick(turn, list, photos);
        let picture = self.cache.get(path)?;
        let size = turn.size;
        let view = self.view(self.pools.get(turn.pattern).map_or(0.0, |pool| pool.enlarged_share), stream);
        let halved = stream.chance(self.mix.half_size_share) && picture.width.min(picture.height) >= 2 * size;
        let mut crop = if view.factor > 1.0 {
            view.of(&picture, size, stream)
        } else if halved {
            window(&picture, 2 * size, stream).shrunk(2)
        } else {
            window(&picture, size, stream)
        };
        if may_be_dim && stream.chance(self.mix.dim_share) {
            crop.dim(self.mix.dim_stops.draw(stream));
        }
        crop.round_to_8_bit();
        Ok(crop)
    }
}

/// How a picture is looked at: enlarged by a factor, and how softly (see [`Photo::enlarged`]).
#[derive(Debug, Clone, Copy)]
struct View {
    factor: f32,
    softness: f32,
}

impl View {
    /// Pixels of the picture along a side that `size` pixels show.
    fn side(self, size: usize) -> usize {
        (size as f32 / self.factor).ceil() as usize
    }

    /// `size` pixels along both sides from this place on.
    fn at(self, picture: &Rgb8, (x, y): (usize, usize), size: usize) -> Photo {
        let side = self.side(size);
        let crop = picture.crop(x, y, side, side);
        if side == size { crop } else { crop.enlarged(size, size, self.softness) }
    }

    /// `size` pixels along both sides from a random place on.
    fn of(self, picture: &Rgb8, size: usize, stream: &mut Stream) -> Photo {
        let place = corner((picture.width, picture.height), self.side(size), stream);
        self.at(picture, place, size)
    }
}

/// A random top left corner of a window inside a picture of this size; 0 along a side where it does not fit.
fn corner((width, height): (usize, usize), size: usize, stream: &mut Stream) -> (usize, usize) {
    let mut start = |length: usize| stream.below((length + 1).saturating_sub(size));
    (start(width), start(height))
}

/// A random window; where the picture is smaller, the rest is mirrored.
fn window(picture: &Rgb8, size: usize, stream: &mut Stream) -> Photo {
    let (x, y) = corner((picture.width, picture.height), size, stream);
    picture.crop(x, y, size, size)
}
