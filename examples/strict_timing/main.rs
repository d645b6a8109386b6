//! How long `strict` takes for one case after reading, by what the case looks like.
//!
//! `cargo run --release --example strict_timing`

mod pair;

use std::time::Instant;

use hdbench::evaluation::{Label, Metric, score_case};
use hdbench::metrics::surface::Border;
use hdbench::volume::Geometry;
use pair::Plan;

const SPACING_MM: [f64; 3] = [1.5, 0.75, 0.75];
const REPETITIONS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("case, threads, median ms of {REPETITIONS}, least ms");
    for threads in [1, 2] {
        measure("LiTS", Plan::LITS, threads)?;
    }
    for lesions in [1, 12, 100, 1000] {
        measure(
            &format!("{lesions} lesions"),
            Plan {
                lesions,
                ..Plan::LITS
            },
            2,
        )?;
    }
    for shift in [0.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0] {
        measure(
            &format!("{shift} voxels apart"),
            Plan {
                shift,
                ..Plan::LITS
            },
            2,
        )?;
    }
    for side in [128, 256, 512] {
        let shape = [side * 300 / 512, side, side];
        let voxels = shape.iter().product::<usize>() as f64 / 1e6;
        measure(
            &format!("{voxels:.1} M voxels"),
            Plan {
                shape,
                ..Plan::LITS
            },
            2,
        )?;
    }
    Ok(())
}

fn measure(name: &str, plan: Plan, threads: usize) -> Result<(), Box<dyn std::error::Error>> {
    let [prediction, reference] = plan.pair();
    let geometry = Geometry::axis_aligned(plan.shape, SPACING_MM);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let mut times = Vec::new();
    let mut seen = String::new();
    for _ in 0..REPETITIONS {
        let began = Instant::now();
        let scores = pool.install(|| score_case(&prediction, &reference, &geometry))?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        let counts = scores[Label::LIVER].counts;
        seen = format!(
            "{:.2} M liver voxels, Dice {:.3}, ASSD {:.2} mm, {} lesions on both sides",
            counts.reference as f64 / 1e6,
            counts.dice(),
            scores[Label::LIVER].value(Metric::Assd(Border::Eighteen)),
            scores
                .instances_of(Label::LESION)
                .map_or(0, |own| own.list.len()),
        );
    }
    times.sort_by(f64::total_cmp);
    let (median, least) = (times[REPETITIONS / 2], times[0]);
    println!("{name}, {threads}, {median:.1}, {least:.1} ({seen})");
    Ok(())
}
