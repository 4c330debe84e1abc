//! Every degradation at several strengths over the same photos, as one PNG to look at.
//!
//! `cargo run --release -p udair-train --no-default-features --example contact_sheet -- \
//!     FOLDER_OR_MANIFEST OUT.png [SEED]`
//!
//! Two rows for each kind: strength 0.5 and 1, eight photos across, each with settings of its own. The
//! first row shows the photos as they are.

use std::error::Error;
use std::path::{Path, PathBuf};

use udair_train::data::{Manifest, Rgb8, save_png};
use udair_train::degrade::{Kind, Photo, Recipe, Transmission};
use udair_train::rng::Stream;

const SIDE: usize = 192;
const ACROSS: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(data), Some(out)) = (arguments.first(), arguments.get(1)) else {
        return Err("usage: contact_sheet MANIFEST OUT.png [SEED]".into());
    };
    let seed = arguments.get(2).map_or(Ok(0), |seed| seed.parse())?;
    let manifest = Manifest::read(Path::new(data))?;
    let photos = photos(&manifest, seed)?;
    let scenes = scenes(&manifest)?;

    let rows = 1 + 2 * Kind::ALL.len();
    let mut sheet = Photo { width: ACROSS * SIDE, height: rows * SIDE, pixels: Vec::new() };
    append(&mut sheet, &photos);
    let recipe = Recipe::default();
    for kind in Kind::ALL {
        for strength in [0.5, 1.0] {
            let degraded: Vec<Photo> = photos
                .iter()
                .enumerate()
                .map(|(index, photo)| {
                    let mut stream = Stream::new(seed, 0, index as u64);
                    let mut photo = photo.clone();
                    recipe.draw(kind, &scenes, &mut stream).at(strength).apply(&mut photo, &mut stream);
                    photo
                })
                .collect();
            append(&mut sheet, &degraded);
        }
    }
    save_png(Path::new(out), &sheet)?;
    Ok(())
}

/// Centres of clean photos, drawn by `seed`.
fn photos(manifest: &Manifest, seed: u64) -> Result<Vec<Photo>, Box<dyn Error>> {
    let mut clean: Vec<&PathBuf> = manifest
        .entries
        .iter()
        .filter(|entry| entry.task == "clean")
        .filter_map(|entry| entry.gt.as_ref())
        .collect();
    Stream::new(seed, 1, 0).shuffle(&mut clean);
    let centre = |path: &PathBuf| {
        let picture = Rgb8::open(path)?;
        let start = |length: usize| length.saturating_sub(SIDE) / 2;
        Ok(picture.crop(start(picture.width), start(picture.height), SIDE, SIDE))
    };
    let photos: Vec<Photo> =
        clean.into_iter().take(ACROSS).map(centre).collect::<Result<_, Box<dyn Error>>>()?;
    if photos.len() < ACROSS { Err("the manifest lists too few clean photos".into()) } else { Ok(photos) }
}

/// Depths of a few real hazy scenes.
fn scenes(manifest: &Manifest) -> Result<Vec<Transmission>, Box<dyn Error>> {
    let mut scenes = Vec::new();
    for entry in manifest.entries.iter().filter(|entry| entry.task == "dehaze").take(16) {
        if let (Some(lq), Some(gt)) = (&entry.lq, &entry.gt) {
            scenes.extend(Transmission::from_pair(&Rgb8::open(gt)?.photo(), &Rgb8::open(lq)?.photo()));
        }
    }
    Ok(scenes)
}

/// Appends a row of pictures.
fn append(sheet: &mut Photo, row: &[Photo]) {
    for y in 0..SIDE {
        for photo in row {
            sheet.pixels.extend_from_slice(&photo.pixels[y * SIDE * 3..][..SIDE * 3]);
        }
    }
}
