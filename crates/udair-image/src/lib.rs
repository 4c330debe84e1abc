//! Pictures that lose nothing on the way in and out.
//!
//! [`Picture`] reads PNG, JPEG, WebP, TIFF, BMP and PNM with 8 or 16 bits a sample and keeps what a
//! restoration does not touch: the depth, the alpha channel, the colour profile and the metadata.
//! A network sees [`Picture::srgb`]; what it returns goes back through
//! [`Picture::with_restored`], which changes the samples and nothing else.
//!
//! Three more promises hold for every file. [`Limits`] are compared with the file's header before
//! anything that it sizes is allocated. What cannot be kept is refused ([`ImageError`], with a hint)
//! or named ([`Loss`]), never dropped in silence. And [`write_atomic`] leaves the old file or the whole new
//! one, whatever happens in between.
//!
//! This crate knows no network.
//!
//! ```
//! use udair_image::{EncodeOptions, Format, Limits, Picture};
//!
//! let picture = Picture::from_rgb8(2, 1, vec![255, 0, 0, 10, 20, 30])?;
//! let brighter: Vec<f32> = picture.srgb()?.iter().map(|v| (v + 0.1).min(1.0)).collect();
//! let result = picture.with_restored(&brighter, 1.0)?;
//! let file = result.encode(&EncodeOptions { format: Some(Format::Png), ..Default::default() })?;
//! let again = Picture::decode(&file, &Limits::default())?;
//! assert_eq!(again.to_rgb8()?, [255, 26, 26, 36, 46, 56]);
//! # Ok::<(), udair_image::ImageError>(())
//! ```

mod allocate;
mod atomic;
mod byte_order;
mod codec;
mod colour;
mod digest;
mod encode;
mod error;
mod format;
mod header;
mod limits;
mod loss;
mod metadata;
mod orientation;
mod picture;
mod pixels;
#[cfg(test)]
mod tests;

pub use atomic::{remove_stale_temps, write_atomic};
pub use digest::{fingerprint, sha256};
pub use encode::{EncodeOptions, Subsampling};
pub use error::ImageError;
pub use format::Format;
pub use header::{Header, read_header};
pub use limits::Limits;
pub use loss::Loss;
pub use picture::Picture;
pub use pixels::Depth;
