//! Progress on a terminal: one bar over all pictures, with the time left; nothing elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use udair::Watch;

use crate::interrupt;

/// Steps of the bar a picture.
const STEPS: u64 = 1000;

/// The bar of a batch.
pub(crate) struct Progress {
    bar: ProgressBar,
    total: usize,
}

/// The bar while picture `index` is worked on.
pub(crate) struct Watched<'a> {
    progress: &'a Progress,
    index: usize,
}

impl Progress {
    pub(crate) fn new(total: usize) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template("{bar:24} {percent:>3} %  {msg}  {eta} left")
            .expect("the template is a constant")
            .progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(total as u64 * STEPS), target).with_style(style);
        Self { bar, total }
    }

    /// Starts picture `index` (from 0).
    pub(crate) fn picture(&self, index: usize) -> Watched<'_> {
        self.bar.set_message(format!("{} of {}", index + 1, self.total));
        self.bar.set_position(index as u64 * STEPS);
        Watched { progress: self, index }
    }

    /// Prints beside the bar.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watched<'_> {
    /// Says something about the picture before it is done.
    pub(crate) fn note(&self, text: &str) {
        self.progress.aside(|| eprintln!("{text}"));
    }
}

impl Watch for Watched<'_> {
    fn progress(&self, done: f32) {
        let step = (done.clamp(0.0, 1.0) * STEPS as f32) as u64;
        self.progress.bar.set_position(self.index as u64 * STEPS + step);
    }

    fn cancelled(&self) -> bool {
        interrupt::requested()
    }
}
