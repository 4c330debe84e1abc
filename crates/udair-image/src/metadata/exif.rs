//! An EXIF block, settled: its orientation read and set to 1, its thumbnail dropped, every other byte
//! left where it is.
//!
//! The thumbnail shows the picture before it was restored, and may show what the user cropped away.

use std::ops::Range;

use super::ifd::{Block, Directory, Tree};
use crate::byte_order::ByteOrder;

const ORIENTATION: u16 = 274;
const THUMBNAIL: u16 = 513;
const THUMBNAIL_BYTES: u16 = 514;

/// Gives back the orientation (1 to 8), which is 1 afterwards. A block that cannot be read stays as
/// it is and counts as upright.
pub(crate) fn settle(exif: &mut Vec<u8>) -> u16 {
    let Some(block) = Block::new(exif) else { return 1 };
    let Some(first) = block.first() else { return 1 };
    let orientation = first.find(ORIENTATION).filter(|e| e.kind == 3 && e.count == 1).cloned();
    let turned = orientation.as_ref().and_then(|e| block.number(e, 0)).unwrap_or(1);
    let one = block.order.of_u16(1);
    let blank = thumbnail(block, &first);

    if let (Some(entry), 2..=8) = (&orientation, turned) {
        exif[entry.value.clone()].copy_from_slice(&one);
    }
    if !blank.is_empty() {
        exif[first.place.end - 4..first.place.end].fill(0);
        for range in blank {
            exif[range].fill(0);
        }
        let end = used(exif).unwrap_or(exif.len());
        if exif[end..].iter().all(|&b| b == 0) {
            exif.truncate(end);
        }
    }
    if (2..=8).contains(&turned) { turned as u16 } else { 1 }
}

/// The block as a tree, with its byte order; none where it cannot be read.
pub(crate) fn tree(exif: &[u8]) -> Option<(ByteOrder, Tree)> {
    let block = Block::new(exif)?;
    Some((block.order, block.tree(&block.first()?, exif.len())?))
}

/// The bytes that belong to the second directory alone: its entries, their values, the thumbnail.
fn thumbnail(block: Block<'_>, first: &Directory) -> Vec<Range<usize>> {
    let Some(second) = Some(first.next).filter(|&at| at != 0).and_then(|at| block.directory(at)) else {
        return Vec::new();
    };
    let mut ranges = vec![second.place.clone()];
    ranges.extend(second.entries.iter().map(|e| e.value.clone()));
    let number = |tag| second.find(tag).and_then(|e| block.number(e, 0)).map(|v| v as usize);
    if let (Some(at), Some(len)) = (number(THUMBNAIL), number(THUMBNAIL_BYTES)) {
        let end = at.saturating_add(len).min(block.bytes.len());
        ranges.push(at.min(end)..end);
    }
    let mut kept = block.places(first);
    kept.push(0..8);
    ranges.retain(|range| !kept.iter().any(|k| k.start < range.end && range.start < k.end));
    // The link to a second directory is cut even where its bytes are shared.
    ranges.push(0..0);
    ranges
}

/// Where the last byte in use ends.
fn used(exif: &[u8]) -> Option<usize> {
    let block = Block::new(exif)?;
    block.places(&block.first()?).iter().map(|place| place.end).max()
}

#[cfg(test)]
mod tests {
    use super::super::ifd::{Node, Value};
    use super::*;

    fn block(order: ByteOrder, orientation: u16) -> Vec<u8> {
        let bytes = |tag, kind, bytes: Vec<u8>| Node { tag, kind, value: Value::Bytes(bytes) };
        let exif = Tree { nodes: vec![bytes(36_867, 2, b"2024:05:06 07:08:09\0".to_vec())] };
        Tree {
            nodes: vec![
                bytes(271, 2, b"Maker of cameras\0".to_vec()),
                bytes(ORIENTATION, 3, order.of_u16(orientation).to_vec()),
                Node { tag: 34_665, kind: 4, value: Value::Tree(exif) },
            ],
        }
        .block(order)
    }

    fn with_thumbnail(order: ByteOrder, mut exif: Vec<u8>) -> Vec<u8> {
        let jpeg = [0xFF, 0xD8, 1, 2, 3, 0xFF, 0xD9];
        let at = exif.len() as u32;
        exif.extend(jpeg);
        let long = |tag, v| Node { tag, kind: 4, value: Value::Bytes(order.of_u32(v).to_vec()) };
        let nodes = vec![long(THUMBNAIL, at), long(THUMBNAIL_BYTES, jpeg.len() as u32)];
        let second = Tree { nodes }.append(order, &mut exif);
        let link = Block::new(&exif).unwrap().first().unwrap().place.end - 4;
        exif[link..link + 4].copy_from_slice(&order.of_u32(second));
        exif
    }

    #[test]
    fn orientation_and_thumbnail_go_and_the_rest_stays() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for orientation in 0..=9 {
                let mut exif = with_thumbnail(order, block(order, orientation));
                let turned = settle(&mut exif);
                let valid = (1..=8).contains(&orientation);
                assert_eq!(turned, if valid { orientation } else { 1 });
                let expected = if valid { 1 } else { orientation };
                assert_eq!(exif, block(order, expected), "{order:?} {orientation}");
                assert_eq!(settle(&mut exif), 1);
            }
        }
    }

    #[test]
    fn hostile_blocks_change_nothing_or_end() {
        let looped = {
            let mut exif = block(ByteOrder::Little, 6);
            let first = Block::new(&exif).unwrap().first().unwrap();
            let at = first.place.start as u32;
            exif[first.place.end - 4..first.place.end].copy_from_slice(&at.to_le_bytes());
            exif
        };
        let mut settled = looped.clone();
        assert_eq!(settle(&mut settled), 6);
        assert_eq!(settle(&mut settled), 1);
        assert_eq!(settled, block(ByteOrder::Little, 1));

        let whole = with_thumbnail(ByteOrder::Big, block(ByteOrder::Big, 6));
        for len in 0..whole.len() {
            settle(&mut whole[..len].to_vec());
            let mut flipped = whole.clone();
            flipped[len] ^= 0xFF;
            settle(&mut flipped);
        }
    }
}
