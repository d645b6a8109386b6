use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::{ModuleSnapshot, SafetensorsStore};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::weights::{finite, unfitting};
use super::{Network, NetworkKind};
use crate::artifact::{Owned, read_text, replace_dir, write_atomic};
use crate::error::{Error, Result};
use crate::recipe::{Recipe, Scale, Settings};

const WEIGHTS: &str = "model.safetensors";
const DESCRIPTION: &str = "model.toml";

/// What a model folder holds, and so what another model may replace.
const FOLDER: Owned<'_> = Owned::files("a model folder", &[WEIGHTS, DESCRIPTION, "losses.csv"]);

/// What a model folder says of its weights: enough to build the network again and to use it as it
/// was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    pub part: NetworkKind,
    /// Of the weights' file, BLAKE3.
    pub weights: String,
    pub recipe: Recipe,
    pub scale: Scale,
}

impl Bundle {
    /// Refuses a folder that a model may not be written to, because it holds something else; nothing
    /// is written.
    ///
    /// # Errors
    /// `Error::Usage`.
    pub fn check_folder(folder: &Path) -> Result<()> {
        FOLDER.check(folder)
    }

    /// Writes `model.safetensors` and `model.toml` into a folder, whole or not at all; returns the
    /// weights' hash. Another model there is replaced; a folder with anything else in it is refused.
    pub fn save(
        folder: &Path,
        network: &Network,
        part: NetworkKind,
        recipe: &Recipe,
        scale: &Scale,
    ) -> Result<String> {
        let mut weights = String::new();
        replace_dir(folder, &FOLDER, |dir| {
            let path = dir.join(WEIGHTS);
            // The default metadata is a hash map whose order varies from run to run.
            let mut store = SafetensorsStore::from_file(&path).clear_metadata();
            network
                .valid()
                .save_into(&mut store)
                .map_err(Error::saving(&path))?;
            weights = crate::artifact::hash_file(&path)?;
            Self::put_description(dir, part, &weights, recipe, scale)
        })?;
        Ok(weights)
    }

    /// The files of a model folder.
    pub fn files(folder: &Path) -> [PathBuf; 2] {
        [WEIGHTS, DESCRIPTION].map(|name| folder.join(name))
    }

    /// Writes the description of weights that lie in a folder already.
    ///
    /// # Errors
    /// `Error::Write`.
    pub fn put_description(
        folder: &Path,
        part: NetworkKind,
        weights: &str,
        recipe: &Recipe,
        scale: &Scale,
    ) -> Result<()> {
        let bundle = Self {
            part,
            weights: weights.to_owned(),
            recipe: recipe.clone(),
            scale: scale.clone(),
        };
        let text = toml::to_string(&bundle).map_err(|e| Error::Internal(e.to_string()))?;
        write_atomic(&folder.join(DESCRIPTION), text.as_bytes())
    }

    /// Whether the folder holds a model.
    pub fn exists(folder: &Path) -> bool {
        Self::files(folder).iter().all(|file| file.is_file())
    }

    /// Reads a folder's description.
    pub fn describe(folder: &Path) -> Result<Self> {
        let path = folder.join(DESCRIPTION);
        let text = read_text(&path).map_err(Error::read(&path))?;
        Self::parse(&text, &path)
    }

    /// A description from its text; `path` is what errors name.
    ///
    /// # Errors
    /// `Error::Malformed`, also for settings that no network is built from.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let malformed = |problem: String| {
            Error::malformed(path, problem, "the model folder has to be made again")
        };
        let table: Table = toml::from_str(text).map_err(|e| malformed(e.to_string()))?;
        if let Some(fault) = Settings::field_fault_of(&table) {
            return Err(malformed(fault.problem));
        }
        let bundle: Self = toml::from_str(text).map_err(|e| malformed(e.to_string()))?;
        let settings = Settings {
            recipe: bundle.recipe.clone(),
            scale: bundle.scale.clone(),
        };
        match settings.unfit() {
            Some(fault) => Err(malformed(fault.problem)),
            None => Ok(bundle),
        }
    }

    /// Reads a folder's network, checked against the hash in its description.
    pub fn load(folder: &Path, device: &Device) -> Result<(Self, Network)> {
        let bundle = Self::describe(folder)?;
        let path = folder.join(WEIGHTS);
        let found = crate::artifact::hash_file(&path)?;
        if found != bundle.weights {
            return Err(Error::malformed(
                &path,
                "the weights are not those that model.toml describes",
                "restore both files from the same model, or train it again",
            ));
        }
        let mut network = Network::build(bundle.part, &bundle.recipe, &bundle.scale, device);
        let mut store = SafetensorsStore::from_file(&path).validate(false);
        let unfit = |problem| Error::malformed(&path, problem, "the weights fit another network");
        let loaded = network
            .load_from(&mut store)
            .map_err(|e| unfit(e.to_string()))?;
        unfitting(&loaded.errors).map_err(unfit)?;
        finite(&network).map_err(|problem| {
            Error::malformed(
                &path,
                problem,
                "train the model again, or import sound weights",
            )
        })?;
        Ok((bundle, network))
    }
}
