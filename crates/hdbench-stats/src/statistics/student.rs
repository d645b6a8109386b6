//! What Student's t says of a mean: its interval, and how likely a claim about it is false.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::moments::{mean, sample_sd};
use super::rounding::rounding;

/// Probability of a false claim up to which Christodoulou et al. (arXiv 2505.04720) let one stand.
pub const ACCEPTED: f64 = 0.05;

/// Cases beyond which nobody counts.
const MOST_CASES: u64 = 1_000_000;

/// Student's interval of the mean of a sample, to set beside the bootstrap's. `level` is 0.95 for 95 %; none below two
/// values and where one is infinite, the value itself where all are the same.
pub fn t_interval(values: &[f64], level: f64) -> Option<[f64; 2]> {
    let [mean, error] = mean_and_error(values)?;
    if error == 0.0 {
        return Some([mean; 2]);
    }
    let half = student(values.len() as u64).inverse_cdf((1.0 + level) / 2.0) * error;
    Some([mean - half, mean + half])
}

/// How much a claim rests on that one algorithm is better than another, because its mean is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// The probability that the true mean of the other is as good or better, given the values and nothing known
    /// before: 0.5 where the means are the same.
    pub probability_false: f64,
    /// Paired cases with this mean difference and this spread for the claim to be false with a probability of at most
    /// [`ACCEPTED`]; none above a million, and without a difference.
    pub cases_needed: Option<u64>,
}

/// The claim that paired differences give rise to: Claims Reloaded's P(mu_A <= mu_B) for segmentation,
/// `t_{n-1}(sqrt(n) (mean_B - mean_A) / s)`, where `s` is the standard deviation of the differences, which is what its
/// `s_A^2 + s_B^2 - 2 s_A s_B r` is the square of (Christodoulou et al., arXiv 2505.04720). None below two differences
/// and where one is infinite.
pub fn claim(differences: &[f64]) -> Option<Claim> {
    let [mean, error] = mean_and_error(differences)?;
    let size = mean.abs();
    if size == 0.0 {
        return Some(Claim {
            probability_false: 0.5,
            cases_needed: None,
        });
    }
    let n = differences.len() as u64;
    let spread = error * (n as f64).sqrt();
    let at = |n: u64| match spread {
        0.0 => 0.0,
        _ => student(n).cdf(-(n as f64).sqrt() * size / spread),
    };
    // It falls with every case.
    let (mut too_few, mut enough) = (1, MOST_CASES + 1);
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        match at(middle) <= ACCEPTED {
            true => enough = middle,
            false => too_few = middle,
        }
    }
    Some(Claim {
        probability_false: at(n),
        cases_needed: (enough <= MOST_CASES).then_some(enough),
    })
}

/// The mean of two finite values or more, and its standard error, 0 where all are the same but for rounding.
fn mean_and_error(values: &[f64]) -> Option<[f64; 2]> {
    let mean = mean(values).filter(|mean| mean.is_finite())?;
    let sd = sample_sd(values)?;
    let within = rounding(values.iter().copied());
    let first = values[0];
    let same = values.iter().all(|value| (value - first).abs() <= within);
    Some(match same {
        true => [first, 0.0],
        false => [mean, sd / (values.len() as f64).sqrt()],
    })
}

fn student(cases: u64) -> StudentsT {
    StudentsT::new(0.0, 1.0, cases as f64 - 1.0)
        .expect("a sample of two or more has a degree of freedom")
}
