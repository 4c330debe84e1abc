//! Progress over phases: each phase reports 0 to 1, the caller sees one bar.

use udair_engine::Watch;

/// Shows the progress of one phase as the part `from..to` of the whole.
pub(crate) struct Phase<'a> {
    pub(crate) watch: &'a dyn Watch,
    pub(crate) from: f32,
    pub(crate) to: f32,
}

impl Watch for Phase<'_> {
    fn progress(&self, done: f32) {
        self.watch.progress(self.from + (self.to - self.from) * done);
    }

    fn cancelled(&self) -> bool {
        self.watch.cancelled()
    }
}
