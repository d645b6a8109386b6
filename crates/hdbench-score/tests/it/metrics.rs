use std::collections::VecDeque;

use hdbench_score::metrics::distance::nearest_mm;
use hdbench_score::metrics::overlap::Counts;
use hdbench_score::metrics::surface::{Border, border_voxels, distances};
use hdbench_score::metrics::surfel::{SurfelMetrics, SurfelsAsked};
use hdbench_score::metrics::{BitMask, Voxel, nearest_between};
use hdbench_volume::Bounds;
use hdbench_volume::components::{Connectivity, dilate, fill_holes, label, largest};
use ndarray::{Array3, s};
use proptest::prelude::*;

use super::golden::{LABELS, assert_close, cases, number};

const BORDERS: [(usize, Border); 3] = [
    (1, Border::Six),
    (2, Border::Eighteen),
    (3, Border::TwentySix),
];

const CONNECTIVITIES: [(usize, Connectivity); 3] = [
    (6, Connectivity::Six),
    (18, Connectivity::Eighteen),
    (26, Connectivity::TwentySix),
];

#[test]
fn golden_overlap() {
    for case in cases() {
        for (name, value) in LABELS {
            let what = format!("{} {name}", case.name);
            let expected = &case.expected[name];
            let [prediction, reference] = case.masks(value);
            let counts = Counts::of(prediction.view(), reference.view());
            for (key, found) in [
                ("pred", counts.prediction),
                ("ref", counts.reference),
                ("intersection", counts.intersection),
                ("union", counts.union()),
            ] {
                assert_eq!(
                    Some(found),
                    expected["counts"][key].as_u64(),
                    "{what} {key}"
                );
            }
            // MedPy imputes where a mask is empty; the policy of ours is tested elsewhere.
            if counts.prediction > 0 && counts.reference > 0 {
                let medpy = &expected["medpy"];
                for (key, found) in [
                    ("dc", counts.dice()),
                    ("precision", counts.precision()),
                    ("recall", counts.recall()),
                ] {
                    assert_close(found, number(&medpy[key]), 1e-12, &format!("{what} {key}"));
                }
            }
        }
    }
}

#[test]
fn golden_surface_distances_of_medpy_and_metrics_reloaded() {
    for case in cases() {
        for (name, value) in LABELS {
            let expected = &case.expected[name];
            let [prediction, reference] = case.masks(value);
            for (connectivity, border) in BORDERS {
                let what = format!("{} {name} connectivity {connectivity}", case.name);
                let spacing_mm = case.stored_spacing_mm();
                let found = distances(prediction.view(), reference.view(), spacing_mm, border);
                let medpy = &expected["medpy"][format!("connectivity_{connectivity}")];
                let mean = |d: &[f64]| d.iter().sum::<f64>() / d.len() as f64;
                for (key, found) in [
                    ("hd", found.msd()),
                    ("hd95", found.hd95()),
                    ("assd", found.assd()),
                    ("asd_pred_to_ref", mean(&found.pred_to_ref)),
                    ("asd_ref_to_pred", mean(&found.ref_to_pred)),
                ] {
                    assert_close(found, number(&medpy[key]), 1e-9, &format!("{what} {key}"));
                }
                // MetricsReloaded has the 6-neighbour border only, and calls two empty masks 0.
                if border == Border::Six && !found.pred_to_ref.is_empty() {
                    let other = &expected["MetricsReloaded"];
                    for (key, found) in [
                        ("hd", found.msd()),
                        ("hd95", found.hd95_max()),
                        ("assd", found.assd()),
                        ("masd", found.masd()),
                    ] {
                        assert_close(found, number(&other[key]), 1e-9, &format!("{what} {key}"));
                    }
                }
            }
        }
    }
}

#[test]
fn golden_borders_and_distance_transforms_of_scipy() {
    for case in cases() {
        for (name, value) in LABELS {
            for (side, mask) in ["pred", "ref"].into_iter().zip(case.masks(value)) {
                let expected = &case.expected[name]["scipy_edt"];
                let what = format!("{} {name} {side}", case.name);
                for (connectivity, border) in BORDERS {
                    let key = format!("{side}_border_voxels_c{connectivity}");
                    let found = border_voxels(mask.view(), border).len() as u64;
                    assert_eq!(found, expected[&key].as_u64().unwrap_or(0), "{what} {key}");
                }
                if !mask.iter().any(|&v| v) {
                    continue;
                }
                let everywhere: Vec<Voxel> = mask
                    .indexed_iter()
                    .map(|((z, y, x), _)| [z, y, x])
                    .collect();
                let surface = border_voxels(mask.view(), Border::Six);
                let found = nearest_mm(&everywhere, &surface, case.stored_spacing_mm());
                let sum = number(&expected[format!("{side}_edt_to_border_sum")]);
                assert_close(found.iter().sum(), sum, 1e-9, &what);
                let most = number(&expected[format!("{side}_edt_to_border_max")]);
                assert_close(found.into_iter().fold(0.0, f64::max), most, 1e-12, &what);
            }
        }
    }
}

#[test]
fn golden_component_sizes_of_cc3d() {
    for case in cases() {
        for (name, value) in LABELS {
            for (side, mask) in ["pred", "ref"].into_iter().zip(case.masks(value)) {
                for (neighbours, connectivity) in CONNECTIVITIES {
                    let key = format!("{side}_{neighbours}");
                    let expected = &case.expected[name]["cc3d_component_voxels_desc"][&key];
                    let mut found = label(mask.view(), connectivity).sizes;
                    found.sort_by(|a, b| b.cmp(a));
                    let expected: Vec<usize> = serde_json::from_value(expected.clone()).unwrap();
                    assert_eq!(found, expected, "{} {name} {key}", case.name);
                }
            }
        }
    }
}

/// The steps to a voxel's neighbours.
fn steps(neighbours: usize) -> Vec<[isize; 3]> {
    let most = match neighbours {
        6 => 1,
        18 => 2,
        _ => 3,
    };
    (0..27isize)
        .map(|i| [i / 9 - 1, i / 3 % 3 - 1, i % 3 - 1])
        .filter(|step| (1..=most).contains(&step.iter().map(|s| s.abs()).sum::<isize>()))
        .collect()
}

fn value_at(
    mask: &Array3<bool>,
    voxel: [usize; 3],
    step: [isize; 3],
) -> Option<([usize; 3], bool)> {
    let mut at = [0; 3];
    for axis in 0..3 {
        at[axis] = voxel[axis].checked_add_signed(step[axis])?;
    }
    mask.get(at).map(|&value| (at, value))
}

/// Breadth-first labelling in raster order: the oracle of the run-based one.
fn flood_fill(mask: &Array3<bool>, neighbours: usize) -> (Array3<u32>, Vec<usize>) {
    let mut labels = Array3::zeros(mask.dim());
    let mut sizes = Vec::new();
    for ((z, y, x), &value) in mask.indexed_iter() {
        if !value || labels[[z, y, x]] != 0 {
            continue;
        }
        let id = sizes.len() as u32 + 1;
        labels[[z, y, x]] = id;
        let mut queue = VecDeque::from([[z, y, x]]);
        let mut size = 0;
        while let Some(voxel) = queue.pop_front() {
            size += 1;
            for step in steps(neighbours) {
                if let Some((at, true)) = value_at(mask, voxel, step)
                    && labels[at] == 0
                {
                    labels[at] = id;
                    queue.push_back(at);
                }
            }
        }
        sizes.push(size);
    }
    (labels, sizes)
}

fn mask_of(shape: [usize; 3], density: f64) -> impl Strategy<Value = Array3<bool>> {
    prop::collection::vec(
        prop::bool::weighted(density),
        shape.iter().product::<usize>(),
    )
    .prop_map(move |voxels| Array3::from_shape_vec(shape, voxels).unwrap())
}

fn shapes() -> impl Strategy<Value = [usize; 3]> {
    [1..6usize, 1..8usize, 1..9usize]
}

fn masks() -> impl Strategy<Value = Array3<bool>> {
    (shapes(), 0.05..0.95).prop_flat_map(|(shape, density)| mask_of(shape, density))
}

fn pairs() -> impl Strategy<Value = [Array3<bool>; 2]> {
    (shapes(), 0.05..0.95, 0.05..0.95)
        .prop_flat_map(|(shape, a, b)| [mask_of(shape, a).boxed(), mask_of(shape, b).boxed()])
}

fn spacings() -> impl Strategy<Value = [f64; 3]> {
    [0.3..6.0, 0.3..2.0, 0.3..2.0f64]
}

fn metric_tables(masks: &[Array3<bool>; 2], spacing_mm: [f64; 3], border: Border) -> [f64; 6] {
    let found = distances(masks[0].view(), masks[1].view(), spacing_mm, border);
    [
        found.assd(),
        found.masd(),
        found.rmsd(),
        found.msd(),
        found.hd95(),
        found.hd95_max(),
    ]
}

/// Masks as bits in the box of the whole array.
fn bits(masks: &[Array3<bool>; 2]) -> [BitMask; 2] {
    let bounds = Bounds {
        start: [0; 3],
        end: [0, 1, 2].map(|axis| masks[0].shape()[axis]),
    };
    masks
        .each_ref()
        .map(|mask| BitMask::of(mask.view(), bounds, |v| v))
}

/// A few voxels in a box so large that some lie beyond the reach of a local search.
fn scattered() -> impl Strategy<Value = [Array3<bool>; 2]> {
    let points = || prop::collection::vec([0..40usize, 0..70usize, 0..150usize], 1..12);
    [points(), points()].prop_map(|lists| {
        lists.map(|points| {
            let mut mask = Array3::from_elem((40, 70, 150), false);
            for point in points {
                mask[point] = true;
            }
            mask
        })
    })
}

fn brute_force(from: &[Voxel], to: &[Voxel], spacing_mm: [f64; 3]) -> Vec<f64> {
    let square = |a: &Voxel, b: &Voxel| -> f64 {
        (0..3)
            .map(|i| (a[i].abs_diff(b[i]) as f64 * spacing_mm[i]).powi(2))
            .sum()
    };
    let nearest = |a| {
        to.iter()
            .map(|b| square(a, b))
            .fold(f64::INFINITY, f64::min)
    };
    from.iter().map(|a| nearest(a).sqrt()).collect()
}

fn surfel_metrics(masks: &[Array3<bool>; 2], spacing_mm: [f64; 3]) -> [f64; 5] {
    let [prediction, reference] = bits(masks);
    let tolerances_mm = [0.7, 2.0];
    let of = |side_by_side| {
        SurfelMetrics::between(
            &prediction,
            &reference,
            spacing_mm,
            SurfelsAsked::all(&tolerances_mm),
            side_by_side,
        )
    };
    let found = of(true);
    assert_eq!(found.hd95().to_bits(), of(false).hd95().to_bits());
    [
        found.hd95(),
        found.mean_pred_to_ref(),
        found.mean_ref_to_pred(),
        found.nsd(0.7),
        found.nsd(2.0),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn components_are_those_of_a_flood_fill(mask in masks()) {
        for (neighbours, connectivity) in CONNECTIVITIES {
            let found = label(mask.view(), connectivity);
            let (labels, sizes) = flood_fill(&mask, neighbours);
            prop_assert_eq!(&found.labels, &labels);
            prop_assert_eq!(&found.sizes, &sizes);
            let largest = largest(mask.view(), connectivity);
            let most = sizes.iter().max();
            let id = sizes.iter().position(|s| Some(s) == most).map(|i| i as u32 + 1);
            prop_assert_eq!(largest, labels.mapv(|v| Some(v) == id));
        }
    }

    #[test]
    fn holes_are_background_that_no_flood_from_the_border_reaches(mask in masks()) {
        let (labels, _) = flood_fill(&mask.mapv(|v| !v), 6);
        let (nz, ny, nx) = mask.dim();
        let mut outside = std::collections::BTreeSet::new();
        for ((z, y, x), &id) in labels.indexed_iter() {
            if z == 0 || z == nz - 1 || y == 0 || y == ny - 1 || x == 0 || x == nx - 1 {
                outside.insert(id);
            }
        }
        let expected = Array3::from_shape_fn(mask.dim(), |i| mask[i] || !outside.contains(&labels[i]));
        prop_assert_eq!(fill_holes(mask.view()), expected);
    }

    #[test]
    fn dilation_reaches_as_many_face_steps_as_iterations(mask in masks(), iterations in 0..4usize) {
        let on: Vec<_> = mask.indexed_iter().filter(|(_, v)| **v).map(|(i, _)| i).collect();
        let expected = Array3::from_shape_fn(mask.dim(), |(z, y, x)| {
            on.iter().any(|&(a, b, c)| z.abs_diff(a) + y.abs_diff(b) + x.abs_diff(c) <= iterations)
        });
        prop_assert_eq!(dilate(mask.view(), iterations), expected);
    }

    #[test]
    fn border_voxels_have_a_background_neighbour(mask in masks()) {
        for ((_, border), neighbours) in BORDERS.into_iter().zip([6, 18, 26]) {
            let expected: Vec<Voxel> = mask
                .indexed_iter()
                .filter(|(_, value)| **value)
                .map(|((z, y, x), _)| [z, y, x])
                .filter(|&voxel| {
                    steps(neighbours).into_iter().any(|step| {
                        !value_at(&mask, voxel, step).is_some_and(|(_, value)| value)
                    })
                })
                .collect();
            prop_assert_eq!(border_voxels(mask.view(), border), expected);
        }
    }

    #[test]
    fn distances_are_those_of_brute_force([from, to] in pairs(), spacing_mm in spacings(), turn in any::<bool>()) {
        let points = |mask: &Array3<bool>| -> Vec<Voxel> {
            mask.indexed_iter().filter(|(_, v)| **v).map(|((z, y, x), _)| [z, y, x]).collect()
        };
        let (mut from, to) = (points(&from), points(&to));
        if turn {
            from.reverse();
        }
        let found = nearest_mm(&from, &to, spacing_mm);
        prop_assert_eq!(found.len(), from.len());
        for (point, found) in from.iter().zip(found) {
            let expected = to
                .iter()
                .map(|other| {
                    (0..3)
                        .map(|i| (point[i].abs_diff(other[i]) as f64 * spacing_mm[i]).powi(2))
                        .sum::<f64>()
                        .sqrt()
                })
                .fold(f64::INFINITY, f64::min);
            prop_assert!(found == expected || (found - expected).abs() <= 1e-12 * expected, "{found} {expected}");
        }
    }

    #[test]
    fn distances_between_masks_are_those_of_brute_force(
        near in pairs(),
        far in scattered(),
        spacing_mm in spacings(),
    ) {
        for masks in [near, far] {
            let [from, to] = bits(&masks);
            let found = nearest_between(&from, &to, spacing_mm);
            let expected = brute_force(&from.voxels(), &to.voxels(), spacing_mm);
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.into_iter().zip(expected) {
                prop_assert!(found == expected || (found - expected).abs() <= 1e-12 * expected, "{found} {expected}");
            }
        }
    }

    #[test]
    fn surfel_metrics_follow_the_masks(pair in pairs(), spacing_mm in spacings()) {
        let [a, b] = &pair;
        if !a.iter().any(|&v| v) || !b.iter().any(|&v| v) {
            return Ok(());
        }
        let expected = surfel_metrics(&pair, spacing_mm);
        let [hd95, to_ref, to_pred, near, nearer] = surfel_metrics(&[b.clone(), a.clone()], spacing_mm);
        prop_assert_eq!([hd95, to_pred, to_ref, near, nearer].map(f64::to_bits), expected.map(f64::to_bits));
        prop_assert!(expected[3] <= expected[4] && (0.0..=1.0).contains(&expected[4]));
        prop_assert_eq!(surfel_metrics(&[a.clone(), a.clone()], spacing_mm), [0.0, 0.0, 0.0, 1.0, 1.0]);
        let turned = pair.each_ref().map(|mask| mask.view().permuted_axes([2, 0, 1]).to_owned());
        let [z, y, x] = spacing_mm;
        let found = surfel_metrics(&turned, [x, z, y]);
        for (found, expected) in found.into_iter().zip(expected).skip(1) {
            assert_close(found, expected, 1e-12, "turned");
        }
    }

    #[test]
    fn metrics_are_symmetric_bit_for_bit([a, b] in pairs(), spacing_mm in spacings()) {
        for (_, border) in BORDERS {
            let one = metric_tables(&[a.clone(), b.clone()], spacing_mm, border).map(f64::to_bits);
            let other = metric_tables(&[b.clone(), a.clone()], spacing_mm, border).map(f64::to_bits);
            prop_assert_eq!(one, other);
        }
        let counts = Counts::of(a.view(), b.view());
        let swapped = Counts::of(b.view(), a.view());
        prop_assert_eq!(counts.dice().to_bits(), swapped.dice().to_bits());
        prop_assert_eq!(counts.precision().to_bits(), swapped.recall().to_bits());
    }

    #[test]
    fn metrics_do_not_change_where_the_masks_lie(pair in pairs(), spacing_mm in spacings(), shift in [0..4usize, 0..4usize, 0..4usize]) {
        let (nz, ny, nx) = pair[0].dim();
        let moved = pair.each_ref().map(|mask| {
            let mut out = Array3::from_elem((nz + 5, ny + 5, nx + 5), false);
            let [z, y, x] = shift;
            out.slice_mut(s![z..z + nz, y..y + ny, x..x + nx]).assign(mask);
            out
        });
        let bits = |masks| metric_tables(masks, spacing_mm, Border::Eighteen).map(f64::to_bits);
        prop_assert_eq!(bits(&pair), bits(&moved));
    }

    #[test]
    fn metrics_do_not_depend_on_the_order_of_the_axes(pair in pairs(), spacing_mm in spacings()) {
        let turned = pair.each_ref().map(|mask| mask.view().permuted_axes([2, 0, 1]).to_owned());
        let [z, y, x] = spacing_mm;
        let expected = metric_tables(&pair, spacing_mm, Border::Eighteen);
        let found = metric_tables(&turned, [x, z, y], Border::Eighteen);
        for (found, expected) in found.into_iter().zip(expected) {
            assert_close(found, expected, 1e-12, "turned");
        }
    }

    #[test]
    fn overlap_metrics_follow_from_each_other([a, b] in pairs()) {
        let counts = Counts::of(a.view(), b.view());
        if counts.both_empty() {
            return Ok(());
        }
        let dice = counts.dice();
        assert_close(counts.jaccard(), dice / (2.0 - dice), 1e-14, "Jaccard from Dice");
        assert_close(counts.voe(), 1.0 - counts.jaccard(), 1e-14, "VOE from Jaccard");
        let same = Counts::of(a.view(), a.view());
        if !same.both_empty() {
            prop_assert_eq!((same.dice(), same.voe(), same.rvd()), (1.0, 0.0, 0.0));
            prop_assert_eq!(metric_tables(&[a.clone(), a], [1.0; 3], Border::Six), [0.0; 6]);
        }
    }
}

#[test]
fn an_empty_mask_has_no_distances() {
    let empty = Array3::from_elem((3, 3, 3), false);
    let mut one = empty.clone();
    one[[1, 1, 1]] = true;
    for masks in [
        [empty.clone(), empty.clone()],
        [empty.clone(), one.clone()],
        [one, empty.clone()],
    ] {
        assert!(
            metric_tables(&masks, [1.0; 3], Border::Eighteen)
                .iter()
                .all(|v| v.is_nan())
        );
    }
    assert!(label(empty.view(), Connectivity::Six).sizes.is_empty());
    assert_eq!(nearest_mm(&[[0, 0, 0]], &[], [1.0; 3]), [f64::INFINITY]);
    let nothing = Array3::from_elem((0, 2, 0), false);
    assert!(
        label(nothing.view(), Connectivity::TwentySix)
            .sizes
            .is_empty()
    );
    assert_eq!(fill_holes(nothing.view()).dim(), (0, 2, 0));
    assert_eq!(Bounds::of(nothing.view()), None);
}

#[test]
fn an_odd_memory_layout_changes_nothing() {
    let mut mask = Array3::from_elem((3, 4, 5), false);
    for voxel in [[0, 0, 0], [0, 1, 1], [2, 3, 4], [2, 2, 4]] {
        mask[voxel] = true;
    }
    let turned = mask.view().reversed_axes();
    let expected = label(turned.as_standard_layout().view(), Connectivity::Eighteen);
    assert_eq!(label(turned, Connectivity::Eighteen), expected);
    assert_eq!(expected.sizes, [2, 2]);
}
