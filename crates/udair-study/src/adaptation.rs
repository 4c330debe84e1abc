//! Does adaptation help? Every way to adapt on the same pictures, against not adapting.

use udair::{Adapt, Coral, Decision, Entropy, Options, Pattern, Restorer};
use udair_engine::{Alignment, Outcome, View};

use crate::learn::HARM;
use crate::stream::Stream;
use crate::{Case, StudyError, Subject, subjects};

/// A way to adapt.
#[derive(Debug, Clone)]
pub struct Method {
    /// A name for tables.
    pub name: &'static str,
    /// How.
    pub options: Options,
    /// Told the true pattern of each picture.
    pub oracle: bool,
}

/// What one method did to one picture.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The collection, with the shift where there is one.
    pub set: String,
    /// What spoils the picture most.
    pub label: Pattern,
    /// Name of the method.
    pub method: &'static str,
    /// What was decided.
    pub decision: Decision,
    /// PSNR with adaptation less PSNR without, in dB, where there is a reference.
    pub gain: Option<f64>,
    /// Mean absolute change of the result, in units of 1/255.
    pub change: f64,
    /// Distance to the anchor that was aimed at, where there is one.
    pub distance: Option<f64>,
    /// Seconds with adaptation over seconds without.
    pub time: f64,
}

/// Means over trials.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Trials.
    pub n: usize,
    /// Trials with a reference, and the mean gain of those in dB with its 95 % interval, by 1000
    /// resamplings of the pictures (percentile bootstrap, Efron 1979).
    pub gain: Option<(usize, f64, [f64; 2])>,
    /// The largest loss in dB: the smallest gain.
    pub worst: Option<f64>,
    /// Share of the trials that were adapted.
    pub adapted: f64,
    /// Share of those with a reference that lost more than [`HARM`].
    pub harmed: f64,
    /// Mean absolute change of the results, in units of 1/255.
    pub change: f64,
    /// Median of the ratios of times.
    pub time: f64,
}

/// Forced adaptation, the automatic choice without each of its bounds, forced adaptation without
/// each of our corrections, and TENT and SAR, which change nothing where the restorer has no gradients.
pub fn methods() -> Vec<Method> {
    let automatic = |name, change: fn(&mut Options)| {
        let mut options = Options { adapt: Adapt::Auto, ..Options::default() };
        change(&mut options);
        Method { name, options, oracle: false }
    };
    let forced = |name, coral: Coral| {
        let options = Options { adapt: Adapt::Coral, coral, ..Options::default() };
        Method { name, options, oracle: true }
    };
    let minimised = |name, adapt, conditions| {
        let entropy = Entropy { conditions, ..Entropy::default() };
        Method { name, options: Options { adapt, entropy, ..Options::default() }, oracle: false }
    };
    let coral = Coral::default;
    vec![
        automatic("auto", |_| {}),
        automatic("auto, at any distance", |o| o.far = false),
        automatic("auto, however unsure", |o| o.sure = 0.0),
        automatic("auto, without the guard", |o| o.coral.guard = None),
        automatic("auto, without any of the three", |o| {
            o.far = false;
            o.sure = 0.0;
            o.coral.guard = None;
        }),
        Method { oracle: false, ..forced("coral", coral()) },
        forced("coral, told the pattern", coral()),
        forced("- not residual", Coral { residual: false, ..coral() }),
        forced("- no mean term", Coral { alignment: Alignment::Relative { mean: 0.0 }, ..coral() }),
        forced("- squared, not relative", Coral { alignment: Alignment::Squared, ..coral() }),
        forced("- root, not relative", Coral { alignment: Alignment::Root, ..coral() }),
        forced("- whole maps, no windows", Coral { view: View::Whole, ..coral() }),
        forced("- before the last update", Coral { outcome: Outcome::BeforeLastUpdate, ..coral() }),
        forced("- rate 0.001", Coral { rate: 1e-3, ..coral() }),
        forced("- rate 0.01", Coral { rate: 1e-2, ..coral() }),
        forced("- 20 steps", Coral { steps: 20, ..coral() }),
        forced("the paper's text", Coral::paper()),
        forced("as released", Coral::released()),
        minimised("tent", Adapt::Tent, false),
        minimised("tent, on conditions", Adapt::Tent, true),
        minimised("sar", Adapt::Sar, false),
        minimised("sar, on conditions", Adapt::Sar, true),
    ]
}

/// Forced adaptation towards whatever anchors the restorer has, for one with the reference's.
pub fn towards_maps() -> Method {
    let options = Options { adapt: Adapt::Coral, ..Options::default() };
    Method { name: "- averaged maps as anchors", options, oracle: true }
}

/// Tries every method on every subject of the cases; `done` is told of each case.
///
/// # Errors
/// [`StudyError`] naming the first picture that fails.
pub fn trials(
    restorer: &Restorer,
    cases: &[&Case],
    methods: &[Method],
    side: usize,
    done: &dyn Fn(),
) -> Result<Vec<Trial>, StudyError> {
    let mut trials = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        for subject in subjects(case, side, index as u64)? {
            try_all(restorer, &subject, methods, &mut trials)?;
        }
        done();
    }
    Ok(trials)
}

fn try_all(
    restorer: &Restorer,
    subject: &Subject,
    methods: &[Method],
    trials: &mut Vec<Trial>,
) -> Result<(), StudyError> {
    let (without, report) = subject.restore(restorer, &Options::default())?;
    let seconds = report.seconds;
    for Method { name, options, oracle } in methods {
        let options = Options { anchor: oracle.then_some(subject.label), ..options.clone() };
        let (with, report) = subject.restore(restorer, &options)?;
        let Some(adaptation) = report.adaptation else { continue };
        let distance = adaptation.distances.iter().find(|(pattern, _)| *pattern == adaptation.anchor);
        trials.push(Trial {
            set: subject.set.clone(),
            label: subject.label,
            method: name,
            decision: adaptation.decision,
            gain: with.psnr.zip(without.psnr).map(|(with, without)| with - without),
            change: with.change(&without),
            distance: distance.map(|(_, distance)| *distance),
            time: report.seconds / seconds,
        });
    }
    Ok(())
}

/// Means over trials; `None` without any.
pub fn summary<'a>(trials: impl IntoIterator<Item = &'a Trial>) -> Option<Summary> {
    let trials: Vec<&Trial> = trials.into_iter().collect();
    let gains: Vec<f64> = trials.iter().filter_map(|trial| trial.gain).collect();
    let n = trials.len();
    let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
    let mut times: Vec<f64> = trials.iter().map(|trial| trial.time).collect();
    times.sort_by(f64::total_cmp);
    Some(Summary {
        n,
        gain: (!gains.is_empty()).then(|| (gains.len(), mean(&gains), interval(&gains))),
        worst: gains.iter().copied().min_by(f64::total_cmp),
        adapted: share(trials.iter().filter(|t| t.decision == Decision::Adapted).count(), n),
        harmed: share(gains.iter().filter(|gain| **gain < -HARM).count(), gains.len()),
        change: mean(&trials.iter().map(|trial| trial.change).collect::<Vec<_>>()),
        time: *times.get(n / 2)?,
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The 95 % percentile interval of the mean.
fn interval(values: &[f64]) -> [f64; 2] {
    const RESAMPLINGS: usize = 1000;
    let mut stream = Stream::new(values.len() as u64);
    let mut resampled = || values.iter().map(|_| values[stream.below(values.len())]).sum::<f64>();
    let mut means: Vec<f64> = (0..RESAMPLINGS).map(|_| resampled() / values.len() as f64).collect();
    means.sort_by(f64::total_cmp);
    [means[RESAMPLINGS / 40], means[RESAMPLINGS - 1 - RESAMPLINGS / 40]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(gain: Option<f64>, decision: Decision) -> Trial {
        let set = "s".to_string();
        let label = Pattern::Dehaze;
        Trial { set, label, method: "m", decision, gain, change: 1.0, distance: None, time: 1.1 }
    }

    #[test]
    fn means_count_what_has_a_reference() {
        let trials = [
            trial(Some(0.3), Decision::Adapted),
            trial(Some(-0.2), Decision::Adapted),
            trial(None, Decision::Near),
            trial(Some(0.0), Decision::Near),
        ];
        let summary = summary(&trials).unwrap();
        let (n, gain, [low, high]) = summary.gain.unwrap();
        assert_eq!((summary.n, n, summary.adapted, summary.worst), (4, 3, 0.5, Some(-0.2)));
        assert!((gain - 0.1 / 3.0).abs() < 1e-12 && (summary.harmed - 1.0 / 3.0).abs() < 1e-12);
        assert!(low < gain && high > gain, "{low} to {high}");
        assert!(low > -0.2 - 1e-9 && high < 0.3 + 1e-9, "{low} to {high}");
        assert!(super::summary(&[]).is_none());
    }

    #[test]
    fn the_interval_holds_the_mean_as_often_as_it_says() {
        let mut stream = Stream::new(5);
        let holds = (0..200).filter(|_| {
            let values: Vec<f64> = (0..40).map(|_| stream.normal()).collect();
            let [low, high] = interval(&values);
            low <= 0.0 && 0.0 <= high
        });
        let holds = holds.count();
        assert!((180..=199).contains(&holds), "{holds} of 200");
    }
}
