//! `TensorBoard` event files: records of length, masked CRC32C, protobuf `Event`, masked CRC32C
//! (the `TFRecord` framing of `TensorFlow`'s `record_writer.h`, messages of `event.proto` and
//! `summary.proto`).

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes scalars and pictures to one event file.
#[derive(Debug)]
pub struct EventWriter {
    file: BufWriter<File>,
}

impl EventWriter {
    /// Starts a new file in `folder`, called after the time and `suffix`.
    pub fn create(folder: &Path, suffix: &str) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let now = now();
        let name =
            format!("events.out.tfevents.{:010}.{:06}.{suffix}", now as u64, (now.fract() * 1e6) as u64);
        let mut writer = Self { file: BufWriter::new(File::create_new(folder.join(name))?) };
        let mut event = Message::default();
        event.double(1, now).bytes(3, b"brain.Event:2");
        writer.record(&event.0)?;
        Ok(writer)
    }

    /// Writes one value.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f32) -> io::Result<()> {
        let mut summary = Message::default();
        summary.bytes(1, tag.as_bytes()).float(2, value);
        self.summary(step, &summary)
    }

    /// Writes one picture, given as an encoded file (PNG, JPEG).
    pub fn picture(
        &mut self,
        tag: &str,
        step: u64,
        width: usize,
        height: usize,
        file: &[u8],
    ) -> io::Result<()> {
        let mut picture = Message::default();
        picture.integer(1, height as u64).integer(2, width as u64).integer(3, 3).bytes(4, file);
        let mut summary = Message::default();
        summary.bytes(1, tag.as_bytes()).bytes(4, &picture.0);
        self.summary(step, &summary)
    }

    /// Hands everything written so far to the system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    fn summary(&mut self, step: u64, value: &Message) -> io::Result<()> {
        let mut summary = Message::default();
        summary.bytes(1, &value.0);
        let mut event = Message::default();
        event.double(1, now()).integer(2, step).bytes(5, &summary.0);
        self.record(&event.0)
    }

    fn record(&mut self, data: &[u8]) -> io::Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        self.file.write_all(&length)?;
        self.file.write_all(&masked(crc32c(&length)).to_le_bytes())?;
        self.file.write_all(data)?;
        self.file.write_all(&masked(crc32c(data)).to_le_bytes())
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |passed| passed.as_secs_f64())
}

/// A protobuf message under construction: fields by number and wire type.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn integer(&mut self, field: u64, value: u64) -> &mut Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn double(&mut self, field: u64, value: f64) -> &mut Self {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn float(&mut self, field: u64, value: f32) -> &mut Self {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(&mut self, field: u64, value: &[u8]) -> &mut Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// The mask that keeps a checksum of data with checksums in it from being weak.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// CRC-32C (Castagnoli), reflected, bit by bit: event files are small.
fn crc32c(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_known_texts() {
        // RFC 3720, appendix B.4.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
    }

    #[test]
    fn records_are_framed_and_hold_the_value() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path(), "test").unwrap();
        writer.scalar("loss/l1", 300, 0.25).unwrap();
        writer.picture("sample", 300, 2, 1, b"png").unwrap();
        writer.flush().unwrap();
        let path = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let bytes = std::fs::read(path).unwrap();
        let (mut rest, mut records) = (&bytes[..], Vec::new());
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            assert_eq!(word(8), masked(crc32c(&rest[..8])));
            let data = &rest[12..12 + length];
            assert_eq!(word(12 + length), masked(crc32c(data)));
            records.push(data.to_vec());
            rest = &rest[16 + length..];
        }
        assert_eq!(records.len(), 3);
        assert!(records[0].ends_with(b"\x1a\x0dbrain.Event:2"));
        // step 300 as a varint, then the summary: tag, then the value as fixed32.
        assert!(records[1].ends_with(b"\x10\xac\x02\x2a\x10\x0a\x0e\x0a\x07loss/l1\x15\x00\x00\x80\x3e"));
        assert!(records[2].ends_with(b"\x22\x0b\x08\x01\x10\x02\x18\x03\x22\x03png"));
    }
}
