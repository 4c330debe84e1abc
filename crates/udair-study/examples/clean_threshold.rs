//! Chooses how sure an identification as clean must be before a picture is left alone.
//!
//! ```sh
//! udair eval --always --manifest train/manifest.tsv --json train.json
//! cargo run -p udair-study --example clean_threshold -- train.json
//! ```
//!
//! Reads the JSON of an evaluation that restored every picture, and says for each threshold what
//! leaving pictures alone would have cost: per source the mean PSNR against restoring everything,
//! and how many clean photos would have been spared. Use training pictures: a threshold that was
//! chosen on the pictures it is judged by says nothing.

use std::collections::BTreeMap;

use serde_json::Value;

const THRESHOLDS: [f64; 10] = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99];

struct Image {
    source: String,
    clean: bool,
    /// How surely it was found clean; 0 where something else was more probable.
    confidence: f64,
    /// PSNR of the input less that of the output, in dB: what leaving it alone wins.
    change: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name the JSON of `udair eval --always`")?;
    let json: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let images: Vec<Image> = json["images"].as_array().into_iter().flatten().filter_map(image).collect();
    println!("threshold  clean photos left alone  worst source: mean change in dB  (pictures left alone)");
    for threshold in THRESHOLDS {
        let spared = |image: &&Image| image.confidence >= threshold;
        let clean = images.iter().filter(|image| image.clean);
        let (n, left) = (clean.clone().count(), clean.filter(spared).count());
        let mut sources: BTreeMap<&str, (usize, usize, f64)> = BTreeMap::new();
        for image in images.iter().filter(|image| !image.clean) {
            let (all, spared, sum) = sources.entry(&image.source).or_default();
            *all += 1;
            if image.confidence >= threshold {
                *spared += 1;
                *sum += image.change;
            }
        }
        let mean = |&(all, _, sum): &(usize, usize, f64)| sum / all as f64;
        let mut worst: Vec<_> = sources.iter().collect();
        worst.sort_by(|a, b| mean(a.1).total_cmp(&mean(b.1)));
        let worst: Vec<_> = worst
            .iter()
            .take(3)
            .map(|(name, s)| format!("{name} {:+.3} ({} of {})", mean(s), s.1, s.0))
            .collect();
        println!("{threshold:9.2}  {left:11} of {n:4}           {}", worst.join(", "));
    }
    Ok(())
}

/// A picture that has a reference.
fn image(json: &Value) -> Option<Image> {
    let clean = json["task"] == "clean";
    let confidence = if json["pattern"] == "clean" { json["confidence"].as_f64()? } else { 0.0 };
    let change = json["psnr_in"].as_f64()? - json["psnr"].as_f64()?;
    Some(Image { source: json["source"].as_str()?.into(), clean, confidence, change })
}
