//! The layers that UDAIR is made of, on maps of interleaved channels.

use rayon::prelude::*;
use udair_engine::{Map, Tensor};

use super::Layer;

/// A map whose pixel at (y, x) is written by `pixel(y, x, values)`.
pub(crate) fn build(
    [channels, height, width]: [usize; 3],
    pixel: impl Fn(usize, usize, &mut [f32]) + Sync,
) -> Map {
    let mut data = vec![0.0; channels * height * width];
    data.par_chunks_mut(channels * width).enumerate().for_each(|(y, row)| {
        row.chunks_exact_mut(channels).enumerate().for_each(|(x, values)| pixel(y, x, values));
    });
    Map { channels, height, width, data }
}

/// The pixel at (y, x), or `None` outside of the map.
pub(crate) fn at(map: &Map, y: isize, x: isize) -> Option<&[f32]> {
    let inside = |v: isize, length: usize| usize::try_from(v).ok().filter(|&v| v < length);
    let (y, x) = (inside(y, map.height)?, inside(x, map.width)?);
    Some(&map.data[(y * map.width + x) * map.channels..][..map.channels])
}

/// Every value by itself.
pub(crate) fn each(map: &Map, f: impl Fn(f32) -> f32 + Sync) -> Map {
    Map { data: map.data.par_iter().map(|&v| f(v)).collect(), ..*map }
}

/// Sum of two maps.
pub(crate) fn add(a: &Map, b: &Map) -> Map {
    Map { data: a.data.iter().zip(&b.data).map(|(a, b)| a + b).collect(), ..*a }
}

/// Two maps side by side.
pub(crate) fn concat(a: &Map, b: &Map) -> Map {
    build([a.channels + b.channels, a.height, a.width], |y, x, out| {
        let (y, x) = (y as isize, x as isize);
        out[..a.channels].copy_from_slice(at(a, y, x).unwrap());
        out[a.channels..].copy_from_slice(at(b, y, x).unwrap());
    })
}

/// Convolution with zero padding that keeps the size, or halves it for stride 2; grouped by channel
/// where the weight has one input channel.
pub(crate) fn conv(map: &Map, layer: &Layer<'_>, stride: usize) -> Map {
    let weight = layer.tensor("weight");
    let [outputs, inputs, kernel, _] = weight.shape[..] else { panic!("{:?}", weight.shape) };
    let margin = usize::from(kernel > 1) as isize;
    let depthwise = inputs == 1 && map.channels == outputs;
    // Weights by tap, input and output, so that the innermost loop runs over outputs.
    let index = |tap: usize, i: usize, o: usize| (o * inputs + i) * kernel * kernel + tap;
    let by_output: Vec<f32> = (0..kernel * kernel * inputs * outputs)
        .map(|n| weight.data[index(n / outputs / inputs, n / outputs % inputs, n % outputs)])
        .collect();
    let bias = layer.get("bias");
    build([outputs, map.height / stride, map.width / stride], |y, x, out| {
        if let Some(bias) = bias {
            out.copy_from_slice(&bias.data);
        }
        for tap in 0..kernel * kernel {
            let (dy, dx) = ((tap / kernel) as isize - margin, (tap % kernel) as isize - margin);
            let Some(pixel) = at(map, (y * stride) as isize + dy, (x * stride) as isize + dx) else {
                continue;
            };
            let rows = by_output[tap * inputs * outputs..].chunks_exact(outputs);
            if depthwise {
                let taps = &by_output[tap * outputs..][..outputs];
                out.iter_mut().zip(pixel.iter().zip(taps)).for_each(|(out, (v, w))| *out += v * w);
            } else {
                for (v, row) in pixel.iter().zip(rows) {
                    out.iter_mut().zip(row).for_each(|(out, w)| *out += v * w);
                }
            }
        }
    })
}

/// Transposed convolution 4x4, stride 2, padding 1: twice the size.
pub(crate) fn conv_transposed(map: &Map, layer: &Layer<'_>) -> Map {
    let (weight, bias) = (layer.tensor("weight"), layer.tensor("bias"));
    let outputs = weight.shape[1];
    build([outputs, 2 * map.height, 2 * map.width], |y, x, out| {
        out.copy_from_slice(&bias.data);
        for (ky, kx) in (0..16).map(|tap| (tap / 4, tap % 4)) {
            // Input (i, j) reaches output (2 i + ky - 1, 2 j + kx - 1).
            let (i, j) = (y as isize + 1 - ky as isize, x as isize + 1 - kx as isize);
            if i % 2 != 0 || j % 2 != 0 {
                continue;
            }
            for (c, v) in at(map, i / 2, j / 2).into_iter().flatten().enumerate() {
                for (o, out) in out.iter_mut().enumerate() {
                    *out += v * weight.data[(c * outputs + o) * 16 + ky * 4 + kx];
                }
            }
        }
    })
}

/// Per pixel over channels: (x - mean) / sqrt(variance + 1e-5) * weight + bias.
pub(crate) fn layer_norm(map: &Map, weight: &Tensor, bias: &Tensor) -> Map {
    let count = map.channels as f64;
    build([map.channels, map.height, map.width], |y, x, out| {
        let pixel = at(map, y as isize, x as isize).unwrap();
        let mean = pixel.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let variance = pixel.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
        let scale = 1.0 / (variance + 1e-5).sqrt();
        for (c, out) in out.iter_mut().enumerate() {
            *out = ((f64::from(pixel[c]) - mean) * scale) as f32 * weight.data[c] + bias.data[c];
        }
    })
}

/// x (1 + erf(x / sqrt 2)) / 2.
pub(crate) fn gelu(x: f32) -> f32 {
    let x = f64::from(x);
    (x * 0.5 * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2))) as f32
}

pub(crate) fn relu(x: f32) -> f32 {
    x.max(0.0)
}

/// Each pixel of 4 c channels becomes 2x2 pixels of c.
pub(crate) fn pixel_shuffle(map: &Map) -> Map {
    build([map.channels / 4, 2 * map.height, 2 * map.width], |y, x, out| {
        let pixel = at(map, (y / 2) as isize, (x / 2) as isize).unwrap();
        for (c, out) in out.iter_mut().enumerate() {
            *out = pixel[4 * c + 2 * (y % 2) + x % 2];
        }
    })
}

/// 2x2 pixels of c channels become one of 4 c.
pub(crate) fn pixel_unshuffle(map: &Map) -> Map {
    build([4 * map.channels, map.height / 2, map.width / 2], |y, x, out| {
        for (n, out) in out.iter_mut().enumerate() {
            let (dy, dx) = (n / 2 % 2, n % 2);
            *out = at(map, (2 * y + dy) as isize, (2 * x + dx) as isize).unwrap()[n / 4];
        }
    })
}

/// Adaptive average pooling: cell i of `cells` averages positions floor(i n / cells) to
/// ceil((i + 1) n / cells).
pub(crate) fn average_pool(map: &Map, height: usize, width: usize) -> Map {
    let window = |i: usize, cells: usize, n: usize| i * n / cells..((i + 1) * n).div_ceil(cells);
    build([map.channels, height, width], |y, x, out| {
        let (rows, columns) = (window(y, height, map.height), window(x, width, map.width));
        let count = (rows.len() * columns.len()) as f64;
        for (c, out) in out.iter_mut().enumerate() {
            let value = |r, q| f64::from(map.data[(r * map.width + q) * map.channels + c]);
            *out = (rows.clone().flat_map(|r| columns.clone().map(move |q| value(r, q))).sum::<f64>() / count)
                as f32;
        }
    })
}

/// Nearest-neighbour resampling.
pub(crate) fn nearest(map: &Map, height: usize, width: usize) -> Map {
    build([map.channels, height, width], |y, x, out| {
        let (y, x) = (y * map.height / height, x * map.width / width);
        out.copy_from_slice(at(map, y as isize, x as isize).unwrap());
    })
}
