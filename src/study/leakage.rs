use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::artifact::{Look, hash_bytes, read_file, write_atomic};
use crate::dataset::Fingerprint;
use crate::dataset::audit::{self, known_pair};
use crate::error::{Error, Result};
use crate::preprocess::Stored;
use crate::volume::Volume;

/// A cached case's fingerprint, beside its voxels.
const FILE: &str = "fingerprint";

/// Raised when the audit of the same cases finds other pairs than before.
const METHOD: u32 = 1;

/// Two cases of a study that are the same scan, or share a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamePair {
    /// Key of a case in the study's lock.
    pub first: String,
    /// Key of the other.
    pub second: String,
    /// How much they share, and how one lies in the other.
    pub evidence: String,
}

/// The audit of all cases of a study against each other, as `study.lock` keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// Hash of the cases it was made from.
    of: String,
    pub pairs: Vec<SamePair>,
}

/// A case to audit.
pub struct Scan<'a> {
    /// Its key in the study's lock.
    pub key: &'a str,
    /// Its own name.
    pub name: &'a str,
    /// Hash of its files and their preprocessing.
    pub hash: &'a str,
    /// Its folder in the cache.
    pub cached: &'a Path,
}

/// Why a cached case has not all that training and the audit need, as it was prepared; nothing where it
/// has. `content` is the hash that it has to have, if one is known.
pub fn unprepared(folder: &Path, content: &str, look: Look) -> Option<String> {
    Stored::problem(folder, FILE, content, look)
}

/// Writes what the audit needs of a case into its folder of the cache.
pub fn prepare(folder: &Path, image: &Volume<f32>) -> Result<()> {
    write_atomic(&folder.join(FILE), &Fingerprint::of(image).to_bytes())
}

/// Compares all scans with each other, unless that was done for the same ones. Pairs that are one scan by
/// the published overlap of LiTS and 3DIRCADb are among them, whatever their voxels say.
pub fn audit(scans: &[Scan<'_>], before: &Audit) -> Result<Audit> {
    let mut of = format!("{METHOD}");
    for scan in scans {
        of += &format!(" {} {}", scan.key, scan.hash);
    }
    let of = hash_bytes(of.as_bytes());
    if before.of == of {
        return Ok(before.clone());
    }
    let fingerprints = scans
        .iter()
        .map(|scan| {
            let path = scan.cached.join(FILE);
            let bytes = read_file(&path).map_err(Error::read(&path))?;
            Ok((scan.key.to_owned(), Fingerprint::from_bytes(&bytes, &path)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let same = audit::same_scans_within(&fingerprints);
    let mut pairs: Vec<SamePair> = same
        .into_iter()
        .filter(audit::SameScan::is_leak)
        .map(|same| SamePair {
            evidence: same.evidence.to_string(),
            first: same.train,
            second: same.test,
        })
        .collect();
    for (index, first) in scans.iter().enumerate() {
        for second in &scans[index + 1..] {
            let found = |pair: &SamePair| pair.first == first.key && pair.second == second.key;
            if known_pair(first.name, second.name) && !pairs.iter().any(found) {
                pairs.push(SamePair {
                    first: first.key.to_owned(),
                    second: second.key.to_owned(),
                    evidence: "the same by the published overlap; the voxels differ".into(),
                });
            }
        }
    }
    Ok(Audit { of, pairs })
}
