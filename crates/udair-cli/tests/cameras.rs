//! Mild noise of cameras that no training has seen: photos must not come out worse than they went in.
//!
//! The photos lie in the folder that the environment variable `UDAIR_SHARED` names, or in `shared` beside the
//! project; without them the test is skipped. Not among them are references that are noisy themselves: SIDD's,
//! and underwater ones, which are made by enhancement.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use udair::{Options, Picture, Restorer, Silent};
use udair_metrics::{Rgb8, psnr};
use udair_train::data::{self, Manifest};
use udair_train::degrade::{NoiseRecipe, Photo, Range};
use udair_train::rng::Stream;

const SOURCES: [&str; 7] =
    ["live1-not-in-kodak", "urban100", "sots-outdoor", "nam", "rain100h", "rain100l", "lolv1-our485"];

/// Longer sides are cut to the middle, in pixels.
const SIDE: usize = 640;

/// PSNR of mild noise, dB.
const MILD: std::ops::RangeInclusive<f64> = 33.0..=37.0;

/// What a photo may lose, dB.
const NOTHING: f64 = 0.1;

/// Clean photos, each once.
fn photos() -> Option<Vec<PathBuf>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("UDAIR_SHARED").map_or_else(beside, PathBuf::from);
    let list = shared.join("data/dev/manifest.tsv");
    if !list.is_file() {
        eprintln!("skipped: no photos in {} (set UDAIR_SHARED)", shared.display());
        return None;
    }
    let entries = Manifest::read(&list).unwrap().entries.into_iter();
    let entries = entries.filter(|entry| SOURCES.contains(&entry.source.as_str()));
    Some(entries.filter_map(|entry| entry.gt).collect::<BTreeSet<_>>().into_iter().collect())
}

/// The photo with noise of a camera that was held out, drawn until it is mild.
fn noisy(photo: &Photo, recipe: &NoiseRecipe, stream: &mut Stream) -> Photo {
    let draw = |_| {
        let mut noisy = photo.clone();
        recipe.draw(stream).apply(&mut noisy, stream);
        noisy.round_to_8_bit();
        noisy
    };
    let mild = |noisy: &Photo| MILD.contains(&score(&noisy.to_rgb8(), photo));
    (0..1000).map(draw).find(mild).expect("one draw of a few is mild")
}

fn score(samples: &[u8], photo: &Photo) -> f64 {
    let clean = photo.to_rgb8();
    let view = |samples| Rgb8::new(photo.width, photo.height, samples).unwrap();
    psnr(&view(samples), &view(&clean))
}

fn centre(path: &Path) -> Photo {
    let file = data::Rgb8::open(path).unwrap();
    let (width, height) = (file.width.min(SIDE), file.height.min(SIDE));
    file.crop((file.width - width) / 2, (file.height - height) / 2, width, height)
}

#[test]
fn mild_noise_of_cameras_never_seen_costs_nothing() {
    let Some(photos) = photos() else { return };
    let restorer = Restorer::from_bytes(udair_weights::SMALL).unwrap();
    let recipe =
        NoiseRecipe { gaussian_share: 0.0, cameras: Range::new(400.0, 499.0), ..NoiseRecipe::default() };
    let (mut gains, mut lost) = (Vec::new(), Vec::new());
    for (number, path) in photos.iter().enumerate() {
        let photo = centre(path);
        let noisy = noisy(&photo, &recipe, &mut Stream::new(7, 0, number as u64));
        let picture = Picture::from_rgb8(noisy.width, noisy.height, noisy.to_rgb8()).unwrap();
        let (restored, report) = restorer.restore(&picture, &Options::default(), &Silent).unwrap();
        let gain = score(&restored.to_rgb8().unwrap(), &photo) - score(&noisy.to_rgb8(), &photo);
        gains.push(gain);
        if gain < -NOTHING {
            lost.push(format!("{}: {gain:.2} dB, found {}", path.display(), report.findings.pattern));
        }
    }
    let mean = gains.iter().sum::<f64>() / gains.len() as f64;
    println!("{} photos gain {mean:.2} dB on average", gains.len());
    assert!(lost.is_empty(), "{}", lost.join("\n"));
    assert!(mean > 0.5, "{mean} dB are gained on average");
}
