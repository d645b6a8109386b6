//! The pairs, and the numbers of the tools.

use std::path::{Path, PathBuf};

use hdbench_score::{
    CasePair, InstanceMetric, Label, Metric, MetricValue, Options, ScoredStructure, Source,
    StructureOptions, StructureScores, score_structures,
};
use serde_json::{Map, Value};

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/structures")
}

/// A row of a tool's numbers.
pub struct Row {
    pub call: String,
    pub case: String,
    pub structure: String,
    pub values: Map<String, Value>,
}

/// All rows of a tool that are of one case; the structure is empty where a row is of several.
pub fn rows(tool: &str) -> Vec<Row> {
    let path = folder().join("expected").join(format!("{tool}.json"));
    let tool: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let rows = tool["rows"].as_array().unwrap().iter();
    let text = |row: &Value, key: &str| row[key].as_str().map(str::to_owned);
    rows.filter_map(|row| {
        Some(Row {
            call: text(row, "call")?,
            case: text(row, "case")?,
            structure: text(row, "structure").unwrap_or_default(),
            values: row["values"].as_object()?.clone(),
        })
    })
    .collect()
}

/// A number, which may be a word; `None` for what is not there, `null` and an empty cell.
pub fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::String(word) => word.parse().ok(),
        value => value.as_f64(),
    }
}

/// Whether the grid of a case has the same step along every axis: panoptica takes the steps of others in the wrong
/// order where it reads files.
pub fn is_even(case: &str) -> bool {
    let cases = std::fs::read(folder().join("pairs/cases.json")).unwrap();
    let cases: Value = serde_json::from_slice(&cases).unwrap();
    let found = cases["cases"].as_array().unwrap().iter();
    let spacing = found
        .filter(|known| known["name"] == case)
        .flat_map(|known| known["spacing_mm"].as_array().unwrap());
    let spacing: Vec<f64> = spacing.filter_map(Value::as_f64).collect();
    assert_eq!(spacing.len(), 3, "{case}");
    spacing[0] == spacing[1] && spacing[1] == spacing[2]
}

pub fn score(case: &str, structure: ScoredStructure) -> StructureScores {
    let file = |name: &str| Source::File(folder().join("pairs").join(case).join(name));
    let pair = CasePair {
        case: case.into(),
        prediction: file("pred.nii.gz"),
        reference: file("ref.nii.gz"),
    };
    let label = structure.label;
    let options = Options {
        structures: vec![structure],
        ..Options::default()
    };
    let scored = score_structures(&pair, &StructureOptions::default(), &options).unwrap();
    scored.scored.scores[label].clone()
}

/// A metric value of the instances.
pub fn of_instances(scores: &StructureScores, metric: InstanceMetric) -> MetricValue {
    let own = scores.own_instances.as_ref().unwrap();
    let found = own.values.iter().find(|(other, _)| *other == metric);
    found.unwrap().1
}

/// Counts what was compared, and says of what differs where.
#[derive(Default)]
pub struct Compared {
    pub count: usize,
    pub differ: Vec<String>,
}

impl Compared {
    pub fn same(&mut self, what: impl FnOnce() -> String, ours: f64, theirs: f64) {
        self.count += 1;
        let is_same = ours == theirs
            || ours.is_nan() && theirs.is_nan()
            || (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0);
        if !is_same {
            self.differ.push(format!("{}: {ours} for {theirs}", what()));
        }
    }

    pub fn end(self, least: usize) {
        let some: Vec<&String> = self.differ.iter().take(12).collect();
        assert!(
            self.differ.is_empty(),
            "{} of {} differ: {some:#?}",
            self.differ.len(),
            self.count
        );
        assert!(self.count >= least, "{} compared", self.count);
    }
}

/// The label of a structure, its metrics of whole masks, and all metrics of its instances that a tool has.
pub fn with_metrics(
    structure: ScoredStructure,
    whole: &[Metric],
    of_instances: &[InstanceMetric],
) -> ScoredStructure {
    ScoredStructure {
        label: Label::new(&structure.label.name().to_lowercase()),
        metrics: Some(whole.to_vec()),
        instance_metrics: of_instances.to_vec(),
        ..structure
    }
}
