//! Lesions of both sides put together, by how many there are.

use criterion::{BenchmarkId, Criterion};
use hdbench::metrics::BitMask;
use hdbench::metrics::detection::Overlaps;
use hdbench::metrics::regions::{Regions, shared};
use hdbench::volume::Bounds;
use hdbench::volume::components::Connectivity;

use super::pair::Plan;

const LESIONS: [usize; 3] = [12, 100, 1000];

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("detection");
    for lesions in LESIONS {
        let maps = Plan {
            lesions,
            ..Plan::LITS
        }
        .pair();
        let bounds = Bounds {
            start: [0; 3],
            end: Plan::LITS.shape,
        };
        let [prediction, reference] = maps.each_ref().map(|map| {
            let mask = BitMask::of(map.view(), bounds, |label| label == 2);
            Regions::of(&mask, Connectivity::Six)
        });
        let overlaps = || Overlaps {
            prediction: prediction.sizes().to_vec(),
            reference: reference.sizes().to_vec(),
            shared: shared(&prediction, &reference),
        };
        group.bench_function(BenchmarkId::new("overlaps", lesions), |b| b.iter(overlaps));
        let found = overlaps();
        group.bench_function(BenchmarkId::new("appendix_c", lesions), |b| {
            b.iter(|| found.merged());
        });
        group.bench_function(BenchmarkId::new("one_to_one", lesions), |b| {
            b.iter(|| found.one_to_one(0.5));
        });
    }
    group.finish();
}
