//! Why a checkpoint could not be read, and what to do about it.

use thiserror::Error;

use crate::EngineError;

/// An error of [`import`](crate::import()). Callers add the name of the file that it concerns.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Neither a PyTorch zip file nor safetensors.
    #[error("neither a PyTorch checkpoint nor a safetensors file")]
    Kind,
    /// A file in the format that PyTorch wrote before version 1.6.
    #[error("a checkpoint in the format of PyTorch before 1.6, which is not read")]
    Old,
    /// The file contradicts itself or ends early.
    #[error("a damaged checkpoint: {0}")]
    Damaged(String),
    /// The pickle asks for something that is not a tensor in plain containers.
    #[error("the checkpoint asks for {0}, which is refused: only tensors and plain containers are read")]
    Forbidden(String),
    /// A readable checkpoint, but of another network.
    #[error("not a checkpoint of UDAIR: {0}")]
    NotUdair(String),
    /// The tensors make no complete network.
    #[error(transparent)]
    Weights(#[from] EngineError),
}

impl ImportError {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Kind => "give a .pth, .ckpt or .safetensors file",
            Self::Old => "load it in PyTorch 1.6 or newer and write it again with torch.save",
            Self::Damaged(_) => "fetch the file again and compare its checksum",
            Self::Forbidden(_) => {
                "in PyTorch, save the state dict alone: torch.save(model.state_dict(), ...)"
            }
            Self::NotUdair(_) | Self::Weights(_) => "it must hold every tensor of the reference's network",
        }
    }
}
