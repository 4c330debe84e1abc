//! The flags of test-time adaptation, which `restore` and `eval` share.

use clap::builder::PossibleValuesParser;
use clap::{Args, builder::TypedValueParser};
use udair::{Adapt, Coral, Entropy, Options, Pattern};

use crate::problem::Problem;

/// How to adapt to each picture.
#[derive(Debug, Args)]
pub(crate) struct AdaptArgs {
    /// Adapt to each photo before it is restored: `auto` where it is likely to help, `off`, or
    /// always by `coral`, `tent` or `sar`. The last two are slow, take much memory, and are there for
    /// research: only builds with the feature `train` have them
    #[arg(long, value_name = "HOW", value_parser = Adapt::ALL.map(Adapt::id))]
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
            Some(id) => Adapt::ALL.into_iter().find(|adapt| adapt.id() == id).unwrap_or_default(),
        };
        if matches!(adapt, Adapt::Tent | Adapt::Sar) && cfg!(not(feature = "train")) {
            let what = "needs gradients through the network, which this build lacks";
            return Err(Problem::new(format!("--adapt {} {what}", adapt.id()))
                .hint("build with --features train, or use --adapt auto or coral"));
        }
        let coral = Coral { steps: self.adapt_steps, ..options.coral };
        let entropy = Entropy { steps: self.adapt_steps, ..options.entropy };
        Ok(Options { adapt, coral, entropy, anchor: self.pattern, ..options })
    }
}

fn steps(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=100).contains(n)).ok_or_else(|| "it must lie between 1 and 100".into())
}

fn pattern() -> impl TypedValueParser {
    let ids = Pattern::SINGLE.map(Pattern::id);
    PossibleValuesParser::new(ids).try_map(|id| id.parse::<Pattern>())
}
