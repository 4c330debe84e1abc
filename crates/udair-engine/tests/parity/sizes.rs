//! The engine against the plain form: every size of picture, every configuration.

use udair_engine::{Conditions, Config, Engine, Isa, Map, Padding, Silent, Weights};

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

/// Compares one picture with its plain form; false where a tie between two codes kept the conditions
/// from being compared.
fn compare(weights: &Weights, engine: &Engine, picture: &Map, trace: &Trace) -> bool {
    let Map { width, height, data, .. } = picture;
    let conditions = engine.conditions(data, *width, *height, &Silent).unwrap();
    let same_codes =
        ties(weights, trace, "t", &conditions.codes_t) && ties(weights, trace, "b", &conditions.codes_b);
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
fn small_sizes(count: usize, seed: u64) -> Vec<(usize, usize)> {
    let mut random = Random::new(seed);
    let mut sizes = vec![(1, 1), (2, 9), (200, 150), (149, 97)];
    while sizes.len() < count {
        sizes.push((random.between(1, 72), random.between(1, 72)));
    }
    sizes
}

/// Compares pictures of these sizes on every instruction set of this machine.
fn compare_all(config: &Config, sizes: &[(usize, usize)], seed: u64) {
    let weights = network(config, seed);
    let engines: Vec<_> =
        Isa::available().into_iter().map(|isa| Engine::with_isa(&weights, isa).unwrap()).collect();
    let mut same = 0;
    for (i, &(width, height)) in sizes.iter().enumerate() {
        let picture = picture(width, height, seed + i as u64);
        let trace = plain::forward(&weights, &picture);
        same += engines.iter().filter(|engine| compare(&weights, engine, &picture, &trace)).count();
    }
    let count = sizes.len() * engines.len();
    assert!(same * 10 >= count * 8, "only {same} of {count} pictures had no tie between codes");
}

#[test]
fn small_network_at_twenty_sizes() {
    compare_all(&Config::small(), &small_sizes(20, 1), 1);
}

#[test]
fn odd_widths_at_twenty_sizes() {
    compare_all(&odd(), &small_sizes(20, 2), 2);
}

#[test]
fn released_padding_at_twelve_sizes() {
    compare_all(&Config { pad: Padding::Sixteen, ..odd() }, &small_sizes(12, 3), 3);
}

#[test]
#[ignore = "the plain form takes minutes for large pictures; CONTRIBUTING.md says when to run it"]
fn twenty_sizes_up_to_700_by_500() {
    let mut random = Random::new(4);
    let mut sizes = vec![(1, 1), (700, 500)];
    while sizes.len() < 20 {
        sizes.push((random.between(1, 701), random.between(1, 501)));
    }
    compare_all(&Config::small(), &sizes, 4);
}
