//! Simple figures, as SVG and as PNG, from one list of marks. The PNG has letters of its own, so
//! that it looks the same on every machine and needs no fonts.

mod letters;

use std::fmt::Write;

/// A colour: red, green, blue.
pub type Colour = [u8; 3];

/// Black, for text.
pub(crate) const INK: Colour = [30, 30, 30];

/// A picture of discs, boxes and words on white.
#[derive(Debug, Clone)]
pub struct Figure {
    width: usize,
    height: usize,
    marks: Vec<Mark>,
}

#[derive(Debug, Clone)]
enum Mark {
    Disc { at: (f64, f64), radius: f64, colour: Colour },
    Box { at: (f64, f64), size: (f64, f64), colour: Colour },
    Words { at: (f64, f64), text: String, colour: Colour },
}

/// Height of a line of words, in pixels.
pub(crate) const LINE: f64 = 22.0;
/// Pixels of a letter's dot.
const DOT: usize = 2;

impl Figure {
    /// An empty figure of this size in pixels.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, marks: Vec::new() }
    }

    /// Adds a disc.
    pub fn disc(&mut self, at: (f64, f64), radius: f64, colour: Colour) {
        self.marks.push(Mark::Disc { at, radius, colour });
    }

    /// Adds a filled box with its upper left corner at `at`.
    pub fn filled(&mut self, at: (f64, f64), size: (f64, f64), colour: Colour) {
        self.marks.push(Mark::Box { at, size, colour });
    }

    /// Adds words with their upper left corner at `at`.
    pub fn words(&mut self, at: (f64, f64), text: impl Into<String>, colour: Colour) {
        self.marks.push(Mark::Words { at, text: text.into(), colour });
    }

    /// The figure as SVG.
    pub fn svg(&self) -> String {
        let (width, height) = (self.width, self.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             font-family=\"sans-serif\" font-size=\"15\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        for mark in &self.marks {
            let line = match mark {
                Mark::Disc { at: (x, y), radius, colour } => {
                    format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{}\"/>", css(*colour))
                }
                Mark::Box { at: (x, y), size: (w, h), colour } => format!(
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" fill=\"{}\"/>",
                    css(*colour)
                ),
                Mark::Words { at: (x, y), text, colour } => {
                    let text = text.replace('&', "&amp;").replace('<', "&lt;");
                    format!(
                        "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{}\">{text}</text>",
                        y + 13.0,
                        css(*colour)
                    )
                }
            };
            let _ = writeln!(svg, "{line}");
        }
        svg + "</svg>\n"
    }

    /// The figure's pixels: `height * width * 3` values.
    pub fn pixels(&self) -> Vec<u8> {
        let mut pixels = vec![255; self.width * self.height * 3];
        for mark in &self.marks {
            match mark {
                Mark::Disc { at, radius, colour } => {
                    let inside = |x: f64, y: f64| (x - at.0).hypot(y - at.1) <= *radius;
                    let from = (at.0 - radius, at.1 - radius);
                    self.paint(&mut pixels, from, (2.0 * radius + 1.0, 2.0 * radius + 1.0), *colour, inside);
                }
                Mark::Box { at, size, colour } => self.paint(&mut pixels, *at, *size, *colour, |_, _| true),
                Mark::Words { at, text, colour } => {
                    for (i, letter) in text.chars().enumerate() {
                        let left = at.0 + (i * 6 * DOT) as f64;
                        let dot = |x: f64, y: f64| {
                            letters::dot(
                                letter,
                                ((x - left) / DOT as f64) as usize,
                                ((y - at.1) / DOT as f64) as usize,
                            )
                        };
                        self.paint(
                            &mut pixels,
                            (left, at.1),
                            ((5 * DOT) as f64, (7 * DOT) as f64),
                            *colour,
                            dot,
                        );
                    }
                }
            }
        }
        pixels
    }

    /// Sets the pixels of a box whose centres are `inside`.
    fn paint(
        &self,
        pixels: &mut [u8],
        at: (f64, f64),
        size: (f64, f64),
        colour: Colour,
        inside: impl Fn(f64, f64) -> bool,
    ) {
        let range = |from: f64, length: f64, end: usize| {
            (from.round().max(0.0) as usize).min(end)..((from + length).round().max(0.0) as usize).min(end)
        };
        for y in range(at.1, size.1, self.height) {
            for x in range(at.0, size.0, self.width) {
                if inside(x as f64 + 0.5, y as f64 + 0.5) {
                    pixels[(y * self.width + x) * 3..][..3].copy_from_slice(&colour);
                }
            }
        }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
}

fn css([r, g, b]: Colour) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_in_both_forms() {
        let mut figure = Figure::new(60, 40);
        figure.disc((10.0, 10.0), 3.0, [255, 0, 0]);
        figure.filled((20.0, 20.0), (5.0, 4.0), [0, 0, 255]);
        figure.words((30.0, 5.0), "a<1", INK);
        figure.disc((-50.0, 900.0), 3.0, INK);
        let svg = figure.svg();
        assert!(svg.contains("#ff0000") && svg.contains("a&lt;1") && svg.ends_with("</svg>\n"), "{svg}");
        let pixels = figure.pixels();
        let count = |colour: Colour| pixels.chunks_exact(3).filter(|p| **p == colour).count();
        assert_eq!(count([0, 0, 255]), 20);
        assert!((20..40).contains(&count([255, 0, 0])), "{}", count([255, 0, 0]));
        assert!(count(INK) > 60);
    }
}
