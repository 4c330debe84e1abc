//! Does a large picture of many scenes come out as well as its parts? Attention sums over the whole
//! picture, and was trained on small ones.
//!
//! For every pattern of a manifest, parts of its pictures are laid out side by side to 3000 x 2000
//! pixels; every part is scored in the restored mosaic and restored alone.
//!
//! ```sh
//! cargo run --release -p udair-study --example mosaic -- MANIFEST [WEIGHTS]
//! ```

use std::path::Path;

use udair::{Limits, Options, Picture, Restorer, Silent};
use udair_metrics::{Rgb8, psnr};
use udair_study::cases;

const SIZE: (usize, usize) = (3000, 2000);
/// Parts that divide the mosaic, the largest first; a pattern takes the largest that its pictures hold.
const PARTS: [(usize, usize); 3] = [(600, 400), (300, 250), (250, 250)];
const TASKS: [&str; 5] = ["denoise", "dehaze", "derain", "lowlight", "underwater"];

struct Part {
    input: Vec<u8>,
    reference: Vec<u8>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let manifest = args.next().ok_or("usage: mosaic MANIFEST [WEIGHTS]")?;
    let restorer = match args.next() {
        Some(path) => Restorer::open(Path::new(&path))?,
        None => Restorer::from_bytes(udair_weights::SMALL)?,
    };
    let cases = cases::manifest(Path::new(&manifest))?;
    for task in TASKS {
        for (width, height) in PARTS {
            let parts = parts(&cases, task, width, height)?;
            // Half of the mosaic's places at least, or a smaller part must do.
            if parts.len() * width * height * 3 >= SIZE.0 * SIZE.1
                || (width, height) == PARTS[PARTS.len() - 1]
            {
                compare(&restorer, task, (width, height), &parts)?;
                break;
            }
        }
    }
    Ok(())
}

/// The middles of the pictures of a task that are large enough.
fn parts(
    cases: &[udair_study::Case],
    task: &str,
    width: usize,
    height: usize,
) -> Result<Vec<Part>, Box<dyn std::error::Error>> {
    let mut parts = Vec::new();
    for case in cases.iter().filter(|case| case.task.as_deref() == Some(task)) {
        let Some(gt) = &case.gt else { continue };
        let middle = |path: &Path| -> Result<Option<Vec<u8>>, udair::ImageError> {
            let picture = Picture::open(path, &Limits::default())?;
            let (w, h) = (picture.width(), picture.height());
            if w < width || h < height {
                return Ok(None);
            }
            Ok(Some(picture.region((w - width) / 2, (h - height) / 2, width, height)?.to_rgb8()?))
        };
        if let (Some(input), Some(reference)) = (middle(&case.lq)?, middle(gt)?) {
            parts.push(Part { input, reference });
        }
    }
    Ok(parts)
}

fn compare(
    restorer: &Restorer,
    task: &str,
    (width, height): (usize, usize),
    parts: &[Part],
) -> Result<(), Box<dyn std::error::Error>> {
    if parts.is_empty() {
        return Ok(());
    }
    let options = Options { always: true, ..Options::default() };
    let (columns, places) = (SIZE.0 / width, SIZE.0 / width * (SIZE.1 / height));
    let row = SIZE.0 * 3;
    let corner = |place: usize| place / columns * height * row + place % columns * width * 3;
    let mut mosaic = vec![0; SIZE.1 * row];
    for place in 0..places {
        let input = &parts[place % parts.len()].input;
        for (y, line) in input.chunks_exact(width * 3).enumerate() {
            mosaic[corner(place) + y * row..][..line.len()].copy_from_slice(line);
        }
    }
    let (whole, report) =
        restorer.restore(&Picture::from_rgb8(SIZE.0, SIZE.1, mosaic)?, &options, &Silent)?;
    let whole = whole.to_rgb8()?;
    let score = |picture: &[u8], reference: &[u8]| -> Result<f64, Box<dyn std::error::Error>> {
        Ok(psnr(&Rgb8::new(width, height, picture)?, &Rgb8::new(width, height, reference)?))
    };
    let (mut sums, mut worst, mut below) = ([0.0; 3], f64::INFINITY, 0);
    for (place, part) in parts.iter().enumerate().take(places) {
        let lines = (0..height).flat_map(|y| &whole[corner(place) + y * row..][..width * 3]);
        let inside: Vec<u8> = lines.copied().collect();
        let picture = Picture::from_rgb8(width, height, part.input.clone())?;
        let alone = restorer.restore(&picture, &options, &Silent)?.0.to_rgb8()?;
        let [input, inside, alone] = [
            score(&part.input, &part.reference)?,
            score(&inside, &part.reference)?,
            score(&alone, &part.reference)?,
        ];
        for (sum, value) in sums.iter_mut().zip([input, inside, alone]) {
            *sum += value / parts.len().min(places) as f64;
        }
        worst = worst.min(inside - alone);
        below += usize::from(inside < alone - 1.0);
    }
    let [input, inside, alone] = sums;
    println!(
        "{task:10} {} parts of {width} x {height}, found {} ({:.0} %): input {input:.2} dB, in the mosaic {inside:.2}, alone {alone:.2}; worst difference {worst:.2}, {below} parts lose more than 1 dB",
        parts.len().min(places),
        report.findings.pattern,
        100.0 * report.findings.confidence,
    );
    Ok(())
}
