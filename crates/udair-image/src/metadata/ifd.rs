//! Image file directories, the structure of TIFF and EXIF (TIFF 6.0 section 2): read in place, and
//! written anew from a tree.
//!
//! A hostile block costs little: directories have at most [`ENTRIES`] entries and [`DEPTH`] levels, a
//! tag counts once, and what a tree copies has a budget.

use std::ops::Range;

use crate::byte_order::ByteOrder;

/// Tags whose value is the offset of a directory: EXIF, GPS and interoperability.
const POINTERS: [u16; 3] = [34_665, 34_853, 40_965];
/// Directories within directories are at most this deep (EXIF needs 3 levels).
const DEPTH: usize = 4;
/// A directory has at most this many entries (cameras write fewer than 100).
const ENTRIES: usize = 512;

/// A TIFF structure: byte order mark, magic number, directories anywhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) order: ByteOrder,
}

/// One directory of a block.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    pub(crate) entries: Vec<Entry>,
    /// Where the entries stand, the count before and the offset after them included.
    pub(crate) place: Range<usize>,
    /// Offset of the next directory, 0 for none.
    pub(crate) next: usize,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) tag: u16,
    pub(crate) kind: u16,
    pub(crate) count: u32,
    /// Where the value's bytes stand: in the entry itself up to four bytes.
    pub(crate) value: Range<usize>,
}

impl<'a> Block<'a> {
    /// The block, if it starts with a byte order mark and the number 42.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        let order = match bytes.get(..2)? {
            b"II" => ByteOrder::Little,
            b"MM" => ByteOrder::Big,
            _ => return None,
        };
        (order.u16(bytes, 2)? == 42).then_some(Self { bytes, order })
    }

    pub(crate) fn first(&self) -> Option<Directory> {
        self.directory(self.order.u32(self.bytes, 4)? as usize)
    }

    /// The directory at an offset; left out are entries with values outside the block, and repetitions.
    pub(crate) fn directory(&self, at: usize) -> Option<Directory> {
        let count = self.order.u16(self.bytes, at)? as usize;
        let end = at.checked_add(2 + count * 12)?;
        if count > ENTRIES {
            return None;
        }
        let mut entries: Vec<Entry> = Vec::new();
        for i in 0..count {
            let entry = self.entry(at + 2 + i * 12)?;
            if entry.value.end <= self.bytes.len() && entries.iter().all(|e| e.tag != entry.tag) {
                entries.push(entry);
            }
        }
        Some(Directory {
            entries,
            place: at..(end + 4).min(self.bytes.len()),
            next: self.order.u32(self.bytes, end).unwrap_or(0) as usize,
        })
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        let kind = self.order.u16(self.bytes, at + 2)?;
        let count = self.order.u32(self.bytes, at + 4)?;
        let offset = self.order.u32(self.bytes, at + 8)? as usize;
        let len = (count as usize).checked_mul(width(kind))?;
        let start = if len <= 4 { at + 8 } else { offset };
        let tag = self.order.u16(self.bytes, at)?;
        Some(Entry { tag, kind, count, value: start..start.checked_add(len)? })
    }

    /// A whole-numbered value of an entry (BYTE, SHORT or LONG).
    pub(crate) fn number(&self, entry: &Entry, index: usize) -> Option<u32> {
        if index >= entry.count as usize {
            return None;
        }
        match entry.kind {
            1 => self.bytes.get(entry.value.start + index).map(|&b| b as u32),
            3 => self.order.u16(self.bytes, entry.value.start + index * 2).map(u32::from),
            4 | 13 => self.order.u32(self.bytes, entry.value.start + index * 4),
            _ => None,
        }
    }

    /// The directories that a directory points to, with the tags of the pointers.
    pub(crate) fn children(&self, directory: &Directory) -> Vec<(u16, Directory)> {
        let child = |tag| {
            let at = self.number(directory.find(tag)?, 0)?;
            Some((tag, self.directory(at as usize)?))
        };
        POINTERS.into_iter().filter_map(child).collect()
    }

    /// The directory as a tree, with the directories that it points to, if its values have at most
    /// `budget` bytes.
    pub(crate) fn tree(&self, directory: &Directory, mut budget: usize) -> Option<Tree> {
        self.subtree(directory, DEPTH, &mut budget)
    }

    fn subtree(&self, directory: &Directory, depth: usize, budget: &mut usize) -> Option<Tree> {
        let mut tree = Tree::default();
        for entry in directory.entries.iter().filter(|e| !POINTERS.contains(&e.tag)) {
            *budget = budget.checked_sub(entry.value.len())?;
            let value = Value::Bytes(self.bytes[entry.value.clone()].to_vec());
            tree.nodes.push(Node { tag: entry.tag, kind: entry.kind, value });
        }
        if depth > 1 {
            for (tag, child) in self.children(directory) {
                let value = Value::Tree(self.subtree(&child, depth - 1, budget)?);
                tree.nodes.push(Node { tag, kind: 4, value });
            }
        }
        Some(tree)
    }

    /// Where the directory, the directories below it and their values stand.
    pub(crate) fn places(&self, directory: &Directory) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        let mut level = vec![directory.clone()];
        for _ in 0..DEPTH {
            for directory in &level {
                places.push(directory.place.clone());
                places.extend(directory.entries.iter().map(|e| e.value.clone()));
            }
            level = level.iter().flat_map(|d| self.children(d)).map(|(_, child)| child).collect();
        }
        places
    }
}

impl Directory {
    pub(crate) fn find(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|e| e.tag == tag)
    }
}

/// A directory freed from its place: values as they were stored, in the block's byte order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) tag: u16,
    pub(crate) kind: u16,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Bytes(Vec<u8>),
    Tree(Tree),
}

impl Tree {
    /// The block that holds this tree as its only directory.
    pub(crate) fn block(&self, order: ByteOrder) -> Vec<u8> {
        let mut block = start(order);
        let at = self.append(order, &mut block);
        block[4..8].copy_from_slice(&order.of_u32(at));
        block
    }

    /// Appends the directory and everything below it, and gives back its offset.
    ///
    /// The caller keeps the block below 4 GiB.
    pub(crate) fn append(&self, order: ByteOrder, block: &mut Vec<u8>) -> u32 {
        let mut nodes: Vec<&Node> = self.nodes.iter().collect();
        nodes.sort_by_key(|node| node.tag);
        let mut directory = order.of_u16(nodes.len() as u16).to_vec();
        for node in nodes {
            directory.extend(order.of_u16(node.tag));
            let (kind, count, field) = match &node.value {
                Value::Tree(child) => (4, 1, order.of_u32(child.append(order, block))),
                Value::Bytes(bytes) => {
                    (node.kind, bytes.len() / width(node.kind), field(order, bytes, block))
                }
            };
            directory.extend(order.of_u16(kind));
            directory.extend(order.of_u32(count as u32));
            directory.extend(field);
        }
        directory.extend([0; 4]);
        even(block);
        let at = block.len() as u32;
        block.extend(directory);
        at
    }
}

/// The eight bytes that open a block; the offset of its first directory is still to be filled in.
pub(crate) fn start(order: ByteOrder) -> Vec<u8> {
    let mark = match order {
        ByteOrder::Little => b"II",
        ByteOrder::Big => b"MM",
    };
    let mut block = mark.to_vec();
    block.extend(order.of_u16(42));
    block.extend([0; 4]);
    block
}

/// A value, or the offset at which it was appended.
fn field(order: ByteOrder, bytes: &[u8], block: &mut Vec<u8>) -> [u8; 4] {
    let mut field = [0; 4];
    if let Some(inline) = field.get_mut(..bytes.len()) {
        inline.copy_from_slice(bytes);
        return field;
    }
    even(block);
    let at = block.len() as u32;
    block.extend_from_slice(bytes);
    order.of_u32(at)
}

/// Offsets are even (TIFF 6.0 section 2).
fn even(block: &mut Vec<u8>) {
    if !block.len().is_multiple_of(2) {
        block.push(0);
    }
}

/// Bytes of one value of a type; unknown types count as bytes.
fn width(kind: u16) -> usize {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    }
}
