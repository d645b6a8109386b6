use hdbench_ground::seed::Seed;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::rounding::rounding;

/// Fewer draws beyond a mean than these do not tell its p by their number: the tail that they have goes on.
pub const COUNTED: usize = 10;

/// The bootstrap distribution of a mean in standard errors, each draw's own (Efron's bootstrap-t): unlike
/// the plain bootstrap and Student's t it follows a skewed sample, whose mean and standard error go
/// together (Hall, Ann. Statist. 16, 1988).
///
/// Draws alone give no p below 1 / (draws + 1), which a correction for many tests makes larger than any level.
/// Beyond the tenth largest of them p falls by the power of t by which the farthest tenth of the draws do, the
/// hundredth to the tenth at most (Weissman, J. Am. Stat. Assoc. 73, 1978): a skewed sample keeps the heavy tail
/// that it has, where Student's would be too light.
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapT {
    mean: f64,
    /// Standard error of the mean.
    error: f64,
    /// Number of values.
    n: usize,
    /// Below it a difference of means is 0.
    within: f64,
    /// In ascending order.
    drawn: Vec<f64>,
}

impl BootstrapT {
    /// Draws `resamples` times from values without NaN. Nothing below two values.
    pub fn new(values: &[f64], resamples: usize, seed: Seed) -> Option<Self> {
        let n = values.len();
        if n < 2 {
            return None;
        }
        let within = rounding(values.iter().copied());
        let (mean, error) = moments(n, values.iter().copied());
        let mut stream = seed.stream("bootstrap t");
        let mut sample = vec![0.0; n];
        let mut drawn: Vec<f64> = (0..resamples)
            .map(|_| {
                for value in &mut sample {
                    *value = values[stream.below(n)];
                }
                let (own, error) = moments(n, sample.iter().copied());
                in_errors(own - mean, error, within)
            })
            .collect();
        drawn.sort_unstable_by(f64::total_cmp);
        Some(Self {
            mean,
            error,
            n,
            within,
            drawn,
        })
    }

    /// One-sided p that the mean lies above `null` by chance.
    pub fn p_greater(&self, null: f64) -> f64 {
        self.p_greater_by(0.0, null)
    }

    /// [`BootstrapT::p_greater`] of the values with `shift` added to each.
    pub fn p_greater_by(&self, shift: f64, null: f64) -> f64 {
        let t = in_errors(self.mean + shift - null, self.error, self.within);
        let draws = self.drawn.len();
        let beyond = draws - self.drawn.partition_point(|drawn| *drawn < t);
        self.p(t, beyond, |place| self.drawn[draws - place])
    }

    /// One-sided p that the mean lies below `null` by chance.
    pub fn p_less(&self, null: f64) -> f64 {
        let t = in_errors(self.mean - null, self.error, self.within);
        let beyond = self.drawn.partition_point(|drawn| *drawn <= t);
        self.p(-t, beyond, |place| -self.drawn[place - 1])
    }

    /// Of a mean `t` errors away, with `beyond` draws as far or farther; `largest` is the first, second ... of
    /// the draws, the farthest first.
    fn p(&self, t: f64, beyond: usize, largest: impl Fn(usize) -> f64) -> f64 {
        let share = |draws: usize| (draws + 1) as f64 / (self.drawn.len() + 1) as f64;
        let fitted = (self.drawn.len() / 10).clamp(2 * COUNTED, 10 * COUNTED);
        if beyond >= COUNTED || self.drawn.len() < fitted {
            return share(beyond);
        }
        let [near, far] = [fitted, COUNTED].map(&largest);
        if near > 0.0 && far > near {
            let steps = (t / far).ln() / (far / near).ln();
            return share(COUNTED) * (share(COUNTED) / share(fitted)).powf(steps);
        }
        // Draws of a few values alone have no slope. Only impossible parameters are refused, and n is two or more.
        let Ok(student) = StudentsT::new(0.0, 1.0, (self.n - 1) as f64) else {
            return share(beyond);
        };
        share(COUNTED) * student.sf(t) / student.sf(far)
    }
}

/// Mean and its standard error.
fn moments(n: usize, values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = n as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count * (count - 1.0))).sqrt())
}

/// A draw of one value alone has no error: its difference is beyond all others.
fn in_errors(difference: f64, error: f64, within: f64) -> f64 {
    if difference.abs() <= within {
        0.0
    } else if error <= within {
        f64::INFINITY.copysign(difference)
    } else {
        difference / error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(n: usize, mean: f64) -> Vec<f64> {
        let mut stream = Seed(4).stream("values");
        (0..n).map(|_| mean + stream.normal()).collect()
    }

    /// The same p where draws count, p below 1 / (draws + 1) where they do not, and no step between.
    #[test]
    fn the_tail_goes_on_where_the_draws_end() {
        let values = normal(30, 0.0);
        let few = BootstrapT::new(&values, 10_000, Seed(1)).unwrap();
        let many = BootstrapT::new(&values, 400_000, Seed(1)).unwrap();
        let mut last = 1.0;
        for step in 0..60 {
            let shift = 0.02 * f64::from(step);
            let [p, counted] = [&few, &many].map(|drawn| drawn.p_greater_by(shift, 0.0));
            assert!(p <= last && p > 0.0, "{shift}: {p} after {last}");
            // 400,000 draws count down to 1e-4.
            if counted > 1e-4 {
                let ratio = p / counted;
                assert!((0.4..4.0).contains(&ratio), "{shift}: {p}, {counted}");
            }
            last = p;
        }
        assert!(last < 1e-4, "{last}");
    }

    #[test]
    fn both_sides_are_one_test_mirrored() {
        let values = normal(15, 0.8);
        let mirrored: Vec<f64> = values.iter().map(|v| -v).collect();
        for null in [0.0, 0.5, -3.0] {
            let drawn = BootstrapT::new(&values, 500, Seed(2)).unwrap();
            let other = BootstrapT::new(&mirrored, 500, Seed(2)).unwrap();
            let (p, mirrored) = (drawn.p_greater(null), other.p_less(-null));
            assert!((p - mirrored).abs() <= 1e-12 * p, "{p}, {mirrored}");
        }
    }

    #[test]
    fn means_that_are_equal_but_for_rounding_are_no_errors_apart() {
        let values = [0.1; 7];
        let drawn = BootstrapT::new(&values, 200, Seed(1)).unwrap();
        assert_eq!(drawn.p_greater(0.1), 1.0);
        assert_eq!(drawn.p_greater(0.7 / 7.0), 1.0);
        assert_eq!(drawn.p_greater(0.05), 0.0);
    }
}
