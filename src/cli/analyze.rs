use std::path::{Path, PathBuf};

use clap::Args;
use hdbench_table::chart::svg;
use hdbench_table::{Exporter, Markdown, Table};
use serde_json::json;

use super::output::{print_json, tell};
use super::table_output::{for_terminal, print_tables};
use crate::analysis::chart::{ChoiceMap, CriticalPlot};
use crate::analysis::{
    Analysis, AnalysisOptions, AnalysisTables, Bins, Boundary, CaseGroups, CovariateGroups,
    Covariates, CriticalDifference, LesionBins, MetricTable, Orders, RankMethod, RankingByRules,
    RankingRules, Scored, Wanted, analyse, by_case_groups, by_definition, by_lesion_size,
    cases_in_words, claims_csv, metric_tables, rankings,
};
use crate::artifact::{Results, json_says, write_atomic, write_atomic_with};
use crate::error::{Error, Result};
use crate::evaluation::{Label, MetricRow};
use crate::report::write_tables;
use crate::schedule::StudyFolders;
use crate::seed::Seed;
use crate::text::Shown as _;

/// Intervals, paired tests, rankings and tumour-size groups of any scored predictions.
///
/// Algorithms are compared on the same cases; every number has its N and its interval.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench analyze runs/lits --baseline denseunet2d --out analysis
  hdbench analyze scores-a scores-b nnunet/validation/summary.json
  hdbench analyze Dataset009_Spleen/nnUNetTrainer__nnUNetPlans__3d_fullres --metric dice
  hdbench analyze team-a team-b team-c --ranking brats --out analysis
  hdbench analyze ours theirs --baseline theirs --groups-from patients.csv
  hdbench analyze runs/lits --metric lesion:dice --rank-by rank-then-mean --lesion-quantiles 3

Inputs: a study's folder, a folder that `hdbench evaluate` wrote, a metrics_long.csv, nnU-Net's
summary.json, or a folder above fold_0, fold_1, ... that hold one of these, or above several such.
Files in DIR: analysis.json, analysis.md, every table as .csv, .md and .tex, pictures of what other rules
make of a ranking and of critical differences as .svg, and of every metric claims-STRUCTURE-METRIC.csv, the
cases as claims-reloaded.dkfz.de reads them.")]
pub struct Analyze {
    /// Scores
    #[arg(value_name = "PATH", required = true)]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    names: SourceNames,
    /// Where the tables go as files
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Compare all others with this algorithm (default: every pair)
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// Metrics, as lesion:dice, dice (of every structure) or tumour_burden_error, or all (default: those
    /// of the field that are there)
    #[arg(long = "metric", value_name = "NAME")]
    metrics: Vec<String>,
    /// The metric that is ranked (default: lesion:dice, without lesions the Dice of every structure)
    #[arg(long, value_name = "NAME")]
    rank: Option<String>,
    /// How cases become an order: mean-then-rank, median-then-rank, rank-then-mean,
    /// rank-then-median, test-then-rank (default: all five; the first of more than four structures)
    #[arg(long, value_name = "METHOD")]
    rank_by: Vec<RankMethod>,
    /// Rank by several metrics as a challenge does: lits, msd, brats, kits, autopet, flare22 or a TOML file
    /// (hdbench explain ranking); with what other rules would have made of it
    #[arg(long, value_name = "RULES")]
    ranking: Option<String>,
    /// Where small tumours end and large ones begin, mL a case (default: the largest gap)
    #[arg(long, value_name = "ML")]
    boundary_ml: Option<f64>,
    /// Cases by what is known of them: a CSV whose first column are the cases, then a column a covariate (scanner,
    /// centre, sex); the ranked metric in their groups, with a test of interaction with --baseline
    #[arg(long, value_name = "FILE")]
    groups_from: Option<PathBuf>,
    /// Edges of the lesions' equivalent diameter, mm (default: 10,20)
    #[arg(long, value_name = "MM,...", value_delimiter = ',')]
    lesion_mm: Vec<f64>,
    /// Edges of the lesions' volume, mL
    #[arg(
        long,
        value_name = "ML,...",
        value_delimiter = ',',
        conflicts_with = "lesion_mm"
    )]
    lesion_ml: Vec<f64>,
    /// N groups of equally many reference lesions
    #[arg(long, value_name = "N", conflicts_with_all = ["lesion_mm", "lesion_ml"],
          value_parser = clap::value_parser!(u32).range(2..=20))]
    lesion_quantiles: Option<u32>,
    /// Say which conclusions survive every definition of a metric that the scores have (hdbench evaluate
    /// --definitions)
    #[arg(long)]
    definitions: bool,
    #[command(flatten)]
    draws: Draws,
    /// JSON instead of tables (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

/// What sources are called in tables.
#[derive(Args, Clone, Debug)]
pub struct SourceNames {
    /// What a source is called in tables and pictures: --name scores-a=Ours (again for another)
    #[arg(long = "name", value_name = "SOURCE=LABEL", value_parser = source_name)]
    names: Vec<(String, String)>,
}

fn source_name(text: &str) -> Result<(String, String), String> {
    let parts = text
        .rsplit_once('=')
        .filter(|(source, label)| !source.is_empty() && !label.trim().is_empty());
    let parts = parts.map(|(source, label)| (source.to_owned(), label.trim().to_owned()));
    parts.ok_or_else(|| "expected SOURCE=LABEL, as scores-a=Ours".into())
}

impl SourceNames {
    /// The label of each path, where it has one.
    pub fn of(&self, paths: &[PathBuf]) -> Result<Vec<Option<String>>> {
        let is_of = |path: &Path, source: &str| path == Path::new(source);
        if let Some((source, _)) = self
            .names
            .iter()
            .find(|(source, _)| !paths.iter().any(|path| is_of(path, source)))
        {
            let shown: Vec<String> = paths.iter().map(|path| path.shown().to_string()).collect();
            return Err(Error::usage(
                format!("--name {source}=...: there is no such source"),
                format!("name one as it is given: {}", shown.join(", ")),
            ));
        }
        let label = |path: &PathBuf| {
            let own = self.names.iter().find(|(source, _)| is_of(path, source));
            own.map(|(_, label)| label.clone())
        };
        Ok(paths.iter().map(label).collect())
    }
}

/// How the bootstrap resamples.
#[derive(Args, Clone, Copy, Debug)]
pub struct Draws {
    /// Draws of the bootstrap
    #[arg(long, value_name = "N", default_value_t = crate::analysis::statistics::RESAMPLES,
          value_parser = resamples)]
    resamples: usize,
    /// Seed of the bootstrap resamples
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

fn resamples(text: &str) -> Result<usize, String> {
    let number = text.parse().ok();
    number
        .filter(|n| (100..=1_000_000).contains(n))
        .ok_or_else(|| "expected 100 to 1000000".into())
}

impl Draws {
    pub fn options(self, baseline: Option<String>) -> AnalysisOptions {
        AnalysisOptions {
            resamples: self.resamples,
            seed: Seed(self.seed),
            baseline,
            ..AnalysisOptions::default()
        }
    }
}

impl Analyze {
    pub fn exec(self) -> Result<()> {
        self.out
            .as_deref()
            .map_or(Ok(()), |out| RESULTS.check(out))?;
        let scored = Scored::read_all(&self.inputs, &self.names.of(&self.inputs)?, &StudyFolders)?;
        tell_of(&scored);
        self.refuse_lesion_sizes(&scored)?;
        let options = self.draws.options(self.baseline.clone());
        let wanted = Wanted::of(&self.metrics, &scored.rows)?;
        let shown = metric_tables(&scored.rows, |row| wanted.has(row))?;
        let ranked = Wanted::ranked(self.rank.as_ref(), &scored.rows)?;
        let ranked = metric_tables(&scored.rows, |row| ranked.has(row))?;
        let Orders { orders, notes } = rankings(
            &ranked,
            &self.rank_by,
            self.draws.resamples,
            Seed(self.draws.seed),
        )?;
        for note in notes {
            tell(&format!("note: {note}"));
        }
        let by_rules = self.by_rules(&scored)?;
        let analysis = analyse(&shown, &options)?;
        tell_of_incomparable(&analysis);
        let tables = AnalysisTables {
            analysis,
            cases: cases_in_words(&shown),
            method: options.in_words(),
            rankings: orders,
            by_rules,
            covariates: self.covariates(&ranked, &options)?,
            critical: ranked.iter().filter_map(CriticalDifference::of).collect(),
            groups: self.groups(&scored, &options)?,
            bins: self.bins(&scored, &options)?,
            definitions: match self.definitions {
                true => by_definition(&scored.rows, &options)?,
                false => Vec::new(),
            },
            of_liver: scored.rows.iter().any(is_of_liver),
        };
        finish(&tables, &shown, self.out.as_deref(), self.json)
    }

    /// The ranked metrics in the groups of a file's covariates.
    fn covariates(
        &self,
        ranked: &[MetricTable],
        options: &AnalysisOptions,
    ) -> Result<Vec<CovariateGroups>> {
        let Some(path) = &self.groups_from else {
            return Ok(Vec::new());
        };
        let covariates = Covariates::read(path)?;
        let found: Vec<Vec<CovariateGroups>> = ranked
            .iter()
            .map(|metric| covariates.of(metric, options))
            .collect::<Result<_>>()?;
        Ok(found.concat())
    }

    /// The order by the rules that are named.
    fn by_rules(&self, scored: &Scored) -> Result<Option<RankingByRules>> {
        let rules = self.ranking.as_deref().map(RankingRules::of).transpose()?;
        let seed = Seed(self.draws.seed);
        let found = rules.map(|rules| rules.apply(&scored.rows, self.draws.resamples, seed));
        found.transpose()
    }

    /// Sizes that are asked for without lesions would be passed over in silence.
    fn refuse_lesion_sizes(&self, scored: &Scored) -> Result<()> {
        let is_asked = self.lesion_quantiles.is_some()
            || !self.lesion_ml.is_empty()
            || !self.lesion_mm.is_empty();
        if is_asked && scored.lesions.is_empty() {
            return Err(Error::usage(
                "lesions by size want the lesions.csv of a structure called lesion, which these scores have not",
                "score with hdbench evaluate, profile strict, under that name, and name its folder",
            ));
        }
        Ok(())
    }

    /// Table VI, where the volumes are there.
    fn groups(
        &self,
        scored: &Scored,
        options: &AnalysisOptions,
    ) -> Result<Option<(CaseGroups, Vec<crate::analysis::GroupValue>)>> {
        let of = |metric: &'static str| {
            metric_tables(&scored.rows, move |row: &MetricRow| {
                row.label == Some(Label::LESION) && row.metric == metric
            })
        };
        let (volumes, dice) = (of("volume_ref_ml")?, of("dice")?);
        let (Some(volumes), Some(dice)) = (volumes.first(), dice.first()) else {
            return match self.boundary_ml {
                None => Ok(None),
                Some(_) => Err(Error::usage(
                    "--boundary-ml wants the volume_ref_ml and dice of a structure called lesion, which these scores \
                     have not",
                    "score with hdbench evaluate, profile strict, under that name",
                )),
            };
        };
        let boundary = self.boundary_ml.map_or(Boundary::LargestGap, Boundary::At);
        let groups = match CaseGroups::divide(volumes, boundary) {
            Ok(groups) => groups,
            Err(error) if self.boundary_ml.is_some() => return Err(error),
            Err(error) => {
                tell(&format!("note: no tumour-size groups: {error}"));
                return Ok(None);
            }
        };
        let found = by_case_groups(dice, &groups, options)?;
        Ok(Some((groups, found)))
    }

    fn bins(&self, scored: &Scored, options: &AnalysisOptions) -> Result<Vec<LesionBins>> {
        let bins = match self.lesion_quantiles {
            Some(groups) => Bins::Quantiles(groups as usize),
            None if !self.lesion_ml.is_empty() => Bins::VolumeMl(self.lesion_ml.clone()),
            None if !self.lesion_mm.is_empty() => Bins::DiameterMm(self.lesion_mm.clone()),
            None => Bins::default(),
        };
        scored
            .lesions
            .iter()
            .map(|(algorithm, lesions)| {
                let own = scored.rows.iter().filter(|row| row.algorithm == *algorithm);
                let own = own.filter(|row| row.case != crate::evaluation::ALL_CASES);
                let cases: std::collections::BTreeSet<&str> =
                    own.map(|row| row.case.as_str()).collect();
                let cases: Vec<String> = cases.into_iter().map(str::to_owned).collect();
                Ok(LesionBins {
                    algorithm: algorithm.clone(),
                    bins: by_lesion_size(lesions, &cases, &bins, options)?,
                })
            })
            .collect()
    }
}

/// Shows what was noticed when scores were read.
pub fn tell_of(scored: &Scored) {
    for note in &scored.notes {
        tell(&format!("note: {note}"));
    }
    for warning in &scored.warnings {
        tell(&format!("warning: {warning}"));
    }
}

/// Whether a row is of the liver, or of the tumours in it.
fn is_of_liver(row: &MetricRow) -> bool {
    let is_burden = row.label.is_none() && row.metric.starts_with("tumour_burden");
    let liver = [Label::LIVER, Label::LIVER_WITHOUT_LESIONS];
    is_burden || row.label.is_some_and(|label| liver.contains(&label))
}

/// Shows what nobody could compare.
pub fn tell_of_incomparable(analysis: &Analysis) {
    if let Some(words) = analysis.incomparable_in_words() {
        tell(&format!("note: {words}"));
    }
}

/// The folder that tables go to.
pub const RESULTS: Results<'_> = Results {
    names: &["analysis.md", "analysis.json"],
    wrote: &tables_of,
    first: "analysis.json",
    is_ours: &|folder, name| match name {
        "analysis.md" | "analysis.json" => is_analysis(folder),
        table => is_analysis(folder) && is_table(folder, table),
    },
};

fn is_analysis(folder: &Path) -> bool {
    json_says(
        &folder.join("analysis.json"),
        "/format",
        "hdbench.analysis/1",
    )
}

/// Whether an analysis names the table of this file; there may be others than the last time.
fn is_table(folder: &Path, file: &str) -> bool {
    tables_of(folder).iter().any(|table| table == file)
}

/// The files of the tables that an analysis names.
fn tables_of(folder: &Path) -> Vec<String> {
    if !is_analysis(folder) {
        return Vec::new();
    }
    let text = std::fs::read(folder.join("analysis.json")).unwrap_or_default();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let named = |list: &str, endings: &[&str]| -> Vec<String> {
        let names = json[list].as_array().into_iter().flatten();
        // A name with a folder in it is none of ours.
        let names = names
            .filter_map(|name| name.as_str())
            .filter(|name| !name.contains(['/', '\\']));
        names
            .flat_map(|name| endings.iter().map(move |ending| format!("{name}.{ending}")))
            .collect()
    };
    [
        named("tables", &["csv", "md", "tex"]),
        named("claims", &["csv"]),
        named("pictures", &["svg"]),
    ]
    .concat()
}

/// Shows the tables and writes them.
pub fn finish(
    tables: &AnalysisTables,
    metrics: &[MetricTable],
    out: Option<&Path>,
    json: bool,
) -> Result<()> {
    let all = tables.all()?;
    if let Some(out) = out {
        RESULTS.replace(out, |to| {
            write_tables(&all, to)?;
            let pictures = pictures(tables)?;
            for (name, picture) in &pictures {
                write_atomic(&to.join(format!("{name}.svg")), picture.as_bytes())?;
            }
            for metric in metrics {
                let to = to.join(format!("{}.csv", claims_file(metric)));
                write_atomic_with(&to, |out| {
                    claims_csv(metric, out).map_err(Error::write(&to))
                })?;
            }
            write_atomic(&to.join("analysis.md"), markdown(&all)?.as_bytes())?;
            let mut json = as_json(tables, &all);
            json["pictures"] = pictures.into_iter().map(|(name, _)| name).collect();
            json["claims"] = metrics.iter().map(claims_file).collect();
            let text = serde_json::to_vec_pretty(&json);
            let text = text.map_err(|e| Error::Internal(e.to_string()))?;
            write_atomic(&to.join("analysis.json"), &text)
        })?;
        tell(&format!("tables in {}", out.shown()));
    }
    if json || !for_terminal() {
        print_json(&as_json(tables, &all))
    } else {
        print_tables(&all)
    }
}

/// What a table of the analysis looks like, as SVG: the choices of rules, and the mean ranks by metric.
fn pictures(tables: &AnalysisTables) -> Result<Vec<(String, String)>> {
    let mut pictures = Vec::new();
    if let Some(found) = &tables.by_rules {
        pictures.push((
            "ranking-choices".to_owned(),
            svg(&ChoiceMap(found.clone()))?,
        ));
    }
    for own in &tables.critical {
        let name = format!("critical-difference-{}", plain(&own.metric));
        pictures.push((name, svg(&CriticalPlot(own.clone()))?));
    }
    Ok(pictures)
}

/// `claims-lesion-dice`: a file's name for any structure and metric.
fn claims_file(metric: &MetricTable) -> String {
    format!("claims-{}", plain(&metric.name()))
}

/// A part of a file's name.
fn plain(name: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphanumeric() || "._".contains(c) {
        true => c,
        false => '-',
    };
    name.chars().map(letter).collect()
}

fn markdown(tables: &[Table]) -> Result<String> {
    let mut text = String::new();
    for table in tables {
        text += &String::from_utf8_lossy(&Markdown.export(table)?);
        text.push('\n');
    }
    Ok(text)
}

fn as_json(tables: &AnalysisTables, all: &[Table]) -> serde_json::Value {
    let groups = tables.groups.as_ref();
    json!({
        "format": "hdbench.analysis/1",
        "cases": tables.cases,
        "summaries": tables.analysis.summaries,
        "comparisons": tables.analysis.comparisons,
        "rankings": tables.rankings.iter().map(|(metric, ranking)| {
            json!({ "metric": metric, "ranking": ranking })
        }).collect::<Vec<_>>(),
        "ranking_by_rules": tables.by_rules,
        "critical_differences": tables.critical,
        "covariates": tables.covariates,
        "size_groups": groups.map(|(groups, metrics)| json!({ "groups": groups, "metrics": metrics })),
        "lesion_sizes": tables.bins.iter().map(|own| {
            json!({ "algorithm": own.algorithm, "bins": own.bins })
        }).collect::<Vec<_>>(),
        "definitions": tables.definitions,
        "tables": all.iter().map(|table| table.id.as_str()).collect::<Vec<_>>(),
    })
}
