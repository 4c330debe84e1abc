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
    let right = fresh.rows.iter().zip(&fresh.labels).filter(|(row, label)| named(row) == names()[**label]);
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
