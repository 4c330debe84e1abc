//! Pictures to train on: where they are, what is wrong with them, and how they become batches.
//!
//! A [`Manifest`] lists pictures and pairs; it is read from a file, from folders ([`paired_folders`]), from
//! a published data set ([`Layout`]) or from patterns of paths ([`index`]). [`check`] tells what is wrong
//! with it. A [`Dataset`] makes balanced batches of it, a [`Loader`] makes them ahead of time.

mod batch;
mod check;
mod cut;
mod dataset;
mod error;
mod files;
mod index;
mod layouts;
mod leaves;
mod loader;
mod manifest;
mod mix;
mod order;
mod pairing;
mod picture;
mod synthesize;
#[cfg(test)]
pub(crate) mod testing;

pub use batch::{Batch, Flip, Sample};
pub use check::{Mismatch, Report, Row, check};
pub use cut::cut;
pub use dataset::Dataset;
pub use error::DataError;
pub use index::index;
pub use layouts::{LAYOUTS, Layout, Split};
pub use leaves::dead_leaves;
pub use loader::Loader;
pub use manifest::{Entry, Manifest};
pub use mix::Mix;
pub use pairing::paired_folders;
pub use picture::{Cache, Rgb8, save_png};
pub use synthesize::Synthesis;
