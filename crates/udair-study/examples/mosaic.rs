//! Does a large picture of many scenes come out as well as its parts? Attention sums over the whole
//! picture, and was trained on small ones.
//!
//! For every pattern of a manifest, parts of its pictures are laid out side by side to 3000 x 2000
//! pixels; every part is scored in the restored mosaic and restored alone.
//!
//! ```sh
//! cargo run --release -p udair-study --example mosaic -- MANIFEST [TASK] [WEIGHTS]
//! ```

use std::path::Path;

use udair::{Limits, Options, Picture, Restorer, Silent, Weights};
use udair_engine::{Attention, Engine};
use udair_metrics::{Rgb8, psnr};
use udair_study::cases;

const SIZE: (usize, usize) = (3000, 2000);
/// Parts that divide the mosaic, the largest first; a pattern takes the largest that its pictures hold.
const PARTS: [(usize, usize); 4] = [(600, 400), (500, 400), (300, 250), (250, 250)];
const TASKS: [&str; 5] = ["lowlight", "dehaze", "underwater", "derain", "denoise"];

struct Part {
    input: Vec<u8>,
    reference: Vec<u8>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let manifest = args.next().ok_or("usage: mosaic MANIFEST [TASK] [WEIGHTS]")?;
    let only = args.next();
    let weights = match args.next() {
        Some(path) => Weights::from_bytes(&std::fs::read(path)?)?,
        None => Weights::from_bytes(udair_weights::SMALL)?,
    };
    let restorer = |attention| Restorer::new(Engine::new(&weights)?.with_attention(attention));
    let restorers = [restorer(Attention::Whole)?, restorer(Attention::Windows)?];
    let cases = cases::manifest(Path::new(&manifest))?;
    for task in TASKS.into_iter().filter(|task| only.as_deref().is_none_or(|only| only == *task)) {
        for (width, height) in PARTS {
            let parts = parts(&cases, task, width, height)?;
            // Half of the mosaic's places at least, or a smaller part must do.
            if parts.len() * width * height * 4 >= SIZE.0 * SIZE.1
                || (width, height) == PARTS[PARTS.len() - 1]
            {
                compare(&restorers, task, (width, height), &parts)?;
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
    restorers: &[Restorer; 2],
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
    let mosaic = Picture::from_rgb8(SIZE.0, SIZE.1, mosaic)?;
    let mut restored = Vec::new();
    for restorer in restorers {
        restored.push(restorer.restore(&mosaic, &options, &Silent)?.0.to_rgb8()?);
    }
    let score = |picture: &[u8], reference: &[u8]| -> Result<f64, Box<dyn std::error::Error>> {
        Ok(psnr(&Rgb8::new(width, height, picture)?, &Rgb8::new(width, height, reference)?))
    };
    let n = parts.len().min(places);
    // Mean input, alone; then for each kind of attention the mean, the worst difference, and how many
    // parts lose more than 1 dB.
    let (mut before, mut by_itself) = (0.0, 0.0);
    let mut kinds = [(0.0, f64::INFINITY, 0); 2];
    for (place, part) in parts.iter().enumerate().take(n) {
        let picture = Picture::from_rgb8(width, height, part.input.clone())?;
        let alone = restorers[0].restore(&picture, &options, &Silent)?.0.to_rgb8()?;
        let alone = score(&alone, &part.reference)?;
        before += score(&part.input, &part.reference)? / n as f64;
        by_itself += alone / n as f64;
        for (restored, (mean, worst, below)) in restored.iter().zip(&mut kinds) {
            let lines = (0..height).flat_map(|y| &restored[corner(place) + y * row..][..width * 3]);
            let inside = score(&lines.copied().collect::<Vec<u8>>(), &part.reference)?;
            *mean += inside / n as f64;
            *worst = worst.min(inside - alone);
            *below += usize::from(inside < alone - 1.0);
        }
    }
    println!("{task}: {n} parts of {width} x {height}, input {before:.2} dB, alone {by_itself:.2}");
    for (kind, (mean, worst, below)) in ["whole", "windows"].iter().zip(kinds) {
        println!("  {kind:8} {mean:.2}, worst difference {worst:.2}, {below} parts lose more than 1 dB");
    }
    Ok(())
}
