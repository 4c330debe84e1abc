//! What a format holds comes back byte for byte.

use proptest::prelude::*;

use super::fixtures::{
    decode, display_p3, encode, exif, full_metadata, grey_profile, picture, pixels, soft, xmp,
};
use crate::byte_order::ByteOrder::{Big, Little};
use crate::metadata::exif::tree;
use crate::metadata::{Metadata, Part};
use crate::pixels::{Pixels, Samples};
use crate::{Depth, EncodeOptions, Format, Loss, Picture, Subsampling};

/// Formats without loss.
const LOSSLESS: [Format; 5] = [Format::Png, Format::WebP, Format::Tiff, Format::Bmp, Format::Pnm];

/// The samples as they come back: WebP stores grey as RGB, BMP has no grey with alpha.
fn as_stored(pixels: &Pixels, format: Format) -> Pixels {
    let spread = matches!((format, pixels.channels), (Format::WebP, 1 | 2) | (Format::Bmp, 2));
    if !spread {
        return pixels.clone();
    }
    let Samples::Eight(samples) = &pixels.samples else { panic!("8 bits") };
    let wide = samples.chunks(pixels.channels).flat_map(|pixel| match *pixel {
        [grey] => vec![grey; 3],
        [grey, alpha] => vec![grey, grey, grey, alpha],
        _ => unreachable!(),
    });
    Pixels { channels: pixels.channels + 2, samples: Samples::Eight(wide.collect()), ..*pixels }
}

fn size() -> impl Strategy<Value = (usize, usize)> {
    (1..40_usize, 1..40_usize)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn samples_and_metadata_survive(
        (width, height) in size(),
        channels in 1..=4_usize,
        sixteen: bool,
        seed: u64,
        has in prop::array::uniform3(any::<bool>()),
        big: bool,
        format in prop::sample::select(&LOSSLESS[..]),
    ) {
        let depth = if sixteen { Depth::Sixteen } else { Depth::Eight };
        let order = if big { Big } else { Little };
        let full = full_metadata(order, channels);
        let metadata = Metadata {
            icc: full.icc.filter(|_| has[0]),
            exif: full.exif.filter(|_| has[1]),
            xmp: full.xmp.filter(|_| has[2]),
            native: Vec::new(),
        };
        let picture = picture(pixels(width, height, channels, depth, seed), metadata);
        let losses = picture.losses(format);
        let again = decode(&encode(&picture, format));
        prop_assert_eq!(again.format(), format);
        prop_assert!(again.read_losses().is_empty());
        prop_assert_eq!((again.width(), again.height()), (width, height));
        if !losses.contains(&Loss::Depth) && !losses.contains(&Loss::Profile) {
            prop_assert_eq!(&again.pixels, &as_stored(&picture.pixels, format));
        }
        if losses.is_empty() {
            prop_assert_eq!(again.profile(), picture.profile());
            prop_assert_eq!(again.exif().and_then(tree), picture.exif().and_then(tree));
            prop_assert_eq!(again.xmp(), picture.xmp());
            // Only a TIFF writes its EXIF anew; a second time it stays.
            if format != Format::Tiff {
                prop_assert_eq!(again.exif(), picture.exif());
            }
            let twice = decode(&encode(&again, format));
            prop_assert_eq!(twice, again);
        }
    }

    #[test]
    fn jpeg_keeps_metadata_and_nearly_all_colours(
        (width, height) in size(), grey: bool, big: bool, alpha: bool,
    ) {
        let channels = if grey { 1 } else { 3 } + usize::from(alpha);
        let order = if big { Big } else { Little };
        let mut soft = soft(width, height, channels);
        if let (true, Samples::Eight(samples)) = (alpha, &mut soft.samples) {
            samples.iter_mut().skip(channels - 1).step_by(channels).for_each(|a| *a = 255);
        }
        let picture = picture(soft, full_metadata(order, channels));
        let losses = picture.losses(Format::Jpeg);
        prop_assert_eq!(losses, if alpha { vec![Loss::Alpha] } else { vec![] });
        let again = decode(&encode(&picture, Format::Jpeg));
        prop_assert_eq!(again.profile(), picture.profile());
        prop_assert_eq!(again.exif(), picture.exif());
        prop_assert_eq!(again.xmp(), picture.xmp());
        prop_assert_eq!(again.is_grey(), grey);
        let (a, b) = (picture.srgb().unwrap(), again.srgb().unwrap());
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        prop_assert!(worst < 10.0 / 255.0, "{}", worst * 255.0);
    }
}

#[test]
fn losses_are_named_for_every_format() {
    let eight = picture(pixels(3, 2, 3, Depth::Eight, 1), Metadata::default());
    let rich = picture(pixels(3, 2, 4, Depth::Sixteen, 1), full_metadata(Little, 4));
    let grey = picture(pixels(3, 2, 1, Depth::Eight, 1), full_metadata(Little, 1));
    let table: [(&Picture, Format, &[Loss]); 9] = [
        (&rich, Format::Png, &[]),
        (&rich, Format::Tiff, &[]),
        (&rich, Format::Jpeg, &[Loss::Depth, Loss::Alpha]),
        (&rich, Format::WebP, &[Loss::Depth]),
        (&rich, Format::Bmp, &[Loss::Depth, Loss::Profile, Loss::Exif, Loss::Xmp]),
        (&rich, Format::Pnm, &[Loss::Profile, Loss::Exif, Loss::Xmp]),
        (&grey, Format::WebP, &[Loss::Profile]),
        (&grey, Format::Jpeg, &[]),
        (&eight, Format::Bmp, &[]),
    ];
    for (picture, format, losses) in table {
        assert_eq!(picture.losses(format), losses, "{format}");
        assert!(losses.iter().all(|loss| !loss.to_string().is_empty()));
        encode(picture, format);
    }
}

#[test]
fn what_only_one_format_knows_stays_in_it() {
    let part = |format, name: [u8; 4], data: &[u8]| Part { format, name, data: data.to_vec() };
    let native = vec![
        part(Format::Png, *b"tEXt", b"Title\0A picture"),
        part(Format::Png, *b"pHYs", &[0, 0, 11, 19, 0, 0, 11, 19, 1]),
        part(Format::Jpeg, [0xFE, 0, 0, 0], b"a comment"),
        part(Format::Jpeg, [0xED, 0, 0, 0], b"Photoshop 3.0\08BIM"),
    ];
    let picture = picture(soft(4, 3, 3), Metadata { native, ..Metadata::default() });
    assert_eq!(picture.losses(Format::Png), [Loss::Native("JPEG's own segments")]);
    for format in [Format::Png, Format::Jpeg] {
        let again = decode(&encode(&picture, format));
        let kept: Vec<&Part> =
            again.metadata.parts(format).filter(|p| !p.data.starts_with(b"JFIF")).collect();
        assert_eq!(kept, picture.metadata.parts(format).collect::<Vec<_>>(), "{format}");
    }
}

#[test]
fn a_jpeg_keeps_its_density() {
    let jfif = b"JFIF\0\x01\x02\x01\x01\x2C\x01\x2C\0\0".to_vec();
    let part = Part { format: Format::Jpeg, name: [0xE0, 0, 0, 0], data: jfif };
    let picture = picture(soft(4, 3, 3), Metadata { native: vec![part], ..Metadata::default() });
    let again = decode(&encode(&picture, Format::Jpeg));
    let jfif = again.metadata.parts(Format::Jpeg).find(|p| p.data.starts_with(b"JFIF")).unwrap();
    assert_eq!(jfif.data[7..12], [1, 1, 0x2C, 1, 0x2C]);
}

#[test]
fn a_profile_longer_than_a_segment_survives_jpeg() {
    let icc: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(i) / 7) as u8).collect();
    let picture = picture(soft(4, 3, 3), Metadata { icc: Some(icc), ..Metadata::default() });
    let again = decode(&encode(&picture, Format::Jpeg));
    assert_eq!(again.profile(), picture.profile());
}

#[test]
fn metadata_too_long_for_a_jpeg_are_named() {
    let metadata =
        Metadata { exif: Some(vec![0; 70_000]), xmp: Some(vec![b'x'; 70_000]), ..Metadata::default() };
    let picture = picture(soft(4, 3, 3), metadata);
    assert_eq!(picture.losses(Format::Jpeg), [Loss::Exif, Loss::Xmp]);
    let again = decode(&encode(&picture, Format::Jpeg));
    assert_eq!((again.exif(), again.xmp()), (None, None));
    assert_eq!(picture.losses(Format::Png), []);
}

#[test]
fn quality_and_subsampling_are_heeded() {
    let picture = picture(pixels(64, 64, 3, Depth::Eight, 5), Metadata::default());
    let len = |options: EncodeOptions| {
        picture.encode(&EncodeOptions { format: Some(Format::Jpeg), ..options }).unwrap().len()
    };
    let default = EncodeOptions::default();
    assert!(len(EncodeOptions { quality: 50, ..default }) < len(default));
    assert!(len(EncodeOptions { subsampling: Subsampling::Quarter, ..default }) < len(default));
    // Sampling factors of the first component, which stand 11 bytes behind the frame marker.
    let file = picture.encode(&EncodeOptions { format: Some(Format::Jpeg), ..default }).unwrap();
    let frame = file.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    assert_eq!(file[frame + 11], 0x11);
}

#[test]
fn every_orientation_is_applied_once() {
    // Upright: a row of three pixels over another.
    let upright = soft(3, 2, 3);
    for orientation in 1..=8_u16 {
        // Stored so that the orientation makes it upright: the inverse of 6 is 8.
        let inverse = match orientation {
            6 => 8,
            8 => 6,
            other => other,
        };
        let stored = crate::orientation::apply(upright.clone(), inverse).unwrap();
        for format in [Format::Png, Format::WebP, Format::Tiff] {
            let metadata = Metadata {
                exif: Some(exif(Big, orientation)),
                xmp: Some(xmp(orientation)),
                ..Metadata::default()
            };
            let again = decode(&encode(&picture(stored.clone(), metadata), format));
            assert_eq!(again.pixels, upright, "{format} {orientation}");
            assert_eq!(again.exif().and_then(tree), tree(&exif(Big, 1)), "{format} {orientation}");
            assert_eq!(again.xmp(), Some(&xmp(1)[..]));
            assert_eq!(decode(&encode(&again, format)), again, "{format} {orientation}");
        }
    }
}

#[test]
fn stripping_keeps_only_what_the_colours_need() {
    let srgb = moxcms::ColorProfile::new_srgb().encode().unwrap();
    for (icc, channels, stays) in [(display_p3(), 3, true), (srgb, 3, false), (grey_profile(), 1, true)] {
        let metadata = Metadata { icc: Some(icc.clone()), ..full_metadata(Little, channels) };
        let mut picture = picture(soft(3, 2, channels), metadata);
        let before = picture.to_rgb8().unwrap();
        picture.strip_metadata();
        assert_eq!((picture.exif(), picture.xmp()), (None, None));
        assert_eq!(picture.profile(), stays.then_some(&icc[..]));
        assert_eq!(picture.to_rgb8().unwrap(), before);
    }
}
