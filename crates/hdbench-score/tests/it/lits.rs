//! The profile `lits` against the official scorer's own numbers; see `tests/data/lits/README.md`.

use std::collections::BTreeMap;
use std::path::Path;

use hdbench_score::lits::{
    DetectionCounts, LitsCase, LitsDeath, LitsMap, LitsTotals, METRIC_NAMES, ObjectScores, PENALTY,
    read_lits_map, score_lits_case, scores_txt, write_scores_txt,
};
use hdbench_score::{Options, explain_lits, explain_strict, policy_table};
use hdbench_volume::{Geometry, Volume, write_image};
use ndarray::{Array3, s};
use proptest::prelude::*;
use rayon::prelude::*;
use serde_json::Value;

use super::golden::{self, number};

fn numbers(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/lits")
        .join(name);
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Every golden pair read and scored from its files, by name.
fn golden_cases() -> BTreeMap<String, Result<LitsCase, LitsDeath>> {
    golden::cases()
        .into_iter()
        .map(|case| {
            let prediction = read_lits_map(&case.prediction_file).unwrap();
            let reference = read_lits_map(&case.reference_file).unwrap();
            assert!(prediction.odd.is_empty() && reference.odd.is_empty());
            let [ours, theirs] = prediction.labels.windows(&reference.labels);
            let spacing_mm = reference.labels.geometry.stored_spacing_mm;
            let scored = score_lits_case(ours.view(), theirs.view(), spacing_mm.map(f64::from));
            (case.name, scored)
        })
        .collect()
}

fn counts(stats: &Value) -> DetectionCounts {
    let count = |name: &str| stats[name].as_i64().unwrap();
    DetectionCounts {
        true_positives: count("TP"),
        false_positives: count("FP"),
        false_negatives: count("FN"),
    }
}

#[track_caller]
fn assert_objects(found: &[ObjectScores], expected: &Value, what: &str) {
    for (i, name) in ["dice", "jaccard", "voe", "rvd", "assd", "rmsd", "msd"]
        .into_iter()
        .enumerate()
    {
        // The scorer keeps no list where nothing was detected.
        let expected = expected
            .get(name)
            .map_or(&[][..], |l| l.as_array().unwrap());
        assert_eq!(found.len(), expected.len(), "{what} {name}");
        for (object, expected) in found.iter().zip(expected) {
            let (named, value) = object.named()[i];
            assert_eq!(named, name);
            let expected = number(expected);
            let close = (value - expected).abs() <= 1e-9 * expected.abs();
            assert!(close, "{what} {name}: {value}, expected {expected}");
        }
    }
}

/// Compares everything the scorer keeps of a case.
#[track_caller]
fn assert_case(found: &LitsCase, expected: &Value, name: &str) {
    let stats = &expected["lesion_detection_stats"];
    assert_eq!(found.detection, counts(&stats["0.5"]), "{name}");
    assert_eq!(found.detection_greater_zero, counts(&stats["0"]), "{name}");
    assert_eq!(
        [found.predicted_lesions, found.reference_lesions].map(|n| n as u64),
        ["num_predicted", "num_reference"].map(|n| expected[n].as_u64().unwrap()),
        "{name}"
    );
    let lesions: Vec<ObjectScores> = found.lesions.iter().map(|l| l.scores).collect();
    assert_objects(&lesions, &expected["lesion_segmentation_scores"], name);
    if let (Some(ids), true) = (
        expected.get("detected_ids"),
        found.detection.true_positives > 0,
    ) {
        let values: Vec<u64> = found.lesions.iter().map(|l| l.value.into()).collect();
        assert_eq!(&serde_json::json!(values), ids, "{name}");
    }
    assert_objects(&[found.liver], &expected["liver_segmentation_scores"], name);
    for (label, dice, sums) in [
        ("lesion", found.lesion_dice, found.lesion_sums),
        ("liver", found.liver_dice, found.liver_sums),
    ] {
        let per_case = number(&expected["dice_per_case"][label][0]);
        assert_eq!(dice, per_case, "{name} {label}");
        let global = &expected["dice_global_x"][label];
        assert_eq!(
            [sums.intersection, sums.sizes],
            ["I", "S"].map(|sum| global[sum].as_u64().unwrap()),
            "{name} {label}"
        );
    }
    let metrics: BTreeMap<&str, f64> = found.metric_values().into_iter().collect();
    assert_eq!(metrics.len(), 16);
    assert_eq!(metrics["lesion_tp"], found.detection.true_positives as f64);
    assert_eq!(
        metrics["lesion_fn_greater_zero"],
        stats["0"]["FN"].as_f64().unwrap()
    );
    assert_eq!(metrics["liver_dice"], found.liver.dice);
    assert_eq!(metrics["liver_msd"], found.liver.msd);
    let burden = number(&expected["tumor_burden_list"][0]);
    assert_eq!(found.burden_difference, burden, "{name}");
}

#[test]
fn every_golden_case_scores_as_the_official_scorer_scores_it() {
    let official = numbers("official.json");
    let (mut compared, mut died) = (0, Vec::new());
    for (name, found) in golden_cases() {
        let expected = &official["cases"][&name];
        match found {
            Ok(found) => {
                assert_eq!(expected["status"], "ok", "{name}");
                assert_case(&found, expected, &name);
                compared += 1;
            }
            Err(death) => {
                assert_eq!(expected["exception"], "ZeroDivisionError", "{name}");
                assert_eq!(death, LitsDeath::NoReferenceLiver);
                assert!(death.to_string().contains("ZeroDivisionError"));
                died.push(name);
            }
        }
    }
    assert_eq!(compared, 19);
    assert_eq!(died, ["all_background", "no_liver_ref"]);
}

#[test]
fn single_golden_cases_and_groups_print_the_official_digits() {
    let official = numbers("official.json");
    let cases = golden_cases();
    let mut groups: Vec<(&Value, Vec<&str>)> = Vec::new();
    for (name, expected) in official["cases"].as_object().unwrap() {
        groups.push((expected, vec![name]));
    }
    for group in official["groups"].as_object().unwrap().values() {
        let members = group["members"].as_array().unwrap();
        groups.push((group, members.iter().map(|m| m.as_str().unwrap()).collect()));
    }
    let mut compared = 0;
    for (expected, members) in groups {
        let scored = members.iter().map(|&name| (name, cases[name].as_ref()));
        let scored: Result<Vec<_>, _> = scored.map(|(n, case)| case.map(|c| (n, c))).collect();
        let Ok(scored) = scored else {
            assert_eq!(expected["status"], "crash", "{members:?}");
            continue;
        };
        let totals = LitsTotals::of(scored).unwrap();
        let lines = scores_txt(&totals);
        let found: Vec<(&str, &str)> = lines
            .lines()
            .map(|line| line.split_once(": ").unwrap())
            .collect();
        assert_eq!(found.len(), 24);
        assert_eq!(expected["scores_txt"].as_object().unwrap().len(), 24);
        for (name, digits) in found {
            assert_eq!(expected["scores_txt"][name], digits, "{members:?} {name}");
        }
        compared += 1;
    }
    // 19 cases and 3 of the 4 groups: the fourth holds a reference without liver.
    assert_eq!(compared, 22);
}

/// A map of `random.json`: one character a voxel.
fn drawn(text: &Value, shape: [usize; 3]) -> Array3<i8> {
    let voxels = text.as_str().unwrap().bytes().map(|c| match c {
        b'n' => -1,
        digit => (digit - b'0') as i8,
    });
    Array3::from_shape_vec(shape, voxels.collect()).unwrap()
}

/// A pair of `random.json` with its numbers.
struct Pair {
    prediction: Array3<i8>,
    reference: Array3<i8>,
    spacing_mm: [f64; 3],
    expected: Value,
}

impl Pair {
    fn score(&self) -> LitsCase {
        let (prediction, reference) = (self.prediction.view(), self.reference.view());
        score_lits_case(prediction, reference, self.spacing_mm).unwrap()
    }
}

fn random_cases() -> Vec<Pair> {
    let random = numbers("random.json");
    let cases = random["cases"].as_array().unwrap();
    cases
        .iter()
        .map(|case| {
            let shape = serde_json::from_value(case["shape_zyx"].clone()).unwrap();
            let map = |name: &str| drawn(&case[name], shape);
            Pair {
                prediction: map("prediction"),
                reference: map("reference"),
                spacing_mm: serde_json::from_value(case["spacing_zyx_mm"].clone()).unwrap(),
                expected: case.clone(),
            }
        })
        .collect()
}

#[test]
fn random_cases_score_as_the_official_scorer_scores_them() {
    let cases = random_cases();
    assert_eq!(cases.len(), 48);
    let (mut fused, mut negative) = (0, 0);
    for (i, pair) in cases.iter().enumerate() {
        let found = pair.score();
        assert_case(&found, &pair.expected, &format!("random {i}"));
        fused += usize::from(found.reference_lesions > 255);
        negative += usize::from(found.detection.true_positives < 0);
    }
    assert!(fused >= 5 && negative >= 2, "{fused} {negative}");
}

#[test]
fn bytes_wrap_above_255_lesions() {
    // 300 lesions, each found exactly: the scorer's mask has no room for those above 255.
    let mut map = Array3::ones((3, 30, 40));
    for n in 0..300 {
        map[[1, 2 * (n % 15), 2 * (n / 15)]] = 2;
    }
    let case = score_lits_case(map.view(), map.view(), [1.0; 3]).unwrap();
    assert_eq!((case.predicted_lesions, case.reference_lesions), (300, 300));
    assert_eq!(case.detection_greater_zero.true_positives, 300);
    // Lesions 257 to 300 share the values of 1 to 44, whose unions double: neither is left. The
    // count loses 44 for them; 256 has value 0 and is counted without being scored.
    assert_eq!(case.detection.true_positives, 256);
    assert_eq!(case.lesions.len(), 255 - 44);
    assert!(
        case.lesions
            .iter()
            .all(|l| l.scores.dice == 1.0 && l.value > 44)
    );
}

#[test]
fn labels_above_two_are_liver_and_negative_ones_are_nothing() {
    let mut reference = Array3::<i8>::zeros((4, 6, 6));
    reference.slice_mut(s![1..3, 1..5, 1..5]).fill(1);
    reference[[1, 2, 2]] = 2;
    let mut prediction = reference.clone();
    prediction[[2, 2, 2]] = 3;
    prediction[[2, 3, 3]] = -1;
    let case = score_lits_case(prediction.view(), reference.view(), [1.0; 3]).unwrap();
    assert_eq!(case.liver_sums.sizes, 32 + 31);
    assert_eq!(case.lesion_dice, 1.0);
    assert_eq!(case.burden_difference, 1.0 / 32.0 - 1.0 / 31.0);
    // Without label 1 there is no liver for the scorer, whatever else is there.
    let lesions_only = prediction.mapv(|v| if v == 1 { 3 } else { v });
    let case = score_lits_case(lesions_only.view(), reference.view(), [1.0; 3]).unwrap();
    assert!(!case.liver_predicted);
    assert_eq!(case.liver, ObjectScores::WORST);
    assert_eq!((case.liver_dice, case.liver_sums.sizes), (0.0, 32));
    assert_eq!(case.burden_difference, 1.0 / 32.0 - PENALTY);
}

#[test]
fn where_that_scorer_stops_the_reason_is_given() {
    let liver = Array3::<i8>::ones((2, 3, 4));
    let other = Array3::<i8>::ones((2, 3, 5));
    let death = score_lits_case(other.view(), liver.view(), [1.0; 3]).unwrap_err();
    let text = death.to_string();
    assert!(
        text.contains("[2, 3, 5]") && text.contains("[2, 3, 4]"),
        "{text}"
    );
    assert!(text.contains("AttributeError"), "{text}");
    let background = Array3::<i8>::zeros((2, 3, 4));
    let death = score_lits_case(liver.view(), background.view(), [1.0; 3]).unwrap_err();
    assert_eq!(death, LitsDeath::NoReferenceLiver);
    assert!(LitsTotals::of([]).is_none());
    // A checkerboard of more lesions than int16 can number.
    let mut board = Array3::<i8>::ones((40, 41, 41));
    for ((z, y, x), label) in board.indexed_iter_mut() {
        if (z + y + x) % 2 == 0 {
            *label = 2;
        }
    }
    let death = score_lits_case(board.view(), Array3::ones(board.dim()).view(), [1.0; 3]);
    let LitsDeath::TooManyLesions { map, lesions } = death.unwrap_err() else {
        panic!("another death");
    };
    assert_eq!((map, lesions), ("prediction", 33620));
}

fn whole(map: &LitsMap) -> Array3<i8> {
    map.labels.window([0; 3], map.labels.geometry.shape)
}

#[test]
fn files_are_cast_to_int8_and_odd_labels_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prediction.nii");
    let geometry = Geometry::axis_aligned([1, 2, 5], [2.0, 1.0, 1.0]);
    let stored: Vec<i16> = vec![0, 2, 4, 6, 510, 510, 3, -2, 516, 2];
    let voxels = Array3::from_shape_vec((1, 2, 5), stored).unwrap();
    write_image(&file, &Volume { voxels, geometry }).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    // scl_slope lies at byte 112 of a NIfTI-1 header.
    bytes[112..116].copy_from_slice(&0.5f32.to_le_bytes());
    std::fs::write(&file, bytes).unwrap();
    let map = read_lits_map(&file).unwrap();
    let labels: Vec<i8> = whole(&map).iter().copied().collect();
    assert_eq!(labels, [0, 1, 2, 3, -1, -1, 1, -1, 2, 1]);
    assert_eq!(
        map.odd.to_string(),
        "holds labels other than 0, 1 and 2, taken as the official scorer takes them: \
         -1 as -1 (background) in 1 voxel, 1.5 as 1 (liver) in 1 voxel, \
         3 as 3 (liver) in 1 voxel, 255 as -1 (background) in 2 voxels, \
         258 as 2 (lesion) in 1 voxel"
    );
}

#[test]
fn integers_are_wrapped_whether_or_not_they_fit_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prediction.nii.gz");
    for (stored, taken, odd) in [
        ([0, 1, 2], [0, 1, 2], ""),
        (
            [0, 255, 200],
            [0, -1, -56],
            "200 as -56 (background) in 1 voxel, 255 as -1",
        ),
        (
            [-2, 258, 1],
            [-2, 2, 1],
            "-2 as -2 (background) in 1 voxel, 258 as 2 (lesion)",
        ),
    ] {
        let geometry = Geometry::axis_aligned([1, 1, 3], [1.0; 3]);
        let voxels = Array3::from_shape_vec((1, 1, 3), stored.to_vec()).unwrap();
        write_image(&file, &Volume { voxels, geometry }).unwrap();
        let map = read_lits_map(&file).unwrap();
        assert_eq!(whole(&map).as_slice().unwrap(), taken);
        assert_eq!(map.odd.is_empty(), odd.is_empty());
        assert!(map.odd.to_string().contains(odd), "{}", map.odd);
    }
    std::fs::write(&file, b"no image").unwrap();
    let refused = read_lits_map(&file).unwrap_err().to_string();
    assert!(
        refused.contains("prediction.nii.gz") && refused.contains("hint: "),
        "{refused}"
    );
}

#[test]
fn scores_txt_has_24_named_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scores.txt");
    let cases = golden_cases();
    let case = cases["merge_low_overlap"].as_ref().unwrap();
    write_scores_txt(&file, &LitsTotals::of([("a", case)]).unwrap()).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let names: Vec<&str> = text.lines().map(|l| l.split(':').next().unwrap()).collect();
    assert_eq!(names, METRIC_NAMES);
    assert!(text.starts_with("lesion_precision: -3.000\nlesion_recall: -0.750\n"));
    assert!(text.ends_with("MAXERROR_Tumorburden: -0.135\n"), "{text}");
}

#[test]
fn the_explanation_names_every_departure() {
    let text = explain_lits();
    let numbered = (1..).take_while(|n| text.contains(&format!("\n{n:>2}. ")));
    assert_eq!(numbered.count(), 18);
    for name in [
        "9001",
        "MAXERROR_Tumorburden",
        "ZeroDivisionError",
        "int8",
        "255",
        "MedPy 0.2.2",
    ] {
        assert!(text.contains(name), "{name}");
    }
    // What it says about negative counts and the signed maximum can be seen on these pairs.
    let cases = golden_cases();
    let case = cases["merge_low_overlap"].as_ref().unwrap();
    assert_eq!(case.detection.true_positives, -3);
    let totals = LitsTotals::of([("a", case)]).unwrap();
    let metrics: BTreeMap<&str, f64> = totals.metric_values().collect();
    assert!(metrics["MAXERROR_Tumorburden"] < 0.0 && metrics["RMSE_Tumorburden"] > 0.0);
    // Every line of the policy that is applied is explained.
    let text = explain_strict();
    for row in policy_table(&Options::default()) {
        assert!(text.contains(&row.metric), "{}", row.metric);
        assert!(text.contains(row.why), "{}", row.why);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Scored side by side in any order, on any number of threads, the totals keep every bit.
    #[test]
    fn the_order_of_parallel_cases_changes_no_bit(
        order in Just((0..48).collect::<Vec<usize>>()).prop_shuffle(),
        threads in 1usize..4,
    ) {
        let cases = random_cases();
        let name = |i: usize| format!("volume-{i}");
        let score = |i: usize| cases[i].score();
        let alone: Vec<_> = (0..48).map(|i| (name(i), score(i))).collect();
        let expected = LitsTotals::of(alone.iter().map(|(n, case)| (n.as_str(), case))).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found: Vec<_> =
            pool.install(|| order.par_iter().map(|&i| (name(i), score(i))).collect());
        let found = LitsTotals::of(found.iter().map(|(n, case)| (n.as_str(), case))).unwrap();
        prop_assert_eq!(found.values.map(f64::to_bits), expected.values.map(f64::to_bits));
    }
}
