//! When a part speaks for its picture: from pictures of collections that the fit has not seen.
//!
//! Pictures that users bring belong to no known collection, and that is where pictures clean on the whole
//! but spoiled in a part are missed. So each collection is left out in turn, its pictures are named by a fit
//! to the others, and the bound is chosen under which most are named rightly: over patterns, then over the
//! collections of a pattern, each counting the same.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{COLLECTION, Examples};
use crate::identify::CLEAN;
use crate::{Config, EngineError};

/// Bounds whose share of right names is within this of the best are as good as it; the smallest of them is taken,
/// because a spoiled picture that is left alone gains nothing, and a clean one that is restored loses
/// little.
const AS_GOOD: f64 = 0.001;

/// What a picture was named by a fit that has not seen its collection.
struct Named {
    label: usize,
    /// Number of its collection.
    group: usize,
    /// By the whole of it.
    whole: usize,
    /// By the part that is least like a clean picture, and by how much it is not.
    part: usize,
    excess: f64,
}

impl Examples {
    /// The bound of parts; none where the parts do no good, or there are too few collections to tell.
    pub(super) fn part_bound(
        &self,
        config: &Config,
        patterns: &[String],
    ) -> Result<Option<f64>, EngineError> {
        let Some(clean) = patterns.iter().position(|pattern| pattern == CLEAN) else { return Ok(None) };
        let mut members: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
        for at in (0..self.rows.len()).filter(|&at| !self.parts[at].is_empty()) {
            members.entry((self.labels[at], &self.collections[at])).or_default().push(at);
        }
        members.retain(|_, members| members.len() >= COLLECTION);
        let named = members.into_iter().enumerate().map(|(group, ((label, collection), members))| {
            let rest = self.without(label, collection);
            let known: BTreeSet<usize> = rest.labels.iter().copied().collect();
            if known.len() < patterns.len() {
                return Ok(Vec::new());
            }
            let raw = rest.raw(config, patterns)?;
            let nearest = |distances: &[f64]| {
                (0..distances.len()).min_by(|&a, &b| distances[a].total_cmp(&distances[b])).unwrap_or(clean)
            };
            let name = |&at: &usize| {
                let whole = nearest(&raw.to_patterns(&raw.place(&self.rows[at])));
                let (excess, distances, _) = raw.least_clean(&self.parts[at])?;
                let others = (0..distances.len()).filter(|k| *k != clean);
                let part = others.min_by(|&a, &b| distances[a].total_cmp(&distances[b]))?;
                Some(Named { label, group, whole, part, excess })
            };
            Ok(members.par_iter().filter_map(name).collect())
        });
        let named: Vec<Vec<Named>> = named.collect::<Result<_, EngineError>>()?;
        Ok(best_bound(&named.into_iter().flatten().collect::<Vec<_>>(), clean))
    }

    /// All pictures but those of a collection.
    fn without(&self, label: usize, collection: &str) -> Self {
        let mut rest = Self::default();
        for at in
            (0..self.rows.len()).filter(|&at| self.labels[at] != label || self.collections[at] != collection)
        {
            rest.push(self.rows[at].clone(), self.labels[at], &self.collections[at], self.weights[at]);
        }
        rest
    }
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
