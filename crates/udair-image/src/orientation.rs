//! The eight orientations of EXIF (CIPA DC-008, tag 274): how stored pixels are turned for viewing.

use crate::pixels::{Pixels, Samples};
use crate::{ImageError, allocate};

/// Turns a picture from how it is stored to how it is viewed.
pub(crate) fn apply(pixels: Pixels, orientation: u16) -> Result<Pixels, ImageError> {
    if !(2..=8).contains(&orientation) {
        return Ok(pixels);
    }
    let Pixels { width, height, channels, samples } = pixels;
    let samples = match samples {
        Samples::Eight(samples) => Samples::Eight(turn(&samples, width, height, channels, orientation)?),
        Samples::Sixteen(samples) => Samples::Sixteen(turn(&samples, width, height, channels, orientation)?),
    };
    let (width, height) = if orientation >= 5 { (height, width) } else { (width, height) };
    Ok(Pixels { width, height, channels, samples })
}

fn turn<T: Copy>(
    stored: &[T],
    width: usize,
    height: usize,
    channels: usize,
    orientation: u16,
) -> Result<Vec<T>, ImageError> {
    let (new_width, new_height) = if orientation >= 5 { (height, width) } else { (width, height) };
    let mut turned = allocate::with_room(stored.len())?;
    for y in 0..new_height {
        for x in 0..new_width {
            let (from_x, from_y) = match orientation {
                2 => (width - 1 - x, y),
                3 => (width - 1 - x, height - 1 - y),
                4 => (x, height - 1 - y),
                5 => (y, x),
                6 => (y, height - 1 - x),
                7 => (width - 1 - y, height - 1 - x),
                _ => (width - 1 - y, x),
            };
            let at = (from_y * width + from_x) * channels;
            turned.extend_from_slice(&stored[at..at + channels]);
        }
    }
    Ok(turned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter F, which no turn maps to itself, as each orientation stores it.
    #[test]
    fn every_orientation_shows_the_same_letter() {
        let upright = "###/#../##./#../#..";
        for (orientation, stored) in [
            (1, "###/#../##./#../#.."),
            (2, "###/..#/.##/..#/..#"),
            (3, "..#/..#/.##/..#/###"),
            (4, "#../#../##./#../###"),
            (5, "#####/#.#../#...."),
            (6, "#..../#.#../#####"),
            (7, "....#/..#.#/#####"),
            (8, "#####/..#.#/....#"),
        ] {
            let rows: Vec<&str> = stored.split('/').collect();
            let pixels = Pixels {
                width: rows[0].len(),
                height: rows.len(),
                channels: 1,
                samples: Samples::Eight(rows.concat().into_bytes()),
            };
            let turned = apply(pixels, orientation).unwrap();
            let Samples::Eight(samples) = &turned.samples else { panic!("8 bits stay 8 bits") };
            let shown: Vec<&str> =
                samples.chunks(turned.width).map(|row| std::str::from_utf8(row).unwrap()).collect();
            assert_eq!(shown.join("/"), upright, "orientation {orientation}");
        }
    }
}
