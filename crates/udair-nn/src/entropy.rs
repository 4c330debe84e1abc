//! Test-time adaptation by minimising entropy, as the paper compares itself with: TENT (Wang et al.,
//! ICLR 2021) and SAR (Niu et al., "Towards stable test-time adaptation in dynamic wild world", ICLR
//! 2023).
//!
//! Both were made for classifiers, whose outputs are logits. A restoration network has none, and the
//! paper does not say what it took instead. [`Reading`] has the two that suggest themselves. Parameters
//! and optimiser begin anew with every picture.

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use udair_engine::{Parameter, Part};

use crate::{Conditions, Mode, Udair};

/// How steps are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Adam down the mean entropy.
    Tent,
    /// Momentum down the entropy of the places that are sure, measured where it is worst nearby.
    Sar,
}

/// What is taken for logits, and what moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The three channels of every restored pixel; scales and offsets of the layer norms move.
    Picture,
    /// The channels of the adapted conditions; the adapters move.
    Conditions,
}

/// Settings of an adaptation.
#[derive(Debug, Clone, PartialEq)]
pub struct Entropy {
    /// How steps are made.
    pub method: Method,
    /// Of what.
    pub reading: Reading,
    /// Steps.
    pub steps: usize,
    /// Learning rate.
    pub rate: f64,
}

impl Entropy {
    /// The five steps of the paper, with the learning rate of the method's own paper.
    pub fn new(method: Method, reading: Reading) -> Self {
        Self { method, reading, steps: 5, rate: 1e-3 }
    }
}

/// A picture restored by an adapted network.
#[derive(Debug)]
pub struct Restored {
    /// `[1, 3, h, w]`, not clipped.
    pub picture: Tensor<4>,
    /// The entropy before every step.
    pub losses: Vec<f64>,
    /// Share of the places that were sure enough to count, before the first step; 1 for TENT.
    pub used: f64,
}

/// A place counts for SAR while its entropy is below this share of the largest possible one.
const SURE: f64 = 0.4;
/// How far SAR looks for the worst place nearby, as a norm.
const NEARBY: f64 = 0.05;
/// SAR starts anew once the moving mean of the entropy falls below this.
const COLLAPSED: f64 = 0.2;
/// Decays: of SAR's momentum and of its moving mean, and of the two moments of Adam.
const MOMENTUM: f64 = 0.9;
const BETAS: [f64; 2] = [0.9, 0.999];

/// Restores one picture, RGB in \[0, 1\], `height * width * 3` values, by a network that has adapted to it.
pub fn restore(net: &Udair, rgb: &[f32], width: usize, height: usize, settings: &Entropy) -> Restored {
    let device = net.device();
    let shape = [1, height, width, 3];
    let picture = Tensor::<4>::from_data(TensorData::new(rgb.to_vec(), shape), &device.clone().inner());
    let picture = picture.permute([0, 3, 1, 2]);
    let moves = settings.reading.moves();
    let original = net.values(&moves);
    let mut steps = Steps::new(original.dims()[0], settings, &device.inner());
    let (mut net, mut losses, mut used) = (net.clone(), Vec::new(), 1.0);
    for step in 0..settings.steps {
        let (loss, share, gradient) = descent(&net, &picture, settings);
        if step == 0 {
            used = share;
        }
        losses.push(loss);
        if share == 0.0 {
            break;
        }
        let here = net.values(&moves);
        let gradient = match settings.method {
            Method::Tent => gradient,
            Method::Sar => {
                let norm = f64::from(gradient.clone().square().sum().sqrt().into_scalar::<f32>());
                let worst = here.clone() + gradient * (NEARBY / norm.max(1e-12));
                net = net.with_values(&worst, &moves);
                descent(&net, &picture, settings).2
            }
        };
        net = net.with_values(&(here - steps.next(gradient)), &moves);
        if steps.collapsed(loss) {
            net = net.with_values(&original, &moves);
        }
    }
    let adapted = settings.reading == Reading::Conditions;
    Restored { picture: output(&net, picture, adapted).0.inner(), losses, used }
}

impl Reading {
    /// True for what moves.
    fn moves(self) -> impl Fn(&Parameter) -> bool {
        move |parameter| match self {
            Self::Picture => parameter.part == Part::Network && parameter.name.contains(".norm"),
            Self::Conditions => parameter.part == Part::Adapter,
        }
    }
}

/// The entropy, the share of the places that count, and the gradient of what moves.
fn descent(net: &Udair, picture: &Tensor<4>, settings: &Entropy) -> (f64, f64, Tensor<1>) {
    let adapted = settings.reading == Reading::Conditions;
    let (picture, conditions) = output(net, picture.clone(), adapted);
    let maps = match conditions.filter(|_| adapted) {
        Some(Conditions { d4, d3, d2 }) => vec![d4, d3, d2],
        None => vec![picture],
    };
    let maps: Vec<(Tensor<1>, f64)> = maps.into_iter().map(|map| entropy(map, settings.method)).collect();
    let count = maps.len() as f64;
    let share = maps.iter().map(|(_, share)| share).sum::<f64>() / count;
    let loss = maps.into_iter().map(|(loss, _)| loss).reduce(|a, b| a + b).expect("there is a map") / count;
    let value = f64::from(loss.clone().inner().into_scalar::<f32>());
    (value, share, net.gradients_of(loss.backward(), settings.reading.moves()))
}

/// Mean entropy over the places of `[n, c, h, w]` that count, and their share.
fn entropy(logits: Tensor<4>, method: Method) -> (Tensor<1>, f64) {
    let largest = (logits.dims()[1] as f64).ln();
    let each = -(softmax(logits.clone(), 1) * log_softmax(logits, 1)).sum_dim(1);
    if method == Method::Tent {
        return (each.mean(), 1.0);
    }
    let sure = each.clone().inner().lower_elem(SURE * largest).float();
    let count = f64::from(sure.clone().sum().into_scalar::<f32>());
    let share = count / sure.dims().iter().product::<usize>() as f64;
    ((each * Tensor::from_inner(sure)).sum() / count.max(1.0), share)
}

/// The restored picture and the conditions that it was restored under.
fn output(net: &Udair, picture: Tensor<4>, adapted: bool) -> (Tensor<4>, Option<Conditions>) {
    if adapted {
        return net.forward_adapted(picture);
    }
    let output = net.forward(picture, Mode::EVALUATE);
    (output.picture, output.guided.map(|(_, conditions)| conditions))
}

/// The optimiser's state.
struct Steps {
    method: Method,
    rate: f64,
    count: i32,
    first: Tensor<1>,
    second: Tensor<1>,
    /// SAR's moving mean of the entropy.
    mean: Option<f64>,
}

impl Steps {
    fn new(length: usize, settings: &Entropy, device: &Device) -> Self {
        let zeros = || Tensor::zeros([length], device);
        let (method, rate) = (settings.method, settings.rate);
        Self { method, rate, count: 0, first: zeros(), second: zeros(), mean: None }
    }

    /// What to subtract from the parameters.
    fn next(&mut self, gradient: Tensor<1>) -> Tensor<1> {
        self.count += 1;
        match self.method {
            Method::Tent => {
                let [beta1, beta2] = BETAS;
                self.first = self.first.clone() * beta1 + gradient.clone() * (1.0 - beta1);
                self.second = self.second.clone() * beta2 + gradient.square() * (1.0 - beta2);
                let corrected = |beta: f64| 1.0 - beta.powi(self.count);
                let root = (self.second.clone() / corrected(beta2)).sqrt() + 1e-8;
                self.first.clone() / root * (self.rate / corrected(beta1))
            }
            Method::Sar => {
                self.first = self.first.clone() * MOMENTUM + gradient;
                self.first.clone() * self.rate
            }
        }
    }

    /// True once SAR has to start anew.
    fn collapsed(&mut self, loss: f64) -> bool {
        let mean = self.mean.map_or(loss, |mean| MOMENTUM * mean + (1.0 - MOMENTUM) * loss);
        self.mean = Some(mean);
        self.method == Method::Sar && mean < COLLAPSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::initial_weights;
    use udair_engine::Config;

    fn net() -> Udair {
        let config = Config { width: 4, trunk: 8, codes: 16, heads: [1, 1, 2, 2], ..Config::small() };
        Udair::from_weights(&initial_weights(&config, 1).unwrap(), &Device::flex().autodiff())
    }

    fn picture() -> Vec<f32> {
        (0..24 * 16 * 3).map(|i| (i * 7 % 31) as f32 / 30.0).collect()
    }

    #[test]
    fn tent_lowers_the_entropy_of_either_reading() {
        let net = net();
        for reading in [Reading::Picture, Reading::Conditions] {
            let settings = Entropy { steps: 6, ..Entropy::new(Method::Tent, reading) };
            let restored = restore(&net, &picture(), 24, 16, &settings);
            assert_eq!(restored.picture.dims(), [1, 3, 16, 24]);
            let losses = restored.losses;
            assert!(losses.len() == 6 && losses[5] < losses[0], "{reading:?}: {losses:?}");
        }
    }

    #[test]
    fn sar_leaves_a_picture_alone_whose_pixels_are_all_unsure() {
        // Three channels between 0 and 1 are never as uneven as 0.4 ln 3 takes.
        let (net, rgb) = (net(), picture());
        let settings = Entropy::new(Method::Sar, Reading::Picture);
        let restored = restore(&net, &rgb, 24, 16, &settings);
        assert_eq!((restored.used, restored.losses.len()), (0.0, 1));
        let nothing = Entropy { steps: 0, ..settings };
        let plain = restore(&net, &rgb, 24, 16, &nothing);
        let same = (restored.picture - plain.picture).abs().max().into_scalar::<f32>();
        assert_eq!(same, 0.0);
    }

    #[test]
    fn entropy_is_that_of_the_formula() {
        let device = Device::flex();
        let logits = Tensor::<4>::from_floats([[[[0.0, 9.0]], [[0.0, 0.0]], [[0.0, 0.0]]]], &device);
        let value = |tensor: Tensor<1>| f64::from(tensor.into_scalar::<f32>());
        let sure = 1.0 / (1.0 + 2.0 * (-9.0_f64).exp());
        let rest = (1.0 - sure) / 2.0;
        let second = -(sure * sure.ln() + 2.0 * rest * rest.ln());
        let (mean, share) = entropy(logits.clone(), Method::Tent);
        assert!((value(mean) - f64::midpoint(3.0_f64.ln(), second)).abs() < 1e-6 && share == 1.0);
        let (mean, share) = entropy(logits, Method::Sar);
        assert!((value(mean) - second).abs() < 1e-6 && share == 0.5);
    }
}
