//! A corpus of files that must be refused: quickly, by the right kind of error, with a hint.

mod tiff;

use super::fixtures::{
    AT_ONCE, LOSSY_WEBP, PNG_SIGNATURE, Tiff, chunk, encode, idat, ihdr, jpeg, picture, png, soft, timed,
};
use crate::byte_order::ByteOrder::Little;
use crate::metadata::Metadata;
use crate::{Format, ImageError, Limits, Picture};

/// Who must act.
#[derive(Debug, PartialEq)]
enum Kind {
    Input,
    Unsupported,
    Limits,
}
use Kind::{Input, Unsupported};

type Case = (&'static str, Kind, Vec<u8>);

fn small(format: Format) -> Vec<u8> {
    encode(&picture(soft(6, 5, 3), Metadata::default()), format)
}

/// The file with a change.
fn changed(mut file: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut file);
    file
}

fn strangers() -> Vec<Case> {
    vec![
        ("an empty file", Input, vec![]),
        ("one byte", Input, vec![0x89]),
        ("text", Input, b"not a picture\n".to_vec()),
        ("HTML", Input, b"<!doctype html><html></html>".to_vec()),
        ("SVG", Input, b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()),
        ("zeros", Input, vec![0; 4096]),
        ("a zip with a PNG in it", Input, [b"PK\x03\x04".to_vec(), small(Format::Png)].concat()),
        ("GIF", Unsupported, b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()),
        ("HEIC", Unsupported, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()),
        ("AVIF", Unsupported, b"\0\0\0\x1Cftypavif\0\0\0\0avifmif1".to_vec()),
        ("JPEG XL", Unsupported, b"\xFF\x0A\xFA\x1F\x01".to_vec()),
        ("JPEG XL in a container", Unsupported, b"\0\0\0\x0CJXL \r\n\x87\n".to_vec()),
        ("CR2", Unsupported, b"II*\0\x10\0\0\0CR\x02\0".to_vec()),
        ("CR3", Unsupported, b"\0\0\0\x18ftypcrx \0\0\0\x01".to_vec()),
        ("RAF", Unsupported, b"FUJIFILMCCD-RAW 0201FF".to_vec()),
        ("ORF", Unsupported, b"IIRO\x08\0\0\0".to_vec()),
        ("RW2", Unsupported, b"IIU\0\x18\0\0\0".to_vec()),
        ("PFM", Unsupported, b"PF\n1 1\n-1.0\n\0\0\0\0".to_vec()),
        ("PSD", Unsupported, b"8BPS\0\x01".to_vec()),
        ("OpenEXR", Unsupported, b"\x76\x2F\x31\x01\x02\0\0\0".to_vec()),
    ]
}

fn pngs() -> Vec<Case> {
    let end = || (b"IEND", vec![]);
    let grey = || (b"IHDR", ihdr(2, 1, 8, 0));
    let one = || (b"IDAT", idat(&[&[1, 2]]));
    let with = |bytes: Vec<u8>| png(&[(b"IHDR", bytes), one(), end()]);
    let file = png(&[grey(), one(), end()]);
    let flip = |at: usize| changed(file.clone(), move |f| f[at] ^= 1);
    let data = 8 + 25 + 8;
    vec![
        ("a PNG signature alone", Input, PNG_SIGNATURE.to_vec()),
        ("a PNG without width", Input, with(ihdr(0, 1, 8, 0))),
        ("a PNG without height", Input, with(ihdr(1, 0, 8, 0))),
        ("a PNG of colour type 1", Input, with(ihdr(2, 1, 8, 1))),
        ("a PNG of 3 bits", Input, with(ihdr(2, 1, 3, 0))),
        ("an RGB PNG of 4 bits", Input, with(ihdr(2, 1, 4, 2))),
        ("a PNG of an unknown compression", Input, with(changed(ihdr(2, 1, 8, 0), |h| h[10] = 1))),
        ("a PNG of an unknown interlacing", Input, with(changed(ihdr(2, 1, 8, 0), |h| h[12] = 7))),
        ("a PNG with a short header", Input, with(ihdr(2, 1, 8, 0)[..7].to_vec())),
        ("a PNG with a wrong checksum of its header", Input, flip(8 + 8 + 13)),
        ("a PNG with a wrong checksum of its pixels", Input, flip(file.len() - 13)),
        ("a PNG with a broken stream", Input, {
            let mut stream = idat(&[&[1, 2]]);
            stream[3] ^= 0x55;
            png(&[grey(), (b"IDAT", stream), end()])
        }),
        ("a PNG with too few pixels", Input, png(&[grey(), (b"IDAT", idat(&[&[1]])), end()])),
        ("a PNG with an unknown filter", Input, {
            let stream = miniz_oxide::deflate::compress_to_vec_zlib(&[9, 1, 2], 6);
            png(&[grey(), (b"IDAT", stream), end()])
        }),
        ("a PNG without pixels", Input, png(&[grey(), end()])),
        ("a PNG without end", Input, png(&[grey(), one()])),
        ("a PNG that starts with pixels", Input, png(&[one(), grey(), end()])),
        ("a palette PNG without palette", Input, png(&[(b"IHDR", ihdr(2, 1, 8, 3)), one(), end()])),
        (
            "a PNG with a chunk longer than the file",
            Input,
            changed(file.clone(), move |f| f[data - 8] = 0x7F),
        ),
        ("a PNG with an unknown critical chunk", Input, png(&[grey(), (b"ABCD", vec![]), one(), end()])),
        (
            "a PNG of high dynamic range",
            Unsupported,
            png(&[grey(), (b"cICP", vec![9, 16, 0, 1]), one(), end()]),
        ),
        (
            "an animated PNG",
            Unsupported,
            png(&[grey(), (b"acTL", vec![0, 0, 0, 2, 0, 0, 0, 0]), one(), end()]),
        ),
        ("a PNG of 100,000 x 100,000", Kind::Limits, with(ihdr(100_000, 100_000, 16, 6))),
        ("a PNG of 2^31 x 2^31", Kind::Limits, with(ihdr(1 << 31, 1 << 31, 8, 0))),
    ]
}

fn jpegs() -> Vec<Case> {
    let file = jpeg(jpeg_encoder::SamplingFactor::F_1_1, false, false);
    let frame = file.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    let scan = file.windows(2).position(|w| w == [0xFF, 0xDA]).unwrap();
    let tables = file.windows(2).position(|w| w == [0xFF, 0xC4]).unwrap();
    let set = |at: usize, value: u8| changed(file.clone(), move |f| f[at] = value);
    let mut cmyk = Vec::new();
    jpeg_encoder::Encoder::new(&mut cmyk, 90)
        .encode(&[100; 8 * 8 * 4], 8, 8, jpeg_encoder::ColorType::Cmyk)
        .unwrap();
    let mut apart = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut apart, 90);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(&[100; 8 * 8 * 3], 8, 8, jpeg_encoder::ColorType::Rgb).unwrap();
    vec![
        ("a JPEG of a start alone", Input, vec![0xFF, 0xD8, 0xFF]),
        ("a JPEG of start and end", Input, vec![0xFF, 0xD8, 0xFF, 0xD9]),
        ("a JPEG without width", Input, changed(file.clone(), |f| f[frame + 7..frame + 9].fill(0))),
        ("a JPEG without height", Input, changed(file.clone(), |f| f[frame + 5..frame + 7].fill(0))),
        ("a JPEG without end", Input, file[..file.len() - 2].to_vec()),
        ("a JPEG without scan", Input, file[..scan].to_vec()),
        ("a JPEG without quantisation", Input, {
            let at = file.windows(2).position(|w| w == [0xFF, 0xDB]).unwrap();
            changed(file.clone(), |f| drop(f.drain(at..tables)))
        }),
        ("a JPEG without Huffman tables", Input, changed(file.clone(), |f| drop(f.drain(tables..scan)))),
        ("a JPEG with a segment longer than the file", Input, {
            changed(file.clone(), |f| f[frame + 2..frame + 4].fill(0xFF))
        }),
        (
            "a JPEG with a segment of length 0",
            Input,
            changed(file.clone(), |f| f[frame + 2..frame + 4].fill(0)),
        ),
        ("a JPEG of 2 components", Unsupported, set(frame + 9, 2)),
        ("a JPEG of 12 bits", Unsupported, set(frame + 4, 12)),
        ("a lossless JPEG", Unsupported, set(frame + 1, 0xC3)),
        ("a hierarchical JPEG", Unsupported, set(frame + 1, 0xC5)),
        ("an arithmetic JPEG", Unsupported, set(frame + 1, 0xC9)),
        ("a CMYK JPEG", Unsupported, cmyk),
        ("a baseline JPEG with a scan for every component", Unsupported, apart),
    ]
}

fn webps() -> Vec<Case> {
    let lossless = small(Format::WebP);
    let extended = |flags: u8, chunks: &[(&[u8; 4], &[u8])]| {
        let mut body = b"WEBPVP8X\x0A\0\0\0".to_vec();
        body.extend([flags, 0, 0, 0, 5, 0, 0, 4, 0, 0]);
        for (name, data) in chunks {
            body.extend_from_slice(*name);
            body.extend(Little.of_u32(data.len() as u32));
            body.extend_from_slice(data);
        }
        [&b"RIFF"[..], &Little.of_u32(body.len() as u32), &body].concat()
    };
    vec![
        ("a WebP of a header alone", Input, b"RIFF\x04\0\0\0WEBP".to_vec()),
        ("a WebP without pixels", Input, extended(0, &[(b"EXIF", b"ab")])),
        ("a WebP longer than its file", Input, changed(lossless.clone(), |f| f[4] += 2)),
        ("a WebP with a wrong lossless mark", Input, changed(lossless.clone(), |f| f[20] = 0)),
        ("a WebP with a wrong key frame mark", Input, changed(LOSSY_WEBP.to_vec(), |f| f[23] = 0)),
        ("a WebP with a chunk longer than the file", Input, changed(lossless, |f| f[18] = 0xFF)),
        ("a lossy WebP without width", Input, changed(LOSSY_WEBP.to_vec(), |f| f[26] = 0)),
        ("an animated WebP", Unsupported, extended(2, &[(b"ANIM", b"\0\0\0\0\0\0"), (b"ANMF", b"\0\0")])),
        ("a WebP that says it is animated", Unsupported, extended(2, &[(b"VP8L", b"\x2F\0\0\0\0")])),
        ("a WebP whose canvas is larger than its picture", Input, {
            extended(0, &[(b"VP8L", &small(Format::WebP)[20..])])
        }),
    ]
    .into_iter()
    .map(|(name, kind, file)| {
        (name, kind, if name.contains("canvas") { changed(file, |f| f[24] = 50) } else { file })
    })
    .collect()
}

fn bmps_and_pnms() -> Vec<Case> {
    let bmp = small(Format::Bmp);
    let set =
        |at: usize, bytes: &[u8]| changed(bmp.clone(), |f| f[at..at + bytes.len()].copy_from_slice(bytes));
    vec![
        ("a BMP of a mark alone", Input, b"BM".to_vec()),
        ("a BMP of an unknown header", Input, set(14, &[99])),
        ("a BMP without width", Input, set(18, &[0; 4])),
        ("a BMP without height", Input, set(22, &[0; 4])),
        ("a BMP of negative width", Input, set(18, &(-5_i32).to_le_bytes())),
        ("a BMP of 3 bits", Input, set(28, &[3])),
        ("a BMP of an unknown compression", Input, set(30, &[77])),
        ("a BMP without pixels", Input, bmp[..60].to_vec()),
        ("a PNM of a mark alone", Input, b"P6\n".to_vec()),
        ("a PNM without width", Input, b"P5 0 3 255\n".to_vec()),
        ("a PNM of negative width", Input, b"P5 -1 3 255\n123".to_vec()),
        ("a PNM whose largest sample is 0", Input, b"P5 1 1 0\n1".to_vec()),
        ("a PNM whose largest sample is 70000", Input, b"P5 1 1 70000\n12".to_vec()),
        ("a PNM with words for numbers", Input, b"P5 one 1 255\n1".to_vec()),
        ("a PNM with a sample above the largest", Input, b"P5 1 1 9\n\x0A".to_vec()),
        ("a plain PNM with a sample above the largest", Input, b"P2 1 1 9 10".to_vec()),
        ("a plain bitmap with a 7", Input, b"P1 2 1 1 7".to_vec()),
        ("a PNM that ends early", Input, b"P6 2 2 255\n12345".to_vec()),
        ("a PAM without end of header", Input, b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 1\n".to_vec()),
        ("a PAM with an unknown line", Input, b"P7\nBREADTH 1\nENDHDR\n".to_vec()),
        (
            "a PAM of 5 channels",
            Unsupported,
            b"P7 WIDTH 1 HEIGHT 1 DEPTH 5 MAXVAL 255 ENDHDR\n12345".to_vec(),
        ),
        ("two PNMs in one file", Unsupported, b"P5 1 1 255\nxP5 1 1 255\nx".to_vec()),
        ("a PNM of 10^9 pixels a side", Kind::Limits, b"P5 1000000000 1000000000 255\n".to_vec()),
    ]
}

#[test]
fn bad_files_are_refused_quickly_and_by_the_right_error() {
    let cases: Vec<Case> = [strangers(), pngs(), jpegs(), webps(), tiff::tiffs(), bmps_and_pnms()]
        .into_iter()
        .flatten()
        .collect();
    assert!(cases.len() >= 120, "{}", cases.len());
    let mut failures = Vec::new();
    for (name, kind, file) in cases {
        let (result, spent) = timed(&file, &Limits::default());
        let found = match &result {
            Err(ImageError::Damaged { .. } | ImageError::Unknown) => Some(Input),
            Err(ImageError::Unsupported { .. }) => Some(Unsupported),
            Err(ImageError::Limit { .. }) => Some(Kind::Limits),
            _ => None,
        };
        let hinted = result.as_ref().is_err_and(|e| e.hint().is_some_and(|h| !h.is_empty()));
        if found != Some(kind) || !hinted || spent > AT_ONCE {
            failures.push(format!("{name}: {:?} in {spent:?}", result.map(|p| p.pixels)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_damaged_note_costs_only_the_note() {
    let broken = changed(chunk(*b"tEXt", b"Title\0x"), |c| c[12] ^= 1);
    let mut file = png(&[(b"IHDR", ihdr(2, 1, 8, 0))]);
    file.extend(broken);
    file.extend(chunk(*b"IDAT", &idat(&[&[1, 2]])));
    file.extend(chunk(*b"IEND", &[]));
    let picture = Picture::decode(&file, &Limits::default()).unwrap();
    assert_eq!(picture.read_losses().len(), 1);
}
