//! Profiles made of tables: a device whose samples are a power of sRGB's, described by 16-bit tables
//! over CIE Lab in both directions, as scanner and printer profiles are.

use moxcms::{
    ColorProfile, DataColorSpace, LutDataType, LutStore, LutType, LutWarehouse, Matrix3d, ProfileClass,
};

use super::fixtures::{decode, encode, picture, pixels};
use crate::metadata::Metadata;
use crate::pixels::Samples;
use crate::{Depth, Format, Loss, Picture};

/// Device samples are sRGB values to the power of one over this.
const POWER: f64 = 1.25;
/// The white of the profile connection space, D50.
const WHITE: [f64; 3] = [0.9642, 1.0, 0.8249];
/// Linear sRGB to XYZ with D50 as white.
const TO_XYZ: [[f64; 3]; 3] =
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]];
/// Its inverse.
const FROM_XYZ: [[f64; 3]; 3] =
    [[3.13414, -1.61739, -0.49063], [-0.97880, 1.91614, 0.03345], [0.07195, -0.22898, 1.40538]];

fn product(matrix: &[[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(v).map(|(m, v)| m * v).sum())
}

fn lab(srgb: [f64; 3]) -> [f64; 3] {
    let linear = srgb.map(|v| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) });
    let f = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let xyz = product(&TO_XYZ, linear);
    let [x, y, z] = [0, 1, 2].map(|i| f(xyz[i] / WHITE[i]));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn srgb([l, a, b]: [f64; 3]) -> [f64; 3] {
    let y = (l + 16.0) / 116.0;
    let f = |t: f64| if t > 0.2069 { t.powi(3) } else { (t - 16.0 / 116.0) / 7.787 };
    let xyz = [f(y + a / 500.0) * WHITE[0], f(y) * WHITE[1], f(y - b / 200.0) * WHITE[2]];
    product(&FROM_XYZ, xyz).map(|v| {
        let v = v.clamp(0.0, 1.0);
        if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
    })
}

/// A table of three to three channels over a grid, with straight curves before and behind.
fn table(grid: u16, entry: impl Fn([f64; 3]) -> [u16; 3]) -> LutWarehouse {
    let at = |i: u16| f64::from(i) / f64::from(grid - 1);
    let mut values = Vec::new();
    for r in 0..grid {
        for (g, b) in (0..grid).flat_map(|g| (0..grid).map(move |b| (g, b))) {
            values.extend(entry([at(r), at(g), at(b)]));
        }
    }
    LutWarehouse::Lut(LutDataType {
        num_input_channels: 3,
        num_output_channels: 3,
        num_clut_grid_points: grid as u8,
        matrix: Matrix3d { v: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] },
        num_input_table_entries: 2,
        num_output_table_entries: 2,
        input_table: LutStore::Store16([0, 65_535].repeat(3)),
        clut_table: LutStore::Store16(values),
        output_table: LutStore::Store16([0, 65_535].repeat(3)),
        lut_type: LutType::Lut16,
    })
}

/// Lab in 16-bit tables (ICC.1, legacy encoding): 100 is FF00, and 0 of a and b is 8000.
fn profile() -> Vec<u8> {
    let forward = table(17, |device| {
        let [l, a, b] = lab(device.map(|v| v.powf(POWER)));
        [l * 652.8, (a + 128.0) * 256.0, (b + 128.0) * 256.0].map(|v| v.round() as u16)
    });
    let backward = table(33, |[l, a, b]| {
        let lab = [l * 65_535.0 / 652.8, a * 65_535.0 / 256.0 - 128.0, b * 65_535.0 / 256.0 - 128.0];
        srgb(lab).map(|v| (v.powf(1.0 / POWER) * 65_535.0).round() as u16)
    });
    let mut profile = ColorProfile::new_srgb();
    profile.pcs = DataColorSpace::Lab;
    profile.profile_class = ProfileClass::OutputDevice;
    profile.cicp = None;
    profile.lut_a_to_b_perceptual = Some(forward);
    profile.lut_b_to_a_perceptual = Some(backward);
    profile.encode().unwrap()
}

fn tagged(depth: Depth) -> Picture {
    let mut pixels = pixels(17, 9, 3, depth, 21);
    // Colours of the middle, where clipping plays no part.
    match &mut pixels.samples {
        Samples::Eight(samples) => samples.iter_mut().for_each(|v| *v = 60 + *v / 2),
        Samples::Sixteen(samples) => samples.iter_mut().for_each(|v| *v = 15_000 + *v / 2),
    }
    picture(pixels, Metadata { icc: Some(profile()), ..Metadata::default() })
}

#[test]
fn tables_convert_both_ways() {
    for depth in [Depth::Eight, Depth::Sixteen] {
        let picture = tagged(depth);
        let own: Vec<f32> = match &picture.pixels.samples {
            Samples::Eight(samples) => samples.iter().map(|&v| f32::from(v) / 255.0).collect(),
            Samples::Sixteen(samples) => samples.iter().map(|&v| f32::from(v) / 65_535.0).collect(),
        };
        let x = picture.srgb().unwrap();
        for (own, x) in own.iter().zip(&x) {
            assert!((own.powf(POWER as f32) - x).abs() < 0.015, "{own} became {x}");
        }

        // Untouched pixels stay although the tables do not invert each other exactly.
        assert_eq!(picture.with_restored(&x, 1.0).unwrap(), picture);
        let mut restored = x.clone();
        restored.iter_mut().skip(30).for_each(|v| *v = (*v + 0.05).min(1.0));
        let result = picture.with_restored(&restored, 1.0).unwrap();
        for (wanted, y) in restored.iter().zip(result.srgb().unwrap()) {
            assert!((wanted - y).abs() < 0.02, "{wanted} became {y}");
        }
        let again = decode(&encode(&result, Format::Png));
        assert_eq!((again.profile(), &again.pixels), (picture.profile(), &result.pixels));
    }
}

#[test]
fn broken_tables_never_panic_and_stay_finite() {
    let mut random = super::fixtures::noise(5);
    let base = profile();
    for _ in 0..30 {
        let mut icc = base.clone();
        // The header, the tags and the first table's own header.
        for _ in 0..=random() % 4 {
            let at = random() as usize % 700;
            icc[at] = random() as u8;
        }
        let mut picture = tagged(Depth::Eight);
        picture.metadata.icc = Some(icc);
        let x = picture.srgb().unwrap();
        assert!(x.iter().all(|v| v.is_finite()));
        picture.with_restored(&vec![0.5; x.len()], 1.0).unwrap();
    }
    assert_eq!(tagged(Depth::Eight).losses(Format::Pnm), [Loss::Profile]);
}
