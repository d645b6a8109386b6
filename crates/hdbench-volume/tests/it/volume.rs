//! NIfTI in and out, orientation: against files written and read by nibabel and SimpleITK.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use hdbench_ground::error::{Error, ExitCode};
use hdbench_volume::{self as volume, Geometry, Orientation, Volume};
use ndarray::{Array3, Axis};
use proptest::prelude::*;
use serde::Deserialize;

type Affine = [[f64; 4]; 4];

/// What nibabel read; volumes x fastest.
#[derive(Deserialize)]
struct Expected {
    shape_xyz: [usize; 3],
    zooms_xyz: [f64; 3],
    affine: Affine,
    orientation: String,
    values: Vec<f64>,
    canonical: Canonical,
}

#[derive(Deserialize)]
struct Canonical {
    shape_xyz: [usize; 3],
    affine: Affine,
    values: Vec<f64>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/nifti")
}

fn expected() -> BTreeMap<String, Expected> {
    let text = fs::read_to_string(fixtures().join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn reversed<T: Copy>([a, b, c]: [T; 3]) -> [T; 3] {
    [c, b, a]
}

#[track_caller]
fn assert_affine(found: &Affine, expected: &Affine, context: &str) {
    for (f, e) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!(
            (f - e).abs() <= 1e-5 * e.abs().max(1.0),
            "{context}: {found:?} != {expected:?}"
        );
    }
}

fn message(error: &Error) -> String {
    assert_eq!(error.exit_code(), ExitCode::BadInput, "{error}");
    let text = error.to_string();
    assert!(text.contains("hint: "), "{text}");
    text
}

#[test]
fn every_fixture_reads_as_nibabel_reads_it() {
    let all = expected();
    assert_eq!(all.len(), 41);
    for (name, expected) in &all {
        let volume = volume::read_image(&fixtures().join(name)).unwrap();
        let geometry = &volume.geometry;
        assert_eq!(geometry.shape, reversed(expected.shape_xyz), "{name}");
        assert_affine(&geometry.affine, &expected.affine, name);
        for (stored, zoom) in reversed(geometry.stored_spacing_mm)
            .iter()
            .zip(expected.zooms_xyz)
        {
            assert!(
                (f64::from(*stored) - zoom).abs() < 1e-6,
                "{name}: {stored} != {zoom}"
            );
        }
        let values: Vec<f32> = expected.values.iter().map(|&v| v as f32).collect();
        assert_eq!(volume.voxels.as_slice().unwrap(), values, "{name}");
        assert_eq!(
            *geometry,
            volume::read_geometry(&fixtures().join(name)).unwrap()
        );

        let orientation = Orientation::of(geometry);
        assert_eq!(orientation.to_string(), expected.orientation, "{name}");
        let canonical = orientation.to_canonical(&volume);
        let values: Vec<f32> = expected
            .canonical
            .values
            .iter()
            .map(|&v| v as f32)
            .collect();
        assert_eq!(canonical.voxels.as_slice().unwrap(), values, "{name}");
        assert_eq!(
            canonical.geometry.shape,
            reversed(expected.canonical.shape_xyz),
            "{name}"
        );
        assert_affine(&canonical.geometry.affine, &expected.canonical.affine, name);
        assert_eq!(
            orientation.from_canonical(&canonical.voxels),
            volume.voxels,
            "{name}"
        );
    }
}

#[test]
fn what_is_odd_in_a_header_is_noted() {
    let notes_of = |path: &Path| {
        let notes = volume::read_header(path).unwrap().notes;
        let lines: Vec<String> = notes.iter().map(ToString::to_string).collect();
        lines.join("; ")
    };
    let notes = |name: &str| notes_of(&fixtures().join(name));
    assert_eq!(notes("int16_le.nii"), "");
    assert!(notes("metres.nii").contains("metres"));
    assert!(notes("neither.nii").contains("no orientation"));
    let mut bytes = fs::read(fixtures().join("int16_le.nii")).unwrap();
    bytes[72] = 32;
    let note = in_a_file(&bytes, notes_of);
    assert!(
        note.contains("32 bits") && note.contains("means 16"),
        "{note}"
    );
}

#[test]
fn what_is_no_single_real_nifti_1_volume_is_refused_by_name() {
    for (name, says) in [
        ("refused_nifti2.nii", "found NIfTI-2"),
        ("refused_pair.hdr", ".hdr/.img pair"),
        ("refused_analyze.hdr", "ANALYZE 7.5"),
        ("refused_complex64.nii", "Complex64"),
        ("refused_rgb24.nii", "Rgb24"),
        ("refused_two_volumes.nii", "dim[4] is 2"),
        (
            "refused_not_finite.nii",
            "2 of 60 voxels are no finite numbers, the first NaN at x 1, y 2, z 3",
        ),
    ] {
        let path = fixtures().join(name);
        let text = message(&volume::read_image(&path).unwrap_err());
        assert!(text.contains(says) && text.contains(name), "{text}");
    }
    let missing = volume::read_image(Path::new("nowhere.nii")).unwrap_err();
    assert!(matches!(missing, Error::Read { .. }), "{missing}");
    for (bytes, says) in [
        (&b""[..], "0 bytes"),
        (b"NRRD0004 type: short", "NRRD"),
        (b"a text about livers", "begins otherwise"),
    ] {
        let text = in_a_file(bytes, |path| {
            message(&volume::read_image(path).unwrap_err())
        });
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn labels_are_whole_numbers_from_0_to_255() {
    let labels = |values: [f32; 4]| {
        let mut bytes = header([4, 1, 1], 16, 32);
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        in_a_file(&bytes, volume::read_labels)
    };
    let rounded = labels([0.0, 0.9995, 2.0002, 255.0]).unwrap();
    assert_eq!(rounded.voxels.as_slice().unwrap(), [0, 1, 2, 255]);
    for (bad, says) in [
        (0.5, "0.5"),
        (256.0, "256"),
        (-1.0, "-1"),
        (f32::NAN, "NaN"),
    ] {
        let text = message(&labels([0.0, 1.0, bad, 2.0]).unwrap_err());
        assert!(
            text.contains(&format!("the first {says} at x 2, y 0, z 0")),
            "{text}"
        );
    }
    let text = message(&volume::read_labels(&fixtures().join("int16_le.nii")).unwrap_err());
    assert!(text.contains("the first -1000"), "{text}");
}

/// What is read without its background is what is read whole.
fn assert_box_is_whole(path: &Path) {
    let whole = volume::read_labels(path).unwrap();
    let boxed = volume::read_label_box(path).unwrap();
    assert_eq!(boxed.geometry, whole.geometry);
    let found = boxed.window([0; 3], whole.geometry.shape);
    assert_eq!(found, whole.voxels, "{}", path.display());
    match boxed.bounds() {
        Some((start, end)) => {
            for axis in 0..3 {
                let lane = |index| {
                    boxed
                        .voxels
                        .index_axis(Axis(axis), index)
                        .iter()
                        .any(|&v| v != 0)
                };
                assert!(
                    lane(0) && lane(end[axis] - start[axis] - 1),
                    "{}",
                    path.display()
                );
            }
        }
        None => assert!(whole.voxels.iter().all(|&v| v == 0)),
    }
}

#[test]
fn label_boxes_hold_every_label() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden");
    let mut files = 0;
    for entry in fs::read_dir(golden).unwrap() {
        let folder = entry.unwrap().path();
        for name in ["ref.nii.gz", "pred.nii.gz"] {
            let path = folder.join(name);
            if path.exists() {
                assert_box_is_whole(&path);
                files += 1;
            }
        }
    }
    assert!(files >= 42, "{files}");
}

#[test]
fn label_boxes_refuse_what_whole_maps_refuse() {
    let mut bytes = header([4, 2, 1], 16, 32);
    bytes.extend(
        [0.0, 1.0, 0.5, f32::NAN, 0.0, 0.0, 2.0, -0.0_f32]
            .iter()
            .flat_map(|v| v.to_le_bytes()),
    );
    in_a_file(&bytes, |path| {
        let [whole, boxed] = [
            volume::read_labels(path).map(|_| ()),
            volume::read_label_box(path).map(|_| ()),
        ]
        .map(|result| message(&result.unwrap_err()));
        assert_eq!(whole, boxed);
        assert!(boxed.contains("2 of 8 voxels"), "{boxed}");
    });
    let short = &bytes[..bytes.len() - 1];
    in_a_file(short, |path| {
        let text = message(&volume::read_label_box(path).unwrap_err());
        assert!(text.contains("truncated"), "{text}");
    });
    // With an intercept, a stored zero is a label.
    put_scaling(&mut bytes, 0.5, 1.0);
    bytes.truncate(352);
    bytes.extend(
        [0.0, 2.0, -2.0, 0.0, 0.0, 0.0, 0.0, 0.0_f32]
            .iter()
            .flat_map(|v| v.to_le_bytes()),
    );
    in_a_file(&bytes, assert_box_is_whole);
}

fn put_scaling(bytes: &mut [u8], slope: f32, inter: f32) {
    bytes[112..116].copy_from_slice(&slope.to_le_bytes());
    bytes[116..120].copy_from_slice(&inter.to_le_bytes());
}

/// A sound little-endian header of one `[x, y, z]` volume, with the four bytes after it.
fn header(shape: [i16; 3], datatype: i16, bits: i16) -> Vec<u8> {
    let mut bytes = vec![0; 352];
    let mut put =
        |offset: usize, field: &[u8]| bytes[offset..offset + field.len()].copy_from_slice(field);
    put(0, &348_i32.to_le_bytes());
    put(40, &3_i16.to_le_bytes());
    for (axis, size) in shape.iter().enumerate() {
        put(42 + 2 * axis, &size.to_le_bytes());
        put(80 + 4 * axis, &0.75_f32.to_le_bytes());
        put(280 + 20 * axis, &0.75_f32.to_le_bytes());
    }
    put(70, &datatype.to_le_bytes());
    put(72, &bits.to_le_bytes());
    put(108, &352_f32.to_le_bytes());
    put(254, &1_i16.to_le_bytes());
    put(344, b"n+1\0");
    bytes
}

fn in_a_file<T>(bytes: &[u8], use_it: impl FnOnce(&Path) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.nii");
    fs::write(&path, bytes).unwrap();
    use_it(&path)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = hdbench_volume::artifact::gzip_writer(Vec::new(), 6);
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// One sound file of 4 x 3 x 2 `int16` voxels, spoilt in one place.
fn spoilt(offset: usize, field: &[u8]) -> String {
    let mut bytes = header([4, 3, 2], 4, 16);
    bytes.extend([7; 48]);
    assert!(in_a_file(&bytes, volume::read_image).is_ok());
    bytes[offset..offset + field.len()].copy_from_slice(field);
    in_a_file(&bytes, |path| {
        message(&volume::read_image(path).unwrap_err())
    })
}

#[test]
fn hostile_headers_are_refused_with_the_field() {
    let f = |v: f32| v.to_le_bytes();
    let i = |v: i16| v.to_le_bytes();
    for (offset, field, says) in [
        (40, &i(0)[..], "dim[0] is 0"),
        (40, &i(8), "dim[0] is 8"),
        (40, &i(-1), "dim[0] is -1"),
        (44, &i(0), "dim[2] is 0"),
        (46, &i(-5), "dim[3] is -5"),
        (42, &[i(32767); 3].concat(), "32767 x 32767 x 32767"),
        (70, &i(9999), "datatype 9999"),
        (70, &i(1536), "Float128"),
        (108, &f(0.0), "vox_offset is 0"),
        (108, &f(f32::NAN), "vox_offset is NaN"),
        (108, &f(352.5), "vox_offset is 352.5"),
        (
            108,
            &f(1e30),
            "vox_offset is 1000000000000000000000000000000",
        ),
        (108, &f(1e9), "promises 1000000048 bytes"),
        (
            112,
            &[f(2.0), f(f32::INFINITY)].concat(),
            "scl_inter is inf",
        ),
        (280, &f(f32::NAN), "sform holds values that are no numbers"),
        (280, &[0; 48], "sform is singular"),
        // Found by fuzzing: read as metres, this was written as infinite and not read again.
        (280, &f(3e38), "a voxel measures 3.0000000054977558e38 mm"),
        (292, &f(1e9), "the first voxel lies 1e9 mm from the origin"),
        (80, &f(1e7), "a voxel measures 1e7 mm"),
        (80, &f(1e-6), "a voxel measures"),
    ] {
        let text = spoilt(offset, field);
        assert!(text.contains(says), "{says}: {text}");
    }
    // Voxel sizes count where there is no sform, and only there.
    for (offset, size, says, stored) in [
        (84, 0.0, "pixdim[2] is 0", 1.0),
        (84, -0.8, "pixdim[2] is -0.8", 0.8),
        (88, f32::NAN, "pixdim[3] is NaN", 1.0),
    ] {
        let mut bytes = header([4, 3, 2], 4, 16);
        bytes.extend([7; 48]);
        bytes[offset..offset + 4].copy_from_slice(&f(size));
        let sound = in_a_file(&bytes, volume::read_header).unwrap();
        assert_eq!(sound.geometry.spacing_mm, [0.75; 3]);
        assert!(sound.geometry.stored_spacing_mm.contains(&stored), "{says}");
        assert!(sound.notes[0].text.contains(says), "{:?}", sound.notes);
        bytes[254] = 0;
        let text = in_a_file(&bytes, |path| {
            message(&volume::read_image(path).unwrap_err())
        });
        assert!(text.contains(says), "{says}: {text}");
    }
    // qform alone, with a quaternion that is none.
    let mut qform = [0; 20];
    qform[0] = 1;
    qform[4..8].copy_from_slice(&f(5.0));
    assert!(spoilt(252, &qform).contains("unit quaternion"));
}

#[test]
fn cut_and_overlong_files_are_refused() {
    let mut sound = header([4, 3, 2], 4, 16);
    sound.extend((0..48).map(|i| i as u8));
    let refusal = |bytes: &[u8]| {
        in_a_file(bytes, |path| {
            message(&volume::read_image(path).unwrap_err())
        })
    };
    assert!(refusal(&sound[..200]).contains("header is truncated: 200 of 348"));
    assert!(refusal(&sound[..350]).contains("promises 400 bytes but the file has only 350"));
    assert!(refusal(&sound[..399]).contains("promises 400 bytes but the file has only 399"));
    assert!(refusal(&gzip(&sound[..399])).contains("expected 48 bytes, found 47"));
    let packed = gzip(&sound);
    assert!(in_a_file(&packed, volume::read_image).is_ok());
    assert!(refusal(&packed[..packed.len() - 4]).contains("truncated"));
    assert!(refusal(&packed[..packed.len() / 2]).contains("truncated"));

    let followed_by = |rest: &[u8]| [&sound[..], rest].concat();
    assert!(in_a_file(&followed_by(&[0; 112]), volume::read_image).is_ok());
    assert!(
        refusal(&followed_by(b"rubbish"))
            .contains("goes on after the voxels its header describes, by 7 bytes")
    );
    assert!(refusal(&followed_by(&[0; 5000])).contains("more than 4096"));
    // 16 MiB behind a header that promises 48 bytes; no more than 4 KiB of them is unpacked.
    let bomb = gzip(&followed_by(&vec![0; 1 << 24]));
    assert!(refusal(&bomb).contains("more than 4096"));
    assert!(refusal(&[&packed[..], b"rubbish"].concat()).contains("gzip"));
}

#[test]
fn a_small_packed_file_cannot_claim_a_huge_volume() {
    // 2^31 voxels is the most a header may ask for; 4 KiB of gzip cannot hold them.
    let mut bytes = header([2048, 1024, 1024], 2, 8);
    bytes.extend([0; 100_000]);
    let packed = gzip(&bytes);
    assert!(packed.len() < 4096);
    let text = in_a_file(&packed, |path| {
        message(&volume::read_image(path).unwrap_err())
    });
    assert!(text.contains("promises 2147484000 bytes"), "{text}");
}

#[test]
fn written_files_come_back_the_same() {
    let dir = tempfile::tempdir().unwrap();
    for name in expected().keys() {
        let geometry = volume::read_geometry(&fixtures().join(name)).unwrap();
        let image = Volume {
            voxels: Array3::from_shape_fn(geometry.shape, |(z, y, x)| {
                (z * 100 + y * 10 + x) as i16 - 200
            }),
            geometry: geometry.clone(),
        };
        let labels = Volume {
            voxels: image.voxels.mapv(|v| v.rem_euclid(3) as u8),
            geometry,
        };
        for suffix in ["nii", "nii.gz"] {
            let path = dir.path().join(format!("{name}.{suffix}"));
            volume::write_image(&path, &image).unwrap();
            let read = volume::read_image(&path).unwrap();
            assert_eq!(read.voxels, image.voxels.mapv(f32::from), "{name}");
            assert_same_place(&read.geometry, &image.geometry, name);
            let bytes = fs::read(&path).unwrap();
            assert_eq!(bytes.starts_with(&[0x1f, 0x8b]), suffix == "nii.gz");
            volume::write_image(&path, &image).unwrap();
            assert_eq!(
                bytes,
                fs::read(&path).unwrap(),
                "{name}: the same bytes again"
            );

            volume::write_labels(&path, &labels).unwrap();
            let read = volume::read_labels(&path).unwrap();
            assert_eq!(read.voxels, labels.voxels, "{name}");
            assert_eq!(volume::read_header(&path).unwrap().datatype, "uint8");
            assert_same_place(&read.geometry, &labels.geometry, name);
        }
    }
}

#[track_caller]
fn assert_same_place(found: &Geometry, expected: &Geometry, context: &str) {
    assert_eq!(found.shape, expected.shape, "{context}");
    assert_eq!(
        found.stored_spacing_mm, expected.stored_spacing_mm,
        "{context}"
    );
    let apart_mm = found.displacement_mm(expected);
    assert!(apart_mm < 1e-4, "{context}: {apart_mm} mm");
}

/// The qform must place a grid as the sform does, for readers that prefer it.
#[test]
fn the_written_qform_agrees_with_the_sform() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.nii");
    for (name, has_qform) in [
        ("int16_le.nii", true),
        ("lps.nii", true),
        ("ail.nii", true),
        ("left_handed.nii", true),
        ("qform_only.nii", true),
        ("qform_left_handed.nii", true),
        ("sheared.nii", false),
    ] {
        let image = volume::read_image(&fixtures().join(name)).unwrap();
        let labels = Volume {
            voxels: image.voxels.mapv(|_| 1),
            geometry: image.geometry,
        };
        volume::write_labels(&path, &labels).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        assert_eq!(bytes[252] == 1, has_qform, "{name}");
        if has_qform {
            bytes[254] = 0;
            fs::write(&path, bytes).unwrap();
            assert_same_place(
                &volume::read_geometry(&path).unwrap(),
                &labels.geometry,
                name,
            );
        }
    }
}

/// A rotation by three angles, with spacings and perhaps a mirrored axis.
fn geometries() -> impl Strategy<Value = Geometry> {
    let angle = || -3.2..3.2_f64;
    let spacing = || prop::array::uniform3(0.4..6.0_f64);
    let origin = || prop::array::uniform3(-500.0..500.0_f64);
    let shape = || prop::array::uniform3(1..7_usize);
    (
        shape(),
        (angle(), angle(), angle()),
        spacing(),
        origin(),
        any::<bool>(),
    )
        .prop_map(|(shape, (a, b, c), spacing_mm, origin, mirrored)| {
            let (sa, ca, sb, cb, sc, cc) = (a.sin(), a.cos(), b.sin(), b.cos(), c.sin(), c.cos());
            let rotation = [
                [ca * cb, ca * sb * sc - sa * cc, ca * sb * cc + sa * sc],
                [sa * cb, sa * sb * sc + ca * cc, sa * sb * cc - ca * sc],
                [-sb, cb * sc, cb * cc],
            ];
            let mut geometry = Geometry::axis_aligned(shape, spacing_mm);
            let [sz, sy, sx] = spacing_mm;
            for row in 0..3 {
                let [x, y, z] = rotation[row];
                let z = if mirrored { -z } else { z };
                geometry.affine[row] = [x * sx, y * sy, z * sz, origin[row]];
            }
            geometry
        })
}

proptest! {
    #[test]
    fn label_boxes_equal_whole_maps(
        shape in prop::array::uniform3(1_i16..7),
        labels in prop::collection::vec((0..216_usize, 0..4_u8), 0..6),
        wide in any::<bool>(),
    ) {
        let (datatype, bits) = if wide { (512, 16) } else { (2, 8) };
        let mut bytes = header(shape, datatype, bits);
        let count: usize = shape.iter().map(|&n| n as usize).product();
        let mut voxels = vec![0_u8; count];
        for (place, label) in labels {
            voxels[place % count] = label;
        }
        if wide {
            bytes.extend(voxels.iter().flat_map(|&v| u16::from(v).to_le_bytes()));
        } else {
            bytes.extend(voxels);
        }
        in_a_file(&bytes, assert_box_is_whole);
        in_a_file(&gzip(&bytes), assert_box_is_whole);
    }

    #[test]
    fn canonical_order_keeps_every_voxel_in_its_place(geometry in geometries()) {
        let n = geometry.len();
        let volume = Volume {
            voxels: Array3::from_shape_vec(geometry.shape, (0..n).collect()).unwrap(),
            geometry,
        };
        let orientation = Orientation::of(&volume.geometry);
        let canonical = orientation.to_canonical(&volume);
        prop_assert_eq!(orientation.from_canonical(&canonical.voxels), volume.voxels.clone());
        for ((z, y, x), &label) in canonical.voxels.indexed_iter() {
            let [_, ny, nx] = volume.geometry.shape;
            let from = [label / nx / ny, label / nx % ny, label % nx].map(|i| i as f64);
            let place = canonical.geometry.position_mm([z, y, x].map(|i| i as f64));
            let expected = volume.geometry.position_mm(from);
            for (a, b) in place.iter().zip(expected) {
                prop_assert!((a - b).abs() < 1e-9);
            }
        }
        // Canonical once is canonical for good, but for exact ties.
        prop_assert!(Orientation::of(&canonical.geometry).is_canonical());
    }

    #[test]
    fn written_oblique_geometries_are_placed_by_sform_and_qform_alike(geometry in geometries()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels.nii");
        let labels = Volume { voxels: Array3::<u8>::zeros(geometry.shape), geometry };
        volume::write_labels(&path, &labels).unwrap();
        let by_sform = volume::read_geometry(&path).unwrap();
        prop_assert!(by_sform.displacement_mm(&labels.geometry) < 1e-3);
        let mut bytes = fs::read(&path).unwrap();
        prop_assert_eq!(bytes[252], 1);
        bytes[254] = 0;
        fs::write(&path, bytes).unwrap();
        let by_qform = volume::read_geometry(&path).unwrap();
        prop_assert!(by_qform.displacement_mm(&labels.geometry) < 1e-2);
    }

    #[test]
    fn spoilt_headers_never_panic(edits in prop::collection::vec((0..348_usize, any::<u8>()), 1..12), packed: bool) {
        let mut bytes = header([4, 3, 2], 4, 16);
        bytes.extend([1; 48]);
        for (offset, byte) in edits {
            bytes[offset] = byte;
        }
        let bytes = if packed { gzip(&bytes) } else { bytes };
        in_a_file(&bytes, |path| {
            if let Ok(volume) = volume::read_image(path) {
                assert!(volume.voxels.len() <= 48);
                assert!(volume.geometry.affine.iter().flatten().all(|v| v.is_finite()));
                let _ = Orientation::of(&volume.geometry).to_canonical(&volume);
            }
        });
    }
}

#[derive(Deserialize)]
struct Golden {
    cases: Vec<GoldenCase>,
}

#[derive(Deserialize)]
struct GoldenCase {
    name: String,
    shape: [usize; 3],
    affine: Affine,
    #[serde(rename = "ref")]
    reference: PathBuf,
    pred: PathBuf,
    voxels: BTreeMap<String, BTreeMap<String, usize>>,
}

#[test]
fn golden_pairs_have_the_voxels_their_index_tells() {
    let Some(golden) = hdbench_testing::test_data().map(|dir| dir.join("golden")) else {
        return;
    };
    let text = fs::read_to_string(golden.join("cases.json")).unwrap();
    let cases = serde_json::from_str::<Golden>(&text).unwrap().cases;
    assert_eq!(cases.len(), 21);
    for case in cases {
        for (role, file) in [("ref", &case.reference), ("pred", &case.pred)] {
            let labels = volume::read_labels(&golden.join(file)).unwrap();
            assert_eq!(labels.geometry.shape, reversed(case.shape), "{}", case.name);
            assert_affine(&labels.geometry.affine, &case.affine, &case.name);
            for (label, &count) in &case.voxels[role] {
                let label: u8 = label.parse().unwrap();
                let found = labels.voxels.iter().filter(|&&l| l == label).count();
                assert_eq!(found, count, "{} {role} label {label}", case.name);
            }
        }
    }
}

#[test]
fn real_ct_is_read_in_both_orientations() {
    let Some(lits) = hdbench_testing::test_data().map(|dir| dir.join("ct/lits")) else {
        return;
    };
    for (file, letters, shape) in [
        ("volume-0.nii", "RAS", [30, 101, 122]),
        ("volume-1.nii.gz", "LPS", [20, 512, 512]),
    ] {
        let ct = volume::read_image(&lits.join(file)).unwrap();
        assert_eq!(ct.geometry.shape, shape);
        let orientation = Orientation::of(&ct.geometry);
        assert_eq!(orientation.to_string(), letters);
        let canonical = orientation.to_canonical(&ct);
        assert!(Orientation::of(&canonical.geometry).is_canonical());
        assert_eq!(orientation.from_canonical(&canonical.voxels), ct.voxels);
        let name = file.replace("volume", "segmentation");
        let labels = volume::read_labels(&lits.join(name)).unwrap();
        assert!(labels.geometry.displacement_mm(&ct.geometry) < 0.01);
        // The liver lies on the right, so on the high side of a canonical x axis.
        let liver = orientation.to_canonical(&labels).voxels;
        let xs: Vec<usize> = liver
            .indexed_iter()
            .filter(|(_, l)| **l > 0)
            .map(|((_, _, x), _)| x)
            .collect();
        let centre = xs.iter().sum::<usize>() as f64 / xs.len() as f64;
        assert!(
            centre > 0.5 * shape[2] as f64,
            "{file}: liver at x {centre}"
        );
    }
}
