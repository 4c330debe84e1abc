//! How pictures come to be told apart: linear discriminant analysis (Fisher, "The use of multiple
//! measurements in taxonomic problems", Annals of Eugenics 1936) of the features of known pictures.
//!
//! The mean of every collection is an anchor of its pattern, and so are those of other [looks](Look) at it. Features
//! are standardised and whitened by the pooled covariance within collections W, shrunk to W + s mean(diag W) I, and
//! projected onto the span of the anchors: a distance to an anchor is then measured in the spread that pictures of one
//! collection have. Temperature, limit and margin come from other pictures than those: a fit flatters the pictures
//! that it was made of. For temperature and the bound of parts, whole [collections](left_out) take no part.

mod discriminant;
mod left_out;

use std::collections::BTreeMap;

use discriminant::{centres, cholesky, dot, moments, projection, standardise, within};

use super::Identifier;
use crate::{Config, EngineError, Tensor};

/// Share of the pictures kept out that limit and margin hold for.
const WITHIN: f64 = 0.995;
/// The limit lies so many times farther: of collections that took no part in a fit, up to a fifth lies
/// beyond what pictures of known collections reach, but none beyond twice that.
const REACH: f64 = 2.0;

/// Smaller collections of a pattern share one anchor: the mean of a few pictures says little.
const COLLECTION: usize = 8;

/// Features of pictures whose pattern is known.
#[derive(Debug, Clone, Default)]
pub struct Examples {
    /// One picture's feature each, see [`Identifier`].
    pub rows: Vec<Vec<f64>>,
    /// The features of each one's parts; only those that have some count for the bound of parts.
    pub parts: Vec<Vec<Vec<f64>>>,
    /// The number of each one's pattern.
    pub labels: Vec<usize>,
    /// The name of each one's collection: pictures of one pattern that were made alike.
    pub collections: Vec<String>,
    /// How each one is looked at.
    pub looks: Vec<Look>,
    /// How much each one counts; patterns count alike whatever these sum up to.
    pub weights: Vec<f64>,
}

/// How pictures of a collection are looked at. Each look lies elsewhere among the features, so it has an anchor of
/// its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// At their size or smaller, in their colours.
    Usual,
    /// Enlarged, as large photos look from pixel to pixel.
    Enlarged,
    /// Without colour.
    Grey,
}

/// Features of pictures that have two patterns at once.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Numbers of the patterns.
    pub members: [usize; 2],
    /// One picture's feature each.
    pub rows: Vec<Vec<f64>>,
}

impl Examples {
    /// Adds a picture without parts.
    pub fn push(&mut self, row: Vec<f64>, label: usize, collection: &str, weight: f64) {
        self.push_parted((row, Vec::new()), Look::Usual, label, collection, weight);
    }

    /// Adds a picture's feature and those of its parts.
    pub fn push_parted(
        &mut self,
        (row, parts): (Vec<f64>, Vec<Vec<f64>>),
        look: Look,
        label: usize,
        collection: &str,
        weight: f64,
    ) {
        self.rows.push(row);
        self.parts.push(parts);
        self.looks.push(look);
        self.labels.push(label);
        self.collections.push(collection.into());
        self.weights.push(weight);
    }

    /// The identification that tells `patterns` apart by these pictures and knows the `pairs`, with
    /// temperature, limit and margin from `others`. The bound of parts is from the pictures with parts; where there
    /// are enough collections of them, the temperature is that of fits without the collection of each of `others`.
    ///
    /// # Errors
    /// [`EngineError::Config`] where a pattern has fewer than two pictures, a pair none, or `others`
    /// is empty.
    pub fn fit(
        &self,
        config: &Config,
        patterns: &[String],
        pairs: &[Pair],
        others: &Self,
    ) -> Result<Identifier, EngineError> {
        let few = (0..patterns.len()).find(|k| self.labels.iter().filter(|l| *l == k).count() < 2);
        if let Some(k) = few {
            let message = format!("{} has fewer than two pictures to be told by", patterns[k]);
            return Err(EngineError::Config(message));
        }
        if others.rows.is_empty() || pairs.iter().any(|pair| pair.rows.is_empty()) {
            return Err(EngineError::Config("calibration and pairs need pictures of their own".into()));
        }
        let raw = self.raw(config, patterns)?;
        let mut tensors = raw.tensors.clone();
        let places: Vec<Vec<f64>> = others.rows.iter().map(|row| raw.place(row)).collect();
        let distances: Vec<Vec<f64>> = places.iter().map(|place| raw.to_patterns(place)).collect();
        let nearest: Vec<f64> = distances.iter().map(|row| least(row)).collect();
        let [with_parts, left_out] = self.left_out(config, patterns, others)?;
        let temperature = if left_out.is_empty() {
            temperature(&distances, &others.labels, &others.balanced(patterns.len()))
        } else {
            let distances: Vec<_> = left_out.iter().map(|f| f.distances.clone()).collect();
            let labels: Vec<_> = left_out.iter().map(|f| f.label).collect();
            temperature(&distances, &labels, &left_out::weights(&left_out))
        };
        tensors.insert("temperature".into(), tensor(&[], vec![temperature]));
        tensors.insert("limit".into(), tensor(&[], vec![REACH * bound(nearest.clone())]));
        if !pairs.is_empty() {
            let centres: Vec<Vec<f64>> = pairs.iter().map(|pair| raw.centre(&pair.rows)).collect();
            let shape = [pairs.len(), tensors["project"].shape[1]];
            tensors.insert("pairs".into(), tensor(&shape, centres.concat()));
            let members = pairs.iter().flat_map(|pair| pair.members.map(|k| k as f64));
            tensors.insert("members".into(), tensor(&[pairs.len(), 2], members.collect()));
            tensors.insert("margin".into(), tensor(&[], vec![1.0]));
            let raw = Identifier::from_tensors(config, patterns, tensors.clone())?;
            let nearer = places.iter().zip(&nearest).map(|(u, d)| d / least(&raw.distances("pairs", u)));
            let margin = others.bound_of_each(&nearer.collect::<Vec<_>>()).max(1.0);
            tensors.insert("margin".into(), tensor(&[], vec![margin]));
        }
        if let Some(bound) = left_out::part_bound(&with_parts, patterns) {
            tensors.insert("part".into(), tensor(&[], vec![bound]));
        }
        Identifier::from_tensors(config, patterns, tensors)
    }

    /// The identification by these pictures alone: temperature 1, no bounds.
    fn raw(&self, config: &Config, patterns: &[String]) -> Result<Identifier, EngineError> {
        let weights = self.balanced(patterns.len());
        let (mean, scale) = moments(&self.rows, &weights);
        let standard: Vec<Vec<f64>> = self.rows.iter().map(|row| standardise(row, &mean, &scale)).collect();
        let (groups, owners) = self.groups();
        let centres = centres(&standard, &weights, &groups, owners.len());
        let factor = cholesky(within(&standard, &weights, &groups, &centres), mean.len());
        let project = projection(&factor, &centres, mean.len());
        let rank = project.len();
        let anchors = centres.iter().flat_map(|centre| project.iter().map(|axis| dot(axis, centre)));
        let f = mean.len();
        let columns = (0..f * rank).map(|at| project[at % rank][at / rank]).collect();
        let tensors = BTreeMap::from([
            ("mean".to_string(), tensor(&[f], mean)),
            ("scale".to_string(), tensor(&[f], scale)),
            ("project".to_string(), tensor(&[f, rank], columns)),
            ("anchors".to_string(), tensor(&[owners.len(), rank], anchors.collect())),
            ("owners".to_string(), tensor(&[owners.len()], owners.iter().map(|&k| k as f64).collect())),
            ("temperature".to_string(), tensor(&[], vec![1.0])),
        ]);
        Identifier::from_tensors(config, patterns, tensors)
    }

    /// The weights, scaled so that every pattern that occurs has the sum 1.
    fn balanced(&self, patterns: usize) -> Vec<f64> {
        let mut sums = vec![0.0; patterns];
        self.labels.iter().zip(&self.weights).for_each(|(&label, weight)| sums[label] += weight);
        self.labels.iter().zip(&self.weights).map(|(&label, weight)| weight / sums[label]).collect()
    }

    /// What [`WITHIN`] of every collection's values do not exceed: a small one that is like two patterns
    /// must not drown among the others.
    fn bound_of_each(&self, values: &[f64]) -> f64 {
        let mut collections: BTreeMap<(usize, &str), Vec<f64>> = BTreeMap::new();
        for ((&label, collection), &value) in self.labels.iter().zip(&self.collections).zip(values) {
            collections.entry((label, collection)).or_default().push(value);
        }
        collections.into_values().map(bound).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The number of the group that each picture belongs to, and of the pattern that each group has.
    fn groups(&self) -> (Vec<usize>, Vec<usize>) {
        let known = || {
            let collections = self.collections.iter().map(String::as_str);
            self.labels.iter().zip(collections).zip(&self.looks).map(|((&l, c), &look)| (l, c, look))
        };
        let mut counts: BTreeMap<(usize, &str, Look), usize> = BTreeMap::new();
        known().for_each(|key| *counts.entry(key).or_default() += 1);
        let shared = |key: (usize, &'_ str, Look)| {
            (key.0, (counts[&key] >= COLLECTION).then(|| key.1.to_string()), key.2)
        };
        let mut numbers: BTreeMap<(usize, Option<String>, Look), usize> =
            known().map(|key| (shared(key), 0)).collect();
        numbers.values_mut().enumerate().for_each(|(number, at)| *at = number);
        (known().map(|key| numbers[&shared(key)]).collect(), numbers.keys().map(|key| key.0).collect())
    }
}

fn tensor(shape: &[usize], data: Vec<f64>) -> Tensor {
    Tensor { shape: shape.to_vec(), data: data.into_iter().map(|v| v as f32).collect() }
}

/// The temperature from 1/4 to 2^10 under which the true patterns are most probable.
fn temperature(distances: &[Vec<f64>], labels: &[usize], weights: &[f64]) -> f64 {
    let cost = |temperature: f64| -> f64 {
        let surprise = |((row, &label), weight): ((&Vec<f64>, &usize), &f64)| {
            let least = least(row);
            let total: f64 = row.iter().map(|d| ((least - d) / temperature).exp()).sum();
            weight * ((row[label] - least) / temperature + total.ln())
        };
        distances.iter().zip(labels).zip(weights).map(surprise).sum()
    };
    let candidates = (-8..=40).map(|k| (f64::from(k) / 4.0).exp2());
    candidates.min_by(|&a, &b| cost(a).total_cmp(&cost(b))).expect("there are candidates")
}

impl Identifier {
    /// The mean of where features lie.
    fn centre(&self, rows: &[Vec<f64>]) -> Vec<f64> {
        let mut centre = vec![0.0; self.tensors["anchors"].shape[1]];
        for row in rows {
            centre.iter_mut().zip(self.place(row)).for_each(|(c, u)| *c += u / rows.len() as f64);
        }
        centre
    }
}

/// What [`WITHIN`] of the values do not exceed.
fn bound(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * WITHIN).ceil() as usize]
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests;
