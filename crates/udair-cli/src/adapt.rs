//! The flags of test-time adaptation, which `restore` and `eval` share.

use clap::builder::PossibleValuesParser;
use clap::{Args, builder::TypedValueParser};
use udair::{Adapt, Coral, Options, Pattern};

use crate::problem::Problem;

/// How to adapt to each picture.
#[derive(Debug, Args)]
pub(crate) struct AdaptArgs {
    /// Adapt to each photo before it is restored: `auto` where it is likely to help, `off`, or
    /// `coral` always. `tent` and `sar` are known but not built yet
    #[arg(long, value_name = "HOW", value_parser = ["auto", "off", "coral", "tent", "sar"])]
    adapt: Option<String>,

    /// Steps of an adaptation
    #[arg(long, value_name = "N", default_value = "5", value_parser = steps)]
    adapt_steps: usize,

    /// What spoiled the photos, where you know better. It guides the adaptation only, and changes
    /// nothing that is found or restored without one
    #[arg(long, value_name = "PATTERN", value_parser = pattern())]
    pattern: Option<Pattern>,
}

impl AdaptArgs {
    /// The options with these choices.
    pub(crate) fn apply(&self, options: Options) -> Result<Options, Problem> {
        let adapt = match self.adapt.as_deref() {
            None => options.adapt,
            Some(id) => Adapt::ALL.into_iter().find(|adapt| adapt.id() == id).ok_or_else(|| not_built(id))?,
        };
        let coral = Coral { steps: self.adapt_steps, ..options.coral };
        Ok(Options { adapt, coral, anchor: self.pattern, ..options })
    }
}

/// TENT and SAR need gradients through the network, which no build of this program offers yet.
fn not_built(id: &str) -> Problem {
    Problem::new(format!("--adapt {id} needs gradients through the network, and is not built yet"))
        .hint("use --adapt auto or coral")
}

fn steps(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=100).contains(n)).ok_or_else(|| "it must lie between 1 and 100".into())
}

fn pattern() -> impl TypedValueParser {
    let ids = Pattern::SINGLE.map(Pattern::id);
    PossibleValuesParser::new(ids).try_map(|id| id.parse::<Pattern>())
}
