//! The tables of learned numbers that the crate carries: decimal numbers between spaces, `#` for remarks.

/// All numbers of the text, in order.
pub(crate) fn parse(text: &str) -> impl Iterator<Item = f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .flat_map(str::split_ascii_whitespace)
        .map(|word| word.parse().expect("the tables are part of the crate"))
}
