//! Which part of a picture to restore, and at which size.

use clap::Args;
use udair::{ImageError, Picture};

/// Part of the picture, or a quick look at it.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct View {
    /// Restore this part alone, in pixels from the left and the top; the result is the part
    #[arg(long, value_name = "X,Y,WxH", value_parser = region)]
    pub(super) region: Option<Region>,

    /// Take a quick look: restore the picture reduced to at most 1024 pixels a side
    #[arg(long)]
    pub(super) preview: bool,
}

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Longer side of a preview, at most, in pixels.
const PREVIEW: usize = 1024;

impl View {
    /// What the names of results are marked with; `None` for whole pictures.
    pub(super) fn mark(self) -> Option<&'static str> {
        match (self.region, self.preview) {
            (_, true) => Some("preview"),
            (Some(_), _) => Some("region"),
            _ => None,
        }
    }

    /// The part and size of `picture` that is wanted.
    pub(super) fn of(self, mut picture: Picture) -> Result<Picture, ImageError> {
        if let Some(Region { x, y, width, height }) = self.region {
            picture = picture.region(x, y, width, height)?;
        }
        if self.preview {
            picture = picture.reduced(PREVIEW)?;
        }
        Ok(picture)
    }
}

fn region(text: &str) -> Result<Region, String> {
    let numbers: Option<Vec<usize>> = text.split([',', 'x', 'X']).map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[x, y, width, height]) if width > 0 && height > 0 && text.contains(['x', 'X']) => {
            Ok(Region { x, y, width, height })
        }
        _ => Err("a region is LEFT,TOP,WIDTHxHEIGHT in pixels, such as 100,50,640x480".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_read() {
        assert_eq!(region("100,50,640x480"), Ok(Region { x: 100, y: 50, width: 640, height: 480 }));
        for text in ["", "1,2,3", "1,2,3,4", "1,2,0x4", "-1,2,3x4", "1,2,3x4x5", "a,2,3x4"] {
            assert!(region(text).is_err(), "{text}");
        }
    }
}
