//! A table `[algorithm.ID]` of a study's file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hdbench_ground::near::meant;
use hdbench_ground::range::Fault;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Table;

use super::labels::LabelTable;
use super::quantity::{ByteSize, Span};
use super::runtime::Runtime;

/// How the cases lie in the folder that an algorithm is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputLayout {
    /// `CASE.nii.gz`.
    #[default]
    Nifti,
    /// `CASE_0000.nii.gz`, as nnU-Net takes them.
    Nnunet,
    /// `volume-N.nii`, as LiTS has them; a case that is not called so is `volume-N.nii` by its place in the list.
    Lits,
    /// `CASE.mha`, as grand-challenge.org gives them.
    Mha,
    /// A folder `CASE/` with a DICOM series; for cases that are one.
    Dicom,
}

/// Whether it is started once or once a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Once, with all cases in the input folder.
    #[default]
    Folder,
    /// Once a case, with that case alone in the input folder.
    Case,
}

/// What becomes of label values that are not in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtherLabels {
    /// The case has failed.
    #[default]
    Fail,
    /// They are background: kidneys and ribs of a network that finds everything.
    Background,
}

/// What a case counts as that has no output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// As failed: the row has one case less, and says so.
    #[default]
    Fail,
    /// As an empty prediction, which the metrics judge.
    Empty,
}

/// Somebody else's algorithm: what is started, what it is given and what its output means.
///
/// Reading it from TOML or JSON refuses unknown keys with the one that may have been meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Algorithm {
    /// The row's title in tables; its ID where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The program and its arguments, with placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run: Vec<String>,
    /// A folder of predictions that were made elsewhere, instead of `run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictions: Option<PathBuf>,
    /// Started before `run`, to train it on the fold's cases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub train: Vec<String>,
    /// A container image: a name for docker and podman, a `.sif` file or a name for apptainer, an unpacked root folder
    /// for bubblewrap. None runs it on this machine as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What runs the image; the first that answers of docker, podman, apptainer where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    /// How the input folder is laid out.
    #[serde(default)]
    pub input: InputLayout,
    /// What the numbers of its label maps mean.
    #[serde(default)]
    pub labels: LabelTable,
    /// What becomes of other numbers.
    #[serde(default)]
    pub other_labels: OtherLabels,
    /// Says its version; started like `run`, but with nothing to read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub version: Vec<String>,
    /// What it was trained on, in words that are printed beside its row.
    #[serde(default = "unknown")]
    pub trained_on: String,
    /// How many GPUs it uses.
    #[serde(default)]
    pub gpus: u32,
    /// Whether it is started once or once a case.
    #[serde(default)]
    pub per: Per,
    /// How long a case may take; a folder that many times its cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// What a case without output counts as.
    #[serde(default)]
    pub missing: Missing,
    /// Variables of its environment; values may have placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// How much memory its container may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
    /// How many processes and threads its container may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
}

fn unknown() -> String {
    Algorithm::UNKNOWN_TRAINING.to_owned()
}

impl Algorithm {
    /// What `trained_on` says where nobody has said anything.
    pub const UNKNOWN_TRAINING: &'static str = "unknown";

    /// All keys of the table.
    pub const KEYS: [&'static str; 18] = [
        "name",
        "run",
        "predictions",
        "train",
        "image",
        "runtime",
        "input",
        "labels",
        "other_labels",
        "version",
        "trained_on",
        "gpus",
        "per",
        "timeout",
        "missing",
        "env",
        "memory",
        "processes",
    ];

    /// An algorithm from its table.
    ///
    /// # Errors
    /// A [`Fault`] naming `[algorithm.ID]` and the key: one that is not known, with the one that may have been meant,
    /// or a value of another kind. [`Self::check`] looks further.
    pub fn of_table(id: &str, table: &Table) -> Result<Self, Fault> {
        if let Some(key) = table.keys().find(|key| !Self::KEYS.contains(&key.as_str())) {
            return Err(Fault::new(
                format!("[algorithm.{id}] has a key {key:?} that is not known"),
                meant(key, &Self::KEYS),
            ));
        }
        if !table.contains_key("run") && !table.contains_key("predictions") {
            return Err(Fault::new(
                format!("[algorithm.{id}] has no run"),
                "say what is started: run = [\"PROGRAM\", \"{input}\", \"{output}\"]",
            ));
        }
        for (key, value) in table {
            Self::refuse_text(id, key, value)?;
        }
        Self::deserialize(table.clone()).map_err(|e: toml::de::Error| {
            Fault::new(
                format!("[algorithm.{id}] cannot be read: {}", e.message().trim()),
                "docs/algorithms.md has every key with what it takes",
            )
        })
    }

    /// A command in one text is what people write first.
    fn refuse_text(id: &str, key: &str, value: &toml::Value) -> Result<(), Fault> {
        match value {
            toml::Value::String(text) if matches!(key, "run" | "train" | "version") => {
                let list: Vec<_> = text
                    .split_whitespace()
                    .map(|word| format!("{word:?}"))
                    .collect();
                Err(Fault::new(
                    format!(
                        "[algorithm.{id}] {key} is a text, expected a list of arguments: no shell reads it"
                    ),
                    format!("write {key} = [{}]", list.join(", ")),
                ))
            }
            _ => Ok(()),
        }
    }

    /// The row's title.
    pub fn title<'a>(&'a self, id: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(id)
    }

    /// Whether a replicate can differ from another: a command or a variable has `{seed}`.
    pub fn takes_seed(&self) -> bool {
        let lists = [&self.run, &self.train].into_iter().flatten();
        let mut all = lists.chain(self.env.values());
        all.any(|text| text.contains("{seed}"))
    }

    /// What it was trained on, in words beside its row.
    pub fn trained_on_words(&self) -> String {
        match self.trained_on.as_str() {
            Self::UNKNOWN_TRAINING => {
                "trained on data that is not known: test cases may be among it".to_owned()
            }
            known => format!("trained on {known}"),
        }
    }

    /// Everything of the table that predictions follow from, as one line of JSON that a later version of the program
    /// writes alike: keys in this order, those at their defaults left out. Not what it is called or was trained on,
    /// how long it may take, what it may use, and what runs its image. The image's digest and the version's output are
    /// the caller's to add.
    pub fn hash_text(&self) -> String {
        let mut parts = vec![("run", serde_json::json!(self.run))];
        let mut add = |key, is_default: bool, value: serde_json::Value| {
            if !is_default {
                parts.push((key, value));
            }
        };
        add(
            "train",
            self.train.is_empty(),
            serde_json::json!(self.train),
        );
        add("image", self.image.is_none(), serde_json::json!(self.image));
        add(
            "input",
            self.input == InputLayout::default(),
            serde_json::json!(self.input),
        );
        add("labels", false, serde_json::json!(self.labels));
        add(
            "predictions",
            self.predictions.is_none(),
            serde_json::json!(self.predictions),
        );
        add(
            "other_labels",
            self.other_labels == OtherLabels::default(),
            serde_json::json!(self.other_labels),
        );
        add(
            "per",
            self.per == Per::default(),
            serde_json::json!(self.per),
        );
        add(
            "missing",
            self.missing == Missing::default(),
            serde_json::json!(self.missing),
        );
        add("env", self.env.is_empty(), serde_json::json!(self.env));
        let parts: Vec<String> = parts
            .into_iter()
            .map(|(key, value)| format!("{}:{value}", serde_json::json!(key)))
            .collect();
        format!("{{{}}}", parts.join(","))
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let table = Table::deserialize(from)?;
        Self::of_table("ID", &table)
            .map_err(|fault| serde::de::Error::custom(format!("{}; {}", fault.problem, fault.hint)))
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, to)
    }
}
