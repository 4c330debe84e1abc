//! From which distance on adaptation is worth it: decided on pictures whose reference is known.

/// What one adaptation towards the true pattern's anchor did to a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// Distance from the anchor before it.
    pub distance: f64,
    /// PSNR with it less PSNR without it, in dB.
    pub gain: f64,
}

/// A picture is harmed that loses more than this, in dB.
pub const HARM: f64 = 0.1;
/// A bound tolerates half of that: pictures that it is not chosen by vary more than those it is.
const TOLERATED: f64 = HARM / 2.0;
/// Share of the pictures beyond the bound that may lose more than that.
const LOSERS: f64 = 0.01;
/// Pictures that a bound must have beyond it to be believed.
const LEAST: usize = 8;

/// The smallest distance beyond which the mean gain is positive, and beyond which, as beyond every
/// larger one, at most one picture in a hundred loses more than half of [`HARM`]; `None` where there
/// is none that eight pictures support.
pub fn worth(gains: &[Gain]) -> Option<f64> {
    let mut gains = gains.to_vec();
    gains.sort_by(|a, b| b.distance.total_cmp(&a.distance));
    let (mut sum, mut losers, mut bound) = (0.0, 0_usize, None);
    for (i, Gain { distance, gain }) in gains.iter().enumerate() {
        sum += gain;
        losers += usize::from(*gain < -TOLERATED);
        if losers as f64 > LOSERS * (i + 1) as f64 {
            break;
        }
        if i + 1 >= LEAST && sum > 0.0 {
            bound = Some(*distance);
        }
    }
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gains(list: &[(f64, f64)]) -> Vec<Gain> {
        list.iter().map(|&(distance, gain)| Gain { distance, gain }).collect()
    }

    #[test]
    fn the_bound_lies_above_the_last_harm() {
        let mut list: Vec<(f64, f64)> = (0..20).map(|i| (10.0 + f64::from(i), 0.3)).collect();
        list.extend([(9.0, -0.5), (5.0, 0.4)]);
        assert_eq!(worth(&gains(&list)), Some(10.0));
    }

    #[test]
    fn few_pictures_or_no_gain_make_no_bound() {
        assert_eq!(worth(&gains(&[(9.0, 1.0); 7])), None);
        assert_eq!(worth(&gains(&[(9.0, -0.05); 50])), None);
        assert_eq!(worth(&gains(&[(9.0, -0.5); 50])), None);
        assert_eq!(worth(&[]), None);
    }
}
