//! How often the gate's accuracy test raises a false alarm, and how often it sees a loss: the decision of
//! `hdbench regress` over many made-up gates. `scripts/simulate_gate.sh` writes its tables.
//!
//! The lines of a gate are made independent here, so a gate of any number of lines is known from its single ones:
//! the first of `lines` is called where its p is up to level / lines and its interval beyond the margin. One
//! sample of lines, each tested once, serves every number of them.

use hdbench::gate::{
    Judged, Losses, Verdict, WARNED_BELOW, called, detectable_loss, draws_needed, fewest_cases,
};
use hdbench::seed::{Seed, Stream};
use rayon::prelude::*;

const LEVEL: f64 = 0.05;
/// Draws of the bootstrap within a gate: what a policy has unless it says otherwise.
const RESAMPLES: usize = 2_000;
/// A few cases gain much, all others lose a little more than the margin.
const TAIL_OF_GAINS: &str = "a tail of gains (exponential)";
/// Lines of a gate.
const LINES: [usize; 4] = [1, 10, 100, 300];
/// Number of lines of a gate of which only one loses.
const USUAL: usize = 4;

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

/// Made-up lines of a gate.
#[derive(Clone, Copy)]
struct Tested {
    loss: f64,
    sd: f64,
    margin: f64,
    cases: usize,
}

impl Tested {
    /// Tests `number` lines for each number of lines that a gate may have: p against a loss up to the margin, 1
    /// where the interval does not say the same.
    fn lines(self, shape: Shape, number: u64) -> Vec<[f64; LINES.len()]> {
        let seed = Seed(20_261_129)
            .derive(shape.name)
            .derive(&format!("{}", self.cases));
        (0..number)
            .into_par_iter()
            .map(|line| {
                let mut stream = seed.stream_at("line", line);
                let losses = (0..self.cases)
                    .map(|_| self.loss + self.sd * (shape.draw)(&mut stream))
                    .collect();
                let losses = Losses::alone(self.margin, losses);
                LINES.map(|lines| self.p(&losses, lines, Seed(line)))
            })
            .collect()
    }

    fn p(self, losses: &Losses, lines: usize, seed: Seed) -> f64 {
        // The bootstrap is dear, and what the signed ranks do not call nothing does.
        if self.cases < fewest_cases(lines, LEVEL) || losses.signed_rank(0.0) * lines as f64 > LEVEL
        {
            return 1.0;
        }
        let judged: Judged = losses.test(RESAMPLES, draws_needed(lines, LEVEL, RESAMPLES), seed);
        match called(&[(self.margin, judged)], LEVEL)[0].0 {
            Verdict::Regressed => judged.p_loss,
            _ => 1.0,
        }
    }
}

/// The share of lines that a gate of `lines` lines calls, and its standard error.
fn share(tested: &[[f64; LINES.len()]], place: usize) -> [f64; 2] {
    let allowed = LEVEL / LINES[place] as f64;
    let called = tested.iter().filter(|p| p[place] <= allowed).count() as f64;
    let share = called / tested.len() as f64;
    // One more than was found, so that nothing found is not told as certain.
    let error = ((called + 1.0) / tested.len() as f64 * (1.0 - share) / tested.len() as f64).sqrt();
    [share, error]
}

fn main() {
    let asked = |place: usize, default: u64| {
        let text = std::env::args().nth(place);
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (lines, gates) = (asked(1, 60_000), asked(2, 200));
    let highest = false_alarms(lines);
    detection(gates);
    needed();
    if highest[0] > LEVEL + 3.0 * highest[1] {
        eprintln!("false alarms above the level: {}", highest[0]);
        std::process::exit(1);
    }
}

/// Prints them; the highest with its standard error, where the gate does not warn.
fn false_alarms(number: u64) -> [f64; 2] {
    println!("### False alarms\n");
    println!(
        "Chance that any line of a gate is called regressed at level {LEVEL} while every true mean loss is exactly the \
         margin, with its standard error, from {number} lines a row; \"7\": too few cases, not comparable.\n"
    );
    let titles = LINES.map(|lines| format!("{lines} line{}", if lines == 1 { "" } else { "s" }));
    println!("| losses | N | {} |", titles.join(" | "));
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let mut highest = [0.0, 0.0];
    for shape in SHAPES {
        for cases in [10, 20, 40, 131] {
            let line = Tested {
                loss: 0.01,
                sd: 0.1,
                margin: 0.01,
                cases,
            };
            let tested = line.lines(shape, number);
            print!("| {} | {cases} ", shape.name);
            for (place, lines) in LINES.into_iter().enumerate() {
                if cases < fewest_cases(lines, LEVEL) {
                    print!("| 7 ");
                    continue;
                }
                let [share, error] = share(&tested, place);
                let quiet = (1.0 - share).powi(lines as i32);
                let any = [1.0 - quiet, lines as f64 * quiet * error];
                print!("| {:.1} ± {:.1} % ", 100.0 * any[0], 100.0 * any[1]);
                // The gate itself warns where changes are lopsided and cases few.
                if (cases > WARNED_BELOW || shape.name != TAIL_OF_GAINS) && any[0] > highest[0] {
                    highest = any;
                }
            }
            println!("|");
        }
    }
    println!(
        "\nHighest, without a tail of gains at N up to {WARNED_BELOW}, of which the gate warns: {:.1} ± {:.1} %.\n",
        100.0 * highest[0],
        100.0 * highest[1]
    );
    highest
}

fn detection(gates: u64) {
    println!("### Detection\n");
    println!(
        "Chance that a loss is called, by N, standard deviation of the paired differences (rows, Dice), true mean loss, \
         of which 0.01 is accepted, and number of lines, of which one loses (1 / 10 / 100 / 300, in %); normal losses, \
         {gates} gates a cell, standard error at most {:.1} %.\n",
        50.0 / (gates as f64).sqrt()
    );
    println!(
        "| sd | loss | N = 10 | N = 20 | N = 40 | N = 70 | N = 131 |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    for sd in [0.02, 0.05, 0.10, 0.20] {
        for loss in [0.02, 0.03, 0.05, 0.10] {
            print!("| {sd:.2} | {loss:.2} ");
            for cases in [10, 20, 40, 70, 131] {
                let line = Tested {
                    loss,
                    sd,
                    margin: 0.01,
                    cases,
                };
                let tested = line.lines(SHAPES[0], gates);
                let told = LINES.iter().enumerate().map(|(place, &lines)| {
                    match cases < fewest_cases(lines, LEVEL) {
                        true => "7".to_owned(),
                        false => format!("{:.0}", 100.0 * share(&tested, place)[0]),
                    }
                });
                print!("| {} ", told.collect::<Vec<_>>().join(" / "));
            }
            println!("|");
        }
    }
}

fn needed() {
    println!("\n### Cases that a loss of 2 points needs\n");
    println!(
        "The fewest cases with which a mean loss of 0.02 Dice is called in 80 of 100 gates ({USUAL} lines, one of which \
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
}

/// By bisection over N.
fn cases_needed(sd: f64, margin: f64) -> String {
    let seen = |n: usize| {
        let loss = detectable_loss(margin, n, USUAL, LEVEL, sd, |s| sd * s.normal());
        loss.is_some_and(|loss| loss <= 0.02)
    };
    const MOST: usize = 1_000;
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
