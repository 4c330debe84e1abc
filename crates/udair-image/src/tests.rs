//! Promises that span modules: what goes in comes out, and what must not go in is refused.

mod bad;
mod bombs;
mod colours;
mod fixtures;
mod kept;
mod kinds;
mod round_trip;
mod tables;
mod truncation;
