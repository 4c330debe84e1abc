//! MDTA, multi-Dconv head transposed attention (Zamir et al., "Restormer", CVPR 2022, eq. 1):
//! attention between channels instead of positions, so that its cost grows with the number of
//! pixels and not with its square.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};

use crate::conv::zeros;
use crate::{Conv, ConvConfig};

/// q, k, v = dw3x3(1x1(x)); out = 1x1(softmax(q kᵀ · temperature) v), q and k of unit length
/// along the positions.
#[derive(Module, Debug)]
pub struct Mdta {
    /// `[heads, 1, 1]`.
    pub temperature: Param<Tensor<3>>,
    /// 1x1, c to 3c: q, k and v in this order.
    pub qkv: Conv,
    /// 3x3 per channel.
    pub qkv_dwconv: Conv,
    /// 1x1, c to c.
    pub project_out: Conv,
}

impl Mdta {
    /// A layer over `channels`, which `heads` must divide.
    pub fn init(channels: usize, heads: usize, device: &Device) -> Self {
        Self {
            temperature: zeros([heads, 1, 1], device),
            qkv: ConvConfig::new(channels, 3 * channels, 1).init(device),
            qkv_dwconv: ConvConfig::depthwise(3 * channels, 3).init(device),
            project_out: ConvConfig::new(channels, channels, 1).init(device),
        }
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let heads = self.temperature.dims()[0];
        let parts = self.qkv_dwconv.forward(self.qkv.forward(x)).split(c, 1);
        // Each [n, heads, c / heads, h w].
        let [q, k, v]: [Tensor<4>; 3] = parts
            .into_iter()
            .map(|part| part.reshape([n, heads, c / heads, h * w]))
            .collect::<Vec<_>>()
            .try_into()
            .expect("3c channels split into three parts of c");
        let similarity = unit_rows(q).matmul(unit_rows(k).swap_dims(2, 3)); // [n, heads, c / heads, c / heads]
        let temperature = self.temperature.val().reshape([1, heads, 1, 1]);
        let attention = activation::softmax(similarity * temperature, 3);
        self.project_out.forward(attention.matmul(v).reshape([n, c, h, w]))
    }
}

/// x / max(|x|, 1e-12) along the last axis. The bound is put on the square, before the root, so
/// that a row of zeros has a gradient (zero) and not infinity.
fn unit_rows(x: Tensor<4>) -> Tensor<4> {
    let length = x.clone().square().sum_dim(3).clamp_min(1e-24).sqrt();
    x / length
}
