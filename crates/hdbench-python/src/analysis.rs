//! What scores show: differences, orders, regressions.

use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Stop;
use hdbench_ground::seed::Seed;
use hdbench_stats::chart::{ChoiceMap, RankMap, case_dots};
use hdbench_stats::gate::{
    Baseline, GateOutcome, Judgement, Policy, comment, headline, judge, junit, plot, table,
};
use hdbench_stats::{
    AnalysisOptions, AnalysisTables, MetricTable, Orders, RankMethod, Ranking, RankingRules,
    Scored, SideBySide, Studies as _, Wanted, cases_in_words, metric_tables, rankings,
};
use hdbench_table::Table;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict as _, PyDict};
use serde::Serialize;

use crate::failure::exception;
use crate::sheet::{Chart, rendered};
use crate::threads::step;
use crate::tidy::{OfCommand, Source};

/// More than any small work: on all threads.
const ALL_THREADS: usize = usize::MAX;

/// How the bootstrap resamples.
#[derive(FromPyObject)]
pub struct Draws {
    #[pyo3(item)]
    resamples: usize,
    #[pyo3(item)]
    seed: u64,
}

impl Draws {
    fn options(&self) -> AnalysisOptions {
        AnalysisOptions {
            resamples: self.resamples,
            seed: Seed(self.seed),
            ..AnalysisOptions::default()
        }
    }
}

/// What came of it, for Python.
struct Found {
    lines: serde_json::Value,
    tables: Vec<Table>,
    charts: Vec<Chart>,
    notes: Vec<String>,
}

impl Found {
    fn of(lines: &impl Serialize) -> Result<Self> {
        let lines = serde_json::to_value(lines).map_err(|e| Error::Internal(e.to_string()))?;
        Ok(Self {
            lines,
            tables: Vec::new(),
            charts: Vec::new(),
            notes: Vec::new(),
        })
    }

    fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let dict = PyDict::new(py);
        let loads = py.import("json")?.getattr("loads")?;
        dict.set_item("lines", loads.call1((self.lines.to_string(),))?)?;
        let mut sheets = Vec::new();
        for table in &self.tables {
            let forms = rendered(table).map_err(|error| exception(py, &error))?;
            sheets.push(forms.into_py_dict(py)?);
        }
        dict.set_item("sheets", sheets)?;
        dict.set_item("charts", self.charts)?;
        dict.set_item("notes", self.notes)?;
        Ok(dict)
    }
}

/// Two results on the same cases, the first one being the baseline.
#[pyfunction]
pub fn compare(
    py: Python<'_>,
    sources: [Source; 2],
    metrics: Vec<String>,
    draws: Draws,
) -> PyResult<Bound<'_, PyDict>> {
    let found = step(py, ALL_THREADS, &Stop::default(), || {
        let sides = [sources[0].scored()?, sources[1].scored()?];
        let mut notes: Vec<String> = sides.iter().flat_map(Scored::told).cloned().collect();
        let names = sources.each_ref().map(|source| source.name().to_owned());
        let options = draws.options();
        let found = SideBySide::of(sides, &names, &metrics, &options)?;
        if let Some(problem) = found.strangers_in_words([&names[0], &names[1]]) {
            return Err(Error::NotComparable { problem });
        }
        notes.extend(found.notes);
        notes.extend(found.analysis.incomparable_in_words());
        let dots = Chart::of(case_dots(&found.metrics))?;
        let lines = Found::of(&found.analysis)?;
        let tables = AnalysisTables {
            analysis: found.analysis,
            cases: found.cases,
            method: options.in_words(),
            ..AnalysisTables::default()
        };
        Ok(Found {
            tables: tables.all()?,
            charts: vec![dots],
            notes,
            ..lines
        })
    })?;
    found.into_python(py)
}

/// An order by one metric and method.
#[derive(Serialize)]
struct Order<'a> {
    metric: &'a str,
    #[serde(flatten)]
    ranking: &'a Ranking,
}

/// The orders of the algorithms of some results.
#[pyfunction]
pub fn rank<'py>(
    py: Python<'py>,
    sources: Vec<Source>,
    metric: Option<String>,
    methods: Vec<String>,
    rules: Option<String>,
    is_named: bool,
    draws: Draws,
) -> PyResult<Bound<'py, PyDict>> {
    let found = step(py, ALL_THREADS, &Stop::default(), || {
        if let Some(rules) = &rules {
            return by_rules(rules, &together(&sources, is_named)?, draws);
        }
        let methods: Vec<RankMethod> = methods
            .iter()
            .map(|name| name.parse())
            .collect::<Result<_>>()?;
        let all = together(&sources, is_named)?;
        let ranked = Wanted::ranked(metric.as_ref(), &all.rows)?;
        let shown: Vec<MetricTable> = metric_tables(&all.rows, |row| ranked.has(row))?;
        let options = draws.options();
        let Orders {
            orders,
            notes: unranked,
        } = rankings(&shown, &methods, options.resamples, options.seed)?;
        if let ([], [why, ..]) = (&orders[..], &unranked[..]) {
            return Err(Error::NotComparable {
                problem: why.clone(),
            });
        }
        if orders.is_empty() {
            return Err(Error::usage(
                "there is nothing to rank",
                "give scores of two algorithms or more that have the metric, or name one with `metric`",
            ));
        }
        let map = |(metric, ranking): &(String, Ranking)| {
            Chart::of(RankMap {
                metric: metric.clone(),
                ranking: ranking.clone(),
            })
        };
        let charts = orders.iter().map(map).collect::<Result<_>>()?;
        let mut notes: Vec<String> = all.told().cloned().collect();
        notes.extend(unranked);
        notes.extend(shown.iter().filter_map(missing_in_words));
        let lines: Vec<Order<'_>> = orders
            .iter()
            .map(|(metric, ranking)| Order { metric, ranking })
            .collect();
        let lines = Found::of(&lines)?;
        let tables = AnalysisTables {
            cases: cases_in_words(&shown),
            method: options.in_words(),
            rankings: orders,
            ..AnalysisTables::default()
        };
        Ok(Found {
            tables: tables.evidence()?,
            charts,
            notes,
            ..lines
        })
    })?;
    found.into_python(py)
}

/// The order by the rules of a challenge, with what others would have made of it.
fn by_rules(rules: &str, all: &Scored, draws: Draws) -> Result<Found> {
    let options = draws.options();
    let found = RankingRules::of(rules)?.apply(&all.rows, options.resamples, options.seed)?;
    let map = RankMap {
        metric: found.rules.name.clone(),
        ranking: found.ranking.clone(),
    };
    let charts = vec![Chart::of(map)?, Chart::of(ChoiceMap(found.clone()))?];
    let lines = Found::of(&[Order {
        metric: &found.rules.name,
        ranking: &found.ranking,
    }])?;
    let mut notes: Vec<String> = all.told().cloned().collect();
    notes.extend(found.notes.iter().cloned());
    let criteria: Vec<&str> = found.criteria.iter().map(|own| own.name.as_str()).collect();
    let tables = AnalysisTables {
        cases: format!(
            "{} algorithms by {}",
            found.score.len(),
            criteria.join(", ")
        ),
        by_rules: Some(found),
        ..AnalysisTables::default()
    };
    Ok(Found {
        tables: tables.evidence()?,
        charts,
        notes,
        ..lines
    })
}

/// Says how many cases have no value by an algorithm, which count as the worst.
fn missing_in_words(metric: &MetricTable) -> Option<String> {
    let (place, missing) = (0..metric.algorithms.len())
        .map(|place| {
            let values = metric.values.column(place);
            (place, values.iter().filter(|value| value.is_nan()).count())
        })
        .max_by_key(|(_, missing)| *missing)?;
    (missing > 0).then(|| {
        format!(
            "{}: {missing} of {} cases have no value by {} and count as the worst",
            metric.name(),
            metric.cases.len(),
            metric.algorithms[place]
        )
    })
}

/// Several results side by side: paths as the command reads them, unless they are named; of others, each algorithm by the
/// name of its source where it is the only one there.
fn together(sources: &[Source], is_named: bool) -> Result<Scored> {
    let paths: Option<Vec<PathBuf>> = sources
        .iter()
        .map(|source| source.path().map(Path::to_path_buf))
        .collect();
    if let Some(paths) = paths.filter(|_| !is_named) {
        return Scored::read_all(&paths, &[], &OfCommand);
    }
    let mut all = Scored::default();
    for source in sources {
        let mut own = source.scored()?;
        if sources.len() > 1 {
            let count = own.algorithms().len();
            own.rename(|name| match count {
                1 => source.name().to_owned(),
                _ => format!("{}: {name}", source.name()),
            });
        }
        if let Some(name) = all.algorithms().intersection(&own.algorithms()).next() {
            return Err(Error::usage(
                format!("two algorithms are called {name:?}"),
                "give the results other names",
            ));
        }
        all.extend(own);
    }
    Ok(all)
}

/// Where a policy comes from.
#[derive(FromPyObject)]
pub struct PolicySource {
    #[pyo3(item)]
    path: Option<PathBuf>,
    /// As JSON.
    #[pyo3(item)]
    json: Option<String>,
    /// In its place: metrics with their margins.
    #[pyo3(item)]
    margins: Option<Vec<(String, f64)>>,
}

impl PolicySource {
    fn policy(&self, baseline: &Baseline) -> Result<Policy> {
        if let Some(margins) = &self.margins {
            return of_margins(margins, baseline);
        }
        let Some(json) = &self.json else {
            return Policy::read_for(self.path.as_deref(), &baseline.rows);
        };
        let wrong = |problem: String| {
            Error::usage(
                format!("policy: {problem}"),
                "`hdbench explain gate` prints the default policy, which says what each key means",
            )
        };
        let value: serde_json::Value =
            serde_json::from_str(json).map_err(|e| wrong(e.to_string()))?;
        let text = toml::to_string(&value).map_err(|e| wrong(e.to_string()))?;
        Policy::parse(&text, Path::new("policy"))
    }
}

/// A policy of margins; a metric without a structure is that of every one, where it is of structures.
fn of_margins(margins: &[(String, f64)], baseline: &Baseline) -> Result<Policy> {
    let mut text = String::from("format = 1\nlevel = 0.05\n");
    for (name, margin) in margins {
        let is_of_all = baseline
            .rows
            .iter()
            .any(|row| row.label.is_none() && row.metric == *name);
        let every = match name.contains(':') || is_of_all {
            true => "",
            false => "*:",
        };
        let name = toml::Value::String(format!("{every}{name}"));
        text += &format!("[[accuracy]]\nmetric = {name}\nmargin = {margin:?}\n");
    }
    Policy::parse(&text, Path::new("margins"))
}

/// Whether results are worse than a baseline.
#[pyfunction]
pub fn regress<'py>(
    py: Python<'py>,
    baseline: Source,
    current: Source,
    policy: PolicySource,
) -> PyResult<Bound<'py, PyDict>> {
    let judgement = step(py, ALL_THREADS, &Stop::default(), || {
        let [baseline, current] = [gate_side(&baseline)?, gate_side(&current)?];
        let policy = policy.policy(&baseline)?;
        judge(&baseline, &current, &policy)
    })?;
    let texts = texts(&judgement).map_err(|error| exception(py, &error))?;
    let dict = texts.found.into_python(py)?;
    dict.set_item("headline", texts.headline)?;
    dict.set_item("comment", texts.comment)?;
    dict.set_item("junit", texts.junit)?;
    dict.set_item("passed", judgement.outcome == GateOutcome::Passed)?;
    Ok(dict)
}

/// What is said of a judgement.
struct Texts {
    found: Found,
    headline: String,
    comment: String,
    junit: String,
}

fn texts(judgement: &Judgement) -> Result<Texts> {
    Ok(Texts {
        found: Found {
            tables: vec![table(judgement)],
            charts: vec![Chart::of(plot(judgement))?],
            notes: judgement.notes.clone(),
            ..Found::of(judgement)?
        },
        headline: headline(judgement),
        comment: comment(judgement)?,
        junit: junit(judgement),
    })
}

/// One side of a gate: a baseline's file, or what else holds scores.
fn gate_side(source: &Source) -> Result<Baseline> {
    match source.path() {
        Some(path) => Baseline::read(path, &OfCommand),
        None => {
            let (facts, _) = OfCommand.made_from(Path::new(source.name()))?;
            Ok(Baseline::of(
                source.scored()?,
                facts,
                source.failed().to_vec(),
            ))
        }
    }
}
