//! Dense convolution as a matrix product: the patches under the filter become columns, W times
//! columns is the output, and both gradients are products again.

use super::product::{Matrix, Store, product};
use super::{Arithmetic, Layer, Shape};

/// A k x k filter over all channels, padded by (k - 1) / 2 zeros on every side.
#[derive(Debug, Clone, Copy)]
pub struct Convolution<'a> {
    /// `[outputs, inputs, k, k]`.
    pub weight: &'a [f32],
    /// `[outputs]`, or nothing.
    pub bias: &'a [f32],
    /// k.
    pub kernel: usize,
    /// Distance between outputs, in both directions.
    pub stride: usize,
    /// Output channels.
    pub outputs: usize,
}

/// Columns of one image and their gradient.
#[derive(Debug)]
pub struct Scratch {
    shape: Shape,
    columns: Vec<f32>,
    back: Vec<f32>,
}

impl Convolution<'_> {
    /// True where the columns are the image itself.
    fn is_pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1
    }

    /// Calls `row(column, image, count)` for every row of outputs of every tap: where it starts in
    /// the columns and where in the image, and how many of its outputs lie inside.
    fn rows(&self, shape: Shape, mut row: impl FnMut(usize, usize, usize)) {
        let (k, stride, padding) = (self.kernel, self.stride, (self.kernel - 1) / 2);
        let to = self.output(shape);
        // Outputs whose tap `offset` lies inside a side of `length`.
        let inside = |offset: usize, length: usize, outputs: usize| {
            let first = padding.saturating_sub(offset).div_ceil(stride);
            let end = (length + padding).saturating_sub(offset).div_ceil(stride).min(outputs);
            first..end.max(first)
        };
        for tap in 0..shape.channels * k * k {
            let (dy, dx, channel) = (tap / k % k, tap % k, tap / (k * k));
            let across = inside(dx, shape.width, to.width);
            for y in inside(dy, shape.height, to.height) {
                let line = channel * shape.plane() + (y * stride + dy - padding) * shape.width;
                let column = tap * to.plane() + y * to.width + across.start;
                if !across.is_empty() {
                    row(column, line + across.start * stride + dx - padding, across.len());
                }
            }
        }
    }

    /// Copies the patches of `x` into the columns; what lies outside the image stays zero.
    fn unfold(&self, x: &[f32], shape: Shape, columns: &mut [f32]) {
        self.rows(shape, |column, image, count| {
            let to = &mut columns[column..][..count];
            if self.stride == 1 {
                to.copy_from_slice(&x[image..][..count]);
            } else {
                to.iter_mut().zip(x[image..].iter().step_by(self.stride)).for_each(|(to, x)| *to = *x);
            }
        });
    }

    /// Adds every column's value to where in the image it was taken from.
    fn fold(&self, columns: &[f32], shape: Shape, dx: &mut [f32]) {
        self.rows(shape, |column, image, count| {
            let from = &columns[column..][..count];
            if self.stride == 1 {
                dx[image..][..count].iter_mut().zip(from).for_each(|(dx, from)| *dx += from);
            } else {
                dx[image..].iter_mut().step_by(self.stride).zip(from).for_each(|(dx, from)| *dx += from);
            }
        });
    }
}

impl Layer<2> for Convolution<'_> {
    type Scratch = Scratch;

    fn lengths(&self) -> [usize; 2] {
        [self.weight.len(), self.bias.len()]
    }

    fn output(&self, shape: Shape) -> Shape {
        let side = |length: usize| (length + (self.kernel - 1) / 2 * 2 - self.kernel) / self.stride + 1;
        Shape { channels: self.outputs, height: side(shape.height), width: side(shape.width), ..shape }
    }

    fn scratch(&self, shape: Shape) -> Scratch {
        let taps = shape.channels * self.kernel * self.kernel;
        assert_eq!(self.weight.len(), self.outputs * taps, "the weight has another shape");
        assert!(self.bias.is_empty() || self.bias.len() == self.outputs, "one bias an output");
        let length = if self.is_pointwise() { 0 } else { taps * self.output(shape).plane() };
        Scratch { shape, columns: vec![0.0; length], back: Vec::new() }
    }

    fn image(&self, on: Arithmetic, x: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        let plane = out.len() / self.outputs;
        if self.bias.is_empty() {
            out.fill(0.0);
        }
        for (row, bias) in out.chunks_exact_mut(plane).zip(self.bias) {
            row.fill(*bias);
        }
        let columns = if self.is_pointwise() {
            x
        } else {
            self.unfold(x, scratch.shape, &mut scratch.columns);
            &scratch.columns
        };
        let taps = self.weight.len() / self.outputs;
        product(on, Matrix::new(self.weight, taps), Matrix::new(columns, plane), out, Store::Add);
    }

    fn image_gradient(
        &self,
        on: Arithmetic,
        x: &[f32],
        gradient: &[f32],
        scratch: &mut Scratch,
        dx: &mut [f32],
        [dweight, dbias]: [&mut [f32]; 2],
    ) {
        let (plane, taps) = (gradient.len() / self.outputs, self.weight.len() / self.outputs);
        for (dbias, row) in dbias.iter_mut().zip(gradient.chunks_exact(plane)) {
            *dbias += row.iter().sum::<f32>();
        }
        let (turned, map) = (Matrix::new(self.weight, taps).transposed(), Matrix::new(gradient, plane));
        let Scratch { shape, columns, back } = scratch;
        if self.is_pointwise() {
            product(on, map, Matrix::new(x, plane).transposed(), dweight, Store::Add);
            product(on, turned, map, dx, Store::Replace);
        } else {
            self.unfold(x, *shape, columns);
            product(on, map, Matrix::new(columns, plane).transposed(), dweight, Store::Add);
            back.resize(columns.len(), 0.0);
            product(on, turned, map, back, Store::Replace);
            dx.fill(0.0);
            self.fold(back, *shape, dx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_gradient, weighted};
    use super::*;
    use crate::kernels::Isa;
    use crate::kernels::tests::{few, noise, same};

    fn layer<'a>(weight: &'a [f32], bias: &'a [f32], kernel: usize, stride: usize) -> Convolution<'a> {
        Convolution { weight, bias, kernel, stride, outputs: 4 }
    }

    #[test]
    fn every_size_convolves_and_has_the_gradient() {
        let cases = [(3, 1, 1, 1), (4, 2, 2, 2), (1, 1, 3, 5), (3, 1, 5, 7), (4, 2, 6, 10), (3, 2, 5, 4)];
        for &(kernel, stride, height, width) in few(&cases) {
            let shape = Shape { images: 2, channels: 3, height, width };
            for biases in if cfg!(miri) { 4..=4 } else { 0..=4 }.step_by(4) {
                let (weight, bias) = (noise(12 * kernel * kernel, 1), noise(biases, 2));
                let x = noise(shape.len(), 3);
                let to = layer(&weight, &bias, kernel, stride).output(shape);
                let run = |x: &[f32], weight: &[f32], bias: &[f32]| {
                    let mut out = vec![0.0; to.len()];
                    layer(weight, bias, kernel, stride).forward(
                        Arithmetic::f32(Isa::detect()),
                        x,
                        shape,
                        &mut out,
                    );
                    out
                };
                for (at, &value) in run(&x, &weight, &bias).iter().enumerate() {
                    let (image, n) = (at / to.image(), at / to.plane() % 4);
                    let (top, left) = (at / to.width % to.height * stride, at % to.width * stride);
                    let mut expected = f64::from(bias.get(n).copied().unwrap_or(0.0));
                    for tap in 0..3 * kernel * kernel {
                        let padding = (kernel - 1) / 2;
                        let y = (top + tap / kernel % kernel).wrapping_sub(padding);
                        let u = (left + tap % kernel).wrapping_sub(padding);
                        if y < height && u < width {
                            let channel = image * 3 + tap / (kernel * kernel);
                            let pixel = x[channel * shape.plane() + y * width + u];
                            expected += f64::from(pixel) * f64::from(weight[n * 3 * kernel * kernel + tap]);
                        }
                    }
                    same(value, expected, Isa::detect());
                }
                let (g, mut dx) = (noise(to.len(), 4), vec![0.0; x.len()]);
                let [dweight, dbias] = layer(&weight, &bias, kernel, stride).backward(
                    Arithmetic::f32(Isa::detect()),
                    &x,
                    &g,
                    shape,
                    &mut dx,
                );
                check_gradient(&x, &dx, |x| weighted(&run(x, &weight, &bias), &g));
                check_gradient(&weight, &dweight, |weight| weighted(&run(&x, weight, &bias), &g));
                if biases > 0 {
                    check_gradient(&bias, &dbias, |bias| weighted(&run(&x, &weight, bias), &g));
                }
            }
        }
    }
}
