//! How pictures come to be told apart: linear discriminant analysis (Fisher, "The use of multiple
//! measurements in taxonomic problems", Annals of Eugenics 1936) of the features of known pictures.
//!
//! The mean of every collection is an anchor of its pattern, and so are those of other [looks](Look) at it. Features
//! are standardised and whitened by the pooled covariance within collections W, shrunk to W + s mean(diag W) I, and
//! projected onto the span of the anchors: a distance to an anchor is then measured in the spread that pictures of one
//! collection have. Temperature, limit and margin come from other pictures than those: a fit flatters the pictures
//! that it was made of. For temperature and the bound of parts, whole [collections](left_out) take no part.

mod left_out;

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Identifier;
use crate::{Config, EngineError, Tensor};

/// Share of the mean variance that is added to the covariance's diagonal.
const SHRINKAGE: f64 = 3.0;

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

/// The weighted mean of every group.
fn centres(standard: &[Vec<f64>], weights: &[f64], groups: &[usize], count: usize) -> Vec<Vec<f64>> {
    let (mut centres, mut totals) = (vec![vec![0.0; standard[0].len()]; count], vec![0.0; count]);
    for ((row, &group), weight) in standard.iter().zip(groups).zip(weights) {
        centres[group].iter_mut().zip(row).for_each(|(c, v)| *c += weight * v);
        totals[group] += weight;
    }
    centres.iter_mut().zip(totals).for_each(|(centre, total)| centre.iter_mut().for_each(|c| *c /= total));
    centres
}

/// The weighted mean of the covariance within groups, shrunk; row after row.
fn within(standard: &[Vec<f64>], weights: &[f64], groups: &[usize], centres: &[Vec<f64>]) -> Vec<f64> {
    let f = centres[0].len();
    let total: f64 = weights.iter().sum();
    let scaled = |((row, &group), weight): ((&Vec<f64>, &usize), &f64)| -> Vec<f64> {
        let root = (weight / total).sqrt();
        row.iter().zip(&centres[group]).map(|(v, c)| root * (v - c)).collect()
    };
    let rows: Vec<Vec<f64>> = standard.iter().zip(groups).zip(weights).map(scaled).collect();
    let mut covariance = vec![0.0; f * f];
    covariance.par_chunks_mut(f).enumerate().for_each(|(i, line)| {
        for row in &rows {
            // The lower triangle is all that the factorisation reads.
            line[..=i].iter_mut().zip(row).for_each(|(sum, v)| *sum += row[i] * v);
        }
    });
    let ridge = SHRINKAGE * (0..f).map(|i| covariance[i * f + i]).sum::<f64>() / f as f64 + 1e-9;
    (0..f).for_each(|i| covariance[i * f + i] += ridge);
    covariance
}

fn standardise(row: &[f64], mean: &[f64], scale: &[f64]) -> Vec<f64> {
    row.iter().zip(mean.iter().zip(scale)).map(|(v, (m, s))| (v - m) / s).collect()
}

/// Weighted mean and standard deviation (at least 1e-6) of every column.
fn moments(rows: &[Vec<f64>], weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let total: f64 = weights.iter().sum();
    let average = |term: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
        let mut sums = vec![0.0; rows[0].len()];
        for (row, weight) in rows.iter().zip(weights) {
            let terms = sums.iter_mut().zip(row).enumerate();
            terms.for_each(|(i, (sum, &v))| *sum += weight / total * term(i, v));
        }
        sums
    };
    let mean = average(&|_, v| v);
    let scale = average(&|i, v| (v - mean[i]).powi(2)).into_iter().map(|v| v.sqrt() + 1e-6).collect();
    (mean, scale)
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

/// The lower triangle C of a positive definite n x n matrix, C Cᵀ = A; reads the lower triangle.
fn cholesky(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    for i in 0..n {
        for j in 0..=i {
            let rest = a[i * n + j] - dot(&a[i * n..i * n + j], &a[j * n..j * n + j]);
            a[i * n + j] = if i == j { rest.sqrt() } else { rest / a[j * n + j] };
        }
    }
    a
}

/// Axes C⁻ᵀ q, where q are orthonormal and span the whitened centres C⁻¹ c about their mean.
fn projection(factor: &[f64], centres: &[Vec<f64>], n: usize) -> Vec<Vec<f64>> {
    let mean: Vec<f64> =
        (0..n).map(|i| centres.iter().map(|c| c[i]).sum::<f64>() / centres.len() as f64).collect();
    let mut axes: Vec<Vec<f64>> = Vec::new();
    for centre in &centres[..centres.len() - 1] {
        let mut y: Vec<f64> = centre.iter().zip(&mean).map(|(c, m)| c - m).collect();
        for i in 0..n {
            y[i] = (y[i] - dot(&factor[i * n..i * n + i], &y[..i])) / factor[i * n + i];
        }
        let before = dot(&y, &y).sqrt();
        // Twice, because one Gram-Schmidt pass loses orthogonality.
        for axis in axes.clone().iter().chain(&axes.clone()) {
            let along = dot(axis, &y);
            y.iter_mut().zip(axis).for_each(|(y, a)| *y -= along * a);
        }
        let length = dot(&y, &y).sqrt();
        // A centre between others needs no axis of its own.
        if length > 1e-9 * before {
            axes.push(y.into_iter().map(|v| v / length).collect());
        }
    }
    if axes.is_empty() {
        // An analysis that sees no difference between patterns names them at random, and is no error.
        axes.push((0..n).map(|i| f64::from(u8::from(i == 0))).collect());
    }
    for axis in &mut axes {
        for i in (0..n).rev() {
            let rest: f64 = (i + 1..n).map(|j| factor[j * n + i] * axis[j]).sum();
            axis[i] = (axis[i] - rest) / factor[i * n + i];
        }
    }
    axes
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::Likeness;
    use crate::kernels::tests::noise;

    const WIDTH: usize = 28 * 16;

    fn names() -> Vec<String> {
        ["a", "b", "c"].map(String::from).into()
    }

    /// A feature of patterns that differ a little in 40 numbers, while 200 others vary together and
    /// much more.
    fn row(members: &[usize], seed: u32) -> Vec<f64> {
        let noise = noise(WIDTH + 1, seed);
        let value = |i: usize| match i {
            0..200 => 5.0 * noise[WIDTH],
            200..240 if members.contains(&(i % 3)) => 1.5,
            _ => 0.0,
        };
        (0..WIDTH).map(|i| f64::from(value(i) + 1.2 * noise[i])).collect()
    }

    fn examples(first: u32) -> Examples {
        let mut examples = Examples::default();
        (0..300).for_each(|i| examples.push(row(&[i % 3], first + i as u32), i % 3, "", 1.0));
        examples
    }

    fn fitted() -> Identifier {
        let rows = (0..50).map(|i| row(&[0, 1], 5000 + i)).collect();
        let pairs = [Pair { members: [0, 1], rows }];
        examples(1).fit(&Config::small(), &names(), &pairs, &examples(1000)).unwrap()
    }

    #[test]
    fn patterns_are_told_apart_in_their_own_spread() {
        let identifier = fitted();
        let fresh = examples(2000);
        let mut sure = 0.0;
        let right = fresh.rows.iter().zip(&fresh.labels).filter(|(row, label)| {
            let found = identifier.identify(row, &[]);
            sure += f64::from(found.best().probability);
            found.best().pattern == names()[**label]
        });
        let right = right.count() as f64;
        assert!(right > 270.0, "{right} of 300");
        assert!((sure - right).abs() < 15.0, "{sure} expected from the probabilities, {right} found");
    }

    /// Of three patterns the first has two collections, one on either side of the second.
    #[test]
    fn collections_of_a_pattern_may_lie_on_either_side_of_another_pattern() {
        let places = [(0, "left", -4.0), (0, "right", 4.0), (1, "", 0.0), (2, "", 12.0)];
        let draw = |first: u32| {
            let mut examples = Examples::default();
            for i in 0..400 {
                let (label, collection, at) = places[i % 4];
                let mut row = row(&[], first + i as u32);
                row[200..240].iter_mut().for_each(|v| *v += at);
                examples.push(row, label, collection, 1.0);
            }
            examples
        };
        let identifier = draw(1).fit(&Config::small(), &names(), &[], &draw(3000)).unwrap();
        let fresh = draw(6000);
        let named = |row: &[f64]| identifier.identify(row, &[]).best().pattern.clone();
        let right =
            fresh.rows.iter().zip(&fresh.labels).filter(|(row, label)| named(row) == names()[**label]);
        assert_eq!(right.count(), 400);
        let owners = identifier.tensors().find(|(name, _)| *name == "owners").map(|(_, t)| t.data.clone());
        assert_eq!(owners, Some(vec![0.0, 0.0, 1.0, 2.0]));
    }

    #[test]
    fn the_margin_holds_for_a_collection_of_one_in_a_thousand() {
        let mut examples = Examples::default();
        (0..1000).for_each(|i| examples.push(Vec::new(), 0, if i == 0 { "odd" } else { "usual" }, 1.0));
        let values: Vec<f64> = (0..1000).map(|i| if i == 0 { 7.0 } else { f64::from(i) / 1000.0 }).collect();
        assert_eq!(examples.bound_of_each(&values), 7.0);
        assert!(bound(values) < 1.0);
    }

    #[test]
    fn every_look_has_an_anchor_of_its_own() {
        let mut examples = examples(1);
        for i in 0..16 {
            examples.push_parted((row(&[1], 9000 + i), Vec::new()), Look::Grey, 1, "", 1.0);
        }
        let (groups, owners) = examples.groups();
        assert_eq!(owners, [0, 1, 1, 2]);
        assert!(groups[300..].iter().all(|&group| group == 2));
    }

    #[test]
    fn small_collections_share_an_anchor() {
        let mut examples = examples(1);
        (0..6).for_each(|i| examples.push(row(&[0], 9000 + i), 0, if i < 3 { "few" } else { "fewer" }, 1.0));
        let (groups, owners) = examples.groups();
        assert_eq!(owners, [0, 0, 1, 2]);
        assert!(groups[300..].iter().all(|&group| group == groups[300]));
    }

    #[test]
    fn two_at_once_and_none_of_these_are_found() {
        let identifier = fitted();
        let likeness = |members: &[usize], seed| identifier.identify(&row(members, seed), &[]).verdict;
        let both = (0..50).filter(|i| matches!(likeness(&[0, 1], 7000 + i), Likeness::Both(..))).count();
        assert!(both > 25, "{both} of 50");
        let one = (0..50).filter(|i| likeness(&[2], 8000 + i) == Likeness::One).count();
        assert!(one > 45, "{one} of 50");
        let far: Vec<f64> =
            row(&[0, 1, 2], 1).iter().enumerate().map(|(i, v)| if i < 240 { v - 60.0 } else { *v }).collect();
        assert_eq!(identifier.identify(&far, &[]).verdict, Likeness::Unknown);
    }

    #[test]
    fn patterns_that_look_the_same_are_equally_probable() {
        let mut same = Examples::default();
        (0..9).for_each(|i| same.push(vec![1.0; WIDTH], i % 3, "", 1.0));
        let identifier = same.fit(&Config::small(), &names(), &[], &same).unwrap();
        let findings = identifier.identify(&vec![1.0; WIDTH], &[]).findings;
        assert!(findings.iter().all(|finding| (finding.probability - 1.0 / 3.0).abs() < 1e-6));
    }

    #[test]
    fn too_few_pictures_are_refused() {
        let mut few = Examples::default();
        [0, 0, 1].into_iter().for_each(|label| few.push(row(&[0], 1), label, "", 1.0));
        assert!(few.fit(&Config::small(), &names()[..2], &[], &few).is_err());
        let config = Config::small();
        assert!(examples(1).fit(&config, &names(), &[], &Examples::default()).is_err());
    }
}
