//! GDFN, gated-Dconv feed-forward network (Zamir et al., "Restormer", CVPR 2022, eq. 2).

use burn::module::Module;
use burn::tensor::activation::gelu;
use burn::tensor::{Device, Tensor};

use crate::{Conv, ConvConfig};

/// a, b = dw3x3(1x1(x)); out = 1x1(GELU(a) · b).
#[derive(Module, Debug)]
pub struct Gdfn {
    /// 1x1, c to 2h.
    pub project_in: Conv,
    /// 3x3 per channel.
    pub dwconv: Conv,
    /// 1x1, h to c.
    pub project_out: Conv,
}

impl Gdfn {
    /// A layer over `channels` with `hidden` channels h inside.
    pub fn init(channels: usize, hidden: usize, device: &Device) -> Self {
        Self {
            project_in: ConvConfig::new(channels, 2 * hidden, 1).init(device),
            dwconv: ConvConfig::depthwise(2 * hidden, 3).init(device),
            project_out: ConvConfig::new(hidden, channels, 1).init(device),
        }
    }

    /// `[n, c, h, w]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let hidden = self.project_out.weight.dims()[1];
        let both = self.dwconv.forward(self.project_in.forward(x));
        let (a, b) = (both.clone().narrow(1, 0, hidden), both.narrow(1, hidden, hidden));
        self.project_out.forward(gelu(a) * b)
    }
}
