//! The engine against the plain form: every size of picture, every configuration.

use udair_engine::{Conditions, Config, Engine, Map, Padding, Silent, Weights};

use crate::plain::analysis::distance;
use crate::plain::{self, Trace};
use crate::random::{Random, network, picture};
use crate::reference::assert_close;

const TOLERANCE: f32 = 1e-4;

/// A network whose widths fill no vector: C = 6, h = 15, 31, 63, 127.
fn odd() -> Config {
    Config {
        width: 6,
        enc: [1, 1, 2, 1],
        dec: [1, 1, 1],
        refine: 1,
        heads: [1, 2, 3, 4],
        fusion_heads: 3,
        trunk: 10,
        res: 7,
        res_blocks: 1,
        code_dim: 5,
        codes: 19,
        head: 13,
        ..Config::base()
    }
}

/// Compares one picture; false where a tie between two codes kept the conditions from being compared.
fn compare(weights: &Weights, engine: &Engine, picture: &Map) -> bool {
    let Map { width, height, data, .. } = picture;
    let trace = plain::forward(weights, picture);
    let conditions = engine.conditions(data, *width, *height, &Silent).unwrap();
    let same_codes =
        ties(weights, &trace, "t", &conditions.codes_t) && ties(weights, &trace, "b", &conditions.codes_b);
    let expected = trace.conditions();
    if same_codes {
        let d2 = engine.d2(&conditions, &Silent).unwrap();
        for (name, map) in [("D4", &conditions.d4), ("D3", &conditions.d3), ("D2", &d2)] {
            close(&format!("{name} at {width} x {height}"), map, &trace.maps[name]);
        }
        for (i, (value, expected)) in conditions.feature.iter().zip(&expected.feature).enumerate() {
            // The logarithm of a variance near 1e-8 magnifies rounding.
            let bound = 1e-4 * expected.abs().max(1.0);
            assert!((value - expected).abs() <= bound, "feature {i} is {value}, not {expected}");
        }
    }
    // The plain form's conditions, so that the backbone is compared whatever the codes. With and
    // without D2, which the engine can derive from D3.
    for d2 in [expected.d2.clone(), None] {
        let conditions = Conditions { d2, ..expected.clone() };
        let out = engine.restore(data.clone(), *width, *height, conditions, &Silent).unwrap();
        close(&format!("picture of {width} x {height}"), &Map { data: out, ..*picture }, &trace.maps["out"]);
    }
    same_codes
}

fn close(name: &str, map: &Map, expected: &Map) {
    let size = |m: &Map| [m.channels, m.height, m.width];
    assert_eq!(size(map), size(expected), "{name}");
    // Relative to the map's largest value where that is above one.
    let largest = expected.data.iter().fold(1.0_f32, |largest, v| largest.max(v.abs()));
    assert_close(name, &map.data, &expected.data, TOLERANCE * largest);
}

/// True where both chose the same codes; where not, the first difference must be a tie. (Later ones
/// may follow from it.)
fn ties(weights: &Weights, trace: &Trace, level: &str, codes: &[u32]) -> bool {
    let (z, expected) = match level {
        "t" => (&trace.maps["z_t"], &trace.codes_t),
        _ => (&trace.maps["z_b"], &trace.codes_b),
    };
    assert_eq!(codes.len(), expected.len());
    let Some(position) = (0..codes.len()).find(|&i| codes[i] != expected[i]) else { return true };
    let embed = weights.tensor(&format!("dam.codebook.quantize_{level}.embed"));
    let pixel = &z.data[position * z.channels..][..z.channels];
    let code = |code: u32| {
        let (count, code) = (embed.shape[1], code as usize);
        (0..embed.shape[0]).map(move |d| embed.data[d * count + code])
    };
    let size = distance(pixel, std::iter::repeat(0.0))
        + code(codes[position]).map(|e| f64::from(e).powi(2)).sum::<f64>();
    let gap = distance(pixel, code(codes[position])) - distance(pixel, code(expected[position]));
    assert!(
        gap <= 1e-5 * size,
        "level {level}: code {} is farther than {}",
        codes[position],
        expected[position]
    );
    false
}

/// `count` sizes from 1x1 on, most of them small, and two that are not.
fn sizes(count: usize, seed: u64) -> Vec<(usize, usize)> {
    let mut random = Random::new(seed);
    let mut sizes = vec![(1, 1), (2, 9), (200, 150), (149, 97)];
    while sizes.len() < count {
        sizes.push((random.between(1, 72), random.between(1, 72)));
    }
    sizes
}

fn compare_all(config: &Config, count: usize, seed: u64) {
    let weights = network(config, seed);
    let engine = Engine::new(&weights).unwrap();
    let sizes = sizes(count, seed);
    let same = sizes.iter().enumerate().filter(|&(i, &(width, height))| {
        compare(&weights, &engine, &picture(width, height, seed + i as u64))
    });
    let (same, count) = (same.count(), sizes.len());
    assert!(same * 10 >= count * 8, "only {same} of {count} pictures had no tie between codes");
}

#[test]
fn small_network_at_twenty_sizes() {
    compare_all(&Config::small(), 20, 1);
}

#[test]
fn odd_widths_at_twenty_sizes() {
    compare_all(&odd(), 20, 2);
}

#[test]
fn released_padding_at_twelve_sizes() {
    compare_all(&Config { pad: Padding::Sixteen, ..odd() }, 12, 3);
}
