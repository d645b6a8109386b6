use hdbench::inference::postprocess::{Rules, segment};
use hdbench::recipe::{LesionRule, LiverRule};
use ndarray::{Array3, ArrayView3, s};

const SHAPE: (usize, usize, usize) = (9, 12, 14);

/// Probabilities of liver and lesion, all background at first.
struct Scores {
    liver: Array3<f32>,
    lesion: Array3<f32>,
}

impl Scores {
    fn new() -> Self {
        Self {
            liver: Array3::zeros(SHAPE),
            lesion: Array3::zeros(SHAPE),
        }
    }

    /// Gives a box `z, y, x` these probabilities.
    fn with(mut self, [z, y, x]: [std::ops::Range<usize>; 3], liver: f32, lesion: f32) -> Self {
        let place = s![z, y, x];
        self.liver.slice_mut(place).fill(liver);
        self.lesion.slice_mut(place).fill(lesion);
        self
    }

    /// A liver of 5 x 8 x 8 voxels at `2..7, 2..10, 2..10`.
    fn liver() -> Self {
        Self::new().with([2..7, 2..10, 2..10], 0.9, 0.0)
    }

    fn segment(&self, coarse: Option<&Array3<bool>>, rules: &Rules) -> Array3<u8> {
        segment(&self.liver, &self.lesion, coarse, rules)
    }
}

fn count(map: ArrayView3<'_, u8>, label: u8) -> usize {
    map.iter().filter(|&&v| v == label).count()
}

fn coarse_box([z, y, x]: [std::ops::Range<usize>; 3]) -> Array3<bool> {
    let mut coarse = Array3::from_elem(SHAPE, false);
    coarse.slice_mut(s![z, y, x]).fill(true);
    coarse
}

#[test]
fn islands_go_and_holes_are_filled() {
    let map = Scores::liver()
        .with([3..5, 4..6, 4..6], 0.1, 0.0) // a hole
        .with([2..3, 9..10, 9..10], 0.1, 0.0) // a notch in the corner, open to the outside
        .with([0..1, 0..1, 0..3], 0.9, 0.0) // an island
        .segment(None, &Rules::paper());
    assert_eq!(count(map.view(), 1), 5 * 8 * 8 - 1);
    assert_eq!(map[[4, 5, 5]], 1);
    assert_eq!(map[[2, 9, 9]], 0);
    assert_eq!(map[[0, 0, 0]], 0);
}

#[test]
fn paper_keeps_lesions_inside_the_final_liver() {
    let scores =
        Scores::liver()
            .with([4..5, 4..7, 4..7], 0.1, 0.8)
            .with([4..5, 0..1, 12..14], 0.1, 0.8);
    let map = scores.segment(None, &Rules::paper());
    assert_eq!(count(map.view(), 2), 9);
    assert_eq!(count(map.view(), 1), 5 * 8 * 8 - 9);
    // A coarse mask around both does not bring the far one back.
    let everywhere = coarse_box([0..9, 0..12, 0..14]);
    assert_eq!(scores.segment(Some(&everywhere), &Rules::paper()), map);
}

#[test]
fn paper_counts_a_lesion_as_part_of_the_organ() {
    // A rim of 0.45 + 0.45 reaches the surface, so that no hole filling hides the rule.
    let scores = Scores::liver().with([4..5, 4..6, 2..4], 0.45, 0.45);
    let paper = scores.segment(None, &Rules::paper());
    assert_eq!(count(paper.view(), 1), 5 * 8 * 8);
    let alone = Rules {
        liver: LiverRule::LiverOrLesion,
        ..Rules::paper()
    };
    assert_eq!(count(scores.segment(None, &alone).view(), 1), 5 * 8 * 8 - 4);
}

#[test]
fn thresholds_include_their_value() {
    let at = Scores::new().with([1..3, 1..3, 1..3], 0.5, 0.0);
    assert_eq!(count(at.segment(None, &Rules::paper()).view(), 1), 8);
    let lesion = Scores::liver().with([4..5, 4..5, 4..5], 0.1, 0.9);
    let coarse = coarse_box([2..7, 2..10, 2..10]);
    assert_eq!(
        count(lesion.segment(Some(&coarse), &Rules::released()).view(), 2),
        1
    );
    let below = Scores::liver().with([4..5, 4..5, 4..5], 0.1, 0.899);
    let map = below.segment(Some(&coarse), &Rules::released());
    // What is neither becomes liver again by hole filling, as in the authors' code.
    assert_eq!((map[[4, 4, 4]], count(map.view(), 2)), (1, 0));
}

#[test]
fn released_keeps_lesions_inside_the_coarse_mask_dilated_twice() {
    let coarse = coarse_box([2..7, 2..10, 2..9]);
    // Voxels at x = 9, 10, 11: one, two and three steps from the mask; x = 11 is too far.
    let map = Scores::liver()
        .with([4..5, 5..6, 9..12], 0.0, 0.95)
        .segment(Some(&coarse), &Rules::released());
    assert_eq!((map[[4, 5, 9]], map[[4, 5, 10]]), (2, 2));
    assert_eq!(
        map[[4, 5, 11]],
        1,
        "joined to the liver as a lesion voxel, then no lesion"
    );
    // A lesion apart from the liver stays if the coarse mask holds it.
    let apart = Scores::liver()
        .with([4..5, 5..6, 12..13], 0.0, 0.95)
        .segment(Some(&coarse_box([2..7, 2..10, 2..12])), &Rules::released());
    assert_eq!(apart[[4, 5, 12]], 2);
    assert_eq!(count(apart.view(), 1), 5 * 8 * 8);
}

#[test]
fn released_ignores_stray_pieces_of_the_coarse_mask_and_fills_lesions() {
    let mut coarse = coarse_box([2..7, 2..10, 2..7]);
    coarse[[0, 0, 13]] = true;
    let map = Scores::liver()
        .with([3..6, 4..7, 4..7], 0.0, 0.95)
        .with([4..5, 5..6, 5..6], 0.9, 0.0) // a hole in the lesion
        .with([0..1, 0..1, 13..14], 0.0, 0.95) // under the stray piece
        .segment(Some(&coarse), &Rules::released());
    assert_eq!(map[[4, 5, 5]], 2);
    assert_eq!(count(map.view(), 2), 27);
    // The paper's rule has no step that fills lesions.
    let paper = Scores::liver()
        .with([3..6, 4..7, 4..7], 0.0, 0.95)
        .with([4..5, 5..6, 5..6], 0.9, 0.0)
        .segment(None, &Rules::paper());
    assert_eq!((paper[[4, 5, 5]], count(paper.view(), 2)), (1, 26));
}

#[test]
fn without_a_coarse_mask_the_final_liver_stands_in() {
    let map = Scores::liver()
        .with([4..5, 4..6, 4..6], 0.0, 0.95)
        .with([0..1, 0..1, 0..1], 0.0, 0.95)
        .segment(None, &Rules::released());
    assert_eq!((count(map.view(), 2), map[[0, 0, 0]]), (4, 0));
}

#[test]
fn of_equal_components_the_first_stays() {
    let map = Scores::new()
        .with([6..8, 8..10, 8..10], 0.9, 0.0)
        .with([1..3, 1..3, 1..3], 0.9, 0.0)
        .segment(None, &Rules::paper());
    assert_eq!(
        (map[[1, 1, 1]], map[[6, 8, 8]], count(map.view(), 1)),
        (1, 0, 8)
    );
}

#[test]
fn corners_hold_the_liver_together() {
    let map = Scores::new()
        .with([1..3, 1..3, 1..3], 0.9, 0.0)
        .with([3..5, 3..5, 3..5], 0.9, 0.0)
        .segment(None, &Rules::paper());
    assert_eq!(count(map.view(), 1), 16);
}

#[test]
fn nothing_predicted_gives_an_empty_map() {
    for rules in [Rules::paper(), Rules::released()] {
        let empty = Scores::new();
        assert_eq!(empty.segment(None, &rules), Array3::<u8>::zeros(SHAPE));
        let no_coarse = Array3::from_elem(SHAPE, false);
        assert_eq!(
            empty.segment(Some(&no_coarse), &rules),
            Array3::<u8>::zeros(SHAPE)
        );
    }
}

#[test]
fn the_presets_are_those_of_the_recipes() {
    let (paper, released) = (Rules::paper(), Rules::released());
    assert_eq!((paper.liver_threshold, paper.lesion_threshold), (0.5, 0.5));
    assert_eq!(
        (released.liver_threshold, released.lesion_threshold),
        (0.5, 0.9)
    );
    assert_eq!(paper.lesions_inside, LesionRule::FinalLiver);
    assert_eq!(released.lesions_inside, LesionRule::DilatedCoarse);
    let json = serde_json::to_string(&released).unwrap();
    assert_eq!(serde_json::from_str::<Rules>(&json).unwrap(), released);
}
