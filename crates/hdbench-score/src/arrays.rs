//! Cases whose label maps a caller has in memory.

use std::borrow::Cow;
use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::progress::Stop;
use hdbench_volume::{Geometry, LabelValues, StoredLabels, labels_of_array};
use ndarray::{ArrayView3, Axis};
use rayon::prelude::*;

use super::label::Label;
use super::masks::{Masks, Value};
use super::measured::steps;
use super::metrics::surface::{Border, SurfaceDistances, distances_between};
use super::metrics::surfel::SurfelDistances;
use super::options::Options;
use super::pairing::CasePair;
use super::run::{StrictCase, scored};
use super::scored_structure::{LabelSet, ScoredStructure};
use super::structure_case::{
    StructureOptions, notes_of_values, of_values, refuse_growth, score_stored,
};

/// A label map in memory, `[z, y, x]`.
#[derive(Clone, Debug)]
pub enum LabelArray<'a> {
    /// All its voxels, where they lie. Those of a row best lie beside each other.
    Bytes(ArrayView3<'a, u8>, Geometry),
    /// The same of 16 bits.
    Words(ArrayView3<'a, u16>, Geometry),
    /// A map that was read, without the background around its labels.
    Stored(StoredLabels),
}

impl LabelArray<'_> {
    /// Without the background around its labels.
    fn into_stored(self, name: &Path) -> Result<StoredLabels> {
        match self {
            Self::Bytes(array, geometry) => labels_of_array(name, array, &geometry),
            Self::Words(array, geometry) => labels_of_array(name, array, &geometry),
            Self::Stored(labels) => Ok(labels),
        }
    }
}

/// Scores two label maps of some structures; the paths of the pair's files are how messages call them. No voxel is
/// copied where both are arrays of one width on one grid and nothing is to be ignored.
///
/// # Errors
/// As of [`score_structures`](super::score_structures), but for those of reading files.
pub fn score_arrays(
    pair: &CasePair,
    prediction: LabelArray<'_>,
    reference: LabelArray<'_>,
    options: &StructureOptions,
    metrics: &Options,
) -> Result<StrictCase> {
    let may_stay = options.ignore.is_empty();
    match (&prediction, &reference) {
        (LabelArray::Bytes(p, own), LabelArray::Bytes(r, other)) if may_stay && own == other => {
            score_views(pair, [*p, *r], other, options, metrics)
        }
        (LabelArray::Words(p, own), LabelArray::Words(r, other)) if may_stay && own == other => {
            score_views(pair, [*p, *r], other, options, metrics)
        }
        _ => score_stored(
            pair,
            prediction.into_stored(&pair.prediction.path())?,
            reference.into_stored(&pair.reference.path())?,
            options,
            metrics,
        ),
    }
}

fn score_views<T: Value>(
    pair: &CasePair,
    maps: [ArrayView3<'_, T>; 2],
    geometry: &Geometry,
    options: &StructureOptions,
    metrics: &Options,
) -> Result<StrictCase> {
    let holds_all = |own: &ScoredStructure| own.values == LabelSet::AtLeast(1);
    let mut notes = Vec::new();
    let mut metrics = Cow::Borrowed(metrics);
    if !metrics.structures.iter().any(holds_all) || options.every_value {
        let values = maps.map(values_of);
        if options.every_value {
            metrics = Cow::Owned(of_values([&values[0], &values[1]], options, &metrics));
        }
        notes = notes_of_values(pair, &values, options, &metrics);
    }
    refuse_growth(pair, geometry, &metrics)?;
    metrics.stop.check()?;
    let [prediction, reference] = maps;
    let (planar, structures) = (geometry.is_planar, &metrics.structures);
    let masks = Masks::of_structures(prediction, reference, planar, structures, &metrics.stop)?;
    Ok(StrictCase {
        scored: scored(pair, masks, geometry, &metrics)?,
        apart: None,
        notes,
    })
}

/// The labels above 0 that occur.
fn values_of<T: Value>(map: ArrayView3<'_, T>) -> LabelValues {
    let plane = |plane| {
        let mut values = LabelValues::default();
        for row in map.index_axis(Axis(0), plane).outer_iter() {
            let row = row
                .to_slice()
                .map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed);
            if T::is_labelled(&row) {
                values.add_slice(&row);
            }
        }
        values
    };
    let planes = (0..map.len_of(Axis(0))).into_par_iter().map(plane);
    planes.reduce(LabelValues::default, |all, more| all.union(&more))
}

/// The surfels of two masks, which hold what is not 0: the distances of the first's from the second's surface, and of
/// the second's from the first's.
///
/// # Panics
/// If the shapes differ.
pub fn surfels_of_arrays(
    first: ArrayView3<'_, u8>,
    second: ArrayView3<'_, u8>,
    geometry: &Geometry,
) -> [SurfelDistances; 2] {
    let between = |masks: Masks| {
        SurfelDistances::between(&masks.prediction, &masks.reference, steps(geometry))
    };
    masks_of(first, second, geometry)
        .map(between)
        .unwrap_or_default()
}

/// The distances of the surface voxels of two masks, which hold what is not 0: of the first's from the second's, and of
/// the second's from the first's, in raster order; none where a mask is empty.
///
/// # Panics
/// If the shapes differ.
pub fn distances_of_arrays(
    first: ArrayView3<'_, u8>,
    second: ArrayView3<'_, u8>,
    geometry: &Geometry,
    border: Border,
) -> SurfaceDistances {
    let between = |masks: Masks| {
        distances_between(&masks.prediction, &masks.reference, steps(geometry), border)
    };
    masks_of(first, second, geometry)
        .map(between)
        .unwrap_or_default()
}

fn masks_of(
    first: ArrayView3<'_, u8>,
    second: ArrayView3<'_, u8>,
    geometry: &Geometry,
) -> Option<Masks> {
    assert_eq!(first.dim(), second.dim(), "masks of one shape");
    let all = [ScoredStructure::new(
        Label::new("mask"),
        LabelSet::AtLeast(1),
    )];
    let never = Stop::default();
    let masks = Masks::of_structures(first, second, geometry.is_planar, &all, &never);
    masks.ok()?.pop()?
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, s};

    use super::*;
    use crate::metric::Metric;
    use crate::source::Source;
    use crate::structure_case::score_structures;
    use crate::structures::StructureSet;
    use crate::structures_plan::StructuresPlan;

    fn pair() -> CasePair {
        let [prediction, reference] = ["pred", "ref"].map(|name| Source::File(name.into()));
        CasePair {
            case: String::new(),
            prediction,
            reference,
        }
    }

    fn maps() -> ([Array3<u8>; 2], Geometry) {
        let mut maps = [Array3::zeros((6, 9, 20)), Array3::zeros((6, 9, 20))];
        maps[0].slice_mut(s![1..5, 2..8, 3..15]).fill(1);
        maps[0].slice_mut(s![2..4, 3..5, 4..8]).fill(2);
        maps[1].slice_mut(s![1..6, 1..8, 4..16]).fill(1);
        maps[1].slice_mut(s![2..4, 3..6, 5..8]).fill(2);
        maps[1][[5, 7, 15]] = 9;
        (maps, Geometry::axis_aligned([6, 9, 20], [2.5, 0.8, 0.7]))
    }

    fn scored_by(arguments: &[&str]) -> [StrictCase; 3] {
        let set = match arguments {
            [] => crate::structures::find("all").unwrap(),
            arguments => StructureSet::of_arguments(arguments).unwrap(),
        };
        let plan = StructuresPlan::of(&set, Options::default());
        let (maps, grid) = maps();
        let score = |p, r| score_arrays(&pair(), p, r, &plan.reading, &plan.metrics).unwrap();
        let view = |map: usize| LabelArray::Bytes(maps[map].view(), grid.clone());
        let stored = |map: usize| {
            LabelArray::Stored(labels_of_array(Path::new("a"), maps[map].view(), &grid).unwrap())
        };
        let words = maps.each_ref().map(|map| map.mapv(u16::from));
        let word = |map: usize| LabelArray::Words(words[map].view(), grid.clone());
        [
            score(view(0), view(1)),
            score(stored(0), view(1)),
            score(word(0), word(1)),
        ]
    }

    #[test]
    fn arrays_score_the_same_wherever_they_lie() {
        for arguments in [
            &["liver=1-", "lesion=2"][..],
            &["liver=1,2", "lesion=2"],
            &[],
        ] {
            let [views, stored, words] = scored_by(arguments);
            for other in [stored, words] {
                // As text, in which NaN equals itself.
                let scores = |case: &StrictCase| format!("{:?}", case.scored.scores);
                assert!(scores(&views) == scores(&other), "{arguments:?}");
                assert_eq!(views.notes, other.notes);
            }
        }
        let [views, ..] = scored_by(&["liver=1,2"]);
        assert_eq!(views.notes, ["ref: values 9 are in no structure"]);
    }

    #[test]
    fn arrays_score_as_their_files_do() {
        let folder = tempfile::tempdir().unwrap();
        let (maps, geometry) = maps();
        let files = ["pred.nii.gz", "ref.nii.gz"].map(|name| folder.path().join(name));
        for (file, voxels) in files.iter().zip(&maps) {
            let volume = hdbench_volume::Volume {
                voxels: voxels.clone(),
                geometry: geometry.clone(),
            };
            hdbench_volume::write_labels(file, &volume).unwrap();
        }
        let set = StructureSet::of_arguments(&["liver=1-2", "lesion=2"]).unwrap();
        let plan = StructuresPlan::of(&set, Options::default());
        let [prediction, reference] = files.clone().map(Source::File);
        let of_files = CasePair {
            prediction,
            reference,
            ..pair()
        };
        let by_files = score_structures(&of_files, &plan.reading, &plan.metrics).unwrap();
        // The spacing of a file is one of 32 bits.
        let geometry = hdbench_volume::read_geometry(&files[1]).unwrap();
        let [p, r] = maps
            .each_ref()
            .map(|map| LabelArray::Bytes(map.view(), geometry.clone()));
        let by_arrays = score_arrays(&pair(), p, r, &plan.reading, &plan.metrics).unwrap();
        let scores = |case: &StrictCase| case.scored.scores.clone();
        assert_eq!(scores(&by_arrays), scores(&by_files));
        assert!(scores(&by_arrays)[Label::LIVER].value(Metric::Dice) > 0.5);
    }

    #[test]
    fn surfaces_are_those_of_their_metrics() {
        let (maps, grid) = maps();
        let [p, r] = maps.each_ref().map(|map| map.view());
        let distances = distances_of_arrays(p, r, &grid, Border::Six);
        let [there, back] = surfels_of_arrays(p, r, &grid);
        let [views, ..] = scored_by(&["all-of-it=1-"]);
        let scores = &views.scored.scores.structures[0];
        assert_eq!(distances.hd95(), scores.value(Metric::Hd95(Border::Six)));
        let farthest = [there, back].map(|side| side.distances_mm.last().copied().unwrap());
        assert!(farthest[0].max(farthest[1]) >= scores.value(Metric::Hd95Surfel));
        let nothing = Array3::zeros((6, 9, 20));
        assert_eq!(
            distances_of_arrays(p, nothing.view(), &grid, Border::Six),
            SurfaceDistances::default()
        );
        assert_eq!(
            surfels_of_arrays(nothing.view(), nothing.view(), &grid),
            <[SurfelDistances; 2]>::default()
        );
    }

    #[test]
    fn other_shapes_and_other_places_are_refused() {
        let (maps, grid) = maps();
        let mut moved = grid.clone();
        moved.affine[0][3] = 5.0;
        let options = StructureOptions::default();
        let score = |p, r| score_arrays(&pair(), p, r, &options, &Options::default());
        let error = score(
            LabelArray::Bytes(maps[0].view(), grid.clone()),
            LabelArray::Bytes(maps[1].view(), moved),
        );
        assert!(
            error
                .unwrap_err()
                .to_string()
                .starts_with("pred: places its voxels up to 5.00 mm")
        );
        let part = maps[0].slice(s![..5, .., ..]);
        let smaller = Geometry::axis_aligned([5, 9, 20], grid.spacing_mm);
        let error = score(
            LabelArray::Bytes(part, smaller),
            LabelArray::Bytes(maps[1].view(), grid),
        );
        assert!(
            error
                .unwrap_err()
                .to_string()
                .starts_with("pred: has 20 x 9 x 5 voxels")
        );
    }
}
