//! Agreement of predicted tumour burdens with those of the reference (Bland and Altman, Lancet 1, 1986).

use hdbench_ground::error::Result;
use hdbench_score::{BURDENS, MetricRow};

use super::metric_table::metric_tables;

/// The tumour burdens that one algorithm predicts, case by case.
#[derive(Clone, Debug, PartialEq)]
pub struct Burdens {
    /// Its name.
    pub algorithm: String,
    /// Burden of the reference and of the prediction, fractions of the liver.
    pub cases: Vec<[f64; 2]>,
}

/// Standard deviations between the bias and a limit of agreement.
const LIMITS: f64 = 1.96;

/// How far predictions are off, fractions of the liver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Mean of prediction - reference.
    pub bias: f64,
    /// Half the distance of the limits of agreement, 1.96 standard deviations; none with one case.
    pub limit: Option<f64>,
}

impl Burdens {
    /// Reference and prediction of every case that has both, by algorithm.
    ///
    /// # Errors
    /// `Error::Internal` if polars refuses the table.
    pub fn of(rows: &[MetricRow]) -> Result<Vec<Self>> {
        let [prediction, reference, _] = BURDENS;
        let of = |metric: &'static str| {
            metric_tables(rows, move |row| row.label.is_none() && row.metric == metric)
        };
        let (truth, predicted) = (of(reference)?, of(prediction)?);
        let (Some(truth), Some(predicted)) = (truth.first(), predicted.first()) else {
            return Ok(Vec::new());
        };
        if truth.cases != predicted.cases || truth.algorithms != predicted.algorithms {
            return Ok(Vec::new());
        }
        Ok(predicted
            .algorithms
            .iter()
            .enumerate()
            .map(|(place, algorithm)| Self {
                algorithm: algorithm.clone(),
                cases: (0..predicted.cases.len())
                    .map(|case| [truth.values[[case, place]], predicted.values[[case, place]]])
                    .filter(|pair| pair.iter().all(|burden| burden.is_finite()))
                    .collect(),
            })
            .collect())
    }

    /// Over the cases; none where there are none.
    pub fn agreement(&self) -> Option<Agreement> {
        let differences: Vec<f64> = self
            .cases
            .iter()
            .map(|[truth, predicted]| predicted - truth)
            .collect();
        if differences.is_empty() {
            return None;
        }
        let n = differences.len() as f64;
        let bias = differences.iter().sum::<f64>() / n;
        let squares: f64 = differences.iter().map(|d| (d - bias).powi(2)).sum();
        Some(Agreement {
            bias,
            limit: (n > 1.0).then(|| LIMITS * (squares / (n - 1.0)).sqrt()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bias_and_its_spread() {
        let own = Burdens {
            algorithm: "a".into(),
            cases: vec![[0.1, 0.2], [0.2, 0.2], [0.3, 0.5]],
        };
        let found = own.agreement().unwrap();
        assert!((found.bias - 0.1).abs() < 1e-12);
        assert!((found.limit.unwrap() - 0.196).abs() < 1e-12);
        let none = Burdens {
            cases: Vec::new(),
            ..own
        };
        assert_eq!(none.agreement(), None);
    }
}
