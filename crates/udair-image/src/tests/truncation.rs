//! A file that ends early is an error, wherever it ends, and never a panic.

use super::fixtures::{good, noise};
use crate::{Format, ImageError, Limits, Picture};

#[test]
fn good_files_are_good() {
    for (name, file) in good() {
        let picture = Picture::decode(&file, &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let header = crate::read_header(&file).unwrap();
        assert_eq!((header.width, header.height), (picture.width(), picture.height()), "{name}");
        assert_eq!(header.depth, picture.depth(), "{name}");
        assert_eq!(header.channels, picture.pixels.channels, "{name}");
        assert_eq!(header.format, picture.format(), "{name}");
    }
}

#[test]
fn cut_files_are_refused() {
    let mut cuts = 0;
    for (name, file) in good() {
        let mut random = noise(file.len() as u64);
        let mut points: Vec<usize> = (0..file.len().min(1000)).step_by(37).collect();
        points.extend((0..64).map(|_| random() as usize % file.len()));
        for len in points {
            // What may follow the pixels: a newline, the padding of the last chunk or directory.
            let spare = match Format::from_signature(&file) {
                Some(Format::Pnm | Format::WebP) => 2,
                Some(Format::Tiff) => 4,
                _ => 0,
            };
            let result = Picture::decode(&file[..len], &Limits::default());
            match result {
                Ok(_) => assert!(len + spare >= file.len(), "{name} cut at {len} of {}", file.len()),
                Err(ImageError::Damaged { .. } | ImageError::Unknown) => {}
                Err(other) => panic!("{name} cut at {len}: {other}"),
            }
            cuts += 1;
        }
    }
    assert!(cuts > 4000, "{cuts}");
}

#[test]
fn flipped_bytes_never_panic() {
    for (name, file) in good() {
        let mut random = noise(7);
        for _ in 0..50 {
            let mut broken = file.clone();
            for _ in 0..=random() % 4 {
                let at = random() as usize % broken.len();
                broken[at] = random() as u8;
            }
            let limits = Limits { pixels: 1 << 20, decoded_bytes: 1 << 24, ..Limits::default() };
            if let Ok(picture) = Picture::decode(&broken, &limits) {
                picture.to_rgb8().unwrap_or_else(|e| panic!("{name}: {e}"));
            }
        }
    }
}
