//! Which metrics of a table are looked at.

use std::collections::BTreeSet;

use hdbench_ground::error::{Error, Result};
use hdbench_score::{Label, MetricRow, Name};

/// What is looked at of liver and lesion unless the user says otherwise.
const HEADLINE: [&str; 11] = [
    "lesion:dice",
    "lesion:voe",
    "lesion:rvd",
    "lesion:assd",
    "lesion:detection_recall_iou_gt_0",
    "lesion:detection_precision_iou_gt_0",
    "liver:dice",
    "liver:voe",
    "liver:assd",
    "liver_without_lesions:dice",
    "tumour_burden_error",
];

/// What is looked at of structures other than liver and lesion, and of these among such.
const HEADLINE_OF_ANY: [&str; 6] = [
    "dice",
    "hd95",
    "assd",
    "nsd_2mm",
    "detection_recall_iou_gt_0",
    "detection_precision_iou_gt_0",
];

/// What is ranked where there are lesions.
const RANKED: &str = "lesion:dice";

/// What is ranked of every structure where there are none.
const RANKED_OF_ANY: &str = "dice";

/// Structures and metrics that a hint names.
const NAMED: usize = 8;

/// A metric by its name and its structure; no structure for one of several together.
pub type Metric = (Option<Label>, Name);

/// Which rows are looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// All.
    All,
    /// Those of these metrics.
    Metrics(Vec<Metric>),
}

impl Wanted {
    /// By the names that the user gave, of which one without a structure is that of every structure; `all`; or
    /// those of the field that are there, without any of these all.
    ///
    /// # Errors
    /// `Error::Usage` for a name that the rows have not.
    pub fn of(names: &[String], rows: &[MetricRow]) -> Result<Self> {
        if names.iter().any(|name| name == "all") {
            return Ok(Self::All);
        }
        if names.is_empty() {
            return Ok(match headline(rows) {
                // Somebody's own: all that there is.
                none if none.is_empty() => Self::All,
                some => Self::Metrics(some),
            });
        }
        let mut wanted = Vec::new();
        for name in names {
            let found = found(name, rows);
            if found.is_empty() {
                return Err(unknown(name, rows));
            }
            wanted.extend(found);
        }
        Ok(Self::Metrics(wanted))
    }

    /// What is ranked: what the user names, else the lesions' Dice, else the Dice of every structure.
    ///
    /// # Errors
    /// As [`Wanted::of`].
    pub fn ranked(name: Option<&String>, rows: &[MetricRow]) -> Result<Self> {
        if let Some(name) = name {
            return Self::of(std::slice::from_ref(name), rows);
        }
        let by_default = [RANKED, RANKED_OF_ANY].map(|name| found(name, rows));
        // What was not asked for need not be there.
        let first = by_default.into_iter().find(|found| !found.is_empty());
        Ok(Self::Metrics(first.unwrap_or_default()))
    }

    /// Whether a row is.
    pub fn has(&self, row: &MetricRow) -> bool {
        match self {
            Self::All => true,
            Self::Metrics(metrics) => metrics.iter().any(|metric| is_of(row, metric)),
        }
    }
}

fn is_of(row: &MetricRow, (label, metric): &Metric) -> bool {
    row.label == *label && row.metric == *metric
}

fn is_there(metric: &Metric, rows: &[MetricRow]) -> bool {
    rows.iter().any(|row| is_of(row, metric))
}

fn labels(rows: &[MetricRow]) -> BTreeSet<Label> {
    rows.iter().filter_map(|row| row.label).collect()
}

/// The metrics of a name that are there.
fn found(name: &str, rows: &[MetricRow]) -> Vec<Metric> {
    let named: Metric = match name.split_once(':') {
        None => (None, name.into()),
        Some((label, metric)) => (Some(Label::new(label)), metric.into()),
    };
    if is_there(&named, rows) {
        return vec![named];
    }
    let (None, metric) = named else {
        return Vec::new();
    };
    let of_each = labels(rows).into_iter().map(|label| (Some(label), metric));
    of_each.filter(|one| is_there(one, rows)).collect()
}

fn headline(rows: &[MetricRow]) -> Vec<Metric> {
    let labels = labels(rows);
    let lits = [Label::LIVER, Label::LESION, Label::LIVER_WITHOUT_LESIONS];
    if labels.iter().all(|label| lits.contains(label)) {
        return HEADLINE.iter().flat_map(|name| found(name, rows)).collect();
    }
    // The same few of each: columns of one table are to be compared.
    let of = |label: Label| HEADLINE_OF_ANY.map(|name| (Some(label), name.into()));
    let all = labels.into_iter().flat_map(of);
    all.filter(|metric| is_there(metric, rows)).collect()
}

fn unknown(name: &str, rows: &[MetricRow]) -> Error {
    let listed = |names: BTreeSet<&str>| -> String {
        let all = names.len();
        let mut text = names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
        if all > NAMED {
            text += &format!(" and {} more", all - NAMED);
        }
        text
    };
    let structures = listed(labels(rows).into_iter().map(Label::name).collect());
    let metrics = listed(rows.iter().map(|row| row.metric.as_str()).collect());
    Error::usage(
        format!("the scores have no metric {name:?}"),
        format!(
            "name a metric as STRUCTURE:METRIC, or METRIC alone for every structure; `all` shows all. Structures: \
             {structures}. Metrics: {metrics}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, metric: &str) -> MetricRow {
        MetricRow {
            task: "t".into(),
            algorithm: "a".into(),
            fold: 0,
            seed: 0,
            case: "c".into(),
            label: (!label.is_empty()).then(|| Label::new(label)),
            metric: metric.into(),
            metric_version: 1,
            value: 0.5,
            raw_value: 0.5,
            policy: "strict".into(),
        }
    }

    fn names(wanted: &Wanted) -> Vec<String> {
        let Wanted::Metrics(metrics) = wanted else {
            return vec!["all".into()];
        };
        let name = |(label, metric): &Metric| match label {
            Some(label) => format!("{label}:{metric}"),
            None => (*metric).into(),
        };
        metrics.iter().map(name).collect()
    }

    #[test]
    fn a_metric_without_a_structure_is_that_of_every_one() {
        let rows = [
            row("wt", "dice"),
            row("et", "dice"),
            row("et", "hd95"),
            row("", "tumour_burden_error"),
        ];
        let of = |name: &str| Wanted::of(&[name.to_owned()], &rows).map(|wanted| names(&wanted));
        assert_eq!(of("dice").unwrap(), ["et:dice", "wt:dice"]);
        assert_eq!(of("hd95").unwrap(), ["et:hd95"]);
        assert_eq!(of("wt:dice").unwrap(), ["wt:dice"]);
        assert_eq!(of("tumour_burden_error").unwrap(), ["tumour_burden_error"]);
        let told = of("wt:hd95").unwrap_err().to_string();
        assert!(
            told.contains("\"wt:hd95\"") && told.contains("Structures: et, wt."),
            "{told}"
        );
        assert_eq!(
            names(&Wanted::of(&[], &rows).unwrap()),
            ["et:dice", "et:hd95", "wt:dice"]
        );
    }

    #[test]
    fn without_a_metric_of_the_field_all_are_looked_at() {
        let own = [row("", "dice"), row("", "smoothness")];
        assert_eq!(names(&Wanted::of(&[], &own).unwrap()), ["all"]);
    }

    #[test]
    fn lesions_are_ranked_where_there_are_any() {
        let ranked = |rows: &[MetricRow]| names(&Wanted::ranked(None, rows).unwrap());
        let organs = [row("spleen", "dice"), row("liver", "dice")];
        assert_eq!(ranked(&organs), ["liver:dice", "spleen:dice"]);
        assert_eq!(
            ranked(&[row("lesion", "dice"), row("liver", "dice")]),
            ["lesion:dice"]
        );
        assert_eq!(ranked(&[row("spleen", "hd95")]), [""; 0]);
        // Among other organs the liver is one of them.
        let organs = [
            row("spleen", "nsd_2mm"),
            row("liver", "nsd_2mm"),
            row("liver", "voe"),
        ];
        assert_eq!(
            names(&Wanted::of(&[], &organs).unwrap()),
            ["liver:nsd_2mm", "spleen:nsd_2mm"]
        );
    }
}
