//! MIST 2.3.0's lesion-wise metrics, and the volumes of whole components of autoPET.

use hdbench_score::structures::{
    Bound, Dilation, Instances, InstancesBy, Matching, MinVolume, read,
};
use hdbench_score::{
    InstanceMetric, InstanceStatus, Label, LabelSet, LesionSide, Metric, Options, ScoredStructure,
    StructuresPlan, Tolerance,
};
use hdbench_volume::components::Connectivity;

use super::data::{Compared, folder, number, of_instances, rows, score, with_metrics};

/// The values of the masks by their names in the README of the pairs.
fn values_of(name: &str) -> Option<Vec<u16>> {
    Some(match name {
        "et" => vec![3],
        "tc" => vec![1, 3],
        "wt" => vec![1, 2, 3],
        "rc" => vec![4],
        "gtv" => vec![1],
        "any" => (1..=u16::MAX).collect(),
        number => vec![number.parse().ok()?],
    })
}

fn structure(name: &str, instances: Instances) -> Option<ScoredStructure> {
    let values = LabelSet::of(values_of(name)?);
    Some(ScoredStructure {
        instances: Some(instances),
        ..ScoredStructure::new(Label::new(name), values)
    })
}

/// MIST's rule for so many steps of dilation and of consolidation, and lesions of at least so many mm3.
fn mist(steps: u32, consolidation: u32, mm3: f64) -> Instances {
    Instances {
        by: InstancesBy::Components(Connectivity::Eighteen),
        matching: Matching::Touching(Some(Dilation::Steps(steps))),
        counts_if: None,
        consolidation: (consolidation > 0).then_some(Dilation::Steps(consolidation)),
        min_volume: Some(MinVolume {
            mm3: Bound::AtLeast(mm3),
            excuses: false,
        }),
    }
}

/// Volume, Dice, surface Dice and HD95 of a lesion.
type Lesion = [f64; 4];

fn sorted(mut lesions: Vec<Lesion>) -> Vec<Lesion> {
    // Both number lesions in an order of their own; volumes are rounded, as ours is a product of other numbers.
    let key = |lesion: &Lesion| [lesion[0].round(), lesion[1], lesion[2]];
    lesions.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap());
    lesions
}

#[test]
fn each_lesion_is_mists() {
    let mut compared = Compared::default();
    let nsd = Metric::Nsd(Tolerance::from_mm(1.0).unwrap());
    for row in rows("mist") {
        let instances = match row.call.as_str() {
            "lesions" => mist(3, 0, 10.0),
            "lesions consolidated" => mist(3, 3, 15.0),
            "lesions plain" => mist(1, 1, 0.0),
            _ => continue,
        };
        let Some(structure) = structure(&row.structure, instances) else {
            continue;
        };
        let metrics = [Metric::Dice, nsd, Metric::Hd95Surfel];
        let structure = with_metrics(structure, &[], &metrics.map(InstanceMetric::Found));
        let scores = score(&row.case, structure);
        let own = scores.own_instances.as_ref().unwrap().rows.iter();
        let ours = own.filter(|own| {
            own.side == LesionSide::Reference && own.status != InstanceStatus::LeftOut
        });
        let ours = ours.map(|own| match own.metrics[..] {
            [(_, dice), (_, nsd), (_, hd95), ..] => [own.volume_ml * 1000.0, dice, nsd, hd95],
            _ => [own.volume_ml * 1000.0, 0.0, 0.0, f64::NAN],
        });
        let theirs = row.values["lesions"].as_array().unwrap().iter();
        let theirs = theirs.filter(|lesion| !lesion["gt_lesion_id"].is_null());
        let theirs = theirs.map(|lesion| {
            let of = |name: &str| lesion[name].as_f64().unwrap();
            // What is missed is given the diagonal of the box of both masks.
            let hd95 = match lesion["detected"].as_bool() {
                Some(true) => of("lesion_wise_haus95"),
                _ => f64::NAN,
            };
            [
                of("gt_volume_mm3"),
                of("lesion_wise_dice"),
                of("lesion_wise_surf_dice"),
                hd95,
            ]
        });
        let (ours, theirs) = (sorted(ours.collect()), sorted(theirs.collect()));
        let what = format!("{} {} {}", row.call, row.case, row.structure);
        assert_eq!(ours.len(), theirs.len(), "{what}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            for (ours, theirs) in ours.iter().zip(theirs) {
                compared.same(|| what.clone(), *ours, *theirs);
            }
        }
    }
    compared.end(300);
}

#[test]
fn lesionwise_means_are_mists() {
    let mut compared = Compared::default();
    let set = read(&folder().join("formats/mist/evaluation.json")).unwrap();
    let plan = StructuresPlan::of(&set, Options::default());
    let nsd = Metric::Nsd(Tolerance::from_mm(1.0).unwrap());
    let asked = [
        ("lesion_wise_dice", InstanceMetric::Lesionwise(Metric::Dice)),
        ("lesion_wise_surf_dice", InstanceMetric::Lesionwise(nsd)),
        ("lesion_wise_f1", InstanceMetric::F1),
    ];
    for row in rows("mist") {
        // The last rows are means over the cases.
        if row.call != "evaluate" || !folder().join("pairs").join(&row.case).exists() {
            continue;
        }
        for structure in &plan.metrics.structures {
            let name = structure.label;
            let structure = with_metrics(structure.clone(), &[], &asked.map(|(_, metric)| metric));
            let scores = score(&row.case, structure);
            for (field, metric) in asked {
                if let Some(theirs) = number(row.values.get(&format!("{name}_{field}"))) {
                    let what = || format!("{} {name} {field}", row.case);
                    compared.same(what, of_instances(&scores, metric).value, theirs);
                }
            }
        }
    }
    compared.end(40);
}

#[test]
fn volumes_of_false_and_missed_components_are_autopets() {
    let mut compared = Compared::default();
    for row in rows("autopet")
        .into_iter()
        .filter(|row| row.call == "autoPET")
    {
        let instances = Instances::grouped(Connectivity::Eighteen);
        let Some(structure) = structure(&row.structure, instances) else {
            continue;
        };
        let asked = [
            ("false_pos_vol", InstanceMetric::FalsePositiveVolume),
            ("false_neg_vol", InstanceMetric::FalseNegativeVolume),
        ];
        let structure = with_metrics(structure, &[Metric::Dice], &asked.map(|(_, metric)| metric));
        let scores = score(&row.case, structure);
        for (field, metric) in asked {
            // autoPET's volume of a voxel is a product of 32-bit numbers.
            let theirs = number(row.values.get(field)).unwrap();
            let ours = of_instances(&scores, metric).value;
            let close = (ours - theirs).abs() <= 1e-6 * theirs.abs();
            assert!(
                close,
                "{} {} {field}: {ours} for {theirs}",
                row.case, row.structure
            );
            compared.same(String::new, 0.0, 0.0);
        }
    }
    compared.end(40);
}
