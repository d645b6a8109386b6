//! What one case costs, part by part, on a made-up pair of the size of a LiTS case (512 x 512 x
//! 300 voxels, 12 lesions). All cores are used, as in an evaluation of one case.
//!
//! `cargo bench --bench evaluation`; `-- reading` for one group.

mod components;
mod detection;
mod distances;
mod reading;
mod surfaces;
mod whole;

#[path = "../../examples/strict_timing/pair.rs"]
mod pair;

use std::sync::OnceLock;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use hdbench::metrics::BitMask;
use hdbench::volume::Bounds;
use ndarray::Array3;
use pair::Plan;

/// As LiTS has them, `[z, y, x]`.
const SPACING_MM: [f64; 3] = [1.5, 0.75, 0.75];

/// Prediction and reference; made once, whichever groups are asked for.
fn maps() -> &'static [Array3<u8>; 2] {
    static MAPS: OnceLock<[Array3<u8>; 2]> = OnceLock::new();
    MAPS.get_or_init(|| Plan::LITS.pair())
}

/// Prediction and reference as masks of the box that holds both.
fn masks(holds: impl Fn(u8) -> bool + Sync) -> [BitMask; 2] {
    let whole = |map: &Array3<u8>| Bounds::of(map.mapv(&holds).view());
    let [prediction, reference] = maps();
    let bounds = Bounds::union(whole(prediction), whole(reference)).expect("both hold voxels");
    [prediction, reference].map(|map| BitMask::of(map.view(), bounds, &holds))
}

fn livers() -> [BitMask; 2] {
    masks(|label| label > 0)
}

fn lesions() -> [BitMask; 2] {
    masks(|label| label == 2)
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .without_plots();
    targets = reading::bench, components::bench, distances::bench, surfaces::bench,
        detection::bench, whole::bench
}
criterion_main!(benches);
