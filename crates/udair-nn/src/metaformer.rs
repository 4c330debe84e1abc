//! The `MetaFormer` block (Yu et al., "`MetaFormer` baselines for vision", TPAMI 2024): any way of mixing
//! positions, then a feed-forward network, each behind a norm and beside a shortcut.

use burn::module::{Module, Param};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use udair_engine::Blocks;

use crate::attention::Mdta;
use crate::conv::zeros;
use crate::{Conv, ConvConfig, LayerNorm, ops};

/// x = x + mix(LN(x)); x = x + MLP(LN(x)).
#[derive(Module, Debug)]
pub struct Metaformer {
    norm1: LayerNorm,
    norm2: LayerNorm,
    mixer: Mixer,
    mlp: Mlp,
}

/// How positions are mixed.
#[derive(Module, Debug)]
enum Mixer {
    Separable(Separable),
    Attention(Mdta),
}

/// 1x1 c to 2c, `StarReLU`, 7x7 per channel, 1x1 back to c.
#[derive(Module, Debug)]
struct Separable {
    expand: Conv,
    star: Star,
    dwconv: Conv,
    project: Conv,
}

/// 1x1 c to 4c, `StarReLU`, 1x1 back to c.
#[derive(Module, Debug)]
struct Mlp {
    expand: Conv,
    star: Star,
    project: Conv,
}

/// `StarReLU`: scale · relu(x)² + offset, one scale and one offset for all channels.
#[derive(Module, Debug)]
struct Star {
    scale: Param<Tensor<1>>,
    offset: Param<Tensor<1>>,
}

impl Metaformer {
    /// A block over `channels`: with attention in so many heads, or with separable convolutions.
    pub fn init(channels: usize, heads: Option<usize>, device: &Device) -> Self {
        let conv = |inputs, outputs| ConvConfig::new(inputs, outputs, 1).init(device);
        let (wide, mlp) = (Blocks::SEPARABLE * channels, Blocks::MLP * channels);
        let mixer = match heads {
            Some(heads) => Mixer::Attention(Mdta::init(channels, heads, device)),
            None => Mixer::Separable(Separable {
                expand: conv(channels, wide),
                star: Star::init(device),
                dwconv: ConvConfig::depthwise(wide, 7).init(device),
                project: conv(wide, channels),
            }),
        };
        Self {
            norm1: LayerNorm::init(channels, device),
            norm2: LayerNorm::init(channels, device),
            mixer,
            mlp: Mlp { expand: conv(channels, mlp), star: Star::init(device), project: conv(mlp, channels) },
        }
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = match &self.mixer {
            Mixer::Attention(mdta) => ops::attention(x, &self.norm1, mdta),
            Mixer::Separable(Separable { expand, star, dwconv, project }) => {
                let wide = star.forward(expand.forward(self.norm1.forward(x.clone())));
                x + project.forward(dwconv.forward(wide))
            }
        };
        let Mlp { expand, star, project } = &self.mlp;
        x.clone() + project.forward(star.forward(expand.forward(self.norm2.forward(x))))
    }
}

impl Star {
    fn init(device: &Device) -> Self {
        Self { scale: zeros([1], device), offset: zeros([1], device) }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [scale, offset] = [&self.scale, &self.offset].map(|value| value.val().reshape([1, 1, 1, 1]));
        relu(x).square() * scale + offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_relu_is_that_of_the_formula() {
        let device = Device::flex();
        let value = |v: f32| Param::from_tensor(Tensor::<1>::from_floats([v], &device));
        let star = Star { scale: value(2.0), offset: value(-1.0) };
        let x = Tensor::<4>::from_floats([[[[-3.0, 0.5, 2.0]]]], &device);
        let expected = Tensor::<4>::from_floats([[[[-1.0, -0.5, 7.0]]]], &device);
        star.forward(x).into_data().assert_eq(&expected.into_data(), true);
    }
}
