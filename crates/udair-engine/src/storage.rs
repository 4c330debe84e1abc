//! How the backbone's maps are stored: as they are computed, or in half the memory.
//!
//! The maps are by far the largest part of what a picture takes. Everything is computed in f32
//! either way: rows of f16 maps are converted when they are read and when they are written.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::EngineError;
use crate::run::Run;

/// What the backbone's maps are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// Single precision: exact.
    #[default]
    F32,
    /// Half precision: half the memory of the maps, a result that differs slightly, more time.
    F16,
}

impl Storage {
    /// `f32` or `f16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }

    /// The storage of this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        [Self::F32, Self::F16].into_iter().find(|storage| storage.name() == name)
    }

    /// Bytes of a value.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::F16 => size_of::<f16>(),
        }
    }
}

/// A value of a map as it is stored.
pub(crate) trait Element: bytemuck::Pod + Send + Sync {
    /// Reads as many values as `to` holds.
    fn load(from: &[Self], to: &mut [f32]);

    /// Shows values to `body` in f32.
    fn view<R>(
        run: &Run<'_>,
        values: &[Self],
        body: impl FnOnce(&[f32]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError>;

    /// Lets `body` change values in f32.
    fn edit<R>(
        run: &Run<'_>,
        values: &mut [Self],
        body: impl FnOnce(&mut [f32]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError>;
}

impl Element for f32 {
    fn load(from: &[Self], to: &mut [f32]) {
        to.copy_from_slice(from);
    }

    fn view<R>(
        _: &Run<'_>,
        values: &[Self],
        body: impl FnOnce(&[f32]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError> {
        body(values)
    }

    fn edit<R>(
        _: &Run<'_>,
        values: &mut [Self],
        body: impl FnOnce(&mut [f32]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError> {
        body(values)
    }
}

impl Element for f16 {
    fn load(from: &[Self], to: &mut [f32]) {
        from.convert_to_f32_slice(to);
    }

    fn view<R>(
        run: &Run<'_>,
        values: &[Self],
        body: impl FnOnce(&[f32]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError> {
        let mut whole = run.map(values.len())?;
        values.convert_to_f32_slice(&mut whole);
        body(&whole)
    }

    fn edit<R>(
        run: &Run<'_>,
        values: &mut [Self],
        body: impl FnOnce(&mut [f32]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError> {
        let mut whole = run.map(values.len())?;
        values.convert_to_f32_slice(&mut whole);
        let result = body(&mut whole)?;
        values.convert_from_f32_slice(&whole);
        Ok(result)
    }
}
