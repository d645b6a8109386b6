//! Rankings over several metrics: whose rules, the order by them, and what other rules would have made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::seed::Seed;
use hdbench_score::MetricRow;
use hdbench_volume::artifact::read_text;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::comparable::unlike;
use super::direction::{better, towards_zero};
use super::metric_table::{MetricTable, metric_tables};
use super::ranking::{Better, Criterion, RankMethod, Ranking, rank_together, ranking_together};
use super::wanted::Wanted;

/// The rules that have a name, with what every key means.
pub const RANKING_PRESETS: &str = include_str!("ranking_presets.toml");

/// Most draws of the cases.
const MOST_DRAWS: usize = 1_000;

/// What is ranked of a metric that several structures have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structures {
    /// Each by itself.
    #[default]
    Each,
    /// Their mean in every case.
    Averaged,
}

/// What becomes of a case without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It counts as the worst value that any algorithm has in any case.
    #[default]
    Worst,
    /// It counts for no algorithm.
    LeftOut,
}

/// How algorithms are ranked by several metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankingRules {
    #[serde(skip_deserializing)]
    pub name: String,
    pub method: RankMethod,
    #[serde(default)]
    pub structures: Structures,
    #[serde(default)]
    pub missing: Missing,
    /// By the names of metrics as `--metric` takes them.
    pub weights: BTreeMap<String, f64>,
    /// Of metrics that hdbench does not know.
    #[serde(default)]
    pub better: BTreeMap<String, Better>,
    /// Whether a metric that the scores have not is left out: of named rules some measure what few do.
    #[serde(skip)]
    pub lenient: bool,
}

/// A file with rules of one's own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RankingFile {
    ranking: RankingRules,
}

impl RankingRules {
    /// Those of a name, or of a TOML file.
    ///
    /// # Errors
    /// `Error::Usage` for a name that is neither; `Error::Read`; `Error::Malformed` for a file that holds no rules.
    pub fn of(text: &str) -> Result<Self> {
        let presets: BTreeMap<String, Self> =
            toml::from_str(RANKING_PRESETS).map_err(|e| Error::Internal(e.to_string()))?;
        if let Some(preset) = presets.get(text) {
            return Ok(Self {
                name: text.to_owned(),
                lenient: true,
                ..preset.clone()
            });
        }
        let path = Path::new(text);
        if !path.is_file() {
            let names: Vec<&str> = presets.keys().map(String::as_str).collect();
            return Err(Error::usage(
                format!("{text:?} names no rules of a ranking, nor a file"),
                format!(
                    "give a TOML file or one of {}; hdbench explain ranking prints them",
                    names.join(", ")
                ),
            ));
        }
        let file = read_text(path).map_err(Error::read(path))?;
        let wrong = |problem: String| {
            Error::malformed(
                path,
                problem,
                "hdbench explain ranking says what a [ranking] table holds",
            )
        };
        let RankingFile { ranking } = toml::from_str(&file).map_err(|e| wrong(e.to_string()))?;
        let sound = |weight: &f64| weight.is_finite() && *weight > 0.0;
        if ranking.weights.is_empty() || !ranking.weights.values().all(sound) {
            return Err(wrong(
                "weights are numbers above 0 of one metric or more".into(),
            ));
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: stem.into_owned(),
            ..ranking
        })
    }

    /// Their order of the algorithms of a tidy table, and those of other rules.
    ///
    /// # Errors
    /// `Error::Usage` for metrics that are not there or have no better, and fewer than two algorithms or cases;
    /// `Error::NotComparable` for values of other definitions.
    pub fn apply(&self, rows: &[MetricRow], draws: usize, seed: Seed) -> Result<RankingByRules> {
        let mut notes = Vec::new();
        let mut metrics: Vec<(MetricTable, f64)> = Vec::new();
        for (name, weight) in &self.weights {
            let wanted = match Wanted::of(std::slice::from_ref(name), rows) {
                Err(_) if self.lenient => {
                    notes.push(format!(
                        "{}: no {name} in these scores, so it counts for nothing",
                        self.name
                    ));
                    continue;
                }
                wanted => wanted?,
            };
            let tables = metric_tables(rows, |row| wanted.has(row))?;
            let part = weight / tables.len().max(1) as f64;
            metrics.extend(tables.into_iter().map(|table| (table, part)));
        }
        if metrics.is_empty() {
            return Err(Error::usage(
                format!("these scores have none of the metrics of {}", self.name),
                "hdbench explain ranking says which it ranks by",
            ));
        }
        if let Some(why) = metrics.iter().find_map(|(metric, _)| unlike(metric)) {
            return Err(Error::NotComparable { problem: why });
        }
        let algorithms = algorithms(&metrics);
        let own = self.criteria(&metrics, &algorithms)?;
        let cases = own.first().map_or(0, |own| own.values.nrows());
        if algorithms.len() < 2 || cases < 2 {
            return Err(Error::usage(
                "a ranking wants two algorithms and two cases or more",
                "give the scores of several algorithms on the same cases",
            ));
        }
        let draws = draws.min(MOST_DRAWS);
        let (ranking, parts, score) = ranking_together(&algorithms, &own, self.method, draws, seed);
        Ok(RankingByRules {
            rules: self.clone(),
            ranking,
            score,
            criteria: own
                .iter()
                .zip(parts)
                .map(|(own, part)| CriterionPart {
                    name: own.name.clone(),
                    weight: own.weight,
                    part,
                })
                .collect(),
            choices: self.choices(&metrics, &algorithms)?,
            notes,
        })
    }

    /// The criteria over the cases that count.
    fn criteria(
        &self,
        metrics: &[(MetricTable, f64)],
        algorithms: &[String],
    ) -> Result<Vec<Criterion>> {
        let cases: BTreeSet<&String> = metrics
            .iter()
            .flat_map(|(metric, _)| &metric.cases)
            .collect();
        let cases: Vec<&String> = cases.into_iter().collect();
        let mut criteria: Vec<Criterion> = Vec::new();
        // How many structures were added up.
        let mut counts: Vec<Array2<f64>> = Vec::new();
        for (metric, weight) in metrics {
            let (values, direction) = self.directed(metric, &cases, algorithms)?;
            let named = match self.structures {
                Structures::Each => metric.name(),
                Structures::Averaged => metric.metric.clone(),
            };
            let known = values.mapv(|value| f64::from(u8::from(!value.is_nan())));
            match criteria.iter().position(|own| own.name == named) {
                None => {
                    criteria.push(Criterion {
                        name: named,
                        values,
                        better: direction,
                        weight: *weight,
                    });
                    counts.push(known);
                }
                Some(place) => {
                    let own = &mut criteria[place];
                    own.weight += weight;
                    own.values.zip_mut_with(&values, |sum, value| {
                        *sum = match (sum.is_nan(), value.is_nan()) {
                            (true, _) => *value,
                            (_, true) => *sum,
                            _ => *sum + value,
                        };
                    });
                    counts[place] += &known;
                }
            }
        }
        for (own, counts) in criteria.iter_mut().zip(&counts) {
            own.values
                .zip_mut_with(counts, |sum, count| *sum /= count.max(1.0));
        }
        if self.missing == Missing::LeftOut {
            let has_all = |case: &usize| {
                criteria
                    .iter()
                    .all(|own| own.values.row(*case).iter().all(|value| !value.is_nan()))
            };
            let whole: Vec<usize> = (0..cases.len()).filter(has_all).collect();
            for own in &mut criteria {
                own.values = own.values.select(Axis(0), &whole);
            }
        }
        Ok(criteria)
    }

    /// A metric's values over these cases and algorithms, and which are better.
    fn directed(
        &self,
        metric: &MetricTable,
        cases: &[&String],
        algorithms: &[String],
    ) -> Result<(Array2<f64>, Better)> {
        let sizes = towards_zero(&metric.metric);
        let told = self.better.get(&metric.metric).copied();
        let direction = match sizes {
            true => Some(Better::Smaller),
            false => told.or_else(|| better(&metric.metric)),
        };
        let direction = direction.ok_or_else(|| {
            Error::usage(
                format!("{} has no better and no worse", metric.name()),
                format!(
                    "say it in the rules: better = {{ {} = \"smaller\" }}",
                    metric.metric
                ),
            )
        })?;
        let of = |(case, algorithm): (usize, usize)| {
            let case = metric.cases.binary_search(cases[case]).ok();
            let algorithm = metric
                .algorithms
                .iter()
                .position(|own| *own == algorithms[algorithm]);
            let value = case.zip(algorithm).map_or(f64::NAN, |at| metric.values[at]);
            if sizes { value.abs() } else { value }
        };
        Ok((
            Array2::from_shape_fn((cases.len(), algorithms.len()), of),
            direction,
        ))
    }

    /// What other rules make of the same values: every method, by all metrics and by each alone, structures each or
    /// averaged, cases without a value as the worst or left out.
    fn choices(
        &self,
        metrics: &[(MetricTable, f64)],
        algorithms: &[String],
    ) -> Result<Vec<RuleChoice>> {
        let mut choices = Vec::new();
        let several = |(metric, _): &(MetricTable, f64)| {
            let same = |(other, _): &&(MetricTable, f64)| other.metric == metric.metric;
            metrics.iter().filter(same).count() > 1
        };
        let structures = match metrics.iter().any(several) {
            true => vec![Structures::Each, Structures::Averaged],
            false => vec![self.structures],
        };
        for structures in structures {
            let of = |missing| Self {
                structures,
                missing,
                ..self.clone()
            };
            let all = of(Missing::Worst).criteria(metrics, algorithms)?;
            let has_gap = |own: &Criterion| own.values.iter().any(|value| value.is_nan());
            let missing = match all.iter().any(has_gap) {
                true => vec![Missing::Worst, Missing::LeftOut],
                false => vec![self.missing],
            };
            for missing in missing {
                let all = of(missing).criteria(metrics, algorithms)?;
                if all.first().is_none_or(|own| own.values.nrows() < 2) {
                    continue;
                }
                let alone = all.iter().map(std::slice::from_ref);
                for set in [&all[..]]
                    .into_iter()
                    .chain(alone.filter(|_| all.len() > 1))
                {
                    choices.extend(RankMethod::ALL.map(|(_, method)| RuleChoice {
                        method,
                        structures,
                        missing,
                        criteria: set.iter().map(|own| own.name.clone()).collect(),
                        places: rank_together(set, method),
                    }));
                }
            }
        }
        Ok(choices)
    }
}

fn algorithms(metrics: &[(MetricTable, f64)]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in metrics.iter().flat_map(|(metric, _)| &metric.algorithms) {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    all
}

/// An order by rules over several metrics.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RankingByRules {
    pub rules: RankingRules,
    pub ranking: Ranking,
    /// By algorithm what the places are made of: the weighted mean of the parts.
    pub score: Vec<f64>,
    pub criteria: Vec<CriterionPart>,
    /// The same values by every other choice of rules; this one's among them.
    pub choices: Vec<RuleChoice>,
    pub notes: Vec<String>,
}

/// What one metric adds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CriterionPart {
    pub name: String,
    pub weight: f64,
    /// By algorithm: the place, or the mean or median rank over cases.
    pub part: Vec<f64>,
}

/// The places by one choice of rules.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleChoice {
    pub method: RankMethod,
    pub structures: Structures,
    pub missing: Missing,
    pub criteria: Vec<String>,
    /// By algorithm.
    pub places: Vec<usize>,
}

impl RankingByRules {
    /// How many of the choices have each algorithm in the first place, alone or not.
    pub fn wins(&self) -> Vec<usize> {
        let wins = |algorithm: usize| {
            self.choices
                .iter()
                .filter(|own| own.places[algorithm] == 1)
                .count()
        };
        (0..self.ranking.algorithms.len()).map(wins).collect()
    }
}

impl RuleChoice {
    /// `rank-then-mean by dice and hd95, structures averaged, missing left out`.
    pub fn in_words(&self) -> String {
        let mut words = format!("{} by {}", self.method.name(), self.criteria.join(", "));
        if self.structures == Structures::Averaged {
            words += "; structures averaged";
        }
        if self.missing == Missing::LeftOut {
            words += "; missing left out";
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metric values by `(structure, metric)`, each `[algorithm][case]`; NaN is no row.
    fn rows(metrics: &[(&str, &str, [[f64; 3]; 3])]) -> Vec<MetricRow> {
        let mut rows = Vec::new();
        for (label, metric, values) in metrics {
            for (algorithm, values) in ["a", "b", "c"].into_iter().zip(values) {
                for (case, &value) in values
                    .iter()
                    .enumerate()
                    .filter(|(_, value)| !value.is_nan())
                {
                    rows.push(MetricRow {
                        task: "t".into(),
                        algorithm: algorithm.into(),
                        fold: 0,
                        seed: 0,
                        case: format!("c{case}").into(),
                        label: Some(hdbench_score::Label::new(label)),
                        metric: (*metric).into(),
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

    fn applied(rules: &str, rows: &[MetricRow]) -> RankingByRules {
        RankingRules::of(rules)
            .unwrap()
            .apply(rows, 200, Seed(1))
            .unwrap()
    }

    const DICE: [[f64; 3]; 3] = [[0.9, 0.8, 0.7], [0.8, 0.9, 0.6], [0.7, 0.7, 0.8]];
    const HD95: [[f64; 3]; 3] = [[9.0, 9.0, 9.0], [2.0, 2.0, 2.0], [5.0, 5.0, 5.0]];

    #[test]
    fn brats_ranks_every_region_and_metric_in_every_case() {
        let found = applied(
            "brats",
            &rows(&[("wt", "dice", DICE), ("wt", "hd95", HD95)]),
        );
        // By Dice 1 2 2, 2 1 3 and 3 3 1 in the cases; by HD95 3, 1 and 2 in all.
        assert_eq!(found.criteria[0].part, [5.0 / 3.0, 2.0, 7.0 / 3.0]);
        assert_eq!(found.criteria[1].part, [3.0, 1.0, 2.0]);
        assert_eq!(found.ranking.places, [3, 1, 2]);
        assert!(
            (found.score[0] - 7.0 / 3.0).abs() < 1e-12,
            "{:?}",
            found.score
        );
    }

    #[test]
    fn weights_decide_and_what_few_measure_is_left_out_and_said() {
        let fp = [[3.0; 3], [1.0; 3], [2.0; 3]];
        let dice = [[0.9; 3], [0.8; 3], [0.7; 3]];
        let all = rows(&[
            ("lesion", "dice", dice),
            ("lesion", "false_positive_volume_ml", fp),
        ]);
        let found = applied("autopet", &all);
        // (2 * 1 + 3) / 3, (2 * 2 + 1) / 3 and (2 * 3 + 2) / 3.
        assert_eq!(found.ranking.places, [1, 1, 3]);
        assert!(
            found.notes[0].contains("false_negative_volume_ml"),
            "{:?}",
            found.notes
        );
        let error =
            RankingRules::of("lits")
                .unwrap()
                .apply(&rows(&[("wt", "dice", dice)]), 10, Seed(1));
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("none of the metrics of lits")
        );
    }

    #[test]
    fn averaged_structures_rank_once_and_other_rules_may_change_the_winner() {
        let kidney = [[0.95, 0.95, 0.95], [0.94, 0.94, 0.94], [0.90, 0.90, 0.90]];
        let tumour = [[0.5, 0.5, 0.5], [0.8, 0.8, 0.8], [0.6, 0.6, 0.6]];
        let all = rows(&[("kidney", "dice", kidney), ("tumour", "dice", tumour)]);
        let found = applied("kits", &all);
        assert_eq!(found.ranking.places, [3, 1, 2]);
        assert_eq!(found.criteria.len(), 1);
        let places = |words: &str| {
            let choice = found.choices.iter().find(|own| own.in_words() == words);
            choice.unwrap_or_else(|| panic!("{words}")).places.clone()
        };
        assert_eq!(places("mean-then-rank by kidney dice"), [1, 2, 3]);
        assert_eq!(
            places("mean-then-rank by kidney dice, tumour dice"),
            [2, 1, 3]
        );
        assert_eq!(
            places("mean-then-rank by dice; structures averaged"),
            [3, 1, 2]
        );
        // Of 20 choices each structure alone, both, their average; three cases tell nobody apart by tests.
        assert_eq!(found.choices.len(), 20);
        assert_eq!(found.wins(), [8, 16, 4]);
    }

    #[test]
    fn a_case_that_is_missing_counts_as_the_worst_or_for_nobody() {
        let gap = [[0.9, 0.9, f64::NAN], [0.8, 0.8, 0.8], [0.1, 0.1, 0.1]];
        let all = rows(&[("lesion", "dice", gap)]);
        let found = applied("lits", &all);
        assert_eq!(found.ranking.places, [2, 1, 3]);
        let left_out = found
            .choices
            .iter()
            .find(|own| own.missing == Missing::LeftOut)
            .unwrap();
        assert_eq!(
            (left_out.method, &left_out.places[..]),
            (RankMethod::MeanThenRank, &[1, 2, 3][..])
        );
        assert_eq!(found.choices.len(), 10);
    }

    #[test]
    fn files_say_their_own_rules() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.toml");
        let of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            RankingRules::of(path.to_str().unwrap())
        };
        let text =
            "[ranking]\nmethod = \"median-then-rank\"\nweights = { dice = 1, seconds = 0.5 }\n";
        let all = rows(&[("wt", "dice", DICE), ("wt", "seconds", HD95)]);
        let error = of(text)
            .unwrap()
            .apply(&all, 10, Seed(1))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("better = { seconds = \"smaller\" }"),
            "{error}"
        );
        let told = format!("{text}better = {{ seconds = \"smaller\" }}\n");
        let found = of(&told).unwrap().apply(&all, 10, Seed(1)).unwrap();
        assert_eq!(
            (found.rules.name.as_str(), &found.ranking.places[..]),
            ("mine", &[2, 1, 3][..])
        );
        for (wrong, said) in [
            (
                "[ranking]\nmethod = \"best\"\nweights = { dice = 1 }\n",
                "unknown variant",
            ),
            (
                "[ranking]\nmethod = \"mean-then-rank\"\nweights = {}\n",
                "weights are numbers above 0",
            ),
            (
                "[ranking]\nmethod = \"mean-then-rank\"\nweights = { dice = -1 }\n",
                "weights are numbers above 0",
            ),
        ] {
            let error = of(wrong).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let error = RankingRules::of("flare23").unwrap_err().to_string();
        assert!(error.contains("flare22"), "{error}");
    }
}
