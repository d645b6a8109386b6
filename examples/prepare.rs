//! Finds, hashes, preprocesses and audits a data set as a study at scale `full` does, and prints
//! how long it took and how much memory: what `scripts/bench_preparing.py` measures.
//!
//!     cargo run --release --example prepare -- DIR RUN

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use hdbench::cost::PeakMemory;
use hdbench::dataset::Protocol;
use hdbench::error::Result;
use hdbench::progress::Silent;
use hdbench::recipe::{RecipeName, ScaleName, Settings, Variant};
use hdbench::study::{Data, Inputs, Study, own_cache};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [data, run] = &arguments[..] else {
        eprintln!("usage: prepare DIR RUN");
        return ExitCode::from(2);
    };
    let memory = PeakMemory::start();
    let began = Instant::now();
    match prepare(data, run) {
        Ok(cases) => {
            println!(
                "{cases} cases in {:.3} s, peak {:.0} MB",
                began.elapsed().as_secs_f64(),
                memory.megabytes().unwrap_or(f64::NAN)
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code() as u8)
        }
    }
}

fn prepare(data: &Path, run: &Path) -> Result<usize> {
    let settings = Settings::with(RecipeName::Paper, ScaleName::Full, &[])?;
    let study = Study {
        name: "preparing".into(),
        seed: 1,
        device: "flex".into(),
        threads: 1,
        shards: 1,
        places: None,
        variants: vec![Variant::HDenseUNet],
        algorithm: BTreeMap::new(),
        protocol: Protocol::Holdout,
        folds: vec![0],
        seeds: vec![0],
        allow_leakage: false,
        saving: hdbench::training::CheckpointPolicy::default(),
        encoder_weights: None,
        cache: own_cache(),
        data: Data {
            folder: data.to_path_buf(),
            phantoms: None,
        },
        transfer: None,
        recipe: settings.recipe,
        scale: settings.scale,
    };
    let inputs = Inputs::prepare(run, &study, &Silent)?;
    let fold = &inputs.folds[0];
    Ok(fold.train.len() + fold.test.len())
}
