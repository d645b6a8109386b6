//! What thresholding and the largest component score on a set of phantoms.
//!
//! `phantom_threshold [SEED] [CASES]` prints mean Dice per case of the baseline, its
//! thresholds chosen on the very cases they are scored on, so that it has every advantage. It
//! exits with 1 when a score reaches the limit
//! above which the phantoms would be no task for a network.

#[path = "phantom_threshold/baseline.rs"]
mod baseline;

use std::process::ExitCode;

use hdbench::phantom::Spec;
use hdbench::seed::Seed;

const LIVER_LIMIT: f64 = 0.80;
const LESION_LIMIT: f64 = 0.30;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| match arguments.next() {
        Some(text) => text.parse().map_err(|_| text),
        None => Ok(default),
    };
    let (seed, cases) = match (number(1), number(Spec::DEFAULT_CASES as u64)) {
        (Ok(seed), Ok(cases)) if cases > 0 => (Seed(seed), cases as usize),
        _ => {
            eprintln!("usage: phantom_threshold [SEED] [CASES], two whole numbers");
            return ExitCode::from(2);
        }
    };
    let score = baseline::score(&Spec::new(cases, seed));
    println!(
        "seed {}, {cases} cases, {} with lesions: liver in {} to {} HU, lesion {} of it",
        seed.0, score.with_lesions, score.window[0], score.window[1], score.rule
    );
    println!(
        "liver Dice per case   {:.3} (limit {LIVER_LIMIT:.2})",
        score.liver
    );
    println!(
        "lesion Dice per case  {:.3} over cases with lesions",
        score.lesion
    );
    println!(
        "                      {:.3} over all (limit {LESION_LIMIT:.2} for both)",
        score.lesion_all
    );
    println!(
        "lesion rule in the true liver: {:.3}",
        score.lesion_in_true_liver
    );
    let lesion = score.lesion.max(score.lesion_all);
    if score.liver < LIVER_LIMIT && lesion < LESION_LIMIT {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
