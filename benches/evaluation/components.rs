//! Lesions told apart, by the neighbourhoods in use.

use criterion::Criterion;
use hdbench::metrics::regions::Regions;
use hdbench::volume::components::{self, Connectivity};

use super::{lesions, maps};

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("components");
    let [prediction, _] = lesions();
    for (name, connectivity) in [
        ("runs_6n", Connectivity::Six),
        ("runs_18n", Connectivity::Eighteen),
        ("runs_26n", Connectivity::TwentySix),
    ] {
        group.bench_function(name, |b| b.iter(|| Regions::of(&prediction, connectivity)));
    }
    // The whole volume with an id for every voxel: what post-processing asks for.
    let mask = maps()[0].mapv(|label| label == 2);
    group.bench_function("labelled_volume_6n", |b| {
        b.iter(|| components::label(mask.view(), Connectivity::Six));
    });
    group.finish();
}
