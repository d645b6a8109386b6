//! Columns by the definitions of other tools against the numbers of those tools (tests/data/structures).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hdbench_score::{
    CasePair, CaseScores, Definition, Label, LabelSet, Metric, OnEmpty, Options, ScoredStructure,
    Source, StructureOptions, StructureScores, Tolerance, ToolCall, VoxelTolerance,
    score_case_with, score_structures,
};
use hdbench_volume::{Geometry, read_labels};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/structures")
}

fn rows(tool: &str) -> Vec<Value> {
    let path = folder().join("expected").join(format!("{tool}.json"));
    let parsed: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    parsed["rows"].as_array().unwrap().clone()
}

fn map_of(case: &str, name: &str) -> PathBuf {
    folder().join("pairs").join(case).join(name)
}

/// The values of a structure as the golden files name it.
fn values_of(case: &str, name: &str) -> LabelSet {
    let values: &[u16] = match name.to_lowercase().as_str() {
        "et" => &[3],
        "tc" | "core" => &[1, 3],
        "wt" | "whole_tumor" | "kidney_and_mass" => &[1, 2, 3],
        "rc" => &[4],
        "gtv" => &[1],
        "mass" => &[2, 3],
        "tumor" => &[2],
        "any" | "vertebra" | "ungrouped" => return LabelSet::AtLeast(1),
        other => {
            let other = other.trim_start_matches("organ");
            let value = other.parse();
            return LabelSet::of([value.unwrap_or_else(|_| panic!("{case} {other}"))]);
        }
    };
    LabelSet::of(values.iter().copied())
}

/// A number of a tool, and the column that has to equal it.
struct Golden {
    tool: Definition,
    /// `expected/<file>.json`.
    file: &'static str,
    /// Of its rows.
    call: &'static str,
    /// In the values of a row; below it the place in a list.
    key: &'static str,
    at: Option<usize>,
    column: &'static str,
}

const fn golden(
    tool: Definition,
    file: &'static str,
    call: &'static str,
    pairs: &'static [(&'static str, &'static str)],
) -> (
    Definition,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
) {
    (tool, file, call, pairs)
}

/// Every number of a distance or of an overlap of surfaces, by tool, file and call: key and column. What a structure
/// is named by in the key is put in its place.
fn table() -> Vec<Golden> {
    use Definition::{
        Brats2023, MedPy, MetricsReloaded, Mist, Monai, NnUnet, Panoptica, SimpleItk,
        SurfaceDistance,
    };
    let listed = [
        golden(
            MedPy,
            "medpy",
            "connectivity 1",
            &[
                ("hd", "msd_6n"),
                ("hd95", "hd95_6n"),
                ("asd", "asd_pred_to_ref_6n"),
                ("assd", "assd_6n"),
            ],
        ),
        golden(
            MedPy,
            "medpy",
            "connectivity 2",
            &[
                ("hd", "msd"),
                ("hd95", "hd95"),
                ("asd", "asd_pred_to_ref_18n"),
                ("assd", "assd"),
            ],
        ),
        golden(
            MedPy,
            "medpy",
            "connectivity 3",
            &[
                ("hd", "msd_26n"),
                ("hd95", "hd95_26n"),
                ("asd", "asd_pred_to_ref_26n"),
                ("assd", "assd_26n"),
            ],
        ),
        golden(
            MedPy,
            "medpy",
            "unit spacing",
            &[
                ("hd", "msd_6n_voxels"),
                ("hd95", "hd95_6n_voxels"),
                ("asd", "asd_pred_to_ref_6n_voxels"),
                ("assd", "assd_6n_voxels"),
            ],
        ),
        golden(
            Monai,
            "monai",
            "all",
            &[
                ("hd", "msd_6n"),
                ("hd95", "hd95_max_6n"),
                ("hd95_directed", "hd95_pred_to_ref_6n"),
                ("asd", "asd_pred_to_ref_6n"),
                ("assd", "assd_6n"),
                ("nsd_1", "nsd_6n_1mm"),
                ("nsd_2", "nsd_6n_2mm"),
                ("nsd_1_subvoxels", "nsd_1mm"),
            ],
        ),
        golden(
            Monai,
            "monai",
            "unit spacing",
            &[
                ("hd", "msd_6n_voxels"),
                ("hd95", "hd95_max_6n_voxels"),
                ("hd95_directed", "hd95_pred_to_ref_6n_voxels"),
                ("asd", "asd_pred_to_ref_6n_voxels"),
                ("assd", "assd_6n_voxels"),
                ("nsd_1", "nsd_6n_1voxels"),
                ("nsd_2", "nsd_6n_2voxels"),
                ("nsd_1_subvoxels", "nsd_1voxels"),
            ],
        ),
        golden(
            SimpleItk,
            "simpleitk",
            "hausdorff",
            &[
                ("HausdorffDistance", "hd_simpleitk"),
                ("AverageHausdorffDistance", "ahd_simpleitk"),
            ],
        ),
        golden(
            SurfaceDistance,
            "surface_distance",
            "all",
            &[
                (
                    "compute_average_surface_distance/0",
                    "asd_ref_to_pred_surfel",
                ),
                (
                    "compute_average_surface_distance/1",
                    "asd_pred_to_ref_surfel",
                ),
                ("compute_robust_hausdorff 95", "hd95_surfel"),
                ("compute_robust_hausdorff 100", "msd_surfel"),
                (
                    "compute_surface_overlap_at_tolerance 1.0/0",
                    "surface_overlap_ref_1mm",
                ),
                (
                    "compute_surface_overlap_at_tolerance 1.0/1",
                    "surface_overlap_pred_1mm",
                ),
                (
                    "compute_surface_overlap_at_tolerance 2.0/0",
                    "surface_overlap_ref_2mm",
                ),
                (
                    "compute_surface_overlap_at_tolerance 2.0/1",
                    "surface_overlap_pred_2mm",
                ),
                ("compute_surface_dice_at_tolerance 1.0", "nsd_1mm"),
                ("compute_surface_dice_at_tolerance 2.0", "nsd_2mm"),
            ],
        ),
        golden(
            MetricsReloaded,
            "metrics_reloaded",
            "all",
            &[
                ("assd", "assd_6n"),
                ("masd", "masd_6n"),
                ("hd", "msd_6n"),
                ("hd_perc", "hd95_max_6n"),
                ("nsd", "nsd_6n_1mm"),
                ("boundary_iou", "boundary_iou_1.5voxels"),
            ],
        ),
        golden(
            NnUnet,
            "nnunet",
            "organs",
            &[("Dice", "dice"), ("IoU", "jaccard")],
        ),
        // Values are the instances there, and each map has one.
        golden(
            Panoptica,
            "panoptica",
            "values_iou",
            &[
                ("sq_assd", "masd_6n"),
                ("sq_hd", "msd_6n"),
                ("sq_hd95", "hd95_6n"),
                ("sq_nsd", "nsd_panoptica"),
            ],
        ),
        golden(
            Panoptica,
            "panoptica",
            "organs_single",
            &[
                ("sq_hd95", "hd95_6n"),
                ("sq_nsd", "nsd_panoptica"),
                ("global_bin_hd95", "hd95_6n_voxels"),
                ("global_bin_nsd", "nsd_panoptica_voxels"),
            ],
        ),
        golden(
            Panoptica,
            "panoptica",
            "components26_iou",
            &[
                ("global_bin_assd", "masd_6n_voxels"),
                ("global_bin_hd", "msd_6n_voxels"),
                ("global_bin_hd95", "hd95_6n_voxels"),
                ("global_bin_nsd", "nsd_panoptica_voxels"),
            ],
        ),
        golden(
            Panoptica,
            "panoptica",
            "components6_iou",
            &[
                ("global_bin_assd", "masd_6n_voxels"),
                ("global_bin_hd", "msd_6n_voxels"),
                ("global_bin_hd95", "hd95_6n_voxels"),
                ("global_bin_nsd", "nsd_panoptica_voxels"),
            ],
        ),
        golden(
            Mist,
            "mist",
            "evaluate",
            &[
                ("et_haus95", "hd95_surfel"),
                ("et_surf_dice", "nsd_1mm"),
                ("et_avg_surf", "assd_surfel"),
                ("whole_tumor_haus95", "hd95_surfel"),
                ("whole_tumor_surf_dice", "nsd_2mm"),
            ],
        ),
        golden(
            Brats2023,
            "brats_2023",
            "BraTS-GLI",
            &[("Legacy_HD95", "hd95_surfel")],
        ),
        golden(
            Brats2023,
            "brats_2023",
            "BraTS-MEN",
            &[("Legacy_HD95", "hd95_surfel")],
        ),
        golden(
            Brats2023,
            "brats_2023",
            "BraTS-MET",
            &[("Legacy_HD95", "hd95_surfel")],
        ),
    ];
    let listed = listed.into_iter();
    let each = listed.flat_map(|(tool, file, call, pairs)| {
        pairs.iter().map(move |&(key, column)| {
            let (key, at) = match key.split_once('/') {
                Some((key, at)) => (key, at.parse().ok()),
                None => (key, None),
            };
            Golden {
                tool,
                file,
                call,
                key,
                at,
                column,
            }
        })
    });
    each.collect()
}

/// The call of a tool's table that a golden number is of.
fn call_of(golden: &Golden) -> &'static ToolCall {
    let [mm, voxels] = [[1.0, 2.0], [1.0, 2.0]];
    let mm: Vec<Tolerance> = mm.into_iter().filter_map(Tolerance::from_mm).collect();
    let voxels = voxels.into_iter().chain([1.5]);
    let voxels: Vec<VoxelTolerance> = voxels.filter_map(VoxelTolerance::from_voxels).collect();
    let metric = Metric::named(golden.column).unwrap();
    let has = |call: &&ToolCall| call.column.metrics(&mm, &voxels).contains(&metric);
    let call = golden.tool.calls().find(has);
    call.unwrap_or_else(|| panic!("{:?} has no call of {}", golden.tool, golden.column))
}

/// A number, the words of one that JSON has not, or `None` for an exception.
fn number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some(text) => text.parse().ok(),
        None => value.as_f64(),
    }
}

/// What is scored of every pair: each structure with every column, read as it is or with the spacing of x and z
/// changed places.
#[derive(Default)]
struct Scores {
    found: BTreeMap<(String, String, bool), StructureScores>,
}

impl Scores {
    fn of(&mut self, case: &str, name: &str, is_swapped: bool) -> &StructureScores {
        let key = (case.to_owned(), name.to_owned(), is_swapped);
        self.found.entry(key).or_insert_with(|| {
            let columns: BTreeSet<&str> = table().iter().map(|golden| golden.column).collect();
            let metrics = columns.into_iter().map(|name| Metric::named(name).unwrap());
            let label = Label::new(name);
            let structure = ScoredStructure {
                metrics: Some(metrics.collect()),
                ..ScoredStructure::new(label, values_of(case, name))
            };
            let options = Options {
                structures: vec![structure],
                ..Options::default()
            };
            let scores = match is_swapped {
                true => swapped(case, &options),
                false => scored(case, &options),
            };
            scores[label].clone()
        })
    }
}

fn scored(case: &str, options: &Options) -> CaseScores {
    let file = |name: &str| Source::File(map_of(case, name));
    let pair = CasePair {
        case: case.into(),
        prediction: file("pred.nii.gz"),
        reference: file("ref.nii.gz"),
    };
    let found = score_structures(&pair, &StructureOptions::default(), options);
    found.unwrap().scored.scores
}

/// As panoptica reads files by SimpleITK: axes z, y, x with the spacing of x, y, z.
fn swapped(case: &str, options: &Options) -> CaseScores {
    let [prediction, reference] =
        ["pred.nii.gz", "ref.nii.gz"].map(|name| read_labels(&map_of(case, name)).unwrap());
    let [z, y, x] = reference.geometry.spacing_mm;
    let geometry = Geometry::axis_aligned(reference.geometry.shape, [x, y, z]);
    score_case_with(&prediction.voxels, &reference.voxels, &geometry, options).unwrap()
}

/// Of MONAI's numbers: it measures, sums and divides in 32 bits. Its 95th percentile takes the rank by 0.95 in 32
/// bits too, and is no farther from the larger directed one here than that, so it has no column of its own.
const SINGLE: f64 = 1e-6;
const DOUBLE: f64 = 1e-9;

/// Where a tool gives something for empty masks that the column's raw value is not: columns of `strict`, whose raw
/// values are older, columns that two tools share, and what is a rule of MIST's or of the challenge.
const OTHER_ON_EMPTY: [(Definition, &str); 14] = [
    (Definition::Monai, "msd_6n"),
    (Definition::Monai, "assd_6n"),
    (Definition::Monai, "nsd_1mm"),
    (Definition::SurfaceDistance, "hd95_surfel"),
    (Definition::SurfaceDistance, "nsd_1mm"),
    (Definition::MetricsReloaded, "assd_6n"),
    (Definition::MetricsReloaded, "masd_6n"),
    (Definition::MetricsReloaded, "msd_6n"),
    (Definition::MetricsReloaded, "hd95_max_6n"),
    (Definition::MetricsReloaded, "nsd_6n_1mm"),
    (Definition::Mist, "hd95_surfel"),
    (Definition::Mist, "nsd_1mm"),
    (Definition::Mist, "assd_surfel"),
    (Definition::Brats2023, "hd95_surfel"),
];

#[test]
fn every_column_is_what_its_tool_gives() {
    let mut scores = Scores::default();
    let mut compared: BTreeMap<(Definition, &str), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for golden in table() {
        let call = call_of(&golden);
        for row in rows(golden.file) {
            let Some(case) = row["case"].as_str() else {
                continue;
            };
            // Means over cases are rows as well.
            let is_pair = map_of(case, "ref.nii.gz").is_file();
            if row["call"] != golden.call || !is_pair || is_several(&golden, case) {
                continue;
            }
            let Some(values) = row["values"].get(golden.key).or(golden.refusal(&row)) else {
                continue;
            };
            let value = golden.at.map_or(values, |at| &values[at]);
            let name = golden.structure(&row);
            let ours = scores.of(case, &name, golden.is_swapped());
            let raw = ours
                .metric_value(Metric::named(golden.column).unwrap())
                .unwrap()
                .raw;
            let what = format!("{:?} {} {case} {name}", golden.tool, golden.column);
            let counts = ours.counts;
            if golden.is_without_overlap() && counts.intersection == 0 {
                continue;
            }
            if counts.prediction == 0 || counts.reference == 0 {
                let at = match (counts.prediction, counts.reference) {
                    (0, 0) => 0,
                    (_, 0) => 1,
                    _ => 2,
                };
                check_empty(call.empty[at], value, &golden, raw, case, &what);
            } else {
                let expected = number(value).unwrap_or_else(|| panic!("{what}: {value}"));
                let within = match golden.tool {
                    Definition::Monai => SINGLE,
                    _ => DOUBLE,
                };
                if (raw - expected).abs() > within * expected.abs().max(1.0) || raw.is_nan() {
                    wrong.push(format!("{what}: {raw} for {expected}"));
                }
                *compared.entry((golden.tool, golden.column)).or_default() += 1;
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for golden in table() {
        let count = compared.get(&(golden.tool, golden.column)).copied();
        assert!(count > Some(0), "{:?} {}", golden.tool, golden.column);
    }
    let all: usize = compared.values().sum();
    assert!(all > 1500, "{all}");
}

/// Several instances, whose mean the number is.
fn is_several(golden: &Golden, case: &str) -> bool {
    golden.call == "values_iou" && case != "instances_connectivity"
}

/// What the table says of empty masks is what the tool gave, and the raw value is that too where it can be.
fn check_empty(said: OnEmpty, value: &Value, golden: &Golden, raw: f64, case: &str, what: &str) {
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-9;
    let given = number(value);
    match said {
        OnEmpty::Configured => return,
        // A refusal is no value.
        OnEmpty::Error => return assert_eq!(given, None, "{what}"),
        OnEmpty::Diagonal => {
            let geometry = read_labels(&map_of(case, "ref.nii.gz")).unwrap().geometry;
            let sides = geometry.shape.into_iter().zip(geometry.spacing_mm);
            let squares: f64 = sides.map(|(n, mm)| (n as f64 * mm).powi(2)).sum();
            assert!(same(given.unwrap(), squares.sqrt()), "{what}: {given:?}");
        }
        OnEmpty::Value(value) => assert!(same(given.unwrap(), value), "{what}: {given:?}"),
    }
    let column = golden.column;
    let is_other = |other: &(Definition, &str)| {
        let stem = |name: &str| {
            name.trim_end_matches("_2mm")
                .trim_end_matches("_1mm")
                .to_owned()
        };
        other.0 == golden.tool && stem(other.1) == stem(column)
    };
    if !OTHER_ON_EMPTY.iter().any(is_other) {
        let expected = given.unwrap_or(f64::NAN);
        assert!(
            same(raw, expected),
            "{what}: raw {raw}, the tool gives {expected}"
        );
    }
}

impl Golden {
    /// Whose name the row or the key has.
    fn structure(&self, row: &Value) -> String {
        match (self.file, self.key.strip_prefix("whole_tumor_")) {
            ("mist", Some(_)) => "whole_tumor".into(),
            ("mist", None) => "et".into(),
            _ => row["structure"].as_str().unwrap_or("any").into(),
        }
    }

    /// An exception instead of all values.
    fn refusal<'a>(&self, row: &'a Value) -> Option<&'a Value> {
        let values = &row["values"];
        (values.get("error").is_some() && self.tool == Definition::SimpleItk).then_some(values)
    }

    /// Instances of files that SimpleITK read. What is in voxels does not know.
    fn is_swapped(&self) -> bool {
        self.tool == Definition::Panoptica && self.key.starts_with("sq_")
    }

    /// Its global metrics are what the configuration says where no voxel is in common.
    fn is_without_overlap(&self) -> bool {
        self.tool == Definition::Panoptica && self.key.starts_with("global_")
    }
}

#[test]
fn every_call_of_the_table_is_compared() {
    let compared: BTreeSet<*const ToolCall> = table()
        .iter()
        .map(|own| std::ptr::from_ref(call_of(own)))
        .collect();
    for tool in Definition::ALL {
        // The golden numbers of boundary IoU are at 1.5 voxels: the same formula as at its default.
        for call in tool.calls().filter(|call| call.call != "boundary_iou") {
            let is_compared = compared.contains(&std::ptr::from_ref(call));
            assert!(is_compared, "{}", call.call);
        }
    }
}

#[test]
fn definitions_are_columns_after_the_others() {
    let usual = Options::default();
    let asked = Options {
        definitions: vec![Definition::MedPy, Definition::Monai],
        ..Options::default()
    };
    let (usual, asked) = (usual.metrics(), asked.metrics());
    assert_eq!(asked[..usual.len()], usual[..]);
    let names: Vec<_> = asked[usual.len()..]
        .iter()
        .map(|metric| metric.name())
        .collect();
    assert_eq!(names[0], "asd_pred_to_ref_6n");
    assert!(names.contains(&"nsd_6n_2mm".into()));
    let once: BTreeSet<_> = asked.iter().collect();
    assert_eq!(once.len(), asked.len());
    let own = ScoredStructure {
        metrics: Some(vec![Metric::Dice]),
        ..ScoredStructure::new(Label::new("1"), LabelSet::of([1]))
    };
    let options = Options {
        definitions: Definition::ALL.to_vec(),
        structures: vec![own.clone()],
        ..Options::default()
    };
    let metrics = options.metrics_of(&own);
    assert_eq!(metrics[0], Metric::Dice);
    let scores = scored("organs", &options);
    let values: Vec<_> = scores[Label::new("1")].metric_values().collect();
    assert_eq!(values.len(), metrics.len());
    for (metric, value) in values {
        assert!(value.value.is_finite(), "{metric:?}");
    }
}
