//! The rarer kinds of each format decode to the samples that they mean.

use super::fixtures::{Tiff, decode, idat, ihdr, node, png};
use crate::byte_order::ByteOrder::{Big, Little};
use crate::pixels::Samples;
use crate::{Depth, Loss};

fn samples(file: &[u8]) -> (usize, Vec<u16>) {
    let pixels = decode(file).pixels;
    let samples = match pixels.samples {
        Samples::Eight(samples) => samples.into_iter().map(u16::from).collect(),
        Samples::Sixteen(samples) => samples,
    };
    (pixels.channels, samples)
}

#[test]
fn kinds_of_png() {
    let end = || (b"IEND", vec![]);
    let palette = (b"PLTE", vec![1, 2, 3, 4, 5, 6]);
    let table = [
        // Two bits of grey are spread over 0 to 255.
        (
            vec![(b"IHDR", ihdr(4, 1, 2, 0)), (b"IDAT", idat(&[&[0b00_01_10_11]])), end()],
            1,
            vec![0, 85, 170, 255],
        ),
        (
            vec![(b"IHDR", ihdr(3, 1, 1, 3)), palette.clone(), (b"IDAT", idat(&[&[0b0100_0000]])), end()],
            3,
            vec![1, 2, 3, 4, 5, 6, 1, 2, 3],
        ),
        (
            vec![
                (b"IHDR", ihdr(2, 1, 8, 3)),
                palette,
                (b"tRNS", vec![9]),
                (b"IDAT", idat(&[&[0, 1]])),
                end(),
            ],
            4,
            vec![1, 2, 3, 9, 4, 5, 6, 255],
        ),
        // One grey is transparent.
        (
            vec![
                (b"IHDR", ihdr(2, 1, 16, 0)),
                (b"tRNS", vec![1, 2]),
                (b"IDAT", idat(&[&[1, 2, 3, 4]])),
                end(),
            ],
            2,
            vec![0x0102, 0, 0x0304, 65_535],
        ),
    ];
    for (chunks, channels, expected) in table {
        assert_eq!(samples(&png(&chunks)), (channels, expected));
    }
}

#[test]
fn kinds_of_tiff() {
    let grey = |bits: u16, photometric, width, data: &[u8]| Tiff {
        bits: vec![bits],
        photometric,
        width,
        ..Tiff::grey(data)
    };
    // White is zero, with 1, 4 and 8 bits.
    assert_eq!(samples(&grey(1, 0, 3, &[0b0110_0000]).file()), (1, vec![255, 0, 0]));
    assert_eq!(samples(&grey(4, 0, 3, &[0x0F, 0x10]).file()), (1, vec![255, 0, 238]));
    assert_eq!(samples(&grey(8, 0, 2, &[0, 200]).file()), (1, vec![255, 55]));
    assert_eq!(samples(&grey(2, 1, 4, &[0b00_01_10_11]).file()), (1, vec![0, 85, 170, 255]));

    // Both byte orders of 16 bits.
    for order in [Little, Big] {
        let data = [order.of_u16(258), order.of_u16(65_000)].concat();
        let tiff = Tiff { order, bits: vec![16], width: 2, ..Tiff::grey(&data) };
        assert_eq!(samples(&tiff.file()), (1, vec![258, 65_000]));
        assert_eq!(decode(&tiff.file()).depth(), Depth::Sixteen);
    }

    // A palette of 16 colours: all reds, all greens, all blues.
    let map: Vec<u8> = (0..48_u16).flat_map(|i| Little.of_u16(i * 256)).collect();
    let palette = grey(4, 3, 3, &[0x0F, 0x10]).with(node(320, 3, &map));
    assert_eq!(samples(&palette.file()), (3, vec![0, 16, 32, 15, 31, 47, 1, 17, 33]));

    // Planes instead of pixels.
    let rgb = |bits: Vec<u16>, width, data: &[u8]| Tiff { bits, width, photometric: 2, ..Tiff::grey(data) };
    let long = |tag, values: [u32; 3]| node(tag, 4, &values.map(|v| Little.of_u32(v)).concat());
    let planar = rgb(vec![8; 3], 2, &[1, 2, 3, 4, 5, 6])
        .with(node(284, 3, &Little.of_u16(2)))
        .with(long(273, [8, 10, 12]))
        .with(long(279, [2, 2, 2]));
    assert_eq!(samples(&planar.file()), (3, vec![1, 3, 5, 2, 4, 6]));

    // Alpha: as it is, multiplied in, and beside further samples.
    let extra =
        |kinds: &[u16]| node(338, 3, &kinds.iter().flat_map(|&k| Little.of_u16(k)).collect::<Vec<_>>());
    let four = |kind| rgb(vec![8; 4], 1, &[50, 100, 0, 128]).with(extra(&[kind])).file();
    assert_eq!(samples(&four(2)), (4, vec![50, 100, 0, 128]));
    // What is said to be something else, or nothing, is no alpha.
    assert_eq!(samples(&four(0)), (3, vec![50, 100, 0]));
    assert_eq!(decode(&four(0)).read_losses(), [Loss::Native("the channels beside colour and alpha")]);
    let silent = rgb(vec![8; 4], 1, &[50, 100, 0, 128]).file();
    assert_eq!(samples(&silent), (3, vec![50, 100, 0]));
    assert_eq!(samples(&four(1)), (4, vec![100, 199, 0, 128]));
    let five = rgb(vec![8; 5], 1, &[50, 100, 0, 128, 77]).with(extra(&[2, 0]));
    assert_eq!(samples(&five.file()), (4, vec![50, 100, 0, 128]));
    let two = Tiff { bits: vec![8; 2], width: 1, ..Tiff::grey(&[9, 200]) }.with(extra(&[2]));
    assert_eq!(samples(&two.file()), (2, vec![9, 200]));
}

#[test]
fn kinds_of_pnm() {
    for (file, channels, expected) in [
        (&b"P1\n# comment\n3 2\n101\n0 1 0"[..], 1, vec![0, 255, 0, 255, 0, 255]),
        (b"P2 3 1 9 0 4 9", 1, vec![0, 113, 255]),
        (b"P3\n1 1\n1000\n1000 1 2\n", 3, vec![65_535, 66, 131]),
        (b"P4 9 2\n\x80\x80\x7F\0", 1, [&[0][..], &[255; 7], &[0, 255], &[0; 7], &[255]].concat()),
        (b"P5 2 1 255\n\x01\xFF", 1, vec![1, 255]),
        (b"P5 1 1 1023\n\x03\xFF", 1, vec![65_535]),
        (b"P6 1 1 65535\n\0\x01\0\x02\xFF\xFF", 3, vec![1, 2, 65_535]),
        (
            b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n\x01\x02\x03\x04",
            4,
            vec![1, 2, 3, 4],
        ),
    ] {
        assert_eq!(samples(file), (channels, expected), "{}", String::from_utf8_lossy(file));
    }
}

#[test]
fn a_lossy_webp_shows_what_libwebp_shows() {
    let picture = decode(&super::fixtures::LOSSY_WEBP);
    let shown = picture.to_rgb8().unwrap();
    // The first pixels as libwebp decodes them.
    let expected = [0, 10, 115, 16, 14, 120, 45, 19, 123, 71, 18, 120];
    let worst = shown.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
    assert!(worst <= Some(2), "{:?}", &shown[..12]);
}

#[test]
fn kinds_of_jpeg() {
    use jpeg_encoder::SamplingFactor::{F_1_1, F_1_2, F_2_1, F_2_2};
    let soft = super::fixtures::soft(37, 29, 3);
    let Samples::Eight(expected) = &soft.samples else { unreachable!() };
    for sampling in [F_1_1, F_1_2, F_2_1, F_2_2] {
        for (progressive, restarts) in [(false, false), (false, true), (true, false)] {
            let shown = decode(&super::fixtures::jpeg(sampling, progressive, restarts)).to_rgb8().unwrap();
            let worst = shown.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(12), "{sampling:?} {progressive} {restarts}: {worst:?}");
        }
    }
}
