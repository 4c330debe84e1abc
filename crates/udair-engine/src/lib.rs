//! UDAIR on the CPU without a framework: whole images of any size, in bounded memory, with the
//! same bytes for any number of threads.
//!
//! A [`Weights`] file becomes an [`Engine`]; the engine turns a picture into [`Conditions`] (what
//! spoiled it), names the degradation ([`Identification`]) and restores it.
//!
//! ```no_run
//! use udair_engine::{Engine, Silent, Weights};
//!
//! let weights = Weights::from_bytes(&std::fs::read("small.safetensors")?)?;
//! let engine = Engine::new(&weights)?;
//! let (width, height) = (640, 480);
//! let rgb = vec![0.5_f32; width * height * 3];
//! let conditions = engine.conditions(&rgb, width, height, &Silent)?;
//! let found = engine.identify(&conditions);
//! let restored = engine.restore(rgb, width, height, conditions, &Silent)?;
//! assert_eq!(restored.len(), width * height * 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(test)]
extern crate self as udair_engine;

mod adapter;
mod anchors;
mod backbone;
mod block;
mod conditions;
mod config;
mod conv;
mod cost;
mod daam;
mod engine;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod grid;
mod identify;
mod import;
mod kernels;
mod machine;
mod pad;
mod palette;
mod parameters;
mod plan;
mod run;
mod samples;
mod source;
mod storage;
mod watch;
mod weights;

#[cfg(test)]
#[path = "../tests/parity/reference.rs"]
mod reference;

pub use adapter::{Adaptation, Adapted, Adapters, Alignment, Guard, Outcome, Verdict, View};
pub use anchors::{Aim, Anchor, MapSum, MomentSum, Moments};
pub use conditions::{Conditions, Map};
pub use config::{Blocks, Config, Guidance, Padding};
pub use engine::{Attention, Engine};
pub use error::EngineError;
pub use identify::{
    Examples, Finding, Identification, Identifier, Likeness, Look, PARTS, Pair, SMALLEST, kept_out, part,
};
pub use import::{ImportError, Imported, import};
pub use kernels::{Isa, Precision, planar};
pub use machine::Machine;
pub use parameters::{Parameter, Part, parameters};
pub use storage::Storage;
pub use watch::{Silent, Watch};
pub use weights::{Tensor, Weights};
