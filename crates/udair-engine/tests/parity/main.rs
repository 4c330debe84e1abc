//! Is the engine UDAIR? Held against the reference's own numbers and against a plain form.
//!
//! [`plain`] is the network written as naively as its equations read. It is first shown to be right:
//! every intermediate equals what the authors' program computed ([`golden`], [`layers`]). Then the
//! engine is held against it where no reference numbers exist: any size of picture, any
//! configuration ([`sizes`]).

mod golden;
mod identification;
mod layers;
mod plain;
mod random;
mod reference;
mod sizes;
