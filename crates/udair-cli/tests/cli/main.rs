//! The command as its users see it: files in, files out, streams and exit codes.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod adapt;
mod batch;
mod collisions;
mod convert;
mod eval;
mod help;
mod interrupt;
mod metrics;
mod parts;
mod restore;
mod sandbox;
mod streams;
