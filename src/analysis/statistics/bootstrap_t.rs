use crate::seed::Seed;

/// The bootstrap distribution of a mean in standard errors, each draw's own (Efron's bootstrap-t): unlike
/// the plain bootstrap and Student's t it follows a skewed sample, whose mean and standard error go
/// together (Hall, Ann. Statist. 16, 1988).
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapT {
    mean: f64,
    /// Standard error of the mean.
    error: f64,
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
        let (mean, error) = moments(n, values.iter().copied());
        let mut stream = seed.stream("bootstrap t");
        let mut sample = vec![0.0; n];
        let mut drawn: Vec<f64> = (0..resamples)
            .map(|_| {
                for value in &mut sample {
                    *value = values[stream.below(n)];
                }
                let (own, error) = moments(n, sample.iter().copied());
                in_errors(own - mean, error)
            })
            .collect();
        drawn.sort_unstable_by(f64::total_cmp);
        Some(Self { mean, error, drawn })
    }

    /// One-sided p that the mean lies above `null` by chance; never below 1 / (draws + 1).
    pub fn p_greater(&self, null: f64) -> f64 {
        self.p_greater_by(0.0, null)
    }

    /// [`BootstrapT::p_greater`] of the values with `shift` added to each.
    pub fn p_greater_by(&self, shift: f64, null: f64) -> f64 {
        let t = in_errors(self.mean + shift - null, self.error);
        let beyond = self.drawn.len() - self.drawn.partition_point(|drawn| *drawn < t);
        (beyond + 1) as f64 / (self.drawn.len() + 1) as f64
    }

    /// One-sided p that the mean lies below `null` by chance.
    pub fn p_less(&self, null: f64) -> f64 {
        let t = in_errors(self.mean - null, self.error);
        let beyond = self.drawn.partition_point(|drawn| *drawn <= t);
        (beyond + 1) as f64 / (self.drawn.len() + 1) as f64
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
fn in_errors(difference: f64, error: f64) -> f64 {
    if difference == 0.0 {
        0.0
    } else {
        difference / error
    }
}
