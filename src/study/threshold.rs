//! What a network has to be better than: the liver by a window of HU.

use std::collections::BTreeMap;

use ndarray::{Array3, Zip};

use super::fold::{Fold, Role};
use crate::error::Result;
use crate::preprocess::{Grid, Stored};
use crate::volume::components::{Connectivity, fill_holes, largest};

/// The window holds the HU of the training cases' livers but for so much at either end.
const TAIL: f64 = 0.05;

/// Dice of the liver of every test case of the study's own folds, as a threshold finds it on the coarse grid:
/// the largest component of the voxels within the middle nine tenths of the training cases' liver HU, its
/// holes filled. Nothing where no training case has a liver.
///
/// # Errors
/// `Error::Read`.
pub fn threshold_liver(folds: &[Fold]) -> Result<BTreeMap<String, f64>> {
    let mut found = BTreeMap::new();
    for fold in folds.iter().filter(|fold| fold.role == Role::Own) {
        let Some(window) = window(fold)? else {
            continue;
        };
        for test in &fold.test {
            let case = Stored::open(&test.cached)?;
            found.insert(test.case.name.clone(), dice(&case, window)?);
        }
    }
    Ok(found)
}

/// HU of the livers of a fold's training cases.
fn window(fold: &Fold) -> Result<Option<[i16; 2]>> {
    let mut counts: BTreeMap<i16, usize> = BTreeMap::new();
    for case in &fold.train {
        let (image, labels) = case.read(Grid::Coarse)?;
        for (&hu, _) in image.iter().zip(&labels).filter(|&(_, &label)| label == 1) {
            *counts.entry(hu).or_default() += 1;
        }
    }
    let all: usize = counts.values().sum();
    if all == 0 {
        return Ok(None);
    }
    let at = |share: f64| {
        let rank = ((all - 1) as f64 * share) as usize;
        let mut before = 0;
        let found = counts.iter().find(|&(_, &count)| {
            before += count;
            before > rank
        });
        found.map_or(0, |(&hu, _)| hu)
    };
    Ok(Some([at(TAIL), at(1.0 - TAIL)]))
}

fn dice(case: &Stored, [low, high]: [i16; 2]) -> Result<f64> {
    let (image, labels): (Array3<i16>, Array3<u8>) = case.read(Grid::Coarse)?;
    let mask = image.mapv(|hu| (low..=high).contains(&hu));
    let mask = largest(mask.view(), Connectivity::Six);
    let mask = fill_holes(mask.view());
    let (mut shared, mut both) = (0_usize, 0_usize);
    Zip::from(&mask).and(&labels).for_each(|&found, &label| {
        shared += usize::from(found && label > 0);
        both += usize::from(found) + usize::from(label > 0);
    });
    Ok(match both {
        0 => 1.0,
        _ => 2.0 * shared as f64 / both as f64,
    })
}
