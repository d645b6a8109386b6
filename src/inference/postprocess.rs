//! From class probabilities to a label map.

use ndarray::{Array3, ArrayView3, Zip};
use serde::{Deserialize, Serialize};

use crate::recipe::{LesionRule, LiverRule, Recipe, RecipeName};
use crate::volume::components::{Connectivity, dilate, fill_holes, largest};

/// How probabilities become a label map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Which voxels make the liver.
    pub liver: LiverRule,
    /// Least probability of a liver voxel, 0..=1.
    pub liver_threshold: f32,
    /// Least P(lesion) of a lesion voxel, 0..=1.
    pub lesion_threshold: f32,
    /// Where a lesion may lie.
    pub lesions_inside: LesionRule,
    /// What holds the largest liver component together.
    pub connectivity: Connectivity,
}

impl Rules {
    /// The paper's rules.
    ///
    /// It says only that liver and lesions are thresholded. Here the liver is the organ: a voxel
    /// on the rim of a lesion with P(liver) = P(lesion) = 0.45 is liver tissue to 90 %, and would
    /// be a hole if each class had to reach 0.5 alone.
    pub fn paper() -> Self {
        Self::of(&Recipe::named(RecipeName::Paper))
    }

    /// The rules of the authors' released code (`test.py`).
    pub fn released() -> Self {
        Self::of(&Recipe::named(RecipeName::Released))
    }

    /// The rules of a recipe, with its thresholds.
    pub fn of(recipe: &Recipe) -> Self {
        Self {
            liver: recipe.liver_rule,
            liver_threshold: recipe.liver_threshold as f32,
            lesion_threshold: recipe.lesion_threshold as f32,
            lesions_inside: recipe.lesions_inside,
            // scikit-image's default in the authors' code; the paper is silent.
            connectivity: Connectivity::TwentySix,
        }
    }
}

/// Makes the label map (0 background, 1 liver, 2 tumour) of a volume from its probabilities, all
/// arrays `[z, y, x]` of one shape.
///
/// The liver is the largest component of its voxels with its holes filled. Lesions are kept
/// inside it (`LesionRule::FinalLiver`), or, as the authors' `test.py` does, inside the coarse
/// liver mask: dilated twice, its largest component with holes filled; the holes of the lesions
/// are then filled too, and a lesion may lie outside the liver (`LesionRule::DilatedCoarse`).
/// Without a coarse mask the final liver stands in for it.
///
/// # Panics
/// If the shapes differ.
pub fn segment(
    liver_probability: &Array3<f32>,
    lesion_probability: &Array3<f32>,
    coarse_liver: Option<&Array3<bool>>,
    rules: &Rules,
) -> Array3<u8> {
    let mut lesion = lesion_probability.map(|&p| p >= rules.lesion_threshold);
    let liver = liver_voxels(liver_probability, lesion_probability, &lesion, rules);
    let liver = largest(liver.view(), rules.connectivity);
    let liver = fill_holes(liver.view());
    match (rules.lesions_inside, coarse_liver) {
        (LesionRule::DilatedCoarse, Some(coarse)) => {
            let coarse = dilate(coarse.view(), 2);
            let coarse = largest(coarse.view(), rules.connectivity);
            keep_inside(&mut lesion, fill_holes(coarse.view()).view());
            lesion = fill_holes(lesion.view());
        }
        (LesionRule::DilatedCoarse, None) => {
            keep_inside(&mut lesion, liver.view());
            lesion = fill_holes(lesion.view());
        }
        (LesionRule::FinalLiver, _) => keep_inside(&mut lesion, liver.view()),
    }
    Zip::from(&liver)
        .and(&lesion)
        .map_collect(|&liver, &lesion| match (liver, lesion) {
            (_, true) => 2,
            (true, false) => 1,
            (false, false) => 0,
        })
}

fn liver_voxels(
    liver_probability: &Array3<f32>,
    lesion_probability: &Array3<f32>,
    lesion: &Array3<bool>,
    rules: &Rules,
) -> Array3<bool> {
    let threshold = rules.liver_threshold;
    let voxels = Zip::from(liver_probability)
        .and(lesion_probability)
        .and(lesion);
    match rules.liver {
        LiverRule::Organ => voxels.map_collect(|&liver, &lesion, _| liver + lesion >= threshold),
        LiverRule::LiverOrLesion => {
            voxels.map_collect(|&liver, _, &lesion| liver >= threshold || lesion)
        }
    }
}

fn keep_inside(mask: &mut Array3<bool>, region: ArrayView3<'_, bool>) {
    Zip::from(mask)
        .and(region)
        .for_each(|voxel, &inside| *voxel &= inside);
}
