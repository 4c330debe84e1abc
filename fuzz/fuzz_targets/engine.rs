//! The whole network on small networks and pictures of any size: it never panics, never reads past
//! its maps, and gives the same bytes for any budget and number of threads.

#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use udair_engine::{Config, Engine, EngineError, Isa, Padding, Precision, Silent, Storage, Tensor, Weights, parameters};

#[derive(Debug, Arbitrary)]
struct Case {
    width: u8,
    height: u8,
    sixteen: bool,
    channels: u8,
    heads: bool,
    codes: u8,
    seed: u32,
    isa: u8,
    precision: u8,
    half: bool,
    threads: u8,
    budget: u32,
    /// Values that no picture has.
    wild: Option<u32>,
}

fuzz_target!(|case: Case| {
    let (width, height) = (usize::from(case.width % 80) + 1, usize::from(case.height % 80) + 1);
    let heads = if case.heads { [1, 2, 2, 2] } else { [1; 4] };
    let config = Config {
        width: 2 * (usize::from(case.channels % 10) + 1),
        enc: [1; 4],
        dec: [1; 3],
        refine: 1,
        heads,
        fusion_heads: 1,
        trunk: 2 * (usize::from(case.channels % 7) + 1),
        res: usize::from(case.channels % 5) + 1,
        res_blocks: 1,
        code_dim: usize::from(case.codes % 9) + 1,
        codes: usize::from(case.codes % 40) + 1,
        head: usize::from(case.codes % 11) + 1,
        pad: if case.sixteen { Padding::Sixteen } else { Config::small().pad },
        ..Config::small()
    };
    let mut state = case.seed | 1;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let tensors = parameters(&config)
        .into_iter()
        .map(|p| (p.name.clone(), Tensor { data: (0..p.len()).map(|_| value() * 0.5).collect(), shape: p.shape }))
        .collect();
    let weights = Weights::new(config, Vec::new(), BTreeMap::new(), tensors, None).expect("the parameters are complete");
    let (isas, precisions) = (Isa::available(), Precision::available());
    let isa = isas[usize::from(case.isa) % isas.len()];
    let precision = precisions[usize::from(case.precision) % precisions.len()];
    let storage = if case.half { Storage::F16 } else { Storage::F32 };
    let engine = || {
        Engine::with_precision(&weights, isa, precision).expect("there is memory").with_storage(storage)
    };
    let mut rgb: Vec<f32> = (0..width * height * 3).map(|_| value() * 0.5 + 0.5).collect();
    if let Some(bits) = case.wild {
        let at = bits as usize % rgb.len();
        rgb[at] = f32::from_bits(bits);
    }
    let run = |engine: &Engine, threads: usize| -> Result<Vec<u32>, EngineError> {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(|| {
            let conditions = engine.conditions(&rgb, width, height, &Silent)?;
            let out = engine.restore(rgb.clone(), width, height, conditions, &Silent)?;
            // A NaN's bits are not part of the promise.
            Ok(out.into_iter().map(|v| if v.is_nan() { f32::NAN } else { v }.to_bits()).collect())
        })
    };
    let expected = run(&engine(), 1).expect("no budget is set");
    match run(&engine().with_memory(case.budget as usize), usize::from(case.threads % 4) + 1) {
        Ok(got) => assert_eq!(got, expected),
        Err(EngineError::Budget { least, budget, .. }) => {
            assert!(least > budget);
            assert_eq!(run(&engine().with_memory(least), 1).expect("the least does"), expected);
        }
        Err(error) => panic!("{error}"),
    }
});
