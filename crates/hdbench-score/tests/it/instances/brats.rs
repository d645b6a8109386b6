//! The lesion-wise metrics of BraTS 2023 to 2025: rachitsaluja/BraTS-2023-Metrics.

use hdbench_score::structures::built_in;
use hdbench_score::{InstanceMetric, Metric, Options, StructuresPlan};

use super::data::{Compared, number, of_instances, rows, score};

#[test]
fn lesions_dilated_consolidated_and_penalised_are_those_of_brats_2023() {
    let mut compared = Compared::default();
    for row in rows("brats_2023") {
        let set = match row.call.as_str() {
            "BraTS-GLI" => "brats-2023-gli",
            "BraTS-MEN" => "brats-2023-men",
            "BraTS-MET" => "brats-2023-mets",
            other => panic!("{other}"),
        };
        let plan = StructuresPlan::of(&built_in(set).unwrap(), Options::default());
        let mut structures = plan.metrics.structures.into_iter();
        let is_own = |name: &str| name.eq_ignore_ascii_case(&row.structure);
        let structure = structures.find(|own| is_own(own.label.name())).unwrap();
        let asked = [
            ("Num_FP", InstanceMetric::FalsePositives),
            ("Num_FN", InstanceMetric::FalseNegatives),
            (
                "LesionWise_Score_Dice",
                InstanceMetric::Lesionwise(Metric::Dice),
            ),
            (
                "LesionWise_Score_HD95",
                InstanceMetric::Lesionwise(Metric::Hd95Surfel),
            ),
        ];
        let whole = [
            ("Legacy_Dice", Metric::Dice),
            ("Legacy_HD95", Metric::Hd95Surfel),
        ];
        let scores = score(&row.case, structure);
        let what = |field: &str| format!("{} {} {} {field}", row.call, row.case, row.structure);
        for (field, metric) in asked {
            let theirs = number(row.values.get(field)).unwrap();
            compared.same(|| what(field), of_instances(&scores, metric).value, theirs);
        }
        for (field, metric) in whole {
            let theirs = number(row.values.get(field)).unwrap();
            compared.same(
                || what(field),
                scores.metric_value(metric).unwrap().value,
                theirs,
            );
        }
    }
    compared.end(300);
}
