//! Validation: the averaged weights, run as users run them.

use std::collections::BTreeMap;

use udair_engine::Weights;
use udair_metrics::{Rgb8, psnr};

use crate::TrainError;
use crate::batches::Pair;
use crate::degrade::Photo;
use crate::runner::Runner;

/// Side in pixels of the pictures on a sample sheet, at most.
const SAMPLE: usize = 160;

/// What a validation found.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Mean scores by pattern and source.
    pub sources: BTreeMap<(String, String), Score>,
    /// Share of the pairs whose pattern was recognised, averaged over patterns; `None` without
    /// anchors.
    pub identified: Option<f32>,
    /// Effective numbers of codes in use on all pairs, exp(entropy): coarse and fine level.
    pub perplexity: [f32; 2],
    /// A picture to look at: a row for the first pair of every source, with the input, the output and
    /// the reference.
    pub samples: Photo,
}

/// Mean PSNR in dB of the pairs of a source.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Pairs.
    pub pairs: usize,
    /// Of the inputs.
    pub input: f32,
    /// Of the outputs.
    pub output: f32,
}

impl Validation {
    /// Restores every pair and compares 8-bit pictures, clipped. Codes are not counted: the
    /// perplexity is left open (NaN).
    pub fn run(weights: &Weights, pairs: &[Pair]) -> Result<Self, TrainError> {
        let runner = Runner::new(weights)?;
        let mut sources = BTreeMap::<_, Score>::new();
        let mut right = BTreeMap::<&str, [f32; 2]>::new();
        let mut rows = Vec::new();
        for pair in pairs {
            let (width, height) = (pair.width, pair.height);
            let conditions = runner.conditions(&pair.degraded, width, height)?;
            let found = weights
                .identifier
                .as_ref()
                .map(|identifier| identifier.identify(&conditions.feature, &conditions.parts));
            let [hits, all] = right.entry(&pair.pattern).or_default();
            *hits += f32::from(u8::from(found.is_some_and(|found| found.best().pattern == pair.pattern)));
            *all += 1.0;
            let restored = runner.restore(pair.degraded.clone(), width, height, conditions)?;
            let pictures = [&pair.degraded, &restored, &pair.clean];
            let [before, after, clean] = pictures.map(|rgb| bytes(rgb));
            let score = sources.entry((pair.pattern.clone(), pair.source.clone())).or_default();
            if score.pairs == 0 {
                rows.push(pictures.map(|rgb| centre(rgb, width, height)));
            }
            score.pairs += 1;
            score.input += decibels(&before, &clean, width, height);
            score.output += decibels(&after, &clean, width, height);
        }
        for score in sources.values_mut() {
            score.input /= score.pairs as f32;
            score.output /= score.pairs as f32;
        }
        let shares = right.values().map(|[hits, all]| hits / all).sum::<f32>() / right.len().max(1) as f32;
        let identified = weights.identifier.as_ref().map(|_| shares);
        Ok(Self { sources, identified, perplexity: [f32::NAN; 2], samples: sheet(&rows) })
    }

    /// Mean over sources of the output's PSNR in dB, clean pictures left out: what checkpoints are
    /// chosen by.
    pub fn mean(&self) -> f32 {
        let degraded = self.sources.iter().filter(|((pattern, _), _)| pattern != "clean");
        let scores: Vec<f32> = degraded.map(|(_, score)| score.output).collect();
        scores.iter().sum::<f32>() / scores.len().max(1) as f32
    }
}

/// PSNR in dB; 60 where the pictures are equal, so that a mean exists.
fn decibels(picture: &[u8], reference: &[u8], width: usize, height: usize) -> f32 {
    let view = |bytes| Rgb8::new(width, height, bytes).expect("both pictures have this size");
    psnr(&view(picture), &view(reference)).min(60.0) as f32
}

fn bytes(rgb: &[f32]) -> Vec<u8> {
    rgb.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect()
}

/// The centre of a picture, a square of [`SAMPLE`] pixels, black where it is smaller.
fn centre(rgb: &[f32], width: usize, height: usize) -> Photo {
    let mut pixels = vec![0.0; SAMPLE * SAMPLE * 3];
    let (w, h) = (width.min(SAMPLE), height.min(SAMPLE));
    let (left, top) = ((width - w) / 2, (height - h) / 2);
    for (y, to) in pixels.chunks_exact_mut(SAMPLE * 3).take(h).enumerate() {
        to[..w * 3].copy_from_slice(&rgb[((top + y) * width + left) * 3..][..w * 3]);
    }
    Photo { width: SAMPLE, height: SAMPLE, pixels }
}

/// Rows of pictures as one.
fn sheet(rows: &[[Photo; 3]]) -> Photo {
    let lines = rows.iter().flat_map(|row| {
        (0..SAMPLE)
            .flat_map(move |y| row.iter().flat_map(move |cell| &cell.pixels[y * SAMPLE * 3..][..SAMPLE * 3]))
    });
    let pixels = lines.copied().collect();
    Photo { width: 3 * SAMPLE, height: rows.len() * SAMPLE, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_goes_over_sources_and_leaves_clean_pictures_out() {
        let entry = |pattern: &str, source: &str, pairs, output| {
            ((pattern.to_string(), source.to_string()), Score { pairs, input: 10.0, output })
        };
        let sources =
            [entry("rain", "a", 1, 20.0), entry("rain", "b", 9, 30.0), entry("clean", "c", 5, 60.0)];
        let (identified, perplexity) = (None, [f32::NAN; 2]);
        let found = Validation { sources: sources.into(), identified, perplexity, samples: sheet(&[]) };
        assert_eq!(found.mean(), 25.0);
    }

    #[test]
    fn sheets_show_centres_side_by_side() {
        let plain = |value: f32, side: usize| centre(&vec![value; side * side * 3], side, side);
        let row = [plain(0.1, 200), plain(0.2, SAMPLE), plain(0.3, 8)];
        let sheet = sheet(&[row]);
        assert_eq!((sheet.width, sheet.height), (3 * SAMPLE, SAMPLE));
        let at = |x: usize, y: usize| sheet.pixels[(y * sheet.width + x) * 3];
        assert_eq!([at(0, 0), at(SAMPLE, 9), at(2 * SAMPLE, 7), at(2 * SAMPLE + 8, 7)], [0.1, 0.2, 0.3, 0.0]);
    }
}
