//! Finding, hashing and preparing the cases of a study.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bounded::{for_each_bounded, preparing_room};
use super::definition::Study;
use super::folds::Ready;
use super::leakage::{self};
use super::lock::LockedScan;
use super::own_folder::cache_folder;
use crate::artifact::Look;
use crate::dataset::{self, Case, Dataset, Layout, ircadb, load_pair};
use crate::error::{Error, Result};
use crate::preprocess::{Grids, Stored};
use crate::progress::Progress;
use crate::volume::refuse_extent;

/// What a voxel costs while its case is prepared: HU as read and clipped, labels, both again in
/// canonical order and on their way to the disk.
const BYTES_A_VOXEL: u64 = 16;

/// Finds the study's data set and the one it is trained on for the transfer. Where the first is
/// 3DIRCADb, the volumes of LiTS that are its patients get the spacing back that they have lost.
pub(crate) fn find(study: &Study) -> Result<(Dataset, Option<Dataset>)> {
    let own = dataset::find(&study.data.folder)?;
    let Some(transfer) = &study.transfer else {
        return Ok((own, None));
    };
    let mut other = dataset::find(&transfer.data.folder)?;
    if own.layout == Layout::Ircadb && other.layout == Layout::Lits {
        other.with_ircadb_spacing(&ircadb::find(&study.data.folder)?)?;
    }
    Ok((own, Some(other)))
}

/// Hashes and preprocesses the labelled cases of one data set.
#[expect(
    clippy::too_many_arguments,
    reason = "two of them collect what both data sets give"
)]
pub(crate) fn ready(
    run: &Path,
    study: &Study,
    found: Dataset,
    prefix: &str,
    before: &BTreeMap<String, LockedScan>,
    locked: &mut BTreeMap<String, LockedScan>,
    warnings: &mut Vec<String>,
    progress: &dyn Progress,
) -> Result<Vec<Ready>> {
    warnings.extend(found.warnings);
    let (cases, bare): (Vec<Case>, Vec<Case>) = found.cases.into_iter().partition(Case::has_labels);
    warnings.extend(
        bare.iter()
            .map(|case| format!("{} has no segmentation and is not used", case.name)),
    );
    struct Task {
        case: Case,
        key: String,
        lock: LockedScan,
        cached: PathBuf,
        hash: String,
    }
    let cache = cache_folder(run, study)?;
    let mut tasks = Vec::new();
    for case in cases {
        let key = format!("{prefix}{}", case.name);
        let mut lock = LockedScan::of(&case, before.get(&key))?;
        let hash = lock.prepare(&case, study);
        tasks.push(Task {
            case,
            key,
            lock,
            cached: cache.join(&hash),
            hash,
        });
    }
    let cost = |task: &Task| match task.case.read_geometry() {
        Ok(geometry) => BYTES_A_VOXEL * geometry.len() as u64,
        // Reading the case will say what is wrong with it.
        Err(_) => task.lock.bytes,
    };
    let mut todo = Vec::new();
    // Two cases that are the same files share a folder; that they do is for the audit to tell.
    let mut folders = BTreeSet::new();
    for task in tasks.iter().filter(|task| folders.insert(&task.cached)) {
        if let Some(problem) = leakage::unprepared(&task.cached, &task.lock.content, Look::Quick) {
            if task.cached.exists() {
                progress.note(&format!(
                    "{}: {problem}: prepared again",
                    task.cached.display()
                ));
            }
            todo.push(task);
        }
    }
    let workers = rayon::current_num_threads();
    for_each_bounded(
        &todo,
        workers,
        preparing_room(),
        |task| cost(task),
        |task| {
            if progress.interrupted() {
                return Err(Error::Interrupted {
                    hint: "run the same command again to go on".into(),
                });
            }
            prepare_case(&task.case, &task.cached, study)
        },
    )?;
    tasks
        .into_iter()
        .map(|task| {
            let stored = Stored::open(&task.cached)?;
            let mut lock = task.lock;
            stored.content().clone_into(&mut lock.content);
            locked.insert(task.key.clone(), lock);
            warnings.extend(stored.warnings.iter().cloned());
            Ok(Ready {
                case: task.case,
                key: task.key,
                hash: task.hash,
                cached: task.cached,
                stored: Arc::new(stored),
            })
        })
        .collect()
}

fn prepare_case(case: &Case, folder: &Path, study: &Study) -> Result<()> {
    let pair = load_pair(case)?;
    // By its file's name, which the cache does not know.
    refuse_extent(&case.image, &pair.image.geometry)?;
    let grids = Grids::of(&study.recipe, &study.scale);
    Stored::write(folder, &case.name, &pair, &grids, |dir| {
        leakage::prepare(dir, &pair.image)
    })
}
