//! The verb: its arguments, and the way from files to results.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::cases::{Cases, Scored, ScoredRows};
use super::results::{add_json_line, write_rows};
use super::told::{tell_of_displaced, tell_of_files};
use crate::artifact::read_file;
use crate::cli::output::{print, print_as_is, print_file};
use crate::cli::progress::Reporter;
use crate::cli::score_table::{self, Shown};
use crate::cli::study_options::{cores, pool, side_by_side};
use crate::error::{Error, Result};
use crate::evaluation::lits::{LitsScored, lits_rows, score_lits};
use crate::evaluation::{
    CasePair, DEFAULT_JOBS, Definition, FAILURES, Failure, LabelMapChoice, PairOptions, RESULTS,
    SCORES_JSON, ScoredCase, StrictCase, TidyRows, Tolerance, pair, pair_jobs, rows, score_strict,
    score_structures, with_every_structure, write_failures, write_lits, write_scores_json,
    write_strict,
};
use crate::metrics::surface::Border;
use crate::progress::Progress;
use crate::text::Shown as _;

/// Score segmentations against references: a file, a folder or a submission zip.
///
/// Cases are paired by name: LiTS numbers (volume-N, segmentation-N, test-segmentation-N) or equal
/// names, whatever their endings (.nii, .nii.gz, .mha, .mhd, .nrrd, .nhdr). A case that cannot be scored stops no other.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench evaluate --pred prediction.nii.gz --ref segmentation-3.nii --out scores
  hdbench evaluate --pred predictions --ref LiTS/training --out scores --allow-missing
  hdbench evaluate --pred submission.zip --ref references --out scores --profile lits
  hdbench evaluate --pred inferTs --ref labelsTs --out scores --label-map 1=tumour,2=liver
  hdbench evaluate --pred TRAINER/fold_0/validation --ref labelsTr --out TRAINER/fold_0
  hdbench evaluate --pred a --ref b --out scores | grep ,dice,
  hdbench evaluate --layout codabench --structures kits23
  hdbench evaluate --layout grand-challenge --pred input --ref truth --out output

Files in DIR:
  metrics_long.csv   every number, one a row, raw and imputed value side by side (also .parquet)
  cases.csv          one row a case
  metrics.json       grand-challenge.org's shape
  scores.json        Codabench's shape (--layout codabench)
  lesions.csv        one row a lesion (profile strict)
  instances.csv      one row an instance, of structures that have any (--structures)
  detection_by_volume.csv   how many of them are found, by their volume (--volume-bins)
  summary.json       nnU-Net's shape (profile strict)
  scores.txt         the LiTS challenge's 24 lines (profile lits)
  failures.csv       cases without scores and why, if there are any

Standard output is a table on a terminal and the rows of metrics_long.csv in a pipe; notes,
warnings and errors go to standard error.

Exit codes: 0 all cases scored; 3 nothing could be scored, or a path, an archive or the pairing is
wrong; 4 some cases failed or are missing, the others are scored and written; 75 interrupted.")]
pub struct Evaluate {
    /// Predictions: a label map, a folder of any depth, or a zip archive
    #[arg(long, value_name = "PATH", required = false, required_unless_present = "layout",
        default_value_ifs = [("layout", "codabench", "/app/input/res"), ("layout", "grand-challenge", "/input")])]
    pub(super) pred: PathBuf,
    /// References: a label map, a folder of any depth, or a zip archive
    #[arg(long = "ref", value_name = "PATH", required = false, required_unless_present = "layout",
        default_value_ifs = [("layout", "codabench", "/app/input/ref"), ("layout", "grand-challenge", GROUND_TRUTH)])]
    pub(super) reference: PathBuf,
    /// Where the results go
    #[arg(long, value_name = "DIR", required = false, required_unless_present = "layout",
        default_value_ifs = [("layout", "codabench", "/app/output"), ("layout", "grand-challenge", "/output")])]
    pub(super) out: PathBuf,
    /// Score as the scoring program of a challenge's site does: where it has its files, and what it reads then. Other
    /// places are named by --pred, --ref and --out
    #[arg(long, value_enum, value_name = "SITE")]
    pub(super) layout: Option<Layout>,
    /// Of grand-challenge jobs with several images, the output that holds the label map
    #[arg(long, value_name = "SLUG", requires = "layout")]
    pub(super) socket: Option<String>,
    /// Which definitions
    #[arg(long, value_enum, default_value_t = Profile::Strict)]
    pub(super) profile: Profile,
    /// What the labels are: auto (a dataset.json beside the files, else lits), lits (0 background,
    /// 1 liver, 2 tumour), nnunet, msd, or FROM=TO,...
    #[arg(long, value_name = "MAP", default_value = "auto")]
    pub(super) label_map: LabelMapChoice,
    /// The same for predictions only
    #[arg(long, value_name = "MAP")]
    pub(super) pred_label_map: Option<LabelMapChoice>,
    /// The same for references only
    #[arg(long, value_name = "MAP")]
    pub(super) ref_label_map: Option<LabelMapChoice>,
    /// Score these structures: a built-in name (`hdbench structures list`), or a file: our TOML, a
    /// dataset.json of nnU-Net or the Decathlon, panoptica's YAML, MIST's JSON
    #[arg(long, value_name = "FILE|NAME", conflicts_with_all = ["label_map", "pred_label_map", "ref_label_map", "structure"])]
    pub(super) structures: Option<String>,
    /// Score this structure, by its label values: wt=1,2,4 or organs=1-13; may be given several times
    #[arg(long, value_name = "NAME=VALUES", conflicts_with_all = ["label_map", "pred_label_map", "ref_label_map"])]
    pub(super) structure: Vec<String>,
    /// Leave references without a prediction out instead of counting them as failed
    #[arg(long)]
    pub(super) allow_missing: bool,
    /// How the verb that scores calls that.
    #[arg(skip = "--allow-missing")]
    pub(super) flag_for_missing: &'static str,
    /// Compare voxels by index even if the files place them elsewhere in the patient: nothing is turned or
    /// resampled, so this is right only where a header is wrong
    #[arg(long)]
    pub(super) ignore_geometry: bool,
    /// Which neighbours make a surface voxel, for the distances: 6, 18, 26 (profile strict)
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        default_value = "18,6"
    )]
    pub(super) border: Vec<BorderRule>,
    /// Tolerances of the normalised surface Dice in mm (profile strict)
    #[arg(long, value_name = "MM,...", value_delimiter = ',', default_value = "1,2,3,5", value_parser = tolerance)]
    pub(super) nsd_tolerance: Vec<Tolerance>,
    /// Distances and surface overlaps as other tools define them, as columns after the others: medpy, ... or all
    /// (`hdbench explain distances`; profile strict)
    #[arg(long, value_name = "TOOL,...", value_delimiter = ',', value_parser = definitions())]
    pub(super) definitions: Vec<Definitions>,
    /// Limits of the bins of detection_by_volume.csv in mL: 0.5,5 makes three (default: quartiles of the
    /// volumes of the reference's instances)
    #[arg(long, value_name = "ML,...", value_delimiter = ',', value_parser = volume)]
    pub(super) volume_bins: Vec<f64>,
    /// Match lesions one to one as well, at IoU of 0.5 or more as panoptica does (profile strict)
    #[arg(long)]
    pub(super) one_to_one: bool,
    /// Cases at a time (default: up to 4); each takes about 2 bytes a voxel, 40 for a map of noise
    #[arg(long, value_name = "N", value_parser = side_by_side)]
    pub(super) jobs: Option<usize>,
    /// CPU threads (default: all cores)
    #[arg(long, value_name = "N", value_parser = side_by_side)]
    pub(super) threads: Option<usize>,
    /// Name of the data set in metrics_long.csv (default: name of --ref)
    #[arg(long, value_name = "NAME")]
    pub(super) task: Option<String>,
    /// Name of the method in metrics_long.csv (default: name of --pred; of an nnU-Net fold the
    /// trainer's folder)
    #[arg(long, value_name = "NAME")]
    pub(super) algorithm: Option<String>,
    /// What goes to standard output (default: table on a terminal, csv in a pipe)
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
}

/// Of rows that are printed as JSON, how much is in memory as text.
const BYTES_AT_ONCE: usize = 1 << 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Profile {
    /// The LiTS paper's definitions, and many more metrics
    Strict,
    /// The official LiTS scorer's numbers, oddities included
    Lits,
}

/// Where an evaluation on grand-challenge.org finds its references.
const GROUND_TRUTH: &str = "/opt/ml/input/data/ground_truth";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Layout {
    /// /app/input/res and ref, a submission's files; /app/output/scores.json
    Codabench,
    /// /input/predictions.json and the outputs of its jobs; /output/metrics.json
    GrandChallenge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BorderRule {
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

/// Tools whose definitions are columns: one, or all.
#[derive(Clone, Debug)]
pub(super) struct Definitions(pub(super) Vec<Definition>);

fn definitions() -> impl TypedValueParser<Value = Definitions> {
    let names = Definition::ALL.map(Definition::name);
    PossibleValuesParser::new(names.into_iter().chain(["all"])).map(|name| {
        let one = Definition::named(&name);
        Definitions(one.map_or_else(|| Definition::ALL.to_vec(), |one| vec![one]))
    })
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    let mm = text.trim().parse().ok();
    mm.and_then(Tolerance::from_mm)
        .ok_or_else(|| "expected millimetres such as 2 or 0.5".to_owned())
}

fn volume(text: &str) -> Result<f64, String> {
    let ml = text.trim().parse().ok();
    ml.filter(|ml: &f64| *ml > 0.0 && ml.is_finite())
        .ok_or_else(|| "expected millilitres such as 5 or 0.5".to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
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
            layout: None,
            socket: None,
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
            definitions: Vec::new(),
            volume_bins: Vec::new(),
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
        let pairing = match self.layout {
            Some(Layout::GrandChallenge) => {
                pair_jobs(&self.pred, &self.reference, self.socket.as_deref())?
            }
            _ => pair(&self.pred, &self.reference)?,
        };
        let set = self.structure_set(reporter)?;
        let options = match set {
            Some(_) => PairOptions::default(),
            None => self.options(reporter)?,
        };
        let mut cases = Cases {
            origin: self.origin(reporter),
            pairs: &pairing.pairs,
            jobs,
            pool: pool(threads)?,
            failures: self.tell_of(&pairing, reporter),
        };
        let (rows, scored) = match (self.profile, &set) {
            (Profile::Strict, Some(set)) => {
                let plan = self.plan(set, reporter);
                let score = |pair: &CasePair| score_structures(pair, &plan.reading, &plan.metrics);
                let mut found = cases.score(reporter, score)?;
                if plan.reading.every_value {
                    with_every_structure(&mut found, &plan.metrics);
                }
                self.finish_strict(&cases, found, true, reporter)?
            }
            (Profile::Strict, None) => {
                let metrics = self.wanted_metrics(&options, reporter)?;
                let found = cases.score(reporter, |pair| score_strict(pair, &options, &metrics))?;
                self.finish_strict(&cases, found, false, reporter)?
            }
            (Profile::Lits, _) => {
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
        has_set: bool,
        reporter: &Reporter,
    ) -> Result<(ScoredRows, usize)> {
        self.refuse_nothing(&cases.failures, found.len())?;
        tell_of_files(found.iter().flat_map(|case| &case.notes), reporter);
        let apart = found.iter().filter_map(|case| case.apart);
        tell_of_displaced(apart, "as --ignore-geometry asks", reporter);
        let scored: Vec<ScoredCase> = found.into_iter().map(|case| case.scored).collect();
        RESULTS.replace(&self.out, |out| {
            write_strict(out, &scored, has_set, &self.volume_bins)?;
            self.write_rows(out, rows(cases.origin, &scored), &cases.failures)
        })?;
        let count = scored.len();
        Ok((ScoredRows::Strict(cases.origin, scored), count))
    }

    fn finish_lits(
        &self,
        cases: &Cases<'_>,
        found: &[LitsScored],
        reporter: &Reporter,
    ) -> Result<(ScoredRows, usize)> {
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
        let rows = lits_rows(&cases.origin, found);
        RESULTS.replace(&self.out, |out| {
            write_lits(out, found, &rows)?;
            self.write_rows(out, &rows, &cases.failures)
        })?;
        Ok((ScoredRows::Lits(rows), found.len()))
    }

    fn write_rows(&self, out: &Path, rows: impl TidyRows, failures: &[Failure]) -> Result<()> {
        write_rows(out, rows, failures)?;
        match self.layout {
            // Of some of the cases there is no score for a leaderboard.
            Some(Layout::Codabench) if failures.is_empty() => {
                write_scores_json(&out.join(SCORES_JSON), rows)
            }
            _ => Ok(()),
        }
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
        // What a site shows of a scoring program's output is read by people.
        let default = if io::stdout().is_terminal() || self.layout.is_some() {
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
                if !io::stdout().is_terminal() {
                    return print_file(&path);
                }
                let text = read_file(&path).map_err(Error::read(&path))?;
                print(&String::from_utf8_lossy(&text))
            }
            Format::Jsonl => {
                let mut bytes = Vec::new();
                for row in &found.rows {
                    add_json_line(&mut bytes, &row)?;
                    if bytes.len() > BYTES_AT_ONCE {
                        print_as_is(&bytes)?;
                        bytes.clear();
                    }
                }
                print_as_is(&bytes)
            }
        }
    }
}
