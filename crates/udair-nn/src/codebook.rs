//! A vector-quantised codebook (van den Oord et al., `NeurIPS` 2017) whose codes follow the data by
//! exponential moving averages (its appendix A.1).
//!
//! Quantising never changes the codebook: [`Codebook::forward`] reports the rows it saw, and
//! [`Codebook::update`], [`Codebook::seed`] and [`Codebook::revive`] move the codes afterwards.
//! The reference starts from random codes with counts of zero, which throws every code that the
//! first batch does not use to a norm near 1e6; from then on one code answers for everything.
//! Counts of one, codes seeded from data and re-seeding of dead codes keep a codebook alive.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::conv::replace;

/// Decay of the moving averages.
const DECAY: f64 = 0.99;
/// Laplace smoothing of the counts.
const SMOOTHING: f64 = 1e-5;
/// Share of the mean count that a revived code starts with.
const REVIVED: f32 = 0.1;

/// Codes and their moving averages; none of them has a gradient.
#[derive(Module, Debug)]
pub struct Codebook {
    /// The codes, one a column: `[code_dim, codes]`.
    pub embed: Param<Tensor<2>>,
    /// Moving average of how many rows each code answers for: `[codes]`.
    pub cluster_size: Param<Tensor<1>>,
    /// Moving average of the sum of those rows: `[code_dim, codes]`.
    pub embed_avg: Param<Tensor<2>>,
}

/// What quantising one feature map gave.
#[derive(Debug, Clone)]
pub struct Quantised {
    /// `[n, code_dim, h, w]`: the codes, with the gradient passed straight to the input.
    pub codes: Tensor<4>,
    /// The input, one position a row: `[n h w, code_dim]`, without gradient.
    pub rows: Tensor<2>,
    /// The number of every row's code: `[n h w]`; absent where the codebook was bypassed.
    pub indices: Option<Tensor<1, Int>>,
    /// Mean squared distance between the input and its codes, with gradient to the input alone:
    /// `[1]`.
    pub commitment: Tensor<1>,
}

impl Quantised {
    /// What the codebook makes of `z` `[n, code_dim, h, w]`; without one, `z` passes unchanged.
    pub fn by(book: Option<&Codebook>, z: Tensor<4>) -> Self {
        let Some(book) = book else {
            let rows = positions(z.clone()).0.inner();
            let commitment = Tensor::zeros([1], &rows.device());
            return Self { codes: z, rows, indices: None, commitment };
        };
        book.forward(z)
    }
}

impl Codebook {
    /// A codebook of zeros.
    pub fn init(code_dim: usize, codes: usize, device: &Device) -> Self {
        Self {
            embed: buffer(Tensor::zeros([code_dim, codes], device)),
            cluster_size: buffer(Tensor::zeros([codes], device)),
            embed_avg: buffer(Tensor::zeros([code_dim, codes], device)),
        }
    }

    /// Replaces every position of `z` `[n, code_dim, h, w]` by its nearest code e: z + sg\[e - z\].
    pub fn forward(&self, z: Tensor<4>) -> Quantised {
        let (positions, [n, d, h, w]) = positions(z);
        let rows = positions.clone().inner();
        let indices = self.nearest(rows.clone());
        let codes = self.embed.val().inner().transpose().select(0, indices.clone());
        let commitment = (positions.clone() - codes.clone()).square().mean();
        let codes = positions + (codes - rows.clone());
        let codes = codes.reshape([n, h, w, d]).permute([0, 3, 1, 2]);
        Quantised { codes, rows, indices: Some(indices), commitment }
    }

    /// The number of the nearest code of every row: `[p, code_dim]` to `[p]`.
    pub fn nearest(&self, rows: Tensor<2>) -> Tensor<1, Int> {
        let embed = self.embed.val().inner(); // [d, codes]
        let lengths = rows.clone().square().sum_dim(1) + embed.clone().square().sum_dim(0); // [p, codes]
        let distances = lengths - rows.matmul(embed) * 2.0;
        distances.argmin(1).squeeze_dim(1)
    }

    /// One step of the moving averages over what `seen` quantised; a bypassed map changes nothing.
    #[must_use]
    pub fn update(self, seen: &Quantised) -> Self {
        let Some(indices) = &seen.indices else { return self };
        let (counts, sums) = self.collect(seen.rows.clone(), indices.clone());
        let mean = |old: Tensor<1>, new: Tensor<1>| old * DECAY + new * (1.0 - DECAY);
        let cluster_size = mean(self.cluster_size.val().inner(), counts);
        let embed_avg = self.embed_avg.val().inner() * DECAY + sums.transpose() * (1.0 - DECAY);
        let codes = cluster_size.dims()[0];
        let total = cluster_size.clone().sum();
        let smoothed =
            (cluster_size.clone() + SMOOTHING) / (total.clone() + codes as f64 * SMOOTHING) * total;
        let embed = embed_avg.clone() / smoothed.unsqueeze_dim(0);
        self.with(embed, cluster_size, embed_avg)
    }

    /// Starts the codes from data: the rows numbered by `picks` (one a code), moved by `rounds` of
    /// k-means over all `rows` `[p, code_dim]`. Counts become one.
    #[must_use]
    pub fn seed(self, rows: Tensor<2>, picks: &[usize], rounds: usize) -> Self {
        let rows = rows.inner();
        let device = rows.device();
        let picks: Vec<i64> = picks.iter().map(|&pick| pick as i64).collect();
        let first = rows.clone().select(0, Tensor::from_data(picks.as_slice(), &device)).transpose();
        let ones = Tensor::ones([picks.len()], &device);
        let mut book = self.with(first.clone(), ones.clone(), first);
        for _ in 0..rounds {
            let (counts, sums) = book.collect(rows.clone(), book.nearest(rows.clone()));
            let counts: Tensor<2> = counts.unsqueeze_dim(0);
            let means = sums.transpose() / counts.clone().clamp_min(1.0);
            let used = counts.greater_elem(0.0).expand(means.dims());
            let embed = book.embed.val().inner().mask_where(used, means);
            book = book.with(embed.clone(), ones.clone(), embed);
        }
        book
    }

    /// Moves every dead code, whose count is below the share `dead` of the mean count, onto a row of
    /// `rows` that `draw` picks (given the number of rows, it returns one of them), with a tenth of the
    /// mean count. Returns how many were dead.
    #[must_use]
    pub fn revive(self, rows: &Tensor<2>, dead: f32, mut draw: impl FnMut(usize) -> usize) -> (Self, usize) {
        let device = rows.device();
        let mut counts = values(self.cluster_size.val().inner());
        let mean = counts.iter().sum::<f32>() / counts.len() as f32;
        let dead: Vec<usize> = (0..counts.len()).filter(|&code| counts[code] < dead * mean).collect();
        if dead.is_empty() {
            return (self, 0);
        }
        let [p, d] = rows.dims();
        let rows = values(rows.clone());
        let mut embed = values(self.embed.val().inner());
        let mut embed_avg = values(self.embed_avg.val().inner());
        let codes = counts.len();
        for &code in &dead {
            let row = &rows[draw(p) * d..][..d];
            counts[code] = REVIVED * mean;
            for (axis, &value) in row.iter().enumerate() {
                embed[axis * codes + code] = value;
                embed_avg[axis * codes + code] = value * counts[code];
            }
        }
        let matrix = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [d, codes]), &device);
        let cluster_size = Tensor::from_data(counts.as_slice(), &device);
        (self.with(matrix(embed), cluster_size, matrix(embed_avg)), dead.len())
    }

    /// Effective number of codes in use: exp(entropy) of the moving counts, from 1 to `codes`.
    pub fn perplexity(&self) -> f32 {
        perplexity(&values(self.cluster_size.val().inner()))
    }

    /// How many rows each code answers for `[codes]`, and their sums `[codes, code_dim]`.
    fn collect(&self, rows: Tensor<2>, indices: Tensor<1, Int>) -> (Tensor<1>, Tensor<2>) {
        let [d, codes] = self.embed.dims();
        let (p, device) = (rows.dims()[0], rows.device());
        let add = burn::tensor::IndexingUpdateOp::Add;
        let counts = Tensor::zeros([codes], &device).select_assign(
            0,
            indices.clone(),
            Tensor::ones([p], &device),
            add,
        );
        (counts, Tensor::zeros([codes, d], &device).select_assign(0, indices, rows, add))
    }

    fn with(self, embed: Tensor<2>, cluster_size: Tensor<1>, embed_avg: Tensor<2>) -> Self {
        Self {
            embed: self.embed.map(|old| replace(&old, embed)),
            cluster_size: self.cluster_size.map(|old| replace(&old, cluster_size)),
            embed_avg: self.embed_avg.map(|old| replace(&old, embed_avg)),
        }
    }
}

/// exp(entropy) of counts; 1 where all rows share one code.
pub fn perplexity(counts: &[f32]) -> f32 {
    let total: f64 = counts.iter().map(|&n| f64::from(n)).sum();
    let shares = counts.iter().map(|&n| f64::from(n) / total).filter(|&p| p > 0.0);
    shares.map(|p| -p * p.ln()).sum::<f64>().exp() as f32
}

/// One position a row `[n h w, d]`, and the shape before.
fn positions(z: Tensor<4>) -> (Tensor<2>, [usize; 4]) {
    let [n, d, h, w] = z.dims();
    (z.permute([0, 2, 3, 1]).reshape([n * h * w, d]), [n, d, h, w])
}

fn buffer<const D: usize>(tensor: Tensor<D>) -> Param<Tensor<D>> {
    Param::from_tensor(tensor).set_require_grad(false)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("codebooks are f32")
}
