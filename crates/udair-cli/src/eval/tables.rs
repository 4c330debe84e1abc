//! The tables of `udair eval`.

use std::fmt::Write;

use udair::Pattern;
use udair_study::{Confusion, Evaluation, Group, Identified, ImageResult, MetricMean, SCORES};

use crate::names::count;
use crate::table::{Table, number};

/// A picture lost where its PSNR fell by more than this, in dB.
const LOSS: f64 = 0.05;

/// Everything that was found, as text.
pub(super) fn all(evaluation: &Evaluation) -> String {
    let mut text = format!("{}\n\n", images(evaluation));
    let _ = writeln!(text, "{}", groups(evaluation, &evaluation.groups));
    let _ = writeln!(text, "{}", groups(evaluation, &evaluation.tasks()));
    if let Some(table) = further(evaluation) {
        let _ = writeln!(text, "{table}");
    }
    let confusion = evaluation.confusion(|_| true);
    if confusion.accuracy().is_some() {
        let _ = writeln!(text, "{}", confusion_table(&confusion));
        identified(&mut text, "identified", &confusion);
        identified(&mut text, "with a reference", &evaluation.confusion(|image| image.gt.is_some()));
        identified(&mut text, "without a reference", &evaluation.confusion(|image| image.gt.is_none()));
        text.push('\n');
    }
    let _ = writeln!(text, "{SCORES}; {} dB stand for identical pictures.", udair_study::PSNR_OF_IDENTICAL);
    let _ = writeln!(text, "worse: PSNR fell by more than {LOSS} dB.");
    if evaluation.left_out > 0 {
        let _ = writeln!(
            text,
            "{} left out: the weights were trained on them.",
            count(evaluation.left_out, "picture")
        );
    }
    let weights = &evaluation.weights;
    let _ = writeln!(text, "weights {}, sha256 {}", weights.name, weights.sha256);
    if let Some(peak) = evaluation.peak_rss_mib {
        let _ = writeln!(text, "peak memory {peak:.0} MiB");
    }
    text
}

fn images(evaluation: &Evaluation) -> Table {
    let heading = ["picture", "known", "found", "sure", "PSNR in", "PSNR", "SSIM in", "SSIM", "seconds"];
    let mut table = Table::new(3, &heading);
    for image in &evaluation.images {
        table.row([
            image.lq.clone(),
            image.task.clone().unwrap_or_else(|| "-".into()),
            image.pattern.into(),
            format!("{:.2}", image.confidence),
            number(image.psnr_in, 2),
            number(image.psnr, 2),
            number(image.ssim_in, 4),
            number(image.ssim, 4),
            number(Some(image.seconds), 2),
        ]);
    }
    table
}

fn groups(evaluation: &Evaluation, groups: &[Group]) -> Table {
    let heading =
        ["task", "source", "n", "PSNR in", "PSNR", "worse", "SSIM in", "SSIM", "named rightly", "seconds"];
    let mut table = Table::new(2, &heading);
    for group in groups {
        let text = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.into());
        let inside = |image: &ImageResult| {
            image.task == group.task && (group.source.is_none() || image.source == group.source)
        };
        let worse = evaluation.images.iter().filter(|image| inside(image) && lost(image)).count();
        let Identified { n, correct } = evaluation.confusion(inside).identified();
        table.row([
            text(&group.task, "-"),
            text(&group.source, "all"),
            group.n.to_string(),
            number(group.psnr_in, 2),
            number(group.psnr, 2),
            if group.psnr.is_some() { worse.to_string() } else { "-".into() },
            number(group.ssim_in, 4),
            number(group.ssim, 4),
            if n > 0 { correct.to_string() } else { "-".into() },
            number(Some(group.seconds), 2),
        ]);
    }
    table
}

/// Means of the metrics other than PSNR and SSIM, which have their columns above.
fn further(evaluation: &Evaluation) -> Option<Table> {
    let heading = ["task", "source", "metric", "better", "n", "input", "output", "worse"];
    let mut table = Table::new(4, &heading);
    let mut empty = true;
    for group in &evaluation.groups {
        let column = |score: &MetricMean| {
            (score.metric == "psnr" && score.variant == "rgb")
                || (score.metric == "ssim" && score.variant == "gaussian")
        };
        for score in group.scores.iter().filter(|score| !column(score)) {
            empty = false;
            table.row([
                group.task.clone().unwrap_or_else(|| "-".into()),
                group.source.clone().unwrap_or_else(|| "all".into()),
                format!("{}:{}", score.metric, score.variant),
                score.better.clone(),
                score.n.to_string(),
                number(score.value_in, 3),
                number(score.value, 3),
                score.worse.to_string(),
            ]);
        }
    }
    (!empty).then_some(table)
}

fn lost(image: &ImageResult) -> bool {
    matches!((image.psnr_in, image.psnr), (Some(before), Some(after)) if after < before - LOSS)
}

fn confusion_table(confusion: &Confusion) -> Table {
    let heading: Vec<&str> =
        std::iter::once("known \\ found").chain(Pattern::SINGLE.map(Pattern::id)).collect();
    let mut table = Table::new(1, &heading);
    for (pattern, row) in Pattern::SINGLE.iter().zip(&confusion.counts) {
        table.row(std::iter::once(pattern.id().into()).chain(row.iter().map(ToString::to_string)));
    }
    table
}

fn identified(text: &mut String, what: &str, confusion: &Confusion) {
    let Identified { n, correct } = confusion.identified();
    if let Some(accuracy) = confusion.accuracy() {
        let (plain, macro_average) = (100.0 * accuracy.plain, 100.0 * accuracy.macro_average);
        let pictures = count(n, "picture");
        let _ = writeln!(
            text,
            "{what}: {correct} of {pictures}, {plain:.1} %; averaged over patterns {macro_average:.1} %"
        );
    }
}
