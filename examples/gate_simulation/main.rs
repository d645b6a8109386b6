//! How often the gate's accuracy test raises a false alarm, and how often it sees a loss: the decision of
//! `hdbench regress` over many made-up gates. `scripts/simulate_gate.sh` writes its tables.

use hdbench::gate::{Losses, Verdict, WARNED_BELOW, called, detectable_loss};
use hdbench::seed::{Seed, Stream};
use rayon::prelude::*;

const LEVEL: f64 = 0.05;
/// Draws of the bootstrap within a gate.
const RESAMPLES: usize = 1_000;
/// A few cases gain much, all others lose a little more than the margin.
const TAIL_OF_GAINS: &str = "a tail of gains (exponential)";
/// Lines of a gate.
const LINES: usize = 4;

/// Paired losses of mean 0 and standard deviation 1.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    draw: fn(&mut Stream) -> f64,
}

const SHAPES: [Shape; 5] = [
    Shape {
        name: "normal",
        draw: |s| s.normal(),
    },
    Shape {
        name: "heavy tails (Student, 3)",
        draw: |s| {
            let chi: f64 = (0..3).map(|_| s.normal().powi(2)).sum();
            s.normal() / (chi / 3.0).sqrt() / 3.0_f64.sqrt()
        },
    },
    Shape {
        name: "a tail of losses (exponential)",
        draw: |s| -(1.0 - s.uniform()).ln() - 1.0,
    },
    Shape {
        name: TAIL_OF_GAINS,
        draw: |s| (1.0 - s.uniform()).ln() + 1.0,
    },
    Shape {
        name: "nine cases of ten the same",
        draw: |s| {
            if s.chance(0.1) {
                s.normal() * 10.0_f64.sqrt()
            } else {
                0.0
            }
        },
    },
];

/// The share of `gates` in which the first line is called regressed, and in which any is.
fn alarms(
    shape: Shape,
    n: usize,
    sd: f64,
    margin: f64,
    losses: [f64; LINES],
    gates: u64,
) -> [f64; 2] {
    let seed = Seed(20_261_126).derive(shape.name);
    let counts: Vec<[bool; 2]> = (0..gates)
        .into_par_iter()
        .map(|gate| {
            let mut stream = seed.stream_at("gate", gate);
            let family: Vec<_> = losses
                .iter()
                .map(|loss| {
                    let losses = (0..n)
                        .map(|_| loss + sd * (shape.draw)(&mut stream))
                        .collect();
                    let line = Losses { margin, losses };
                    (margin, line.test(RESAMPLES, Seed(gate)))
                })
                .collect();
            let verdicts = called(&family, LEVEL);
            let is = |(verdict, _): &(Verdict, f64)| *verdict == Verdict::Regressed;
            [is(&verdicts[0]), verdicts.iter().any(is)]
        })
        .collect();
    [0, 1].map(|which| counts.iter().filter(|c| c[which]).count() as f64 / gates as f64)
}

fn main() {
    let gates: u64 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(4_000);
    println!("### False alarms\n");
    println!(
        "Chance that any of {LINES} independent lines is called regressed at level {LEVEL} while every true mean \
         loss is exactly the margin; {gates} gates a cell, standard error at most {:.3}.\n",
        (0.05 * 0.95 / gates as f64).sqrt()
    );
    println!(
        "| losses | N = 10 | N = 20 | N = 40 | N = 131 |\n| --- | ---: | ---: | ---: | ---: |"
    );
    let mut highest: f64 = 0.0;
    for shape in SHAPES {
        print!("| {} ", shape.name);
        for n in [10, 20, 40, 131] {
            let [_, any] = alarms(shape, n, 0.1, 0.01, [0.01; LINES], gates);
            // The gate itself warns where changes are lopsided and cases few.
            if n > WARNED_BELOW || shape.name != TAIL_OF_GAINS {
                highest = highest.max(any);
            }
            print!("| {:.1} % ", 100.0 * any);
        }
        println!("|");
    }
    println!(
        "\nHighest, without a tail of gains at N up to {WARNED_BELOW}, of which the gate warns: {:.1} %.\n",
        100.0 * highest
    );
    println!("### Detection\n");
    println!(
        "Chance that a loss is called, by N, standard deviation of the paired differences (rows, Dice) and the true \
         mean loss beyond a margin of 0.01; normal losses, {LINES} lines of which one loses, {gates} gates a cell.\n"
    );
    println!(
        "| sd | loss | N = 10 | N = 20 | N = 40 | N = 70 | N = 131 |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    for sd in [0.02, 0.05, 0.10, 0.20] {
        for loss in [0.01, 0.02, 0.03, 0.05, 0.10] {
            print!("| {sd:.2} | {loss:.2} ");
            for n in [10, 20, 40, 70, 131] {
                let losses = [loss, 0.0, 0.0, 0.0];
                let [first, _] = alarms(SHAPES[0], n, sd, 0.01, losses, gates);
                print!("| {:.0} % ", 100.0 * first);
            }
            println!("|");
        }
    }
    println!("\n### Cases that a loss of 2 points needs\n");
    println!(
        "The fewest cases with which a mean loss of 0.02 Dice is called in 80 of 100 gates ({LINES} lines, one of which \
         loses).\n"
    );
    println!(
        "| sd of the paired differences | margin 0 | margin 0.005 | margin 0.01 |\n| ---: | ---: | ---: | ---: |"
    );
    for sd in [0.02, 0.03, 0.05, 0.08, 0.10, 0.15, 0.20] {
        print!("| {sd:.2} ");
        for margin in [0.0, 0.005, 0.01] {
            print!("| {} ", cases_needed(sd, margin));
        }
        println!("|");
    }
    if highest > LEVEL + 3.0 * (LEVEL * (1.0 - LEVEL) / gates as f64).sqrt() {
        eprintln!("false alarms above the level: {highest}");
        std::process::exit(1);
    }
}

/// By bisection over N.
fn cases_needed(sd: f64, margin: f64) -> String {
    let seen = |n: usize| {
        let loss = detectable_loss(margin, n, LINES, LEVEL, sd, |s| sd * s.normal());
        loss.is_some_and(|loss| loss <= 0.02)
    };
    const MOST: usize = 3_000;
    let (mut low, mut high) = (6, 12);
    while !seen(high) {
        (low, high) = (high, high * 2);
        if high > MOST {
            return format!("over {low}");
        }
    }
    while high - low > 1.max(low / 50) {
        let middle = (low + high) / 2;
        if seen(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high.to_string()
}
