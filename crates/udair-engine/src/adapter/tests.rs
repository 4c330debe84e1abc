//! Layers, losses and optimiser against the numbers of the authors' program, and every gradient
//! against differences of a forward pass in f64.

use super::cells::Cells;
use super::coral::{self, Alignment};
use super::excitation::Excitation;
use super::layer::{Layer, PARTS, Trace, parts, sizes};
use super::optimiser::AdamW;
use super::*;
use crate::anchors::Moments;
use crate::kernels::tests::noise;
use crate::reference::{Golden, assert_close};
use crate::run::{Pool, Run};
use crate::{Isa, Silent};

/// The values of an adapter whose tensors have these names behind `prefix`.
fn values(golden: &Golden, prefix: &str) -> Vec<f32> {
    let tensors = golden.under(prefix);
    PARTS.iter().flat_map(|part| tensors[*part].data.clone()).collect()
}

/// Checks each part of a gradient against the tensor of its name behind `prefix`, with a tolerance
/// that is at least `floor` of the tensor's largest value.
fn assert_parts(golden: &Golden, prefix: &str, d: usize, gradient: &[f32], but: &[&str]) {
    for (part, gradient) in PARTS.iter().zip(parts(d, gradient)).filter(|(part, _)| !but.contains(part)) {
        let name = format!("{prefix}{part}");
        assert_close(&name, gradient, &golden.tensors[&name].data, golden.tolerance(&name));
    }
}

fn sum(total: &mut Vec<f32>, values: &[f32]) {
    total.resize(values.len(), 0.0);
    total.iter_mut().zip(values).for_each(|(t, v)| *t += v);
}

#[test]
fn adapter_equals_the_reference() {
    let Some(golden) = Golden::open("layers/adapter") else { return };
    let values = values(&golden, "param.adapt.");
    let pool = Pool::default();
    for isa in Isa::available() {
        let run = Run::new(isa, 0, &pool, &Silent, 1);
        let mut total = Vec::new();
        for n in 0..golden.images("input") {
            let x = Cells::whole(&golden.map("input", n)).unwrap();
            let slopes = Cells::whole(&golden.map("grad_out", n)).unwrap();
            let layer = Layer::new(isa, x.channels, &values).unwrap();
            let mut trace = Trace::new(&run, &x).unwrap();
            layer.forward(&x, &mut trace, false).unwrap();
            let out = golden.map("out", n).data;
            assert_close("out", trace.out.values(), &out, golden.tolerance("out"));
            let mut gradient = vec![0.0; values.len()];
            layer.backward(&x, &mut trace, &slopes, &mut gradient).unwrap();
            sum(&mut total, &gradient);
        }
        assert_parts(&golden, "grad.adapt.", 6, &total, &[]);
    }
}

#[test]
fn excitation_equals_the_reference() {
    let Some(golden) = Golden::open("layers/squeeze_excitation") else { return };
    let parameter = |name: &str| golden.tensors[&format!("param.gate.{name}")].data.as_slice();
    let parameters = Excitation {
        squeeze: parameter("1.weight"),
        squeeze_bias: parameter("1.bias"),
        excite: parameter("3.weight"),
        excite_bias: parameter("3.bias"),
    };
    let isa = Isa::detect();
    let mut totals = [const { Vec::new() }; 4];
    for n in 0..golden.images("input") {
        let (x, slopes) = (golden.map("input", n), golden.map("grad_out", n));
        let (c, cells) = (x.channels, (x.height * x.width) as f32);
        let column = |values: &dyn Fn(usize) -> f32, c: usize| -> f32 {
            (c..x.data.len()).step_by(x.channels).map(values).sum()
        };
        let averages = (0..c).map(|c| column(&|i| x.data[i], c) / cells).collect();
        let forward = parameters.forward(isa, averages);
        let data: Vec<f32> = x.data.iter().enumerate().map(|(i, v)| v * forward.factors[i % c]).collect();
        golden.assert_map("out", n, &Map { data, ..x });
        let gate: Vec<f32> = (0..c).map(|c| column(&|i| x.data[i] * slopes.data[i], c)).collect();
        let mut gradients = [vec![0.0; 16], vec![0.0; 2], vec![0.0; 16], vec![0.0; 8]];
        let [squeeze, squeeze_bias, excite, excite_bias] = &mut gradients;
        let mut slots = Excitation { squeeze: &mut squeeze[..], squeeze_bias, excite, excite_bias };
        let back = parameters.backward(&forward, &gate, &mut slots);
        let data = (0..x.data.len()).map(|i| slopes.data[i] * forward.factors[i % c] + back[i % c] / cells);
        golden.assert_map("grad.input", n, &Map { data: data.collect(), ..x });
        totals.iter_mut().zip(&gradients).for_each(|(total, gradient)| sum(total, gradient));
    }
    for (name, total) in ["1.weight", "1.bias", "3.weight", "3.bias"].iter().zip(&totals) {
        let name = format!("grad.gate.{name}");
        assert_close(&name, total, &golden.tensors[&name].data, golden.tolerance(&name));
    }
}

/// The rows of a matrix as cells.
fn rows(tensor: &Tensor) -> Cells {
    let (height, channels) = (tensor.shape[0], tensor.shape[1]);
    Cells::whole(&Map { channels, height, width: 1, data: tensor.data.clone() }).unwrap()
}

#[test]
fn coral_equals_the_reference() {
    let Some(golden) = Golden::open("layers/coral_loss") else { return };
    for isa in Isa::available() {
        let target = rows(&golden.tensors["target"]);
        let anchor = moments(isa, &rows(&golden.tensors["source"])).unwrap();
        let covariances = [
            ("cov_source", anchor.covariance.clone()),
            ("cov_target", moments(isa, &target).unwrap().covariance),
        ];
        for (name, covariance) in covariances {
            assert_close(name, &covariance, &golden.tensors[name].data, golden.tolerance(name));
        }
        for (alignment, loss_name, gradient_name, scale) in [
            (Alignment::Root, "loss", "grad.target", 1e5),
            (Alignment::Squared, "loss_squared_paper", "grad_squared.target", 1.0),
        ] {
            let mut slopes = target.like(target.channels).unwrap();
            let loss = coral::loss(isa, alignment, &target, &anchor, Some(&mut slopes)).unwrap() / scale;
            let tolerance = golden.tolerance(loss_name);
            assert_close(loss_name, &[loss as f32], &golden.tensors[loss_name].data, tolerance);
            let slopes: Vec<f32> = slopes.values().iter().map(|v| v / scale as f32).collect();
            let expected = &golden.tensors[gradient_name].data;
            assert_close(gradient_name, &slopes, expected, golden.tolerance(gradient_name));
        }
    }
}

#[test]
fn optimiser_equals_the_reference() {
    let Some(golden) = Golden::open("layers/adamw") else { return };
    for rate in [1e-4, 1e-3] {
        let mut values = golden.tensors["p0"].data.clone();
        let mut optimiser = AdamW::new(&Adaptation { rate, ..Adaptation::released() }, values.len());
        for step in 1..=3 {
            optimiser.step(&mut values, &golden.tensors[&format!("g{step}")].data);
            let name = format!("lr{rate}.p{step}");
            assert_close(&name, &values, &golden.tensors[&name].data, golden.tolerance(&name));
        }
    }
}

#[test]
fn first_gradients_equal_the_reference() {
    let (Some(golden), Some(weights)) = (Golden::open("udair/tta/io"), Golden::open("udair/small/weights"))
    else {
        return;
    };
    let (isa, pool) = (Isa::detect(), Pool::default());
    let run = Run::new(isa, 0, &pool, &Silent, 1);
    let pattern = golden.tensors["reference_index"].data[0] as usize;
    for (name, map) in NAMES.iter().zip(["no_tta.D4", "no_tta.D3", "no_tta.D2"]) {
        let x = Cells::whole(&golden.map(map, 0)).unwrap();
        let level = map.rsplit('D').next().unwrap();
        let anchor = Cells::whole(&golden.map(&format!("anchor.distrib_{level}"), pattern)).unwrap();
        let values = values(&weights, &format!("{name}."));
        let layer = Layer::new(isa, x.channels, &values).unwrap();
        let mut trace = Trace::new(&run, &x).unwrap();
        layer.forward(&x, &mut trace, false).unwrap();

        let size = (anchor.height, anchor.width);
        let (mut pooled, mut pooled_slopes) =
            (trace.out.resized(size).unwrap(), trace.out.resized(size).unwrap());
        trace.out.pool(&mut pooled);
        let anchor = moments(isa, &anchor).unwrap();
        coral::loss(isa, Alignment::Root, &pooled, &anchor, Some(&mut pooled_slopes)).unwrap();
        let mut slopes = x.like(x.channels).unwrap();
        slopes.unpool(&pooled_slopes);
        let mut gradient = vec![0.0; values.len()];
        layer.backward(&x, &mut trace, &slopes, &mut gradient).unwrap();
        // The last bias has no gradient but rounding noise, and is left out of the reference.
        assert_parts(&golden, &format!("grad1.{name}."), x.channels, &gradient, &["5.bias"]);
    }
}

/// The loss of an adapter over two pieces of 3 x 4 cells, straight from the formulas, in f64.
fn loss_in_f64(
    values: &[f64],
    x: &[f32],
    d: usize,
    anchor: &Moments,
    alignment: Alignment,
    residual: bool,
) -> f64 {
    const SIZE: (usize, usize) = (3, 4);
    let hidden = 2 * d;
    let gelu = |v: f64| v * 0.5 * (1.0 + libm::erf(v / 2_f64.sqrt()));
    let mut rest = values;
    let [w1, b1, w2, b2, w3, b3, w4, b4, w5, b5] = sizes(d).map(|len| {
        let (part, after) = rest.split_at(len);
        rest = after;
        part
    });
    let affine = |w: &[f64], b: &[f64], x: &[f64]| -> Vec<f64> {
        let dot = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        w.chunks(x.len()).zip(b).map(|(row, b)| dot(row) + b).collect()
    };
    let x: Vec<Vec<f64>> = x.chunks(d).map(|p| p.iter().map(|&v| f64::from(v)).collect()).collect();
    let active: Vec<Vec<f64>> = x.iter().map(|p| affine(w1, b1, p).into_iter().map(gelu).collect()).collect();
    let mixed = |i: usize, c: usize| {
        let (piece, y, column) = (i / 12 * 12, i % 12 / SIZE.1, i % SIZE.1);
        let mut sum = b2[c];
        for tap in 0..9 {
            let (y, column) = ((y + tap / 3).wrapping_sub(1), (column + tap % 3).wrapping_sub(1));
            if y < SIZE.0 && column < SIZE.1 {
                sum += active[piece + y * SIZE.1 + column][c] * w2[c * 9 + tap];
            }
        }
        gelu(sum)
    };
    let mixed: Vec<Vec<f64>> = (0..x.len()).map(|i| (0..hidden).map(|c| mixed(i, c)).collect()).collect();
    let n = x.len() as f64;
    let averages: Vec<f64> = (0..hidden).map(|c| mixed.iter().map(|p| p[c]).sum::<f64>() / n).collect();
    let squeezed: Vec<f64> = affine(w3, b3, &averages).into_iter().map(gelu).collect();
    let gate: Vec<f64> = affine(w4, b4, &squeezed).into_iter().map(|v| 1.0 / (1.0 + (-v).exp())).collect();
    let out: Vec<Vec<f64>> = mixed
        .iter()
        .zip(&x)
        .map(|(p, x)| {
            let scaled: Vec<f64> = p.iter().zip(&gate).map(|(v, g)| v * g).collect();
            let out = affine(w5, b5, &scaled);
            out.iter().zip(x).map(|(o, x)| if residual { o + x } else { *o }).collect()
        })
        .collect();
    let mean: Vec<f64> = (0..d).map(|c| out.iter().map(|p| p[c]).sum::<f64>() / n).collect();
    let (mut norm, mut scale, mut trace, mut shift) = (0.0, 0.0, 0.0, 0.0);
    for i in 0..d {
        shift += (mean[i] - f64::from(anchor.mean[i])).powi(2);
        trace += f64::from(anchor.covariance[i * d + i]);
        for j in 0..d {
            let c = out.iter().map(|p| (p[i] - mean[i]) * (p[j] - mean[j])).sum::<f64>() / (n - 1.0);
            let anchor = f64::from(anchor.covariance[i * d + j]);
            norm += (c - anchor).powi(2);
            scale += anchor.powi(2);
        }
    }
    let size = (4 * d * d) as f64;
    match alignment {
        Alignment::Root => 1e5 * norm.sqrt() / size,
        Alignment::Squared => norm / size,
        Alignment::Relative { mean } => norm / scale + f64::from(mean) * shift / trace,
    }
}

#[test]
fn gradients_equal_differences() {
    let (d, isa, pool) = (4, Isa::detect(), Pool::default());
    let run = Run::new(isa, 0, &pool, &Silent, 1);
    let map = Map { channels: d, height: 6, width: 4, data: noise(24 * d, 1) };
    let mut x = Cells::whole(&map).unwrap();
    (x.count, x.height) = (2, 3);
    let values: Vec<f32> = noise(sizes(d).iter().sum(), 2);
    let anchor = noise(40 * d, 3).into_iter().map(|v| 2.0 * v + 0.5).collect();
    let anchor = moments(isa, &rows(&Tensor { shape: vec![40, d], data: anchor })).unwrap();
    for alignment in [Alignment::Root, Alignment::Squared, Alignment::Relative { mean: 0.7 }] {
        for residual in [false, true] {
            let layer = Layer::new(isa, d, &values).unwrap();
            let mut trace = Trace::new(&run, &x).unwrap();
            layer.forward(&x, &mut trace, residual).unwrap();
            let mut slopes = x.like(d).unwrap();
            let loss = coral::loss(isa, alignment, &trace.out, &anchor, Some(&mut slopes)).unwrap();
            let mut gradient = vec![0.0; values.len()];
            layer.backward(&x, &mut trace, &slopes, &mut gradient).unwrap();

            let wide: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
            let at = |values: &[f64]| loss_in_f64(values, x.values(), d, &anchor, alignment, residual);
            let exact = at(&wide);
            assert!((loss - exact).abs() < 1e-5 * exact, "{alignment:?}: {loss}, not {exact}");
            let differences: Vec<f64> = (0..wide.len())
                .map(|i| {
                    let moved = |by: f64| {
                        let mut values = wide.clone();
                        values[i] += by;
                        at(&values)
                    };
                    (moved(1e-5) - moved(-1e-5)) / 2e-5
                })
                .collect();
            let largest = differences.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
            for (i, (g, expected)) in gradient.iter().zip(&differences).enumerate() {
                let difference = (f64::from(*g) - expected).abs();
                assert!(
                    difference < 2e-5 * largest,
                    "{alignment:?}, residual {residual}, value {i}: {g}, not {expected}"
                );
            }
        }
    }
}
