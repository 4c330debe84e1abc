//! The classes and functions that a pickle may name.

use crate::import::stored::Kind;

/// A class or function that may be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) enum Class {
    OrderedDict,
    /// Makes a tensor from a storage, an offset, a shape and strides.
    RebuildTensor,
    /// Makes a parameter from a tensor.
    RebuildParameter,
    Storage(Kind),
    /// A container of settings: it may be there, its content is not looked at.
    Settings,
}

/// Containers that trainers keep their settings in.
const SETTINGS: [(&str, &str); 13] = [
    ("collections", "defaultdict"),
    ("collections", "Counter"),
    ("torch", "Size"),
    ("torch", "device"),
    ("argparse", "Namespace"),
    ("pytorch_lightning.utilities.parsing", "AttributeDict"),
    ("lightning_fabric.utilities.data", "AttributeDict"),
    ("lightning.fabric.utilities.data", "AttributeDict"),
    ("__builtin__", "dict"),
    ("__builtin__", "list"),
    ("__builtin__", "int"),
    ("__builtin__", "float"),
    ("__builtin__", "set"),
];

impl Class {
    /// The class of this name, if it is one of those that may be named.
    pub(super) fn named(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "DoubleStorage") => Self::Storage(Kind::F64),
            ("torch", "FloatStorage") => Self::Storage(Kind::F32),
            ("torch", "HalfStorage") => Self::Storage(Kind::F16),
            ("torch", "BFloat16Storage") => Self::Storage(Kind::Bf16),
            ("torch", "LongStorage") => Self::Storage(Kind::Other(8)),
            ("torch", "IntStorage") => Self::Storage(Kind::Other(4)),
            ("torch", "ShortStorage") => Self::Storage(Kind::Other(2)),
            ("torch", "CharStorage" | "ByteStorage" | "BoolStorage") => Self::Storage(Kind::Other(1)),
            _ if SETTINGS.contains(&(module, name)) => Self::Settings,
            _ => return None,
        })
    }
}
