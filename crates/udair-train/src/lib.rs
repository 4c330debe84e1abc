//! From pictures to weights: data sets in their published layouts, degradations with their physics, a
//! loader that keeps a trainer fed, and the trainer.
//!
//! [`data`] and [`degrade`] know no network and no deep-learning framework: batches are plain `f32`
//! buffers, and without the feature `trainer` the crate is these two alone. Every random draw comes from one [`rng::Stream`] keyed by (seed, epoch, index), so a run gives the same
//! pictures whatever the number of threads and wherever it is resumed.

pub mod data;
pub mod degrade;
pub mod rng;

#[cfg(feature = "trainer")]
pub mod batches;
#[cfg(feature = "trainer")]
pub mod checkpoint;
#[cfg(feature = "trainer")]
pub mod config;
#[cfg(feature = "trainer")]
pub mod cscl;
#[cfg(feature = "trainer")]
pub mod ema;
#[cfg(feature = "trainer")]
mod error;
#[cfg(feature = "trainer")]
pub mod held;
#[cfg(feature = "trainer")]
pub mod identification;
#[cfg(feature = "trainer")]
pub mod loss;
#[cfg(feature = "trainer")]
pub mod muon;
#[cfg(feature = "trainer")]
pub mod optimiser;
#[cfg(feature = "trainer")]
pub mod run;
#[cfg(feature = "trainer")]
pub mod runner;
#[cfg(feature = "trainer")]
pub mod schedule;
#[cfg(feature = "trainer")]
pub mod stored;
#[cfg(feature = "trainer")]
pub mod tensorboard;
#[cfg(feature = "trainer")]
pub mod trainer;
#[cfg(feature = "trainer")]
pub mod validation;

/// Where a network computes; `Device::flex()` is the CPU.
#[cfg(feature = "trainer")]
pub use burn::tensor::Device;
#[cfg(feature = "trainer")]
pub use error::TrainError;
