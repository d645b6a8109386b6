use std::collections::HashMap;

use hdbench_ground::error::Result;
use hdbench_volume::Geometry;
use hdbench_volume::components::Connectivity;
use serde::Serialize;

use super::criterion::Criterion;
use super::diameter::AxialGrid;
use super::masks::Masks;
use super::options::Options;
use crate::metrics::detection::{Detection, Groups, Overlaps};
use crate::metrics::regions::{Regions, Shared, shared};

/// Whose lesion it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LesionSide {
    /// In the reference: found or missed.
    Reference,
    /// In the prediction: right, or a false alarm.
    Prediction,
}

/// One lesion: a connected component, by the 6-neighbourhood unless its structure says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesion {
    /// Whose it is.
    pub side: LesionSide,
    /// Its number among the lesions of its side, from 1 in raster order.
    pub lesion: u32,
    /// Number of voxels.
    pub voxels: u64,
    /// mL.
    pub volume_ml: f64,
    /// Diameter of the ball of its volume, mm.
    pub equivalent_diameter_mm: f64,
    /// Largest distance between outer corners of its voxels within one axial slice, mm.
    pub longest_axial_diameter_mm: f64,
    /// Voxels it shares with any lesion of the other side.
    pub overlap_voxels: u64,
    /// Largest intersection over union with one lesion of the other side, 0..=1.
    pub best_iou: f64,
    /// Numbers of the lesions of the other side that it is matched with (appendix C).
    pub matched: Vec<u32>,
    /// How many lesions of its own side are matched together with it, itself included; 0 if it is
    /// not matched.
    pub merged: u32,
    /// Intersection over union of all that is matched together, 0..=1; 0 if it is not matched.
    pub iou: f64,
    /// Dice of all that is matched together, 0..=1; 0 if it is not matched.
    pub dice: f64,
    /// Whether it is matched, at whatever `iou`.
    pub detected: bool,
}

/// Every lesion of a case, those of the reference first, and how many count as found.
#[derive(Default)]
pub(super) struct Lesions {
    pub(super) list: LesionList,
    pub(super) detection: Vec<(Criterion, Detection)>,
}

/// Finds, measures and matches the lesions of two masks of one box.
///
/// # Errors
/// `Error::Interrupted` once the options' stop is asked.
pub(super) fn lesions_of(
    masks: &Masks,
    connectivity: Connectivity,
    geometry: &Geometry,
    options: &Options,
) -> Result<Lesions> {
    let (prediction, reference) = rayon::join(
        || Regions::of(&masks.prediction, connectivity),
        || Regions::of(&masks.reference, connectivity),
    );
    options.stop.check()?;
    let shared = shared(&prediction, &reference);
    let grid = AxialGrid::of(geometry);
    // Of a side that is measured, the runs are gone before the other one is.
    let mut reference = SideTable::measured(reference, &grid);
    let mut prediction = SideTable::measured(prediction, &grid);
    compare(&mut reference, &mut prediction, &shared);
    let overlaps = Overlaps {
        prediction: std::mem::take(&mut prediction.voxels),
        reference: std::mem::take(&mut reference.voxels),
        shared,
    };
    let criteria = Criterion::all(options);
    // These need the pairs; for the groups they are gone.
    let one_to_one = criteria.iter().find_map(|criterion| match criterion {
        Criterion::OneToOne(iou) => Some(overlaps.one_to_one(*iou).count(|_| true)),
        Criterion::IouAbove(_) => None,
    });
    let one_to_one = one_to_one.unwrap_or_default();
    let groups;
    (groups, [prediction.voxels, reference.voxels]) = overlaps.into_merged();
    let found = |criterion| match criterion {
        Criterion::IouAbove(iou) => groups.count(|group| group.iou() > iou),
        Criterion::OneToOne(_) => one_to_one,
    };
    let detection = criteria
        .into_iter()
        .map(|criterion| (criterion, found(criterion)))
        .collect();
    let list = LesionList {
        reference,
        prediction,
        groups,
        voxel_volume_ml: geometry.voxel_volume_ml(),
    };
    Ok(Lesions { list, detection })
}

/// What no lesion on either side counts as.
pub(super) fn no_lesions(options: &Options) -> Lesions {
    let none = |criterion| (criterion, Detection::default());
    Lesions {
        list: LesionList::default(),
        detection: Criterion::all(options).into_iter().map(none).collect(),
    }
}

/// All lesions of a case: of a noise of voxels there may be millions, so that a lesion is put together
/// from columns when it is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LesionList {
    reference: SideTable,
    prediction: SideTable,
    groups: Groups,
    voxel_volume_ml: f64,
}

/// The lesions of one side, each at its number - 1.
#[derive(Clone, Debug, Default, PartialEq)]
struct SideTable {
    voxels: Vec<u32>,
    longest_axial_diameter_mm: Repeated,
    overlap_voxels: Vec<u32>,
    best_iou: Repeated,
}

/// Numbers of which many are the same: small lesions have few shapes.
#[derive(Clone, Debug, Default, PartialEq)]
struct Repeated {
    values: Vec<f64>,
    places: Vec<u32>,
}

impl Repeated {
    fn new(all: Vec<f64>) -> Self {
        let mut known = HashMap::new();
        let mut values = Vec::new();
        let mut places = Vec::with_capacity(all.len());
        for value in all {
            let place = *known.entry(value.to_bits()).or_insert_with(|| {
                values.push(value);
                values.len() as u32 - 1
            });
            places.push(place);
        }
        Self { values, places }
    }

    fn get(&self, at: usize) -> f64 {
        self.values[self.places[at] as usize]
    }
}

impl SideTable {
    fn measured(regions: Regions, grid: &AxialGrid) -> Self {
        let diameters = regions.measure(|runs| grid.longest_diameter_mm(runs));
        let voxels = regions.into_sizes();
        Self {
            longest_axial_diameter_mm: Repeated::new(diameters),
            overlap_voxels: vec![0; voxels.len()],
            best_iou: Repeated::default(),
            voxels,
        }
    }
}

impl LesionList {
    /// How many, of both sides.
    pub fn len(&self) -> usize {
        self.reference.voxels.len() + self.prediction.voxels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every reference lesion, then every predicted one.
    pub fn iter(&self) -> impl Iterator<Item = Lesion> + '_ {
        let of = |side: LesionSide, table: &SideTable| {
            (0..table.voxels.len()).map(move |at| self.lesion(side, at))
        };
        of(LesionSide::Reference, &self.reference)
            .chain(of(LesionSide::Prediction, &self.prediction))
    }

    fn lesion(&self, side: LesionSide, at: usize) -> Lesion {
        let id = at as u32 + 1;
        let (table, group) = match side {
            LesionSide::Reference => (&self.reference, self.groups.of_reference(id)),
            LesionSide::Prediction => (&self.prediction, self.groups.of_prediction(id)),
        };
        let (own, other): (&[u32], &[u32]) = match (side, group) {
            (_, None) => (&[], &[]),
            (LesionSide::Reference, Some(group)) => (group.reference, group.prediction),
            (LesionSide::Prediction, Some(group)) => (group.prediction, group.reference),
        };
        let volume_ml = f64::from(table.voxels[at]) * self.voxel_volume_ml;
        Lesion {
            side,
            lesion: id,
            voxels: table.voxels[at].into(),
            volume_ml,
            equivalent_diameter_mm: (6.0 * volume_ml * 1000.0 / std::f64::consts::PI).cbrt(),
            longest_axial_diameter_mm: table.longest_axial_diameter_mm.get(at),
            overlap_voxels: table.overlap_voxels[at].into(),
            best_iou: table.best_iou.get(at),
            matched: other.to_vec(),
            merged: own.len() as u32,
            iou: group.map_or(0.0, |group| group.iou()),
            dice: group.map_or(0.0, |group| group.dice()),
            detected: group.is_some(),
        }
    }
}

/// Writes into the lesions what the other side has in their place.
fn compare(reference: &mut SideTable, prediction: &mut SideTable, shared: &[Shared]) {
    let none = |table: &SideTable| vec![0.0_f64; table.voxels.len()];
    let (mut best_r, mut best_p) = (none(reference), none(prediction));
    for pair in shared {
        let (r, p) = (pair.reference as usize - 1, pair.prediction as usize - 1);
        let union = u64::from(reference.voxels[r]) + u64::from(prediction.voxels[p])
            - u64::from(pair.voxels);
        let iou = f64::from(pair.voxels) / union as f64;
        reference.overlap_voxels[r] += pair.voxels;
        prediction.overlap_voxels[p] += pair.voxels;
        best_r[r] = best_r[r].max(iou);
        best_p[p] = best_p[p].max(iou);
    }
    reference.best_iou = Repeated::new(best_r);
    prediction.best_iou = Repeated::new(best_p);
}
