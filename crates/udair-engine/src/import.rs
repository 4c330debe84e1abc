//! Checkpoints of the reference implementation become weights.
//!
//! Read are PyTorch's zip files (`.pth`, `.ckpt`, with Lightning's wrapping) and safetensors, both
//! under the reference's tensor names, with or without the prefixes that trainers put before them.
//! The shape of the network follows from the shapes of its tensors. Nothing is dropped silently:
//! what the network does not use is listed. A pickle is read as data; none of it is ever executed.

mod archive;
mod checkpoint;
mod error;
mod infer;
mod pickle;
mod stored;

use std::collections::BTreeMap;

use safetensors::tensor::{SafeTensors, TensorView};

pub use error::ImportError;
use stored::{Kind, Stored};

use crate::{Config, Tensor, Weights, parameters};

/// A checkpoint turned into weights, and what of it was left out.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The network. It has no identification: that is made from pictures, not found in checkpoints.
    pub weights: Weights,
    /// Prefixes that were taken off names, such as `net.`.
    pub prefixes: Vec<String>,
    /// Tensors of the decoder that the reference trains but never uses.
    pub dead: Vec<String>,
    /// Tensors that no part of the network knows.
    pub unknown: Vec<String>,
    /// Entries of the checkpoint that are no tensors of the network, such as `optimizer_states`.
    pub other: Vec<String>,
}

/// Tensors by name, and the names of what else a file holds.
struct Contents<'a> {
    tensors: BTreeMap<String, Stored<'a>>,
    other: Vec<String>,
}

/// What trainers put before the reference's names: Lightning's attribute, data parallelism, and
/// `torch.compile`.
const PREFIXES: [&str; 3] = ["net.", "module.", "_orig_mod."];

/// The reconstruction decoder of the codebooks, whose output the reference throws away.
const DEAD: [&str; 3] = ["dam.codebook.upsample_t.", "dam.codebook.dec.", "dam.codebook.out_conv."];

/// The patterns of the paper, in the order that the reference trains them in.
const PATTERNS: [&str; 5] = ["denoise", "dehaze", "derain", "lowlight", "underwater"];

/// Reads a checkpoint: the bytes of a `.pth`, `.ckpt` or `.safetensors` file.
///
/// # Errors
/// [`ImportError`] for files of another kind, damaged files, pickles that ask for anything but
/// tensors in plain containers, and networks that are not UDAIR.
pub fn import(bytes: &[u8]) -> Result<Imported, ImportError> {
    let Contents { tensors, other } = contents(bytes)?;
    let mut prefixes = Vec::new();
    let mut named = BTreeMap::new();
    for (name, stored) in tensors {
        let short = strip(&name, &mut prefixes).to_string();
        if named.insert(short.clone(), stored).is_some() {
            return Err(ImportError::NotUdair(format!("{short} is there twice, under different prefixes")));
        }
    }
    let dead = take(&mut named, |name| DEAD.iter().any(|dead| name.starts_with(dead)));
    let config = infer::config(&named)?;
    config.validate()?;
    let (tensors, unknown) = widen(&config, &mut named, bytes.len())?;
    let metadata = [("arch", "\"udair\""), ("licence", "\"not stated: imported from a checkpoint\"")];
    let metadata = metadata.map(|(key, value)| (key.to_string(), value.to_string())).into();
    let weights = Weights::new(config, PATTERNS.map(String::from).to_vec(), metadata, tensors, None)?;
    Ok(Imported { weights, prefixes, dead, unknown, other })
}

fn contents(bytes: &[u8]) -> Result<Contents<'_>, ImportError> {
    match bytes {
        [b'P', b'K', ..] => checkpoint::contents(bytes),
        // A pickle without the zip around it, or a tar: what PyTorch wrote until 2020.
        [0x80, 2, ..] => Err(ImportError::Old),
        _ => safetensors(bytes),
    }
}

fn safetensors<'a>(bytes: &'a [u8]) -> Result<Contents<'a>, ImportError> {
    let file = SafeTensors::deserialize(bytes).map_err(|_| ImportError::Kind)?;
    let stored = |(name, view): (String, TensorView<'a>)| {
        let kind = Kind::of_safetensors(view.dtype());
        (name, Stored::contiguous(kind, view.data(), view.shape().to_vec()))
    };
    Ok(Contents { tensors: file.tensors().into_iter().map(stored).collect(), other: Vec::new() })
}

/// The name without prefixes; those taken off are added to `prefixes` once.
fn strip<'a>(mut name: &'a str, prefixes: &mut Vec<String>) -> &'a str {
    while let Some((prefix, short)) = PREFIXES.iter().find_map(|p| Some((*p, name.strip_prefix(p)?))) {
        if !prefixes.iter().any(|known| known == prefix) {
            prefixes.push(prefix.to_string());
        }
        name = short;
    }
    name
}

/// Removes the names that are meant, and returns them.
fn take(named: &mut BTreeMap<String, Stored<'_>>, meant: impl Fn(&str) -> bool) -> Vec<String> {
    let names: Vec<String> = named.keys().filter(|name| meant(name)).cloned().collect();
    names.iter().for_each(|name| drop(named.remove(name)));
    names
}

/// The network's tensors as f32, and the names that are left over.
fn widen(
    config: &Config,
    named: &mut BTreeMap<String, Stored<'_>>,
    file: usize,
) -> Result<(BTreeMap<String, Tensor>, Vec<String>), ImportError> {
    let list = parameters(config);
    // Views of one storage could claim any number of values; honest tensors share none.
    let values = list.iter().filter(|p| named.contains_key(&p.name)).map(crate::Parameter::len);
    if values.fold(0, usize::saturating_add) > file {
        return Err(ImportError::Damaged("it claims more values than it has bytes".into()));
    }
    let mut tensors = BTreeMap::new();
    for parameter in &list {
        let Some(stored) = named.get(&parameter.name) else { continue };
        // A tensor of another shape is not read: `Weights::new` reports it with both shapes.
        let data = if stored.shape == parameter.shape { stored.read() } else { Ok(Vec::new()) };
        let data = data.map_err(|what| ImportError::Damaged(format!("{} {what}", parameter.name)))?;
        tensors.insert(parameter.name.clone(), Tensor { shape: stored.shape.clone(), data });
    }
    let unknown = take(named, |name| !tensors.contains_key(name));
    Ok((tensors, unknown))
}

#[cfg(test)]
mod tests;
