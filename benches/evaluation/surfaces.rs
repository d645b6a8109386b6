//! Surfaces found, and the metrics made of their distances.

use criterion::Criterion;
use hdbench::metrics::surface::{Border, distances_between, surface};
use hdbench::metrics::surfel::{SurfelMetrics, Surfels, SurfelsAsked};

use super::{SPACING_MM, livers};

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("surfaces");
    let [prediction, reference] = livers();
    for (name, border) in [
        ("border_6n", Border::Six),
        ("border_18n", Border::Eighteen),
        ("border_26n", Border::TwentySix),
    ] {
        group.bench_function(name, |b| b.iter(|| surface(&prediction, border)));
    }
    let distances = distances_between(&prediction, &reference, SPACING_MM, Border::Eighteen);
    group.bench_function("metrics_18n", |b| {
        b.iter(|| {
            [
                distances.assd(),
                distances.masd(),
                distances.rmsd(),
                distances.msd(),
                distances.hd95(),
                distances.hd95_max(),
            ]
        });
    });
    group.bench_function("surfels", |b| b.iter(|| Surfels::of(&prediction)));
    group.bench_function("surfel_distances", |b| {
        b.iter(|| {
            let tolerances_mm = [1.0, 2.0, 3.0, 5.0];
            let asked = SurfelsAsked::all(&tolerances_mm);
            SurfelMetrics::between(&prediction, &reference, SPACING_MM, asked, true)
        });
    });
    group.finish();
}
