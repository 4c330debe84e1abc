//! How sure a name is, and when a part speaks for its picture: from pictures of collections that the fit has
//! not seen.
//!
//! Pictures that users bring belong to no known collection. They lie farther from the anchors than other pictures of
//! known collections do, which would make names too sure; and among them are pictures clean on the
//! whole but spoiled in a part. So each collection is left out in turn and its pictures are named by a fit
//! to the others: those of the fit for the bound of parts, those kept out of it for the temperature. The bound is that
//! under which most are named rightly: over patterns, then over the collections of a pattern, each counting the same.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{COLLECTION, Examples};
use crate::identify::CLEAN;
use crate::{Config, EngineError};

/// Bounds whose share of right names is within this of the best are as good as it; the smallest of them is taken,
/// because a spoiled picture that is left alone gains nothing, and a clean one that is restored loses
/// little.
const AS_GOOD: f64 = 0.001;

/// What a fit that has not seen a picture's collection finds.
pub(super) struct LeftOut {
    pub(super) label: usize,
    /// Number of its collection.
    group: usize,
    /// From the patterns, of the whole picture.
    pub(super) distances: Vec<f64>,
    /// What the part that is second least like a clean picture is named, and by how much it is not.
    part: Option<(usize, f64)>,
}

impl Examples {
    /// What is found in these pictures, those with parts, and in `others` as wholes, while the fit does without
    /// their collection. Small collections are passed over.
    pub(super) fn left_out(
        &self,
        config: &Config,
        patterns: &[String],
        others: &Self,
    ) -> Result<[Vec<LeftOut>; 2], EngineError> {
        let mut members: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
        for at in (0..self.rows.len()).filter(|&at| !self.parts[at].is_empty()) {
            members.entry((self.labels[at], &self.collections[at])).or_default().push(at);
        }
        members.retain(|_, members| members.len() >= COLLECTION);
        let clean = patterns.iter().position(|pattern| pattern == CLEAN);
        let [mut own, mut kept_out] = [Vec::new(), Vec::new()];
        for (group, ((label, collection), members)) in members.into_iter().enumerate() {
            let rest = self.without(label, collection);
            let known: BTreeSet<usize> = rest.labels.iter().copied().collect();
            if known.len() < patterns.len() {
                continue;
            }
            let raw = rest.raw(config, patterns)?;
            let part = |parts: &[Vec<f64>]| {
                let (excess, distances, _) = raw.second_least_clean(parts)?;
                let others = (0..distances.len()).filter(|k| Some(*k) != clean);
                Some((others.min_by(|&a, &b| distances[a].total_cmp(&distances[b]))?, excess))
            };
            let find = |row: &[f64], parts: &[Vec<f64>]| {
                let distances = raw.to_patterns(&raw.place(row));
                LeftOut { label, group, distances, part: part(parts) }
            };
            own.par_extend(members.par_iter().map(|&at| find(&self.rows[at], &self.parts[at])));
            let same = |&at: &usize| others.labels[at] == label && others.collections[at] == *collection;
            let same: Vec<usize> = (0..others.rows.len()).filter(same).collect();
            kept_out.par_extend(same.par_iter().map(|&at| find(&others.rows[at], &[])));
        }
        Ok([own, kept_out])
    }

    /// All pictures but those of a collection.
    fn without(&self, label: usize, collection: &str) -> Self {
        let mut rest = Self::default();
        for at in
            (0..self.rows.len()).filter(|&at| self.labels[at] != label || self.collections[at] != collection)
        {
            let row = (self.rows[at].clone(), Vec::new());
            let (label, collection) = (self.labels[at], self.collections[at].as_str());
            rest.push_parted(row, self.looks[at], label, collection, self.weights[at]);
        }
        rest
    }
}

/// The weight of each of these pictures, so that collections of a pattern count the same, and patterns the sum 1.
pub(super) fn weights(found: &[LeftOut]) -> Vec<f64> {
    let mut patterns: BTreeMap<usize, BTreeMap<usize, f64>> = BTreeMap::new();
    for LeftOut { label, group, .. } in found {
        *patterns.entry(*label).or_default().entry(*group).or_default() += 1.0;
    }
    let weight = |f: &LeftOut| 1.0 / (patterns[&f.label].len() as f64 * patterns[&f.label][&f.group]);
    found.iter().map(weight).collect()
}

/// The bound of parts; none where the parts do no good, or there are too few collections to tell.
pub(super) fn part_bound(found: &[LeftOut], patterns: &[String]) -> Option<f64> {
    let clean = patterns.iter().position(|pattern| pattern == CLEAN)?;
    let named = |f: &LeftOut| {
        let (part, excess) = f.part?;
        Some(Named { label: f.label, group: f.group, whole: nearest(&f.distances), part, excess })
    };
    best_bound(&found.iter().filter_map(named).collect::<Vec<_>>(), clean)
}

fn nearest(distances: &[f64]) -> usize {
    (0..distances.len()).min_by(|&a, &b| distances[a].total_cmp(&distances[b])).unwrap_or(0)
}

/// What a picture is named.
struct Named {
    label: usize,
    group: usize,
    /// By the whole of it.
    whole: usize,
    /// By the part that is second least like a clean picture, and by how much it is not.
    part: usize,
    excess: f64,
}

/// The smallest bound that is [as good](AS_GOOD) as the best; none where none names more than leaving
/// the parts alone.
fn best_bound(named: &[Named], clean: usize) -> Option<f64> {
    let share = |bound: f64| {
        let mut groups: BTreeMap<(usize, usize), [f64; 2]> = BTreeMap::new();
        for n in named {
            let name = if n.whole == clean && n.excess > bound { n.part } else { n.whole };
            let [right, all] = groups.entry((n.label, n.group)).or_default();
            *right += f64::from(u8::from(name == n.label));
            *all += 1.0;
        }
        let mut patterns: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        groups.iter().for_each(|((label, _), [right, all])| {
            patterns.entry(*label).or_default().push(right / all);
        });
        let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
        mean(&patterns.values().map(|shares| mean(shares)).collect::<Vec<_>>())
    };
    let excesses = named.iter().filter(|n| n.whole == clean && n.excess > 0.0).map(|n| n.excess);
    let mut bounds: Vec<f64> = excesses.chain([0.0]).collect();
    bounds.sort_by(f64::total_cmp);
    let shares: Vec<f64> = bounds.par_iter().map(|&bound| share(bound)).collect();
    let best = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if best <= share(f64::INFINITY) {
        return None;
    }
    bounds.into_iter().zip(shares).find(|(_, share)| *share >= best - AS_GOOD).map(|(bound, _)| bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::Look;

    /// Collections of two patterns, one each in the midst of the other pattern's.
    #[test]
    fn collections_that_surprise_make_names_less_sure() {
        let places = [(0, 0.0), (0, 2.0), (0, 12.0), (1, 10.0), (1, 14.0), (1, 1.0)];
        let pictures = |parted: bool, from: usize, to: usize| {
            let mut examples = Examples::default();
            for (number, &(label, place)) in places.iter().enumerate() {
                for at in from..to {
                    let mut row = vec![0.0; 28 * Config::small().width];
                    row[0] = place + 0.05 * (at * 7 % 5) as f64;
                    row[1] = 0.1 * (at * 3 % 7) as f64;
                    let parts = if parted { vec![row.clone()] } else { Vec::new() };
                    examples.push_parted((row, parts), Look::Usual, label, &number.to_string(), 1.0);
                }
            }
            examples
        };
        let sure = |parted| {
            let patterns = ["haze".to_string(), CLEAN.to_string()];
            let others = pictures(false, 20, 24);
            let fitted = pictures(parted, 0, 20).fit(&Config::small(), &patterns, &[], &others).unwrap();
            let found = fitted.identify(&others.rows[8], &[]);
            assert_eq!(found.best().pattern, "haze");
            found.best().probability
        };
        // Without parts nothing is left out.
        let (unseen, seen) = (sure(true), sure(false));
        assert!(seen > 0.99 && unseen < 0.9, "{seen} where collections are known, {unseen} where not");
    }

    fn named(label: usize, group: usize, whole: usize, part: usize, excess: f64) -> Named {
        Named { label, group, whole, part, excess }
    }

    #[test]
    fn the_bound_lies_above_clean_pictures_and_below_spoiled_ones() {
        let clean = (0..10).map(|i| named(0, 0, 0, 1, f64::from(i)));
        let hazy = (0..10).map(|i| named(1, 1, 0, 1, 8.5 + f64::from(i)));
        let all: Vec<Named> = clean.chain(hazy).collect();
        let bound = best_bound(&all, 0).unwrap();
        assert!((8.0..=9.0).contains(&bound), "{bound}");
    }

    #[test]
    fn parts_that_mislead_are_left_alone() {
        let all: Vec<Named> = (0..10).map(|i| named(0, 0, 0, 1, 1.0 + f64::from(i))).collect();
        assert_eq!(best_bound(&all, 0), None);
        assert_eq!(best_bound(&[], 0), None);
    }

    #[test]
    fn a_small_collection_counts_as_much_as_a_large_one() {
        // A bound of 1 finds the large collection and loses the one clean collection; one of 5 keeps that.
        let clean = (0..4).map(|_| named(0, 0, 0, 1, 3.0));
        let large = (0..100).map(|_| named(1, 1, 0, 1, 2.0));
        let small = (0..4).map(|_| named(1, 2, 0, 1, 9.0));
        let all: Vec<Named> = clean.chain(large).chain(small).collect();
        assert_eq!(best_bound(&all, 0), Some(3.0));
    }
}
