//! What a file says survives or is named, in the corners where it is easily lost.

use super::fixtures::{Tiff, chunk, decode, display_p3, encode, exif, idat, ihdr, node, picture, png, soft};
use crate::byte_order::ByteOrder::{Big, Little};
use crate::metadata::Metadata;
use crate::{Format, ImageError, Limits, Loss, Picture};

#[test]
fn dropped_metadata_leave_the_picture_upright() {
    let limits = Limits { exif_bytes: 100, ..Limits::default() };
    let turned = Metadata { exif: Some(exif(Big, 6)), ..Metadata::default() };
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Tiff] {
        let file = encode(&picture(soft(3, 2, 3), turned.clone()), format);
        let read = Picture::decode(&file, &limits).unwrap();
        assert_eq!((read.width(), read.height()), (2, 3), "{format}");
        assert_eq!(read.read_losses(), [Loss::Unreadable("the EXIF block")], "{format}");
    }
}

#[test]
fn a_tag_of_many_megabytes_costs_none_of_the_others() {
    let limits = Limits { exif_bytes: 100, ..Limits::default() };
    let layered = Tiff::grey(&[1, 2, 3])
        .with(node(274, 3, &Little.of_u16(6)))
        .with(node(271, 2, b"Maker\0"))
        .with(node(37_724, 7, &[9; 101]));
    let read = Picture::decode(&layered.file(), &limits).unwrap();
    assert_eq!((read.width(), read.height()), (1, 3));
    assert_eq!(read.read_losses(), [Loss::Native("the longest tags of the TIFF")]);
    assert!(read.exif().unwrap().windows(5).any(|w| w == b"Maker"));
}

#[test]
fn a_bitmap_of_version_5_has_a_profile() {
    let icc = display_p3();
    let bitmap = |len: usize| {
        let start = 14 + 124;
        let mut file = b"BM".to_vec();
        for value in [start + 4 + icc.len() as u32, 0, start] {
            file.extend(Little.of_u32(value));
        }
        let mut header = [0; 124];
        for (at, value) in [(0, 124), (4, 1), (8, 1), (12, 1 | 24 << 16), (112, 128), (116, len as u32)] {
            header[at..at + 4].copy_from_slice(&Little.of_u32(value));
        }
        header[56..60].copy_from_slice(b"DEBM");
        [&file[..], &header, &[0, 0, 255, 0], &icc].concat()
    };
    let read = decode(&bitmap(icc.len()));
    assert_eq!(read.profile(), Some(&icc[..]));
    // Red of Display P3 is no red of sRGB.
    assert!(read.srgb().unwrap()[0] > 1.05);
    assert_eq!(read.losses(Format::Bmp), [Loss::Profile]);
    let cut = decode(&bitmap(icc.len() + 1));
    assert_eq!((cut.profile(), cut.read_losses()), (None, &[Loss::Unreadable("the colour profile")][..]));
}

#[test]
fn png_chunks_tied_to_the_old_samples_are_named() {
    let read = |name: [u8; 4], data: &[u8]| {
        let mut file = png(&[(b"IHDR", ihdr(2, 1, 8, 0))]);
        file.extend(chunk(name, data));
        file.extend(chunk(*b"IDAT", &idat(&[&[1, 2]])));
        file.extend(chunk(*b"IEND", &[]));
        decode(&file).read_losses().len()
    };
    assert_eq!(read(*b"bKGD", &[0, 9]), 1);
    assert_eq!(read(*b"caBX", &[1; 30]), 1);
    // Used up by decoding, or kept.
    assert_eq!(read(*b"tRNS", &[0, 1]), 0);
    assert_eq!(read(*b"sBIT", &[5]), 0);
    assert_eq!(read(*b"tEXt", b"Title\0x"), 0);
}

#[test]
fn a_profile_longer_than_all_segments_of_a_jpeg_is_named() {
    let limits = Limits { icc_bytes: 20 << 20, ..Limits::default() };
    for (len, fits) in [(255 * 65_519, true), (255 * 65_519 + 1, false)] {
        let metadata = Metadata { icc: Some(vec![7; len]), ..Metadata::default() };
        let picture = picture(soft(4, 3, 3), metadata);
        assert_eq!(picture.losses(Format::Jpeg).is_empty(), fits);
        let again = Picture::decode(&encode(&picture, Format::Jpeg), &limits).unwrap();
        assert_eq!(again.profile(), picture.profile().filter(|_| fits));
    }
}

#[test]
fn cmyk_in_a_pam_is_no_alpha() {
    let file = b"P7 WIDTH 1 HEIGHT 1 DEPTH 4 MAXVAL 255 TUPLTYPE CMYK ENDHDR\n1234";
    let error = Picture::decode(file, &Limits::default()).unwrap_err();
    assert!(matches!(&error, ImageError::Unsupported { what, .. } if what.contains("CMYK")), "{error}");
}
