//! Parity with tensors made by the official PyTorch implementation, within the tolerances stored
//! beside them. Skipped, with a message, where the reference data is absent.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod golden;
mod layers;
mod network;
