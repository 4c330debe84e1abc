//! The whole network in evaluation mode.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use burn::tensor::module::adaptive_avg_pool2d;
use udair_engine::{Config, Weights, parameters};
use udair_nn::{Mode, Udair};

use crate::golden::{device, open};

/// The network of the golden files.
fn config() -> Config {
    Config { width: 6, enc: [1, 2, 1, 2], dec: [1, 2, 1], refine: 2, dropout: 0.0, ..Config::base() }
}

#[test]
fn forward_of_two_sizes() {
    let (Some(io), Some(stored)) = (open("udair/small/io"), open("udair/small/weights")) else { return };
    let config = config();
    let tensors: BTreeMap<_, _> = parameters(&config)
        .into_iter()
        .map(|parameter| {
            let data = stored.values(&parameter.name).to_vec();
            (parameter.name, udair_engine::Tensor { shape: parameter.shape, data })
        })
        .collect();
    let weights = Weights::new(config, Vec::new(), BTreeMap::new(), tensors, None).unwrap();
    let device = device();
    let net = Udair::from_weights(&weights, &device);
    for case in ["A", "B"] {
        let name = |tensor: &str| format!("{case}.{tensor}");
        let stores = |tensor: &str| io.names().any(|stored| stored == name(tensor));
        let check = |tensor: &str, got: Tensor<4>| {
            if stores(tensor) {
                io.check(&name(tensor), got);
            }
        };
        let picture = io.tensor::<4>(&name("input"), &device);
        let output = net.forward(picture.clone(), Mode::EVALUATE);
        let (analysis, conditions) = output.guided.unwrap();
        check("out", output.picture);
        check("D", analysis.d.clone());
        check("D4", conditions.d4.clone());
        check("D3", conditions.d3.clone());
        check("D2", conditions.d2.clone());
        check("q_t", analysis.top.codes.clone());
        check("q_b", analysis.bottom.codes.clone());
        let pooled: Tensor<3> = adaptive_avg_pool2d(analysis.d.clone(), [16, 16]).flatten(2, 3);
        io.check(&name("D_pool"), pooled);
        for (level, seen) in [("t", &analysis.top), ("b", &analysis.bottom)] {
            assert_eq!(io.differing(&name(&format!("idx_{level}")), seen.indices.clone()), 0);
            let [n, d, h, w] = seen.codes.dims();
            let z = seen.rows.clone().reshape([n, h, w, d]).permute([0, 3, 1, 2]);
            check(&format!("z_{level}"), z);
        }
        let mean = Tensor::<1>::from_floats([0.4488, 0.4371, 0.4040], &device).reshape([1, 3, 1, 1]);
        let features = net.encode(picture - mean);
        for (level, map) in features.levels.iter().enumerate() {
            check(&format!("enc{}", level + 1), map.clone());
        }
        check("latent", features.latent.clone());
        check("residual", net.decode(features, Some(&conditions)));
    }
}
