//! How often the intervals that hdbench prints hold the true value, over made-up cases of the shapes that segmentation
//! has. `scripts/simulate_intervals.sh` writes the table of docs/statistics.md.

use hdbench_ground::seed::{Seed, Stream};
use hdbench_stats::statistics::{
    RESAMPLES, Resampling, mean_intervals, median, median_interval, t_interval,
};
use ndarray::Array2;
use rayon::prelude::*;

const LEVEL: f64 = 0.95;
const CASES: [usize; 6] = [7, 15, 20, 40, 70, 131];
/// Studies that share the draws of the bootstrap.
const TOGETHER: usize = 500;
/// Cases behind what counts as the truth.
const POPULATION: u64 = 4_000_000;

/// One case of a metric.
struct Shape {
    name: &'static str,
    draw: fn(&mut Stream) -> f64,
}

const SHAPES: [Shape; 5] = [
    Shape {
        // Good nearly always, and now and then half a liver.
        name: "liver Dice",
        draw: |s| match s.chance(0.02) {
            true => s.range(0.2, 0.8),
            false => beta(s, 60, 3),
        },
    },
    Shape {
        // One case of eight missed altogether.
        name: "lesion Dice",
        draw: lesion_dice,
    },
    Shape {
        // Log-normal, one case of thirty without an answer: 374 mm, as BraTS has it.
        name: "HD95, mm",
        draw: |s| match s.chance(1.0 / 30.0) {
            true => 374.0,
            false => (1.8 + 0.9 * s.normal()).exp().min(374.0),
        },
    },
    Shape {
        // Of one lesion or several, each found with a chance of the case's own.
        name: "lesion recall",
        draw: |s| {
            let mut lesions = 1;
            while lesions < 40 && s.chance(0.75) {
                lesions += 1;
            }
            let chance = beta(s, 3, 1);
            let found = (0..lesions).filter(|_| s.chance(chance)).count();
            found as f64 / f64::from(lesions)
        },
    },
    Shape {
        // The other misses what this one finds in one case of twenty.
        name: "difference in lesion Dice",
        draw: |s| {
            let own = lesion_dice(s);
            let other = (own + 0.04 * s.normal() - 0.01).clamp(0.0, 1.0);
            match own > 0.0 && s.chance(0.05) {
                true => own,
                false => own - other,
            }
        },
    },
];

fn lesion_dice(s: &mut Stream) -> f64 {
    match s.chance(0.12) {
        true => 0.0,
        false => beta(s, 5, 2),
    }
}

/// Beta with whole parameters: the `a`-th smallest of `a + b - 1` uniform numbers.
fn beta(s: &mut Stream, a: usize, b: usize) -> f64 {
    let mut numbers: Vec<f64> = (1..a + b).map(|_| s.uniform()).collect();
    *numbers.select_nth_unstable_by(a - 1, f64::total_cmp).1
}

/// How often intervals held the truth, lay above and below it, and how wide they were on the mean.
#[derive(Clone, Copy, Default)]
struct Covered {
    held: usize,
    above: usize,
    below: usize,
    width: f64,
}

impl Covered {
    fn count(&mut self, [low, high]: [f64; 2], truth: f64) {
        // Fractions that are equal but for their last digit.
        let within = 1e-9 * truth.abs().max(1.0);
        match (low > truth + within, high < truth - within) {
            (true, _) => self.above += 1,
            (_, true) => self.below += 1,
            _ => self.held += 1,
        }
        self.width += high - low;
    }

    fn studies(self) -> f64 {
        (self.held + self.above + self.below) as f64
    }

    fn share(self) -> f64 {
        100.0 * self.held as f64 / self.studies()
    }
}

impl std::ops::Add for Covered {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            held: self.held + other.held,
            above: self.above + other.above,
            below: self.below + other.below,
            width: self.width + other.width,
        }
    }
}

/// Of BCa and Student's t for the mean, and the percentile interval for the median.
fn studies(shape: &Shape, cases: usize, truth: [f64; 2], batch: u64) -> [Covered; 3] {
    let seed = Seed(20_261_201)
        .derive(shape.name)
        .derive(&format!("{cases}"));
    let mut stream = seed.stream_at("studies", batch);
    let columns = Array2::from_shape_simple_fn((cases, TOGETHER), || (shape.draw)(&mut stream));
    let options = Resampling {
        resamples: RESAMPLES,
        level: LEVEL,
        seed: Seed(batch),
    };
    let mut found = [Covered::default(); 3];
    for (column, bca) in columns
        .columns()
        .into_iter()
        .zip(mean_intervals(columns.view(), options))
    {
        let values = column.to_vec();
        let of_median = median_interval(&values, LEVEL);
        let own = [bca, t_interval(&values, LEVEL), of_median];
        for ((covered, interval), truth) in found
            .iter_mut()
            .zip(own)
            .zip([truth[0], truth[0], truth[1]])
        {
            covered.count(interval.expect("every study has cases"), truth);
        }
    }
    found
}

/// Mean and median of a population.
fn truth(shape: &Shape) -> [f64; 2] {
    let of = |part: u64| {
        let mut stream = Seed(1).derive(shape.name).stream_at("population", part);
        (0..POPULATION / 64)
            .map(|_| (shape.draw)(&mut stream))
            .collect::<Vec<f64>>()
    };
    let mut all: Vec<f64> = (0..64).into_par_iter().flat_map_iter(of).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    [mean, median(&mut all)]
}

fn main() {
    let asked = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let number: u64 = asked.unwrap_or(20_000);
    let batches = number.div_ceil(TOGETHER as u64);
    println!(
        "Of {} studies a row, how many intervals of 95 % hold the true value; in brackets how many lie wholly above \
         and below it.\n",
        batches * TOGETHER as u64
    );
    println!(
        "| values | N | mean, BCa | mean, Student's t | width, t / BCa | median, percentile |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for shape in &SHAPES {
        let truth = truth(shape);
        for cases in CASES {
            let of = |batch| studies(shape, cases, truth, batch);
            let none = || [Covered::default(); 3];
            let add = |a: [Covered; 3], b: [Covered; 3]| [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
            let found = (0..batches).into_par_iter().map(of).reduce(none, add);
            let cell = |own: Covered| {
                let percent = |count: usize| 100.0 * count as f64 / own.studies();
                format!(
                    "{:.1} % ({:.1}, {:.1})",
                    own.share(),
                    percent(own.above),
                    percent(own.below)
                )
            };
            let [bca, t, of_median] = found;
            println!(
                "| {} | {cases} | {} | {} | {:.2} | {} |",
                shape.name,
                cell(bca),
                cell(t),
                t.width / bca.width,
                cell(of_median)
            );
        }
    }
}
