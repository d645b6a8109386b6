use statrs::distribution::{ContinuousCDF, Normal};

/// Up to so many differences the distribution of the statistic is counted out.
const EXACT_UP_TO: usize = 50;

/// The result of a signed-rank test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Sum of the ranks of the positive differences.
    pub positive: f64,
    /// Sum of the ranks of the negative ones.
    pub negative: f64,
    /// Differences that are not 0, on which the test rests.
    pub n: usize,
    /// Two-sided.
    pub p: f64,
    /// One-sided, against the differences being larger than 0 by chance.
    pub p_greater: f64,
    /// One-sided, against their being smaller by chance.
    pub p_less: f64,
    /// Whether the distribution was counted out, ties included, or taken as normal.
    pub exact: bool,
}

/// Wilcoxon's signed-rank test of paired differences. Differences of 0 are left out (Wilcoxon's own
/// rule), equal ones share their mean rank. Up to 50 differences the distribution given the ranks is
/// counted out, ties included; above, it is taken as normal with the corrections for ties and
/// continuity, as scipy's `wilcoxon(..., method="asymptotic", correction=True)`.
///
/// NaN is no difference. Without any, nothing speaks against equality: p is 1.
pub fn wilcoxon(differences: &[f64]) -> SignedRank {
    let mut signed: Vec<f64> = differences
        .iter()
        .copied()
        .filter(|d| !d.is_nan() && *d != 0.0)
        .collect();
    signed.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let n = signed.len();
    // Twice the ranks: whole numbers even for ties.
    let mut doubled = vec![0_u64; n];
    let mut ties = 0.0;
    let mut first = 0;
    while first < n {
        let size = signed[first].abs();
        let count = signed[first..]
            .iter()
            .take_while(|d| d.abs() == size)
            .count();
        let rank = (2 * first + count + 1) as u64;
        doubled[first..first + count].fill(rank);
        ties += (count as f64).powi(3) - count as f64;
        first += count;
    }
    let sum = |positive: bool| -> u64 {
        let own = signed.iter().zip(&doubled);
        own.filter(|(d, _)| (**d > 0.0) == positive)
            .map(|(_, rank)| rank)
            .sum()
    };
    let (positive, negative) = (sum(true), sum(false));
    let exact = n <= EXACT_UP_TO;
    let [p_less, p_greater] = if n == 0 {
        [1.0, 1.0]
    } else if exact {
        counted_out(&doubled, positive)
    } else {
        normal(n, ties, positive as f64 / 2.0)
    };
    SignedRank {
        positive: positive as f64 / 2.0,
        negative: negative as f64 / 2.0,
        n,
        p: (2.0 * p_less.min(p_greater)).min(1.0),
        p_greater,
        p_less,
        exact,
    }
}

/// P(W <= w) and P(W >= w), every sign as likely as the other.
fn counted_out(doubled: &[u64], positive: u64) -> [f64; 2] {
    let total: u64 = doubled.iter().sum();
    let mut ways = vec![0.0_f64; total as usize + 1];
    ways[0] = 1.0;
    let mut reached = 0;
    for &rank in doubled {
        let rank = rank as usize;
        reached += rank;
        for sum in (rank..=reached).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let all = 2.0_f64.powi(doubled.len() as i32);
    let at = positive as usize;
    let tail = |part: &[f64]| part.iter().sum::<f64>() / all;
    [tail(&ways[..=at]), tail(&ways[at..])]
}

fn normal(n: usize, ties: f64, positive: f64) -> [f64; 2] {
    let n = n as f64;
    let mean = n * (n + 1.0) / 4.0;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    let standard = Normal::standard();
    let z = |correction: f64| (positive - mean + correction) / variance.sqrt();
    [standard.cdf(z(0.5)), standard.sf(z(-0.5))]
}
