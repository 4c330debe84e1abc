//! The size of a feature map.

/// Rows of pixels of interleaved channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Grid {
    pub(crate) fn new(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels }
    }

    /// Values in a row.
    pub(crate) fn row(self) -> usize {
        self.width * self.channels
    }

    /// Values in the map.
    pub(crate) fn len(self) -> usize {
        self.height * self.row()
    }

    /// The same pixels with other channels.
    pub(crate) fn with(self, channels: usize) -> Self {
        Self { channels, ..self }
    }

    /// Half as many pixels on both sides.
    pub(crate) fn halved(self, channels: usize) -> Self {
        Self::new(self.height / 2, self.width / 2, channels)
    }

    /// Twice as many pixels on both sides.
    pub(crate) fn doubled(self, channels: usize) -> Self {
        Self::new(self.height * 2, self.width * 2, channels)
    }
}
