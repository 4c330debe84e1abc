//! Identification: which degradation a picture has, by the nearest anchor.
//!
//! The feature of a picture is, for the conditions D4, D3 and D2 in this order, the channel means
//! over all positions followed by `ln(v + 1e-8)` of the population variances v: F = 28 C numbers.
//! With `u = ((f - mean) / scale) · project`, the distance to pattern k is the least
//! `||u - anchors_m||²` of its anchors and its probability `softmax(-d / temperature)_k`. A pattern has
//! an anchor for every collection of pictures that it was learned from: streaks that were drawn and rain
//! that fell lie in different places. `project` whitens by the spread that pictures of one collection
//! have, so a distance is measured in that spread. A
//! picture farther than `limit` from every anchor has none of the patterns; one that lies `margin` times
//! nearer to an anchor of `pairs` (pictures that have two patterns) has both. (Times, because the farther
//! a picture lies from all anchors, the less a difference between two of them says.)

mod fit;

use std::collections::BTreeMap;

pub use fit::{Examples, Pair};

use crate::grid::Grid;
use crate::run::{Run, Scratch};
use crate::{Config, EngineError, Tensor};

/// What a picture was found to be spoiled by.
#[derive(Debug, Clone, PartialEq)]
pub struct Identification {
    /// One entry a pattern, in the order of the weights file.
    pub findings: Vec<Finding>,
    /// What they amount to.
    pub verdict: Likeness,
}

/// One pattern with its probability.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Name of the pattern, e.g. `dehaze`.
    pub pattern: String,
    /// Probability from 0 to 1; all patterns sum to 1.
    pub probability: f32,
    /// Squared distance to the pattern's anchor, in whitened units.
    pub distance: f32,
}

/// What a picture is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// The pictures of one pattern: the most probable one.
    One,
    /// Pictures that have two patterns at once; the more probable one stands first.
    Both(String, String),
    /// Nothing that the weights know.
    Unknown,
}

impl Identification {
    /// The most probable pattern.
    pub fn best(&self) -> &Finding {
        self.findings
            .iter()
            .max_by(|a, b| a.probability.total_cmp(&b.probability))
            .expect("an identifier has at least one pattern")
    }
}

/// Means, scales, projection and anchors, as stored with the weights.
#[derive(Debug, Clone)]
pub struct Identifier {
    patterns: Vec<String>,
    tensors: BTreeMap<String, Tensor>,
}

impl Identifier {
    /// Takes the tensors `mean` \[F\], `scale` \[F\], `project` [F, P], `anchors` [N, P] and
    /// `temperature` []. Optional are `owners` \[N\] (the number of each anchor's pattern; without it
    /// there is one anchor a pattern), `limit` [], and together `pairs` [M, P], `members` [M, 2]
    /// (numbers of patterns) and `margin` [].
    pub fn from_tensors(
        config: &Config,
        patterns: &[String],
        tensors: BTreeMap<String, Tensor>,
    ) -> Result<Self, EngineError> {
        let shape = |name: &str| tensors.get(name).map_or(&[][..], |t| &t.shape);
        let (features, count) = (28 * config.width, patterns.len());
        let rank = shape("project").get(1).copied().unwrap_or(0);
        let pairs = shape("pairs").first().copied().unwrap_or(0);
        let with_pairs = tensors.contains_key("pairs");
        let anchors = shape("owners").first().copied().unwrap_or(count);
        let expected: [(&str, Vec<usize>, bool); 10] = [
            ("mean", vec![features], true),
            ("scale", vec![features], true),
            ("project", vec![features, rank], true),
            ("anchors", vec![anchors, rank], true),
            ("owners", vec![anchors], false),
            ("temperature", vec![], true),
            ("limit", vec![], false),
            ("pairs", vec![pairs, rank], with_pairs),
            ("members", vec![pairs, 2], with_pairs),
            ("margin", vec![], with_pairs),
        ];
        for (name, shape, needed) in &expected {
            match tensors.get(*name) {
                Some(tensor) if tensor.shape == *shape => {}
                Some(tensor) => {
                    let message =
                        format!("identify.{name} has shape {:?} instead of {shape:?}", tensor.shape);
                    return Err(EngineError::weights(message));
                }
                None if *needed => return Err(EngineError::weights(format!("identify.{name} is missing"))),
                None => {}
            }
        }
        let positive = |name: &str| tensors[name].data.iter().all(|&v| v > 0.0);
        if count == 0 || rank == 0 || !positive("scale") || !positive("temperature") {
            return Err(EngineError::weights(
                "identify.* needs patterns, and positive scales and temperature",
            ));
        }
        for name in ["members", "owners"] {
            let numbers = tensors.get(name).map_or(&[][..], |t| &t.data);
            if !numbers.iter().all(|&k| k.fract() == 0.0 && (0.0..count as f32).contains(&k)) {
                let message = format!("identify.{name} names patterns that there are not");
                return Err(EngineError::weights(message));
            }
        }
        if let Some(owners) = tensors.get("owners")
            && let Some(orphan) = (0..count).find(|&k| !owners.data.contains(&(k as f32)))
        {
            let message = format!("identify.anchors has none for {}", patterns[orphan]);
            return Err(EngineError::weights(message));
        }
        let known = |name: &&String| expected.iter().any(|(known, ..)| known == name);
        if let Some(name) = tensors.keys().find(|name| !known(name)) {
            return Err(EngineError::weights(format!("identify.{name} is not known")));
        }
        Ok(Self { patterns: patterns.to_vec(), tensors })
    }

    /// The stored tensors by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Compares a picture's feature ([`crate::Conditions::feature`]) with every anchor.
    pub fn identify(&self, feature: &[f64]) -> Identification {
        let place = self.place(feature);
        let distances = self.to_patterns(&place);
        let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
        let temperature = f64::from(self.tensors["temperature"].data[0]);
        let weights: Vec<f64> = distances.iter().map(|d| ((nearest - d) / temperature).exp()).collect();
        let total: f64 = weights.iter().sum();
        let findings = self.patterns.iter().zip(weights.iter().zip(&distances));
        let findings = findings.map(|(pattern, (w, &d))| Finding {
            pattern: pattern.clone(),
            probability: (w / total) as f32,
            distance: d as f32,
        });
        Identification { findings: findings.collect(), verdict: self.likeness(&place, &distances) }
    }

    /// Where a feature lies in the space of the anchors.
    fn place(&self, feature: &[f64]) -> Vec<f64> {
        let values = |name: &str| self.tensors[name].data.iter().map(|&v| f64::from(v));
        let project = &self.tensors["project"];
        let rank = project.shape[1];
        let mut place = vec![0.0; rank];
        let standard = feature.iter().zip(values("mean")).zip(values("scale")).map(|((f, m), s)| (f - m) / s);
        for (f, row) in standard.zip(project.data.chunks_exact(rank)) {
            place.iter_mut().zip(row).for_each(|(u, &p)| *u += f * f64::from(p));
        }
        place
    }

    /// Squared distances from a place to the nearest anchor of each pattern.
    fn to_patterns(&self, place: &[f64]) -> Vec<f64> {
        let distances = self.distances("anchors", place);
        let Some(owners) = self.tensors.get("owners") else { return distances };
        let mut nearest = vec![f64::INFINITY; self.patterns.len()];
        for (d, &owner) in distances.into_iter().zip(&owners.data) {
            let own = &mut nearest[owner as usize];
            *own = own.min(d);
        }
        nearest
    }

    /// Squared distances from a place to each anchor of the named tensor.
    fn distances(&self, name: &str, place: &[f64]) -> Vec<f64> {
        let distance =
            |anchor: &[f32]| place.iter().zip(anchor).map(|(u, &a)| (u - f64::from(a)).powi(2)).sum();
        self.tensors[name].data.chunks_exact(place.len()).map(distance).collect()
    }

    fn likeness(&self, place: &[f64], distances: &[f64]) -> Likeness {
        let number = |name: &str| self.tensors.get(name).map(|t| f64::from(t.data[0]));
        let least = |distances: &[f64]| distances.iter().copied().fold(f64::INFINITY, f64::min);
        let nearest = least(distances);
        if let Some(margin) = number("margin") {
            let pairs = self.distances("pairs", place);
            let both = pairs.iter().zip(self.tensors["members"].data.chunks_exact(2));
            if let Some((&d, members)) = both.min_by(|a, b| a.0.total_cmp(b.0))
                && d * margin < nearest
            {
                let mut members = [members[0] as usize, members[1] as usize];
                members.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]));
                let [first, second] = members.map(|k| self.patterns[k].clone());
                return Likeness::Both(first, second);
            }
        }
        if number("limit").is_some_and(|limit| nearest > limit) { Likeness::Unknown } else { Likeness::One }
    }
}

/// The channel means of a map followed by `ln(v + 1e-8)` of the population variances v.
///
/// `fetch(y, out, scratch)` supplies row y. Rows are summed up one by one in f64 and joined in order, so
/// the result does not depend on the threads.
pub(crate) fn moments<F>(run: &Run<'_>, grid: Grid, fetch: F) -> Result<Vec<f64>, EngineError>
where
    F: Fn(usize, &mut [f32], &mut Scratch) -> Result<(), EngineError> + Sync,
{
    let c = grid.channels;
    let rows = run.each_row(grid.height, |y, scratch| {
        let mut row = run.map(grid.row())?;
        fetch(y, &mut row, scratch)?;
        let mut sums = vec![0.0_f64; 2 * c];
        let (first, second) = sums.split_at_mut(c);
        for pixel in row.chunks_exact(c) {
            for ((a, b), &x) in first.iter_mut().zip(second.iter_mut()).zip(pixel) {
                *a += f64::from(x);
                *b += f64::from(x) * f64::from(x);
            }
        }
        Ok(sums)
    })?;
    let mut total = vec![0.0; 2 * c];
    for sums in rows {
        total.iter_mut().zip(sums).for_each(|(t, s)| *t += s);
    }
    let positions = (grid.width * grid.height) as f64;
    total.iter_mut().for_each(|t| *t /= positions);
    for i in 0..c {
        let variance = (total[c + i] - total[i] * total[i]).max(0.0);
        total[c + i] = (variance + 1e-8).ln();
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anchors of two patterns and of both at once, in a plane of the first two features.
    fn plane() -> Identifier {
        let features = 28 * Config::small().width;
        let tensor = |shape: &[usize], data: Vec<f32>| Tensor { shape: shape.to_vec(), data };
        let mut project = vec![0.0; 2 * features];
        (project[0], project[3]) = (1.0, 1.0);
        let tensors = BTreeMap::from([
            ("mean".to_string(), tensor(&[features], vec![0.0; features])),
            ("scale".to_string(), tensor(&[features], vec![1.0; features])),
            ("project".to_string(), tensor(&[features, 2], project)),
            ("anchors".to_string(), tensor(&[2, 2], vec![0.0, 0.0, 10.0, 0.0])),
            ("temperature".to_string(), tensor(&[], vec![1.0])),
            ("pairs".to_string(), tensor(&[1, 2], vec![1.0, 5.0])),
            ("members".to_string(), tensor(&[1, 2], vec![0.0, 1.0])),
            ("margin".to_string(), tensor(&[], vec![2.0])),
        ]);
        Identifier::from_tensors(&Config::small(), &["a", "b"].map(String::from), tensors).unwrap()
    }

    #[test]
    fn what_is_far_from_everything_has_not_both_for_being_a_little_nearer() {
        let both = Likeness::Both("a".into(), "b".into());
        for (x, y, expected) in [
            (1.0, 4.5, both),
            (1.0, 1.0, Likeness::One),
            (-1.0, 30.0, Likeness::One),
            (9.0, 1.0, Likeness::One),
        ] {
            let mut feature = vec![0.0; 28 * Config::small().width];
            (feature[0], feature[1]) = (x, y);
            assert_eq!(plane().identify(&feature).verdict, expected, "({x}, {y})");
        }
    }
}
