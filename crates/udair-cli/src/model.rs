//! Which weights: a built-in name or a file. Names are looked up, never made into a path.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::Path;

use udair::{RestoreError, Restorer};
use udair_engine::{Attention, Engine, EngineError, Isa, Precision, Storage, Weights};

use crate::args::Compute;
use crate::memory;
use crate::problem::Problem;

/// The device that is always there.
const CPU: &str = "cpu";

/// Weights, with what reports say about them.
pub(crate) struct Model {
    pub(crate) name: String,
    bytes: Cow<'static, [u8]>,
    /// Bytes that the program may take, where that was said.
    memory: Option<u64>,
    pub(crate) machine: Machine,
    /// What restores.
    pub(crate) device: String,
    restorer: OnceCell<Restorer>,
}

/// Reads the weights that the arguments name, with the memory that they allow.
pub(crate) fn load(compute: &Compute) -> Result<Model, Problem> {
    let bytes = bytes(&compute.model)?;
    let built_in = matches!(bytes, Cow::Borrowed(_));
    let name = compute.model.clone();
    let machine = Machine::of(compute)?;
    let device = compute.device.clone();
    let elsewhere = device != CPU;
    if elsewhere && cfg!(not(feature = "train")) {
        return Err(Problem::new(format!("this build has no device {device:?}"))
            .hint("build with --features cuda (or vulkan, metal); without, everything runs on the cpu"));
    }
    let model = Model { name, bytes, memory: compute.memory, machine, device, restorer: OnceCell::new() };
    // A file or a device may be wrong, and that must show before anything is done.
    if !built_in || elsewhere {
        model.restorer()?;
    }
    Ok(model)
}

impl Model {
    /// The network, made ready at the first picture that needs it: a broken picture need not wait.
    pub(crate) fn restorer(&self) -> Result<&Restorer, Problem> {
        if let Some(restorer) = self.restorer.get() {
            return Ok(restorer);
        }
        let ready = || -> Result<Restorer, RestoreError> {
            let weights = Weights::from_bytes(&self.bytes)?;
            let engine = match self.machine.engine(&weights) {
                #[cfg(feature = "train")]
                Err(EngineError::Variant) => {
                    let network = crate::variant::Variant::new(&weights, &self.device);
                    return Ok(Restorer::with_network(Box::new(network.map_err(EngineError::Device)?)));
                }
                engine => engine?,
            };
            #[cfg(feature = "train")]
            let restorer = if self.device == CPU {
                Restorer::new(engine)?
            } else {
                let network = crate::device::OnDevice::new(engine, &weights, &self.device);
                Restorer::with_network(Box::new(network.map_err(EngineError::Device)?))
            };
            #[cfg(feature = "train")]
            let restorer = restorer.with_gradients(Box::new(crate::gradients::Gradients(weights)));
            #[cfg(not(feature = "train"))]
            let restorer = Restorer::new(engine)?;
            Ok(restorer)
        };
        let mut restorer = ready().map_err(|error| named(&self.name, error))?;
        if let Some(bytes) = memory::budget(self.memory) {
            restorer = restorer.with_memory(bytes);
        }
        Ok(self.restorer.get_or_init(|| restorer))
    }

    /// Fingerprints of the pictures that the weights were trained on, where they say so.
    pub(crate) fn trained_on(&self) -> Result<BTreeSet<String>, Problem> {
        let weights = Weights::from_bytes(&self.bytes).map_err(RestoreError::from);
        Ok(weights.map_err(|error| named(&self.name, error))?.trained_on())
    }

    /// SHA-256 of the weights file, in hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        udair_image::sha256(&self.bytes)
    }

    /// What makes results differ from the exact ones, for people.
    pub(crate) fn shortcuts(&self) -> Option<String> {
        let Machine { precision, storage, .. } = self.machine;
        let products = (precision != Precision::f32()).then(|| format!("{} products", precision.name()));
        let maps = (storage != Storage::F32).then(|| format!("{} maps", storage.name()));
        let device = (self.device != CPU).then(|| format!("on {}", self.device));
        let all: Vec<_> = products.into_iter().chain(maps).chain(device).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// The weights that the arguments name, unpacked.
pub(crate) fn weights(compute: &Compute) -> Result<Weights, Problem> {
    let weights = Weights::from_bytes(&bytes(&compute.model)?).map_err(RestoreError::from);
    weights.map_err(|error| named(&compute.model, error))
}

/// Refuses arguments that name another device than the CPU.
pub(crate) fn on_cpu(compute: &Compute) -> Result<(), Problem> {
    if compute.device == CPU {
        return Ok(());
    }
    Err(Problem::new(format!("this runs on the cpu alone, not on {:?}", compute.device))
        .hint("`udair devices --check 512x512` times other devices"))
}

/// The bare network of the weights that the arguments name, for those who measure it.
pub(crate) fn engine(compute: &Compute) -> Result<Engine, Problem> {
    on_cpu(compute)?;
    let engine = Machine::of(compute)?.engine(&weights(compute)?).map_err(RestoreError::from);
    Ok(bounded(engine.map_err(|error| named(&compute.model, error))?, compute))
}

/// What the network runs on, and how.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    isa: Isa,
    pub(crate) precision: Precision,
    pub(crate) storage: Storage,
    attention: Attention,
}

impl Machine {
    /// The fastest instructions of this machine, or those that `UDAIR_SIMD` names, for tests.
    pub(crate) fn of(compute: &Compute) -> Result<Self, Problem> {
        const VARIABLE: &str = "UDAIR_SIMD";
        let isa = match std::env::var(VARIABLE) {
            Err(_) => Isa::detect(),
            Ok(name) => Isa::named(&name).ok_or_else(|| {
                let known: Vec<_> = Isa::available().into_iter().map(Isa::name).collect();
                Problem::new(format!("{VARIABLE} is {name:?}, which this machine does not have"))
                    .hint(format!("it has {}", known.join(", ")))
            })?,
        };
        let precision = Precision::named(&compute.precision).ok_or_else(|| {
            Problem::new(format!("this machine has no instructions for {}", compute.precision))
                .hint("--precision f32 runs everywhere")
        })?;
        let storage = Storage::named(&compute.storage).unwrap_or_default();
        let attention = match compute.attention.as_str() {
            "whole" => Attention::Whole,
            "windows" => Attention::Windows,
            _ => Attention::ByPattern,
        };
        Ok(Self { isa, precision, storage, attention })
    }

    /// The network with these weights.
    pub(crate) fn engine(self, weights: &Weights) -> Result<Engine, EngineError> {
        let engine = Engine::with_precision(weights, self.isa, self.precision)?;
        Ok(engine.with_attention(self.attention).with_storage(self.storage))
    }
}

/// The network with the memory that the arguments allow.
pub(crate) fn bounded(engine: Engine, compute: &Compute) -> Engine {
    engine.with_memory(memory::budget(compute.memory).unwrap_or(usize::MAX))
}

fn bytes(name: &str) -> Result<Cow<'static, [u8]>, Problem> {
    if name == udair_weights::SMALL_NAME {
        return Ok(udair_weights::SMALL.into());
    }
    if !Path::new(name).is_file() {
        return Err(Problem::new(format!("{name:?} is neither a built-in model nor a file"))
            .hint("the built-in model is `small`"));
    }
    match std::fs::read(name) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(Problem::new(format!("cannot read {name}: {error}"))),
    }
}

/// Names the file in what is wrong with it.
fn named(name: &str, error: RestoreError) -> Problem {
    let problem = Problem::from(error);
    Problem { message: format!("{name}: {}", problem.message), ..problem }
}
