use std::fs;
use std::path::Path;

use hdbench_ground::error::{Error, ExitCode};
use hdbench_score::metrics::surface::Border;
use hdbench_score::{
    ALL_CASES, CasePair, CaseScores, EmptyMask, Imputed, Instances, Label, LesionSide, Metric,
    MetricRow, Options, Origin, PairOptions, ScoredCase, Source, StructureScores, policy_table,
    read_metrics_long, score_case, score_case_with, score_files, score_strict, write_cases,
    write_lesions, write_metrics_long, write_summary,
};
use hdbench_volume::{Geometry, Turn, Volume, write_labels};
use ndarray::{Array3, s};
use serde_json::Value;

use super::golden::{self, assert_close, cases, number};

fn origin() -> Origin {
    Origin {
        task: "lits".into(),
        algorithm: "hdenseunet".into(),
        fold: 1,
        seed: 7,
    }
}

fn rows(origin: Origin, cases: &[ScoredCase]) -> Vec<MetricRow> {
    hdbench_score::rows(origin, cases).into_iter().collect()
}

/// A golden case scored with the spacing every other tool uses.
fn scored(case: &golden::Case) -> ScoredCase {
    let mut geometry = case.reference.geometry.clone();
    geometry.spacing_mm = case.stored_spacing_mm();
    let scores = score_case(&case.prediction.voxels, &case.reference.voxels, &geometry).unwrap();
    ScoredCase {
        case: case.name.clone(),
        prediction_file: format!("{}/pred.nii.gz", case.name),
        reference_file: format!("{}/ref.nii.gz", case.name),
        scores,
    }
}

fn value_of(rows: &[MetricRow], case: &str, label: Option<Label>, metric: &str) -> f64 {
    let matching: Vec<&MetricRow> = rows
        .iter()
        .filter(|row| row.case == case && row.label == label && row.metric == metric)
        .collect();
    assert_eq!(matching.len(), 1, "{case} {label:?} {metric}");
    matching[0].value
}

#[test]
fn golden_case_scores_of_the_official_scorer() {
    let mut compared = 0;
    for case in cases() {
        let official = &case.expected["official_miccai"];
        // It crashes without a reference liver, and does not score a liver without label 1.
        if official.get("dice_per_case").is_none() || case.name.starts_with("no_liver") {
            continue;
        }
        let scores = scored(&case).scores;
        for (name, metric) in [
            ("dice", Metric::Dice),
            ("jaccard", Metric::Jaccard),
            ("voe", Metric::Voe),
            ("rvd", Metric::Rvd),
            ("assd", Metric::Assd(Border::Eighteen)),
            ("rmsd", Metric::Rmsd(Border::Eighteen)),
            ("msd", Metric::Msd(Border::Eighteen)),
        ] {
            let expected = number(&official["liver_segmentation_scores"][name][0]);
            assert_close(
                scores[Label::LIVER].value(metric),
                expected,
                1e-9,
                &format!("{} {name}", case.name),
            );
        }
        let expected = number(&official["dice_per_case"]["lesion"][0]);
        assert_close(
            scores[Label::LESION].value(Metric::Dice),
            expected,
            1e-12,
            &case.name,
        );
        // The official difference is reference - prediction.
        let expected = -number(&official["tumor_burden_list"][0]);
        assert_close(
            scores.burdens.unwrap().error.value,
            expected,
            1e-12,
            &case.name,
        );
        compared += 1;
    }
    assert!(compared >= 17, "{compared}");
}

#[test]
fn golden_pooled_scores_of_the_official_scorer() {
    let group = &golden::numbers()["groups"]["ref_has_tumour_and_pred_has_liver"];
    let members: Vec<&str> = group["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m.as_str().unwrap())
        .collect();
    let all = cases();
    let members_of = all
        .iter()
        .filter(|case| members.contains(&case.name.as_str()));
    let cases: Vec<ScoredCase> = members_of.map(scored).collect();
    assert_eq!(cases.len(), members.len());
    let rows = rows(origin(), &cases);
    for (label, key) in [(Label::LESION, "lesion"), (Label::LIVER, "liver")] {
        let metrics = &group[format!("{key}_segmentation_metrics")];
        let global = value_of(&rows, ALL_CASES, Some(label), "dice_global");
        assert_close(global, number(&metrics["dice_global"]), 1e-12, key);
        let sum: f64 = cases
            .iter()
            .map(|c| c.scores[label].value(Metric::Dice))
            .sum();
        let per_case = number(&metrics["dice_per_case"]);
        assert_close(sum / cases.len() as f64, per_case, 1e-12, key);
    }
    let rmse = value_of(&rows, ALL_CASES, None, "tumour_burden_rmse");
    assert_close(
        rmse,
        number(&group["tumor_burden_rmse"]),
        1e-12,
        "burden RMSE",
    );
    // The official maximum is signed; ours is that of the absolute errors.
    let most = group["tumor_burden_list"]
        .as_array()
        .unwrap()
        .iter()
        .map(number);
    let most = most.map(f64::abs).fold(0.0, f64::max);
    let max_error = value_of(&rows, ALL_CASES, None, "tumour_burden_max_error");
    assert_close(max_error, most, 1e-12, "burden maximum");
}

#[test]
fn golden_lesions_are_listed_with_their_overlaps() {
    for case in cases() {
        let expected = &case.expected["reference_appendixC"];
        let ids =
            |name: &str| -> Vec<u64> { serde_json::from_value(expected[name].clone()).unwrap() };
        let pairs: Vec<[u64; 3]> =
            serde_json::from_value(expected["intersections"].clone()).unwrap();
        let (reference, prediction) = (ids("ref_voxels"), ids("pred_voxels"));
        // Ids follow the raster order, which in Python is that of [x, y, z]: compared without.
        let mut missed_or_found: Vec<(u64, u64, f64)> = (1..)
            .zip(&reference)
            .map(|(id, &voxels)| {
                let mine = || pairs.iter().filter(|pair| pair[1] == id);
                let iou = mine().map(|&[p, _, shared]| {
                    shared as f64 / (voxels + prediction[p as usize - 1] - shared) as f64
                });
                (
                    voxels,
                    mine().map(|pair| pair[2]).sum(),
                    iou.fold(0.0, f64::max),
                )
            })
            .collect();
        let mut right_or_wrong: Vec<(u64, u64, f64)> = (1..)
            .zip(&prediction)
            .map(|(id, &voxels)| {
                let mine = || pairs.iter().filter(|pair| pair[0] == id);
                let iou = mine().map(|&[_, r, shared]| {
                    shared as f64 / (voxels + reference[r as usize - 1] - shared) as f64
                });
                (
                    voxels,
                    mine().map(|pair| pair[2]).sum(),
                    iou.fold(0.0, f64::max),
                )
            })
            .collect();
        let lesions = lesions_of(&scored(&case).scores).list;
        for lesion in lesions.iter() {
            assert_eq!(lesion.detected, lesion.iou > 0.0);
            assert_eq!(lesion.detected, !lesion.matched.is_empty());
            assert!(!lesion.detected || lesion.overlap_voxels > 0);
        }
        for (side, expected) in [
            (LesionSide::Reference, &mut missed_or_found),
            (LesionSide::Prediction, &mut right_or_wrong),
        ] {
            let mut found: Vec<(u64, u64, f64)> = lesions
                .iter()
                .filter(|lesion| lesion.side == side)
                .map(|lesion| (lesion.voxels, lesion.overlap_voxels, lesion.best_iou))
                .collect();
            for list in [&mut found, &mut *expected] {
                list.sort_by(|a, b| a.partial_cmp(b).unwrap());
            }
            assert_eq!(&found, expected, "{} {side:?}", case.name);
        }
    }
}

fn lesions_of(scores: &CaseScores) -> Instances {
    scores.instances_of(Label::LESION).unwrap().clone()
}

/// A liver of 4 x 6 x 6 voxels of 1 mm in a volume of 6 x 8 x 8, with lesions in these boxes.
fn map(lesions: &[[std::ops::Range<usize>; 3]]) -> Array3<u8> {
    let mut map = Array3::zeros((6, 8, 8));
    map.slice_mut(s![1..5, 1..7, 1..7]).fill(1);
    for [z, y, x] in lesions.iter().cloned() {
        map.slice_mut(s![z, y, x]).fill(2);
    }
    map
}

fn unit() -> Geometry {
    Geometry::axis_aligned([6, 8, 8], [1.0; 3])
}

fn case(name: &str, prediction: &Array3<u8>, reference: &Array3<u8>) -> ScoredCase {
    ScoredCase {
        case: name.into(),
        prediction_file: format!("predictions/{name}.nii.gz"),
        reference_file: format!("labels/{name}.nii.gz"),
        scores: score_case(prediction, reference, &unit()).unwrap(),
    }
}

#[test]
fn empty_masks_follow_the_strict_policy_and_keep_the_raw_value() {
    let lesion = map(&[[2..3, 2..4, 2..4]]);
    let none = map(&[]);
    let both = score_case(&none, &none, &unit()).unwrap()[Label::LESION].clone();
    let missed = score_case(&none, &lesion, &unit()).unwrap()[Label::LESION].clone();
    let invented = score_case(&lesion, &none, &unit()).unwrap()[Label::LESION].clone();
    for (metric, both_value, missed_value, invented_value) in [
        (Metric::Dice, 1.0, 0.0, 0.0),
        (Metric::Jaccard, 1.0, 0.0, 0.0),
        (Metric::Precision, 1.0, 0.0, 0.0),
        (Metric::Recall, 1.0, 0.0, 0.0),
        (Metric::Voe, 0.0, 1.0, 1.0),
        (Metric::Rvd, 0.0, -1.0, f64::NAN),
        (Metric::Assd(Border::Eighteen), f64::NAN, f64::NAN, f64::NAN),
        (Metric::Rmsd(Border::Eighteen), f64::NAN, f64::NAN, f64::NAN),
        (Metric::Msd(Border::Eighteen), f64::NAN, f64::NAN, f64::NAN),
        (Metric::Hd95(Border::Eighteen), f64::NAN, f64::NAN, f64::NAN),
        (Metric::VolumePrediction, 0.0, 0.0, 0.004),
        (Metric::VolumeReference, 0.0, 0.004, 0.0),
    ] {
        for (scores, value) in [
            (&both, both_value),
            (&missed, missed_value),
            (&invented, invented_value),
        ] {
            assert_close(scores.value(metric), value, 1e-15, &metric.name());
        }
    }
    let metric = |scores: &StructureScores, metric| scores.metric_value(metric).unwrap();
    assert!(metric(&both, Metric::Dice).raw.is_nan());
    assert!(metric(&invented, Metric::Rvd).raw.is_infinite());
    assert_eq!(metric(&both, Metric::Dice).edge, EmptyMask::BothEmpty);
    let assd = Metric::Assd(Border::Eighteen);
    assert_eq!(metric(&missed, assd).edge, EmptyMask::PredictionEmpty);
    assert_eq!(metric(&invented, assd).edge, EmptyMask::ReferenceEmpty);
}

#[test]
fn a_case_without_a_predicted_liver_does_not_drop_out_of_the_burden() {
    let reference = map(&[[2..3, 2..4, 2..4]]);
    let nothing = Array3::zeros(reference.dim());
    let failed = score_case(&nothing, &reference, &unit()).unwrap();
    assert!(failed.burdens.unwrap().prediction.raw.is_nan());
    assert_close(
        failed.burdens.unwrap().error.value,
        -4.0 / 144.0,
        1e-15,
        "burden error",
    );
    let no_reference = score_case(&reference, &nothing, &unit()).unwrap();
    assert!(no_reference.burdens.unwrap().error.value.is_nan());
    assert_close(
        no_reference.burdens.unwrap().prediction.value,
        4.0 / 144.0,
        1e-15,
        "burden",
    );
}

#[test]
fn every_metric_finds_its_name() {
    let scores = score_case(&map(&[]), &map(&[]), &unit()).unwrap();
    for (metric, found) in scores[Label::LIVER].metric_values() {
        assert_eq!(
            scores[Label::LIVER]
                .metric_value(metric)
                .unwrap()
                .value
                .to_bits(),
            found.value.to_bits()
        );
    }
    assert_eq!(scores[Label::LIVER].value(Metric::Dice), 1.0);
    assert_close(
        scores[Label::LIVER].value(Metric::VolumeReference),
        0.144,
        1e-15,
        "144 mm3",
    );
    assert_eq!(
        scores[Label::LIVER].value(Metric::Hd95Max(Border::Eighteen)),
        0.0
    );
    let names: Vec<_> = Options::default()
        .metrics()
        .into_iter()
        .map(Metric::name)
        .collect();
    for name in [
        "dice",
        "voe",
        "rvd",
        "assd",
        "rmsd",
        "msd",
        "hd95",
        "masd_18n",
        "hd95_max_18n",
        "assd_6n",
        "masd_6n",
        "rmsd_6n",
        "msd_6n",
        "hd95_6n",
        "hd95_max_6n",
        "nsd_2mm",
        "hd95_surfel",
    ] {
        assert!(names.iter().any(|other| other == name), "{name}");
    }
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}

#[test]
fn scores_do_not_depend_on_the_number_of_threads() {
    for case in cases() {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let rows = pool.install(|| rows(origin(), &[scored(&case)]));
            rows.iter()
                .map(|r| (r.value.to_bits(), r.raw_value.to_bits()))
                .collect::<Vec<_>>()
        };
        assert_eq!(with(1), with(5), "{}", case.name);
    }
}

fn two_cases() -> Vec<ScoredCase> {
    let reference = map(&[[2..3, 2..4, 2..4], [4..5, 5..6, 5..6]]);
    let prediction = map(&[[2..3, 2..4, 3..5], [1..2, 6..7, 6..7]]);
    vec![
        case("volume-0", &prediction, &reference),
        case("volume-10", &map(&[]), &map(&[])),
    ]
}

#[test]
fn the_tidy_table_comes_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cell/metrics_long.csv");
    let written = rows(origin(), &two_cases());
    write_metrics_long(&path, &written).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap(),
        "task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy"
    );
    assert_eq!(
        lines.next().unwrap(),
        "lits,hdenseunet,1,7,volume-0,liver,dice,1,1.0,1.0,strict"
    );
    assert!(
        text.contains("volume-10,lesion,dice,1,1.0,NaN,strict:both_empty\n"),
        "{text}"
    );
    assert!(
        text.contains("volume-10,lesion,assd,1,NaN,NaN,strict:both_empty\n"),
        "{text}"
    );
    assert!(
        text.contains("lits,hdenseunet,1,7,_all,,tumour_burden_rmse,1,"),
        "{text}"
    );
    let read = read_metrics_long(&path).unwrap();
    assert_eq!(read.len(), written.len());
    for (read, written) in read.iter().zip(&written) {
        assert_eq!(
            (read.value == written.value),
            !written.value.is_nan(),
            "{written:?}"
        );
    }
    write_metrics_long(&path, &read).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn pooled_rows_by_hand() {
    let rows = rows(origin(), &two_cases());
    // 2 of 5 reference and 5 predicted lesion voxels are shared, all in the first case.
    let global = value_of(&rows, ALL_CASES, Some(Label::LESION), "dice_global");
    assert_close(global, 0.4, 1e-15, "lesion Dice global");
    assert_eq!(
        value_of(&rows, ALL_CASES, Some(Label::LIVER), "dice_global"),
        1.0
    );
    assert_eq!(value_of(&rows, ALL_CASES, None, "tumour_burden_rmse"), 0.0);
    let missed = vec![
        case("a", &map(&[]), &map(&[[2..3, 2..4, 2..4]])),
        case("b", &map(&[]), &map(&[])),
    ];
    let rows = self::rows(origin(), &missed);
    let burden = 4.0 / 144.0;
    let rmse = value_of(&rows, ALL_CASES, None, "tumour_burden_rmse");
    assert_close(rmse, burden / 2f64.sqrt(), 1e-15, "RMSE");
    assert_close(
        value_of(&rows, ALL_CASES, None, "tumour_burden_max_error"),
        burden,
        1e-15,
        "max",
    );
    assert!(self::rows(origin(), &[]).is_empty());
}

#[test]
fn a_damaged_tidy_table_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics_long.csv");
    write_metrics_long(&path, &rows(origin(), &two_cases())).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    for (bad, says) in [
        (
            good.replacen(",raw_value", ",raw", 1),
            "no column `raw_value`",
        ),
        (
            good.replacen(",1.0,1.0,strict", ",one,1.0,strict", 1),
            "line: 2",
        ),
        (good[..good.len() - 20].to_owned(), "line: "),
        (String::new(), "no column `task`"),
    ] {
        fs::write(&path, bad).unwrap();
        let error = read_metrics_long(&path).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(says) && text.contains("metrics_long.csv") && text.contains("hint:"),
            "{text}"
        );
        assert_eq!(error.exit_code(), ExitCode::BadInput);
    }
    let missing = read_metrics_long(Path::new("nowhere/metrics_long.csv")).unwrap_err();
    assert!(matches!(missing, Error::Read { .. }));
}

#[test]
fn a_prediction_with_flipped_and_permuted_axes_is_turned_with_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let voxels = map(&[[1..3, 2..4, 1..4]]);
    let reference = Volume {
        voxels: voxels.clone(),
        geometry: Geometry::axis_aligned([6, 8, 8], [2.5, 0.75, 0.5]),
    };
    write_labels(&dir.path().join("reference.nii.gz"), &reference).unwrap();
    let options = Options::default();
    let straight = score_case_with(&voxels, &voxels, &reference.geometry, &options).unwrap();
    for turn in Turn::all() {
        let path = dir.path().join("prediction.nii.gz");
        write_labels(&path, &turn.volume(&reference)).unwrap();
        let pair = CasePair {
            case: "a".into(),
            prediction: Source::File(path),
            reference: Source::File(dir.path().join("reference.nii.gz")),
        };
        let found = score_strict(&pair, &PairOptions::default(), &options).unwrap();
        assert_eq!(
            found.scored.scores[Label::LESION],
            straight[Label::LESION],
            "{turn}"
        );
        let told = found
            .notes
            .iter()
            .any(|note| note.contains("turned to the reference's grid"));
        assert_eq!(told, !turn.is_none(), "{turn}: {:?}", found.notes);
        assert!(found.apart.is_none());
    }
}

fn table(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let rows = reader
        .records()
        .map(|r| r.unwrap().iter().map(str::to_owned).collect());
    (header, rows.collect())
}

#[test]
fn the_case_table_has_a_value_under_each_column() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cases.csv");
    write_cases(&path, &two_cases()).unwrap();
    let (header, rows) = table(&path);
    let cell = |row: usize, column: &str| {
        let at = header.iter().position(|h| h == column).unwrap();
        rows[row][at].as_str()
    };
    assert_eq!(cell(0, "case"), "volume-0");
    assert_eq!(cell(0, "lesion_dice"), "0.4");
    let volume_ml = cell(0, "liver_volume_ref_ml").parse().unwrap();
    assert_close(volume_ml, 0.144, 1e-15, "144 mm3");
    assert_eq!(cell(1, "lesion_assd"), "NaN");
    assert_eq!(cell(0, "tumour_burden_error"), "0.0");
    let lesions = ["reference_lesions", "detected_lesions", "false_alarms"].map(|c| cell(0, c));
    assert_eq!(lesions, ["2", "1", "1"]);
    assert_eq!(rows.len(), 2);
    write_cases(&path, &[]).unwrap();
    assert_eq!(table(&path), (header, vec![]));
}

#[test]
fn the_lesion_table_measures_each_lesion() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lesions.csv");
    write_lesions(&path, &two_cases()).unwrap();
    let (header, rows) = table(&path);
    assert_eq!(
        header.join(","),
        "case,side,lesion,voxels,volume_ml,equivalent_diameter_mm,longest_axial_diameter_mm,\
         overlap_voxels,best_iou,detected,matched,merged,split,iou,dice"
    );
    let first: Vec<&str> = rows[0].iter().map(String::as_str).collect();
    assert_eq!(first[..5], ["volume-0", "reference", "1", "4", "0.004"]);
    let number = |i: usize| first[i].parse::<f64>().unwrap();
    assert_close(
        number(5),
        (24.0 / std::f64::consts::PI).cbrt(),
        1e-12,
        "ball of 4 mm3",
    );
    assert_close(number(6), 8f64.sqrt(), 1e-12, "diagonal of 2 x 2 mm");
    let third = "0.3333333333333333";
    assert_eq!(
        first[7..],
        ["2", third, "true", "2", "1", "1", third, "0.5"]
    );
    assert_eq!(rows[1][..4], ["volume-0", "reference", "2", "1"]);
    assert_eq!(
        rows[1][7..],
        ["0", "0.0", "false", "", "0", "0", "0.0", "0.0"]
    );
    assert_eq!(rows[2][..4], ["volume-0", "prediction", "1", "1"]);
    assert_eq!(rows[2][9..11], ["false", ""]);
    assert_eq!(rows[3][..4], ["volume-0", "prediction", "2", "4"]);
    assert_eq!(rows[3][9..11], ["true", "1"]);
    assert_eq!(rows.len(), 4);
}

#[test]
fn a_merged_and_a_split_lesion_are_counted_on_both_sides() {
    let reference = map(&[[1..2, 1..2, 1..3], [1..2, 1..2, 4..6], [4..5, 3..4, 1..7]]);
    let prediction = map(&[[1..2, 1..2, 1..6], [4..5, 3..4, 1..3], [4..5, 3..4, 4..7]]);
    let scores = score_case(&prediction, &reference, &unit()).unwrap();
    let told: Vec<_> = lesions_of(&scores)
        .list
        .iter()
        .map(|l| (l.side, l.lesion, l.matched.clone(), l.merged, l.iou))
        .collect();
    let (merged, split) = (4.0 / 5.0, 5.0 / 6.0);
    let expected = [
        (LesionSide::Reference, 1, vec![1], 2, merged),
        (LesionSide::Reference, 2, vec![1], 2, merged),
        (LesionSide::Reference, 3, vec![2, 3], 1, split),
        (LesionSide::Prediction, 1, vec![1, 2], 1, merged),
        (LesionSide::Prediction, 2, vec![3], 2, split),
        (LesionSide::Prediction, 3, vec![3], 2, split),
    ];
    assert_eq!(told, expected);
}

#[test]
fn one_to_one_matching_has_names_of_its_own() {
    let reference = map(&[[1..2, 1..2, 1..3], [1..2, 1..2, 4..6]]);
    let prediction = map(&[[1..2, 1..2, 1..6]]);
    let options = Options {
        one_to_one: true,
        ..Options::default()
    };
    let scores = score_case_with(&prediction, &reference, &unit(), &options).unwrap();
    let found = scores[Label::LESION].detections();
    let value = |name: &str| found.iter().find(|(n, _)| n == name).unwrap().1.value;
    assert_eq!(value("detection_recall_iou_gt_0.5"), 1.0);
    assert_eq!(value("detection_f1_one_to_one_iou_ge_0.5"), 0.0);
    assert_eq!(value("detection_fn_one_to_one_iou_ge_0.5"), 2.0);
    let usual = score_case(&prediction, &reference, &unit()).unwrap()[Label::LESION].detections();
    assert!(usual.iter().all(|(name, _)| !name.contains("one_to_one")));
}

#[test]
fn every_metric_has_its_policy_and_follows_it() {
    let table = policy_table(&Options::default());
    let lesion = map(&[[2..3, 2..4, 2..4]]);
    let (none, nothing) = (map(&[]), Array3::zeros((6, 8, 8)));
    let mut checked = 0;
    for (prediction, reference, situation) in [
        (&none, &none, EmptyMask::BothEmpty),
        (&lesion, &none, EmptyMask::ReferenceEmpty),
        (&none, &lesion, EmptyMask::PredictionEmpty),
        (&nothing, &nothing, EmptyMask::BothEmpty),
        (&lesion, &nothing, EmptyMask::ReferenceEmpty),
        (&nothing, &lesion, EmptyMask::PredictionEmpty),
    ] {
        let rows = rows(origin(), &[case("a", prediction, reference)]);
        for row in rows.iter().filter(|row| row.case != ALL_CASES) {
            let declared = |edge: EmptyMask| {
                let mut all = table
                    .iter()
                    .filter(|r| r.metric == row.metric && r.situation == edge);
                let found = all
                    .next()
                    .unwrap_or_else(|| panic!("no policy for {}", row.metric));
                assert!(all.next().is_none() && !found.why.is_empty());
                found.becomes
            };
            declared(situation);
            if row.policy == "strict" {
                assert_eq!(
                    row.value.to_bits(),
                    row.raw_value.to_bits(),
                    "{}",
                    row.metric
                );
                continue;
            }
            assert_eq!(row.policy, situation.policy());
            let fits = match declared(situation) {
                Imputed::Raw => {
                    row.value.to_bits() == row.raw_value.to_bits() && !row.value.is_nan()
                }
                Imputed::Value(value) => row.value == value,
                Imputed::Undefined => row.value.is_nan(),
                Imputed::WithoutBurden => !row.value.is_nan() && row.raw_value.is_nan(),
            };
            assert!(
                fits,
                "{} {:?} {} {}",
                row.metric, situation, row.value, row.raw_value
            );
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");
}

#[test]
fn axial_slices_follow_the_affine() {
    // 3 voxels of 2 mm along the array's y; the affine says that x of the file runs to the head.
    let reference = map(&[[2..3, 2..5, 2..3]]);
    let mut geometry = Geometry::axis_aligned([6, 8, 8], [1.0, 2.0, 5.0]);
    let axial = |geometry: &Geometry| {
        let scores = score_case(&reference, &reference, geometry).unwrap();
        let lesion = lesions_of(&scores).list.iter().next().unwrap();
        lesion.longest_axial_diameter_mm
    };
    assert_close(axial(&geometry), 6f64.hypot(5.0), 1e-12, "y by x");
    geometry.affine = [
        [0.0, 0.0, 1.0, 0.0],
        [0.0, 2.0, 0.0, 0.0],
        [5.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ];
    assert_close(axial(&geometry), 6f64.hypot(1.0), 1e-12, "z by y");
}

#[test]
fn the_summary_has_the_shape_of_nnunet() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("summary.json");
    let reference = map(&[[2..3, 2..4, 2..4]]);
    let cases = [
        case("volume-0", &map(&[[2..3, 2..4, 3..5]]), &reference),
        case("volume-1", &map(&[]), &reference),
    ];
    write_summary(&path, &cases).unwrap();
    let summary: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let first = &summary["metric_per_case"][0];
    assert_eq!(first["prediction_file"], "predictions/volume-0.nii.gz");
    assert_eq!(first["reference_file"], "labels/volume-0.nii.gz");
    let lesion = &first["metrics"]["2"];
    for (key, value) in [
        ("Dice", 0.5),
        ("IoU", 1.0 / 3.0),
        ("TP", 2.0),
        ("FP", 2.0),
        ("FN", 2.0),
        ("TN", 378.0),
        ("n_pred", 4.0),
        ("n_ref", 4.0),
        ("voe", 1.0 - 1.0 / 3.0),
    ] {
        assert_close(number(&lesion[key]), value, 1e-15, key);
    }
    assert!(summary["metric_per_case"][1]["metrics"]["2"]["assd"].is_null());
    assert_eq!(number(&summary["mean"]["2"]["Dice"]), 0.25);
    assert_eq!(
        summary["mean"]["2"]["assd"], lesion["assd"],
        "the mean of the one that has a value"
    );
    assert_eq!(summary["hdbench"]["undefined"]["2"]["assd"], 1);
    assert_eq!(summary["hdbench"]["counted"]["2"]["assd"], 1);
    assert_eq!(summary["hdbench"]["counted"]["2"]["Dice"], 2);
    assert_eq!(
        summary["hdbench"]["pooled_counted"]["tumour_burden_rmse"],
        2
    );
    assert_eq!(
        number(&summary["mean"]["2"]["detection_recall_iou_gt_0"]),
        0.5
    );
    assert_eq!(number(&summary["mean"]["(1, 2)"]["Dice"]), 1.0);
    assert_eq!(number(&summary["foreground_mean"]["Dice"]), 0.625);
    assert_close(
        number(&summary["hdbench"]["pooled"]["lesion_dice_global"]),
        1.0 / 3.0,
        1e-15,
        "global",
    );
}

#[test]
fn files_on_other_grids_are_refused_with_both_names() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, voxels: Array3<u8>, geometry: Geometry| {
        let path = dir.path().join(name);
        write_labels(&path, &Volume { voxels, geometry }).unwrap();
        path
    };
    let reference = write("reference.nii.gz", map(&[]), unit());
    let same = write("same.nii.gz", map(&[]), unit());
    assert_eq!(
        score_files(&same, &reference, &Options::default()).unwrap()[Label::LIVER]
            .value(Metric::Dice),
        1.0
    );
    let smaller = Geometry::axis_aligned([6, 8, 7], [1.0; 3]);
    let cut = write(
        "cut.nii.gz",
        map(&[]).slice(s![.., .., ..7]).to_owned(),
        smaller,
    );
    // Flipped without its origin on the other side: no turn brings it back.
    let mut flipped = unit();
    flipped.affine[0][0] = -1.0;
    let shifted = write("shifted.nii.gz", map(&[]), flipped);
    for (path, says) in [(&cut, "7 x 8 x 6 voxels"), (&shifted, "7.00 mm away")] {
        let error = score_files(path, &reference, &Options::default()).unwrap_err();
        let text = error.to_string();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            text.contains(name) && text.contains("reference.nii.gz"),
            "{text}"
        );
        assert!(text.contains(says) && text.contains("hint:"), "{text}");
        assert_eq!(error.exit_code(), ExitCode::BadInput);
    }
    let error = score_case(&Array3::zeros((1, 2, 3)), &map(&[]), &unit()).unwrap_err();
    assert!(matches!(error, Error::Usage { .. }));
}

#[test]
fn golden_files_score_as_their_voxels_do() {
    for case in cases() {
        let scores = score_files(
            &case.prediction_file,
            &case.reference_file,
            &Options::default(),
        )
        .unwrap();
        let counts = &case.expected["tumour"]["counts"];
        assert_eq!(
            Some(scores[Label::LESION].counts.intersection),
            counts["intersection"].as_u64()
        );
        assert_eq!(scores.voxels, case.reference.voxels.len() as u64);
    }
}
