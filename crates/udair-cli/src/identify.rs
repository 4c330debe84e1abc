//! `udair identify`: what spoiled each photo, without touching any.

use clap::Args;
use udair::{Limits, Picture, Watch};

use crate::args::{Compute, Pictures};
use crate::batch::{self, Done, Voice};
use crate::exit::Exit;
use crate::inputs::{self, Input};
use crate::model::{self, Model};
use crate::names::Shown;
use crate::problem::Problem;
use crate::progress::Watched;
use crate::read::read;
use crate::record::{Record, Status};

/// Say what spoiled photos, and write nothing
#[derive(Debug, Args)]
pub(crate) struct IdentifyArgs {
    #[command(flatten)]
    pictures: Pictures,

    /// Print one JSON object a picture, and a summary
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    compute: Compute,
}

pub(crate) fn run(args: &IdentifyArgs) -> anyhow::Result<Exit> {
    let inputs = inputs::resolve(&args.pictures.paths, None)?;
    args.compute.start()?;
    let model = model::load(&args.compute)?;
    if inputs.list.is_empty() {
        eprintln!("nothing to do: no pictures found");
        return Ok(Exit::NothingToDo);
    }
    let voice = Voice { json: args.json, data: true, model: model.name.clone() };
    let work = |input: &Input, watch: &Watched<'_>| identify(&model, input, watch);
    Ok(batch::run(&inputs.list, &voice, |input| input, work)?)
}

fn identify(model: &Model, input: &Input, watch: &dyn Watch) -> Result<Done, Problem> {
    let limits = Limits::default();
    let picture = Picture::decode(&read(&input.source, &limits)?, &limits)?;
    let start = std::time::Instant::now();
    let findings = model.restorer()?.identify(&picture, watch)?;
    let name = input.source.path();
    let mut record = Record::new(name.to_string_lossy().into_owned(), &model.name, Status::Identified);
    record.findings(&findings);
    record.width = Some(picture.width());
    record.height = Some(picture.height());
    record.seconds = Some(start.elapsed().as_secs_f64());
    let line = format!("{}: {}", Shown(name), record.found(true));
    Ok(Done { record, line, warnings: Vec::new() })
}
