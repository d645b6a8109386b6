use std::path::{Path, PathBuf};

use clap::Args;

use super::device_option::device;
use super::study_options::{cores, pool, side_by_side};
use crate::cell::{Model, load_model, model_folder};
use crate::error::{Error, Result};
use crate::network::DeviceSpec;
use crate::recipe::Variant;
use crate::schedule::model_problem;

/// Which trained network, and where it computes.
#[derive(Args, Debug)]
pub struct ModelOptions {
    /// The network, where --model is a study's folder
    #[arg(long, value_enum, default_value_t = Variant::HDenseUNet)]
    pub variant: Variant,
    #[command(flatten)]
    pub cell: CellOptions,
    #[command(flatten)]
    pub compute: ComputeOptions,
}

/// Which of a study's cells of one network.
#[derive(Args, Clone, Copy, Debug)]
pub struct CellOptions {
    /// The fold of a study
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub fold: usize,
    /// The replicate of a study
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u32,
}

/// Where a network computes.
#[derive(Args, Clone, Copy, Debug)]
pub struct ComputeOptions {
    /// Where to compute: a device of `hdbench doctor`, or auto: a GPU that works, else flex
    #[arg(long, value_parser = device, default_value_t = DeviceSpec::Flex)]
    device: DeviceSpec,
    /// CPU threads (default: all cores)
    #[arg(long, value_parser = side_by_side)]
    threads: Option<usize>,
}

impl ModelOptions {
    /// The `model/` folder that is meant.
    pub fn folder(&self, model: &Path) -> Result<PathBuf> {
        model_folder(model, self.variant, self.cell.fold, self.cell.seed)
    }

    /// The same for what is handed in: a model of a study has to be what the study would train now.
    pub fn current(&self, model: &Path) -> Result<PathBuf> {
        current(self.folder(model)?)
    }
}

/// A model folder that is to be handed in: of a study, it has to be what the study would train now.
pub fn current(folder: PathBuf) -> Result<PathBuf> {
    match model_problem(&folder)? {
        None => Ok(folder),
        Some(problem) => Err(Error::malformed(
            &folder,
            format!("not this study's model: {problem}"),
            "start the study again, which makes it anew; a copy of the cells outside the study is taken \
             as it is",
        )),
    }
}

impl ComputeOptions {
    /// Loads a model and works with it on `threads` threads.
    pub fn with<T: Send>(
        &self,
        folder: &Path,
        work: impl FnOnce(&Model) -> Result<T> + Send,
    ) -> Result<T> {
        let threads = self.threads.unwrap_or_else(cores);
        pool(threads)?.install(|| work(&load_model(folder, self.device, threads)?))
    }
}
