use std::collections::VecDeque;

use hdbench_phantom::{Spec, generate};
use ndarray::Array3;
use rayon::prelude::*;

/// The best that thresholds can do, mean Dice per case.
pub struct Score {
    pub window: [i16; 2],
    pub rule: String,
    pub with_lesions: usize,
    pub liver: f64,
    pub lesion: f64,
    pub lesion_all: f64,
    pub lesion_in_true_liver: f64,
}

/// A case as the baseline sees it.
pub struct Smoothed {
    pub hu: Array3<i16>,
    pub labels: Array3<u8>,
}

/// Scores the best window and the best rule on the very cases they are chosen on.
pub fn score(spec: &Spec) -> Score {
    let cases: Vec<Smoothed> = (0..spec.cases)
        .into_par_iter()
        .map(|index| {
            let phantom = generate(spec, index);
            Smoothed {
                hu: smoothed(&phantom.image.voxels),
                labels: phantom.labels.voxels,
            }
        })
        .collect();
    let windows = (60..=100)
        .step_by(5)
        .flat_map(|low| (110..=165).step_by(5).map(move |high| [low, high]));
    let mean_liver = |window: [i16; 2]| {
        let truth = |label: u8| label > 0;
        mean(
            cases
                .par_iter()
                .map(|c| dice(&liver(c, window), &c.labels, truth)),
        )
    };
    let (window, liver_dice) = windows
        .map(|window| (window, mean_liver(window)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .expect("the grid of windows is not empty");
    let livers: Vec<Array3<bool>> = cases.par_iter().map(|c| liver(c, window)).collect();
    let truths: Vec<Array3<bool>> = cases.iter().map(|c| c.labels.mapv(|l| l > 0)).collect();
    let has: Vec<bool> = cases
        .iter()
        .map(|c| c.labels.iter().any(|&l| l == 2))
        .collect();
    let with_lesions = has.iter().filter(|&&h| h).count();
    // Mean over the cases that have lesions, and over all.
    let lesions = |within: &[Array3<bool>], below: bool, limit: i16| {
        let scores: Vec<f64> = cases
            .par_iter()
            .zip(within)
            .map(|(case, inside)| {
                let found = ndarray::Zip::from(inside)
                    .and(&case.hu)
                    .map_collect(|&inside, &hu| {
                        inside && if below { hu < limit } else { hu > limit }
                    });
                dice(&found, &case.labels, |label| label == 2)
            })
            .collect();
        let hit: f64 = scores
            .iter()
            .zip(&has)
            .filter(|(_, has)| **has)
            .map(|(s, _)| s)
            .sum();
        [
            hit / with_lesions.max(1) as f64,
            scores.iter().sum::<f64>() / scores.len() as f64,
        ]
    };
    let rules: Vec<(bool, i16)> = [true, false]
        .into_iter()
        .flat_map(|below| (30..200).step_by(5).map(move |t| (below, t)))
        .collect();
    let best = |within: &[Array3<bool>], which: usize| {
        rules
            .iter()
            .map(|&(below, limit)| (lesions(within, below, limit)[which], below, limit))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .expect("the list of rules is not empty")
    };
    let (lesion, below, limit) = best(&livers, 0);
    Score {
        window,
        rule: format!("{} {limit} HU", if below { "below" } else { "above" }),
        with_lesions,
        liver: liver_dice,
        lesion,
        lesion_all: best(&livers, 1).0,
        lesion_in_true_liver: best(&truths, 0).0,
    }
}

fn mean(values: impl IndexedParallelIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

pub fn dice(found: &Array3<bool>, labels: &Array3<u8>, is_truth: impl Fn(u8) -> bool) -> f64 {
    let (mut both, mut sizes) = (0usize, 0usize);
    for (&found, &label) in found.iter().zip(labels) {
        let truth = is_truth(label);
        both += usize::from(found && truth);
        sizes += usize::from(found) + usize::from(truth);
    }
    if sizes == 0 {
        1.0
    } else {
        2.0 * both as f64 / sizes as f64
    }
}

/// Mean of 3 x 3 pixels within the slice: takes most of the noise, keeps the organs.
pub fn smoothed(image: &Array3<i16>) -> Array3<i16> {
    let (_, rows, columns) = image.dim();
    Array3::from_shape_fn(image.dim(), |(z, y, x)| {
        let (mut sum, mut count) = (0i32, 0i32);
        for y in y.saturating_sub(1)..(y + 2).min(rows) {
            for x in x.saturating_sub(1)..(x + 2).min(columns) {
                sum += i32::from(image[[z, y, x]]);
                count += 1;
            }
        }
        (sum / count) as i16
    })
}

/// The largest component (6-connected) within the window, holes of its slices filled.
pub fn liver(case: &Smoothed, [low, high]: [i16; 2]) -> Array3<bool> {
    let mask = case.hu.mapv(|hu| (low..=high).contains(&hu));
    let mut largest = Vec::new();
    let mut seen = mask.mapv(|inside| !inside);
    for start in ndarray::indices(mask.dim()) {
        if !seen[start] {
            let component = flood(&mut seen, start);
            if component.len() > largest.len() {
                largest = component;
            }
        }
    }
    let mut liver = Array3::from_elem(mask.dim(), false);
    for voxel in largest {
        liver[voxel] = true;
    }
    fill_slices(&mut liver);
    liver
}

/// Takes the component of `start` out of the unseen voxels.
fn flood(seen: &mut Array3<bool>, start: (usize, usize, usize)) -> Vec<[usize; 3]> {
    let start = [start.0, start.1, start.2];
    let shape = [seen.dim().0, seen.dim().1, seen.dim().2];
    let mut component = vec![start];
    seen[start] = true;
    let mut next = 0;
    while next < component.len() {
        let voxel = component[next];
        next += 1;
        for axis in 0..3 {
            for up in [false, true] {
                let mut to = voxel;
                if up {
                    to[axis] += 1
                } else {
                    to[axis] = to[axis].wrapping_sub(1)
                }
                if to[axis] < shape[axis] && !seen[to] {
                    seen[to] = true;
                    component.push(to);
                }
            }
        }
    }
    component
}

/// Fills what the border of a slice cannot reach.
fn fill_slices(mask: &mut Array3<bool>) {
    let (slices, rows, columns) = mask.dim();
    for z in 0..slices {
        let mut outside = vec![false; rows * columns];
        let edge = (0..rows)
            .flat_map(|y| [(y, 0), (y, columns - 1)])
            .chain((0..columns).flat_map(|x| [(0, x), (rows - 1, x)]));
        let mut queue: VecDeque<(usize, usize)> = edge.filter(|&(y, x)| !mask[[z, y, x]]).collect();
        while let Some((y, x)) = queue.pop_front() {
            if std::mem::replace(&mut outside[y * columns + x], true) {
                continue;
            }
            let around = [
                (y.wrapping_sub(1), x),
                (y + 1, x),
                (y, x.wrapping_sub(1)),
                (y, x + 1),
            ];
            for (y, x) in around {
                if y < rows && x < columns && !mask[[z, y, x]] && !outside[y * columns + x] {
                    queue.push_back((y, x));
                }
            }
        }
        for y in 0..rows {
            for x in 0..columns {
                mask[[z, y, x]] = !outside[y * columns + x];
            }
        }
    }
}
