//! Python's pickle format, read as data.
//!
//! A pickle is a program for a stack machine that may call any function of the reader's program.
//! Here it cannot: values go into a flat list of [`Node`]s, calls are understood only for the few
//! classes that [`Class`] names, and what they would build is described, not built. Everything else
//! is refused by name. Read is protocol 2, which PyTorch writes, and the bytes of protocol 3.
//! Nodes refer to each other by number and are never copied, so neither depth nor cycles nor
//! repetition can hurt.

mod class;
mod machine;

pub(super) use class::Class;
use machine::Machine;

use super::stored::Kind;

/// Place of a value in [`Pickle::nodes`].
pub(super) type Id = usize;

/// A value of the pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// What no tensor needs: numbers with a fraction, bytes, truth values, harmless objects.
    Opaque,
    Integer(i64),
    Text(String),
    /// A tuple or list.
    Sequence(Vec<Id>),
    /// A dictionary.
    Map(Vec<(Id, Id)>),
    Class(Class),
    /// Raw values in the file `data/<key>` of the archive; the key is a text.
    Storage {
        kind: Kind,
        key: Id,
    },
    /// A view of a storage.
    Tensor {
        storage: Id,
        offset: usize,
        shape: Vec<usize>,
        strides: Vec<usize>,
    },
}

/// A pickle that has been read.
#[derive(Debug)]
pub(super) struct Pickle {
    nodes: Vec<Node>,
    root: Id,
}

/// Why a pickle is not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PickleError {
    /// It ends early or contradicts itself.
    Damaged(&'static str),
    /// It names a class, or uses an operation, that is refused.
    Forbidden(String),
}

impl Pickle {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, PickleError> {
        let (nodes, root) = Machine::run(bytes)?;
        Ok(Self { nodes, root })
    }

    pub(super) fn root(&self) -> &Node {
        &self.nodes[self.root]
    }

    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    /// The text at `id`, if it is one.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match &self.nodes[id] {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
