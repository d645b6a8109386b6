//! Label maps from disk, and what inflating alone takes of that.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput};
use hdbench::artifact::MaybeGzip;
use hdbench::volume::{Geometry, Volume, read_label_box, read_labels, write_labels};

use super::{SPACING_MM, maps};

const PIECE_BYTES: usize = 256 * 1024;

pub fn bench(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("the system has a temporary folder");
    let [packed, plain] = ["labels.nii.gz", "labels.nii"].map(|name| dir.path().join(name));
    let [_, reference] = maps();
    let shape = [0, 1, 2].map(|axis| reference.shape()[axis]);
    let labels = Volume {
        voxels: reference.clone(),
        geometry: Geometry::axis_aligned(shape, SPACING_MM),
    };
    for path in [&packed, &plain] {
        write_labels(path, &labels).expect("the temporary folder can be written");
    }
    drop(labels);

    let mut group = criterion.benchmark_group("reading");
    group.throughput(Throughput::Bytes(shape.iter().product::<usize>() as u64));
    group.bench_function("inflate_alone", |b| b.iter(|| inflate(&packed)));
    group.bench_function("label_box_nii_gz", |b| {
        b.iter(|| read_label_box(black_box(&packed)).expect("a sound file"));
    });
    group.bench_function("label_box_nii", |b| {
        b.iter(|| read_label_box(black_box(&plain)).expect("a sound file"));
    });
    group.bench_function("labels_nii_gz", |b| {
        b.iter(|| read_labels(black_box(&packed)).expect("a sound file"));
    });
    group.finish();
}

fn inflate(path: &Path) -> usize {
    let mut content = MaybeGzip::open(path).expect("the file is there");
    let mut buffer = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        let read = content.fill(&mut buffer).expect("a sound stream");
        bytes += black_box(read);
        if read < buffer.len() {
            return bytes;
        }
    }
}
