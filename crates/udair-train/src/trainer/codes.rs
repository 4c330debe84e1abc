//! Codebooks in training: seeded once, moved by what the analysis sees, and how many codes are in use.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use udair_nn::daam::Analysis;
use udair_nn::{Bypass, Mode, codebook};

use super::Trainer;
use crate::TrainError;
use crate::batches::Pair;
use crate::rng::Stream;

/// Rows of each batch that codes are seeded from.
const SEED_ROWS: usize = 200;

impl Trainer<'_> {
    /// Codebooks follow what the analysis saw; dead codes are moved now and then.
    pub(super) fn follow(&mut self, analysis: &Analysis, stream: &mut Stream) {
        let mut net = self.net.clone().update_codebooks(analysis);
        let every = self.config.codebook.revive_every;
        let step = self.state.step;
        if every > 0 && step >= self.config.codebook.bypass && (step + 1).is_multiple_of(every) {
            let mut draw = |rows| stream.below(rows);
            let dead = self.config.codebook.dead;
            net.guide = net.guide.map(|mut guide| {
                guide.dam.codebooks = guide.dam.codebooks.map(|[coarse, fine]| {
                    let coarse = coarse.revive(&analysis.top.rows, dead, &mut draw).0;
                    [coarse, fine.revive(&analysis.bottom.rows, dead, &mut draw).0]
                });
                guide
            });
        }
        self.net = net;
    }

    /// Seeds both codebooks by k-means: the coarse one, then the fine one on top of it.
    pub(super) fn seed_codebooks(&mut self) -> Result<(), TrainError> {
        let (config, step) = (self.config, self.state.step);
        let (size, per_pattern) = config.crops(step);
        for bypass in [Bypass::Both, Bypass::Bottom] {
            let mut stream = Stream::new(config.seed, step, u64::MAX - bypass as u64);
            let plain = self.net.clone().valid();
            let mut rows = Vec::new();
            for number in 0..config.codebook.seed_batches {
                // Beyond the batches of the run, so that none is seen twice.
                let number = config.steps * config.optim.accumulate as u64 + number;
                let batch = self.batches.batch(number, size, per_pattern)?;
                let pictures = self.pictures(&batch, &batch.degraded);
                let Some((seen, _)) = plain.analyse(pictures, Mode { dropout: None, bypass }) else {
                    return Ok(());
                };
                let seen = if bypass == Bypass::Both { seen.top.rows } else { seen.bottom.rows };
                let mut order: Vec<i64> = (0..seen.dims()[0] as i64).collect();
                stream.shuffle(&mut order);
                order.truncate(SEED_ROWS);
                rows.push(seen.clone().select(0, Tensor::from_data(order.as_slice(), &seen.device())));
            }
            let rows = Tensor::cat(rows, 0);
            let mut order: Vec<usize> = (0..rows.dims()[0]).collect();
            stream.shuffle(&mut order);
            let picks: Vec<usize> = order.into_iter().cycle().take(config.model.codes).collect();
            let guide = self.net.guide.as_mut();
            let Some([coarse, fine]) = guide.and_then(|guide| guide.dam.codebooks.as_mut()) else {
                return Ok(());
            };
            let book = if bypass == Bypass::Both { coarse } else { fine };
            *book = book.clone().seed(rows, &picks, config.codebook.rounds);
        }
        Ok(())
    }

    /// Effective numbers of codes that the averaged network uses on these pictures: coarse, fine.
    pub(super) fn perplexity(&self, pairs: &[Pair]) -> [f32; 2] {
        let net = self.average.network(&self.net);
        let mut counts = [(); 2].map(|()| vec![0.0_f32; self.config.model.codes]);
        for pair in pairs {
            // Whole cells of both levels.
            let (width, height) = (pair.width / 8 * 8, pair.height / 8 * 8);
            let rows = pair.degraded.chunks_exact(pair.width * 3).take(height);
            let rgb: Vec<f32> = rows.flat_map(|row| &row[..width * 3]).copied().collect();
            let shape = [1, height, width, 3];
            let picture = Tensor::<4>::from_data(TensorData::new(rgb, shape), &self.device.clone().inner());
            let seen = net.analyse(picture.permute([0, 3, 1, 2]), Mode::EVALUATE);
            let Some((seen, _)) = seen.filter(|(seen, _)| seen.top.indices.is_some()) else {
                return [f32::NAN; 2];
            };
            for (counts, level) in counts.iter_mut().zip([seen.top, seen.bottom]) {
                let indices = level.indices.expect("nothing is bypassed").into_data().convert::<i64>();
                let indices: Vec<i64> = indices.try_into_vec().expect("they are integers");
                indices.into_iter().for_each(|code| counts[code as usize] += 1.0);
            }
        }
        counts.map(|counts| codebook::perplexity(&counts))
    }
}
