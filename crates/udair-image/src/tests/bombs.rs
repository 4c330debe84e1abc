//! Small files that ask for much are refused at once, or what they blow up is dropped.

use std::time::Instant;

use miniz_oxide::deflate::compress_to_vec_zlib;

use super::fixtures::{AT_ONCE, Tiff, chunk, decode, encode, idat, ihdr, node, picture, png, soft, timed};
use crate::byte_order::ByteOrder::{Big, Little};
use crate::metadata::Metadata;
use crate::{Format, ImageError, Limits, Loss, Picture};

fn refused_at_once(name: &str, file: &[u8], limits: &Limits) -> ImageError {
    let (result, spent) = timed(file, limits);
    assert!(spent < AT_ONCE, "{name} took {spent:?}");
    result.err().unwrap_or_else(|| panic!("{name} was read"))
}

/// Headers of every format that claim the same size.
fn claims(width: u32, height: u32) -> Vec<(&'static str, Vec<u8>)> {
    let small = picture(soft(2, 2, 3), Metadata::default());
    let mut jpeg = encode(&small, Format::Jpeg);
    let frame = jpeg.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&Big.of_u16(height.min(65_535) as u16));
    jpeg[frame + 7..frame + 9].copy_from_slice(&Big.of_u16(width.min(65_535) as u16));
    let mut bmp = encode(&small, Format::Bmp);
    bmp[18..22].copy_from_slice(&Little.of_u32(width));
    bmp[22..26].copy_from_slice(&Little.of_u32(height));
    let mut webp = encode(&small, Format::WebP);
    let bits = (width.min(16_384) - 1) | ((height.min(16_384) - 1) << 14);
    webp[21..25].copy_from_slice(&Little.of_u32(bits));
    let mut tiff = Tiff::grey(&[1, 2, 3]);
    (tiff.width, tiff.height) = (width, height);
    vec![
        ("png", png(&[(b"IHDR", ihdr(width, height, 8, 2)), (b"IDAT", vec![])])),
        ("jpeg", jpeg),
        ("webp", webp),
        ("tiff", tiff.file()),
        ("bmp", bmp),
        ("pnm", format!("P6 {width} {height} 255\n").into_bytes()),
    ]
}

#[test]
fn fifty_bytes_that_claim_ten_gigapixels_fail_at_once() {
    let file = png(&[(b"IHDR", ihdr(100_000, 100_000, 8, 2)), (b"IDAT", vec![])]);
    assert!(file.len() <= 50, "{}", file.len());
    let error = refused_at_once("png", &file, &Limits::default());
    assert!(matches!(error, ImageError::Limit { .. }), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn sides_areas_and_bytes_are_bounded_in_every_format() {
    for (name, file) in claims(60_000, 60_000) {
        // 16,384 squared, all that a WebP can claim, is within the default.
        let limits = Limits { pixels: 100_000_000, ..Limits::default() };
        let error = refused_at_once(name, &file, &limits);
        assert!(matches!(error, ImageError::Limit { what: "the area, in pixels,", .. }), "{name}: {error}");
    }
    for (name, file) in claims(2000, 1000) {
        let limits = Limits { side: 1999, ..Limits::default() };
        let error = refused_at_once(name, &file, &limits);
        assert!(matches!(error, ImageError::Limit { value: 2000, limit: 1999, .. }), "{name}: {error}");
        let limits = Limits { decoded_bytes: 1_999_999, ..Limits::default() };
        let error = refused_at_once(name, &file, &limits);
        assert!(matches!(error, ImageError::Limit { limit: 1_999_999, .. }), "{name}: {error}");
        let limits = Limits { file_bytes: 10, ..Limits::default() };
        let error = refused_at_once(name, &file, &limits);
        assert!(matches!(error, ImageError::Limit { limit: 10, .. }), "{name}: {error}");
    }
}

#[test]
fn a_large_file_is_not_even_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.png");
    std::fs::File::create(&path).unwrap().set_len(1 << 31).unwrap();
    let limits = Limits { file_bytes: (1 << 31) - 1, ..Limits::default() };
    let start = Instant::now();
    assert!(matches!(Picture::open(&path, &limits), Err(ImageError::Limit { .. })));
    assert!(start.elapsed() < AT_ONCE);
}

/// A picture with these chunks before its pixels.
fn with_chunks(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut file = png(&[(b"IHDR", ihdr(2, 1, 8, 0))]);
    file.extend(chunks.concat());
    file.extend(chunk(*b"IDAT", &idat(&[&[7, 8]])));
    file.extend(chunk(*b"IEND", &[]));
    file
}

#[test]
fn inflated_metadata_are_bounded() {
    let bomb = compress_to_vec_zlib(&vec![0; 200 << 20], 9);
    let named = |name: &[u8]| [name, &bomb].concat();
    let file = with_chunks(&[
        chunk(*b"iCCP", &named(b"profile\0\0")),
        chunk(*b"zTXt", &named(b"Comment\0\0")),
        chunk(*b"iTXt", &named(b"XML:com.adobe.xmp\0\x01\0\0\0")),
    ]);
    let (picture, spent) = timed(&file, &Limits::default());
    assert!(spent < AT_ONCE, "{spent:?}");
    let picture = picture.unwrap();
    assert_eq!(
        picture.read_losses(),
        [Loss::Unreadable("the colour profile"), Loss::Unreadable("the XMP packet")]
    );
    // The text was carried without looking into it.
    assert_eq!(picture.metadata.native.len(), 1);
    assert_eq!(decode(&encode(&picture, Format::Png)).metadata, picture.metadata);
}

#[test]
fn long_metadata_are_dropped_and_named() {
    let limits = Limits { icc_bytes: 100, exif_bytes: 100, xmp_bytes: 100, ..Limits::default() };
    let metadata = Metadata {
        icc: Some(vec![1; 101]),
        exif: Some(vec![2; 101]),
        xmp: Some(vec![3; 101]),
        native: Vec::new(),
    };
    for format in [Format::Png, Format::Jpeg, Format::WebP] {
        let file = encode(&picture(soft(4, 4, 3), metadata.clone()), format);
        let read = Picture::decode(&file, &limits).unwrap();
        assert_eq!((read.profile(), read.exif()), (None, None), "{format}");
        assert_eq!(read.xmp(), None);
        assert_eq!(read.read_losses().len(), 3, "{format}: {:?}", read.read_losses());
    }
    let tiff = Tiff::grey(&[1, 2, 3])
        .with(node(700, 1, &[3; 101]))
        .with(node(34_675, 7, &[1; 101]))
        .with(node(270, 2, &[b'x'; 101]));
    let read = Picture::decode(&tiff.file(), &limits).unwrap();
    assert_eq!(read.read_losses().len(), 3, "{:?}", read.read_losses());
}

#[test]
fn values_that_share_their_bytes_cannot_multiply() {
    // 400 entries, each with the same megabyte.
    let mut file = Tiff::grey(&[1, 2, 3]).with(node(40_000, 7, &vec![5; 1 << 20])).file();
    let at = file.len() as u32;
    let old = Little.u32(&file, 4).unwrap() as usize;
    let count = Little.u16(&file, old).unwrap() as usize;
    let mut entries = file[old + 2..old + 2 + count * 12].to_vec();
    let shared: Vec<u8> = entries[(count - 1) * 12..].to_vec();
    for tag in 40_001..40_400_u16 {
        let mut entry = shared.clone();
        entry[..2].copy_from_slice(&Little.of_u16(tag));
        entries.extend(entry);
    }
    file.extend(Little.of_u16((entries.len() / 12) as u16));
    file.extend(entries);
    file.extend([0; 4]);
    file[4..8].copy_from_slice(&Little.of_u32(at));
    let (read, spent) = timed(&file, &Limits::default());
    assert!(spent < AT_ONCE, "{spent:?}");
    let read = read.unwrap();
    assert_eq!(read.read_losses(), [Loss::Unreadable("the EXIF block")]);
}
