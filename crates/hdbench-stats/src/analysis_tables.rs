//! The tables of an analysis: metrics, differences, rankings, tumour sizes.

use hdbench_ground::error::Result;
use hdbench_score::Label;
use hdbench_table::{Cell, Column, Direction, Table, TableRow, Unit};

use super::definitions::{DefinitionFamily, definition_tables};
use super::published::{self, PublishedTable};
use super::{
    Analysis, Better, CaseGroups, Comparison, CovariateGroups, CriticalDifference, Finding,
    GroupValue, LesionBin, MetricSummary, Missing, RankMethod, Ranking, RankingByRules, Structures,
    better, towards_zero,
};

/// What an analysis found, ready for tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnalysisTables {
    /// Of every metric.
    pub analysis: Analysis,
    /// What the cases are, for the captions.
    pub cases: String,
    /// Draws of the bootstrap and level of the intervals, for the captions.
    pub method: String,
    /// The metric that is ranked, and its orders by several methods.
    pub rankings: Vec<(String, Ranking)>,
    /// The order by rules over several metrics.
    pub by_rules: Option<RankingByRules>,
    /// Of each ranked metric with three algorithms or more: mean ranks and what difference of them counts.
    pub critical: Vec<CriticalDifference>,
    /// Cases by tumour volume.
    pub groups: Option<(CaseGroups, Vec<GroupValue>)>,
    /// Cases by what is known of them.
    pub covariates: Vec<CovariateGroups>,
    /// Whether the lesions are of the liver: published numbers of such stand beside.
    pub of_liver: bool,
    /// Lesions by size.
    pub bins: Vec<LesionBins>,
    /// What becomes of conclusions under other definitions of a metric.
    pub definitions: Vec<DefinitionFamily>,
}

/// The lesions of one algorithm by size.
#[derive(Clone, Debug, PartialEq)]
pub struct LesionBins {
    /// Its name.
    pub algorithm: String,
    /// From the smallest lesions to the largest.
    pub bins: Vec<LesionBin>,
}

impl AnalysisTables {
    /// All of them.
    ///
    /// # Errors
    /// Only if an embedded published table does not parse.
    pub fn all(&self) -> Result<Vec<Table>> {
        let mut tables = vec![self.metric_values()];
        tables.extend(self.evidence()?);
        Ok(tables)
    }

    /// Those that a report has not anyway: differences, rankings, tumour sizes.
    ///
    /// # Errors
    /// As [`AnalysisTables::all`].
    pub fn evidence(&self) -> Result<Vec<Table>> {
        let mut tables = Vec::new();
        if !self.analysis.comparisons.is_empty() {
            tables.push(self.comparisons());
        }
        if !self.rankings.is_empty() {
            tables.push(self.ranking());
        }
        if let Some(found) = &self.by_rules {
            tables.push(self.by_rules(found));
            tables.push(self.choices(found));
        }
        if !self.critical.is_empty() {
            tables.push(self.critical());
        }
        if let Some((groups, metrics)) = &self.groups {
            let published = self.of_liver.then(|| published::table(6)).transpose()?;
            tables.push(self.size_groups(groups, metrics, published.as_ref()));
        }
        if !self.covariates.is_empty() {
            tables.push(self.covariates());
        }
        if !self.bins.is_empty() {
            tables.push(self.lesions());
        }
        if !self.definitions.is_empty() {
            let fingerprint = self.table("", "", String::new()).fingerprint;
            tables.extend(definition_tables(&self.definitions, &fingerprint));
        }
        Ok(tables)
    }

    fn table(&self, id: &str, title: &str, caption: String) -> Table {
        Table {
            id: id.into(),
            title: title.into(),
            caption,
            fingerprint: format!("hdbench {}; {}", env!("CARGO_PKG_VERSION"), self.cases),
            ..Table::default()
        }
    }

    fn metric_values(&self) -> Table {
        let several = self.analysis.summaries.iter().any(|s| s.replicates > 1);
        let mut columns = vec![
            Column::words("metric", "Metric"),
            Column::words("algorithm", "Algorithm"),
            Column::numbers("n", "N", Unit::None, 0),
            Column::numbers("mean", "Mean", Unit::None, 4),
            Column::numbers("sd", "SD", Unit::None, 4).minor(),
            Column::numbers("median", "Median", Unit::None, 4).minor(),
            Column::numbers("low", "Low", Unit::None, 4),
            Column::numbers("high", "High", Unit::None, 4),
        ];
        let others = self.analysis.summaries.iter();
        let others = Disagreeing::of(others.map(|own| [own.interval, own.t_interval]));
        columns.extend(others.columns());
        if several {
            columns.push(Column::numbers(
                "replicate_sd",
                "SD of replicates",
                Unit::None,
                4,
            ));
        }
        let rows = self.analysis.summaries.iter().map(|summary| {
            let interval = |end: usize| Cell::number(summary.interval.map(|i| i[end]));
            let mut cells = vec![
                Cell::text(metric_name(summary.label, &summary.metric)),
                Cell::text(&summary.algorithm),
                Cell::number(Some(summary.n as f64)),
                Cell::number(Some(summary.mean)),
                Cell::number(summary.sd),
                Cell::Number {
                    value: summary.median,
                    sd: None,
                    n: None,
                    interval: summary.median_interval,
                    mark: None,
                },
                interval(0),
                interval(1),
            ];
            cells.extend(others.cells([summary.interval, summary.t_interval]));
            if several {
                cells.push(Cell::number(summary.replicate_sd));
            }
            row(cells)
        });
        Table {
            rows: rows.collect(),
            columns,
            notes: undefined(&self.analysis.summaries)
                .into_iter()
                .chain(few(self.analysis.summaries.iter().map(|own| own.n)))
                .collect(),
            ..self.table(
                "metrics",
                "Metrics",
                format!(
                    "Over {}; fractions in 0 to 1, distances in mm, volumes in mL. N counts the cases \
                     with a value. Median with its percentile bootstrap interval. Low and high: {}{}",
                    self.cases,
                    self.method,
                    others.in_words()
                ),
            )
        }
    }

    fn comparisons(&self) -> Table {
        let several = self
            .analysis
            .comparisons
            .iter()
            .any(|c| c.in_replicate_sd.is_some());
        let mut columns = vec![
            Column::words("metric", "Metric"),
            Column::words("algorithm", "Algorithm"),
            Column::words("baseline", "Against"),
            Column::numbers("n", "N", Unit::None, 0),
            Column::numbers("difference", "Difference", Unit::None, 4),
            Column::numbers("low", "Low", Unit::None, 4),
            Column::numbers("high", "High", Unit::None, 4),
        ];
        let others = self.analysis.comparisons.iter();
        let others = Disagreeing::of(others.map(|own| [own.interval, own.t_interval]));
        columns.extend(others.columns());
        columns.extend([
            Column::numbers("p", "p", Unit::Probability, 4).minor(),
            Column::numbers("p_holm", "p, Holm", Unit::Probability, 4),
            Column::numbers("false_claim", "False claim", Unit::Probability, 4),
            Column::numbers("cases_needed", "Cases needed", Unit::None, 0).minor(),
        ]);
        if several {
            let title = "In SD of replicates";
            columns.push(Column::numbers("in_replicate_sd", title, Unit::None, 1));
        }
        columns.push(Column::words("finding", "Finding"));
        let rows = self.analysis.comparisons.iter().map(|comparison| {
            let mut cells = vec![
                Cell::text(metric_name(comparison.label, &comparison.metric)),
                Cell::text(&comparison.algorithm),
                Cell::text(&comparison.baseline),
                Cell::number(Some(comparison.n as f64)),
                known(comparison.difference),
                Cell::number(comparison.interval.map(|i| i[0])),
                Cell::number(comparison.interval.map(|i| i[1])),
            ];
            cells.extend(others.cells([comparison.interval, comparison.t_interval]));
            cells.extend([
                known(comparison.p),
                known(comparison.p_holm),
                Cell::number(comparison.false_claim),
                Cell::number(comparison.cases_needed.map(|cases| cases as f64)),
            ]);
            if several {
                cells.push(Cell::number(comparison.in_replicate_sd));
            }
            cells.push(Cell::text(finding(comparison)));
            row(cells)
        });
        let normal = self.analysis.comparisons.iter().any(|c| !c.exact);
        Table {
            rows: rows.collect(),
            columns,
            notes: few(self.analysis.comparisons.iter().map(|own| own.n))
                .into_iter()
                .chain(self.remarks())
                .collect(),
            ..self.table(
                "comparisons",
                "Differences on the same cases",
                format!(
                    "Mean of algorithm - against over the N cases that both have a value for (of \
                     absolute values where the size counts: {}). Low and high: {}{} p: Wilcoxon's \
                     signed-rank test, two-sided{}; Holm's correction over the comparisons of a \
                     metric. False claim: the probability that the true mean of the other is as good or better, by \
                     Student's t (arXiv 2505.04720), which lets a claim stand up to 0.05; cases needed for that with this \
                     difference and this spread. Better and worse: interval and corrected test agree. Not comparable: \
                     no case has a value by both, or they are of other definitions.",
                    "rvd, tumour_burden_error",
                    self.method,
                    others.in_words(),
                    if normal {
                        ", exact up to 50 differences, above that normal"
                    } else {
                        ", exact"
                    }
                ),
            )
        }
    }

    /// What is to be known of comparisons, each once.
    fn remarks(&self) -> Vec<String> {
        let mut remarks: Vec<String> = Vec::new();
        for remark in self
            .analysis
            .comparisons
            .iter()
            .filter_map(|own| own.remark.as_ref())
        {
            if !remarks.contains(remark) {
                remarks.push(remark.clone());
            }
        }
        let more = remarks.len().saturating_sub(MOST_REMARKS);
        remarks.truncate(MOST_REMARKS);
        remarks.extend((more > 0).then(|| format!("... and {more} more of this kind.")));
        remarks
    }

    fn ranking(&self) -> Table {
        let columns = vec![
            Column::words("metric", "Metric"),
            Column::words("method", "Method"),
            Column::words("algorithm", "Algorithm"),
            Column::numbers("place", "Place", Unit::None, 0),
            Column::numbers("place_low", "Low", Unit::None, 0),
            Column::numbers("place_median", "Median", Unit::None, 0),
            Column::numbers("place_high", "High", Unit::None, 0),
            Column::numbers("first", "First in draws", Unit::Percent, 0),
        ];
        let mut rows = Vec::new();
        let mut notes = Vec::new();
        for (metric, ranking) in &self.rankings {
            for algorithm in ranking.order() {
                let [low, middle, high] = ranking.spread[algorithm];
                rows.push(row(vec![
                    Cell::text(metric),
                    Cell::text(ranking.method.name()),
                    Cell::text(&ranking.algorithms[algorithm]),
                    Cell::number(Some(ranking.places[algorithm] as f64)),
                    Cell::number(Some(low)),
                    Cell::number(Some(middle)),
                    Cell::number(Some(high)),
                    Cell::number(ranking.first_in_draws(algorithm)),
                ]));
            }
            notes.push(match ranking.tau {
                Some([mean, low, _, high]) => format!(
                    "{metric}, {}: Kendall's tau of the draws with this order {mean:.2} on the mean, \
                     95 % of them in {low:.2} to {high:.2}.",
                    ranking.method.name()
                ),
                None => format!("{metric}, {}: all share a place.", ranking.method.name()),
            });
        }
        Table {
            rows,
            columns,
            notes,
            ..self.table(
                "ranking",
                "Ranking",
                "Places as challengeR computes them; low, median and high: 2.5, 50 and 97.5 % of the \
                 places in bootstrap draws of the cases. A case without a value counts as the worst."
                    .into(),
            )
        }
    }

    fn by_rules(&self, found: &RankingByRules) -> Table {
        let mut columns = vec![
            Column::words("algorithm", "Algorithm"),
            Column::numbers("place", "Place", Unit::None, 0),
            Column::numbers("place_low", "Low", Unit::None, 0),
            Column::numbers("place_high", "High", Unit::None, 0),
            Column::numbers("first", "First in draws", Unit::Percent, 0),
            Column::numbers("score", "Mean rank", Unit::None, 3),
        ];
        let parts = found.criteria.iter().enumerate();
        columns.extend(parts.map(|(at, own)| {
            let title = format!("{} x {}", own.name, own.weight);
            Column::numbers(&format!("criterion_{}", at + 1), &title, Unit::None, 3).minor()
        }));
        let ranking = &found.ranking;
        let rows = ranking.order().into_iter().map(|algorithm| {
            let [low, _, high] = ranking.spread[algorithm];
            let mut cells = vec![
                Cell::text(&ranking.algorithms[algorithm]),
                Cell::number(Some(ranking.places[algorithm] as f64)),
                Cell::number(Some(low)),
                Cell::number(Some(high)),
                Cell::number(ranking.first_in_draws(algorithm)),
                Cell::number(Some(found.score[algorithm])),
            ];
            cells.extend(
                found
                    .criteria
                    .iter()
                    .map(|own| Cell::number(Some(own.part[algorithm]))),
            );
            row(cells)
        });
        let rules = &found.rules;
        let parts = match rules.method {
            RankMethod::RankThenMean => "the mean of its ranks over cases",
            RankMethod::RankThenMedian => "the median of its ranks over cases",
            _ => "its place",
        };
        Table {
            rows: rows.collect(),
            columns,
            notes: found.notes.clone(),
            ..self.table(
                "ranking-rules",
                &format!("Ranking by the rules of {}", rules.name),
                format!(
                    "{} by {}: of every metric, with its weight, {parts}; the mean of these by weight decides. {}{} Low and \
                     high: 2.5 and 97.5 % of the places in bootstrap draws of the cases.",
                    rules.method.name(),
                    found.criteria.iter().map(|own| own.name.as_str()).collect::<Vec<_>>().join(", "),
                    match rules.structures {
                        Structures::Each => "",
                        Structures::Averaged => "Structures are averaged within a case. ",
                    },
                    match rules.missing {
                        Missing::Worst => "A case without a value counts as the worst.",
                        Missing::LeftOut => "A case that any algorithm lacks counts for none.",
                    }
                ),
            )
        }
    }

    /// What other rules make of the same values.
    fn choices(&self, found: &RankingByRules) -> Table {
        let algorithms = &found.ranking.algorithms;
        let mut columns = vec![Column::words("rules", "Rules")];
        let own = algorithms.iter().enumerate();
        columns.extend(
            own.map(|(at, name)| {
                Column::numbers(&format!("place_{}", at + 1), name, Unit::None, 0)
            }),
        );
        let rows = found.choices.iter().map(|choice| {
            let places = choice
                .places
                .iter()
                .map(|&place| Cell::number(Some(place as f64)));
            row([Cell::text(choice.in_words())]
                .into_iter()
                .chain(places)
                .collect())
        });
        let wins = found.wins();
        let mut order: Vec<usize> = (0..algorithms.len()).collect();
        order.sort_by_key(|&algorithm| std::cmp::Reverse(wins[algorithm]));
        let winners = order.into_iter().filter(|&algorithm| wins[algorithm] > 0);
        let winners: Vec<String> = winners
            .map(|algorithm| format!("{} by {}", algorithms[algorithm], wins[algorithm]))
            .collect();
        Table {
            rows: rows.collect(),
            columns,
            notes: vec![format!(
                "First, alone or not, by {} choices of rules: {}.",
                found.choices.len(),
                winners.join(", ")
            )],
            ..self.table(
                "ranking-choices",
                "What other rules would have made of it",
                "Places by every method, by all metrics and by each alone; with several structures of a metric by each and by \
                 their average, where cases lack values with these as the worst and left out."
                    .into(),
            )
        }
    }

    fn critical(&self) -> Table {
        let columns = vec![
            Column::words("metric", "Metric"),
            Column::words("algorithm", "Algorithm"),
            Column::numbers("mean_rank", "Mean rank", Unit::None, 2),
            Column::words("group", "Group"),
        ];
        let (mut rows, mut notes) = (Vec::new(), Vec::new());
        for own in &self.critical {
            let groups = own.groups();
            for algorithm in own.order() {
                let letters = (0_u8..)
                    .zip(&groups)
                    .filter(|(_, group)| group.contains(&algorithm));
                let letters: Vec<String> = letters.map(|(at, _)| letter(at)).collect();
                rows.push(row(vec![
                    Cell::text(&own.metric),
                    Cell::text(&own.algorithms[algorithm]),
                    Cell::number(Some(own.test.ranks[algorithm])),
                    Cell::text(letters.join(" ")),
                ]));
            }
            notes.push(format!(
                "{}: Friedman's chi squared {:.2} over {} cases, p {}; mean ranks farther apart than {:.2} differ at 0.05.",
                own.metric,
                own.test.statistic,
                own.test.n,
                Column::probability().render(own.test.p),
                own.test.critical_difference
            ));
        }
        Table {
            rows,
            columns,
            notes,
            ..self.table(
                "critical-differences",
                "Mean ranks and critical differences",
                "Ranks within cases, equal values sharing theirs, over all cases; a case without a value counts as the worst. \
                 Algorithms that share a group are not told apart (Nemenyi's test after Friedman's, Demšar 2006)."
                    .into(),
            )
        }
    }

    fn size_groups(
        &self,
        groups: &CaseGroups,
        metrics: &[GroupValue],
        published: Option<&PublishedTable>,
    ) -> Table {
        let names = ["total", "large", "small"];
        let mut columns = vec![Column::words("network", "Network")];
        for name in names {
            let title = match name {
                "total" => "All tumours".to_owned(),
                other => format!("{}{} tumours", other[..1].to_uppercase(), &other[1..]),
            };
            columns.push(
                Column::numbers(&format!("lesion_dice_{name}"), &title, Unit::Percent, 2)
                    .better(Direction::Up),
            );
        }
        let differs = metrics.iter().any(|metric| metric.difference.is_some());
        if differs {
            columns.extend(names.map(|name| {
                let key = format!("difference_{name}");
                Column::numbers(&key, &format!("Gain, {name}"), Unit::Percent, 2)
            }));
        }
        let order = metrics.iter().filter(|f| f.group == "total");
        let mut rows: Vec<TableRow> = order
            .map(|first| {
                let of = |name: &str| {
                    let same = |f: &&GroupValue| f.algorithm == first.algorithm && f.group == name;
                    metrics.iter().find(same)
                };
                let mut cells = vec![Cell::text(&first.algorithm)];
                cells.extend(names.map(|name| {
                    of(name).map_or(Cell::Missing, |metric| Cell::Number {
                        value: metric.mean,
                        sd: None,
                        n: Some(metric.n),
                        interval: metric.interval,
                        mark: None,
                    })
                }));
                if differs {
                    cells.extend(names.map(|name| {
                        of(name).map_or(Cell::Missing, |metric| Cell::Number {
                            value: metric.difference.unwrap_or(f64::NAN),
                            sd: None,
                            n: None,
                            interval: metric.difference_interval,
                            mark: None,
                        })
                    }));
                }
                row(cells)
            })
            .collect();
        let reference = published.into_iter().flat_map(|table| &table.rows);
        rows.extend(reference.map(|published| {
            let mut cells = vec![Cell::Text {
                text: published.label.clone(),
                note: Some("published".into()),
            }];
            cells.extend(names.map(|name| published.cell(&format!("lesion_dice_{name}"))));
            cells.resize(columns.len(), Cell::Missing);
            TableRow {
                cells,
                reference: true,
                ..TableRow::default()
            }
        }));
        let source = published.map(|table| {
            format!(
                "Published rows: {}, over {}: a reference only.",
                table.source, table.test_set
            )
        });
        let mut notes: Vec<String> = source.into_iter().collect();
        let large = groups
            .volumes_ml
            .keys()
            .filter(|case| groups.is_large(case) == Some(true));
        let large = large.count();
        let smaller = large.min(groups.volumes_ml.len() - large);
        if smaller < 3 {
            notes.push(format!(
                "A group of {smaller} says nothing: hdbench analyze --boundary-ml MILLILITRES draws the line \
                 elsewhere."
            ));
        }
        let how = if groups.found {
            "the middle of the largest gap between neighbouring volumes"
        } else {
            "given"
        };
        Table {
            rows,
            columns,
            notes,
            ..self.table(
                "size-groups",
                "Tumour-size groups",
                format!(
                    "Mean lesion Dice of the cases with tumours, in percent; large from {:.2} mL of \
                     tumour in the reference ({how}). {}",
                    groups.boundary_ml, self.method
                ),
            )
        }
    }

    fn covariates(&self) -> Table {
        let mut columns = vec![
            Column::words("metric", "Metric"),
            Column::words("covariate", "Covariate"),
            Column::words("group", "Group"),
            Column::words("algorithm", "Algorithm"),
            Column::numbers("n", "N", Unit::None, 0),
            Column::numbers("mean", "Mean", Unit::None, 4),
        ];
        let values = || {
            self.covariates
                .iter()
                .flat_map(|own| own.values.iter().map(move |value| (own, value)))
        };
        let differs = values().any(|(_, value)| value.difference.is_some());
        if differs {
            columns.push(Column::numbers("difference", "Difference", Unit::None, 4));
        }
        let number = |value: f64, interval| Cell::Number {
            value,
            sd: None,
            n: None,
            interval,
            mark: None,
        };
        let rows = values().map(|(own, value)| {
            let mut cells = vec![
                Cell::text(&own.metric),
                Cell::text(&own.covariate),
                Cell::text(&value.group),
                Cell::text(&value.algorithm),
                Cell::number(Some(value.n as f64)),
                number(value.mean, value.interval),
            ];
            if differs {
                let difference = value.difference;
                cells.push(
                    difference.map_or(Cell::Missing, |own| number(own, value.difference_interval)),
                );
            }
            row(cells)
        });
        let p = |p: f64| Column::probability().render(p);
        let mut notes = Vec::new();
        for own in &self.covariates {
            let tests = own.tests.iter().filter_map(|test| {
                let (alone, corrected) = (test.p?, test.p_holm?);
                let interaction = test.p_interaction.zip(test.p_interaction_holm);
                let interaction = interaction.map_or(String::new(), |(alone, corrected)| {
                    format!("; of its difference {}, Holm {}", p(alone), p(corrected))
                });
                Some(format!(
                    "{} p {}, Holm {}{interaction}",
                    test.algorithm,
                    p(alone),
                    p(corrected)
                ))
            });
            let tests: Vec<String> = tests.collect();
            let unknown = match own.unknown {
                0 => String::new(),
                n => format!(" Not known of {n} cases."),
            };
            notes.push(match tests.is_empty() {
                true => format!("{}, {}: one group.{unknown}", own.metric, own.covariate),
                false => format!(
                    "{}, {}: {}.{unknown}",
                    own.metric,
                    own.covariate,
                    tests.join(". ")
                ),
            });
        }
        Table {
            rows: rows.collect(),
            columns,
            notes,
            ..self.table(
                "covariates",
                "Groups of cases",
                format!(
                    "Means of the cases of a group; differences to the baseline on the same cases. {} p: Kruskal's and Wallis' \
                     test between the groups, of an algorithm's values and of its differences to the baseline (the interaction); \
                     Holm's correction over algorithms and covariates.",
                    self.method
                ),
            )
        }
    }

    fn lesions(&self) -> Table {
        let columns = vec![
            Column::words("algorithm", "Algorithm"),
            Column::words("size", "Size"),
            Column::numbers("lesions", "Lesions", Unit::None, 0),
            Column::numbers("detected", "Found", Unit::None, 0),
            Column::numbers("recall", "Recall", Unit::Percent, 1),
            Column::numbers("recall_low", "Low", Unit::Percent, 1),
            Column::numbers("recall_high", "High", Unit::Percent, 1),
            Column::numbers("dice", "Dice", Unit::Percent, 1),
            Column::numbers("dice_low", "Low", Unit::Percent, 1),
            Column::numbers("dice_high", "High", Unit::Percent, 1),
            Column::numbers("false_positives", "False positives", Unit::None, 0),
            Column::numbers("false_positives_a_case", "A case", Unit::None, 2),
        ];
        let rows = self.bins.iter().flat_map(|own| {
            own.bins.iter().map(|bin| {
                row(vec![
                    Cell::text(&own.algorithm),
                    Cell::text(&bin.range),
                    Cell::number(Some(bin.lesions as f64)),
                    Cell::number(Some(bin.detected as f64)),
                    Cell::number(bin.recall),
                    Cell::number(bin.recall_interval.map(|i| i[0])),
                    Cell::number(bin.recall_interval.map(|i| i[1])),
                    Cell::number(bin.dice),
                    Cell::number(bin.dice_interval.map(|i| i[0])),
                    Cell::number(bin.dice_interval.map(|i| i[1])),
                    Cell::number(Some(bin.false_positives as f64)),
                    Cell::number(Some(bin.false_positives_a_case)),
                ])
            })
        });
        Table {
            rows: rows.collect(),
            columns,
            ..self.table(
                "lesion-sizes",
                "Lesions by size",
                "Reference lesions and how many are found at any overlap (LiTS paper, appendix C); Dice \
                 of what is matched together, 0 where nothing is. False positives are predicted \
                 lesions of that size that match none. Low and high: 95 % bootstrap interval over \
                 cases."
                    .into(),
            )
        }
    }
}

/// `A` to `Z`, then `A2`.
fn letter(at: u8) -> String {
    let name = char::from(b'A' + at % 26);
    match at / 26 {
        0 => name.to_string(),
        round => format!("{name}{}", round + 1),
    }
}

fn row(cells: Vec<Cell>) -> TableRow {
    TableRow {
        cells,
        ..TableRow::default()
    }
}

/// `lesion dice ↑`.
fn metric_name(label: Option<Label>, metric: &str) -> String {
    let arrow = match better(metric) {
        Some(Better::Larger) => " ↑",
        Some(Better::Smaller) => " ↓",
        None if towards_zero(metric) => " →0",
        None => "",
    };
    let label = label.map_or(String::new(), |label| format!("{label} "));
    format!("{label}{metric}{arrow}")
}

/// Student's intervals where they are not the bootstrap's: columns that only such rows fill.
#[derive(Clone, Copy)]
struct Disagreeing {
    any: bool,
}

impl Disagreeing {
    /// The part of an interval's width that an end of the other may be off.
    const PART: f64 = 0.1;

    /// Pairs of the bootstrap's interval and Student's.
    fn of(mut intervals: impl Iterator<Item = [Option<[f64; 2]>; 2]>) -> Self {
        Self {
            any: intervals.any(Self::differ),
        }
    }

    fn differ(intervals: [Option<[f64; 2]>; 2]) -> bool {
        let [Some([low, high]), Some(t)] = intervals else {
            return false;
        };
        let off = (t[0] - low).abs().max((t[1] - high).abs());
        off > Self::PART * (high - low)
    }

    fn columns(self) -> Vec<Column> {
        let column = |key, title| Column::numbers(key, title, Unit::None, 4).minor();
        match self.any {
            true => vec![column("t_low", "Low, t"), column("t_high", "High, t")],
            false => Vec::new(),
        }
    }

    fn cells(self, intervals: [Option<[f64; 2]>; 2]) -> Vec<Cell> {
        let t = intervals[1].filter(|_| Self::differ(intervals));
        match self.any {
            true => vec![Cell::number(t.map(|t| t[0])), Cell::number(t.map(|t| t[1]))],
            false => Vec::new(),
        }
    }

    fn in_words(self) -> &'static str {
        match self.any {
            true => {
                " Student's t beside it, where an end is off by more than a tenth of the width."
            }
            false => "",
        }
    }
}

/// Remarks of a table that are shown.
const MOST_REMARKS: usize = 4;

/// Cases below which intervals are said to hold the truth less often than they promise.
const FEW: usize = 50;

/// What simulations say of intervals over few cases, where there are such.
fn few(mut ns: impl Iterator<Item = usize>) -> Option<String> {
    let any = ns.any(|n| (1..FEW).contains(&n));
    any.then(|| FEW_CASES.to_owned())
}

/// Of `scripts/simulate_intervals.sh 20000`.
const FEW_CASES: &str = "Over fewer than 50 cases intervals of 95 % hold the true mean less often than that where single cases \
     fail, since what no case shows is in no interval: in simulations with N of 7 to 40 in 75 to 95 % of studies for a Dice, \
     in 37 to 74 % for an HD95 with a penalty in one case of thirty; those of medians in 87 to 97 %. hdbench explain statistics \
     has the table.";

/// A number where there is one.
fn known(value: f64) -> Cell {
    Cell::number(Some(value).filter(|value| !value.is_nan()))
}

fn finding(comparison: &Comparison) -> &'static str {
    match comparison.finding {
        Finding::Better => "better",
        Finding::Worse => "worse",
        Finding::Different => "different",
        Finding::NoEvidence => "no evidence",
        Finding::NotComparable => "not comparable",
    }
}

/// Where metrics rest on fewer cases than there are, and where a mean is no number.
fn undefined(summaries: &[MetricSummary]) -> Vec<String> {
    let all = summaries.len();
    let fewer = summaries.iter().filter(|s| s.n < s.cases).count();
    let fewer = (fewer > 0).then(|| {
        format!(
            "{fewer} of {all} rows have cases without a value, which are left out there: compare their means \
             only with the differences on the same cases."
        )
    });
    let infinite = summaries.iter().filter(|s| s.n > 0 && !s.mean.is_finite());
    let infinite = infinite.count();
    let infinite = (infinite > 0).then(|| {
        format!(
            "{infinite} of {all} rows have infinite values, so that their means and intervals are no numbers: tests by \
             ranks count. A rule of the structure's for empty masks makes them (hdbench structures show); a finite one, such \
             as 374, gives a mean."
        )
    });
    fewer.into_iter().chain(infinite).collect()
}
