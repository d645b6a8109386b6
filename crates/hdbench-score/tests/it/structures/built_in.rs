//! The sets that are built in, and how any is found.

use hdbench_score::structures::{
    Assignment, Becomes, Bound, EmptyRule, Matching, Score, Situation, Values, beside, built_in,
    built_in_names, find,
};
use hdbench_volume::components::Connectivity;

use super::data::{components, format, names, reread, scored};

#[test]
fn built_in_sets_are_what_their_sources_say() {
    let count = |name: &str| built_in(name).unwrap().structures.len();
    assert_eq!(
        built_in_names().map_counts(count),
        [
            ("all", 0),
            ("strict", 2),
            ("lits", 2),
            ("msd-task03", 2),
            ("kits23", 3),
            ("amos", 15),
            ("totalsegmentator", 117),
            ("brats-gli", 6),
            ("brats-goat", 3),
            ("brats-menpre", 3),
            ("brats-menrt", 1),
            ("brats-mets", 4),
            ("brats-ped", 6),
            ("brats-2023-gli", 3),
            ("brats-2023-men", 3),
            ("brats-2023-mets", 3),
            ("autopet", 1),
        ]
    );
    for name in built_in_names() {
        let set = find(&name.to_uppercase()).unwrap();
        assert_eq!(set.name, name);
        assert_eq!(reread(&set), set);
    }
    assert!(built_in("all").unwrap().every_value);
    let total = built_in("totalsegmentator").unwrap();
    for (at, structure) in (1..).zip(&total.structures) {
        assert_eq!(structure.values.single(), Some(at));
    }
    assert_eq!(total.structure("liver").unwrap().values.to_string(), "5");
    assert_eq!(total.structures[116].name, "costal_cartilages");
    for name in ["strict", "lits"] {
        let set = built_in(name).unwrap();
        assert_eq!(set.structures[0].values, Values::at_least(1).unwrap());
        let lesion = components(Connectivity::Six, Matching::OverlapGroups);
        assert_eq!(set.structures[1].instances, Some(lesion));
    }
}

/// For a list of names with a number each.
trait MapCounts {
    fn map_counts(self, count: impl Fn(&str) -> usize) -> Vec<(&'static str, usize)>;
}

impl MapCounts for Vec<&'static str> {
    fn map_counts(self, count: impl Fn(&str) -> usize) -> Vec<(&'static str, usize)> {
        self.into_iter().map(|name| (name, count(name))).collect()
    }
}

#[test]
fn the_six_of_brats_are_the_official_configurations() {
    for config in ["GoAT", "MenPre", "MenRT", "gli", "mets", "ped"] {
        let ours = built_in(&format!("brats-{config}")).unwrap();
        let official = format(&format!("panoptica/brats_{config}.yaml"));
        assert_eq!(ours.structures, official.structures, "{config}");
        assert!(official.notes.is_empty(), "{:?}", official.notes);
    }
    let mets = format("panoptica/brats_mets.yaml");
    assert_eq!(names(&mets), ["et", "rc", "tc", "wt"]);
    let matching = scored(Assignment::OneToOne, Score::Dice, Bound::AtLeast(1e-6));
    let wt = mets.structure("wt").unwrap();
    assert_eq!(
        wt.instances,
        Some(components(Connectivity::TwentySix, matching))
    );
    assert_eq!(wt.values.to_string(), "1-3");
    assert_eq!(
        wt.metrics.as_deref().unwrap(),
        [
            "dice",
            "nsd_panoptica_voxels",
            "hd95_6n_voxels",
            "detection_tp",
            "detection_fp",
            "detection_fn",
            "detection_precision",
            "detection_recall",
            "recognition_quality",
            "panoptic_quality_dice",
            "instance_dice",
            "instance_nsd_panoptica",
            "instance_hd95_6n"
        ]
    );
    let rule = |situation, becomes| EmptyRule {
        metric: "hd95_6n".to_owned(),
        situation,
        becomes,
    };
    let of_hd95: Vec<&EmptyRule> = wt
        .empty
        .iter()
        .filter(|rule| rule.metric == "hd95_6n")
        .collect();
    assert_eq!(
        of_hd95,
        [
            &rule(Situation::BothEmpty, Becomes::Undefined),
            &rule(Situation::ReferenceEmpty, Becomes::Value(f64::INFINITY)),
            &rule(Situation::PredictionEmpty, Becomes::Value(f64::INFINITY)),
            &rule(Situation::NoMatch, Becomes::Value(f64::INFINITY)),
        ]
    );
}

#[test]
fn names_and_paths_are_found() {
    let message = |name: &str| find(name).unwrap_err().to_string();
    assert_eq!(
        message("brats-gly"),
        "\"brats-gly\" is neither a built-in set of structures nor a file\nhint: did you mean brats-gli? built in are \
         all, strict, lits, msd-task03, kits23, amos, totalsegmentator, brats-gli, brats-goat, brats-menpre, \
         brats-menrt, brats-mets, brats-ped, brats-2023-gli, brats-2023-men, brats-2023-mets, autopet; a file is \
         given by its path"
    );
    assert!(message("nothing/like.toml").starts_with("nothing/like.toml: cannot read:"));
    let dir = tempfile::tempdir().unwrap();
    let labels = dir.path().join("labelsTr");
    std::fs::create_dir(&labels).unwrap();
    assert_eq!(beside(&labels).unwrap(), None);
    let path = dir.path().join("dataset.json");
    std::fs::write(&path, r#"{"name": "another program's"}"#).unwrap();
    assert_eq!(beside(&labels).unwrap(), None);
    std::fs::write(&path, r#"{"labels": {"background": 0, "spleen": 1}}"#).unwrap();
    for root in [labels.as_path(), dir.path(), &labels.join("a.nii.gz")] {
        let (found, set) = beside(root).unwrap().unwrap();
        assert_eq!(found, path);
        assert_eq!(names(&set), ["spleen"]);
    }
}
