use std::collections::BTreeMap;

use super::*;
use crate::kernels::tests::noise;
use crate::{Silent, Tensor, parameters};

/// A small network with random weights.
fn engine() -> Engine {
    Engine::new(&weights()).unwrap()
}

fn weights() -> Weights {
    let config = Config {
        width: 6,
        enc: [1, 1, 1, 1],
        dec: [1, 1, 1],
        refine: 1,
        trunk: 8,
        res: 4,
        ..Config::small()
    };
    let mut seed = 0;
    let tensors: BTreeMap<_, _> = parameters(&config)
        .into_iter()
        .map(|p| {
            seed += 1;
            let scale = 1.0 / (p.len() as f32 / p.shape.first().copied().unwrap_or(1) as f32).sqrt();
            let data = noise(p.len(), seed).into_iter().map(|v| v * scale).collect();
            (p.name, Tensor { shape: p.shape, data })
        })
        .collect();
    Weights::new(config, Vec::new(), BTreeMap::new(), tensors, None).unwrap()
}

fn restore(engine: &Engine, threads: usize, (width, height): (usize, usize)) -> (Vec<Vec<f64>>, Vec<f32>) {
    let rgb: Vec<f32> = noise(width * height * 3, 77).into_iter().map(|v| v * 0.5 + 0.5).collect();
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
        let conditions = engine.conditions(&rgb, width, height, &Silent).unwrap();
        let seen = [std::slice::from_ref(&conditions.feature), &conditions.parts[..]].concat();
        (seen, engine.restore(rgb, width, height, conditions, &Silent).unwrap())
    })
}

#[test]
fn threads_and_memory_change_no_bit() {
    let size = (150, 131);
    let expected = restore(&engine(), 1, size);
    for threads in [2, 3, 7] {
        assert_eq!(restore(&engine(), threads, size), expected, "{threads} threads");
    }
    let Err(EngineError::Budget { least, .. }) = engine().with_memory(1).memory(size.0, size.1) else {
        panic!("one byte cannot do");
    };
    assert!(engine().can_adapt(size.0, size.1));
    assert!(!engine().with_memory(least).can_adapt(size.0, size.1));
    let engine = engine().with_memory(least + (64 << 20));
    assert_eq!(restore(&engine, 1, size), expected, "tight memory");
}

#[test]
fn windows_change_no_bit_with_threads_and_memory_and_nothing_in_small_pictures() {
    let windowed = || engine().with_attention(Attention::Windows);
    let size = (700, 20);
    let expected = restore(&windowed(), 1, size);
    let least = match windowed().with_memory(1).memory(size.0, size.1) {
        Err(EngineError::Budget { least, .. }) => least,
        other => panic!("one byte cannot do: {other:?}"),
    };
    assert_eq!(restore(&windowed(), 3, size), expected);
    assert_eq!(restore(&windowed().with_memory(least), 1, size), expected);
    assert_ne!(restore(&engine(), 1, size).1, expected.1, "windows matter");
    let small = (90, 71);
    assert_eq!(restore(&windowed(), 2, small), restore(&engine(), 2, small));
}

#[test]
fn maps_in_half_precision_take_less_and_differ_slightly() {
    let small = || engine().with_storage(Storage::F16);
    let size = (150, 131);
    let least = |engine: Engine| match engine.with_memory(1).memory(size.0, size.1) {
        Err(EngineError::Budget { least, .. }) => least,
        other => panic!("one byte cannot do: {other:?}"),
    };
    let photo = |engine: Engine| engine.memory(6000, 4000).unwrap();
    assert!(photo(small()) < photo(engine()), "less");
    let expected = restore(&small(), 1, size);
    assert_eq!(restore(&small(), 3, size), expected, "threads");
    assert_eq!(restore(&small().with_memory(least(small())), 1, size), expected, "tight memory");
    let exact = restore(&engine(), 1, size);
    assert_eq!(exact.0, expected.0, "the analysis stays as it is");
    let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
    let error = exact.1.iter().zip(&expected.1).map(square).sum::<f64>() / exact.1.len() as f64;
    assert!((1e-12..1e-5).contains(&error), "{error}");
}

#[test]
fn dark_and_underwater_pictures_are_taken_as_a_whole() {
    let finding = |pattern: &str| {
        let weights = weights();
        let features = 28 * weights.config.width;
        let tensor =
            |shape: &[usize], v: f32| Tensor { shape: shape.to_vec(), data: vec![v; shape.iter().product()] };
        let tensors = BTreeMap::from([
            ("mean".to_string(), tensor(&[features], 0.0)),
            ("scale".to_string(), tensor(&[features], 1.0)),
            ("project".to_string(), tensor(&[features, 1], 0.0)),
            ("anchors".to_string(), tensor(&[1, 1], 0.0)),
            ("temperature".to_string(), tensor(&[], 1.0)),
        ]);
        let patterns = [pattern.to_string()];
        let identifier = Identifier::from_tensors(&weights.config, &patterns, tensors).unwrap();
        let weights = Weights { patterns: patterns.into(), identifier: Some(identifier), ..weights };
        Engine::new(&weights).unwrap().with_attention(Attention::ByPattern)
    };
    let size = (700, 20);
    let whole = restore(&engine(), 2, size);
    let windowed = restore(&engine().with_attention(Attention::Windows), 2, size);
    for (pattern, expected) in
        [("lowlight", &whole), ("underwater", &whole), ("dehaze", &windowed), ("derain", &windowed)]
    {
        assert_eq!(&restore(&finding(pattern), 2, size), expected, "{pattern}");
    }
    let unknown = engine().with_attention(Attention::ByPattern);
    assert_eq!(restore(&unknown, 2, size), windowed, "nothing is found");
}

#[test]
fn bad_calls_are_errors() {
    let engine = engine();
    let rgb = vec![0.5; 16 * 16 * 3];
    assert!(matches!(engine.conditions(&rgb, 16, 15, &Silent), Err(EngineError::Shape { .. })));
    assert!(matches!(engine.conditions(&[], 0, 5, &Silent), Err(EngineError::Shape { .. })));
    let conditions = engine.conditions(&rgb, 16, 16, &Silent).unwrap();
    let other = vec![0.5; 8 * 16 * 3];
    assert!(matches!(engine.restore(other, 8, 16, conditions, &Silent), Err(EngineError::Conditions { .. })));
}

#[test]
fn cancelling_stops() {
    struct Stop;
    impl Watch for Stop {
        fn progress(&self, _: f32) {}
        fn cancelled(&self) -> bool {
            true
        }
    }
    let result = engine().conditions(&[0.5; 3 * 64], 8, 8, &Stop);
    assert!(matches!(result, Err(EngineError::Cancelled)));
}

#[test]
fn progress_rises_to_one() {
    struct Last(std::sync::Mutex<Vec<f32>>);
    impl Watch for Last {
        fn progress(&self, done: f32) {
            self.0.lock().unwrap().push(done);
        }
        fn cancelled(&self) -> bool {
            false
        }
    }
    let (engine, rgb) = (engine(), vec![0.5; 40 * 24 * 3]);
    for restore in [false, true] {
        let watch = Last(std::sync::Mutex::default());
        let conditions = engine.conditions(&rgb, 40, 24, &watch).unwrap();
        if restore {
            watch.0.lock().unwrap().clear();
            engine.restore(rgb.clone(), 40, 24, conditions, &watch).unwrap();
        }
        let seen = watch.0.into_inner().unwrap();
        assert!(seen.is_sorted(), "{seen:?}");
        assert!((seen.last().unwrap() - 1.0).abs() < 0.01, "{:?}", seen.last());
    }
}
