use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::cell::Cell;
use super::definition::Study;
use crate::artifact::read_file;
use crate::error::{Error, Result};
use crate::text::name_of;

/// What the program was built from; empty where only the library runs, or outside git.
#[derive(Clone, Copy, Debug, Default)]
pub struct Build {
    /// With `-dirty` where the tree had uncommitted changes.
    pub commit: &'static str,
    /// Hash of those changes.
    pub changes: &'static str,
}

static BUILD: OnceLock<Build> = OnceLock::new();

impl Build {
    /// Told once by the binary, which alone is built again after a commit.
    pub fn tell(self) {
        let _ = BUILD.set(self);
    }

    fn told() -> Self {
        BUILD.get().copied().unwrap_or_default()
    }
}

/// The program and the computer it runs on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub hdbench: String,
    /// With `-dirty` where the tree had uncommitted changes; empty for a build outside git.
    pub commit: String,
    /// Hash of those changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
    /// Cargo features beside the default.
    #[serde(default)]
    pub features: Vec<String>,
    pub os: String,
    pub processor: String,
    pub cores: usize,
    pub memory_gb: Option<f64>,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let build = Build::told();
        Self {
            hdbench: env!("CARGO_PKG_VERSION").into(),
            commit: build.commit.into(),
            changes: Some(build.changes.to_owned()).filter(|hash| !hash.is_empty()),
            features: features(),
            os: std::env::consts::OS.into(),
            processor: processor(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gb: memory_gb(),
        }
    }
}

/// `env.json`: on what a cell was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    #[serde(flatten)]
    pub machine: Machine,
    pub device: String,
    /// What is not promised there: written for devices that do not repeat to the last bit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_bit_equal: Option<String>,
    pub threads: usize,
    /// Of the study.
    pub seed: u64,
    /// Of this fold and replicate: what every random stream of the cell follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell_seed: Option<u64>,
    pub arguments: Vec<String>,
    /// Of a cell of an algorithm that is none of our networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalFacts>,
}

/// What an algorithm says of itself, and how it is started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExternalFacts {
    /// Its arguments, as the study's file has them.
    pub command: Vec<String>,
    /// What its `version` printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The digest of its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What runs the image: docker, podman, apptainer, bubblewrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// What it was trained on, as the study's file says.
    pub trained_on: String,
}

impl Environment {
    /// This process, for a cell of this study, or for the study as a whole.
    pub fn now(study: &Study, cell: Option<Cell>) -> Self {
        let places = study.places();
        let inexact = places
            .as_ref()
            .ok()
            .filter(|all| !all.first().repeats_exactly());
        Self {
            machine: Machine::here(),
            not_bit_equal: inexact.map(|all| all.first().inexact()),
            device: places.map_or_else(|_| study.device.clone(), |places| places.to_string()),
            cell_seed: cell.map(|cell| study.cell_seed(cell.fold, cell.seed).0),
            threads: study.threads,
            seed: study.seed,
            arguments: std::env::args_os()
                .skip(1)
                .map(|argument| name_of(&argument).into_owned())
                .collect(),
            external: None,
        }
    }

    /// Reads a cell's.
    pub fn read(cell: &Path) -> Result<Self> {
        let path = cell.join("env.json");
        let text = read_file(&path).map_err(Error::read(&path))?;
        serde_json::from_slice(&text)
            .map_err(|e| Error::malformed(&path, e.to_string(), "run the cell again"))
    }
}

/// Processor, threads and memory in one line.
pub fn hardware_line(environment: &Environment) -> String {
    let memory = environment
        .machine
        .memory_gb
        .map_or(String::new(), |gb| format!(", {gb:.0} GB memory"));
    format!(
        "{}, {} threads, device {}{memory}",
        environment.machine.processor, environment.threads, environment.device
    )
}

fn features() -> Vec<String> {
    let all = [
        ("tch", cfg!(feature = "tch")),
        ("cuda", cfg!(feature = "cuda")),
        ("wgpu", cfg!(feature = "wgpu")),
        ("cubecl-cpu", cfg!(feature = "cubecl-cpu")),
    ];
    let on = all.iter().filter(|(_, on)| *on);
    on.map(|(name, _)| (*name).to_owned()).collect()
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or(std::env::consts::ARCH.to_owned(), |rest| {
            rest.trim_start_matches([' ', '\t', ':']).to_owned()
        })
}

/// The machine's memory, GB (10^9 bytes).
fn memory_gb() -> Option<f64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024.0 / 1e9)
}
