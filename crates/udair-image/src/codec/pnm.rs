//! Portable any-maps (netpbm): PBM, PGM, PPM, plain and raw, and PAM.

use super::Decoded;
use crate::metadata::Metadata;
use crate::pixels::{Pixels, Samples};
use crate::{Depth, Format, Header, ImageError, allocate};

/// The header, and where the samples start.
struct Layout {
    header: Header,
    /// Largest sample: 1 for bitmaps.
    max: u32,
    coding: Coding,
    start: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// Decimal numbers; in bitmaps, single digits.
    Plain,
    /// One bit a sample, rows padded to bytes; 1 is black.
    Bits,
    /// One byte a sample, or two when the largest sample is above 255.
    Bytes,
}

const HINT: &str = "convert it first: magick picture.pam picture.png";

fn damaged(what: &str) -> ImageError {
    ImageError::damaged(Format::Pnm, what)
}

pub(super) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    layout(bytes).map(|layout| layout.header)
}

/// Reads whitespace, comments and words.
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    fn skip_space(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'#' => {
                    let line = self.bytes[self.at..].iter().position(|&b| b == b'\n');
                    self.at = line.map_or(self.bytes.len(), |len| self.at + len);
                }
                _ if byte.is_ascii_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }

    fn word(&mut self) -> Option<&'a [u8]> {
        self.skip_space();
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|b| b.is_ascii_whitespace() || *b == b'#').unwrap_or(rest.len());
        self.at += len;
        (len > 0).then(|| &rest[..len])
    }

    fn number(&mut self) -> Option<u32> {
        std::str::from_utf8(self.word()?).ok()?.parse().ok()
    }

    /// The digit of a plain bitmap, which needs no space around it.
    fn digit(&mut self) -> Option<u32> {
        self.skip_space();
        let digit = self.bytes.get(self.at)?.checked_sub(b'0')?;
        self.at += 1;
        Some(digit.into())
    }
}

fn layout(bytes: &[u8]) -> Result<Layout, ImageError> {
    let kind = *bytes.get(1).ok_or_else(|| damaged("it ends early"))?;
    let mut words = Words { bytes, at: 2 };
    let short = || damaged("its header is short or holds no numbers");
    let (width, height, channels, max) = if kind == b'7' {
        arbitrary(&mut words)?
    } else {
        let width = words.number().ok_or_else(short)?;
        let height = words.number().ok_or_else(short)?;
        let max = if matches!(kind, b'1' | b'4') { 1 } else { words.number().ok_or_else(short)? };
        (width, height, if matches!(kind, b'3' | b'6') { 3 } else { 1 }, max)
    };
    if !(1..=65_535).contains(&max) {
        return Err(damaged("its largest sample is not within 1 to 65535"));
    }
    let depth = if max > 255 { Depth::Sixteen } else { Depth::Eight };
    let mut header = Header::new(Format::Pnm, width, height, depth, channels)?;
    // Samples are read as 16 bits before they are spread.
    header.beside = 2 * channels as u64;
    let coding = match kind {
        b'1'..=b'3' => Coding::Plain,
        b'4' => Coding::Bits,
        _ => Coding::Bytes,
    };
    // One byte of space ends the header.
    Ok(Layout { header, max, coding, start: words.at + 1 })
}

/// The header of a PAM: lines of a name and a value.
fn arbitrary(words: &mut Words<'_>) -> Result<(u32, u32, usize, u32), ImageError> {
    let short = || damaged("its header is short or holds no numbers");
    let (mut width, mut height, mut depth, mut max) = (0, 0, 0, 0);
    loop {
        match words.word().ok_or_else(short)? {
            b"WIDTH" => width = words.number().ok_or_else(short)?,
            b"HEIGHT" => height = words.number().ok_or_else(short)?,
            b"DEPTH" => depth = words.number().ok_or_else(short)?,
            b"MAXVAL" => max = words.number().ok_or_else(short)?,
            b"TUPLTYPE" => {
                if words.word().is_some_and(|kind| kind.starts_with(b"CMYK")) {
                    return Err(ImageError::unsupported("CMYK colours", HINT));
                }
            }
            b"ENDHDR" => break,
            _ => return Err(short()),
        }
    }
    if !(1..=4).contains(&depth) {
        return Err(ImageError::unsupported(format!("a PAM with {depth} channels"), HINT));
    }
    Ok((width, height, depth as usize, max))
}

pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Decoded, ImageError> {
    let Layout { max, coding, start, .. } = layout(bytes)?;
    let Header { width, height, channels, depth, .. } = *header;
    let len = width * height * channels;
    let (raw, rest) = match coding {
        Coding::Plain => plain(bytes, start, len, max)?,
        Coding::Bits => {
            let row = width.div_ceil(8);
            let (body, rest) = split(bytes, start, row * height)?;
            (bits(body, row, width)?, rest)
        }
        Coding::Bytes => {
            let (body, rest) = split(bytes, start, len * depth.bytes())?;
            (words(body, depth)?, rest)
        }
    };
    if Format::from_signature(rest.trim_ascii_start()) == Some(Format::Pnm) {
        return Err(ImageError::unsupported("several pictures in one PNM", "split it first: pamsplit"));
    }
    if raw.iter().any(|&v| u32::from(v) > max) {
        return Err(damaged("a sample is above the largest"));
    }
    // Samples are spread over the whole range: 1 of 1 becomes 255, 1023 of 1023 becomes 65535.
    let spread = |v: u16, full: u64| ((u64::from(v) * full + u64::from(max) / 2) / u64::from(max)) as u16;
    let samples = match depth {
        Depth::Eight => Samples::Eight(allocate::collect(raw.iter().map(|&v| spread(v, 255) as u8))?),
        Depth::Sixteen => Samples::Sixteen(allocate::collect(raw.iter().map(|&v| spread(v, 65_535)))?),
    };
    let pixels = Pixels { width, height, channels, samples };
    Ok(Decoded { pixels, metadata: Metadata::default(), losses: Vec::new() })
}

/// The samples of a raw file, and what follows them.
fn split(bytes: &[u8], start: usize, len: usize) -> Result<(&[u8], &[u8]), ImageError> {
    bytes.get(start..).and_then(|body| body.split_at_checked(len)).ok_or_else(|| damaged("it ends early"))
}

fn plain(bytes: &[u8], start: usize, len: usize, max: u32) -> Result<(Vec<u16>, &[u8]), ImageError> {
    let mut words = Words { bytes, at: start.min(bytes.len()) };
    // Every sample takes a byte, so that a short file cannot ask for much.
    let mut raw = allocate::with_room(len.min(bytes.len()))?;
    for _ in 0..len {
        let sample = if bytes[1] == b'1' { words.digit().map(|v| v ^ 1) } else { words.number() };
        let sample = sample.filter(|&v| v <= max).ok_or_else(|| damaged("a sample is missing or wrong"))?;
        raw.push(sample as u16);
    }
    Ok((raw, &bytes[words.at..]))
}

fn bits(body: &[u8], row: usize, width: usize) -> Result<Vec<u16>, ImageError> {
    let mut raw = allocate::with_room(body.len() * 8)?;
    for row in body.chunks_exact(row) {
        raw.extend((0..width).map(|x| u16::from(row[x / 8] >> (7 - x % 8) & 1 == 0)));
    }
    Ok(raw)
}

fn words(body: &[u8], depth: Depth) -> Result<Vec<u16>, ImageError> {
    match depth {
        Depth::Eight => allocate::collect(body.iter().map(|&v| v.into())),
        Depth::Sixteen => allocate::collect(body.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]]))),
    }
}

/// PGM and PPM, or PAM for pixels with alpha.
pub(super) fn encode(pixels: &Pixels) -> Result<Vec<u8>, ImageError> {
    let Pixels { width, height, channels, .. } = pixels;
    let max = match pixels.depth() {
        Depth::Eight => 255,
        Depth::Sixteen => 65_535,
    };
    let header = match channels {
        1 => format!("P5\n{width} {height}\n{max}\n"),
        3 => format!("P6\n{width} {height}\n{max}\n"),
        _ => {
            let kind = if *channels == 2 { "GRAYSCALE_ALPHA" } else { "RGB_ALPHA" };
            format!(
                "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {max}\nTUPLTYPE {kind}\nENDHDR\n"
            )
        }
    };
    let body = pixels.bytes(u16::to_be_bytes)?;
    let mut file = allocate::with_room(header.len() + body.len())?;
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(&body);
    Ok(file)
}
