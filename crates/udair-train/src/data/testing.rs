//! Folders of files that tests share.

use std::fs;

use tempfile::TempDir;

use super::save_png;
use crate::degrade::Photo;
use crate::rng::Stream;

/// A folder with these files, all empty.
pub(crate) fn touch(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("created");
        fs::write(path, b"").expect("written");
    }
    folder
}

/// A folder with PNG files of these names, widths and heights, each of another colourful pattern.
pub(crate) fn pictures(files: &[(&str, usize, usize)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (number, &(file, width, height)) in files.iter().enumerate() {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("created");
        let mut stream = Stream::new(99, 0, number as u64);
        let [across, down] = [stream.uniform(0.02, 0.3), stream.uniform(0.02, 0.3)];
        let pixels = (0..width * height).flat_map(|at| {
            let (x, y) = ((at % width) as f32, (at / width) as f32);
            [(x * across).sin(), (y * down).cos(), ((x + y) * across).sin()].map(|v| 0.5 + 0.4 * v)
        });
        save_png(&path, &Photo { width, height, pixels: pixels.collect() }).expect("written");
    }
    folder
}
