//! What is written as TOML reads back to the same set.

use hdbench_score::structures::{
    Agreement, Assignment, Becomes, Bound, Dilation, EmptyRule, Instances, InstancesBy, Matching,
    MinVolume, Score, Situation, Structure, StructureSet, Values, is_instance_metric,
};
use hdbench_volume::components::Connectivity;
use proptest::prelude::*;

use super::data::reread;

fn values() -> impl Strategy<Value = Values> {
    let set = proptest::collection::btree_set(1..=u16::MAX, 1..6);
    let set = set.prop_map(|set| Values::new(set.into_iter().map(|value| value..=value)));
    let run = (1..100u16, 0..40u16).prop_map(|(first, more)| Values::new([first..=first + more]));
    prop_oneof![set, run, (1..9u16).prop_map(Values::at_least)].prop_map(Result::unwrap)
}

fn bound(most: f64) -> impl Strategy<Value = Bound> {
    let number = (0.0..=most).boxed();
    prop_oneof![
        number.clone().prop_map(Bound::Above),
        number.prop_map(Bound::AtLeast)
    ]
}

fn agreement() -> impl Strategy<Value = Agreement> {
    let score = prop_oneof![Just(Score::Iou), Just(Score::Dice)];
    (score, bound(1.0)).prop_map(|(score, bound)| Agreement { score, bound })
}

fn dilation() -> impl Strategy<Value = Option<Dilation>> {
    prop_oneof![
        Just(None),
        (1..=100u32).prop_map(|steps| Some(Dilation::Steps(steps))),
        (0.001..100.0).prop_map(|mm| Some(Dilation::Mm(mm))),
    ]
}

fn instances() -> impl Strategy<Value = Instances> {
    let connectivity = prop_oneof![
        Just(Connectivity::Six),
        Just(Connectivity::Eighteen),
        Just(Connectivity::TwentySix)
    ];
    let by = (connectivity, 0..3).prop_map(|(connectivity, way)| match way {
        0 => InstancesBy::Components(connectivity),
        1 => InstancesBy::ComponentsOfEachValue(connectivity),
        _ => InstancesBy::Values,
    });
    let assignment = prop_oneof![
        Just(Assignment::OneToOne),
        Just(Assignment::Greedy),
        Just(Assignment::GreedyManyToOne),
        Just(Assignment::Merging),
    ];
    let matching = prop_oneof![
        Just(Matching::OverlapGroups),
        Just(Matching::SameValue),
        dilation().prop_map(Matching::Touching),
        (assignment, agreement()).prop_map(|(way, agreed)| Matching::Scored(way, agreed)),
    ];
    let volume = (bound(1e4), any::<bool>()).prop_map(|(mm3, excuses)| MinVolume { mm3, excuses });
    let counts_if = proptest::option::of(agreement());
    (
        by,
        matching,
        counts_if,
        dilation(),
        proptest::option::of(volume),
    )
        .prop_map(|(by, matching, counts_if, consolidation, min_volume)| {
            // What would contradict itself is refused.
            let by = match matching {
                Matching::SameValue => InstancesBy::Values,
                _ => by,
            };
            let are_components = matches!(by, InstancesBy::Components(_));
            Instances {
                by,
                matching,
                counts_if,
                consolidation: consolidation.filter(|_| are_components),
                min_volume,
            }
        })
}

fn empty() -> impl Strategy<Value = Vec<EmptyRule>> {
    let metric = prop_oneof![
        Just("dice"),
        Just("hd95"),
        Just("nsd_1.5mm"),
        Just("instance_dice")
    ];
    let situation = prop_oneof![
        Just(Situation::BothEmpty),
        Just(Situation::ReferenceEmpty),
        Just(Situation::PredictionEmpty),
        Just(Situation::NoMatch),
    ];
    let becomes = prop_oneof![
        Just(Becomes::Undefined),
        Just(Becomes::AsComputed),
        Just(Becomes::Diagonal),
        Just(Becomes::Value(f64::INFINITY)),
        (-1e6..1e6).prop_map(Becomes::Value),
    ];
    proptest::collection::btree_map((metric, situation), becomes, 0..5).prop_map(|rules| {
        let rules = rules.into_iter();
        rules
            .map(|((metric, situation), becomes)| EmptyRule {
                metric: metric.to_owned(),
                situation,
                becomes,
            })
            .collect()
    })
}

fn structure() -> impl Strategy<Value = Structure> {
    let metrics = Just(vec![
        "dice",
        "hd95_6n",
        "nsd_2mm",
        "instance_dice",
        "detection_f1",
    ])
    .prop_shuffle()
    .prop_flat_map(|metrics| (1..=metrics.len()).prop_map(move |n| metrics[..n].to_vec()));
    let metrics = proptest::option::of(metrics);
    let instances = proptest::option::of(instances());
    (
        "[a-zA-Z0-9_.äß肝-][a-z .-]{0,20}[a-z]",
        values(),
        instances,
        metrics,
        empty(),
    )
        .prop_map(|(name, values, instances, metrics, empty)| {
            let own = |metric: &&str| instances.is_some() || !is_instance_metric(metric);
            let metrics = metrics.map(|metrics| {
                let metrics = metrics.into_iter().filter(own);
                metrics.map(str::to_owned).collect::<Vec<_>>()
            });
            Structure {
                name,
                values,
                metrics: metrics.filter(|metrics| !metrics.is_empty()),
                instances,
                empty,
            }
        })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        structures in proptest::collection::vec(structure(), 1..5),
        alike in any::<bool>(),
        name in ".{0,20}",
        notes in proptest::collection::vec(".{0,20}", 0..3),
        ignore in proptest::collection::btree_set(1..=u16::MAX, 0..3),
    ) {
        let first = structures[0].clone();
        let structures: Vec<Structure> = structures
            .into_iter()
            .enumerate()
            .map(|(at, structure)| {
                let own = if alike { first.clone() } else { structure.clone() };
                Structure { name: format!("{} {at}", structure.name), values: structure.values, ..own }
            })
            .collect();
        let ignore = ignore.into_iter().collect();
        let set = StructureSet { name, structures, ignore, every_value: false, notes };
        prop_assert_eq!(reread(&set), set);
    }
}
