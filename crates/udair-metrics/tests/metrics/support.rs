//! Tables of reference values, and comparison with them.

use std::collections::BTreeMap;

use udair_metrics::{Metric, Parameters};

use crate::synth::Picture;

/// Reads a table with a heading, whose cells may be quoted: for each row the cells by heading.
pub(crate) fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines().map(cells);
    let heading = lines.next().unwrap();
    lines.map(|cells| heading.iter().cloned().zip(cells).collect()).collect()
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    cells
}

/// Asserts that the metric `name` gives the reference value, which is "nan" where it is not applicable.
pub(crate) fn assert_score(
    name: &str,
    image: &Picture,
    reference: Option<&Picture>,
    parameters: &Parameters,
    golden: &str,
    tolerance: f64,
    what: &str,
) {
    let metric: Metric = name.parse().unwrap();
    let score = metric.score(&image.view(), reference.map(Picture::view).as_ref(), parameters);
    let what = format!("{what} {score}");
    assert_close(score.value.unwrap_or(f64::NAN), golden.parse().unwrap(), tolerance, &what);
}

/// Asserts equality within a relative tolerance, and near 0 within 1e-9; NaN and infinity equal themselves.
pub(crate) fn assert_close(ours: f64, golden: f64, tolerance: f64, what: &str) {
    let close = ours == golden
        || ours.is_nan() && golden.is_nan()
        || (ours - golden).abs() <= (tolerance * golden.abs()).max(1e-9);
    assert!(close, "{what}: {ours} is not {golden} within {tolerance}");
}
