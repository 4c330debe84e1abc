//! Profiles, depth and strength: what the network did not touch stays, what it did lands in the
//! picture's own colours.

use moxcms::ColorProfile;

use super::fixtures::{decode, display_p3, encode, grey_profile, picture, pixels};
use crate::metadata::{Metadata, Part};
use crate::pixels::{Pixels, Samples};
use crate::{Depth, Format, ImageError, Loss, Picture};

fn with_profile(pixels: Pixels, icc: Vec<u8>) -> Picture {
    picture(pixels, Metadata { icc: Some(icc), ..Metadata::default() })
}

fn clipped(values: &[f32]) -> Vec<f32> {
    values.iter().map(|v| v.clamp(0.0, 1.0)).collect()
}

/// Pictures of every layout and of profiles with curves, with tables of values, and none.
fn pictures() -> Vec<Picture> {
    let mut pictures = Vec::new();
    for depth in [Depth::Eight, Depth::Sixteen] {
        for channels in 1..=4 {
            let pixels = || pixels(19, 13, channels, depth, 9);
            pictures.push(picture(pixels(), Metadata::default()));
            let profiles: Vec<Vec<u8>> = if channels < 3 {
                vec![grey_profile(), display_p3()]
            } else {
                [
                    ColorProfile::new_display_p3(),
                    ColorProfile::new_adobe_rgb(),
                    ColorProfile::new_pro_photo_rgb(),
                    ColorProfile::new_srgb(),
                    ColorProfile::new_bt2020(),
                ]
                .map(|profile| profile.encode().unwrap())
                .to_vec()
            };
            pictures.extend(profiles.into_iter().map(|icc| with_profile(pixels(), icc)));
        }
    }
    pictures
}

#[test]
fn untouched_samples_stay_bit_for_bit() {
    for picture in pictures() {
        let x = picture.srgb().unwrap();
        let same = picture.with_restored(&clipped(&x), 1.0).unwrap();
        assert_eq!(same, picture);
        let other: Vec<f32> = x.iter().map(|v| 1.0 - v).collect();
        assert_eq!(picture.with_restored(&other, 0.0).unwrap(), picture);
        // One pixel changes, and only its colours.
        let mut one = clipped(&x);
        one[3 * 40..3 * 41].iter_mut().for_each(|v| *v = if *v > 0.5 { 0.1 } else { 0.9 });
        let changed = picture.with_restored(&one, 1.0).unwrap();
        let channels = picture.pixels.channels;
        let (before, after) = (wide(&picture), wide(&changed));
        for (i, (a, b)) in before.iter().zip(&after).enumerate() {
            let is_alpha = channels % 2 == 0 && i % channels == channels - 1;
            if i / channels != 40 || is_alpha {
                assert_eq!(a, b, "sample {i}");
            }
        }
        assert_ne!(before, after);
    }
}

/// All samples with 16 bits.
fn wide(picture: &Picture) -> Vec<u16> {
    match &picture.pixels.samples {
        Samples::Eight(samples) => samples.iter().map(|&v| u16::from(v) * 257).collect(),
        Samples::Sixteen(samples) => samples.clone(),
    }
}

#[test]
fn what_is_restored_is_what_is_shown() {
    for picture in pictures().into_iter().filter(|p| !p.is_grey()) {
        // Colours within sRGB, which all of these profiles hold.
        let wanted: Vec<f32> = (0..19 * 13 * 3).map(|i| (i * 7 % 97) as f32 / 96.0).collect();
        let x = picture.srgb().unwrap();
        for strength in [1.0, 0.25] {
            let result = picture.with_restored(&wanted, strength).unwrap().srgb().unwrap();
            // Half a step of a sample is steepest in the dark.
            let step = if picture.depth() == Depth::Eight { 14.0 / 255.0 } else { 1.0 / 255.0 };
            let mut compared = 0;
            for ((x, wanted), result) in x.chunks(3).zip(wanted.chunks(3)).zip(result.chunks(3)) {
                if x.iter().all(|v| (0.0..=1.0).contains(v)) {
                    for ((x, wanted), result) in x.iter().zip(wanted).zip(result) {
                        let expected = x + strength * (wanted - x);
                        assert!((result - expected).abs() < step, "{result} for {expected}");
                    }
                    compared += 1;
                }
            }
            assert!(compared > 20);
        }
    }
}

#[test]
fn a_wide_gamut_leaves_the_unit_range_and_comes_back() {
    let red = Pixels { width: 1, height: 1, channels: 3, samples: Samples::Eight(vec![255, 0, 0]) };
    let picture = with_profile(red, display_p3());
    let x = picture.srgb().unwrap();
    // Display P3 red in sRGB: 1.093, -0.227, -0.150.
    for (value, expected) in x.iter().zip([1.093, -0.227, -0.150]) {
        assert!((value - expected).abs() < 2e-3, "{x:?}");
    }
    assert_eq!(picture.to_rgb8().unwrap(), [255, 0, 0]);

    // The network sees no green below 0; what it does to red leaves that as it was.
    let red = Pixels { width: 1, height: 1, channels: 3, samples: Samples::Eight(vec![230, 30, 30]) };
    let picture = with_profile(red, display_p3());
    let x = picture.srgb().unwrap();
    assert!(x[1] < -0.1, "{x:?}");
    let mut darker = clipped(&x);
    darker[0] -= 0.1;
    let result = picture.with_restored(&darker, 1.0).unwrap();
    let y = result.srgb().unwrap();
    for (value, expected) in y.iter().zip([x[0].min(1.0) - 0.1 + (x[0] - 1.0).max(0.0), x[1], x[2]]) {
        assert!((value - expected).abs() < 0.02, "{y:?} from {x:?}");
    }
    let again = decode(&encode(&result, Format::Png));
    assert_eq!(again.pixels, result.pixels);
    assert_eq!(again.profile(), picture.profile());
}

#[test]
fn profiles_that_mean_srgb_change_nothing() {
    let icc = ColorProfile::new_srgb().encode().unwrap();
    let plain = picture(pixels(9, 9, 3, Depth::Eight, 2), Metadata::default());
    let tagged = with_profile(plain.pixels.clone(), icc);
    assert_eq!(tagged.srgb().unwrap(), plain.srgb().unwrap());
    let Samples::Eight(samples) = &plain.pixels.samples else { unreachable!() };
    assert_eq!(&plain.to_rgb8().unwrap(), samples);
}

#[test]
fn broken_and_misplaced_profiles_are_kept_and_read_as_srgb() {
    let plain = picture(pixels(5, 5, 3, Depth::Eight, 2), Metadata::default());
    for icc in [vec![], vec![0; 200], display_p3()[..300].to_vec(), grey_profile()] {
        let tagged = with_profile(plain.pixels.clone(), icc.clone());
        assert_eq!(tagged.srgb().unwrap(), plain.srgb().unwrap());
        assert_eq!(decode(&encode(&tagged, Format::Png)).profile(), Some(&icc[..]));
    }
}

#[test]
fn mutated_profiles_never_panic() {
    let mut random = super::fixtures::noise(11);
    for base in [display_p3(), grey_profile(), ColorProfile::new_adobe_rgb().encode().unwrap()] {
        for _ in 0..200 {
            let mut icc = base.clone();
            for _ in 0..=random() % 6 {
                let at = random() as usize % icc.len();
                icc[at] = random() as u8;
            }
            let channels = if random().is_multiple_of(2) { 1 } else { 3 };
            let picture = with_profile(pixels(2, 2, channels, Depth::Eight, 1), icc);
            let x = picture.srgb().unwrap();
            assert!(x.iter().all(|v| v.is_finite()));
            picture.with_restored(&vec![0.5; x.len()], 1.0).unwrap();
        }
    }
}

#[test]
fn a_grey_profile_is_converted_and_grey_takes_the_luma() {
    let grey = Pixels { width: 2, height: 1, channels: 1, samples: Samples::Eight(vec![128, 64]) };
    let tagged = with_profile(grey.clone(), grey_profile());
    let x = tagged.srgb().unwrap();
    // (128 / 255) ^ 1.8 as linear light, encoded with sRGB's curve.
    assert!((x[0] - 0.5724).abs() < 2e-3, "{x:?}");
    assert_eq!((x[0], x[1], x[2]), (x[0], x[0], x[0]));

    let plain = picture(grey, Metadata::default());
    let x = plain.srgb().unwrap();
    // Only red changes, by 0.5: grey changes by its weight.
    let restored = [x[0] + 0.5, x[1], x[2], x[3], x[4], x[5]];
    let result = plain.with_restored(&restored, 1.0).unwrap();
    assert_eq!(result.pixels.samples, Samples::Eight(vec![128 + 27, 64]));
}

#[test]
fn dark_sixteen_bits_stay_sixteen_bits() {
    // 600 steps below 1 % of white: 8 bits would leave three.
    let dark: Vec<u16> = (0..600).collect();
    let pixels = Pixels { width: 600, height: 1, channels: 1, samples: Samples::Sixteen(dark.clone()) };
    for format in [Format::Png, Format::Tiff, Format::Pnm] {
        let file = encode(&picture(pixels.clone(), Metadata::default()), format);
        let read = decode(&file);
        assert_eq!((read.depth(), &read.pixels), (Depth::Sixteen, &pixels), "{format}");
        // Twice as bright, as a network for dark pictures would make it.
        let doubled: Vec<f32> = read.srgb().unwrap().iter().map(|v| v * 2.0).collect();
        let result = decode(&encode(&read.with_restored(&doubled, 1.0).unwrap(), format));
        let expected: Vec<u16> = dark.iter().map(|v| v * 2).collect();
        assert_eq!(result.pixels.samples, Samples::Sixteen(expected), "{format}");
    }
}

#[test]
fn converted_colours_are_right_where_a_profile_cannot_go() {
    let picture = with_profile(pixels(9, 7, 3, Depth::Sixteen, 4), display_p3());
    let shown = picture.to_rgb8().unwrap();
    for format in [Format::Bmp, Format::Pnm] {
        let again = decode(&encode(&picture, format)).to_rgb8().unwrap();
        let worst = shown.iter().zip(&again).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(1), "{format} {worst:?}");
    }
}

#[test]
fn transparent_pixels_are_laid_on_white_for_jpeg() {
    let pixels = Pixels {
        width: 16,
        height: 16,
        channels: 4,
        samples: Samples::Eight([[255, 0, 0, 0], [0, 0, 0, 128]].map(|p| p.repeat(128)).concat()),
    };
    let again = decode(&encode(&picture(pixels, Metadata::default()), Format::Jpeg)).to_rgb8().unwrap();
    let near = |at: usize, expected: u8| again[at].abs_diff(expected) <= 2;
    assert!(near(0, 255) && near(1, 255) && near(3 * 255, 127), "{again:?}");
}

#[test]
fn wrong_values_are_refused() {
    let picture = picture(pixels(4, 3, 3, Depth::Eight, 1), Metadata::default());
    for (restored, strength) in [
        (vec![0.0; 35], 1.0),
        (vec![f32::NAN; 36], 1.0),
        (vec![f32::INFINITY; 36], 1.0),
        (vec![0.0; 36], f32::NAN),
    ] {
        assert!(matches!(picture.with_restored(&restored, strength), Err(ImageError::Samples(_))));
    }
    for (width, height, len) in [(0, 1, 0), (1, 0, 0), (2, 2, 11), (usize::MAX, 2, 6)] {
        assert!(matches!(Picture::from_rgb8(width, height, vec![0; len]), Err(ImageError::Samples(_))));
    }
}

#[test]
fn a_png_describes_its_colours_without_a_profile() {
    let part = |name: &[u8; 4], data: &[u8]| Part { format: Format::Png, name: *name, data: data.to_vec() };
    let gamma = |value: u32| part(b"gAMA", &value.to_be_bytes());
    let points = |values: [u32; 8]| part(b"cHRM", &values.map(u32::to_be_bytes).concat());
    let srgb_points = points([31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000]);
    let p3_points = points([31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000]);
    let red = || Pixels { width: 1, height: 1, channels: 3, samples: Samples::Eight(vec![255, 128, 0]) };
    let half = 128.0 / 255.0_f32;
    // What the middle sample becomes, and whether red leaves sRGB's gamut.
    for (native, middle, wide) in [
        (vec![gamma(45_455), srgb_points.clone()], half, false),
        (vec![gamma(100_000), srgb_points.clone()], 0.7366, false),
        (vec![gamma(100_000), part(b"sRGB", &[0])], half, false),
        (vec![gamma(45_455), p3_points], 0.4648, true),
        (vec![part(b"cICP", &[12, 13, 0, 1]), gamma(100_000)], 0.4648, true),
        (vec![part(b"cICP", &[1, 13, 0, 1])], half, false),
        (vec![gamma(0), points([0; 8])], half, false),
    ] {
        let picture = picture(red(), Metadata { native, ..Metadata::default() });
        let x = picture.srgb().unwrap();
        assert!((x[1] - middle).abs() < 4e-3, "{x:?} for {middle}");
        assert_eq!(x[0] > 1.01, wide, "{x:?}");
        // A JPEG cannot say it, so its samples are converted; a PNG keeps the chunks.
        assert_eq!(picture.losses(Format::Jpeg).contains(&Loss::Profile), x[1] != half);
        let shown = picture.to_rgb8().unwrap();
        let again = decode(&encode(&picture, Format::Tiff)).to_rgb8().unwrap();
        assert_eq!(again, shown);
        let again = decode(&encode(&picture, Format::Png));
        assert_eq!((again.pixels, again.metadata), (picture.pixels.clone(), picture.metadata.clone()));
        let mut stripped = picture.clone();
        stripped.strip_metadata();
        assert_eq!(stripped.to_rgb8().unwrap(), shown);
    }
}
