//! What was measured, as a table, as JSON lines, or as comma-separated values.

use std::io::{self, Write};

use serde::Serialize;
use udair_metrics::{Metric, Score};

use super::Measured;
use super::summary::Summary;
use crate::names::Shown;
use crate::table::{Table, number};

/// How to print.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Table,
    Json,
    Csv,
}

/// One picture by one metric.
#[derive(Serialize)]
struct Row {
    file: String,
    reference: Option<String>,
    metric: &'static str,
    variant: String,
    value: Option<f64>,
    better: String,
    /// Why there is no value.
    reason: Option<String>,
}

pub(super) fn all(measured: &[Measured], metrics: &[Metric], form: Form) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match form {
        Form::Table => write!(out, "{}", tables(measured, metrics))?,
        Form::Json => {
            for row in rows(measured, metrics) {
                serde_json::to_writer(&mut out, &row)?;
                writeln!(out)?;
            }
        }
        Form::Csv => {
            writeln!(out, "file,reference,metric,variant,value,better,reason")?;
            for row in rows(measured, metrics) {
                let value = row.value.map_or_else(String::new, |value| value.to_string());
                let texts = [row.reference.unwrap_or_default(), row.reason.unwrap_or_default()];
                let [file, reference, reason] = [&row.file, &texts[0], &texts[1]].map(|text| quoted(text));
                let Row { metric, variant, better, .. } = row;
                let variant = quoted(&variant);
                writeln!(out, "{file},{reference},{metric},{variant},{value},{better},{reason}")?;
            }
        }
    }
    out.flush()
}

fn rows<'a>(measured: &'a [Measured], metrics: &'a [Metric]) -> impl Iterator<Item = Row> + 'a {
    measured.iter().flat_map(move |Measured { pair, scores }| {
        metrics.iter().enumerate().map(move |(i, metric)| {
            let (variant, value, reason) = match scores {
                Ok(scores) => outcome(&scores[i]),
                Err(problem) => (metric.variant(), None, Some(problem.message.clone())),
            };
            Row {
                file: pair.image.to_string_lossy().into_owned(),
                reference: pair.reference.as_ref().map(|path| path.to_string_lossy().into_owned()),
                metric: metric.name(),
                variant,
                value,
                better: metric.better().to_string(),
                reason,
            }
        })
    })
}

/// JSON has no infinity, which PSNR has for equal pictures.
fn outcome(score: &Score) -> (String, Option<f64>, Option<String>) {
    let variant = score.variant.clone();
    match &score.value {
        Ok(value) if value.is_finite() => (variant, Some(*value), None),
        Ok(_) => (variant, None, Some("infinite: the pictures are equal".into())),
        Err(reason) => (variant, None, Some(reason.to_string())),
    }
}

/// A cell of RFC 4180.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

/// A row for each picture, a row for each metric, and why values are missing.
fn tables(measured: &[Measured], metrics: &[Metric]) -> String {
    let names: Vec<String> = (0..metrics.len()).map(|i| heading(measured, metrics, i)).collect();
    let mut pictures =
        Table::new(1, &[&["picture"], &*names.iter().map(String::as_str).collect::<Vec<_>>()].concat());
    for Measured { pair, scores } in measured {
        let cell = |i: usize| number(scores.as_ref().ok().and_then(|scores| scores[i].value.clone().ok()), 4);
        let name = pair.image.to_string_lossy().into_owned();
        pictures.row(std::iter::once(name).chain((0..metrics.len()).map(cell)));
    }
    let mut means = Table::new(2, &["metric", "better", "n", "mean", "deviation", "95 % from", "to"]);
    for (i, (metric, name)) in metrics.iter().zip(&names).enumerate() {
        let value = |one: &Measured| one.scores.as_ref().ok()?[i].value.clone().ok();
        let values: Vec<f64> = measured.iter().filter_map(value).collect();
        let summary = Summary::of(&values);
        let interval = summary.and_then(|summary| summary.interval);
        means.row([
            name.clone(),
            metric.better().to_string(),
            values.len().to_string(),
            number(summary.map(|summary| summary.mean), 4),
            number(summary.and_then(|summary| summary.deviation), 4),
            number(interval.map(|(low, _)| low), 4),
            number(interval.map(|(_, high)| high), 4),
        ]);
    }
    format!("{pictures}\n{means}{}", missing(measured))
}

/// The metric with its variant, which may name parameters.
fn heading(measured: &[Measured], metrics: &[Metric], i: usize) -> String {
    let score = measured.iter().find_map(|one| one.scores.as_ref().ok());
    let variant = score.map_or_else(|| metrics[i].variant(), |scores| scores[i].variant.clone());
    format!("{}:{variant}", metrics[i].name())
}

fn missing(measured: &[Measured]) -> String {
    let lines = measured.iter().flat_map(|Measured { pair, scores }| {
        let scores = scores.iter().flatten();
        scores.filter_map(|score| {
            let reason = score.value.as_ref().err()?;
            Some(format!("{}: no {}: {reason}\n", Shown(&pair.image), score.metric))
        })
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_are_quoted() {
        assert_eq!(quoted("a b"), "a b");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
