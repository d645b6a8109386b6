use super::case::{DetectionCounts, LitsCase, MaskSums};
use super::metric_names::METRIC_NAMES;
use super::object::ObjectScores;

/// The official scorer's metrics over a set of cases, at full precision.
#[derive(Clone, Debug, PartialEq)]
pub struct LitsTotals {
    /// In the order of [`METRIC_NAMES`].
    pub values: [f64; 24],
    /// Number of cases.
    pub cases: usize,
    /// At any overlap, over all cases.
    pub detection_greater_zero: DetectionCounts,
    /// At an intersection over union above 0.5, over all cases.
    pub detection: DetectionCounts,
}

impl LitsTotals {
    /// Pools cases, each with its name; `None` without a case, where that scorer stops with
    /// ZeroDivisionError.
    ///
    /// The cases are added in the order of their names, as that scorer sorts its files, so the
    /// order they come in changes no bit.
    pub fn of<'a>(cases: impl IntoIterator<Item = (&'a str, &'a LitsCase)>) -> Option<Self> {
        let mut cases: Vec<(&str, &LitsCase)> = cases.into_iter().collect();
        let file = |name: &'a str| name.bytes().chain(*b".nii");
        cases.sort_by(|(a, _), (b, _)| file(a).cmp(file(b)));
        let cases: Vec<&LitsCase> = cases.into_iter().map(|(_, case)| case).collect();
        if cases.is_empty() {
            return None;
        }
        let lesions = || cases.iter().flat_map(|case| &case.lesions);
        let mean_of = |value: &dyn Fn(&LitsCase) -> f64| {
            mean(&cases.iter().map(|case| value(case)).collect::<Vec<_>>())
        };
        let global = |sums: &dyn Fn(&LitsCase) -> MaskSums| {
            let sums: Vec<MaskSums> = cases.iter().map(|case| sums(case)).collect();
            let shared: u64 = sums.iter().map(|sums| sums.intersection).sum();
            let sizes: u64 = sums.iter().map(|sums| sums.sizes).sum();
            if sizes == 0 {
                0.0
            } else {
                2.0 * shared as f64 / sizes as f64
            }
        };
        let differences: Vec<f64> = cases.iter().map(|case| case.burden_difference).collect();
        let squares: Vec<f64> = differences.iter().map(|d| d * d).collect();
        let at_zero = pooled(cases.iter().map(|case| case.detection_greater_zero));
        let at_half = pooled(cases.iter().map(|case| case.detection));

        let mut values = [&at_half, &at_zero].map(precision_recall).concat();
        values.extend(means(lesions().map(|lesion| &lesion.scores)));
        values.push(mean_of(&|case| case.lesion_dice));
        values.push(global(&|case| case.lesion_sums));
        values.extend(means(cases.iter().map(|case| &case.liver)));
        values.push(mean_of(&|case| case.liver_dice));
        values.push(global(&|case| case.liver_sums));
        values.push(mean(&squares).sqrt());
        values.push(
            differences
                .iter()
                .copied()
                .fold(f64::NEG_INFINITY, f64::max),
        );
        Some(Self {
            values: values.try_into().ok()?,
            cases: cases.len(),
            detection_greater_zero: at_zero,
            detection: at_half,
        })
    }

    /// The metrics with their names.
    pub fn metric_values(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        METRIC_NAMES.into_iter().zip(self.values)
    }
}

fn pooled(counts: impl Iterator<Item = DetectionCounts>) -> DetectionCounts {
    counts.fold(DetectionCounts::default(), |sum, case| DetectionCounts {
        true_positives: sum.true_positives + case.true_positives,
        false_positives: sum.false_positives + case.false_positives,
        false_negatives: sum.false_negatives + case.false_negatives,
    })
}

/// 0 where the denominator is 0.
fn precision_recall(counts: &DetectionCounts) -> [f64; 2] {
    let found = counts.true_positives;
    [counts.false_positives, counts.false_negatives].map(|other| match found + other {
        0 => 0.0,
        all => found as f64 / all as f64,
    })
}

/// The seven means; the worst scores without any object.
fn means<'a>(objects: impl Iterator<Item = &'a ObjectScores>) -> [f64; 7] {
    let mut columns: [Vec<f64>; 7] = Default::default();
    for object in objects {
        for (column, (_, value)) in columns.iter_mut().zip(object.named()) {
            column.push(value);
        }
    }
    if columns[0].is_empty() {
        return ObjectScores::WORST.named().map(|(_, value)| value);
    }
    columns.map(|column| mean(&column))
}

/// The mean with the additions in NumPy's order: a last bit decides the printed digit of a metric
/// that lies just between two.
fn mean(values: &[f64]) -> f64 {
    pairwise_sum(values) / values.len() as f64
}

/// NumPy's pairwise summation: halves down to 128 values, those in eight interleaved sums.
fn pairwise_sum(values: &[f64]) -> f64 {
    const LANES: usize = 8;
    const BLOCK: usize = 128;
    let count = values.len();
    if count > BLOCK {
        let half = count / 2 / LANES * LANES;
        let (low, high) = values.split_at(half);
        return pairwise_sum(low) + pairwise_sum(high);
    }
    let (chunks, rest) = values.as_chunks::<LANES>();
    let Some((first, others)) = chunks.split_first() else {
        return rest.iter().fold(0.0, |sum, value| sum + value);
    };
    let mut r = *first;
    for chunk in others {
        for (sum, value) in r.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    rest.iter().fold(sum, |sum, value| sum + value)
}
