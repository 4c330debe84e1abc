//! Reference values of published pictures, from the shared reference data where it is present.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use udair_metrics::{FadeModel, Mode, Parameters, brisque_features, fade_features};

use crate::support::{assert_close, assert_score, table};
use crate::synth::Picture;

/// Folder of the reference values of metrics; `None`, with a message, where it is absent.
pub(crate) fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("UDAIR_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("golden/metrics");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no reference data in {} (set UDAIR_SHARED)", folder.display());
    None
}

/// Parameters with FADE's.
pub(crate) fn parameters(folder: &Path) -> Parameters {
    let bytes = std::fs::read(folder.join("params/fade.json")).unwrap();
    Parameters { fade: Some(FadeModel::from_json(&bytes).unwrap()), ..Parameters::default() }
}

fn png(path: &Path) -> Picture {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    data.truncate(info.buffer_size());
    if info.color_type == png::ColorType::Grayscale {
        data = data.into_iter().flat_map(|value| [value; 3]).collect();
    }
    Picture { width: info.width as usize, height: info.height as usize, data }
}

/// Relative tolerance against LIVE's own programs in flat areas, where the order of Octave's sums counts.
const FLAT: f64 = 3e-3;

/// Our name for a row of the reference table, and the relative tolerance; `None` where the row is of a
/// program that no variant of ours reproduces.
fn ours(metric: &str, implementation: &str) -> Option<(String, f64)> {
    /// Two computations in double precision.
    const EXACT: f64 = 1e-9;
    /// The same, through a search on a grid and a regression.
    const STATISTICS: f64 = 1e-6;
    /// LIVE's own programs: a few pixels of one colour are in most photographs, and FADE's solves a badly
    /// conditioned system for each patch.
    const LIVE: f64 = 1e-5;
    /// The program computes in single precision.
    const SINGLE: f64 = 2e-6;
    let (name, tolerance) = match (metric, implementation) {
        ("PSNR", "refimpl crop=0" | "BasicSR 1.4.2 crop_border=0") => ("psnr", EXACT),
        ("PSNR", "skimage peak_signal_noise_ratio data_range=255") => ("psnr:rgb", EXACT),
        ("PSNR", "refimpl crop=4" | "BasicSR 1.4.2 crop_border=4") => ("psnr:rgb-crop4", EXACT),
        ("PSNR", "pyiqa 0.1.16 psnr") => ("psnr:pyiqa", SINGLE),
        ("PSNR-Y", "refimpl BT.601 studio Y unrounded crop=0") => ("psnr:y", EXACT),
        ("PSNR-Y", "refimpl BT.601 studio Y unrounded crop=4") => ("psnr:y-crop4", EXACT),
        ("PSNR-Y", "BasicSR 1.4.2 test_y_channel crop_border=0") => ("psnr-y", SINGLE),
        ("PSNR-Y", "refimpl BT.601 studio Y rounded (MATLAB rgb2ycbcr)") => ("psnr:y-rounded", EXACT),
        ("PSNR-Y", "pyiqa 0.1.16 psnry (YIQ Y)") => ("psnr:pyiqa-y", SINGLE),
        ("SSIM", "refimpl valid 11x11 crop=0" | "BasicSR 1.4.2 crop_border=0") => ("ssim", EXACT),
        ("SSIM", "refimpl valid 11x11 crop=4" | "BasicSR 1.4.2 crop_border=4") => {
            ("ssim:gaussian-crop4", EXACT)
        }
        ("SSIM", "skimage gaussian_weights sigma=1.5 use_sample_covariance=False data_range=255") => {
            ("ssim:gaussian", EXACT)
        }
        ("SSIM", "scikit-image 0.24.0 gaussian_weights sigma=1.5 sample covariance (default True)") => {
            ("ssim:gaussian-sample", EXACT)
        }
        ("SSIM", "skimage defaults (uniform 7x7, sample covariance)") => ("ssim:skimage", EXACT),
        ("SSIM", "sewar 0.4.10 ssim (default: uniform 11x11, valid, sample covariance off)") => {
            ("ssim:sewar", EXACT)
        }
        ("SSIM", "pyiqa 0.1.16 ssimc (RGB)") => ("ssim:pyiqa-rgb", SINGLE),
        // In single precision the variance of a nearly flat window is mostly rounding.
        ("SSIM", "piq 0.8.0 ssim default (downsample)") => ("ssim:piq", 1e-5),
        ("SSIM-Y", "refimpl BT.601 studio Y unrounded crop=0") => ("ssim:y", EXACT),
        ("SSIM-Y", "refimpl BT.601 studio Y unrounded crop=4") => ("ssim:y-crop4", EXACT),
        ("SSIM-Y", "BasicSR 1.4.2 test_y_channel crop_border=0") => ("ssim-y", SINGLE),
        ("SSIM-Y", "pyiqa 0.1.16 ssim (YIQ Y rounded)") => ("ssim:pyiqa", SINGLE),
        ("MS-SSIM", "pyiqa 0.1.16 ms_ssim (YIQ Y)") => ("ms-ssim", SINGLE),
        ("NIQE", "refimpl rgb2gray (49-tap raster f64)") => ("niqe", STATISTICS),
        ("NIQE", "refimpl rgb2gray flat-exact (|MSCN|<1e-9 -> 0)") => ("niqe:flat-exact", STATISTICS),
        ("NIQE", "refimpl BT.601 studio Y rounded (BasicSR convention) flat-exact") => {
            ("niqe:y-flat-exact", STATISTICS)
        }
        ("BRISQUE", "refimpl (49-tap raster f64)") => ("brisque", STATISTICS),
        ("BRISQUE", "refimpl flat-exact (|MSCN|<1e-9 -> 0)") => ("brisque:flat-exact", STATISTICS),
        ("FADE", "refimpl (49-tap raster f64, rank-one distance)") => ("fade", STATISTICS),
        ("FADE", "refimpl flat-exact (|MSCN|<1e-9 -> 0)") => ("fade:flat-exact", STATISTICS),
        ("NIQE", "LIVE computequality.m under Octave 7.3 image 2.14") => ("niqe", LIVE),
        ("BRISQUE", "LIVE MATLAB features under Octave + RBF-SVR sum (allmodel/allrange)") => {
            ("brisque", LIVE)
        }
        ("FADE", "LIVE FADE.m (2015) under Octave 7.3") => ("fade", LIVE),
        ("UIQM" | "UICM" | "UISM" | "UIConM", "FUnIE-GAN uqim_utils.py (// patch)") => {
            return Some((format!("{}:funie", metric.to_lowercase()), 1e-5));
        }
        ("UIQM", "FUnIE-GAN uqim_utils.py (// patch) after Pillow 13 resize 256x256 bicubic") => {
            ("uiqm:funie-256", SINGLE)
        }
        ("UICM" | "UISM" | "UIConM", "YYuJie MATLAB under Octave 7.3") => {
            return Some((format!("{}:matlab5", metric.to_lowercase()), STATISTICS));
        }
        ("UCIQE", "JOU-UIP UCIQE.m under Octave 7.3 (applycform shim D50)") => {
            ("uciqe:jou-matlab", STATISTICS)
        }
        ("UCIQE", "JOU-UIP UCIQE.py (opencv 5.0.0.93)") => ("uciqe:jou-python", STATISTICS),
        ("UCIQE", "TongJiayan UCIQE.py (opencv 5.0.0.93)") => ("uciqe:tong", STATISTICS),
        ("UCIQE" | "UIQM" | "UICM" | "UISM" | "UIConM", implementation) => {
            let variant = implementation.strip_prefix("refimpl variant ")?;
            let name = format!("{}:{variant}", metric.to_lowercase());
            return (variant != "jou-matlab-d65").then_some((name, STATISTICS));
        }
        _ => return None,
    };
    Some((name.into(), tolerance))
}

#[test]
fn published_pictures_have_their_reference_values() {
    let Some(folder) = folder() else { return };
    let parameters = parameters(&folder);
    let mut pictures = BTreeMap::new();
    let mut load = |name: &str| -> Picture {
        let path = folder.join(format!("ref/{name}.png"));
        pictures.entry(name.to_owned()).or_insert_with(|| png(&path)).clone()
    };
    let table = table(&std::fs::read_to_string(folder.join("reference.csv")).unwrap());
    let mut compared = 0;
    for row in &table {
        let Some((name, tolerance)) = ours(&row["metric"], &row["implementation"]) else {
            assert!(!row["note"].contains("RECOMMENDED"), "{row:?}");
            continue;
        };
        let image = load(&row["image"]);
        let reference = Some(&row["reference"]).filter(|name| !name.is_empty()).map(|name| load(name));
        // FUnIE-GAN's program divides nothing by nothing in a picture without contrast.
        if row["value"] == "nan" && row["implementation"].starts_with("FUnIE-GAN") {
            continue;
        }
        let flat = row["note"].starts_with("contains flat regions");
        let tolerance = if flat { tolerance.max(FLAT) } else { tolerance };
        assert_score(&name, &image, reference.as_ref(), &parameters, &row["value"], tolerance, &row["image"]);
        compared += 1;
    }
    assert!(compared > 500, "only {compared} rows were compared");
}

#[test]
fn published_pictures_have_their_features() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("ref/golden_features.json")).unwrap();
    // Python writes NaN, which JSON does not have.
    let golden: serde_json::Value = serde_json::from_str(&text.replace("NaN", "null")).unwrap();
    for (name, golden) in golden.as_object().unwrap() {
        let image = png(&folder.join(format!("ref/{name}.png")));
        for (key, mode) in [
            ("brisque_features_refimpl_raster", Mode::Compat),
            ("brisque_features_flat_exact", Mode::FlatExact),
        ] {
            let features = brisque_features(&image.view(), mode);
            for (i, (ours, golden)) in features.iter().zip(golden[key].as_array().unwrap()).enumerate() {
                assert_close(*ours, golden.as_f64().unwrap_or(f64::NAN), 1e-6, &format!("{name} {key} {i}"));
            }
        }
        if let Some(means) = golden["fade_mean_features"].as_array() {
            let features = fade_features(&image.view(), Mode::Compat).unwrap();
            for (i, (ours, golden)) in features.iter().zip(means).enumerate() {
                assert_close(*ours, golden.as_f64().unwrap_or(f64::NAN), 1e-6, &format!("{name} fade {i}"));
            }
        }
    }
}
