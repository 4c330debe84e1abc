//! The orientation that an XMP packet repeats, as an attribute or an element.

/// Sets every `tiff:Orientation` to 1; all other bytes stay.
pub(crate) fn reset_orientation(packet: &mut [u8]) {
    const NAME: &[u8] = b"tiff:Orientation";
    let mut from = 0;
    while let Some(found) = packet[from..].windows(NAME.len()).position(|window| window == NAME) {
        from += found + NAME.len();
        // `="6"`, `='6'`, ` = "6"` or `>6<`: the digit is the first byte that is none of these marks.
        let value = packet[from..].iter().position(|b| !b" \t\r\n=\"'>".contains(b));
        if let Some(digit @ b'1'..=b'8') = value.map(|at| &mut packet[from + at]) {
            *digit = b'1';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_digit_changes() {
        for (before, after) in [
            ("a tiff:Orientation=\"6\" b 6", "a tiff:Orientation=\"1\" b 6"),
            ("<tiff:Orientation>8</tiff:Orientation>", "<tiff:Orientation>1</tiff:Orientation>"),
            ("tiff:Orientation = '3'", "tiff:Orientation = '1'"),
            ("tiff:OrientationX=\"3\"", "tiff:OrientationX=\"3\""),
            ("tiff:Orientation", "tiff:Orientation"),
        ] {
            let mut packet = before.as_bytes().to_vec();
            reset_orientation(&mut packet);
            assert_eq!(std::str::from_utf8(&packet).unwrap(), after);
        }
    }
}
