//! `udair man`: the manual page, of the tool or of one verb.

use clap::{Args, CommandFactory};

use crate::args::Cli;
use crate::exit::Exit;
use crate::problem::Problem;

/// Print the manual page
///
/// To read it: `udair man | man -l -`
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// A command, for its own page
    command: Option<String>,
}

pub(crate) fn run(args: &ManArgs) -> anyhow::Result<Exit> {
    let mut tool = Cli::command();
    tool.build();
    let page = match &args.command {
        None => tool,
        Some(name) => tool
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| Problem::new(format!("{name:?} is not a command")).hint("see `udair --help`"))?,
    };
    clap_mangen::Man::new(page).render(&mut std::io::stdout())?;
    Ok(Exit::Done)
}
