//! Everything of one case after reading, by both profiles.

use criterion::Criterion;
use hdbench::evaluation::lits::score_lits_case;
use hdbench::evaluation::score_case;
use hdbench::volume::Geometry;

use super::{SPACING_MM, maps};

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole_case");
    let [prediction, reference] = maps();
    let shape = [0, 1, 2].map(|axis| reference.shape()[axis]);
    let geometry = Geometry::axis_aligned(shape, SPACING_MM);
    group.bench_function("strict", |b| {
        b.iter(|| score_case(prediction, reference, &geometry).expect("one shape"));
    });
    let [prediction, reference] = [prediction, reference].map(|map| map.mapv(u8::cast_signed));
    group.bench_function("lits", |b| {
        b.iter(|| {
            score_lits_case(prediction.view(), reference.view(), SPACING_MM)
                .expect("one shape with a liver")
        });
    });
    group.finish();
}
