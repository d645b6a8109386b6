use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use burn::tensor::Device;
use hdbench_algorithm::Algorithm as External;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::algorithm::{Algorithm, AlgorithmId};
use super::fold::Role;
use super::rules;
use crate::artifact::{read_text, write_atomic};
use crate::dataset::Protocol;
use crate::error::{Error, Result};
use crate::network::{DeviceSpec, DeviceSpecs};
use crate::recipe::{Fault, Recipe, Scale, Settings, Variant};
use crate::seed::Seed;
use crate::text::Shown as _;
use crate::training::CheckpointPolicy;

/// The phantoms a study made for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phantoms {
    pub cases: usize,
    pub seed: u64,
    /// In-plane size in pixels.
    pub matrix: usize,
}

/// Where the cases come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// A folder in LiTS layout. In `study.toml` one inside the study's own folder is relative to
    /// that, so that a study can be moved.
    pub folder: PathBuf,
    /// Set where hdbench generated that folder.
    pub phantoms: Option<Phantoms>,
}

/// Networks trained on another data set and tested on the study's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// What they are trained on.
    pub data: Data,
    /// Which networks.
    pub variants: Vec<Variant>,
}

/// A study: everything its results follow from, as `study.toml` keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    pub name: String,
    /// Master seed: split, initial weights, patches.
    pub seed: u64,
    pub device: String,
    /// Training is fixed by seed, kind of device and this number.
    pub threads: usize,
    /// Parts in which a mini-batch is computed, each with batch norms of its own: as many as devices
    /// that share a cell, or, on one device, a way to need less memory.
    #[serde(default = "undivided", skip_serializing_if = "is_undivided")]
    pub shards: usize,
    /// Where this process computes, if not on `device`: devices of the same kind.
    #[serde(skip)]
    pub places: Option<DeviceSpecs>,
    pub variants: Vec<Variant>,
    /// Other algorithms, by their keys: rows beside the variants.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub algorithm: BTreeMap<String, External>,
    /// How the cases are divided into folds.
    #[serde(default)]
    pub protocol: Protocol,
    /// Those of the protocol's folds that are run; none stands for all.
    pub folds: Vec<usize>,
    /// Replicates.
    pub seeds: Vec<u32>,
    /// Whether results are reported where a training case is the same scan as a test case.
    #[serde(default)]
    pub allow_leakage: bool,
    /// When trainings save what they have; no result depends on it.
    #[serde(default)]
    pub saving: CheckpointPolicy,
    /// torchvision's DenseNet-161 instead of pre-training.
    pub encoder_weights: Option<PathBuf>,
    /// Where preprocessed volumes lie, relative to the study's folder.
    #[serde(default = "own_cache")]
    pub cache: PathBuf,
    pub data: Data,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
    pub recipe: Recipe,
    pub scale: Scale,
}

impl Study {
    /// The file in the study's folder.
    pub fn path(run: &Path) -> PathBuf {
        run.join("study.toml")
    }

    /// An error where a study's folder is gone: moved or deleted while it ran.
    ///
    /// # Errors
    /// `Error::Malformed`.
    pub fn still_there(run: &Path) -> Result<()> {
        match run.is_dir() {
            true => Ok(()),
            false => Err(Error::malformed(
                run,
                "the study's folder is gone: moved or deleted while it ran",
                "start it in its new place; it goes on from the last checkpoints",
            )),
        }
    }

    /// Reads a study's folder.
    pub fn read(run: &Path) -> Result<Self> {
        let path = Self::path(run);
        let text = read_text(&path).map_err(|e| {
            if e.kind() == std::io::ErrorKind::NotFound {
                Error::malformed(
                    run,
                    "no study.toml here",
                    "name a folder that `hdbench ablation` wrote",
                )
            } else {
                Error::read(&path)(e)
            }
        })?;
        let mut study = Self::parse(&text, &path)?;
        let folder = absolute(run)?;
        for data in study.data_sets() {
            data.folder = without_dots(&folder.join(&data.folder));
        }
        Ok(study)
    }

    /// A study from its text; `path` is what errors name.
    ///
    /// # Errors
    /// `Error::Malformed`, also for settings that nothing could run with.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        const WAY_OUT: &str = "correct the file or start anew with --restart";
        let malformed = |problem: String| Error::malformed(path, problem, WAY_OUT);
        let table: Table = toml::from_str(text).map_err(|e| malformed(e.to_string()))?;
        if let Some(fault) = rules::fault(&table) {
            return Err(malformed(fault.problem));
        }
        let study: Self = toml::from_str(text).map_err(|e| malformed(e.to_string()))?;
        match study.unfit() {
            Some(fault) => Err(malformed(fault.problem)),
            None => Ok(study),
        }
    }

    /// What is wrong with keys that are each what they should be, but not together.
    fn unfit(&self) -> Option<Fault> {
        let shards = || rules::fault_of_shards(self.shards, self.scale.batch);
        let of_algorithms = || rules::fault_of_algorithms(&self.algorithm);
        let nothing = || rules::fault_of_rows(self.variants.len() + self.algorithm.len());
        let settings = self.settings().unfit();
        (settings.or_else(shards))
            .or_else(of_algorithms)
            .or_else(nothing)
    }

    /// Refuses settings that nothing could run with.
    ///
    /// # Errors
    /// `Error::Usage` naming the setting, what it takes and why.
    pub fn check(&self) -> Result<()> {
        if let Some(fault) = rules::fault_of_seed(self.seed) {
            return Err(fault.of_flag());
        }
        let table = Table::try_from(self).map_err(|e| Error::Internal(e.to_string()))?;
        match rules::fault(&table).or_else(|| self.unfit()) {
            Some(fault) => Err(fault.of_flag()),
            None => Ok(()),
        }
    }

    /// What this study and the one that a folder holds are together. A folder that holds another
    /// study is refused, because its finished cells would have to be thrown away; asking for other
    /// variants, folds or replicates is no other study.
    pub fn merged(&self, run: &Path, restart: bool) -> Result<Self> {
        self.check()?;
        let mut study = self.clone();
        if Self::path(run).exists() && !restart {
            let old = Self::read(run)?;
            let differences = self.differences(&old)?;
            if !differences.is_empty() {
                return Err(Error::usage(
                    format!(
                        "{}: holds a study of other settings\n  {}",
                        run.shown(),
                        differences.join("\n  ")
                    ),
                    "give another --out, or --restart to replace what is there",
                ));
            }
            study.variants.extend(old.variants);
            // What is told of an algorithm now holds; its predictions are made anew where they followed from what it was.
            for (id, algorithm) in old.algorithm {
                study.algorithm.entry(id).or_insert(algorithm);
            }
            study.seeds.extend(old.seeds);
            // No list stands for all folds.
            if !(study.folds.is_empty() || old.folds.is_empty()) {
                study.folds.extend(old.folds);
            } else {
                study.folds.clear();
            }
        }
        study.folds.sort_unstable();
        study.folds.dedup();
        study.seeds.sort_unstable();
        study.seeds.dedup();
        study.variants.sort_unstable();
        study.variants.dedup();
        // Rows that were each fine may not be so together.
        study.check()?;
        Ok(study)
    }

    /// Writes `study.toml`, merged with what is there as [`Study::merged`] does it.
    pub fn write(&self, run: &Path, restart: bool) -> Result<Self> {
        let study = self.merged(run, restart)?;
        study.save(run)?;
        Ok(study)
    }

    /// Writes `study.toml` as this says, whatever was there: what leaves a row out.
    pub fn save(&self, run: &Path) -> Result<()> {
        let mut kept = self.clone();
        let run_folder = absolute(run)?;
        let sweep = run_folder.parent().filter(|_| self.is_arm());
        for data in kept.data_sets() {
            if let Ok(inside) = data.folder.strip_prefix(&run_folder) {
                data.folder = inside.to_path_buf();
            } else if let Some(sweep) = sweep
                && let Ok(inside) = data.folder.strip_prefix(sweep)
            {
                data.folder = Path::new("..").join(inside);
            }
        }
        let text = toml::to_string(&kept).map_err(|e| Error::Internal(e.to_string()))?;
        write_atomic(&Self::path(run), text.as_bytes())
    }

    /// What other results would follow from than from an older study, `seed: 1 before, 2 now`.
    fn differences(&self, old: &Self) -> Result<Vec<String>> {
        fn path(path: Option<&PathBuf>) -> String {
            path.map_or("none".into(), |path| path.shown().to_string())
        }
        fn data(data: Option<&Data>) -> String {
            match data {
                None => "none".into(),
                Some(Data {
                    phantoms: Some(of), ..
                }) => format!(
                    "{} phantoms of seed {}, {} pixels",
                    of.cases, of.seed, of.matrix
                ),
                Some(data) => data.folder.shown().to_string(),
            }
        }
        let transfer = |of: &Self| data(of.transfer.as_ref().map(|transfer| &transfer.data));
        let mut found = Vec::new();
        let mut compare = |differs: bool, key: &str, before: String, now: String| {
            if differs {
                found.push(if before == now {
                    format!("{key} is another")
                } else {
                    format!("{key}: {before} before, {now} now")
                });
            }
        };
        let word = |number: &dyn std::fmt::Display| number.to_string();
        compare(
            self.seed != old.seed,
            "seed",
            word(&old.seed),
            word(&self.seed),
        );
        compare(
            self.kind() != old.kind(),
            "kind of device",
            word(&old.kind()),
            word(&self.kind()),
        );
        compare(
            self.shards != old.shards,
            "shards",
            word(&old.shards),
            word(&self.shards),
        );
        compare(
            self.threads != old.threads,
            "threads",
            word(&old.threads),
            word(&self.threads),
        );
        compare(
            self.protocol != old.protocol,
            "protocol",
            old.protocol.title(),
            self.protocol.title(),
        );
        compare(
            self.transfer != old.transfer,
            "transfer",
            transfer(old),
            transfer(self),
        );
        compare(
            self.encoder_weights != old.encoder_weights,
            "encoder weights",
            path(old.encoder_weights.as_ref()),
            path(self.encoder_weights.as_ref()),
        );
        compare(
            self.data != old.data,
            "data",
            data(Some(&old.data)),
            data(Some(&self.data)),
        );
        found.extend(self.settings().differences(&old.settings())?);
        Ok(found)
    }

    fn data_sets(&mut self) -> impl Iterator<Item = &mut Data> {
        let transfer = self.transfer.as_mut().map(|transfer| &mut transfer.data);
        std::iter::once(&mut self.data).chain(transfer)
    }

    /// The networks of a fold.
    pub fn variants_of(&self, role: Role) -> &[Variant] {
        match (role, &self.transfer) {
            (Role::Transfer | Role::Leaked, Some(transfer)) => &transfer.variants,
            _ => &self.variants,
        }
    }

    /// All rows of a fold: the networks, then the other algorithms by their keys, which have no part in a transfer.
    pub fn algorithms_of(&self, role: Role) -> Vec<Algorithm> {
        let networks = self.variants_of(role).iter().copied().map(Algorithm::from);
        let external = self.algorithm.keys().filter(|_| role == Role::Own);
        let external = external.filter_map(|id| AlgorithmId::new(id).map(Algorithm::External));
        networks.chain(external).collect()
    }

    /// The replicates of an algorithm: one of a command that takes no seed.
    pub fn seeds_of(&self, algorithm: Algorithm) -> &[u32] {
        match self.external(algorithm) {
            Some(external) if !external.takes_seed() => &self.seeds[..self.seeds.len().min(1)],
            _ => &self.seeds,
        }
    }

    /// How an algorithm that is none of our networks is run.
    pub fn external(&self, algorithm: Algorithm) -> Option<&External> {
        match algorithm {
            Algorithm::External(id) => self.algorithm.get(id.name()),
            Algorithm::Network(_) => None,
        }
    }

    /// The algorithm of a name that is no network of ours.
    ///
    /// # Errors
    /// `Error::Usage` naming those that the study has.
    pub fn other_named(&self, name: &str) -> Result<Algorithm> {
        let algorithm = AlgorithmId::new(name).map(Algorithm::External);
        let algorithm = algorithm.filter(|_| self.algorithm.contains_key(name));
        algorithm.ok_or_else(|| {
            let is_network = self.variants.iter().any(|variant| variant.id() == name);
            let problem = match is_network {
                true => "is one of our networks, not another algorithm",
                false => "is no algorithm of the study",
            };
            let names: Vec<&str> = self.algorithm.keys().map(String::as_str).collect();
            let hint = match names.as_slice() {
                [] => "it has none beside our networks".to_owned(),
                names => format!("its algorithms: {}", names.join(", ")),
            };
            Error::usage(format!("--algorithm {name}: {problem}"), hint)
        })
    }

    /// An algorithm's name in tables.
    pub fn title(&self, algorithm: Algorithm) -> String {
        match (self.external(algorithm), algorithm.variant()) {
            (Some(external), _) => external.title(algorithm.id()).to_owned(),
            (None, Some(variant)) => variant.title().into(),
            (None, None) => algorithm.id().into(),
        }
    }

    /// Recipe and scale.
    pub fn settings(&self) -> Settings {
        Settings {
            recipe: self.recipe.clone(),
            scale: self.scale.clone(),
        }
    }

    /// Whether it shares phantoms and preprocessed volumes with the other arms of a sweep.
    pub fn is_arm(&self) -> bool {
        self.cache != own_cache()
    }

    /// The seed of a fold and replicate: the same for all parts, so that they see the same patches.
    pub fn cell_seed(&self, fold: usize, seed: u32) -> Seed {
        Seed(self.seed).derive(&format!("fold_{fold}/seed_{seed}"))
    }

    /// What results depend on of the device: `cuda` for `cuda:1`.
    pub fn kind(&self) -> &str {
        match self.device.parse::<DeviceSpec>() {
            Ok(place) => place.kind(),
            // It will be refused where it is opened.
            Err(_) => &self.device,
        }
    }

    /// Where this process computes.
    pub fn places(&self) -> Result<DeviceSpecs> {
        match &self.places {
            Some(places) => Ok(places.clone()),
            None => self.device.parse(),
        }
    }

    /// Whether this process computes on processors alone.
    pub fn computes_on_processors(&self) -> Result<bool> {
        Ok(self
            .places()?
            .all()
            .iter()
            .all(|place| place.is_processor()))
    }

    /// The devices of this process, without autodiff; at least one.
    pub fn devices(&self) -> Result<Vec<Device>> {
        let places = self.places()?;
        let open = |place: &DeviceSpec| place.open(self.threads);
        places.all().iter().map(open).collect()
    }
}

#[cfg(test)]
impl Study {
    /// All variants of the paper at scale demo, in one fold, of data that are nowhere.
    pub fn of_tests() -> Self {
        Self {
            name: "test".into(),
            seed: 1,
            device: "flex".into(),
            threads: 1,
            shards: 1,
            places: None,
            variants: Variant::ALL.to_vec(),
            protocol: Protocol::default(),
            folds: vec![0],
            seeds: vec![0],
            allow_leakage: false,
            algorithm: BTreeMap::new(),
            transfer: None,
            saving: crate::training::CheckpointPolicy::default(),
            encoder_weights: None,
            cache: crate::study::own_cache(),
            data: Data {
                folder: PathBuf::new(),
                phantoms: None,
            },
            recipe: Recipe::named(crate::recipe::RecipeName::Paper),
            scale: Scale::named(crate::recipe::ScaleName::Demo),
        }
    }
}

fn undivided() -> usize {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
pub(crate) fn is_undivided(shards: &usize) -> bool {
    *shards == undivided()
}

/// The cache of a study that shares it with no other.
pub fn own_cache() -> PathBuf {
    PathBuf::from("cache")
}

/// The same path without `..`, as far as the names go.
pub(crate) fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

fn absolute(run: &Path) -> Result<PathBuf> {
    std::path::absolute(run).map_err(Error::read(run))
}
