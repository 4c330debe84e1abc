//! Pictures as data sets hold them: 8-bit RGB, decoded once and kept within a memory budget.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use super::{DataError, files};
use crate::degrade::{Photo, mirror};

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb8 {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `height * width * 3` interleaved samples.
    pub samples: Vec<u8>,
}

impl Rgb8 {
    /// Decodes a file.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let (width, height, samples) = files::decode(path)?;
        Ok(Self { width, height, samples })
    }

    /// The window of `width` x `height` pixels at (`x`, `y`); what lies outside is mirrored.
    pub fn crop(&self, x: usize, y: usize, width: usize, height: usize) -> Photo {
        let mut samples = Vec::with_capacity(width * height * 3);
        let inside = width.min(self.width.saturating_sub(x));
        for row in y..y + height {
            let row = mirror(row as isize, self.height) * self.width;
            samples.extend_from_slice(&self.samples[(row + x) * 3..][..inside * 3]);
            for column in x + inside..x + width {
                let at = row + mirror(column as isize, self.width);
                samples.extend_from_slice(&self.samples[at * 3..][..3]);
            }
        }
        Photo::from_rgb8(width, height, &samples)
    }

    /// All of it.
    pub fn photo(&self) -> Photo {
        Photo::from_rgb8(self.width, self.height, &self.samples)
    }
}

/// Writes `photo` as a PNG, whole or not at all.
pub fn save_png(path: &Path, photo: &Photo) -> Result<(), DataError> {
    files::save_png(path, photo.width, photo.height, photo.to_rgb8())
}

/// Decoded pictures, kept until the budget is full.
///
/// Training asks for pictures in random order, each about as often as every other. Then dropping one to
/// keep another gains nothing, so what is kept stays kept and the rest is decoded when asked for.
#[derive(Debug)]
pub struct Cache {
    budget: usize,
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    pictures: HashMap<PathBuf, Arc<Rgb8>>,
    bytes: usize,
}

impl Cache {
    /// A cache that keeps at most `budget` bytes of samples.
    pub fn new(budget: usize) -> Self {
        Self { budget, kept: RwLock::default() }
    }

    /// The picture at `path`, decoded now or earlier.
    pub fn get(&self, path: &Path) -> Result<Arc<Rgb8>, DataError> {
        if let Some(picture) = self.read().pictures.get(path) {
            return Ok(picture.clone());
        }
        let picture = Arc::new(Rgb8::open(path)?);
        let mut kept = self.kept.write().expect("no holder of the lock panics");
        let bytes = kept.bytes + picture.samples.len();
        if bytes <= self.budget && !kept.pictures.contains_key(path) {
            kept.bytes = bytes;
            kept.pictures.insert(path.to_path_buf(), picture.clone());
        }
        Ok(picture)
    }

    /// Keeps a picture that has no file, under a name that none has.
    pub(super) fn keep(&mut self, name: &Path, picture: Rgb8) {
        let kept = self.kept.get_mut().expect("no holder of the lock panics");
        kept.bytes += picture.samples.len();
        kept.pictures.insert(name.to_path_buf(), Arc::new(picture));
    }

    /// Bytes of samples kept.
    pub fn bytes(&self) -> usize {
        self.read().bytes
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Kept> {
        self.kept.read().expect("no holder of the lock panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::pictures;

    #[test]
    fn files_come_back_as_they_were_written() {
        let folder = pictures(&[("a.png", 7, 5)]);
        let picture = Rgb8::open(&folder.path().join("a.png")).expect("a PNG");
        assert_eq!((picture.width, picture.height, picture.samples.len()), (7, 5, 105));
        let again = folder.path().join("b.png");
        save_png(&again, &picture.photo()).expect("written");
        assert_eq!(Rgb8::open(&again).expect("a PNG"), picture);
    }

    #[test]
    fn windows_go_on_mirrored() {
        let picture = Rgb8 { width: 3, height: 2, samples: (0..18).collect() };
        let reds = |x, y, width, height| -> Vec<u8> {
            picture.crop(x, y, width, height).to_rgb8().into_iter().step_by(3).collect()
        };
        assert_eq!(reds(1, 0, 2, 2), [3, 6, 12, 15]);
        assert_eq!(reds(1, 1, 4, 2), [12, 15, 12, 9, 3, 6, 3, 0]);
    }

    #[test]
    fn the_budget_holds_and_misses_still_work() {
        let folder = pictures(&[("a.png", 10, 10), ("b.png", 10, 10)]);
        let path = |name: &str| folder.path().join(name);
        let cache = Cache::new(300);
        let first = cache.get(&path("a.png")).expect("a PNG");
        assert!(Arc::ptr_eq(&first, &cache.get(&path("a.png")).expect("kept")));
        let over = cache.get(&path("b.png")).expect("a PNG");
        assert!(!Arc::ptr_eq(&over, &cache.get(&path("b.png")).expect("decoded again")));
        assert_eq!(cache.bytes(), 300);
        assert!(cache.get(&path("c.png")).expect_err("no such file").to_string().contains("c.png"));
    }
}
