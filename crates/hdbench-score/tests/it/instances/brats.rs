//! The lesion-wise metrics of BraTS 2023 to 2025: rachitsaluja/BraTS-2023-Metrics.

use hdbench_score::structures::{
    Becomes, Bound, Dilation, EmptyRule, Instances, InstancesBy, Matching, MinVolume, Situation,
};
use hdbench_score::{InstanceMetric, Label, LabelSet, Metric, ScoredStructure};
use hdbench_volume::components::Connectivity;

use super::data::{Compared, number, of_instances, rows, score, with_metrics};

fn instances(challenge: &str) -> Instances {
    let (steps, mm3) = match challenge {
        "BraTS-GLI" => (3, 50.0),
        "BraTS-MEN" => (1, 50.0),
        "BraTS-MET" => (1, 2.0),
        other => panic!("{other}"),
    };
    Instances {
        by: InstancesBy::Components(Connectivity::TwentySix),
        matching: Matching::Touching(Some(Dilation::Steps(steps))),
        counts_if: None,
        consolidation: Some(Dilation::Steps(steps)),
        min_volume: Some(MinVolume {
            mm3: Bound::Above(mm3),
            excuses: true,
        }),
    }
}

fn rule(situation: Situation, value: f64) -> EmptyRule {
    EmptyRule {
        metric: "hd95_surfel".into(),
        situation,
        becomes: Becomes::Value(value),
    }
}

#[test]
fn lesions_dilated_consolidated_and_penalised_are_those_of_brats_2023() {
    let mut compared = Compared::default();
    for row in rows("brats_2023") {
        let values = match row.structure.as_str() {
            "WT" => vec![1, 2, 3],
            "TC" => vec![1, 3],
            "ET" => vec![3],
            other => panic!("{other}"),
        };
        let structure = ScoredStructure {
            instances: Some(instances(&row.call)),
            empty: vec![
                rule(Situation::BothEmpty, 0.0),
                rule(Situation::ReferenceEmpty, 374.0),
                rule(Situation::PredictionEmpty, 374.0),
            ],
            ..ScoredStructure::new(Label::new(&row.structure), LabelSet::of(values))
        };
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
        let structure = with_metrics(
            structure,
            &whole.map(|(_, metric)| metric),
            &asked.map(|(_, metric)| metric),
        );
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
