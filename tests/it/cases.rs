//! Inputs that other tools went wrong on, each with its right numbers (tests/data/cases; the letters are those
//! of the list that they came from).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hdbench::evaluation::{MetricRow, read_metrics_long};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/cases")
        .join(name)
}

fn hdbench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command.args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The scores of a pair, and what was said.
fn scored(pred: &Path, reference: &Path, more: &[&str]) -> (Vec<MetricRow>, String) {
    let out = tempfile::tempdir().unwrap();
    let mut arguments = vec![
        "evaluate",
        "--pred",
        text(pred),
        "--ref",
        text(reference),
        "--out",
        text(out.path()),
    ];
    arguments.extend(more);
    let output = hdbench(&arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    let tidy = out.path().join("metrics_long.csv");
    match tidy.is_file() {
        true => (read_metrics_long(&tidy).unwrap(), said),
        false => (Vec::new(), said),
    }
}

fn of(name: &str, more: &[&str]) -> (Vec<MetricRow>, String) {
    let folder = case(name);
    scored(
        &folder.join("pred.nii.gz"),
        &folder.join("ref.nii.gz"),
        more,
    )
}

#[track_caller]
fn has(rows: &[MetricRow], label: &str, metric: &str, expected: f64) {
    let is = |row: &&MetricRow| {
        row.case != "_all"
            && row.metric == metric
            && row.label.map_or("", |label| label.name()) == label
    };
    let found = rows.iter().find(is).map(|row| row.value);
    let close = found.is_some_and(|value| (value - expected).abs() <= 5e-4);
    assert!(close, "{label} {metric}: {found:?}, expected {expected}");
}

/// Zero bytes after the gzip stream.
#[test]
fn e01_a_padded_gzip_file_is_whole() {
    let (rows, _) = of("E01", &[]);
    has(&rows, "liver", "dice", 0.9171);
    has(&rows, "liver", "volume_ref_ml", 1.9754);
}

#[test]
fn e06_a_sound_sform_needs_no_pixdim() {
    let (rows, said) = of("E06", &[]);
    has(&rows, "liver", "volume_ref_ml", 1.9754);
    has(&rows, "liver", "hd95", 0.8);
    assert!(
        said.contains("pixdim[2] is -0.7") && said.contains("the sform counts"),
        "{said}"
    );
}

#[test]
fn e07_and_e22_say_what_the_sizes_rest_on() {
    let (_, said) = of("E07", &[]);
    assert!(said.contains("the sform has voxels of 1.0000"), "{said}");
    let (rows, said) = of("E22", &[]);
    has(&rows, "liver", "dice", 0.9171);
    assert!(said.contains("counts in metres"), "{said}");
    assert!(
        said.contains("the unit of the header is likely wrong"),
        "{said}"
    );
}

/// An oblique affine that went through a quaternion: 2 % of a voxel off.
#[test]
fn e09_a_share_of_a_voxel_is_no_other_place() {
    let (rows, said) = of("E09", &[]);
    has(&rows, "liver", "dice", 0.9916);
    assert!(!said.contains("apart"), "{said}");
}

#[test]
fn e13_a_mask_of_255_gets_a_hint_that_works() {
    let (rows, said) = of("E13", &[]);
    assert!(rows.is_empty(), "{said}");
    let map = said.split("--label-map ").nth(1).unwrap();
    let map = map.split([' ', ';']).next().unwrap();
    assert!(map.ends_with("255=liver"), "{said}");
    let (rows, said) = of("E13", &["--label-map", map]);
    let dice = rows.iter().find(|row| row.metric == "dice").unwrap();
    assert!(dice.value > 0.9, "{} {said}", dice.value);
}

#[test]
fn e18_nothing_within_the_tolerance_is_0() {
    let (rows, _) = of("E18", &[]);
    let zero = rows
        .iter()
        .filter(|row| row.metric.starts_with("nsd_") && row.value == 0.0);
    assert!(zero.clone().count() > 0);
    let negative = |row: &MetricRow| row.value == 0.0 && row.value.is_sign_negative();
    assert!(!rows.iter().any(negative));
}

/// Surfaces of a picture are lines.
#[test]
fn e19_a_file_of_two_axes_is_scored_in_its_plane() {
    let (rows, _) = of("E19", &[]);
    has(&rows, "liver", "assd", 1.443);
    has(&rows, "liver", "assd_6n", 1.515);
    has(&rows, "liver", "nsd_1mm", 0.376);
    let folder = case("E19");
    let (rows, said) = scored(
        &folder.join("pred3.nii.gz"),
        &folder.join("ref3.nii.gz"),
        &[],
    );
    has(&rows, "liver", "assd", 0.187);
    assert!(said.contains("a volume of one slice"), "{said}");
}

/// A tilted gantry: 25 degrees.
#[test]
fn e21b_a_sheared_grid_is_measured_in_millimetres() {
    let (rows, _) = of("E21b", &[]);
    has(&rows, "liver", "volume_ref_ml", 1.9754);
    has(&rows, "liver", "hd95", 2.511);
    has(&rows, "liver", "msd", 3.119);
}

#[test]
fn p01_one_name_in_two_spellings_is_one_case() {
    let folder = case("P01");
    let (rows, said) = scored(&folder.join("pred"), &folder.join("ref"), &[]);
    let cases: std::collections::BTreeSet<&str> = rows
        .iter()
        .map(|row| row.case.as_str())
        .filter(|case| *case != "_all")
        .collect();
    assert_eq!(cases.len(), 2, "{said}");
}

/// A tumour under a name of its own.
#[test]
fn p17_a_tumour_by_another_name_is_a_tumour() {
    let folder = case("P17");
    let reference = folder.join("set/labelsTr/liver_1.nii.gz");
    let (rows, said) = scored(&folder.join("pred.nii.gz"), &reference, &[]);
    has(&rows, "liver", "dice", 0.9171);
    assert!(said.contains("2=tumour"), "{said}");
}

/// What a label map does not know was neither there nor found: it has no score.
#[test]
fn a_label_that_no_map_declares_is_not_scored() {
    let dir = tempfile::tempdir().unwrap();
    let unpacked = |name: &str| {
        let mut bytes: Vec<u8> = Vec::new();
        let path = case("E01").join(name);
        let mut file = hdbench::artifact::MaybeGzip::open(&path).unwrap();
        let mut buffer = vec![0; 1 << 20];
        let read = file.fill(&mut buffer).unwrap();
        bytes.extend(&buffer[..read]);
        // Without tumours: their voxels are liver.
        let voxels = &mut bytes[352..];
        voxels.iter_mut().for_each(|label| *label = (*label).min(1));
        let out = dir.path().join(name.replace(".gz", ""));
        std::fs::write(&out, bytes).unwrap();
        out
    };
    let (pred, reference) = (unpacked("pred.nii.gz"), unpacked("ref.nii.gz"));
    let (rows, said) = scored(&pred, &reference, &["--label-map", "1=liver"]);
    has(&rows, "liver", "dice", 0.9171);
    let others: Vec<&MetricRow> = rows
        .iter()
        .filter(|row| row.label.is_none_or(|label| label.name() != "liver"))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(said.contains("lesion is not scored"), "{said}");
    let (rows, said) = scored(&pred, &reference, &["--label-map", "1=background"]);
    assert!(rows.is_empty() && said.contains("hint:"), "{said}");
}

fn analysed(paths: &[PathBuf], more: &[&str]) -> (serde_json::Value, String, Option<i32>) {
    let mut arguments = vec!["analyze", "--json"];
    arguments.extend(paths.iter().map(|path| text(path)));
    arguments.extend(more);
    let output = hdbench(&arguments);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = String::from_utf8(output.stderr).unwrap();
    (json, said, output.status.code())
}

/// Fractions that are equal as fractions are ties, whatever their floats say: all 128 signs are counted.
#[test]
fn s02b_equal_fractions_are_ties() {
    let table = |side: &str| case("S02b").join(side).join("metrics_long.csv");
    let metric = "lesion:detection_recall_iou_gt_0";
    let (json, ..) = analysed(&[table("a"), table("b")], &["--metric", metric]);
    let p = json["comparisons"][0]["p"].as_f64().unwrap();
    assert!((p - 0.078_125).abs() < 1e-12, "{json}");
}

#[test]
fn s05_the_summary_of_nnunet_v1_is_read() {
    let (json, said, code) = analysed(&[case("S05/v1/summary.json")], &[]);
    assert_eq!(code, Some(0), "{said}");
    let summaries = json["summaries"].as_array().unwrap();
    let lesion = summaries
        .iter()
        .find(|one| one["label"] == "lesion")
        .unwrap();
    assert_eq!(lesion["mean"], 0.8);
}

#[test]
fn s08_a_table_from_a_spreadsheet_is_named_for_what_it_is() {
    for (table, part) in [
        ("semi", "parted by semicolons"),
        ("comma", "parted by semicolons"),
        ("empty", "NaN where there is none"),
    ] {
        let path = case("S08").join(table).join("metrics_long.csv");
        let (_, said, code) = analysed(&[path], &[]);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(part), "{said}");
    }
    let (json, said, _) = analysed(&[case("S08/bom/metrics_long.csv")], &[]);
    assert_eq!(json["summaries"][0]["n"], 3, "{said}");
}

/// Tumour is label 1 there.
#[test]
fn s09_labels_of_a_summary_are_those_of_its_data_set() {
    let path = case("S09/Dataset9/fold_0/validation/summary.json");
    let (json, said, _) = analysed(&[path], &[]);
    let summaries = json["summaries"].as_array().unwrap();
    let lesion = summaries
        .iter()
        .find(|one| one["label"] == "lesion")
        .unwrap();
    assert!(
        (lesion["mean"].as_f64().unwrap() - 0.4).abs() < 1e-12,
        "{json}"
    );
    assert!(said.contains("1=tumour,2=liver"), "{said}");
}
