//! Grids that are the same, turned or apart.

use hdbench_volume::{
    Geometry, GridAgreement, GridDifference, GridDistance, LabelBox, Turn, Volume,
};
use ndarray::Array3;
use proptest::prelude::*;

/// Any rotation, anisotropic, sheared a little, mirrored or not.
fn geometries(shape: std::ops::Range<usize>) -> impl Strategy<Value = Geometry> {
    let parts = || prop::array::uniform3(-1.0..1.0_f64);
    (
        prop::array::uniform3(shape),
        (parts(), -3.2..3.2_f64),
        prop::array::uniform3(0.4..6.0_f64),
        prop::array::uniform3(-0.4..0.4_f64),
        prop::array::uniform3(-500.0..500.0_f64),
        any::<bool>(),
    )
        .prop_map(
            |(shape, (axis, angle), spacing_mm, shear, origin, mirrored)| {
                let [u, v, w] = {
                    let length = axis.iter().map(|a| a * a).sum::<f64>().sqrt().max(1e-3);
                    axis.map(|a| a / length)
                };
                let (s, c) = angle.sin_cos();
                let t = 1.0 - c;
                // Rodrigues.
                let rotation = [
                    [c + u * u * t, u * v * t - w * s, u * w * t + v * s],
                    [v * u * t + w * s, c + v * v * t, v * w * t - u * s],
                    [w * u * t - v * s, w * v * t + u * s, c + w * w * t],
                ];
                let mut geometry = Geometry::axis_aligned(shape, spacing_mm);
                let [sz, sy, sx] = spacing_mm;
                for row in 0..3 {
                    let [x, y, z] = rotation[row];
                    let y = y + shear[0] * x;
                    let z = z + shear[1] * x + shear[2] * y;
                    let z = if mirrored { -z } else { z };
                    geometry.affine[row] = [x * sx, y * sy, z * sz, origin[row]];
                }
                let steps = geometry.steps_mm();
                geometry.spacing_mm =
                    steps.map(|step| step.iter().map(|p| p * p).sum::<f64>().sqrt());
                geometry.stored_spacing_mm = geometry.spacing_mm.map(|mm| mm as f32);
                geometry
            },
        )
}

fn turns() -> impl Strategy<Value = Turn> {
    (0..48_usize).prop_map(|at| Turn::all().nth(at).unwrap())
}

/// Every voxel with a number of its own.
fn numbered(geometry: Geometry) -> Volume<usize> {
    let voxels = Array3::from_shape_vec(geometry.shape, (0..geometry.len()).collect()).unwrap();
    Volume { voxels, geometry }
}

fn place(geometry: &Geometry, (z, y, x): (usize, usize, usize)) -> [f64; 3] {
    geometry.position_mm([z, y, x].map(|index| index as f64))
}

fn is_near(a: [f64; 3], b: [f64; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
}

fn apart(agreement: GridAgreement) -> GridDistance {
    match agreement {
        GridAgreement::Apart(distance) => distance,
        other => panic!("{other}"),
    }
}

#[test]
fn there_are_48_turns_and_each_has_its_inverse() {
    let all: Vec<Turn> = Turn::all().collect();
    assert_eq!(all.len(), 48);
    assert!(all[0].is_none());
    let volume = numbered(Geometry::axis_aligned([2, 3, 4], [2.0, 1.0, 0.5]));
    for (at, turn) in all.iter().enumerate() {
        assert!(!all[..at].contains(turn));
        let turned = turn.volume(&volume);
        assert_eq!(
            turn.inverse().volume(&turned).voxels,
            volume.voxels,
            "{turn}"
        );
        assert_eq!(turn.inverse().inverse(), *turn);
    }
    let shown: Vec<String> = all[..3].iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["x, y, z", "x, y, -z", "x, -y, z"]);
}

proptest! {
    #[test]
    fn a_turned_volume_has_its_voxels_where_they_were(geometry in geometries(1..6), turn in turns()) {
        let volume = numbered(geometry);
        let turned = turn.volume(&volume);
        let mut places = vec![[f64::NAN; 3]; volume.voxels.len()];
        for (at, &number) in volume.voxels.indexed_iter() {
            places[number] = place(&volume.geometry, at);
        }
        for (at, &number) in turned.voxels.indexed_iter() {
            prop_assert!(is_near(place(&turned.geometry, at), places[number]));
        }
    }

    #[test]
    fn what_turns_a_grid_back_is_found(geometry in geometries(2..6), turn in turns(), labels in prop::collection::vec((0..125_usize, 1..4_u16), 0..5)) {
        let volume = numbered(geometry);
        let turned = turn.volume(&volume);
        let agreement = volume.geometry.agreement(&turned.geometry);
        if turn.is_none() {
            prop_assert_eq!(agreement, GridAgreement::Same);
        } else {
            prop_assert_eq!(&agreement, &GridAgreement::Turned(turn.inverse()));
            let back = turn.inverse().volume(&turned);
            prop_assert_eq!(&back.voxels, &volume.voxels);
            prop_assert_eq!(volume.geometry.agreement(&back.geometry), GridAgreement::Same);
        }

        let mut map = Volume { voxels: Array3::<u16>::zeros(volume.geometry.shape), geometry: volume.geometry.clone() };
        let count = map.voxels.len();
        for (at, label) in labels {
            map.voxels.as_slice_mut().unwrap()[at % count] = label;
        }
        let boxed = LabelBox::of(&map);
        let turned_box = turn.label_box(&boxed);
        // The box of the turned map, but for the last digits of its place.
        let expected = LabelBox::of(&turn.volume(&map));
        prop_assert_eq!(&turned_box, &expected);
        let back = turn.inverse().label_box(&turned_box);
        prop_assert_eq!((back.start, back.voxels), (boxed.start, boxed.voxels));
    }

    #[test]
    fn a_share_of_a_voxel_is_the_limit(geometry in geometries(2..6), turn in turns(), share in 0.05..0.4_f64, direction in prop::array::uniform3(-1.0..1.0_f64)) {
        let length = direction.iter().map(|p| p * p).sum::<f64>().sqrt();
        prop_assume!(length > 0.1);
        let edge_mm = geometry.spacing_mm.into_iter().fold(f64::INFINITY, f64::min);
        let moved = |mm: f64| {
            let mut moved = turn.geometry(&geometry);
            for (row, part) in moved.affine.iter_mut().zip(direction) {
                row[3] += part / length * mm;
            }
            moved
        };
        let limit_mm = share * edge_mm;
        let fits = |mm: f64| !matches!(geometry.agreement_within(&moved(mm), share), GridAgreement::Apart(_));
        prop_assert!(fits(0.99 * limit_mm));
        prop_assert!(!fits(1.01 * limit_mm));
        let distance = apart(geometry.agreement_within(&moved(1.01 * limit_mm), share));
        prop_assert!((distance.distance_mm - 1.01 * limit_mm).abs() < 1e-6);
        prop_assert!((distance.share_of_voxel - 1.01 * share).abs() < 1e-6);
        prop_assert_eq!(distance.turn, turn.inverse());
        let is_shift = matches!(distance.cause, GridDifference::Shifted { .. });
        prop_assert!(is_shift, "{}", distance);
        // Below the floor nothing counts.
        let is_same = turn.is_none() == (geometry.agreement_within(&moved(0.0099), 0.0) == GridAgreement::Same);
        prop_assert!(is_same);
        // What fits is what the older question says of grids of one order.
        let own = moved(0.3 * edge_mm);
        if turn.is_none() {
            prop_assert_eq!(geometry.apart_mm(&own).is_none(), geometry.agreement(&own) == GridAgreement::Same);
        }
    }
}

/// A CT's grid, as some writer has it.
fn grid(change: impl FnOnce(&mut Geometry)) -> Geometry {
    let mut geometry = Geometry::axis_aligned([75, 512, 512], [2.5, 0.75, 0.75]);
    change(&mut geometry);
    let steps = geometry.steps_mm();
    geometry.spacing_mm = steps.map(|step| step.iter().map(|p| p * p).sum::<f64>().sqrt());
    geometry
}

#[test]
fn the_cause_of_a_distance_is_told() {
    let reference = grid(|_| {});
    let (s, c) = 3.0_f64.to_radians().sin_cos();
    for (other, mm, words) in [
        (
            grid(|other| other.affine[0][3] = 3.0),
            3.0,
            "3.00 mm (4.00 of a voxel) apart: shifted by 3.00, 0.00, 0.00 mm to right, anterior, superior",
        ),
        (
            grid(|other| other.affine[2][2] = 3.0),
            37.0,
            "the spacing differs: 0.7500 x 0.7500 x 3.0000 mm for 0.7500 x 0.7500 x 2.5000 mm",
        ),
        (
            grid(|other| {
                other.affine[0][..2].copy_from_slice(&[0.75 * c, -0.75 * s]);
                other.affine[1][..2].copy_from_slice(&[0.75 * s, 0.75 * c]);
            }),
            28.38,
            "rotated by 3.00 degrees",
        ),
        (
            grid(|other| other.shape[0] = 74),
            2.5,
            "the shape differs: 512 x 512 x 74 voxels for 512 x 512 x 75",
        ),
        (
            // The axes were flipped in the header and the origin was forgotten.
            grid(|other| other.affine[0][0] = -0.75),
            383.25,
            "shifted by -383.25, 0.00, 0.00 mm to right, anterior, superior, after its axes are turned (-x, y, z)",
        ),
    ] {
        let distance = apart(reference.agreement(&other));
        assert!((distance.distance_mm - mm).abs() < 0.01, "{distance}");
        let text = reference.agreement(&other).to_string();
        assert!(text.ends_with(words), "{text}");
    }
    let lps = grid(|other| {
        other.affine[0] = [-0.75, 0.0, 0.0, 383.25];
        other.affine[1] = [0.0, -0.75, 0.0, 383.25];
    });
    let text = reference.agreement(&lps).to_string();
    assert_eq!(text, "the same grid with its axes turned (-x, -y, z)");
    assert_eq!(reference.agreement(&reference).to_string(), "the same grid");
}

#[test]
fn an_axis_of_one_voxel_has_any_direction() {
    let slice = |thickness: f64| {
        let mut slice = Geometry::axis_aligned([1, 5, 6], [2.0, 0.7, 0.8]);
        slice.affine[2][2] = thickness;
        slice
    };
    assert_eq!(slice(2.0).agreement(&slice(-2.0)), GridAgreement::Same);
    let turn = Turn::all()
        .find(|turn| turn.to_string() == "-y, x, z")
        .unwrap();
    let found = slice(2.0).agreement(&turn.geometry(&slice(2.0)));
    assert_eq!(found, GridAgreement::Turned(turn.inverse()));
}
