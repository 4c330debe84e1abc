//! PyTorch's checkpoints: a zip file of one pickle, `data.pkl`, and a file of raw values for every
//! storage.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::archive::Archive;
use super::pickle::{Id, Node, Pickle, PickleError};
use super::{Contents, ImportError, Stored};

/// The largest pickle that is read, in bytes; that of the full network with its optimiser has
/// about 500 kB.
const LARGEST_PICKLE: usize = 16 << 20;

/// Where trainers put the state dict in a larger checkpoint; Lightning's comes first.
const STATE_DICTS: [&str; 4] = ["state_dict", "model", "params", "net"];

/// The tensors of a checkpoint.
pub(super) fn contents(bytes: &[u8]) -> Result<Contents<'_>, ImportError> {
    let archive = Archive::read(bytes)?;
    let folder = archive.names().find_map(|name| name.strip_suffix("data.pkl")).ok_or(ImportError::Kind)?;
    let byte_order = format!("{folder}byteorder");
    if archive.names().any(|name| name == byte_order) && archive.entry(&byte_order)? != b"little" {
        return Err(ImportError::Forbidden("values in big-endian order".into()));
    }
    let pickle = archive.entry(&format!("{folder}data.pkl"))?;
    if pickle.len() > LARGEST_PICKLE {
        return Err(ImportError::Damaged("its pickle has more than 16 MiB".into()));
    }
    let pickle = Pickle::read(pickle)?;
    let (mut other, mut storages) = (Vec::new(), BTreeMap::new());
    let mut tensors = BTreeMap::new();
    for (name, node) in state_dict(&pickle, &mut other)? {
        let Node::Tensor { storage, offset, shape, strides } = node else {
            other.push(name.to_string());
            continue;
        };
        let Node::Storage { kind, key } = pickle.node(*storage) else { continue };
        let key = pickle.text(*key).unwrap_or_default();
        // Checksums are verified once, however many tensors view a storage.
        let storage = match storages.entry(key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => *new.insert(archive.entry(&format!("{folder}data/{key}"))?),
        };
        let stored =
            Stored { kind: *kind, storage, offset: *offset, shape: shape.clone(), strides: strides.clone() };
        tensors.insert(name.to_string(), stored);
    }
    Ok(Contents { tensors, other })
}

/// The named entries of the state dict; the names of what lies beside it go to `other`.
fn state_dict<'a>(
    pickle: &'a Pickle,
    other: &mut Vec<String>,
) -> Result<Vec<(&'a str, &'a Node)>, ImportError> {
    let Node::Map(root) = pickle.root() else {
        return Err(ImportError::NotUdair("it holds no state dict".into()));
    };
    let root = named(pickle, root);
    let inner = STATE_DICTS.iter().find_map(|wanted| {
        root.iter().find_map(|&(name, node)| match node {
            Node::Map(pairs) if name == *wanted => Some((name, pairs)),
            _ => None,
        })
    });
    let Some((state_dict, pairs)) = inner else { return Ok(root) };
    other.extend(root.iter().filter(|(name, _)| *name != state_dict).map(|(name, _)| (*name).to_string()));
    Ok(named(pickle, pairs))
}

fn named<'a>(pickle: &'a Pickle, pairs: &[(Id, Id)]) -> Vec<(&'a str, &'a Node)> {
    pairs.iter().filter_map(|&(key, value)| Some((pickle.text(key)?, pickle.node(value)))).collect()
}

impl From<PickleError> for ImportError {
    fn from(error: PickleError) -> Self {
        match error {
            PickleError::Damaged(what) => Self::Damaged(what.into()),
            PickleError::Forbidden(what) => Self::Forbidden(what),
        }
    }
}
