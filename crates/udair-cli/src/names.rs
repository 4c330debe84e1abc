//! Names of files, as messages show them: quoted where they hold what a terminal would act on.

use std::fmt;
use std::path::Path;

/// Shows a path on one line, whatever it is made of.
pub(crate) struct Shown<'a>(pub(crate) &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.to_string_lossy();
        f.write_str("'")?;
        for c in name.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        f.write_str("'")
    }
}

/// Shows a number of things: `1 file`, `2 files`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_on_one_line() {
        let shown = |name: &str| Shown(Path::new(name)).to_string();
        assert_eq!(shown("a b/ü.png"), "'a b/ü.png'");
        assert_eq!(shown("two\nlines\u{1b}[31m.png"), r"'two\nlines\u{1b}[31m.png'");
    }
}
