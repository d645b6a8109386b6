//! What the cases of an evaluation have in common: the numbers behind `metrics.json` and the
//! terminal's table.

use std::borrow::Borrow as _;
use std::collections::HashMap;

use super::label::Label;
use super::name::Name;
use super::quantile::stepped_of_sorted;
use super::tidy::{ALL_CASES, MetricRow, TidyRows};

/// A metric over all cases.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// None for a metric of both labels together.
    pub label: Option<Label>,
    /// The metric's name.
    pub metric: Name,
    /// Each case's value, in the order of the cases; NaN where it is undefined.
    pub values: Vec<f64>,
}

/// Statistics over the values that are defined, as pandas' `describe` gives them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Values that are defined.
    pub count: usize,
    /// NaN without a value.
    pub mean: f64,
    /// Of the sample (n - 1); NaN below two values.
    pub sd: f64,
    /// The smallest.
    pub min: f64,
    /// 25th, 50th and 75th percentile, interpolated linearly.
    pub quartiles: [f64; 3],
    /// The largest.
    pub max: f64,
}

impl Description {
    /// `liver_dice`, `lesion_dice`, `tumour_burden_error`.
    pub fn name(&self) -> String {
        name(self.label, self.metric)
    }

    /// Over the cases that have a value.
    pub fn statistics(&self) -> Statistics {
        let mut defined: Vec<f64> = self
            .values
            .iter()
            .copied()
            .filter(|v| !v.is_nan())
            .collect();
        let count = defined.len();
        let mean = defined.iter().sum::<f64>() / count as f64;
        let squares: f64 = defined.iter().map(|value| (value - mean).powi(2)).sum();
        let sd = if count < 2 {
            f64::NAN
        } else {
            (squares / (count - 1) as f64).sqrt()
        };
        defined.sort_by(f64::total_cmp);
        Statistics {
            count,
            mean,
            sd,
            min: stepped_of_sorted(&defined, 0.0),
            quartiles: [0.25, 0.5, 0.75].map(|share| stepped_of_sorted(&defined, share)),
            max: stepped_of_sorted(&defined, 1.0),
        }
    }
}

/// What the rows of one evaluation say, by metric.
#[derive(Default)]
pub(super) struct Described {
    /// The cases in the order of the rows.
    pub(super) cases: Vec<Name>,
    /// The metrics of cases in the order of the rows.
    pub(super) metrics: Vec<Description>,
    /// What is pooled over all cases, by name, likewise.
    pub(super) pooled: Vec<(String, f64)>,
}

impl Described {
    pub(super) fn of(rows: impl TidyRows) -> Self {
        let mut found = Self::default();
        let mut places: HashMap<(Option<Label>, Name), usize> = HashMap::new();
        for row in rows {
            let row: &MetricRow = row.borrow();
            if row.case == ALL_CASES {
                found.pooled.push((name(row.label, row.metric), row.value));
                continue;
            }
            if found.cases.last() != Some(&row.case) {
                found.cases.push(row.case);
            }
            let place = places.entry((row.label, row.metric)).or_insert_with(|| {
                found.metrics.push(Description {
                    label: row.label,
                    metric: row.metric,
                    values: Vec::new(),
                });
                found.metrics.len() - 1
            });
            found.metrics[*place].values.push(row.value);
        }
        found
    }
}

/// `liver_dice`, `tumour_burden_error`.
fn name(label: Option<Label>, metric: Name) -> String {
    match label {
        Some(label) => format!("{label}_{metric}"),
        None => metric.into(),
    }
}

/// Groups the rows of one evaluation by label and metric, both in the order of the rows; rows
/// pooled over all cases are left out.
pub fn describe(rows: impl TidyRows) -> Vec<Description> {
    Described::of(rows).metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(values: &[f64]) -> Statistics {
        let description = Description {
            label: Some(Label::LESION),
            metric: "assd".into(),
            values: values.to_vec(),
        };
        assert_eq!(description.name(), "lesion_assd");
        description.statistics()
    }

    #[test]
    fn statistics_are_those_of_pandas() {
        // pandas.Series([4, 1, nan, 3, 2]).describe()
        let found = statistics(&[4.0, 1.0, f64::NAN, 3.0, 2.0]);
        assert_eq!(found.count, 4);
        assert_eq!((found.mean, found.min, found.max), (2.5, 1.0, 4.0));
        assert!((found.sd - 1.290_994_448_735_805_6).abs() < 1e-15);
        assert_eq!(found.quartiles, [1.75, 2.5, 3.25]);
    }

    #[test]
    fn few_values_have_few_statistics() {
        let one = statistics(&[0.5]);
        assert_eq!((one.count, one.mean, one.quartiles[1]), (1, 0.5, 0.5));
        assert!(one.sd.is_nan());
        let none = statistics(&[f64::NAN]);
        assert_eq!(none.count, 0);
        assert!(none.mean.is_nan() && none.min.is_nan() && none.quartiles[0].is_nan());
    }
}
