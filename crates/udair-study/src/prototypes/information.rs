//! How a codebook is used, and how much its codes say about the pattern.

use udair::Pattern;

/// How the codes of one book are used.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// For every pattern that occurs, the share of positions that each code takes, averaged over its
    /// pictures.
    pub shares: Vec<(Pattern, Vec<f64>)>,
    /// exp of the entropy of the codes, all patterns alike: how many codes are in use, about.
    pub perplexity: f64,
    /// Mutual information of code and pattern over the geometric mean of their entropies, 0 to 1; 0 for
    /// a book that uses a single code.
    pub information: f64,
}

/// The usage of a book of `codes` codes, from the pattern and the codes of each picture.
pub fn usage<'a>(codes: usize, pictures: impl IntoIterator<Item = (Pattern, &'a [u32])>) -> Usage {
    let mut sums: Vec<(Pattern, usize, Vec<f64>)> = Vec::new();
    for (pattern, used) in pictures {
        let at = sums.iter().position(|(known, ..)| *known == pattern).unwrap_or_else(|| {
            sums.push((pattern, 0, vec![0.0; codes]));
            sums.len() - 1
        });
        sums[at].1 += 1;
        used.iter().for_each(|&code| sums[at].2[code as usize] += 1.0 / used.len() as f64);
    }
    sums.sort_by_key(|(pattern, ..)| *pattern);
    let mean = |(pattern, n, sum): (Pattern, usize, Vec<f64>)| {
        (pattern, sum.into_iter().map(|v| v / n as f64).collect::<Vec<f64>>())
    };
    let shares: Vec<(Pattern, Vec<f64>)> = sums.into_iter().map(mean).collect();
    let k = shares.len() as f64;
    let overall: Vec<f64> =
        (0..codes).map(|code| shares.iter().map(|(_, s)| s[code]).sum::<f64>() / k).collect();
    let within: f64 = shares.iter().map(|(_, shares)| entropy(shares)).sum::<f64>() / k;
    let all = entropy(&overall);
    let scale = (all * k.ln()).sqrt();
    let information = if scale > 0.0 { ((all - within) / scale).max(0.0) } else { 0.0 };
    Usage { shares, perplexity: all.exp(), information }
}

fn entropy(shares: &[f64]) -> f64 {
    -shares.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn information_runs_from_none_to_all() {
        let (a, b) = (Pattern::Denoise, Pattern::Dehaze);
        let cases: [(&[u32], &[u32], f64, f64); 4] = [
            (&[3, 3], &[3, 3], 1.0, 0.0),
            (&[0, 0], &[1, 1], 2.0, 1.0),
            (&[0, 1], &[0, 1], 2.0, 0.0),
            (&[0, 1], &[2, 3], 4.0, 0.5_f64.sqrt()),
        ];
        for (first, second, perplexity, information) in cases {
            let usage = usage(5, [(a, first), (b, second), (b, second)]);
            assert!((usage.perplexity - perplexity).abs() < 1e-9, "{first:?} {second:?}: {usage:?}");
            assert!((usage.information - information).abs() < 1e-9, "{first:?} {second:?}: {usage:?}");
        }
    }
}
