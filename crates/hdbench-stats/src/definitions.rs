//! Whether a conclusion survives every definition of a metric: tools that write hd95 measure different things, and
//! which algorithm is better can hang on the tool.

use std::collections::{BTreeMap, BTreeSet};

use hdbench_ground::error::{Error, Result};
use hdbench_score::{ALL_CASES, Label, MetricRow};
use hdbench_table::{Cell, Column, Table, TableRow, Unit};
use serde::Serialize;

use super::compare::{AnalysisOptions, Comparison, Finding, analyse};
use super::direction::better;
use super::metric_table::{MetricTable, metric_tables};
use super::ranking::{RankMethod, rank};

/// What several metrics measure, each by another definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Dice and Jaccard: the overlap of voxels.
    Overlap,
    /// The 95th percentile of surface distances.
    Distance95,
    /// Their largest.
    LargestDistance,
    /// Their average.
    AverageDistance,
    /// The overlap of surfaces within a tolerance.
    SurfaceOverlap,
}

impl Kind {
    /// That of a metric by its name; none of one that has no other definition.
    fn of(metric: &str) -> Option<Self> {
        let starts = |names: &[&str]| names.iter().any(|name| metric.starts_with(name));
        match metric {
            "dice" | "jaccard" => Some(Self::Overlap),
            _ if starts(&["hd95"]) => Some(Self::Distance95),
            _ if starts(&["msd", "hd_"]) => Some(Self::LargestDistance),
            _ if starts(&["assd", "masd", "asd_", "ahd_"]) => Some(Self::AverageDistance),
            _ if starts(&["nsd_", "surface_overlap_", "boundary_iou_"]) => {
                Some(Self::SurfaceOverlap)
            }
            _ => None,
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Overlap => "overlap of voxels",
            Self::Distance95 => "95th percentile of the surface distances",
            Self::LargestDistance => "largest surface distance",
            Self::AverageDistance => "average surface distance",
            Self::SurfaceOverlap => "overlap of the surfaces",
        }
    }
}

/// What one definition says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByDefinition {
    /// The column.
    pub metric: String,
    /// The algorithms, the best first, with their places by the mean over cases, one without a value counting as the
    /// worst, and that mean over the cases with a value.
    pub order: Vec<(String, usize, f64)>,
    /// The paired tests.
    pub comparisons: Vec<Comparison>,
}

/// What is said of algorithms, and whether all definitions say it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conclusion {
    /// `ranking`, or a pair of algorithms.
    pub of: String,
    /// Whether it is the same under all definitions.
    pub survives: bool,
    /// What is said by which.
    pub words: String,
}

/// All definitions of a kind for one structure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DefinitionFamily {
    /// The structure.
    pub label: Option<Label>,
    /// What they measure.
    pub kind: Kind,
    /// By name.
    pub definitions: Vec<ByDefinition>,
    /// Of the order of all, then of each pair.
    pub conclusions: Vec<Conclusion>,
    /// Columns that some algorithm lacks, which are not compared.
    pub left_out: Vec<String>,
}

/// Every structure and kind that the rows have by two definitions or more, with what becomes of its conclusions.
///
/// # Errors
/// `Error::Usage` if they have none, or for a baseline that is none of the algorithms.
pub fn by_definition(
    rows: &[MetricRow],
    options: &AnalysisOptions,
) -> Result<Vec<DefinitionFamily>> {
    let tables = metric_tables(rows, |row| Kind::of(&row.metric).is_some())?;
    let measured = measured(rows);
    let mut kinds: BTreeMap<(Option<Label>, Kind), Vec<&MetricTable>> = BTreeMap::new();
    for table in &tables {
        if let Some(kind) = Kind::of(&table.metric) {
            kinds.entry((table.label, kind)).or_default().push(table);
        }
    }
    let mut families = Vec::new();
    for ((label, kind), tables) in kinds {
        let has = |table: &&&MetricTable, algorithm: &String| {
            measured.contains(&(label, table.metric.as_str(), algorithm.as_str()))
        };
        // Who has none of a structure's metrics is not compared in it.
        let scored = |algorithm: &&String| tables.iter().any(|table| has(&table, algorithm));
        let algorithms = tables.first().map_or(&[][..], |table| &table.algorithms);
        let algorithms: Vec<&String> = algorithms.iter().filter(scored).collect();
        let is_whole = |table: &&&MetricTable| {
            let all = algorithms.iter().all(|algorithm| has(table, algorithm));
            all && table.values.iter().any(|value| !value.is_nan())
        };
        let whole: Vec<&MetricTable> = tables.iter().filter(is_whole).copied().collect();
        let left_out = tables.iter().filter(|table| !is_whole(table));
        let left_out = left_out.map(|table| table.metric.clone()).collect();
        if whole.len() > 1 && algorithms.len() > 1 {
            let definitions: Result<Vec<ByDefinition>> = whole
                .iter()
                .map(|table| of_one(table, &algorithms, options))
                .collect();
            let definitions = definitions?;
            families.push(DefinitionFamily {
                label,
                kind,
                conclusions: conclusions(&definitions),
                definitions,
                left_out,
            });
        }
    }
    if families.is_empty() {
        return Err(Error::usage(
            "the scores have no metric of two algorithms by two definitions",
            "score with hdbench evaluate --definitions all",
        ));
    }
    Ok(families)
}

/// Who was measured by what.
fn measured(rows: &[MetricRow]) -> BTreeSet<(Option<Label>, &str, &str)> {
    let cases = rows.iter().filter(|row| row.case != ALL_CASES);
    cases
        .map(|row| (row.label, row.metric.as_str(), row.algorithm.as_str()))
        .collect()
}

fn of_one(
    table: &MetricTable,
    algorithms: &[&String],
    options: &AnalysisOptions,
) -> Result<ByDefinition> {
    let analysis = analyse(std::slice::from_ref(table), options)?;
    let is_compared = |name: &String| algorithms.contains(&name);
    let direction = better(&table.metric)
        .ok_or_else(|| Error::Internal(format!("{} has no better and no worse", table.metric)))?;
    let kept = |&at: &usize| is_compared(&table.algorithms[at]);
    let columns: Vec<usize> = (0..table.algorithms.len()).filter(kept).collect();
    let values = table.values.select(ndarray::Axis(1), &columns);
    let places = rank(values.view(), direction, RankMethod::MeanThenRank);
    let mut order: Vec<(String, usize, f64)> = columns
        .iter()
        .zip(places)
        .map(|(&at, place)| {
            let summary = &analysis.summaries[at];
            (summary.algorithm.clone(), place, summary.mean)
        })
        .collect();
    order.sort_by_key(|(_, place, _)| *place);
    let comparisons = analysis.comparisons.into_iter();
    let of_compared = |own: &Comparison| is_compared(&own.algorithm) && is_compared(&own.baseline);
    Ok(ByDefinition {
        metric: table.metric.clone(),
        order,
        comparisons: comparisons.filter(of_compared).collect(),
    })
}

fn conclusions(definitions: &[ByDefinition]) -> Vec<Conclusion> {
    let ranking = Conclusion::of("ranking".into(), definitions, |definition| {
        in_order(&definition.order)
    });
    let pairs = definitions
        .first()
        .map_or(0, |first| first.comparisons.len());
    let pairs = (0..pairs).map(|pair| {
        let Comparison {
            algorithm,
            baseline,
            ..
        } = &definitions[0].comparisons[pair];
        Conclusion::of(
            format!("{algorithm}, {baseline}"),
            definitions,
            |definition| said(&definition.comparisons[pair]),
        )
    });
    std::iter::once(ranking).chain(pairs).collect()
}

impl Conclusion {
    fn of(
        of: String,
        definitions: &[ByDefinition],
        said: impl Fn(&ByDefinition) -> String,
    ) -> Self {
        let mut by_word: Vec<(String, Vec<&str>)> = Vec::new();
        for definition in definitions {
            let word = said(definition);
            match by_word.iter_mut().find(|(other, _)| *other == word) {
                Some((_, metrics)) => metrics.push(&definition.metric),
                None => by_word.push((word, vec![&definition.metric])),
            }
        }
        let survives = by_word.len() == 1;
        let words = match &by_word[..] {
            [(word, metrics)] => format!("{word}: survives all {} definitions", metrics.len()),
            several => {
                let each = several.iter().map(|(word, metrics)| {
                    let say = if metrics.len() == 1 { "says" } else { "say" };
                    format!("{} {say} {word}", metrics.join(", "))
                });
                each.collect::<Vec<_>>().join("; ")
            }
        };
        Self {
            of,
            survives,
            words,
        }
    }
}

/// `a before b`, `a beside b` where both share a place.
fn in_order(order: &[(String, usize, f64)]) -> String {
    let mut text = String::new();
    let mut before = None;
    for (algorithm, place, _) in order {
        text += match before {
            None => "",
            Some(other) if other == *place => " beside ",
            Some(_) => " before ",
        };
        text += algorithm;
        before = Some(*place);
    }
    text
}

/// What a paired test says of two algorithms.
fn said(comparison: &Comparison) -> String {
    let Comparison {
        algorithm,
        baseline,
        ..
    } = comparison;
    match comparison.finding {
        Finding::Better => format!("{algorithm} is better"),
        Finding::Worse => format!("{baseline} is better"),
        Finding::Different => format!("{algorithm} and {baseline} differ"),
        Finding::NoEvidence => "no difference shown".into(),
        Finding::NotComparable => "not comparable".into(),
    }
}

/// The conclusions, then what each definition says.
pub fn definition_tables(families: &[DefinitionFamily], fingerprint: &str) -> Vec<Table> {
    vec![
        conclusion_table(families, fingerprint),
        order_table(families, fingerprint),
    ]
}

fn of_what(family: &DefinitionFamily) -> String {
    let words = family.kind.words();
    family
        .label
        .map_or(words.to_owned(), |label| format!("{label}: {words}"))
}

fn conclusion_table(families: &[DefinitionFamily], fingerprint: &str) -> Table {
    let columns = vec![
        Column::words("measured", "Measured"),
        Column::words("conclusion", "Of"),
        Column::words("survives", "Survives"),
        Column::words("words", "What the definitions say"),
    ];
    let rows = families.iter().flat_map(|family| {
        family.conclusions.iter().map(move |own| {
            row(vec![
                Cell::text(of_what(family)),
                Cell::text(&own.of),
                Cell::text(if own.survives { "yes" } else { "no" }),
                Cell::text(&own.words),
            ])
        })
    });
    let left_out = families.iter().filter(|own| !own.left_out.is_empty());
    let notes = left_out.map(|own| {
        let lacking = own.left_out.join(", ");
        format!(
            "{}: not by {lacking}, which not all algorithms have.",
            of_what(own)
        )
    });
    Table {
        id: "definitions".into(),
        title: "Conclusions under every definition".into(),
        caption: "The order by mean, a case without a value counting as the worst, and for each pair what \
                  interval and corrected test say, under every definition of a metric that the scores have. \
                  hdbench explain distances names the tools behind."
            .into(),
        fingerprint: fingerprint.into(),
        columns,
        rows: rows.collect(),
        notes: notes.collect(),
    }
}

fn order_table(families: &[DefinitionFamily], fingerprint: &str) -> Table {
    let columns = vec![
        Column::words("measured", "Measured"),
        Column::words("definition", "Definition"),
        Column::words("algorithm", "Algorithm"),
        Column::numbers("place", "Place", Unit::None, 0),
        Column::numbers("mean", "Mean", Unit::None, 4),
        Column::words("better_than", "Better than"),
    ];
    let mut rows = Vec::new();
    for family in families {
        for definition in &family.definitions {
            for (algorithm, place, mean) in &definition.order {
                rows.push(row(vec![
                    Cell::text(of_what(family)),
                    Cell::text(&definition.metric),
                    Cell::text(algorithm),
                    Cell::number(Some(*place as f64)),
                    Cell::number(Some(*mean).filter(|mean| !mean.is_nan())),
                    Cell::text(beaten(definition, algorithm).join(", ")),
                ]));
            }
        }
    }
    Table {
        id: "definition_orders".into(),
        title: "What each definition says".into(),
        caption:
            "Mean over the cases with a value. Better than: interval and corrected test agree."
                .into(),
        fingerprint: fingerprint.into(),
        columns,
        rows,
        notes: Vec::new(),
    }
}

/// Whom an algorithm is better than.
fn beaten<'a>(definition: &'a ByDefinition, algorithm: &str) -> Vec<&'a str> {
    let beaten = definition
        .comparisons
        .iter()
        .filter_map(|own| match own.finding {
            Finding::Better if own.algorithm == algorithm => Some(own.baseline.as_str()),
            Finding::Worse if own.baseline == algorithm => Some(own.algorithm.as_str()),
            _ => None,
        });
    beaten.collect()
}

fn row(cells: Vec<Cell>) -> TableRow {
    TableRow {
        cells,
        ..TableRow::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve cases by two algorithms: distances of a and what is added to them by b.
    fn rows(metrics: &[(&str, f64)]) -> Vec<MetricRow> {
        let mut rows = Vec::new();
        for &(metric, more) in metrics {
            for case in 0..12 {
                let own = 3.0 + 0.1 * f64::from(case);
                let other = own + more * (1.0 + 0.02 * f64::from(case));
                for (algorithm, value) in [("a", own), ("b", other)] {
                    rows.push(MetricRow {
                        task: "lits".into(),
                        algorithm: algorithm.into(),
                        fold: 0,
                        seed: 0,
                        case: format!("case-{case}").into(),
                        label: Some(Label::LESION),
                        metric: metric.into(),
                        metric_version: 1,
                        value,
                        raw_value: value,
                        policy: "strict".into(),
                    });
                }
            }
        }
        rows
    }

    fn found(rows: &[MetricRow]) -> Vec<DefinitionFamily> {
        by_definition(rows, &AnalysisOptions::default()).unwrap()
    }

    #[test]
    fn a_conclusion_that_all_definitions_share_survives() {
        let rows = rows(&[
            ("hd95", 1.0),
            ("hd95_6n", 0.5),
            ("hd95_surfel", 0.8),
            ("assd", 1.0),
        ]);
        let families = found(&rows);
        // There is one average.
        assert_eq!(families.len(), 1);
        assert_eq!(families[0].kind, Kind::Distance95);
        let words: Vec<&str> = families[0]
            .conclusions
            .iter()
            .map(|own| own.words.as_str())
            .collect();
        assert_eq!(
            words,
            [
                "a before b: survives all 3 definitions",
                "a is better: survives all 3 definitions"
            ]
        );
        assert!(families[0].conclusions.iter().all(|own| own.survives));
    }

    #[test]
    fn a_definition_that_turns_the_order_is_named() {
        let rows = rows(&[("hd95", 1.0), ("hd95_6n", 0.5), ("hd95_surfel", -1.0)]);
        let families = found(&rows);
        let [ranking, pair] = &families[0].conclusions[..] else {
            panic!("{families:?}");
        };
        assert!(!ranking.survives && !pair.survives);
        assert_eq!(
            ranking.words,
            "hd95, hd95_6n say a before b; hd95_surfel says b before a"
        );
        assert_eq!(pair.of, "b, a");
        assert_eq!(
            pair.words,
            "hd95, hd95_6n say a is better; hd95_surfel says b is better"
        );
        let tables = definition_tables(&families, "");
        assert_eq!(tables[0].rows.len(), 2);
        // Two algorithms by three definitions.
        assert_eq!(tables[1].rows.len(), 6);
    }

    #[test]
    fn what_one_algorithm_lacks_is_left_out_and_said() {
        let mut rows = rows(&[
            ("nsd_1mm", -1.0),
            ("nsd_6n_1mm", -1.0),
            ("nsd_panoptica", 1.0),
        ]);
        rows.retain(|row| row.metric != "nsd_panoptica" || row.algorithm == "a");
        let families = found(&rows);
        assert_eq!(families[0].definitions.len(), 2);
        assert_eq!(families[0].left_out, ["nsd_panoptica"]);
        // Larger is better.
        assert!(families[0].conclusions[0].words.starts_with("a before b"));
        let notes = &definition_tables(&families, "")[0].notes;
        assert!(notes[0].contains("not by nsd_panoptica"), "{notes:?}");
    }

    #[test]
    fn one_definition_of_each_is_refused() {
        let refused = by_definition(
            &rows(&[("hd95", 1.0), ("assd", 1.0)]),
            &AnalysisOptions::default(),
        );
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("two definitions"), "{text}");
    }

    #[test]
    fn every_metric_of_a_tool_has_a_kind() {
        use hdbench_score::{Definition, Tolerance};
        let tolerance = Tolerance::from_mm(2.0);
        for tool in Definition::ALL {
            for metric in tool.metrics(tolerance.as_slice()) {
                assert!(Kind::of(&metric.name()).is_some(), "{metric:?}");
            }
        }
    }
}
