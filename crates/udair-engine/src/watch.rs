//! Progress and cancellation, passed down as one small object: libraries never print and never
//! decide when to stop.

/// Told how far a computation is, asked whether it should go on.
///
/// Called between strips, from any thread; keep both methods cheap.
pub trait Watch: Sync {
    /// `done` of the work is finished, from 0 to 1.
    fn progress(&self, done: f32);
    /// The part of the network that is entered; for those who measure.
    fn stage(&self, _name: &'static str) {}
    /// True once the computation should stop; it then returns [`crate::EngineError::Cancelled`].
    fn cancelled(&self) -> bool;
}

/// Watches nothing and never cancels.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Watch for Silent {
    fn progress(&self, _done: f32) {}
    fn cancelled(&self) -> bool {
        false
    }
}
