//! The crate from outside: reference values, and what must hold for any picture.
#![allow(clippy::unwrap_used)]

mod file_free;
mod golden;
mod properties;
mod support;
mod synth;
