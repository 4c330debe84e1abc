//! Arrays of doubles from a MATLAB file of version 5 ("MAT-File Format", MathWorks): as much of the
//! format as parameters need.
//!
//! After a header of 128 bytes come elements: a type, a length and data padded to 8 bytes. An array is
//! an element that holds four more (flags, dimensions, name, numbers); it may be compressed by zlib as
//! a whole.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use thiserror::Error;

/// Why a MATLAB file could not be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatError {
    /// The header is not that of a little-endian file of version 5.
    #[error("no header of a little-endian file of version 5 (save it with `-v6` or `-v7`)")]
    Header,
    /// An element is longer than the file.
    #[error("the file ends within an array")]
    Truncated,
    /// A compressed array is damaged, or larger than a mebibyte.
    #[error("a compressed array cannot be unpacked")]
    Compression,
    /// There is no array of that name, or it holds no real numbers.
    #[error("no array of numbers called `{0}`")]
    Missing(&'static str),
}

/// An array: its name, and its numbers column by column.
pub(super) struct Array {
    name: Vec<u8>,
    numbers: Vec<f64>,
}

const HEADER: usize = 128;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// What one array may take unpacked; FADE's take a kilobyte.
const LIMIT: usize = 1 << 20;

/// All arrays of real numbers in a file.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Array>, MatError> {
    let (header, mut rest) = bytes.split_at_checked(HEADER).ok_or(MatError::Header)?;
    if header[124..] != [0, 1, b'I', b'M'] {
        return Err(MatError::Header);
    }
    let mut arrays = Vec::new();
    while !rest.is_empty() {
        let element = Element::take(&mut rest)?;
        if element.kind == COMPRESSED {
            let plain =
                decompress_to_vec_zlib_with_limit(element.data, LIMIT).map_err(|_| MatError::Compression)?;
            arrays.extend(array(Element::take(&mut plain.as_slice())?)?);
        } else {
            arrays.extend(array(element)?);
        }
    }
    Ok(arrays)
}

/// The numbers of the array of that name.
pub(super) fn named<'a>(arrays: &'a [Array], name: &'static str) -> Result<&'a [f64], MatError> {
    let found = arrays.iter().find(|array| array.name == name.as_bytes());
    Ok(&found.ok_or(MatError::Missing(name))?.numbers)
}

/// The array that an element holds; `None` for anything but real numbers.
fn array(element: Element) -> Result<Option<Array>, MatError> {
    if element.kind != MATRIX {
        return Ok(None);
    }
    let mut rest = element.data;
    let _flags = Element::take(&mut rest)?;
    let _dimensions = Element::take(&mut rest)?;
    let name = Element::take(&mut rest)?.data.to_vec();
    let numbers = Element::take(&mut rest)?.numbers();
    Ok(numbers.map(|numbers| Array { name, numbers }))
}

/// One data element.
struct Element<'a> {
    kind: u32,
    data: &'a [u8],
}

impl<'a> Element<'a> {
    /// Takes the next element off the front of `bytes`.
    fn take(bytes: &mut &'a [u8]) -> Result<Self, MatError> {
        let (tag, rest) = bytes.split_first_chunk::<8>().ok_or(MatError::Truncated)?;
        let [kind, length] = [0, 4].map(|i| u32::from_le_bytes([tag[i], tag[i + 1], tag[i + 2], tag[i + 3]]));
        // Up to four bytes may share the tag with their length.
        if kind >> 16 != 0 {
            let data = bytes[4..8].get(..(kind >> 16) as usize).ok_or(MatError::Truncated)?;
            *bytes = rest;
            return Ok(Self { kind: kind & 0xffff, data });
        }
        let length = length as usize;
        let data = rest.get(..length).ok_or(MatError::Truncated)?;
        let padded = if kind == COMPRESSED { length } else { length.next_multiple_of(8) };
        *bytes = rest.get(padded..).unwrap_or_default();
        Ok(Self { kind, data })
    }

    /// The numbers, stored as doubles or, where they are whole, as short integers.
    fn numbers(&self) -> Option<Vec<f64>> {
        fn all<const N: usize>(data: &[u8], of: impl Fn([u8; N]) -> f64) -> Vec<f64> {
            data.as_chunks().0.iter().map(|&bytes| of(bytes)).collect()
        }
        Some(match self.kind {
            1 => all(self.data, |[b]| f64::from(b as i8)),
            2 => all(self.data, |[b]| f64::from(b)),
            3 => all(self.data, |b| f64::from(i16::from_le_bytes(b))),
            4 => all(self.data, |b| f64::from(u16::from_le_bytes(b))),
            5 => all(self.data, |b| f64::from(i32::from_le_bytes(b))),
            6 => all(self.data, |b| f64::from(u32::from_le_bytes(b))),
            7 => all(self.data, |b| f64::from(f32::from_le_bytes(b))),
            9 => all(self.data, f64::from_le_bytes),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec_zlib;

    use super::*;

    fn element(kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        bytes.extend(data);
        if kind != COMPRESSED {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        bytes
    }

    fn matrix(name: &str, numbers: &[f64]) -> Vec<u8> {
        let data: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let parts =
            [element(6, &[6; 8]), element(5, &[1; 8]), element(1, name.as_bytes()), element(9, &data)];
        element(MATRIX, &parts.concat())
    }

    fn file(elements: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![b' '; 124];
        bytes.extend([0, 1, b'I', b'M']);
        bytes.extend(elements.concat());
        bytes
    }

    #[test]
    fn plain_and_compressed_arrays_are_read() {
        let packed = element(COMPRESSED, &compress_to_vec_zlib(&matrix("second", &[3.0]), 6));
        let arrays = read(&file(&[matrix("first", &[1.0, 2.5]), packed, element(2, b"other")])).unwrap();
        assert_eq!(named(&arrays, "first"), Ok(&[1.0, 2.5][..]));
        assert_eq!(named(&arrays, "second"), Ok(&[3.0][..]));
        assert_eq!(named(&arrays, "third"), Err(MatError::Missing("third")));
    }

    #[test]
    fn short_elements_share_their_tag() {
        // One unsigned byte, 7, of type 2.
        let small = [2, 0, 1, 0, 7, 0, 0, 0];
        let parts =
            [element(6, &[6; 8]), element(5, &[1; 8]), vec![1, 0, 1, 0, b'x', 0, 0, 0], small.to_vec()];
        let arrays = read(&file(&[element(MATRIX, &parts.concat())])).unwrap();
        assert_eq!(named(&arrays, "x"), Ok(&[7.0][..]));
    }

    #[test]
    fn damaged_files_are_refused() {
        let whole = file(&[matrix("first", &[1.0, 2.5])]);
        assert!(matches!(read(b"no"), Err(MatError::Header)));
        assert!(matches!(read(&[0; 200]), Err(MatError::Header)));
        for end in HEADER + 1..whole.len() {
            assert!(matches!(read(&whole[..end]), Err(MatError::Truncated)), "{end}");
        }
        assert!(matches!(read(&file(&[element(COMPRESSED, b"garbage!")])), Err(MatError::Compression)));
    }
}
