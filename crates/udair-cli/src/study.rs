//! `udair study`: what the mechanisms of the network do, measured.

mod adaptation;
mod anchors;
mod prototypes;

use clap::{Args, Subcommand};

use crate::exit::Exit;

/// Measure what identification and adaptation do
#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    #[command(subcommand)]
    study: Study,
}

#[derive(Debug, Subcommand)]
enum Study {
    Adaptation(adaptation::AdaptationArgs),
    Prototypes(prototypes::PrototypesArgs),
    Anchors(anchors::AnchorsArgs),
}

pub(crate) fn run(args: &StudyArgs) -> anyhow::Result<Exit> {
    match &args.study {
        Study::Prototypes(args) => prototypes::run(args),
        Study::Adaptation(args) => adaptation::run(args),
        Study::Anchors(args) => anchors::run(args),
    }
}
