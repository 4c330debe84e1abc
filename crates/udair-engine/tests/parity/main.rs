//! Is the engine UDAIR? Held against the reference's own numbers and against a plain form.
//!
//! [`plain`] is the network written as naively as its equations read. It is first shown to be right:
//! every intermediate equals what the authors' program computed ([`golden`], [`layers`]). Then the
//! engine is held against it where no reference numbers exist: any size of picture, any
//! configuration ([`sizes`]).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adaptation;
mod golden;
mod layers;
mod plain;
mod random;
mod reference;
mod sizes;
mod twin;
