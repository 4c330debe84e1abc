//! The training loop: batches in, checkpoints and a weights file out.
//!
//! A step is a function of the state and of its number: batches, dropout masks and permutations
//! are drawn from (seed, step), so a run that was interrupted anywhere goes on from its last
//! checkpoint to the same bytes (on the CPU).

mod codes;
mod saved;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use udair_engine::{Guidance, Weights};
use udair_nn::daam::Analysis;
use udair_nn::{Bypass, Conditions, Mode, Output, Udair, initial_weights};

use crate::TrainError;
use crate::batches::{Batches, Pair};
use crate::checkpoint::{Checkpoints, Files, State};
use crate::config::Config;
use crate::cscl;
use crate::data::{Batch, DataError, Loader};
use crate::ema::Average;
use crate::held::Held;
use crate::loss::Restoration;
use crate::muon;
use crate::optimiser::{Optimiser, clip};
use crate::rng::Stream;
use crate::run::{COLUMNS, RunFolder};
use crate::stored;
use crate::validation::Validation;

/// Batches made ahead by each thread of the loader.
const AHEAD: usize = 2;
/// Crops of each pattern that the anchors of a validation are made from, but for the last.
const QUICK_ANCHORS: usize = 24;

/// Told what happens, asked whether to stop. Libraries never print.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: &Event);
    /// True once the run should save and return.
    fn stop(&self) -> bool;
}

/// What a run tells.
#[derive(Debug)]
pub enum Event {
    /// Values of one log step, in the order of [`COLUMNS`], and the seconds that are left.
    Step([f64; COLUMNS.len()], f64),
    /// A validation after so many steps.
    Validation(u64, Validation),
    /// A checkpoint was written.
    Saved(PathBuf),
    /// The run goes on after so many steps; these checkpoints were damaged and passed over.
    Resumed(u64, Vec<PathBuf>),
    /// Codebooks quantise from now on.
    CodebooksSeeded,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// All steps are done; the weights file, with anchors.
    Finished(PathBuf),
    /// The observer stopped it after this many steps; everything is saved.
    Stopped(u64),
}

/// A network in training.
struct Trainer<'a> {
    config: &'a Config,
    batches: Arc<dyn Batches>,
    device: Device,
    net: Udair,
    average: Average,
    optimiser: Optimiser,
    /// The analysis, where it does not learn.
    held: Option<Held>,
    state: State,
    /// Fingerprints of the pictures that the weights were trained on before this run.
    before: BTreeSet<String>,
    /// What was validated after the last step, all anchors included.
    last: Option<Weights>,
}

/// Trains in `run`: from its newest checkpoint, or from `init` where it has none (fresh weights
/// for `None`).
pub fn train(
    config: &Config,
    init: Option<Weights>,
    batches: Arc<dyn Batches>,
    pairs: &[Pair],
    device: &Device,
    run: &mut RunFolder,
    observer: &mut dyn Observer,
) -> Result<Outcome, TrainError> {
    let checkpoints = Checkpoints::new(&run.checkpoints(), config.log.keep);
    let newest = checkpoints.newest()?;
    let continued = init.is_some() && newest.valid.is_none();
    let mut trainer = match newest.valid {
        Some((state, files)) => {
            observer.event(&Event::Resumed(state.step, newest.damaged));
            Trainer::resume(config, batches, device, state, &files)?
        }
        None => Trainer::start(config, init, batches, device)?,
    };
    if continued && !pairs.is_empty() {
        // Later checkpoints must be better than what the run started from.
        trainer.validate(pairs, run, observer)?;
    }
    let (began, first) = (Instant::now(), trainer.state.step);
    let mut loader = trainer.loader(first);
    let mut since_log = (Instant::now(), trainer.state.samples);
    while trainer.state.step < config.steps {
        let codes_learn = config.optim.analysis && config.model.guidance == Guidance::Codebook;
        if codes_learn && trainer.state.step == config.codebook.bypass && config.codebook.seed_batches > 0 {
            trainer.seed_codebooks()?;
            observer.event(&Event::CodebooksSeeded);
        }
        let mut row = trainer.step(&mut loader)?;
        let step = trainer.state.step;
        let last = step == config.steps;
        if step % config.log.every.max(1) == 0 || last {
            let seconds = since_log.0.elapsed().as_secs_f64();
            row[15] = (trainer.state.samples - since_log.1) as f64 / seconds.max(1e-9);
            row[16] = loader.waited_share();
            let pace = began.elapsed().as_secs_f64() / (step - first) as f64;
            run.row(&row)?;
            observer.event(&Event::Step(row, pace * (config.steps - step) as f64));
            since_log = (Instant::now(), trainer.state.samples);
        }
        let settled = !codes_learn || step >= config.codebook.bypass;
        let due = !pairs.is_empty() && settled && (step % config.val.every.max(1) == 0 || last);
        let best = due && trainer.validate(pairs, run, observer)?;
        let stopped = observer.stop();
        if best || last || stopped || step % config.log.save_every.max(1) == 0 {
            let path = checkpoints.save(trainer.saved_state(), &trainer.files()?, best)?;
            observer.event(&Event::Saved(path));
        }
        if stopped && !last {
            return Ok(Outcome::Stopped(step));
        }
    }
    let path = run.path().join("weights.safetensors");
    let bytes = stored::weights(&trainer.finished()?, true)?;
    std::fs::write(&path, bytes).map_err(TrainError::io(&path))?;
    Ok(Outcome::Finished(path))
}

impl<'a> Trainer<'a> {
    fn start(
        config: &'a Config,
        init: Option<Weights>,
        batches: Arc<dyn Batches>,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let weights = match init {
            Some(weights) if weights.config != config.model => {
                let message = "model differs from the shape of the weights that init names";
                return Err(TrainError::Config(format!("{message}\nhint: leave [model] to the weights")));
            }
            Some(weights) => weights,
            None => {
                let mut weights = initial_weights(&config.model, config.seed)?;
                let counts = weights.tensors.iter_mut().filter(|(name, _)| name.ends_with("cluster_size"));
                counts.for_each(|(_, tensor)| tensor.data.fill(config.codebook.start_count));
                weights
            }
        };
        let (device, before) = (device.clone().autodiff(), weights.trained_on());
        let net = Udair::from_weights(&weights, &device).with_arithmetic(config.arithmetic()?);
        let matrices = if config.optim.muon { muon::matrices(&config.model) } else { Vec::new() };
        let optimiser = Optimiser::new(config.model.parameter_count(), matrices, &device.clone().inner());
        let held = (!config.optim.analysis).then(|| Held::of(&weights, &device.clone().inner()));
        let average = Average::new(&net);
        Ok(Self {
            held,
            config,
            batches,
            device,
            net,
            average,
            optimiser,
            state: State::default(),
            before,
            last: None,
        })
    }

    fn resume(
        config: &'a Config,
        batches: Arc<dyn Batches>,
        device: &Device,
        state: State,
        files: &Files,
    ) -> Result<Self, TrainError> {
        let file = |name: &str| {
            files.get(name).ok_or_else(|| TrainError::Config(format!("the checkpoint lacks {name}")))
        };
        let weights = Weights::from_bytes(file("model.safetensors")?)?;
        let average = Weights::from_bytes(file("ema.safetensors")?)?;
        let mut trainer = Self::start(config, Some(weights), batches, device)?;
        trainer.average = Average::new(&Udair::from_weights(&average, device));
        let (fresh, moments) = (trainer.optimiser.clone(), file("optim.safetensors")?);
        trainer.optimiser = stored::read_moments(moments, fresh, state.optimiser_steps)
            .ok_or_else(|| TrainError::Config("the checkpoint's moments are of another network".into()))?;
        trainer.state = state;
        Ok(trainer)
    }

    /// Batches from step `first` on, made ahead.
    fn loader(&self, first: u64) -> Loader<Result<Batch, DataError>> {
        let (config, batches) = (self.config.clone(), self.batches.clone());
        let parts = config.optim.accumulate as u64;
        Loader::start(config.data.threads, AHEAD, first * parts, move |number| {
            let (size, per_pattern) = config.crops(number / parts);
            batches.batch(number, size, per_pattern)
        })
    }

    /// One step of the optimiser; its row for the log.
    fn step(
        &mut self,
        loader: &mut Loader<Result<Batch, DataError>>,
    ) -> Result<[f64; COLUMNS.len()], TrainError> {
        let (config, step) = (self.config, self.state.step);
        let parts = config.optim.accumulate;
        let mut total: Option<Tensor<1>> = None;
        let mut values = [0.0; 8];
        for part in 0..parts {
            let batch = loader.next().ok_or(TrainError::Loader)??;
            let mut stream = Stream::new(config.seed, step, part as u64);
            let (losses, gradient, analysis) = self.differentiate(&batch, &mut stream);
            values.iter_mut().zip(losses).for_each(|(sum, v)| *sum += f64::from(v) / parts as f64);
            total = Some(match total {
                Some(total) => total + gradient,
                None => gradient,
            });
            if let Some(analysis) = analysis {
                self.follow(&analysis, &mut stream);
            }
            self.state.samples += batch.len() as u64;
        }
        let [loss, l1, log_mse, fft, contrast, moments, commit, mse] = values;
        if !loss.is_finite() {
            return Err(TrainError::Diverged { step, loss: loss as f32 });
        }
        let gradient = total.expect("at least one part") / parts as f64;
        let (gradient, norm) = clip(gradient, config.optim.clip);
        let lr = config.schedule.rate(step, config.steps, config.optim.lr);
        let before = self.net.flat();
        let mut moved = self.optimiser.step(before.clone(), gradient, lr, &config.optim);
        if let Some(held) = &self.held {
            moved = held.step(&before, moved);
        }
        self.net = self.net.clone().with_flat(&moved);
        self.average.update(&self.net, step, config.ema.decay);
        self.state.step += 1;
        let guide = self.net.guide.as_ref();
        let books = guide.and_then(|guide| guide.dam.codebooks.as_ref());
        let books = books.map_or([f64::NAN; 2], |books| books.each_ref().map(|b| f64::from(b.perplexity())));
        let scale = guide.map_or(f64::NAN, |guide| guide.logit_scale.val().into_scalar::<f32>().into());
        Ok([
            self.state.step as f64,
            self.state.samples as f64,
            lr,
            loss,
            l1,
            log_mse,
            fft,
            contrast,
            moments,
            commit,
            norm,
            books[0],
            books[1],
            (-scale).exp(),
            -10.0 * (mse + 1e-10).log10(),
            0.0,
            0.0,
        ])
    }

    /// Losses (total, L1, log MSE, FFT, CSCL, moments, commitment; then the MSE), the gradient of
    /// the total and what the analysis saw.
    fn differentiate(&self, batch: &Batch, stream: &mut Stream) -> ([f32; 8], Tensor<1>, Option<Analysis>) {
        let weights = &self.config.loss;
        let [degraded, clean] = [&batch.degraded, &batch.clean].map(|data| self.pictures(batch, data));
        let bypass =
            if self.state.step < self.config.codebook.bypass { Bypass::Both } else { Bypass::Neither };
        let output = match &self.held {
            Some(_) => {
                let conditions = self.net.clone().valid().conditions(degraded.clone());
                Output { picture: self.net.restore(degraded, conditions), guided: None }
            }
            None => self.net.forward(degraded, Mode { dropout: Some(stream.bits()), bypass }),
        };
        let restoration = Restoration::new(output.picture, clean, &batch.referenced);
        let none = || Tensor::zeros([1], &self.device.clone().inner());
        let [contrast, moments, commitment] = match &output.guided {
            Some(guided) => self.contrast(batch, guided, stream),
            None => [none(), none(), none()],
        };
        let terms = [
            (weights.l1, restoration.l1),
            (weights.log_mse, restoration.log_mse),
            (weights.fft, restoration.fft),
            (weights.cscl, contrast),
            (weights.moments, moments),
            (weights.commit, commitment),
        ];
        let loss = terms.iter().map(|(weight, term)| term.clone() * *weight).reduce(|a, b| a + b);
        let loss = loss.expect("there are six terms");
        let values = [loss.clone()].into_iter().chain(terms.map(|(_, term)| term)).map(Tensor::inner);
        let values = Tensor::cat(values.chain([restoration.mse.mean()]).collect(), 0);
        let values: Vec<f32> = values.into_data().try_into_vec().expect("losses are f32");
        let gradient = self.net.gradients(loss.backward());
        (values.try_into().expect("eight values"), gradient, output.guided.map(|(analysis, _)| analysis))
    }

    /// CSCL, the contrast over moments, and the commitment to the codes.
    fn contrast(
        &self,
        batch: &Batch,
        (analysis, conditions): &(Analysis, Conditions),
        stream: &mut Stream,
    ) -> [Tensor<1>; 3] {
        let (patterns, m) = (batch.patterns, batch.per_pattern);
        let similarity = self.config.loss.similarity;
        // Pictures of no pattern stand at the end.
        let sorted = |rows: Tensor<2>| rows.narrow(0, 0, patterns * m);
        let orders = cscl::permutations(similarity, patterns, m, stream);
        let features = sorted(cscl::features(analysis.d.clone()));
        let scale = self.net.guide.as_ref().expect("something was guided").logit_scale.val();
        let contrast = cscl::loss(cscl::logits(features, &orders, scale, similarity));
        let moments = if m > 1 {
            cscl::moments_loss(sorted(cscl::moments(conditions)), patterns)
        } else {
            Tensor::zeros([1], &self.device.clone().inner())
        };
        [contrast, moments, analysis.commitment()]
    }

    /// Scores the averaged weights; true where they are the best so far.
    fn validate(
        &mut self,
        pairs: &[Pair],
        run: &mut RunFolder,
        observer: &mut dyn Observer,
    ) -> Result<bool, TrainError> {
        let last = self.state.step == self.config.steps;
        let anchors = if last { self.config.val.anchors } else { QUICK_ANCHORS };
        let weights = self.weights(anchors)?;
        let mut found = Validation::run(&weights, pairs)?;
        self.last = last.then_some(weights);
        found.perplexity = self.perplexity(pairs);
        let best = self.state.best.is_none_or(|score| found.mean() > score);
        if best {
            self.state.best = Some(found.mean());
        }
        run.validated(&self.state, &found)?;
        observer.event(&Event::Validation(self.state.step, found));
        Ok(best)
    }

    /// `[n, 3, size, size]`, without gradient.
    fn pictures(&self, batch: &Batch, data: &[f32]) -> Tensor<4> {
        let shape = [batch.len(), 3, batch.size, batch.size];
        Tensor::from_data(TensorData::new(data.to_vec(), shape), &self.device.clone().inner())
    }
}
