//! Pictures through the network one at a time, in the engine's terms: for the variants, which the engine
//! does not run, and for other devices.

use burn::tensor::{Device, Tensor, TensorData};
use udair_engine::{self as engine, EngineError, Map, PARTS, SMALLEST, part};

use crate::{Conditions, Udair};

impl Udair {
    /// What guides the restoration of a picture of `height * width * 3` sRGB values in \[0, 1\], with the
    /// feature that identification compares; empty where nothing guides the network.
    ///
    /// # Errors
    /// [`EngineError::Device`] where the result cannot be read.
    pub fn conditions_of(
        &self,
        rgb: &[f32],
        width: usize,
        height: usize,
    ) -> Result<engine::Conditions, EngineError> {
        let Some(Conditions { d4, d3, d2 }) = self.conditions(picture(rgb, width, height, &self.device()))
        else {
            let none = || Map { width: 0, height: 0, channels: 0, data: Vec::new() };
            let (codes_t, codes_b, feature, parts) = Default::default();
            return Ok(engine::Conditions {
                d4: none(),
                d3: none(),
                d2: None,
                codes_t,
                codes_b,
                feature,
                parts,
            });
        };
        let maps = [d4, d3, d2];
        let feature = maps.iter().map(|map| moments(map.clone())).collect::<Result<Vec<_>, _>>()?.concat();
        let [_, _, height, width] = maps[0].dims();
        let count = if width.min(height) < SMALLEST { 0 } else { PARTS };
        let part_of = |number: usize| {
            let parts = maps.iter().map(|map| {
                let [n, c, height, width] = map.dims();
                let (rows, columns) = (part(number / 3, height), part(number % 3, width));
                moments(map.clone().slice([0..n, 0..c, rows, columns]))
            });
            Ok(parts.collect::<Result<Vec<_>, EngineError>>()?.concat())
        };
        let parts = (0..count).map(part_of).collect::<Result<_, EngineError>>()?;
        let (codes_t, codes_b) = Default::default();
        let [d4, d3, d2] = maps;
        let [d4, d3, d2] = [map(d4)?, map(d3)?, map(d2)?];
        Ok(engine::Conditions { d4, d3, d2: Some(d2), codes_t, codes_b, feature, parts })
    }

    /// Restores such a picture under such conditions, D2 included; not clipped.
    ///
    /// # Errors
    /// [`EngineError::Device`] where the result cannot be read.
    pub fn restored(
        &self,
        rgb: &[f32],
        width: usize,
        height: usize,
        conditions: engine::Conditions,
    ) -> Result<Vec<f32>, EngineError> {
        let engine::Conditions { d4, d3, d2, .. } = conditions;
        let conditions = d2.map(|d2| {
            let [d4, d3, d2] = [d4, d3, d2].map(|map| tensor(map, &self.device()));
            Conditions { d4, d3, d2 }
        });
        let restored = self.restore(picture(rgb, width, height, &self.device()), conditions);
        values(restored.permute([0, 2, 3, 1]))
    }
}

/// `[1, 3, height, width]`.
fn picture(rgb: &[f32], width: usize, height: usize, device: &Device) -> Tensor<4> {
    let data = TensorData::new(rgb.to_vec(), [1, height, width, 3]);
    Tensor::from_data(data, &device.clone().inner()).permute([0, 3, 1, 2])
}

fn tensor(map: Map, device: &Device) -> Tensor<4> {
    let data = TensorData::new(map.data, [1, map.height, map.width, map.channels]);
    Tensor::from_data(data, &device.clone().inner()).permute([0, 3, 1, 2])
}

fn map(tensor: Tensor<4>) -> Result<Map, EngineError> {
    let [_, channels, height, width] = tensor.dims();
    Ok(Map { width, height, channels, data: values(tensor.permute([0, 2, 3, 1]))? })
}

/// Channel means of `[1, c, h, w]`, then ln(v + 1e-8) of the variances v.
fn moments(map: Tensor<4>) -> Result<Vec<f64>, EngineError> {
    let map: Tensor<2> = map.flatten::<3>(2, 3).squeeze_dim(0);
    let mean = map.clone().mean_dim(1);
    let variance = (map - mean.clone()).square().mean_dim(1);
    let moments = Tensor::cat(vec![mean, (variance + 1e-8).log()], 0);
    Ok(values(moments)?.into_iter().map(f64::from).collect())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, EngineError> {
    let values = tensor.into_data().try_into_vec();
    values.map_err(|error| EngineError::Device(format!("its result cannot be read: {error:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::initial_weights;
    use udair_engine::{Blocks, Config, Engine, Guidance, Silent};

    fn config() -> Config {
        Config { width: 4, trunk: 8, codes: 16, heads: [1, 1, 2, 2], ..Config::small() }
    }

    fn rgb() -> Vec<f32> {
        (0..131 * 128 * 3).map(|i| (i * 7 % 31) as f32 / 30.0).collect()
    }

    #[test]
    fn the_network_is_the_engines() {
        let weights = initial_weights(&config(), 4).unwrap();
        let (engine, net) = (Engine::new(&weights).unwrap(), Udair::from_weights(&weights, &Device::flex()));
        let expected = engine.conditions(&rgb(), 131, 128, &Silent).unwrap();
        let conditions = net.conditions_of(&rgb(), 131, 128).unwrap();
        let far = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(far(&expected.feature, &conditions.feature) < 1e-3);
        assert_eq!((expected.parts.len(), conditions.parts.len()), (PARTS, PARTS));
        for (expected, part) in expected.parts.iter().zip(&conditions.parts) {
            assert!(far(expected, part) < 1e-3);
        }
        let expected = engine.restore(rgb(), 131, 128, expected, &Silent).unwrap();
        let restored = net.restored(&rgb(), 131, 128, conditions).unwrap();
        let apart = restored.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(restored.len() == expected.len() && apart < 1e-4, "{apart}");
    }

    #[test]
    fn variants_restore_pictures_of_any_size_and_the_engine_refuses_them() {
        let blocks = [Blocks::Resnet, Blocks::Metaformer].map(|blocks| Config { blocks, ..config() });
        let parts = [Guidance::Continuous, Guidance::None].map(|guidance| Config { guidance, ..config() });
        for config in blocks.into_iter().chain(parts) {
            let weights = initial_weights(&config, 4).unwrap();
            assert!(matches!(Engine::new(&weights), Err(EngineError::Variant)));
            let net = Udair::from_weights(&weights, &Device::flex());
            let conditions = net.conditions_of(&rgb(), 131, 128).unwrap();
            let features = if config.guidance == Guidance::None { 0 } else { 28 * config.width };
            assert_eq!(conditions.feature.len(), features);
            let restored = net.restored(&rgb(), 131, 128, conditions).unwrap();
            assert!(restored.len() == rgb().len() && restored.iter().all(|v| v.is_finite()), "{config:?}");
        }
    }
}
