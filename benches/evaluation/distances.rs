//! Nearest distances between surfaces, from masks that nearly agree to masks far apart.

use criterion::{BenchmarkId, Criterion};
use hdbench::metrics::BitMask;
use hdbench::metrics::surface::{Border, distances_between};
use hdbench::volume::Bounds;

use super::SPACING_MM;
use super::pair::Plan;

/// In voxels along x.
const SHIFTS: [f64; 4] = [0.0, 4.0, 16.0, 64.0];

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("distances");
    for shift in SHIFTS {
        let maps = Plan {
            shift,
            ..Plan::LITS
        }
        .pair();
        let masks = maps.each_ref().map(|map| map.mapv(|label| label > 0));
        let [prediction, reference] = masks.each_ref().map(|mask| Bounds::of(mask.view()));
        let bounds = Bounds::union(prediction, reference).expect("both hold voxels");
        let [prediction, reference] = masks
            .each_ref()
            .map(|mask| BitMask::of(mask.view(), bounds, |v| v));
        group.bench_function(BenchmarkId::new("liver_voxels_apart", shift), |b| {
            b.iter(|| distances_between(&prediction, &reference, SPACING_MM, Border::Eighteen));
        });
    }
    group.finish();
}
