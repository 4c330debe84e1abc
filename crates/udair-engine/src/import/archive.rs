//! The zip files that PyTorch writes: entries stored without compression.
//!
//! After PKWARE's APPNOTE 6.3.10: the end record (4.3.16, 4.3.14 for zip64) leads to the central
//! directory (4.3.12), whose entries lead to the data.

use std::collections::BTreeMap;

use super::ImportError;

/// The entries of a zip file by name.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    entries: BTreeMap<String, Entry<'a>>,
}

#[derive(Debug)]
struct Entry<'a> {
    data: &'a [u8],
    crc: u32,
}

impl<'a> Archive<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, ImportError> {
        let file = Fields(bytes);
        let end = file.end()?;
        let (count, mut at) = file.directory(end)?;
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            file.signature(at, *b"PK\x01\x02")?;
            let (name, extra, comment) = (file.u16(at + 28)?, file.u16(at + 30)?, file.u16(at + 32)?);
            let name_bytes = file.slice(at + 46, name)?;
            let name_text =
                String::from_utf8(name_bytes.to_vec()).map_err(|_| damaged("a name is not UTF-8"))?;
            let entry = file.entry(at, file.slice(at + 46 + name, extra)?)?;
            if entries.insert(name_text, entry).is_some() {
                return Err(damaged("an entry is there twice"));
            }
            at += 46 + name + extra + comment;
        }
        Ok(Self { entries })
    }

    /// The data of an entry, its checksum verified.
    pub(super) fn entry(&self, name: &str) -> Result<&'a [u8], ImportError> {
        let entry = self.entries.get(name).ok_or_else(|| damaged(&format!("{name} is missing")))?;
        if crc32fast::hash(entry.data) != entry.crc {
            return Err(damaged(&format!("the checksum of {name} is wrong")));
        }
        Ok(entry.data)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}

fn damaged(what: &str) -> ImportError {
    ImportError::Damaged(what.into())
}

/// Little-endian fields of a file, with every bound checked.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn slice(self, at: usize, len: usize) -> Result<&'a [u8], ImportError> {
        let end = at.checked_add(len).ok_or_else(|| damaged("an offset is too large"))?;
        self.0.get(at..end).ok_or_else(|| damaged("it ends too early"))
    }

    fn number(self, at: usize, len: usize) -> Result<usize, ImportError> {
        let bytes = self.slice(at, len)?;
        let value = bytes.iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        usize::try_from(value).map_err(|_| damaged("a size is too large"))
    }

    fn u16(self, at: usize) -> Result<usize, ImportError> {
        self.number(at, 2)
    }

    fn u32(self, at: usize) -> Result<usize, ImportError> {
        self.number(at, 4)
    }

    fn signature(self, at: usize, expected: [u8; 4]) -> Result<(), ImportError> {
        if self.slice(at, 4)? == expected {
            return Ok(());
        }
        Err(damaged("a record of the zip file is not where it should be"))
    }

    /// Where the end record starts: the last place where it fits with its comment.
    fn end(self) -> Result<usize, ImportError> {
        const RECORD: usize = 22;
        let last = self.0.len().checked_sub(RECORD).ok_or_else(|| damaged("it ends too early"))?;
        (last.saturating_sub(usize::from(u16::MAX))..=last)
            .rev()
            .find(|&at| {
                self.0[at..].starts_with(b"PK\x05\x06")
                    && self.u16(at + 20).is_ok_and(|comment| at + RECORD + comment == self.0.len())
            })
            .ok_or_else(|| damaged("it has no table of contents"))
    }

    /// Number of entries, and where the central directory starts.
    fn directory(self, end: usize) -> Result<(usize, usize), ImportError> {
        let (count, at) = (self.u16(end + 10)?, self.u32(end + 16)?);
        if count != 0xFFFF && at != 0xFFFF_FFFF {
            return Ok((count, at));
        }
        let locator = end.checked_sub(20).ok_or_else(|| damaged("it ends too early"))?;
        self.signature(locator, *b"PK\x06\x07")?;
        let record = self.number(locator + 8, 8)?;
        self.signature(record, *b"PK\x06\x06")?;
        Ok((self.number(record + 32, 8)?, self.number(record + 48, 8)?))
    }

    /// The entry whose central record is at `at`.
    fn entry(self, at: usize, extra: &[u8]) -> Result<Entry<'a>, ImportError> {
        if self.u16(at + 10)? != 0 || self.u16(at + 8)? & 1 != 0 {
            return Err(damaged("an entry is compressed or encrypted, which PyTorch never writes"));
        }
        // Sizes and offsets that do not fit stand in the zip64 field, in this order.
        let mut large = zip64(extra);
        let mut field = |value: usize| match value {
            0xFFFF_FFFF => large.next().ok_or_else(|| damaged("a size is missing")),
            value => Ok(value),
        };
        let size = field(self.u32(at + 24)?)?;
        let stored = field(self.u32(at + 20)?)?;
        let header = field(self.u32(at + 42)?)?;
        if size != stored {
            return Err(damaged("an entry's sizes differ"));
        }
        self.signature(header, *b"PK\x03\x04")?;
        let start = header + 30 + self.u16(header + 26)? + self.u16(header + 28)?;
        Ok(Entry { data: self.slice(start, size)?, crc: self.u32(at + 16)? as u32 })
    }
}

/// The 64-bit numbers of the zip64 field among an entry's extra fields.
fn zip64(mut extra: &[u8]) -> impl Iterator<Item = usize> {
    let mut body: &[u8] = &[];
    while let Ok(len) = Fields(extra).u16(2) {
        let Some(field) = extra.get(4..4 + len) else { break };
        if extra.starts_with(&[1, 0]) {
            body = field;
            break;
        }
        extra = &extra[4 + len..];
    }
    body.chunks_exact(8).filter_map(|bytes| Fields(bytes).number(0, 8).ok())
}
