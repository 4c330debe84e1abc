//! The shipped weights in the engine and in the PyTorch twin (`tools/torch`): identification and
//! restored pictures.
//!
//! `twin.json` holds what the twin computed (`tools/torch/expected.py` writes it) for pictures that
//! are drawn from integers here as there.

use serde::Deserialize;
use udair_engine::{Engine, Isa, Precision, Silent, Weights};

use crate::reference::assert_close;

#[derive(Deserialize)]
struct Expected {
    patterns: Vec<String>,
    pictures: Vec<Picture>,
}

#[derive(Deserialize)]
struct Picture {
    name: String,
    width: usize,
    height: usize,
    base: [i64; 3],
    slope: [i64; 3],
    square: i64,
    noise: i64,
    probabilities: Vec<f32>,
    distances: Vec<f32>,
    stride: usize,
    samples: Vec<f32>,
}

impl Picture {
    /// Colour gradients, squares of 12 pixels and uniform noise.
    fn draw(&self) -> Vec<f32> {
        let mut state: u32 = 1;
        let mut values = Vec::new();
        for (y, x) in (0..self.height).flat_map(|y| (0..self.width).map(move |x| (y, x))) {
            for (base, slope) in self.base.iter().zip(&self.slope) {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = i64::from(state >> 16) % (2 * self.noise + 1) - self.noise;
                let square = if (x / 12 + y / 12) % 2 == 0 { self.square } else { -self.square };
                let level = base + (slope * (x + y) as i64).div_euclid(16) + noise + square;
                values.push(level.clamp(0, 255) as f32 / 255.0);
            }
        }
        values
    }
}

/// The weights that the tool is built with.
pub(crate) fn shipped_weights() -> Weights {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../udair-weights/small.safetensors");
    Weights::from_bytes(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn shipped_weights_give_what_the_twin_computes() {
    let weights = shipped_weights();
    let expected: Expected = serde_json::from_str(include_str!("twin.json")).unwrap();
    let engine = Engine::new(&weights).unwrap();
    assert_eq!(weights.patterns, expected.patterns);
    for picture in &expected.pictures {
        let Picture { name, width, height, .. } = picture;
        let rgb = picture.draw();
        let conditions = engine.conditions(&rgb, *width, *height, &Silent).unwrap();
        let found = engine.identify(&conditions).expect("the shipped weights identify");
        for (k, finding) in found.findings.iter().enumerate() {
            assert_eq!(finding.pattern, expected.patterns[k]);
            let (p, d) = (picture.probabilities[k], picture.distances[k]);
            assert!((finding.probability - p).abs() < 1e-4, "{name}: {finding:?}, not p = {p}");
            assert!((finding.distance - d).abs() < 1e-4 * d.max(1.0), "{name}: {finding:?}, not d = {d}");
        }
        let out = engine.restore(rgb, *width, *height, conditions, &Silent).unwrap();
        let samples: Vec<f32> = out.into_iter().step_by(picture.stride).collect();
        assert_close(name, &samples, &picture.samples, 1e-4);
    }
}

#[test]
fn the_twin_can_read_the_metadata() {
    for (key, value) in shipped_weights().metadata {
        assert!(serde_json::from_str::<serde_json::Value>(&value).is_ok(), "{key} is no JSON: {value:.60}");
    }
}

#[test]
fn bf16_stays_near_f32() {
    let Some(bf16) = Precision::named("bf16") else {
        eprintln!("skipped: this machine has no AVX512-BF16");
        return;
    };
    let weights = shipped_weights();
    let engines = [Precision::f32(), bf16]
        .map(|precision| Engine::with_precision(&weights, Isa::detect(), precision).unwrap());
    let expected: Expected = serde_json::from_str(include_str!("twin.json")).unwrap();
    for picture in &expected.pictures {
        let (width, height) = (picture.width, picture.height);
        let [exact, rounded] = engines.each_ref().map(|engine| {
            let conditions = engine.conditions(&picture.draw(), width, height, &Silent).unwrap();
            let codes = [conditions.codes_t.clone(), conditions.codes_b.clone()];
            (codes, engine.restore(picture.draw(), width, height, conditions, &Silent).unwrap())
        });
        assert_eq!(exact.0, rounded.0, "{}: the analysis is not rounded", picture.name);
        let squares = exact.1.iter().zip(&rounded.1).map(|(a, b)| f64::from(a - b).powi(2));
        let psnr = -10.0 * (squares.sum::<f64>() / exact.1.len() as f64).log10();
        assert!(psnr > 50.0 && psnr.is_finite(), "{}: {psnr:.1} dB", picture.name);
    }
}
