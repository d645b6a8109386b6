use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hdbench_algorithm::Algorithm as External;

use super::device_option::devices;
use crate::artifact::read_text;
use crate::dataset::Protocol;
use crate::error::{Error, Result};
use crate::network::{DeviceSpec, DeviceSpecs};
use crate::recipe::{RecipeName, ScaleName, Settings, Variant};
use crate::study::{Data, Study, fault_of_algorithms, own_cache};
use crate::text::shown_path;
use crate::training::CheckpointPolicy;
use crate::workers;

/// Settings that every study has.
#[derive(Args, Debug)]
pub struct StudyOptions {
    /// How much work: demo (minutes), quick (hours), full (the paper's sizes; days on a GPU)
    #[arg(long, value_enum, default_value_t = ScaleName::Demo)]
    pub scale: ScaleName,
    /// The method: as the paper describes it, or as the released code does it
    #[arg(long, value_enum, default_value_t = RecipeName::Paper)]
    pub recipe: RecipeName,
    /// Change a field of the recipe or the scale, e.g. --set upsampling=nearest (`hdbench explain
    /// recipe` lists them with what they take)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Variants to train (default: all), e.g. --variant unet --variant hdenseunet
    #[arg(long = "variant", value_enum)]
    pub variants: Vec<Variant>,
    /// Train none of our networks: the study is of --algorithms alone
    #[arg(long, requires = "algorithms", conflicts_with = "variants")]
    pub no_variants: bool,
    /// Other algorithms as rows, commands or containers: the `[algorithm.NAME]` tables of a TOML file (docs/algorithms.md)
    #[arg(long, value_name = "FILE")]
    pub algorithms: Option<PathBuf>,
    /// Master seed: phantoms, split, initial weights, patches
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where to compute: flex, tch, tch:cuda:0, cuda:0, wgpu; `hdbench doctor` lists what works here. Of
    /// several, each takes a cell: cuda:0-3, or flex,flex. auto takes a GPU that works, else flex
    #[arg(long, value_parser = devices, default_value_t = DeviceSpecs::from(DeviceSpec::Flex))]
    pub device: DeviceSpecs,
    /// Compute each mini-batch of slices in N shards: on as many devices together, or after each
    /// other on one. Every shard has its own batch statistics
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = shards)]
    pub shards: usize,
    /// Replicates: every network is trained N times, from other weights and on other patches
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub seeds: u32,
    /// CPU threads a cell uses; training repeats bit for bit at the same number (default: the
    /// existing study's, else 1 at scale demo and all cores at the others)
    #[arg(long, value_parser = side_by_side)]
    pub threads: Option<usize>,
    /// Cells trained side by side, each in its own process (default: cores / threads)
    #[arg(long, value_parser = side_by_side)]
    pub jobs: Option<usize>,
    /// Save a training every S seconds, beside the end of each stage (default: 60)
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..))]
    pub checkpoint_seconds: Option<u32>,
    /// Save a training every N iterations of a stage as well
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub checkpoint_iterations: Option<u32>,
    /// torchvision's or timm's DenseNet-161 (.pth, .safetensors) instead of pre-training; scale full
    #[arg(long, value_name = "FILE")]
    pub encoder_weights: Option<PathBuf>,
    /// Go on where a training case is the same scan as a test case; every table says so
    #[arg(long)]
    pub allow_leakage: bool,
    /// Replace a study of other settings in the same folder
    #[arg(long)]
    pub restart: bool,
    /// Run only cells whose names match, and what they need, e.g. --only 'unet/*'
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<String>,
    /// Throw away what a cell has made and run it anew, e.g. --force unet/fold_0/seed_0
    #[arg(long, value_name = "CELL")]
    pub force: Vec<String>,
    /// Run at most N cells that are not done
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Print which cells would run, why, and how long they may take; run none
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: time a training step of each network that the study has not finished before
    #[arg(long, requires = "dry_run")]
    pub measure: bool,
    /// Where cells run
    #[arg(long, value_enum, default_value_t)]
    pub engine: EngineName,
    /// A flag for sbatch, with --engine slurm, e.g. --sbatch=--partition=gpu --sbatch=--time=24:00:00
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub sbatch: Vec<String>,
}

/// Where cells run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// On this machine, in processes of their own
    #[default]
    Local,
    /// As Slurm jobs: submits them and returns; `hdbench status` follows them, `hdbench cancel` stops them
    Slurm,
    /// Nowhere: prints one command a cell, for other schedulers
    Script,
}

/// Refuses a path that a study's file cannot name.
///
/// # Errors
/// `Error::Usage`.
pub fn writable_name(path: &Path) -> Result<()> {
    match path.to_str() {
        Some(_) => Ok(()),
        None => Err(Error::usage(
            format!("{}: the path is no UTF-8", shown_path(path)),
            "rename the folder or give another: study.toml names it, and TOML is UTF-8",
        )),
    }
}

impl StudyOptions {
    /// The study's folder: the one asked for, or `runs/<verb>-<scale>`.
    ///
    /// # Errors
    /// `Error::Usage` for a path that is no UTF-8: the study's files name folders.
    pub fn folder(&self, out: Option<&Path>, verb: &str) -> Result<PathBuf> {
        let scale = self.scale.to_possible_value();
        let scale = scale.map_or(String::new(), |value| value.get_name().to_owned());
        let folder = out.map_or_else(
            || PathBuf::from(format!("runs/{verb}-{scale}")),
            Path::to_path_buf,
        );
        // What is relative is kept as an absolute path as well.
        writable_name(&std::path::absolute(&folder).map_err(Error::read(&folder))?)?;
        Ok(folder)
    }

    /// The presets with the changes asked for.
    pub fn settings(&self) -> Result<Settings> {
        Settings::with(self.recipe, self.scale, &self.set)
    }

    /// Refuses settings that no study could run with, before anything is written.
    pub fn check(&self) -> Result<()> {
        let data = Data {
            folder: PathBuf::new(),
            phantoms: None,
        };
        self.study("", self.settings()?, data, None)?.check()
    }

    /// The study of these settings; `existing` is what the folder holds already.
    pub fn study(
        &self,
        name: &str,
        settings: Settings,
        data: Data,
        existing: Option<&Study>,
    ) -> Result<Study> {
        // The demo's networks are too small for two threads to share, and at one thread their
        // weights do not depend on the machine's number of cores.
        let threads = self
            .threads
            .or_else(|| existing.map(|study| study.threads))
            .unwrap_or_else(|| match self.scale {
                ScaleName::Demo => 1,
                ScaleName::Quick | ScaleName::Full => cores(),
            });
        let variants = match self.no_variants {
            false if self.variants.is_empty() => Variant::ALL.to_vec(),
            _ => self.variants.clone(),
        };
        let algorithm = match &self.algorithms {
            Some(file) => algorithms_of(file)?,
            None => BTreeMap::new(),
        };
        Ok(Study {
            name: name.to_owned(),
            seed: self.seed,
            device: self.device.first().to_string(),
            threads,
            shards: self.shards,
            places: None,
            variants,
            algorithm,
            protocol: Protocol::Holdout,
            folds: vec![0],
            seeds: (0..self.seeds).collect(),
            allow_leakage: self.allow_leakage,
            transfer: None,
            saving: self.saving(existing),
            encoder_weights: self.encoder_weights.clone(),
            data,
            cache: own_cache(),
            recipe: settings.recipe,
            scale: settings.scale,
        })
    }

    /// What the flags say, else what the existing study says.
    fn saving(&self, existing: Option<&Study>) -> CheckpointPolicy {
        let before = existing.map_or_else(CheckpointPolicy::default, |study| study.saving);
        CheckpointPolicy {
            seconds: self.checkpoint_seconds.map_or(before.seconds, f64::from),
            iterations: self
                .checkpoint_iterations
                .map(|n| n as usize)
                .or(before.iterations),
        }
    }

    /// How many cells run side by side in a study of `threads` threads.
    pub fn jobs(&self, threads: usize) -> Result<usize> {
        match self.jobs {
            Some(jobs) => Ok(jobs),
            None => {
                let slots = self.device.slots(self.shards)?.len();
                // Devices that are listed one by one, and GPUs, take a cell each.
                let one_each = slots > 1 || !self.device.first().is_processor();
                Ok(if one_each {
                    slots
                } else {
                    (cores() / threads).max(1)
                })
            }
        }
    }
}

/// The algorithms of a file; its other keys are those of a study's file.
///
/// # Errors
/// `Error::Read`; `Error::Malformed` for a file without an algorithm, or one that cannot be taken or run.
fn algorithms_of(file: &Path) -> Result<BTreeMap<String, External>> {
    let wrong = |problem: String| {
        let hint = "docs/algorithms.md shows a table; `hdbench study run --help` a study file";
        Error::malformed(file, problem, hint)
    };
    let text = read_text(file).map_err(Error::read(file))?;
    let table: toml::Table = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    let tables = table.get("algorithm").and_then(toml::Value::as_table);
    let tables = tables.ok_or_else(|| wrong("has no table [algorithm.NAME]".into()))?;
    let whole = std::path::absolute(file).map_err(Error::read(file))?;
    writable_name(&whole)?;
    let folder = whole.parent().unwrap_or(&whole);
    let one = |(id, table): (&String, &toml::Value)| {
        let placed = with_here(table, &folder.display().to_string());
        let placed = placed.as_table();
        let placed = placed.ok_or_else(|| wrong(format!("algorithm.{id} has to be a table")))?;
        let parsed = External::of_table(id, placed);
        let parsed = parsed.map_err(|fault| Error::malformed(file, fault.problem, fault.hint))?;
        Ok((id.clone(), parsed))
    };
    let algorithms: BTreeMap<_, _> = tables.iter().map(one).collect::<Result<_>>()?;
    // Of a file, whatever is wrong with a table is of one kind.
    match fault_of_algorithms(&algorithms) {
        Some(fault) => Err(fault.in_file(file)),
        None => Ok(algorithms),
    }
}

/// A value with `{here}` as the folder of its file, in every text.
fn with_here(value: &toml::Value, here: &str) -> toml::Value {
    use toml::Value;
    match value {
        Value::String(text) => Value::String(text.replace("{here}", here)),
        Value::Array(all) => Value::Array(all.iter().map(|one| with_here(one, here)).collect()),
        Value::Table(all) => {
            let all = all.iter();
            Value::Table(
                all.map(|(key, one)| (key.clone(), with_here(one, here)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

/// A number of shards.
pub fn shards(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(shards @ 1..=64) => Ok(shards),
        _ => Err("a number from 1 to 64".into()),
    }
}

/// The most threads, or pieces of work at a time, that can be asked for: more than the cores of any
/// machine only take its memory.
const MOST_SIDE_BY_SIDE: usize = 1024;

/// A number of threads, or of pieces of work at a time.
pub fn side_by_side(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=MOST_SIDE_BY_SIDE) => Ok(number),
        _ => Err(format!(
            "a number from 1 to {MOST_SIDE_BY_SIDE}; more than there are cores make nothing faster and \
             take memory each"
        )),
    }
}

/// Processor cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Number of threads, at least 1.
///
/// # Errors
/// `Error::Usage` for more than any machine has, as a study's file may say; `Error::Internal` where the
/// system gives none.
pub fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    if threads > MOST_SIDE_BY_SIDE {
        return Err(Error::usage(
            format!("{threads} threads, expected at most {MOST_SIDE_BY_SIDE}"),
            "more than there are cores make nothing faster and take memory each",
        ));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| workers::refused(std::io::Error::other(e)))
}
