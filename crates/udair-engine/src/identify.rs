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
//!
//! Haze lies in the distance and darkness in the shadows, so a picture that is clean as a whole is looked at once
//! more by its [parts](PARTS): where the distance of two of them to `clean` exceeds that to another pattern by more
//! than `part`, the second of them speaks for the picture. (Two, because neighbours overlap by half: what spoils one
//! shows in another.) Parts farther than `limit` from everything do not count.

mod fit;
mod kept_out;
mod moments;

use std::collections::BTreeMap;

pub use fit::{Examples, Look, Pair};
pub use kept_out::kept_out;
pub use moments::{PARTS, SMALLEST, part};
pub(crate) use moments::{Shown, moments};

use crate::{Config, EngineError, Tensor};

/// The pattern of pictures that nothing spoils.
const CLEAN: &str = "clean";

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
    /// there is one anchor a pattern), `limit` [], `part` [], and together `pairs` [M, P], `members` [M, 2]
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
        let expected: [(&str, Vec<usize>, bool); 11] = [
            ("mean", vec![features], true),
            ("scale", vec![features], true),
            ("project", vec![features, rank], true),
            ("anchors", vec![anchors, rank], true),
            ("owners", vec![anchors], false),
            ("temperature", vec![], true),
            ("limit", vec![], false),
            ("part", vec![], false),
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

    /// Compares a picture's feature and those of its parts ([`crate::Conditions`]) with every anchor.
    pub fn identify(&self, feature: &[f64], parts: &[Vec<f64>]) -> Identification {
        let whole = self.place(feature);
        let distances = self.to_patterns(&whole);
        let (place, distances) = self.spoiled_part(&distances, parts).unwrap_or((whole, distances));
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

    /// The place and the distances of the part that is second least like a clean picture, where the whole is most
    /// like one and the part is not by more than `part`.
    fn spoiled_part(&self, whole: &[f64], parts: &[Vec<f64>]) -> Option<(Vec<f64>, Vec<f64>)> {
        let bound = f64::from(self.tensors.get("part")?.data[0]);
        self.unlike_clean(whole).filter(|&excess| excess <= 0.0)?;
        let (excess, distances, place) = self.second_least_clean(parts)?;
        (excess > bound).then_some((place, distances))
    }

    /// The part that is second least like a clean picture: by how much, its distances and its place. One that is like
    /// nothing that the weights know is passed over.
    fn second_least_clean(&self, parts: &[Vec<f64>]) -> Option<(f64, Vec<f64>, Vec<f64>)> {
        let limit = self.tensors.get("limit").map_or(f64::INFINITY, |t| f64::from(t.data[0]));
        let places = parts.iter().map(|part| self.place(part));
        let seen = places.filter_map(|place| {
            let distances = self.to_patterns(&place);
            distances.iter().any(|&d| d <= limit).then_some(())?;
            Some((self.unlike_clean(&distances)?, distances, place))
        });
        let mut seen: Vec<_> = seen.collect();
        seen.sort_by(|a, b| b.0.total_cmp(&a.0));
        seen.into_iter().nth(1)
    }

    /// By how much a picture at these distances lies farther from `clean` than from the nearest of the other
    /// patterns; none where the weights know no `clean`.
    fn unlike_clean(&self, distances: &[f64]) -> Option<f64> {
        let clean = self.patterns.iter().position(|pattern| pattern == CLEAN)?;
        let others = distances.iter().enumerate().filter(|(k, _)| *k != clean);
        Some(distances[clean] - others.map(|(_, &d)| d).fold(f64::INFINITY, f64::min))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Anchors of two patterns and of both at once, in a plane of the first two features.
    fn plane() -> Identifier {
        plane_of(&["a", "b"], BTreeMap::new())
    }

    fn plane_of(patterns: &[&str], more: BTreeMap<String, Tensor>) -> Identifier {
        let features = 28 * Config::small().width;
        let tensor = |shape: &[usize], data: Vec<f32>| Tensor { shape: shape.to_vec(), data };
        let mut project = vec![0.0; 2 * features];
        (project[0], project[3]) = (1.0, 1.0);
        let mut tensors = BTreeMap::from([
            ("mean".to_string(), tensor(&[features], vec![0.0; features])),
            ("scale".to_string(), tensor(&[features], vec![1.0; features])),
            ("project".to_string(), tensor(&[features, 2], project)),
            ("anchors".to_string(), tensor(&[2, 2], vec![0.0, 0.0, 10.0, 0.0])),
            ("temperature".to_string(), tensor(&[], vec![1.0])),
            ("pairs".to_string(), tensor(&[1, 2], vec![1.0, 5.0])),
            ("members".to_string(), tensor(&[1, 2], vec![0.0, 1.0])),
            ("margin".to_string(), tensor(&[], vec![2.0])),
        ]);
        tensors.extend(more);
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        Identifier::from_tensors(&Config::small(), &patterns, tensors).unwrap()
    }

    fn feature(x: f64, y: f64) -> Vec<f64> {
        let mut feature = vec![0.0; 28 * Config::small().width];
        (feature[0], feature[1]) = (x, y);
        feature
    }

    #[test]
    fn two_parts_speak_for_a_picture_that_is_clean_as_a_whole() {
        let bound = Tensor { shape: vec![], data: vec![30.0] };
        let identifier = plane_of(&["haze", "clean"], BTreeMap::from([("part".into(), bound)]));
        let (clean, hazy, nearly) = (feature(9.0, 0.0), feature(1.0, 0.0), feature(4.0, 0.0));
        let best = |identifier: &Identifier, whole: &[f64], parts: &[Vec<f64>]| {
            identifier.identify(whole, parts).best().pattern.clone()
        };
        for (whole, parts, expected) in [
            (&clean, vec![], "clean"),
            (&clean, vec![clean.clone(), hazy.clone(), hazy.clone()], "haze"),
            // One alone may be a thing of that look.
            (&clean, vec![clean.clone(), hazy.clone()], "clean"),
            // Nearer to haze, but not by the bound.
            (&clean, vec![nearly.clone(), clean.clone(), nearly.clone()], "clean"),
            (&hazy, vec![clean.clone(), clean.clone()], "haze"),
        ] {
            assert_eq!(best(&identifier, whole, &parts), expected);
        }
        let [bound, limit] = [30.0, 50.0].map(|v| Tensor { shape: vec![], data: vec![v] });
        let limited =
            plane_of(&["haze", "clean"], BTreeMap::from([("part".into(), bound), ("limit".into(), limit)]));
        let strange = feature(-20.0, 0.0);
        let parts = [strange.clone(), strange, clean.clone()];
        assert_eq!(best(&limited, &clean, &parts), "clean", "what is like nothing does not speak");
        assert_eq!(best(&identifier, &clean, &parts), "haze");
        let without = plane_of(&["haze", "clean"], BTreeMap::new());
        assert_eq!(best(&without, &clean, &[hazy.clone(), hazy]), "clean");
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
            assert_eq!(plane().identify(&feature(x, y), &[]).verdict, expected, "({x}, {y})");
        }
    }
}
