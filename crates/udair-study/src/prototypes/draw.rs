//! The figures of the study.

use udair::Pattern;

use super::information::Usage;
use super::tsne::tsne;
use crate::Confusion;
use crate::figure::{Colour, Figure, INK, LINE};

/// A figure with the stem of its file's name.
#[derive(Debug)]
pub struct Drawing {
    /// Stem of the file's name.
    pub name: &'static str,
    /// The figure.
    pub figure: Figure,
}

/// A colour for each pattern that the colour-blind tell apart, too (Okabe and Ito).
fn colour(pattern: Pattern) -> Colour {
    match pattern {
        Pattern::Denoise => [213, 94, 0],
        Pattern::Dehaze => [86, 180, 233],
        Pattern::Derain => [0, 114, 178],
        Pattern::Lowlight => [60, 60, 60],
        Pattern::Underwater => [0, 158, 115],
        Pattern::Clean => [204, 121, 167],
        Pattern::Mixed | Pattern::None => [160, 160, 160],
    }
}

/// Features in two dimensions, by t-SNE of their standardised numbers.
pub(super) fn scatter(rows: &[(Pattern, &[f64])]) -> Drawing {
    const SIDE: f64 = 640.0;
    let mut figure = Figure::new(860, 680);
    figure.words((20.0, 10.0), "t-SNE of degradation features", INK);
    let standard = standardised(&rows.iter().map(|(_, row)| *row).collect::<Vec<_>>());
    let points = tsne(&standard);
    let reach = |axis: usize| {
        let values = points.iter().map(|point| point[axis]);
        let least = values.clone().fold(f64::INFINITY, f64::min);
        (least, values.fold(f64::NEG_INFINITY, f64::max) - least)
    };
    let (x, y) = (reach(0), reach(1));
    for ((pattern, _), point) in rows.iter().zip(&points) {
        let place =
            |value: f64, (least, length): (f64, f64)| (value - least) / length.max(1e-12) * (SIDE - 60.0);
        figure.disc((20.0 + place(point[0], x), 50.0 + place(point[1], y)), 5.0, colour(*pattern));
    }
    for (i, pattern) in Pattern::SINGLE.into_iter().enumerate() {
        let top = 60.0 + LINE * i as f64;
        figure.disc((SIDE + 40.0, top + 7.0), 6.0, colour(pattern));
        figure.words((SIDE + 56.0, top), pattern.label(), INK);
    }
    Drawing { name: "t-sne", figure }
}

fn standardised(rows: &[&[f64]]) -> Vec<Vec<f64>> {
    let n = rows.len() as f64;
    let columns = rows.first().map_or(0, |row| row.len());
    let mut standard: Vec<Vec<f64>> = rows.iter().map(|row| row.to_vec()).collect();
    for i in 0..columns {
        let mean = rows.iter().map(|row| row[i]).sum::<f64>() / n;
        let deviation = (rows.iter().map(|row| (row[i] - mean).powi(2)).sum::<f64>() / n).sqrt() + 1e-9;
        standard.iter_mut().for_each(|row| row[i] = (row[i] - mean) / deviation);
    }
    standard
}

/// Known patterns in rows, found ones in columns; darker is more.
pub(super) fn confusion(confusion: &Confusion) -> Drawing {
    const CELL: f64 = 126.0;
    const ROW: f64 = 70.0;
    let mut figure = Figure::new(930, 520);
    figure.words((20.0, 10.0), "known (rows) and found (columns)", INK);
    for (row, (pattern, counts)) in Pattern::SINGLE.iter().zip(&confusion.counts).enumerate() {
        let top = 80.0 + ROW * row as f64;
        figure.words((20.0, top + 28.0), pattern.label(), INK);
        figure.words((150.0 + CELL * row as f64, 55.0), pattern.label(), INK);
        for (column, &count) in counts.iter().enumerate() {
            let share = count as f64 / confusion.known[row].max(1) as f64;
            let shade = |full: f64| (255.0 - share * (255.0 - full)) as u8;
            let at = (150.0 + CELL * column as f64, top);
            figure.filled(at, (CELL - 2.0, ROW - 2.0), [shade(0.0), shade(90.0), shade(160.0)]);
            let ink = if share > 0.5 { [255; 3] } else { INK };
            figure.words((at.0 + 50.0, at.1 + 26.0), count.to_string(), ink);
        }
    }
    Drawing { name: "confusion", figure }
}

/// One histogram a pattern, codes in the order of their overall use.
pub(super) fn histograms(name: &'static str, title: &str, usage: &Usage) -> Drawing {
    const HEIGHT: f64 = 80.0;
    let codes = usage.shares.first().map_or(0, |(_, shares)| shares.len());
    let mut figure = Figure::new(1000, 60 + usage.shares.len() * (HEIGHT as usize + 30));
    let (perplexity, information) = (usage.perplexity, usage.information);
    let heading = format!("{title} by pattern: {perplexity:.0} in use, information {information:.2}");
    figure.words((20.0, 10.0), heading, INK);
    let total = |code: usize| usage.shares.iter().map(|(_, shares)| shares[code]).sum::<f64>();
    let mut order: Vec<usize> = (0..codes).collect();
    order.sort_by(|&a, &b| total(b).total_cmp(&total(a)));
    let largest = usage.shares.iter().flat_map(|(_, shares)| shares).copied().fold(1e-12, f64::max);
    for (row, (pattern, shares)) in usage.shares.iter().enumerate() {
        let foot = 130.0 + (HEIGHT + 30.0) * row as f64;
        figure.words((20.0, foot - 50.0), pattern.label(), INK);
        let width = 820.0 / codes.max(1) as f64;
        for (place, &code) in order.iter().enumerate() {
            // Square roots, so that rare codes are seen too.
            let height = (shares[code] / largest).sqrt() * HEIGHT;
            let at = (160.0 + width * place as f64, foot - height);
            figure.filled(at, (width.max(1.0), height), colour(*pattern));
        }
    }
    Drawing { name, figure }
}
