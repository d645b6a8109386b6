//! Other programs' files.

use std::path::Path;

use hdbench_score::structures::{
    Agreement, Assignment, Becomes, Bound, Dilation, Instances, InstancesBy, Matching, MinVolume,
    Score, Situation, StructureSet, Values, read,
};
use hdbench_volume::components::Connectivity;

use super::data::{components, format, formats, names, reread, scored, walkdir, written};

#[test]
fn every_file_of_another_program_shows_as_toml_and_reads_back() {
    let mut files = 0;
    for entry in walkdir(&formats()) {
        let set = read(&entry).unwrap_or_else(|e| panic!("{e}"));
        assert!(!set.structures.is_empty());
        assert_eq!(reread(&set), set, "{}", entry.display());
        files += 1;
    }
    assert_eq!(files, 29);
}

#[test]
fn panopticas_instances_are_taken_over() {
    let first = |name: &str| {
        format(&format!("panoptica/{name}.yaml"))
            .structures
            .remove(0)
    };
    let half = |assignment, bound: fn(f64) -> Bound| scored(assignment, Score::Iou, bound(0.5));
    let values = |matching| {
        Some(Instances {
            by: InstancesBy::Values,
            ..components(Connectivity::Six, matching)
        })
    };
    let greedy = half(Assignment::Greedy, Bound::AtLeast);
    assert_eq!(first("values_iou").instances, values(greedy));
    assert_eq!(
        first("values_iou_strict").instances,
        values(half(Assignment::Greedy, Bound::Above))
    );
    assert_eq!(
        first("values_many_to_one").instances,
        values(scored(
            Assignment::GreedyManyToOne,
            Score::Iou,
            Bound::AtLeast(0.1)
        ))
    );
    assert_eq!(
        first("values_merge").instances,
        values(scored(Assignment::Merging, Score::Iou, Bound::AtLeast(0.3)))
    );
    assert_eq!(
        first("components6_iou").instances,
        Some(components(Connectivity::Six, greedy))
    );
    assert_eq!(
        first("organs_single").instances,
        values(Matching::SameValue)
    );
    let decided = |matching| {
        values(matching).map(|instances| Instances {
            counts_if: Some(Agreement {
                score: Score::Iou,
                bound: Bound::AtLeast(0.6),
            }),
            ..instances
        })
    };
    assert_eq!(
        first("matched_decision").instances,
        decided(Matching::SameValue)
    );
    assert_eq!(
        first("values_decision").instances,
        decided(scored(Assignment::Greedy, Score::Dice, Bound::AtLeast(0.2)))
    );
    // Unequal values of a group stay apart, those of a merged one join.
    let many = format("panoptica/components26_many_to_one.yaml");
    let by = |name: &str| many.structure(name).unwrap().instances.as_ref().unwrap().by;
    let all = Connectivity::TwentySix;
    assert_eq!(by("et"), InstancesBy::Components(all));
    assert_eq!(by("wt"), InstancesBy::Components(all));
    assert_eq!(by("any"), InstancesBy::ComponentsOfEachValue(all));
    let ungrouped = first("panoptica_evaluator_default");
    assert_eq!(ungrouped.name, "ungrouped");
    assert_eq!(ungrouped.values, Values::at_least(1).unwrap());
    assert_eq!(
        first("panoptica_evaluator_VERSE").values.to_string(),
        "1-26"
    );
}

#[test]
fn what_panoptica_says_and_we_cannot_is_noted() {
    let notes = |name: &str| format(&format!("panoptica/{name}.yaml")).notes;
    assert_eq!(
        notes("regions_voronoi"),
        [
            "per_region_evaluation is not taken over: instances are matched in the whole volume.",
            "instance_metrics: CEDI has no equal here and is left out.",
        ]
    );
    let assd = format("panoptica/values_assd.yaml");
    assert_eq!(
        assd.notes,
        ["instance_matcher: only IOU and DSC are matched by here, and instances are left out."]
    );
    assert_eq!(assd.structures[0].instances, None);
    assert_eq!(assd.structures[0].metrics.as_deref().unwrap(), ["dice"]);
}

#[test]
fn nnunet_and_the_decathlon_name_labels_and_regions() {
    let shown = |set: &StructureSet| -> Vec<String> {
        let structures = set.structures.iter();
        structures
            .map(|s| format!("{}={}", s.name, s.values))
            .collect()
    };
    let ignore = format("nnunet/ignore/dataset.json");
    assert_eq!(
        shown(&ignore),
        ["whole_tumor=1-3", "tumor_core=2-3", "enhancing_tumor=3"]
    );
    assert_eq!(ignore.ignore, [4]);
    assert_eq!(ignore.name, "dataset");
    let kits = format("nnunet/kits/dataset.json");
    assert_eq!(shown(&kits), ["kidney=1-3", "masses=2-3", "tumor=2"]);
    let organs = format("nnunet/organs/dataset.json");
    assert_eq!(organs.structures.len(), 25);
    assert_eq!(
        organs.structure("label 65535").unwrap().values.single(),
        Some(65535)
    );
    assert_eq!(
        organs.notes,
        ["The name \"prostate/uterus\" is written \"prostate_uterus\"."]
    );
    let decathlon = format("decathlon/dataset.json");
    assert_eq!(decathlon.name, "KidneyTumour");
    assert_eq!(shown(&decathlon), ["kidney=1", "tumour=2", "cyst=3"]);
}

#[test]
fn mists_lesions_are_taken_over() {
    let set = format("mist/evaluation.json");
    assert_eq!(names(&set), ["et", "whole_tumor", "core"]);
    let mist = |dilation, consolidation, mm3: Option<f64>| Instances {
        consolidation,
        min_volume: mm3.map(|mm3| MinVolume {
            mm3: Bound::AtLeast(mm3),
            excuses: false,
        }),
        ..components(Connectivity::Eighteen, Matching::Touching(dilation))
    };
    let steps = |steps| Some(Dilation::Steps(steps));
    assert_eq!(
        set.structures[0].instances,
        Some(mist(steps(3), None, Some(10.0)))
    );
    assert_eq!(
        set.structures[1].instances,
        Some(mist(steps(3), steps(3), Some(15.0)))
    );
    assert_eq!(
        set.structures[2].instances,
        Some(mist(steps(1), steps(1), None))
    );
    assert_eq!(
        set.structures[1].metrics.as_deref().unwrap(),
        [
            "dice",
            "hd95_surfel",
            "nsd_2mm",
            "lesionwise_dice",
            "lesionwise_hd95_surfel",
            "lesionwise_nsd_1mm",
            "detection_f1",
        ]
    );
    let rule = |situation| {
        let rules = &set.structures[0].empty;
        let found = rules
            .iter()
            .find(|rule| rule.metric == "hd95_surfel" && rule.situation == situation);
        found.map(|rule| rule.becomes)
    };
    assert_eq!(rule(Situation::BothEmpty), Some(Becomes::Value(0.0)));
    assert_eq!(rule(Situation::PredictionEmpty), Some(Becomes::Diagonal));
    assert_eq!(rule(Situation::NoMatch), None);
    assert_eq!(
        set.notes,
        [
            "lesion_wise_haus95: a missed or false lesion is the diagonal of the image here, of the box of both \
             masks in MIST.",
        ]
    );
    let classes = written(
        "mist.json",
        r#"{"labels": [0, 1, 2], "final_classes": {"WT": [1, 2], "ET": [2]}}"#,
    );
    assert_eq!(names(&classes.unwrap()), ["WT", "ET"]);
}

#[test]
fn brats_2023_can_be_said() {
    let text = "
        [instances]
        by = \"components\"
        neighbours = 26
        match = \"touching\"
        dilation = 3
        consolidation = 3
        volume-above-mm3 = 50
        excuse-small = true
        [structures]
        WT = [1, 2, 3]
        [structures.ET]
        labels = 3
        metrics = [\"lesionwise_dice\", \"lesionwise_hd95_surfel\"]
        empty.hd95_surfel = { prediction-empty = 374, reference-empty = 374, both-empty = 0 }
    ";
    let set = StructureSet::from_toml(text, Path::new("brats.toml")).unwrap();
    let dilation = Some(Dilation::Steps(3));
    let expected = Instances {
        consolidation: dilation,
        min_volume: Some(MinVolume {
            mm3: Bound::Above(50.0),
            excuses: true,
        }),
        ..components(Connectivity::TwentySix, Matching::Touching(dilation))
    };
    assert_eq!(set.name, "brats");
    for structure in &set.structures {
        assert_eq!(structure.instances.as_ref(), Some(&expected));
    }
    assert_eq!(set.structures[1].empty.len(), 3);
    assert_eq!(reread(&set), set);
}
