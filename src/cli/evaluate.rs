use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::output::{print, print_as_is};
use super::progress::Reporter;
use super::score_table::{self, Shown};
use super::study_options::{cores, pool, side_by_side};
use crate::analysis::write_parquet;
use crate::artifact::{Results, begins_with, json_says, read_file, read_text};
use crate::error::{Error, Result};
use crate::evaluation::lits::{LitsScored, lits_rows, score_lits, write_scores_txt};
use crate::evaluation::structures::{StructureSet, find as find_structures};
use crate::evaluation::{
    Apart, CasePair, DEFAULT_JOBS, FAILURES, Failure, LabelMapChoice, MetricRow, MissingCase,
    Options, Origin, PairOptions, Pairing, ScoredCase, ScoredStructure, Source, StrictCase,
    StructuresPlan, Tolerance, evaluate, pair, rows, score_strict, score_structures, structures,
    write_cases, write_failures, write_lesions, write_metrics_json, write_metrics_long,
    write_summary, write_wide,
};
use crate::metrics::surface::Border;
use crate::progress::Progress;
use crate::text::Shown as _;
use crate::volume::dataset_json;
use crate::{text, workers};

/// Number of names in one message; failures.csv has all.
const NAMES_SHOWN: usize = 10;

/// What some profile writes; what an earlier start left of it is taken away once the new results stand.
const OUTPUTS: [&str; 8] = [
    "metrics_long.csv",
    "metrics_long.parquet",
    "cases.csv",
    "lesions.csv",
    "summary.json",
    "metrics.json",
    "scores.txt",
    FAILURES,
];

/// Whether a file begins as `cases.csv` does of any structures: its first metric is a structure's Dice.
fn is_table_of_cases(file: &Path) -> bool {
    let Ok(text) = read_text(file) else {
        return false;
    };
    let mut head = text.lines().next().unwrap_or_default().split(',');
    head.next() == Some("case") && head.next().is_some_and(|second| second.ends_with("_dice"))
}

/// The folder that the results go to.
const RESULTS: Results<'_> = Results {
    names: &OUTPUTS,
    first: "metrics_long.csv",
    is_ours: &|folder, name| {
        let file = folder.join(name);
        let is_scored = || begins_with(&folder.join(OUTPUTS[0]), "task,algorithm,fold,seed,");
        match name {
            "cases.csv" => begins_with(&file, "case,liver_") || is_table_of_cases(&file),
            "lesions.csv" => begins_with(&file, "case,side,lesion,voxels,"),
            FAILURES => begins_with(&file, "case,reason\n"),
            "summary.json" => json_says(&file, "/hdbench/format", "hdbench.summary/1"),
            // What has no mark of ours in it.
            _ => is_scored(),
        }
    },
};

/// Score segmentations against references: a file, a folder or a submission zip.
///
/// Cases are paired by name: LiTS numbers (volume-N, segmentation-N, test-segmentation-N) or equal
/// names without .nii or .nii.gz. A case that cannot be scored stops no other.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench evaluate --pred prediction.nii.gz --ref segmentation-3.nii --out scores
  hdbench evaluate --pred predictions --ref LiTS/training --out scores --allow-missing
  hdbench evaluate --pred submission.zip --ref references --out scores --profile lits
  hdbench evaluate --pred inferTs --ref labelsTs --out scores --label-map 1=tumour,2=liver
  hdbench evaluate --pred a --ref b --out scores | grep ,dice,

Files in DIR:
  metrics_long.csv   every number, one a row, raw and imputed value side by side (also .parquet)
  cases.csv          one row a case
  metrics.json       grand-challenge.org's shape
  lesions.csv        one row a lesion (profile strict)
  summary.json       nnU-Net's shape (profile strict)
  scores.txt         the LiTS challenge's 24 lines (profile lits)
  failures.csv       cases without scores and why, if there are any

Standard output is a table on a terminal and the rows of metrics_long.csv in a pipe; notes,
warnings and errors go to standard error.

Exit codes: 0 all cases scored; 3 nothing could be scored, or a path, an archive or the pairing is
wrong; 4 some cases failed or are missing, the others are scored and written; 75 interrupted.")]
pub struct Evaluate {
    /// Predictions: a label map (.nii, .nii.gz), a folder of any depth, or a zip archive
    #[arg(long, value_name = "PATH")]
    pred: PathBuf,
    /// References: a label map, a folder of any depth, or a zip archive
    #[arg(long = "ref", value_name = "PATH")]
    reference: PathBuf,
    /// Where the results go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Which definitions
    #[arg(long, value_enum, default_value_t = Profile::Strict)]
    profile: Profile,
    /// What the labels are: auto (a dataset.json beside the files, else lits), lits (0 background,
    /// 1 liver, 2 tumour), nnunet, msd, or FROM=TO,...
    #[arg(long, value_name = "MAP", default_value = "auto")]
    label_map: LabelMapChoice,
    /// The same for predictions only
    #[arg(long, value_name = "MAP")]
    pred_label_map: Option<LabelMapChoice>,
    /// The same for references only
    #[arg(long, value_name = "MAP")]
    ref_label_map: Option<LabelMapChoice>,
    /// Score these structures: a built-in name (`hdbench structures list`), or a file: our TOML, a
    /// dataset.json of nnU-Net or the Decathlon, panoptica's YAML, MIST's JSON
    #[arg(long, value_name = "FILE|NAME", conflicts_with_all = ["label_map", "pred_label_map", "ref_label_map", "structure"])]
    structures: Option<String>,
    /// Score this structure, by its label values: wt=1,2,4 or organs=1-13; may be given several times
    #[arg(long, value_name = "NAME=VALUES", conflicts_with_all = ["label_map", "pred_label_map", "ref_label_map"])]
    structure: Vec<String>,
    /// Leave references without a prediction out instead of counting them as failed
    #[arg(long)]
    allow_missing: bool,
    /// How the verb that scores calls that.
    #[arg(skip = "--allow-missing")]
    flag_for_missing: &'static str,
    /// Compare voxels by index even if the files place them elsewhere in the patient: nothing is turned or
    /// resampled, so this is right only where a header is wrong
    #[arg(long)]
    ignore_geometry: bool,
    /// Which neighbours make a surface voxel, for the distances: 6, 18, 26 (profile strict)
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        default_value = "18,6"
    )]
    border: Vec<BorderRule>,
    /// Tolerances of the normalised surface Dice in mm (profile strict)
    #[arg(long, value_name = "MM,...", value_delimiter = ',', default_value = "1,2,3,5", value_parser = tolerance)]
    nsd_tolerance: Vec<Tolerance>,
    /// Match lesions one to one as well, at IoU of 0.5 or more as panoptica does (profile strict)
    #[arg(long)]
    one_to_one: bool,
    /// Cases at a time (default: up to 4); each takes about 2 bytes a voxel, 40 for a map of noise
    #[arg(long, value_name = "N", value_parser = side_by_side)]
    jobs: Option<usize>,
    /// CPU threads (default: all cores)
    #[arg(long, value_name = "N", value_parser = side_by_side)]
    threads: Option<usize>,
    /// Name of the data set in metrics_long.csv (default: name of --ref)
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// Name of the method in metrics_long.csv (default: name of --pred)
    #[arg(long, value_name = "NAME")]
    algorithm: Option<String>,
    /// What goes to standard output (default: table on a terminal, csv in a pipe)
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// The LiTS paper's definitions, and many more metrics
    Strict,
    /// The official LiTS scorer's numbers, oddities included
    Lits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BorderRule {
    /// Faces (MedPy, MONAI, MetricsReloaded)
    #[value(name = "6")]
    Six,
    /// Faces and edges (the official LiTS scorer)
    #[value(name = "18")]
    Eighteen,
    /// Faces, edges and corners
    #[value(name = "26")]
    TwentySix,
}

impl From<BorderRule> for Border {
    fn from(rule: BorderRule) -> Self {
        match rule {
            BorderRule::Six => Self::Six,
            BorderRule::Eighteen => Self::Eighteen,
            BorderRule::TwentySix => Self::TwentySix,
        }
    }
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    let mm = text.trim().parse().ok();
    mm.and_then(Tolerance::from_mm)
        .ok_or_else(|| "expected millimetres such as 2 or 0.5".to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, the metrics most asked for
    Table,
    /// For people, every metric
    Full,
    /// The rows of metrics_long.csv
    Csv,
    /// The same rows, a JSON object a line
    Jsonl,
}

impl Evaluate {
    pub fn exec(self) -> anyhow::Result<()> {
        let reporter = Reporter::new()?;
        let result = self.run(&reporter);
        reporter.finish();
        Ok(result?)
    }

    /// The official scorer's metrics of an archive into a folder of their own.
    pub fn as_challenge(
        archive: &Path,
        reference: &Path,
        reference_map: LabelMapChoice,
        out: &Path,
        allow_missing: bool,
    ) -> Self {
        Self {
            pred: archive.to_path_buf(),
            reference: reference.to_path_buf(),
            out: out.to_path_buf(),
            profile: Profile::Lits,
            label_map: LabelMapChoice::Lits,
            pred_label_map: None,
            ref_label_map: Some(reference_map),
            structures: None,
            structure: Vec::new(),
            allow_missing,
            flag_for_missing: "--allow-partial",
            ignore_geometry: false,
            border: Vec::new(),
            nsd_tolerance: Vec::new(),
            one_to_one: false,
            jobs: None,
            threads: None,
            task: None,
            algorithm: None,
            format: None,
        }
    }

    fn run(&self, reporter: &Reporter) -> Result<()> {
        let scored = self.score(reporter)?;
        self.show(&scored)?;
        reporter.note(&format!("results in {}", self.out.shown()));
        scored.verdict()
    }

    /// Scores and writes the files; nothing goes to standard output.
    pub fn score(&self, reporter: &Reporter) -> Result<Scored> {
        let (threads, jobs) = self.parallel();
        self.check_out()?;
        RESULTS.check(&self.out)?;
        let pairing = pair(&self.pred, &self.reference)?;
        let set = self.structure_set(reporter)?;
        let options = match set {
            Some(_) => PairOptions::default(),
            None => self.options(reporter)?,
        };
        let mut cases = Cases {
            pairs: &pairing.pairs,
            jobs,
            pool: pool(threads)?,
            failures: self.tell_of(&pairing, reporter),
        };
        let (rows, scored) = match self.profile {
            Profile::Strict if set.is_some() => {
                let plan = self.plan(set.as_ref(), &cases, reporter)?;
                let score = |pair: &CasePair| score_structures(pair, &plan.reading, &plan.metrics);
                let found = cases.score(reporter, score)?;
                self.finish_strict(&cases, found, reporter)?
            }
            Profile::Strict => {
                let metrics = self.wanted_metrics(&options, reporter)?;
                let found = cases.score(reporter, |pair| score_strict(pair, &options, &metrics))?;
                self.finish_strict(&cases, found, reporter)?
            }
            Profile::Lits => {
                let found = cases.score(reporter, |pair| score_lits(pair, &options))?;
                self.finish_lits(&cases, &found, reporter)?
            }
        };
        Ok(Scored {
            rows,
            scored,
            failures: cases.failures,
        })
    }

    fn finish_strict(
        &self,
        cases: &Cases<'_>,
        found: Vec<StrictCase>,
        reporter: &Reporter,
    ) -> Result<(Vec<MetricRow>, usize)> {
        self.refuse_nothing(&cases.failures, found.len())?;
        tell_of_files(found.iter().flat_map(|case| &case.notes), reporter);
        let apart = found.iter().filter_map(|case| case.apart);
        tell_of_displaced(apart, "as --ignore-geometry asks", reporter);
        let scored: Vec<ScoredCase> = found.into_iter().map(|case| case.scored).collect();
        let rows = rows(&self.origin(), &scored);
        RESULTS.replace(&self.out, |out| {
            write_cases(&out.join("cases.csv"), &scored)?;
            write_lesions(&out.join("lesions.csv"), &scored)?;
            write_summary(&out.join("summary.json"), &scored)?;
            write_rows(out, &rows, &cases.failures)
        })?;
        Ok((rows, scored.len()))
    }

    fn finish_lits(
        &self,
        cases: &Cases<'_>,
        found: &[LitsScored],
        reporter: &Reporter,
    ) -> Result<(Vec<MetricRow>, usize)> {
        self.refuse_nothing(&cases.failures, found.len())?;
        for warning in found.iter().flat_map(|case| &case.warnings) {
            reporter.note(&format!("warning: {warning}"));
        }
        tell_of_files(found.iter().flat_map(|case| &case.notes), reporter);
        let apart = found.iter().filter_map(|case| case.apart);
        tell_of_displaced(apart, "as the official scorer does", reporter);
        if !cases.failures.is_empty() {
            reporter.note(&format!(
                "warning: scores.txt covers {} of {} cases; the official scorer would have stopped \
                 without any score",
                found.len(),
                cases.all(found.len())
            ));
        }
        let rows = lits_rows(&self.origin(), found);
        RESULTS.replace(&self.out, |out| {
            if let Some(totals) = LitsScored::totals(found) {
                write_scores_txt(&out.join("scores.txt"), &totals)?;
            }
            write_wide(&out.join("cases.csv"), &rows)?;
            write_rows(out, &rows, &cases.failures)
        })?;
        Ok((rows, found.len()))
    }

    fn parallel(&self) -> (usize, usize) {
        let threads = self.threads.unwrap_or_else(cores);
        let jobs = self.jobs.unwrap_or(threads.min(DEFAULT_JOBS));
        (threads, jobs)
    }

    /// nnU-Net's own summary.json may lie among the predictions.
    fn check_out(&self) -> Result<()> {
        let Ok(out) = self.out.canonicalize() else {
            return Ok(());
        };
        for (flag, path) in [("--pred", &self.pred), ("--ref", &self.reference)] {
            if path.canonicalize().is_ok_and(|path| path == out) {
                return Err(Error::usage(
                    format!("--out and {flag} are both {}", self.out.shown()),
                    "results would replace files there: give --out a folder of its own",
                ));
            }
        }
        Ok(())
    }

    /// Shows what pairing noticed; returns the missing cases, unless they are allowed.
    fn tell_of(&self, pairing: &Pairing, reporter: &Reporter) -> Vec<Failure> {
        for note in &pairing.notes {
            reporter.note(&format!("note: {note}"));
        }
        for warning in &pairing.warnings {
            reporter.note(&format!("warning: {warning}"));
        }
        if !pairing.extra.is_empty() {
            let names: Vec<String> = pairing
                .extra
                .iter()
                .map(|source| source.path().shown().to_string())
                .collect();
            reporter.note(&format!(
                "warning: {} predictions have no reference and are left out: {}",
                names.len(),
                shortened(&names)
            ));
        }
        if pairing.missing.is_empty() {
            return Vec::new();
        }
        let missing: Vec<String> = pairing.missing.iter().map(|one| one.case.clone()).collect();
        let text = format!(
            "{} of {} references have no prediction: {}",
            missing.len(),
            missing.len() + pairing.pairs.len(),
            shortened(&missing)
        );
        if self.allow_missing {
            reporter.note(&format!(
                "warning: {text}; left out, as {} asks",
                self.flag_for_missing
            ));
            return Vec::new();
        }
        reporter.note(&format!(
            "error: {text}\nhint: add them to {}, or score the others with {}",
            self.pred.shown(),
            self.flag_for_missing
        ));
        let failure = |one: &MissingCase| Failure {
            case: one.case.clone(),
            error: Error::malformed(
                &self.pred,
                format!("has no prediction for {}", one.reference.path().shown()),
                format!(
                    "add it, or leave the case out with {}",
                    self.flag_for_missing
                ),
            ),
        };
        pairing.missing.iter().map(failure).collect()
    }

    fn options(&self, reporter: &Reporter) -> Result<PairOptions> {
        let resolve = |own: &Option<LabelMapChoice>, root: &Path| {
            let choice = own.as_ref().unwrap_or(&self.label_map);
            let (map, note) = choice.resolve(root)?;
            if let Some(note) = note {
                reporter.note(&format!("note: {note}"));
            }
            Ok::<_, Error>(map)
        };
        Ok(PairOptions {
            prediction_map: resolve(&self.pred_label_map, &self.pred)?,
            reference_map: resolve(&self.ref_label_map, &self.reference)?,
            ignore_geometry: self.ignore_geometry,
        })
    }

    /// The structures that are asked for, or that a `dataset.json` beside the references names beside liver and
    /// tumour; none where label maps of liver and tumour are scored.
    fn structure_set(&self, reporter: &Reporter) -> Result<Option<StructureSet>> {
        let asked = !self.structure.is_empty() || self.structures.is_some();
        if asked && self.profile == Profile::Lits {
            return Err(Error::usage(
                "profile lits scores liver and lesion alone",
                "leave --profile out",
            ));
        }
        if let Some(name) = &self.structures {
            return find_structures(name).map(Some);
        }
        if !self.structure.is_empty() {
            return StructureSet::of_arguments(&self.structure).map(Some);
        }
        let by_default = [&self.pred_label_map, &self.ref_label_map];
        let is_auto =
            self.label_map == LabelMapChoice::Auto && by_default.iter().all(|map| map.is_none());
        if self.profile == Profile::Lits || !is_auto {
            return Ok(None);
        }
        let Some((path, set)) = structures::beside(&self.reference)? else {
            return Ok(None);
        };
        if is_of_liver_and_tumour(&self.reference, &set) {
            return Ok(None);
        }
        reporter.note(&format!(
            "note: {} structures of {} are scored; --label-map auto,... or --structures chooses others",
            set.structures.len(),
            path.shown()
        ));
        Ok(Some(set))
    }

    /// What of a set is scored, in the files of these cases.
    fn plan(
        &self,
        set: Option<&StructureSet>,
        cases: &Cases<'_>,
        reporter: &Reporter,
    ) -> Result<StructuresPlan> {
        let none = || Error::Internal("no structures are asked for".into());
        let set = set.ok_or_else(none)?;
        let values = match set.every_value {
            true => cases.values()?,
            false => BTreeSet::new(),
        };
        let mut plan = StructuresPlan::of(set, self.metrics(), values);
        plan.reading.ignore_geometry = self.ignore_geometry;
        for line in &plan.left_out {
            reporter.note(&format!("warning: {line}"));
        }
        Ok(plan)
    }

    fn wanted_metrics(&self, pairs: &PairOptions, reporter: &Reporter) -> Result<Options> {
        Ok(Options {
            structures: liver_and_lesion(pairs, reporter)?,
            ..self.metrics()
        })
    }

    /// Everything that is computed of a structure.
    fn metrics(&self) -> Options {
        let mut borders: Vec<Border> = Vec::new();
        for rule in self.border.iter().copied().map(Border::from) {
            if !borders.contains(&rule) {
                borders.push(rule);
            }
        }
        let mut tolerances = self.nsd_tolerance.clone();
        tolerances.sort_unstable();
        tolerances.dedup();
        Options {
            borders,
            tolerances,
            one_to_one: self.one_to_one,
            ..Options::default()
        }
    }

    fn origin(&self) -> Origin {
        let named =
            |name: &Option<String>, path: &Path| name.clone().unwrap_or_else(|| name_of(path));
        Origin {
            task: named(&self.task, &self.reference),
            algorithm: named(&self.algorithm, &self.pred),
            fold: 0,
            seed: 0,
        }
    }

    /// An error if no case was scored: the reasons then take the place of earlier results.
    fn refuse_nothing(&self, failures: &[Failure], scored: usize) -> Result<()> {
        if scored > 0 {
            return Ok(());
        }
        let path = self.out.join(FAILURES);
        RESULTS.replace(&self.out, |out| {
            write_failures(&out.join(FAILURES), failures)
        })?;
        Err(Error::malformed(
            &self.pred,
            format!("none of {} cases could be scored", failures.len()),
            format!("the reasons stand above and in {}", path.shown()),
        ))
    }

    /// The metrics most asked for, for people.
    pub fn headline(&self, found: &Scored) -> String {
        self.table(found, Shown::Headline)
    }

    fn table(&self, found: &Scored, shown: Shown) -> String {
        let profile = self.profile.to_possible_value();
        let profile = profile.as_ref().map_or("", |value| value.get_name());
        score_table::render(&found.rows, found.scored, found.all(), profile, shown)
    }

    fn show(&self, found: &Scored) -> Result<()> {
        let default = if io::stdout().is_terminal() {
            Format::Table
        } else {
            Format::Csv
        };
        match self.format.unwrap_or(default) {
            format @ (Format::Table | Format::Full) => {
                let shown = match format {
                    Format::Table => Shown::Headline,
                    _ => Shown::Everything,
                };
                print(&self.table(found, shown))
            }
            Format::Csv => {
                let path = self.out.join("metrics_long.csv");
                let text = read_file(&path).map_err(Error::read(&path))?;
                match io::stdout().is_terminal() {
                    true => print(&String::from_utf8_lossy(&text)),
                    false => print_as_is(&text),
                }
            }
            Format::Jsonl => print_as_is(&json_lines(&found.rows)?),
        }
    }
}

/// What came of a start.
pub struct Scored {
    /// Every metric.
    pub rows: Vec<MetricRow>,
    /// Number of cases.
    pub scored: usize,
    /// Cases without scores.
    pub failures: Vec<Failure>,
}

impl Scored {
    /// An error where a case has no scores.
    pub fn verdict(&self) -> Result<()> {
        partial(&self.failures, self.all())
    }

    fn all(&self) -> usize {
        self.scored + self.failures.len()
    }
}

/// The cases of one start.
struct Cases<'a> {
    pairs: &'a [CasePair],
    jobs: usize,
    pool: rayon::ThreadPool,
    /// Missing ones first.
    failures: Vec<Failure>,
}

impl Cases<'_> {
    /// Every label value of the references and predictions that can be read; the others are told when they are
    /// scored.
    fn values(&self) -> Result<BTreeSet<u16>> {
        let read = |source: &Source| source.read_labels_boxed().map(|map| map.values());
        let of_pair = |pair: &CasePair| -> BTreeSet<u16> {
            let maps = [&pair.reference, &pair.prediction].map(read);
            let known = maps.iter().flatten();
            known
                .flat_map(|values| values.iter().collect::<Vec<_>>())
                .collect()
        };
        let found = workers::each(self.pairs, self.jobs, || false, of_pair);
        Ok(found.into_iter().flatten().flatten().collect())
    }

    /// Scores them; those that fail are shown and kept.
    fn score<T: Send>(
        &mut self,
        reporter: &Reporter,
        score: impl Fn(&CasePair) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let outcome = evaluate(self.pairs, self.jobs, &self.pool, reporter, score)?;
        reporter.finish();
        for failure in &outcome.failures {
            reporter.note(&format!("error: {}: {}", failure.case, failure.error));
        }
        self.failures.extend(outcome.failures);
        Ok(outcome.scored)
    }

    fn all(&self, scored: usize) -> usize {
        scored + self.failures.len()
    }
}

/// What both profiles write.
fn write_rows(out: &Path, rows: &[MetricRow], failures: &[Failure]) -> Result<()> {
    if !failures.is_empty() {
        write_failures(&out.join(FAILURES), failures)?;
    }
    write_metrics_long(&out.join("metrics_long.csv"), rows)?;
    write_parquet(&out.join("metrics_long.parquet"), rows)?;
    write_metrics_json(&out.join("metrics.json"), rows)
}

fn partial(failures: &[Failure], total: usize) -> Result<()> {
    if failures.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = failures
        .iter()
        .map(|failure| failure.case.clone())
        .collect();
    Err(Error::Partial {
        what: "cases",
        failed: failures.len(),
        total,
        names: shortened(&names),
    })
}

/// Whether all structures that a `dataset.json` names are liver and tumour, which have label maps of their own.
fn is_of_liver_and_tumour(reference: &Path, set: &StructureSet) -> bool {
    let Ok(Some(found)) = dataset_json::beside(reference) else {
        return false;
    };
    let is_known = |value: u16| match u8::try_from(value) {
        Ok(value) => found.map.class(value).is_some_and(|class| class > 0),
        Err(_) => false,
    };
    set.ignore.is_empty()
        && set
            .structures
            .iter()
            .all(|own| own.values.iter().all(is_known))
}

/// Liver and lesion, as far as both sides can hold them; what a side cannot is left out, and that is said.
fn liver_and_lesion(pairs: &PairOptions, reporter: &Reporter) -> Result<Vec<ScoredStructure>> {
    let maps = [
        ("predictions", &pairs.prediction_map),
        ("references", &pairs.reference_map),
    ];
    let mut structures = Vec::new();
    let [liver, lesion] = [ScoredStructure::liver(), ScoredStructure::lesion()];
    for (structure, class, word) in [(liver, 1, "liver"), (lesion, 2, "tumour")] {
        let lacking = maps.iter().find(|(_, map)| !map.has(class));
        match lacking {
            None => structures.push(structure),
            Some((side, map)) => reporter.note(&format!(
                "note: {} is not scored: the label map of the {side} ({map}) knows no {word}",
                structure.label
            )),
        }
    }
    if structures.is_empty() {
        return Err(Error::usage(
            "no label is in the label maps of both sides",
            "name the values of liver and tumour, for example --label-map 1=liver,2=tumour",
        ));
    }
    Ok(structures)
}

/// What was odd about files; a line that many have is shown once.
fn tell_of_files<'a>(notes: impl Iterator<Item = &'a String>, reporter: &Reporter) {
    let notes: Vec<&String> = notes.collect();
    for note in notes.iter().take(NAMES_SHOWN) {
        reporter.note(&format!("note: {note}"));
    }
    if notes.len() > NAMES_SHOWN {
        reporter.note(&format!(
            "note: {} more of that kind; hdbench datasets check lists those of a data set",
            notes.len() - NAMES_SHOWN
        ));
    }
}

fn tell_of_displaced(apart: impl Iterator<Item = Apart>, why: &str, reporter: &Reporter) {
    let apart: Vec<Apart> = apart.collect();
    if apart.is_empty() {
        return;
    }
    let most_mm = apart.iter().map(|case| case.mm).fold(0.0, f64::max);
    reporter.note(&format!(
        "warning: in {} cases prediction and reference place the same voxel up to {most_mm:.2} mm apart; \
         compared by index, {why}",
        apart.len(),
    ));
    let turned: Vec<_> = apart.iter().filter_map(|case| case.turned).collect();
    if let Some([ours, theirs]) = turned.first() {
        reporter.note(&format!(
            "warning: in {} of them the axes run in other directions ({ours} and {theirs}): unless the header alone \
             is wrong, different places of the body were compared, and the scores mean nothing",
            turned.len()
        ));
    }
}

fn json_lines(rows: &[MetricRow]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row)
            .map_err(|e| Error::Internal(format!("a row does not serialise: {e}")))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// A path's last part without its extensions: `submission` of `runs/submission.zip`.
fn name_of(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let name = absolute.file_name().unwrap_or(absolute.as_os_str());
    let name = text::name_of(name).into_owned();
    let extensions = [".nii.gz", ".nii", ".zip"];
    let stem = extensions.iter().find_map(|end| name.strip_suffix(end));
    stem.map_or(name.clone(), str::to_owned)
}

fn shortened(names: &[String]) -> String {
    let mut text = names[..names.len().min(NAMES_SHOWN)].join(", ");
    if names.len() > NAMES_SHOWN {
        text += &format!(" and {} more", names.len() - NAMES_SHOWN);
    }
    text
}
