//! panoptica 2.1.7 by its own configurations, and brats-evaluation 0.0.10, which is panoptica by six of them.

use hdbench_score::metrics::surface::Border;
use hdbench_score::structures::{Score, StructureSet, built_in, read};
use hdbench_score::{
    InstanceMetric, Metric, Options, ScoredStructure, StructuresPlan, SurfaceStatistic, ToolMetric,
};

use super::data::{
    Compared, Row, folder, is_even, number, of_instances, rows, score, with_metrics,
};

/// panoptica's names of metrics of pairs, ours, and whether they need the steps of the grid.
const MEANS: [(&str, Metric, bool); 7] = [
    ("sq_nsd", Metric::Tool(ToolMetric::NsdPanoptica), true),
    ("sq_dsc", Metric::Dice, false),
    ("sq", Metric::Jaccard, false),
    ("sq_rvd", Metric::Rvd, false),
    ("sq_assd", Metric::Masd(Border::Six), true),
    ("sq_hd", Metric::Msd(Border::Six), true),
    ("sq_hd95", Metric::Hd95(Border::Six), true),
];

const OF_INSTANCES: [(&str, InstanceMetric); 8] = [
    ("tp", InstanceMetric::TruePositives),
    ("fp", InstanceMetric::FalsePositives),
    ("fn", InstanceMetric::FalseNegatives),
    ("prec", InstanceMetric::Precision),
    ("rec", InstanceMetric::Recall),
    ("rq", InstanceMetric::RecognitionQuality),
    ("pq", InstanceMetric::PanopticQuality(Score::Iou)),
    ("pq_dsc", InstanceMetric::PanopticQuality(Score::Dice)),
];

const WHOLE: [(&str, Metric); 6] = [
    (
        "global_bin_hd95",
        Metric::Tool(ToolMetric::InVoxels(SurfaceStatistic::Hd95)),
    ),
    (
        "global_bin_assd",
        Metric::Tool(ToolMetric::InVoxels(SurfaceStatistic::Masd)),
    ),
    (
        "global_bin_nsd",
        Metric::Tool(ToolMetric::NsdPanopticaInVoxels),
    ),
    ("global_bin_dsc", Metric::Dice),
    ("global_bin_iou", Metric::Jaccard),
    ("global_bin_rvd", Metric::Rvd),
];

fn structure_of(set: &StructureSet, row: &Row) -> ScoredStructure {
    let plan = StructuresPlan::of(set, Options::default());
    let mut structures = plan.metrics.structures.into_iter();
    let found = structures.find(|own| own.label.name().eq_ignore_ascii_case(&row.structure));
    found.unwrap_or_else(|| panic!("{} has no {}", row.call, row.structure))
}

fn compare(row: &Row, set: &StructureSet, by_file: bool, compared: &mut Compared) {
    let of_instances_asked: Vec<InstanceMetric> = OF_INSTANCES
        .map(|(_, metric)| metric)
        .into_iter()
        .chain(MEANS.map(|(_, metric, _)| InstanceMetric::Found(metric)))
        .collect();
    let structure = structure_of(set, row);
    if structure.instances.is_none() {
        return;
    }
    let structure = with_metrics(
        structure,
        &WHOLE.map(|(_, metric)| metric),
        &of_instances_asked,
    );
    let scores = score(&row.case, structure);
    let steps_are_right = !by_file || is_even(&row.case);
    let what = |field: &str| format!("{} {} {} {field}", row.call, row.case, row.structure);
    let found = number(row.values.get("tp")).unwrap_or(0.0);
    for (field, metric) in OF_INSTANCES {
        let theirs = number(row.values.get(field));
        // Where nothing is matched, panoptica's panoptic quality is that of a convention times 0.
        let by_convention = field.starts_with("pq") && found == 0.0;
        if let Some(theirs) = theirs.filter(|_| !by_convention) {
            let ours = of_instances(&scores, metric);
            compared.same(|| what(field), ours.raw, theirs);
        }
        // What it leaves out has no value here either.
        if theirs.is_none() && ["prec", "rec"].contains(&field) {
            compared.same(
                || what(field),
                of_instances(&scores, metric).value,
                f64::NAN,
            );
        }
    }
    for (field, metric, needs_steps) in MEANS {
        // A rule of None is not ours to have.
        let theirs = number(row.values.get(field)).filter(|_| steps_are_right || !needs_steps);
        if let Some(theirs) = theirs {
            let ours = of_instances(&scores, InstanceMetric::Found(metric)).value;
            compared.same(|| what(field), ours, theirs);
        }
    }
    for (field, metric) in WHOLE {
        if let Some(theirs) = number(row.values.get(field)) {
            let ours = scores.metric_value(metric).unwrap();
            // Without a voxel in common it is the rule of the metric in both.
            let ours = match scores.counts.intersection {
                0 => ours.value,
                _ => ours.raw,
            };
            compared.same(|| what(field), ours, theirs);
        }
    }
}

#[test]
fn every_matching_of_panoptica_finds_what_it_finds() {
    let mut compared = Compared::default();
    for row in rows("panoptica") {
        let (config, by_file) = match row.call.split_once(' ') {
            Some((config, "nibabel")) => (config, false),
            // Arrays have no steps.
            Some(_) => continue,
            None => (row.call.as_str(), true),
        };
        // The first wraps sums of eight bits, the second is no matching of ours, the third refuses (see the README of
        // the pairs), and the top value of eight bits loses its matches there.
        let is_other = ["bytes", "regions_voronoi", "values_assd", "autc"].contains(&config)
            || row.case == "instances_255"
            || row.case == "wide" && config == "values_decision";
        if is_other || row.values.contains_key("error") {
            continue;
        }
        let file = folder().join(format!("formats/panoptica/{config}.yaml"));
        compare(&row, &read(&file).unwrap(), by_file, &mut compared);
    }
    compared.end(800);
}

#[test]
fn the_six_configurations_of_brats_2026_give_what_brats_evaluation_gives() {
    let mut compared = Compared::default();
    for row in rows("brats_evaluation") {
        // Tables of parsed results go by other names.
        let is_other = row.structure.is_empty() || row.call.contains(' ');
        if is_other || row.values.contains_key("error") {
            continue;
        }
        let set = built_in(&format!("brats-{}", row.call.to_lowercase())).unwrap();
        compare(&row, &set, true, &mut compared);
    }
    compared.end(800);
}
