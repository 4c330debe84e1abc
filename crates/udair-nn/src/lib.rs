//! The UDAIR network as Burn modules: the same network and the same weights file as
//! `udair-engine`, differentiable and on any device that Burn knows.
//!
//! A [`Udair`] is made from [`Weights`](udair_engine::Weights) (loaded, or fresh from
//! [`initial_weights`]) and a device; `forward` returns the picture together with what the
//! degradation analysis saw, so that losses and codebook updates need no second pass. Tensors are
//! N x C x H x W, pictures are RGB in \[0, 1\].
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use udair_engine::Config;
//! use udair_nn::{Mode, Udair, initial_weights};
//!
//! let config = Config { width: 4, trunk: 8, codes: 16, heads: [1, 1, 2, 2], ..Config::small() };
//! let device = Device::flex();
//! let net = Udair::from_weights(&initial_weights(&config, 1)?, &device);
//! let output = net.forward(Tensor::zeros([1, 3, 16, 16], &device), Mode::EVALUATE);
//! assert_eq!(output.picture.dims(), [1, 3, 16, 16]);
//! # Ok::<(), udair_engine::EngineError>(())
//! ```
//!
//! Invariant: the modules declare their parameters in the order of
//! [`udair_engine::parameters`], so that one walk over both names every tensor.

pub mod adapter;
pub mod attention;
pub mod block;
pub mod codebook;
mod conv;
pub mod daam;
pub mod device;
pub mod entropy;
pub mod feed_forward;
pub mod gate;
mod guide;
mod inference;
mod initial;
pub mod metaformer;
mod network;
mod norm;
pub mod ops;
mod padding;
pub mod resnet;
mod stream;
pub mod transformer;
pub mod trunk;
mod weights;

pub use conv::{Conv, ConvConfig};
pub use guide::{Conditions, Guide};
pub use initial::initial_weights;
pub use network::{Bypass, Features, Mode, Output, Udair};
pub use norm::LayerNorm;
