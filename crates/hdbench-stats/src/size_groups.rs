//! Small and large tumours: by the tumour volume of a case, as the paper's Table VI and Figure 7 do, and
//! lesion by lesion.

use std::collections::BTreeMap;

use hdbench_ground::error::{Error, Result};
use serde::Serialize;

use super::compare::AnalysisOptions;
use super::metric_table::MetricTable;
use super::statistics::{Resampling, bootstrap_means, mean_intervals, quantile};

/// Where small ends and large begins.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Boundary {
    /// In the middle of the largest gap between neighbouring volumes.
    #[default]
    LargestGap,
    /// Given, mL; a case of just that volume is large.
    At(f64),
}

/// Cases divided by the tumour volume of their references.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseGroups {
    /// mL.
    pub boundary_ml: f64,
    /// Whether it was found, not given.
    pub found: bool,
    /// Tumour volume of the reference by case, mL; cases without tumour are left out.
    pub volumes_ml: BTreeMap<String, f64>,
}

impl CaseGroups {
    /// Divides cases by the reference volumes of lesions (metric `volume_ref_ml`).
    ///
    /// # Errors
    /// `Error::Usage` where there are fewer than two cases with a tumour, or the boundary leaves a
    /// group empty.
    pub fn divide(volumes: &MetricTable, boundary: Boundary) -> Result<Self> {
        let volumes_ml: BTreeMap<String, f64> = volumes
            .cases
            .iter()
            .zip(volumes.values.rows())
            .filter_map(|(case, row)| {
                // The reference is the same for all algorithms.
                let volume = row.iter().copied().find(|volume| !volume.is_nan())?;
                (volume > 0.0).then(|| (case.clone(), volume))
            })
            .collect();
        let mut sorted: Vec<f64> = volumes_ml.values().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (Some(&smallest), Some(&largest)) = (sorted.first(), sorted.last()) else {
            return Err(too_few(0));
        };
        if sorted.len() < 2 {
            return Err(too_few(sorted.len()));
        }
        let (boundary_ml, found) = match boundary {
            Boundary::At(given) => (given, false),
            Boundary::LargestGap => {
                let gap = |pair: &&[f64]| pair[1] - pair[0];
                let widest = sorted
                    .windows(2)
                    .max_by(|a, b| gap(a).total_cmp(&gap(b)))
                    .map_or(smallest, |pair| (pair[0] + pair[1]) / 2.0);
                (widest, true)
            }
        };
        if smallest >= boundary_ml || largest < boundary_ml {
            return Err(Error::usage(
                format!(
                    "a boundary of {boundary_ml} mL leaves a group empty: tumours measure \
                     {smallest:.2} to {largest:.2} mL"
                ),
                "give a boundary between them, or none, and the largest gap is taken",
            ));
        }
        Ok(Self {
            boundary_ml,
            found,
            volumes_ml,
        })
    }

    /// Whether a case has a large tumour; nothing where it has none.
    pub fn is_large(&self, case: &str) -> Option<bool> {
        Some(*self.volumes_ml.get(case)? >= self.boundary_ml)
    }
}

fn too_few(found: usize) -> Error {
    Error::usage(
        format!("{found} cases with a tumour make no two groups"),
        "score more cases",
    )
}

/// A group of cases or lesions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupValue {
    pub algorithm: String,
    /// `total`, `large`, `small`, or a range of sizes.
    pub group: String,
    /// Cases, or lesions.
    pub n: usize,
    pub mean: f64,
    pub interval: Option<[f64; 2]>,
    /// Difference to the baseline over the same cases, and its interval.
    pub difference: Option<f64>,
    pub difference_interval: Option<[f64; 2]>,
}

/// The mean lesion Dice of all cases with a tumour, of the large and of the small ones, by every
/// algorithm: Table VI.
///
/// # Errors
/// `Error::Usage` for a baseline that is none of the algorithms.
pub fn by_case_groups(
    dice: &MetricTable,
    groups: &CaseGroups,
    options: &AnalysisOptions,
) -> Result<Vec<GroupValue>> {
    let baseline = baseline_of(dice, options)?;
    let mut found = Vec::new();
    for (name, wanted) in [
        ("total", None),
        ("large", Some(true)),
        ("small", Some(false)),
    ] {
        let rows: Vec<usize> = (0..dice.cases.len())
            .filter(|&row| match groups.is_large(&dice.cases[row]) {
                None => false,
                Some(large) => wanted.is_none_or(|wanted| wanted == large),
            })
            .collect();
        // The total is the metric itself; a group is a metric of its own.
        let resampling = match wanted {
            None => options.resampling(&dice.name()),
            Some(_) => options.resampling(&format!("{}, {name}", dice.name())),
        };
        found.extend(group_values(dice, name, &rows, baseline, resampling));
    }
    Ok(found)
}

/// The values of a group of cases, by their rows in the metric, of every algorithm and against the baseline.
pub(super) fn group_values(
    metric: &MetricTable,
    name: &str,
    rows: &[usize],
    baseline: Option<usize>,
    resampling: Resampling,
) -> Vec<GroupValue> {
    let values = metric.values.select(ndarray::Axis(0), rows);
    let algorithms = metric.algorithms.len();
    let mut columns = ndarray::Array2::zeros((rows.len(), 2 * algorithms));
    for (mut out, row) in columns.rows_mut().into_iter().zip(values.rows()) {
        for algorithm in 0..algorithms {
            out[algorithm] = row[algorithm];
            out[algorithms + algorithm] =
                baseline.map_or(f64::NAN, |place| row[algorithm] - row[place]);
        }
    }
    let intervals = mean_intervals(columns.view(), resampling);
    let of = |column: usize| {
        let values = columns.column(column);
        let known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        (known.len(), mean, intervals[column])
    };
    let value = |algorithm: usize| {
        let (n, mean, interval) = of(algorithm);
        let differs = baseline.is_some_and(|place| place != algorithm);
        let difference = differs.then(|| of(algorithms + algorithm));
        GroupValue {
            algorithm: metric.algorithms[algorithm].clone(),
            group: name.to_owned(),
            n,
            mean,
            interval,
            difference: difference.map(|(_, mean, _)| mean),
            difference_interval: difference.and_then(|(.., interval)| interval),
        }
    };
    (0..algorithms).map(value).collect()
}

pub(super) fn baseline_of(
    metric: &MetricTable,
    options: &AnalysisOptions,
) -> Result<Option<usize>> {
    let Some(name) = &options.baseline else {
        return Ok(None);
    };
    let place = metric.algorithms.iter().position(|own| own == name);
    place.map(Some).ok_or_else(|| {
        Error::usage(
            format!("there is no algorithm {name:?}"),
            format!("name one of {}", metric.algorithms.join(", ")),
        )
    })
}

/// How lesions are divided by size.
#[derive(Clone, Debug, PartialEq)]
pub enum Bins {
    /// Edges of the equivalent diameter, mm, ascending.
    DiameterMm(Vec<f64>),
    /// Edges of the volume, mL, ascending.
    VolumeMl(Vec<f64>),
    /// This number of groups of equally many reference lesions, by volume.
    Quantiles(usize),
}

impl Default for Bins {
    /// Under 10 mm, 10 to 20, and more.
    fn default() -> Self {
        Self::DiameterMm(vec![10.0, 20.0])
    }
}

/// A lesion of one side, as `lesions.csv` has it.
#[derive(Clone, Debug, PartialEq)]
pub struct SizedLesion {
    pub case: String,
    /// Whether it is one of the reference, else of the prediction.
    pub reference: bool,
    pub volume_ml: f64,
    pub equivalent_diameter_mm: f64,
    /// Whether it is matched, at any overlap.
    pub detected: bool,
    /// Dice of what is matched together; 0 if it is not matched.
    pub dice: f64,
}

/// Lesions of a range of sizes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LesionBin {
    /// `10 to 20 mm`.
    pub range: String,
    /// Reference lesions.
    pub lesions: usize,
    /// Of those, found.
    pub detected: usize,
    /// Share of the reference lesions that is found; none without any. Interval by the bootstrap
    /// over cases.
    pub recall: Option<f64>,
    pub recall_interval: Option<[f64; 2]>,
    /// Mean Dice of the reference lesions, those not found with 0.
    pub dice: Option<f64>,
    pub dice_interval: Option<[f64; 2]>,
    /// Predicted lesions of this size that match none of the reference.
    pub false_positives: usize,
    /// The same a case.
    pub false_positives_a_case: f64,
}

/// Divides the lesions of one algorithm by size. `cases` are all cases that were scored, also those
/// without any lesion.
///
/// # Errors
/// `Error::Usage` for edges that do not ascend.
pub fn by_lesion_size(
    lesions: &[SizedLesion],
    cases: &[String],
    bins: &Bins,
    options: &AnalysisOptions,
) -> Result<Vec<LesionBin>> {
    let (edges, unit) = edges(lesions, bins)?;
    let size = |lesion: &SizedLesion| match bins {
        Bins::DiameterMm(_) => lesion.equivalent_diameter_mm,
        Bins::VolumeMl(_) | Bins::Quantiles(_) => lesion.volume_ml,
    };
    let place: BTreeMap<&str, usize> = cases.iter().map(String::as_str).zip(0..).collect();
    Ok((0..=edges.len())
        .map(|bin| {
            let low = bin.checked_sub(1).map(|below| edges[below]);
            let high = edges.get(bin).copied();
            let inside = |lesion: &&SizedLesion| {
                let size = size(lesion);
                low.is_none_or(|low| size >= low) && high.is_none_or(|high| size < high)
            };
            let own: Vec<&SizedLesion> = lesions.iter().filter(inside).collect();
            let reference: Vec<&&SizedLesion> = own.iter().filter(|l| l.reference).collect();
            let false_positives = own.iter().filter(|l| !(l.reference || l.detected)).count();
            // Lesions of a case hang together: cases are drawn. Sums by case: lesions, found, Dice.
            let mut sums = ndarray::Array2::<f64>::zeros((cases.len(), 3));
            for lesion in &reference {
                if let Some(&case) = place.get(lesion.case.as_str()) {
                    sums[[case, 0]] += 1.0;
                    sums[[case, 1]] += f64::from(u8::from(lesion.detected));
                    sums[[case, 2]] += lesion.dice;
                }
            }
            let drawn = bootstrap_means(sums.view(), options.resamples, options.seed);
            let share = |column: usize| {
                let total = sums.column(0).sum();
                (total > 0.0).then(|| sums.column(column).sum() / total)
            };
            let interval = |column: usize| {
                let mut ratios: Vec<f64> = drawn
                    .means
                    .row(column)
                    .iter()
                    .zip(drawn.means.row(0))
                    .map(|(part, all)| part / all)
                    .filter(|ratio| !ratio.is_nan())
                    .collect();
                (reference.len() > 1 && !ratios.is_empty()).then(|| {
                    [(1.0 - options.level) / 2.0, (1.0 + options.level) / 2.0]
                        .map(|at| quantile(&mut ratios, at))
                })
            };
            LesionBin {
                range: range(low, high, unit),
                lesions: reference.len(),
                detected: reference.iter().filter(|lesion| lesion.detected).count(),
                recall: share(1),
                recall_interval: interval(1),
                dice: share(2),
                dice_interval: interval(2),
                false_positives,
                false_positives_a_case: false_positives as f64 / cases.len() as f64,
            }
        })
        .collect())
}

fn edges(lesions: &[SizedLesion], bins: &Bins) -> Result<(Vec<f64>, &'static str)> {
    let (edges, unit) = match bins {
        Bins::DiameterMm(edges) => (edges.clone(), "mm"),
        Bins::VolumeMl(edges) => (edges.clone(), "mL"),
        Bins::Quantiles(groups) => {
            let reference = lesions.iter().filter(|lesion| lesion.reference);
            let mut volumes: Vec<f64> = reference.map(|lesion| lesion.volume_ml).collect();
            let edges = (1..*groups)
                .map(|group| quantile(&mut volumes, group as f64 / *groups as f64))
                .filter(|edge| !edge.is_nan());
            (edges.collect(), "mL")
        }
    };
    if edges.windows(2).any(|pair| pair[0] >= pair[1]) || edges.iter().any(|edge| *edge <= 0.0) {
        return Err(Error::usage(
            format!("sizes {edges:?} do not ascend from above 0"),
            "give edges such as 10,20",
        ));
    }
    Ok((edges, unit))
}

fn range(low: Option<f64>, high: Option<f64>, unit: &str) -> String {
    let text = |edge: f64| match edge.fract() == 0.0 {
        true => format!("{edge}"),
        false => format!("{edge:.3}"),
    };
    match (low, high) {
        (None, None) => "all".into(),
        (None, Some(high)) => format!("under {} {unit}", text(high)),
        (Some(low), Some(high)) => format!("{} to {} {unit}", text(low), text(high)),
        (Some(low), None) => format!("{} {unit} or more", text(low)),
    }
}

#[cfg(test)]
mod tests {
    use hdbench_score::Label;
    use ndarray::Array2;

    use super::*;

    fn metric(metric: &str, values: Array2<f64>) -> MetricTable {
        MetricTable {
            label: Some(Label::LESION),
            metric: metric.into(),
            cases: (0..values.nrows()).map(|i| format!("case-{i}")).collect(),
            algorithms: ["baseline", "ours"].map(str::to_owned).to_vec(),
            replicates: vec![Vec::new(), Vec::new()],
            definitions: Vec::new(),
            values,
        }
    }

    /// Cases 0 to 4 of 1 to 5 mL, 5 and 6 of 40 and 50, 7 without tumour.
    fn volumes() -> MetricTable {
        let ml = [1.0, 2.0, 3.0, 4.0, 5.0, 40.0, 50.0, 0.0];
        metric(
            "volume_ref_ml",
            Array2::from_shape_fn((8, 2), |(i, _)| ml[i]),
        )
    }

    #[test]
    fn the_largest_gap_divides_and_a_given_one_is_taken() {
        let found = CaseGroups::divide(&volumes(), Boundary::LargestGap).unwrap();
        assert_eq!((found.boundary_ml, found.found), (22.5, true));
        assert_eq!(found.is_large("case-5"), Some(true));
        assert_eq!(found.is_large("case-4"), Some(false));
        assert_eq!(found.is_large("case-7"), None);
        let given = CaseGroups::divide(&volumes(), Boundary::At(4.0)).unwrap();
        assert_eq!(given.is_large("case-3"), Some(true));
        for wrong in [0.5, 51.0] {
            let error = CaseGroups::divide(&volumes(), Boundary::At(wrong)).unwrap_err();
            assert!(
                error.to_string().contains("leaves a group empty"),
                "{error}"
            );
        }
    }

    #[test]
    fn groups_have_their_means_and_differences() {
        let groups = CaseGroups::divide(&volumes(), Boundary::LargestGap).unwrap();
        let dice = metric(
            "dice",
            Array2::from_shape_fn((8, 2), |(case, algorithm)| {
                let large = if case >= 5 { 0.2 } else { 0.1 };
                0.4 + large * algorithm as f64 + 0.01 * case as f64
            }),
        );
        let options = AnalysisOptions {
            baseline: Some("baseline".into()),
            ..AnalysisOptions::default()
        };
        let found = by_case_groups(&dice, &groups, &options).unwrap();
        let of = |group: &str| {
            let own = found
                .iter()
                .find(|f| f.group == group && f.algorithm == "ours");
            own.unwrap()
        };
        assert_eq!((of("total").n, of("large").n, of("small").n), (7, 2, 5));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(near(of("large").difference.unwrap(), 0.2));
        assert!(near(of("small").difference.unwrap(), 0.1));
        assert!(near(of("large").mean, 0.6 + 0.055));
        let total = of("total").difference.unwrap();
        assert!(near(total, (5.0 * 0.1 + 2.0 * 0.2) / 7.0));
        let [low, high] = of("total").difference_interval.unwrap();
        assert!(low >= 0.1 - 1e-12 && low < total && total < high && high <= 0.2 + 1e-12);
        assert!(
            found[0].difference.is_none(),
            "the baseline has none to itself"
        );
    }

    #[test]
    fn lesions_are_counted_by_size() {
        let lesion = |case: &str, reference, mm: f64, detected, dice| SizedLesion {
            case: case.into(),
            reference,
            volume_ml: mm.powi(3) / 2000.0,
            equivalent_diameter_mm: mm,
            detected,
            dice,
        };
        let lesions = [
            lesion("a", true, 5.0, false, 0.0),
            lesion("a", true, 9.9, true, 0.5),
            lesion("a", true, 10.0, true, 0.7),
            lesion("b", true, 30.0, true, 0.9),
            lesion("b", false, 5.0, false, 0.0),
            lesion("b", false, 25.0, true, 0.9),
        ];
        let cases = ["a", "b", "c"].map(str::to_owned);
        let options = AnalysisOptions::default();
        let found = by_lesion_size(&lesions, &cases, &Bins::default(), &options).unwrap();
        let ranges: Vec<&str> = found.iter().map(|bin| bin.range.as_str()).collect();
        assert_eq!(ranges, ["under 10 mm", "10 to 20 mm", "20 mm or more"]);
        assert_eq!((found[0].lesions, found[0].detected), (2, 1));
        assert_eq!((found[0].recall, found[0].dice), (Some(0.5), Some(0.25)));
        assert_eq!(found[0].false_positives, 1);
        assert!((found[0].false_positives_a_case - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(found[2].recall, Some(1.0));
        let halves = by_lesion_size(&lesions, &cases, &Bins::Quantiles(2), &options).unwrap();
        assert_eq!((halves[0].lesions, halves[1].lesions), (2, 2));
        let wrong = Bins::DiameterMm(vec![20.0, 10.0]);
        assert!(by_lesion_size(&lesions, &cases, &wrong, &options).is_err());
        let none = by_lesion_size(&[], &cases, &Bins::default(), &options).unwrap();
        assert_eq!((none[0].recall, none[0].recall_interval), (None, None));
    }
}
