//! TIFF files that must be refused.

use super::Kind::{Input, Limits, Unsupported};
use super::{Case, Tiff, changed};
use crate::byte_order::ByteOrder::Little;
use crate::metadata::ifd::Node;
use crate::tests::fixtures::node;

pub(super) fn tiffs() -> Vec<Case> {
    let grey = || Tiff::grey(&[1, 2, 3]);
    let short = |tag, v: u16| node(tag, 3, &Little.of_u16(v));
    let long = |tag, v: u32| node(tag, 4, &Little.of_u32(v));
    let with = |node: Node| grey().with(node).file();
    let rgb =
        |photometric, bits: Vec<u16>| Tiff { photometric, width: 1, bits, ..Tiff::grey(&[1; 64]) }.file();
    let first = |file: &[u8]| Little.u32(file, 4).unwrap() as usize;
    let link = |file: &[u8], at: u32| {
        let end = first(file) + 2 + 12 * Little.u16(file, first(file)).unwrap() as usize;
        changed(file.to_vec(), |f| f[end..end + 4].copy_from_slice(&Little.of_u32(at)))
    };
    let plain = grey().file();
    let second = {
        let mut pages = link(&plain, plain.len() as u32);
        pages.extend(&plain[first(&plain)..]);
        pages
    };
    let floats = Tiff { bits: vec![32], width: 1, ..Tiff::grey(&[0; 4]) };
    vec![
        ("a TIFF of a header alone", Input, b"II*\0\x08\0\0\0".to_vec()),
        ("a TIFF whose directory is outside", Input, b"II*\0\xFF\xFF\0\0".to_vec()),
        ("a TIFF whose directory is endless", Input, b"II*\0\x08\0\0\0\xFF\xFF".to_vec()),
        ("a TIFF whose directory is looped", Input, link(&plain, first(&plain) as u32)),
        ("a TIFF whose next directory is outside", Input, link(&plain, 1 << 20)),
        ("a TIFF without width", Input, with(long(256, 0))),
        ("a TIFF without height", Input, with(long(257, 0))),
        ("a TIFF without strips", Input, {
            let file = grey().file();
            changed(file, |f| {
                let entry = first(f) + 2 + 12 * 5;
                f[entry..entry + 2].copy_from_slice(&Little.of_u16(65_000));
            })
        }),
        ("a TIFF whose strip is outside", Input, with(long(273, 1 << 20))),
        ("a TIFF whose strip is short", Input, Tiff { height: 100, ..grey() }.file()),
        ("a TIFF of an unknown compression", Input, with(short(259, 4711))),
        ("a TIFF whose Deflate is broken", Input, with(short(259, 8))),
        ("a TIFF whose LZW is broken", Input, with(short(259, 5))),
        ("a TIFF without meaning of its samples", Input, with(node(262, 2, b"x\0"))),
        ("a palette TIFF without a map", Input, with(short(262, 3))),
        (
            "a palette TIFF with a short map",
            Input,
            grey().with(short(262, 3)).with(node(320, 3, &[0; 12])).file(),
        ),
        ("an RGB TIFF of one channel", Input, with(short(262, 2))),
        ("a CMYK TIFF", Unsupported, rgb(5, vec![8; 4])),
        ("a Lab TIFF", Unsupported, rgb(8, vec![8; 3])),
        ("a TIFF of plain YCbCr", Unsupported, rgb(6, vec![8; 3])),
        ("a TIFF of mixed bits", Unsupported, rgb(2, vec![5, 6, 5])),
        ("a TIFF of 12 bits", Unsupported, rgb(1, vec![12])),
        ("a TIFF of 32 bits", Unsupported, floats.file()),
        ("a float TIFF", Unsupported, floats.with(short(339, 3)).file()),
        ("a signed TIFF", Unsupported, with(short(339, 2))),
        ("a TIFF of two pages", Unsupported, second),
        ("a DNG", Unsupported, with(node(50_706, 1, &[1, 4, 0, 0]))),
        ("a TIFF of sensor data", Unsupported, with(short(262, 32_803))),
        ("a raw photo behind a preview", Unsupported, grey().with(long(254, 1)).with(long(330, 8)).file()),
        ("a BigTIFF", Unsupported, b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec()),
        ("a TIFF of 2^32 - 1 pixels a side", Limits, {
            Tiff { width: u32::MAX, height: u32::MAX, ..grey() }.file()
        }),
    ]
}
