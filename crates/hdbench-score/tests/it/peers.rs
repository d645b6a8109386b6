//! The profile `strict` against the numbers of `strict.json`, tool by tool.

use hdbench_score::metrics::BitMask;
use hdbench_score::metrics::detection::Overlaps;
use hdbench_score::metrics::regions::{Regions, shared};
use hdbench_score::metrics::surface::Border;
use hdbench_score::metrics::surfel::{SurfelMetrics, Surfels, SurfelsAsked, areas_mm2};
use hdbench_score::{Criterion, Label, Metric, Options, Tolerance, score_case_with};
use hdbench_volume::Bounds;
use hdbench_volume::components::Connectivity;
use ndarray::Array3;
use serde_json::Value;

use super::golden::{Case, LABELS, assert_close, cases, number, strict_numbers};

fn bits([prediction, reference]: &[Array3<bool>; 2]) -> [BitMask; 2] {
    let bounds = Bounds {
        start: [0; 3],
        end: [0, 1, 2].map(|axis| reference.shape()[axis]),
    };
    [prediction, reference].map(|mask| BitMask::of(mask.view(), bounds, |v| v))
}

#[test]
fn golden_surfels_of_surface_distance() {
    let golden = strict_numbers();
    let mut compared = 0;
    for case in cases() {
        for (name, value) in LABELS {
            let expected = &golden["cases"][&case.name][name]["surface_distance"];
            let spacing_mm = case.stored_spacing_mm();
            let [prediction, reference] = bits(&case.masks(value));
            let what = format!("{} {name}", case.name);
            for (mask, side) in [(&prediction, "pred"), (&reference, "gt")] {
                let area = Surfels::of(mask).area_mm2(&areas_mm2(spacing_mm));
                let key = format!("surface_area_{side}_mm2");
                assert_close(
                    area,
                    number(&expected[&key]),
                    1e-12,
                    &format!("{what} {key}"),
                );
            }
            let tolerances = ["0.5", "1", "2", "3", "5"];
            let tolerances_mm = tolerances.map(|mm| mm.parse().unwrap());
            let tolerances_mm: [f64; 5] = tolerances_mm;
            let asked = SurfelsAsked::all(&tolerances_mm);
            let found = SurfelMetrics::between(&prediction, &reference, spacing_mm, asked, true);
            for (count, side) in [
                (Surfels::of(&prediction).len(), "pred"),
                (Surfels::of(&reference).len(), "gt"),
            ] {
                let key = format!("n_surfels_{side}");
                assert_eq!(Some(count as u64), expected[&key].as_u64(), "{what} {key}");
            }
            let mut close = |found: f64, key: &str| {
                let expected = number(&expected[key]);
                assert!(
                    found == expected
                        || (found.is_nan() && expected.is_nan())
                        || (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                    "{what} {key}: found {found}, expected {expected}"
                );
                compared += 1;
            };
            close(found.mean_ref_to_pred(), "asd_gt_to_pred");
            close(found.mean_pred_to_ref(), "asd_pred_to_gt");
            for tolerance in tolerances {
                close(
                    found.nsd(tolerance.parse().unwrap()),
                    &format!("surface_dice_{tolerance}mm"),
                );
            }
            // It calls the distance between two empty masks infinite.
            if !prediction.is_empty() || !reference.is_empty() {
                close(found.hd95(), "robust_hausdorff_95");
            }
        }
    }
    assert!(compared > 250, "{compared}");
}

#[test]
fn golden_overlap_of_medpy_metrics_reloaded_and_simpleitk() {
    let golden = strict_numbers();
    let options = Options {
        tolerances: vec![Tolerance::from_mm(0.5).unwrap()],
        borders: vec![Border::Six, Border::Eighteen, Border::TwentySix],
        one_to_one: true,
        ..Options::default()
    };
    for case in cases() {
        let mut geometry = case.reference.geometry.clone();
        geometry.spacing_mm = case.stored_spacing_mm();
        let (p, r) = (&case.prediction.voxels, &case.reference.voxels);
        let scores = score_case_with(p, r, &geometry, &options).unwrap();
        for (label, name) in [(Label::LIVER, "liver"), (Label::LESION, "tumour")] {
            let scores = &scores[label];
            let expected = &golden["cases"][&case.name][name];
            let counts = scores.counts;
            let what = |key: &str| format!("{} {name} {key}", case.name);
            let raw = |metric| scores.metric_value(metric).unwrap().raw;
            let specificity = number(&expected["medpy"]["specificity"]);
            assert_close(
                raw(Metric::Specificity),
                specificity,
                1e-12,
                &what("specificity"),
            );
            if counts.prediction == 0 || counts.reference == 0 {
                continue;
            }
            let sitk = &expected["SimpleITK"];
            for (metric, value, tolerance) in [
                (Metric::Jaccard, &expected["medpy"]["jc"], 1e-12),
                (Metric::Dice, &expected["MetricsReloaded"]["dsc"], 1e-12),
                (Metric::Jaccard, &expected["MetricsReloaded"]["iou"], 1e-12),
                (
                    Metric::Recall,
                    &expected["MetricsReloaded"]["sensitivity"],
                    1e-12,
                ),
                // It adds 1e-8 to a denominator.
                (Metric::Precision, &expected["MetricsReloaded"]["ppv"], 1e-6),
                (Metric::Dice, &sitk["LabelOverlapMeasures"]["dice"], 1e-12),
                (
                    Metric::Jaccard,
                    &sitk["LabelOverlapMeasures"]["jaccard"],
                    1e-12,
                ),
                (
                    Metric::Msd(Border::Six),
                    &sitk["HausdorffDistanceImageFilter"]["hausdorff"],
                    2e-6,
                ),
                (
                    Metric::Assd(Border::Six),
                    &sitk["notebook_2026_surface_maps_padded"]["mean"],
                    2e-6,
                ),
                (
                    Metric::Msd(Border::Six),
                    &sitk["notebook_2026_surface_maps_padded"]["max"],
                    2e-6,
                ),
                (
                    Metric::Hd95(Border::Six),
                    &sitk["notebook_2026_surface_maps_padded"]["p95"],
                    2e-6,
                ),
            ] {
                let found = raw(metric);
                assert_close(found, number(value), tolerance, &what(&metric.name()));
            }
        }
        let lesions = |side: &str| {
            &golden["cases"][&case.name]["tumour"]["SimpleITK"]["components_face"][side]
        };
        for (side, name) in [
            (hdbench_score::LesionSide::Reference, "ref"),
            (hdbench_score::LesionSide::Prediction, "pred"),
        ] {
            let mine = scores
                .instances_of(Label::LESION)
                .unwrap()
                .list
                .iter()
                .filter(|lesion| lesion.side == side);
            let mut found: Vec<(f64, f64)> = mine
                .map(|lesion| {
                    (
                        lesion.volume_ml * 1000.0,
                        lesion.equivalent_diameter_mm / 2.0,
                    )
                })
                .collect();
            let list = |key: &str| -> Vec<f64> {
                lesions(name)[key]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(number)
                    .collect()
            };
            let mut expected: Vec<(f64, f64)> = list("mm3")
                .into_iter()
                .zip(list("equiv_spherical_radius"))
                .collect();
            assert_eq!(found.len(), expected.len(), "{} {name}", case.name);
            for list in [&mut found, &mut expected] {
                list.sort_by(|a, b| a.0.total_cmp(&b.0));
            }
            for (found, expected) in found.into_iter().zip(expected) {
                assert_close(found.0, expected.0, 2e-6, &case.name);
                assert_close(found.1, expected.1, 2e-6, &case.name);
            }
        }
    }
}

/// The lesions in the raster order of the other tools, whose first axis is x.
fn overlaps(case: &Case, connectivity: Connectivity) -> Overlaps {
    let turned = case
        .masks(2)
        .map(|mask| mask.reversed_axes().as_standard_layout().into_owned());
    let [prediction, reference] = bits(&turned).map(|mask| Regions::of(&mask, connectivity));
    Overlaps {
        shared: shared(&prediction, &reference),
        prediction: prediction.sizes().to_vec(),
        reference: reference.sizes().to_vec(),
    }
}

#[test]
fn golden_detection_of_appendix_c() {
    let golden = strict_numbers();
    for case in cases() {
        let expected = &golden["cases"][&case.name]["reference_appendixC"];
        let overlaps = overlaps(&case, Connectivity::Six);
        let sizes =
            |key: &str| -> Vec<u32> { serde_json::from_value(expected[key].clone()).unwrap() };
        assert_eq!(overlaps.reference, sizes("ref_voxels"), "{}", case.name);
        assert_eq!(overlaps.prediction, sizes("pred_voxels"), "{}", case.name);
        let groups = overlaps.merged();
        let mut listed = expected["groups"].as_array().unwrap().clone();
        listed.sort_by_key(|group| group["ref_ids"][0].as_u64());
        assert_eq!(groups.len(), listed.len(), "{}", case.name);
        for (group, listed) in groups.iter().zip(&listed) {
            let ids =
                |key: &str| -> Vec<u32> { serde_json::from_value(listed[key].clone()).unwrap() };
            assert_eq!(group.reference, ids("ref_ids"), "{}", case.name);
            assert_eq!(group.prediction, ids("pred_ids"), "{}", case.name);
            assert_eq!(Some(group.intersection), listed["intersection"].as_u64());
            assert_eq!(Some(group.union), listed["union"].as_u64());
            assert_eq!(
                (group.iou(), group.dice()),
                (number(&listed["iou"]), number(&listed["dice"]))
            );
        }
        let scores = hdbench_score::score_case(
            &case.prediction.voxels,
            &case.reference.voxels,
            &case.reference.geometry,
        );
        for (criterion, found) in &scores
            .unwrap()
            .instances_of(Label::LESION)
            .unwrap()
            .detection
        {
            let count = |key: &str| expected[criterion.name()][key].as_u64().unwrap();
            let listed = ["TP_ref", "FN", "TP_pred", "FP"].map(count);
            let counts = [
                found.reference_found,
                found.reference_missed,
                found.prediction_true,
                found.prediction_false,
            ];
            assert_eq!(counts, listed, "{} {}", case.name, criterion.name());
            assert!(matches!(criterion, Criterion::IouAbove(_)));
        }
    }
}

#[test]
fn golden_detection_of_panoptica() {
    let golden = strict_numbers();
    for case in cases() {
        for (key, connectivity) in [
            ("panoptica_cc3d", Connectivity::TwentySix),
            ("panoptica_scipy", Connectivity::Six),
        ] {
            let expected: &Value = &golden["cases"][&case.name]["tumour"][key];
            let overlaps = overlaps(&case, connectivity);
            let pairs = overlaps.one_to_one(0.5);
            let found = pairs.count(|_| true);
            let what = format!("{} {key}", case.name);
            for (key, count) in [
                ("tp", found.reference_found),
                ("fp", found.prediction_false),
                ("fn", found.reference_missed),
            ] {
                assert_eq!(Some(count), expected[key].as_u64(), "{what} {key}");
            }
            assert_eq!(found.reference_found, found.prediction_true);
            assert_close(
                found.f1(),
                number(&expected["rq"]),
                1e-12,
                &format!("{what} rq"),
            );
            if !pairs.is_empty() {
                let sum: f64 = pairs.iter().map(|pair| pair.iou()).sum();
                assert_close(
                    sum / pairs.len() as f64,
                    number(&expected["sq"]),
                    1e-12,
                    &what,
                );
            }
        }
    }
}
