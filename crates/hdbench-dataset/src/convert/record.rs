use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_volume::artifact::{json_if_there, write_atomic};
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::listing;

/// What a converted folder was made from.
const RECORD_FILE: &str = "conversion.json";

/// Raised when the same case is written as other bytes.
const FORMAT: u32 = 1;

/// `conversion.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    format: u32,
    pub cases: BTreeMap<String, Converted>,
}

/// A case of the record; without hashes while it is being written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Converted {
    /// Hash of the files it was read from and of how they were read.
    pub inputs: String,
    /// BLAKE3 of each file that was written, by its path in the folder.
    pub outputs: BTreeMap<String, String>,
}

impl Record {
    /// Whether an earlier conversion began in the folder.
    pub fn is_there(out: &Path) -> bool {
        out.join(RECORD_FILE).is_file()
    }

    pub fn read(out: &Path) -> Result<Self> {
        let path = out.join(RECORD_FILE);
        let hint = "choose another folder, or empty this one";
        let record: Self =
            json_if_there(&path, "the record of a conversion", hint)?.unwrap_or_default();
        Ok(match record.format {
            FORMAT => record,
            // Files of an older version are ours, but have to be written anew.
            _ => Self {
                format: FORMAT,
                cases: record
                    .cases
                    .into_iter()
                    .map(|(name, case)| {
                        let inputs = String::new();
                        (name, Converted { inputs, ..case })
                    })
                    .collect(),
            },
        })
    }

    pub fn write(&self, out: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::Internal(e.to_string()))?;
        write_atomic(&out.join(RECORD_FILE), &text)
    }

    /// Refuses a folder with volumes that are not ours; removes those of an earlier conversion that
    /// are not part of this one.
    pub fn clear(&mut self, out: &Path, plans: &[Plan<'_>]) -> Result<()> {
        let planned: BTreeMap<&str, BTreeSet<&String>> = plans
            .iter()
            .map(|plan| (plan.case.name.as_str(), plan.outputs().collect()))
            .collect();
        let ours: BTreeSet<PathBuf> = self
            .cases
            .values()
            .flat_map(|case| case.outputs.keys())
            .map(|path| out.join(path))
            .collect();
        let wanted: BTreeSet<PathBuf> = planned
            .values()
            .flatten()
            .map(|path| out.join(path))
            .collect();
        for file in listing::files(out, "")? {
            if listing::nifti_stem(&file).is_none() {
                continue;
            }
            if !ours.contains(&file) {
                return Err(Error::usage(
                    format!(
                        "{}: the folder holds other volumes ({})",
                        out.shown(),
                        file.shown()
                    ),
                    "choose an empty folder",
                ));
            }
            if !wanted.contains(&file) {
                std::fs::remove_file(&file).map_err(Error::write(&file))?;
            }
        }
        self.cases.retain(|name, case| {
            planned
                .get(name.as_str())
                .is_some_and(|outputs| case.outputs.keys().eq(outputs.iter().copied()))
        });
        Ok(())
    }
}
