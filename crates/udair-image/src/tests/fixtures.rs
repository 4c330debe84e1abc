//! Pictures, metadata and files for the tests, all made by code.

use std::io::Cursor;
use std::time::{Duration, Instant};

use jpeg_encoder::SamplingFactor;
use moxcms::ColorProfile;

use crate::byte_order::ByteOrder::{self, Big, Little};
use crate::metadata::Metadata;
use crate::metadata::ifd::{self, Node, Tree, Value};
use crate::pixels::{Pixels, Samples};
use crate::{Depth, EncodeOptions, Format, ImageError, Limits, Picture};

/// What a file may cost that is refused.
pub(super) const AT_ONCE: Duration = Duration::from_millis(50);

/// Decodes a file, and again while it takes long: a busy machine is no slow decoder.
pub(super) fn timed(file: &[u8], limits: &Limits) -> (Result<Picture, ImageError>, Duration) {
    let decode = || {
        let start = Instant::now();
        let result = Picture::decode(file, limits);
        (result, start.elapsed())
    };
    let mut best = decode();
    for _ in 0..9 {
        if best.1 < AT_ONCE {
            break;
        }
        best = decode();
    }
    best
}

pub(super) const FORMATS: [Format; 6] =
    [Format::Png, Format::Jpeg, Format::WebP, Format::Tiff, Format::Bmp, Format::Pnm];

/// Noise that depends on nothing but `seed`.
pub(super) fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

pub(super) fn pixels(width: usize, height: usize, channels: usize, depth: Depth, seed: u64) -> Pixels {
    let mut noise = noise(seed);
    let len = width * height * channels;
    let samples = match depth {
        Depth::Eight => Samples::Eight((0..len).map(|_| noise() as u8).collect()),
        Depth::Sixteen => Samples::Sixteen((0..len).map(|_| noise() as u16).collect()),
    };
    Pixels { width, height, channels, samples }
}

/// Soft colours, which JPEG keeps nearly as they are.
pub(super) fn soft(width: usize, height: usize, channels: usize) -> Pixels {
    let sample = |i: usize| {
        let (pixel, channel) = (i / channels, i % channels);
        (60 + (pixel % width) * 3 + (pixel / width) * 2 + channel * 20).min(250) as u8
    };
    let samples = Samples::Eight((0..width * height * channels).map(sample).collect());
    Pixels { width, height, channels, samples }
}

pub(super) fn picture(pixels: Pixels, metadata: Metadata) -> Picture {
    Picture { pixels, format: Format::Png, metadata, losses: Vec::new() }
}

pub(super) fn encode(picture: &Picture, format: Format) -> Vec<u8> {
    picture.encode(&EncodeOptions { format: Some(format), ..EncodeOptions::default() }).unwrap()
}

pub(super) fn decode(bytes: &[u8]) -> Picture {
    Picture::decode(bytes, &Limits::default()).unwrap()
}

pub(super) fn node(tag: u16, kind: u16, bytes: &[u8]) -> Node {
    Node { tag, kind, value: Value::Bytes(bytes.to_vec()) }
}

/// An EXIF block as cameras write it: maker, orientation, resolution, exposure, a maker note, GPS.
pub(super) fn exif(order: ByteOrder, orientation: u16) -> Vec<u8> {
    let rational = |a: u32, b: u32| [order.of_u32(a), order.of_u32(b)].concat();
    let camera = Tree {
        nodes: vec![
            node(33_434, 5, &rational(1, 125)),
            node(36_864, 7, b"0232"),
            node(36_867, 2, b"2024:05:06 07:08:09\0"),
            node(37_500, 7, &(0..=255).collect::<Vec<u8>>()),
        ],
    };
    let position = Tree { nodes: vec![node(0, 1, &[2, 3, 0, 0]), node(1, 2, b"N\0")] };
    Tree {
        nodes: vec![
            node(271, 2, b"Maker of cameras\0"),
            node(274, 3, &order.of_u16(orientation)),
            node(282, 5, &rational(300, 1)),
            Node { tag: 34_665, kind: 4, value: Value::Tree(camera) },
            Node { tag: 34_853, kind: 4, value: Value::Tree(position) },
        ],
    }
    .block(order)
}

pub(super) fn xmp(orientation: u16) -> Vec<u8> {
    format!("<x:xmpmeta><rdf:Description tiff:Orientation=\"{orientation}\"/>é</x:xmpmeta>").into_bytes()
}

pub(super) fn display_p3() -> Vec<u8> {
    ColorProfile::new_display_p3().encode().unwrap()
}

pub(super) fn grey_profile() -> Vec<u8> {
    ColorProfile::new_gray_with_gamma(1.8).encode().unwrap()
}

/// All that a picture with these channels can carry.
pub(super) fn full_metadata(order: ByteOrder, channels: usize) -> Metadata {
    Metadata {
        icc: Some(if channels < 3 { grey_profile() } else { display_p3() }),
        exif: Some(exif(order, 1)),
        xmp: Some(xmp(1)),
        native: Vec::new(),
    }
}

/// A lossy WebP of 9 x 7 pixels, as libwebp encodes a red and green ramp over blue.
pub(super) const LOSSY_WEBP: [u8; 80] = [
    0x52, 0x49, 0x46, 0x46, 0x48, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x20, 0x3C,
    0x00, 0x00, 0x00, 0xD0, 0x01, 0x00, 0x9D, 0x01, 0x2A, 0x09, 0x00, 0x07, 0x00, 0x02, 0x80, 0x42, 0x25,
    0xB0, 0x02, 0x74, 0x00, 0xF4, 0x31, 0xAE, 0x28, 0x00, 0x00, 0xFE, 0xF4, 0xB8, 0x02, 0xAD, 0xD1, 0x7C,
    0x98, 0x71, 0xBB, 0xB5, 0xC8, 0xC1, 0x75, 0x2D, 0xB7, 0x2F, 0xCE, 0x5B, 0xE8, 0x4F, 0x2F, 0xC1, 0x8C,
    0xBF, 0xD3, 0x73, 0xC8, 0xAF, 0xF1, 0x4F, 0x12, 0xC8, 0x00, 0x00, 0x00,
];

/// A PNG chunk.
pub(super) fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut covered = name.to_vec();
    covered.extend_from_slice(data);
    let mut chunk = Big.of_u32(data.len() as u32).to_vec();
    chunk.extend_from_slice(&covered);
    chunk.extend(Big.of_u32(crc32fast::hash(&covered)));
    chunk
}

pub(super) const PNG_SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n'];

/// The data of a PNG header.
pub(super) fn ihdr(width: u32, height: u32, bits: u8, colour: u8) -> Vec<u8> {
    [&Big.of_u32(width)[..], &Big.of_u32(height), &[bits, colour, 0, 0, 0]].concat()
}

/// A PNG from its chunks.
pub(super) fn png(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut file = PNG_SIGNATURE.to_vec();
    chunks.iter().for_each(|(name, data)| file.extend(chunk(**name, data)));
    file
}

/// The zlib stream of PNG rows, each with its filter byte.
pub(super) fn idat(rows: &[&[u8]]) -> Vec<u8> {
    let raw: Vec<u8> = rows.iter().flat_map(|row| [&[0][..], row].concat()).collect();
    miniz_oxide::deflate::compress_to_vec_zlib(&raw, 6)
}

/// The entries of a TIFF of one strip.
pub(super) struct Tiff {
    pub(super) order: ByteOrder,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bits: Vec<u16>,
    pub(super) photometric: u16,
    /// Further entries; they take the place of those with the same tag.
    pub(super) more: Vec<Node>,
    pub(super) data: Vec<u8>,
}

impl Tiff {
    pub(super) fn grey(data: &[u8]) -> Self {
        Self {
            order: Little,
            width: data.len() as u32,
            height: 1,
            bits: vec![8],
            photometric: 1,
            more: Vec::new(),
            data: data.to_vec(),
        }
    }

    pub(super) fn with(mut self, node: Node) -> Self {
        self.more.push(node);
        self
    }

    pub(super) fn file(&self) -> Vec<u8> {
        let order = self.order;
        let short = |tag, v| node(tag, 3, &order.of_u16(v));
        let long = |tag, v| node(tag, 4, &order.of_u32(v));
        let mut file = ifd::start(order);
        file.extend_from_slice(&self.data);
        let bits: Vec<u8> = self.bits.iter().flat_map(|&b| order.of_u16(b)).collect();
        let mut nodes = vec![
            long(256, self.width),
            long(257, self.height),
            node(258, 3, &bits),
            short(259, 1),
            short(262, self.photometric),
            long(273, 8),
            short(277, self.bits.len() as u16),
            long(278, self.height),
            long(279, self.data.len() as u32),
        ];
        nodes.retain(|n| self.more.iter().all(|m| m.tag != n.tag));
        nodes.extend(self.more.iter().cloned());
        let at = Tree { nodes }.append(order, &mut file);
        file[4..8].copy_from_slice(&order.of_u32(at));
        file
    }
}

/// A JPEG from another encoder's settings.
pub(super) fn jpeg(sampling: SamplingFactor, progressive: bool, restarts: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 90);
    encoder.set_sampling_factor(sampling);
    encoder.set_progressive(progressive);
    if restarts {
        encoder.set_restart_interval(2);
    }
    let pixels = soft(37, 29, 3);
    encoder.encode(&pixels.eight().unwrap(), 37, 29, jpeg_encoder::ColorType::Rgb).unwrap();
    file
}

/// A TIFF of noise by the crate `tiff`, compressed in its own ways.
pub(super) fn tiff(compression: tiff::encoder::Compression) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap().with_compression(compression);
    let Samples::Sixteen(samples) = pixels(23, 17, 3, Depth::Sixteen, 3).samples else { unreachable!() };
    encoder.write_image::<tiff::encoder::colortype::RGB16>(23, 17, &samples).unwrap();
    file.into_inner()
}

/// One proper file of every kind that is read, by name.
pub(super) fn good() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for format in FORMATS {
        for channels in 1..=4 {
            for depth in [Depth::Eight, Depth::Sixteen] {
                let pixels = pixels(13, 11, channels, depth, channels as u64);
                let picture = picture(pixels, full_metadata(Little, channels));
                let name = format!("{format} of {channels} channels, {} bits", depth.bits());
                files.push((name, encode(&picture, format)));
            }
        }
    }
    let palette = png(&[
        (b"IHDR", ihdr(5, 1, 8, 3)),
        (b"PLTE", vec![1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (b"tRNS", vec![255, 128]),
        (b"IDAT", idat(&[&[0, 1, 2, 1, 0]])),
        (b"IEND", vec![]),
    ]);
    let map: Vec<u8> = (0..3 * 256_u32).flat_map(|i| Little.of_u16((i * 80) as u16)).collect();
    let mut indexed = Tiff::grey(&[0, 1, 2, 250]).with(node(320, 3, &map));
    indexed.photometric = 3;
    let others = [
        ("a palette PNG", palette),
        ("a JPEG 4:2:0", jpeg(SamplingFactor::F_2_2, false, false)),
        ("a JPEG with restarts", jpeg(SamplingFactor::F_1_1, false, true)),
        ("a progressive JPEG", jpeg(SamplingFactor::F_2_1, true, false)),
        ("a lossy WebP", LOSSY_WEBP.to_vec()),
        ("a TIFF with LZW", tiff(tiff::encoder::Compression::Lzw)),
        ("a TIFF with PackBits", tiff(tiff::encoder::Compression::Packbits)),
        ("a palette TIFF", indexed.file()),
        ("a plain bitmap", b"P1\n# comment\n3 2\n101\n0 1 0".to_vec()),
        ("a plain PGM", b"P2 3 1 9 0 4 9".to_vec()),
        ("a plain PPM", b"P3\n1 1\n1000\n1000 1 2\n".to_vec()),
        ("a raw bitmap", b"P4 9 2\n\x80\x80\x7F\0".to_vec()),
    ];
    files.extend(others.map(|(name, file)| (name.to_string(), file)));
    files
}
