//! What stands in for ImageNet where no weights are given: further phantoms, none of them a case of the study,
//! whose labels say which organs a slice shows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::bounded::{for_each_bounded, preparing_room};
use super::cell::cells_of;
use super::definition::Study;
use super::fold::Role;
use super::lock::read_lock;
use super::own_folder::cache_folder;
use crate::artifact::Look;
use crate::dataset::Pair;
use crate::error::{Error, Result};
use crate::network::NetworkKind;
use crate::phantom::{Spec, generate};
use crate::preprocess::{Grids, Stored};
use crate::progress::Progress;
use crate::recipe::Scale;
use crate::seed::Seed;
use crate::text::Shown as _;
use crate::volume::Volume;

/// Raised when the same phantoms are prepared to other bytes.
const METHOD: u32 = 1;

/// What a voxel costs while a phantom is drawn and prepared.
const BYTES_A_VOXEL: u64 = 40;

/// Pixels a side of a plane of the paper's scans.
const FULL_MATRIX: usize = 512;

/// The phantoms of a study with this master seed.
fn spec(seed: u64, scale: &Scale) -> Spec {
    let matrix = scale.working_matrix.unwrap_or(FULL_MATRIX).clamp(64, 1024);
    let seed = Seed(seed).derive("pretraining phantoms");
    Spec::with_matrix(scale.encoder_cases, seed, matrix)
}

/// Whether a network of the study starts from an encoder that is pre-trained here.
pub fn is_needed(study: &Study) -> bool {
    let roles = [Role::Own, Role::Transfer, Role::Leaked];
    let cells = cells_of(study, roles.map(|role| (0, role)));
    study.encoder_weights.is_none()
        && cells
            .iter()
            .any(|cell| cell.algorithm == NetworkKind::Encoder.into())
}

/// The names of the prepared phantoms' folders in the cache: what pre-training is made from.
pub fn keys(study: &Study) -> Vec<String> {
    let spec = spec(study.seed, &study.scale);
    let grids = Grids::of(&study.recipe, &study.scale);
    (0..spec.cases)
        .map(|index| {
            let read = format!("phantom {METHOD} {:?} {} {index}", spec.seed, spec.matrix);
            Stored::key(&format!("{read} of {}", spec.cases), &grids)
        })
        .collect()
}

/// Why a folder of the cache does not hold a phantom as it was prepared.
pub fn problem(folder: &Path, content: &str, look: Look) -> Option<String> {
    Stored::problem(folder, "working.image", content, look)
}

/// What was prepared of the phantoms for pre-training and is not as it was, by their folders in the cache.
pub(crate) fn pretraining_problems(run: &Path, cache: &Path) -> Result<Vec<(String, String)>> {
    let locked = read_lock(&run.join("study.lock"))?.pretraining;
    let problem = |(key, content): (&String, &String)| {
        let folder = cache.join(key);
        // What is not there is prepared again.
        if !folder.exists() {
            return None;
        }
        let problem = problem(&folder, content, Look::Whole)?;
        Some((key.clone(), problem))
    };
    Ok(locked.iter().filter_map(problem).collect())
}

/// Draws and prepares the phantoms as far as that is not done; `contents` holds what was prepared of each, by
/// the names of their folders.
///
/// # Errors
/// `Error::Interrupted`; what writing gives.
pub fn prepare(
    run: &Path,
    study: &Study,
    contents: &mut BTreeMap<String, String>,
    progress: &dyn Progress,
) -> Result<Vec<Arc<Stored>>> {
    if !is_needed(study) {
        contents.clear();
        return Ok(Vec::new());
    }
    let spec = spec(study.seed, &study.scale);
    spec.validate()?;
    let grids = Grids::of(&study.recipe, &study.scale);
    let cache = cache_folder(run, study)?;
    let keys = keys(study);
    let known = |key: &String| contents.get(key).map_or("", String::as_str);
    let mut todo: Vec<(usize, &String)> = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let folder = cache.join(key);
        if let Some(problem) = problem(&folder, known(key), Look::Quick) {
            if folder.exists() {
                progress.note(&format!("{}: {problem}: prepared again", folder.shown()));
            }
            todo.push((index, key));
        }
    }
    let voxels = (spec.max_slices * spec.matrix * spec.matrix) as u64;
    for_each_bounded(
        &todo,
        rayon::current_num_threads(),
        preparing_room(),
        |_| BYTES_A_VOXEL * voxels,
        |&(index, key)| {
            if progress.interrupted() {
                return Err(Error::Interrupted {
                    hint: "run the same command again to go on".into(),
                });
            }
            let phantom = generate(&spec, index);
            let geometry = phantom.image.geometry;
            let pair = Pair {
                image: Volume {
                    voxels: phantom.image.voxels.mapv(f32::from),
                    geometry: geometry.clone(),
                },
                labels: Volume {
                    voxels: phantom.organs,
                    geometry,
                },
                warnings: Vec::new(),
            };
            let name = format!("pretraining-{index}");
            Stored::write(&cache.join(key), &name, &pair, &grids, |_| Ok(()))
        },
    )?;
    let stored: Vec<Arc<Stored>> = keys
        .iter()
        .map(|key| Stored::open(&cache.join(key)).map(Arc::new))
        .collect::<Result<_>>()?;
    *contents = keys
        .into_iter()
        .zip(&stored)
        .map(|(key, case)| (key, case.content().to_owned()))
        .collect();
    Ok(stored)
}
