//! The steps from slice to slice: whether they are even, and whether one is missing.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;

use super::place::{Placed, SAME_DIRECTION, millimetres};

/// Distances between slices may differ from their mean by this share before they are uneven.
const UNEVEN: f64 = 0.1;

/// And by this share before a note says so.
const NOTED: f64 = 1e-3;

/// From this multiple of the usual distance on, a slice is missing.
const GAP: f64 = 1.5;

/// How far heights may lie from where they were measured, because positions were written with few
/// digits: half of their last one. 0 where a step between slices has too few of that digit to tell
/// a rounded one from a missing slice.
pub(super) fn rounding_mm(normal: [f64; 3], slices: &[Placed]) -> f64 {
    const DIGITS_MM: [f64; 3] = [1.0, 0.1, 0.01];
    let is_multiple = |mm: f64, digit: f64| (mm / digit - (mm / digit).round()).abs() < 1e-6;
    let digit = DIGITS_MM.into_iter().find(|&digit| {
        slices.iter().all(|slice| {
            let along = (0..3).filter(|&axis| normal[axis].abs() > SAME_DIRECTION);
            along
                .into_iter()
                .all(|axis| is_multiple(slice.position_mm[axis], digit))
        })
    });
    let Some(digit) = digit else {
        return 0.0;
    };
    let most = digit / 2.0 * normal.iter().map(|part| part.abs()).sum::<f64>();
    if 4.0 * most <= usual_mm(slices) * (1.0 + 1e-6) {
        most * (1.0 + 1e-6)
    } else {
        0.0
    }
}

/// The middle one of the distances between slices.
fn usual_mm(slices: &[Placed]) -> f64 {
    let mut distances: Vec<f64> = distances(slices).collect();
    distances.sort_by(f64::total_cmp);
    distances[(distances.len() - 1) / 2]
}

/// Whether heights are those of even slices, each rounded by at most `rounding_mm`.
fn is_even_but_for_rounding(slices: &[Placed], rounding_mm: f64) -> bool {
    // Twice the distance to the line of that slope which is nearest to all heights; convex in it.
    let spread = |slope: f64| {
        let (least, most) = slices
            .iter()
            .enumerate()
            .map(|(place, slice)| slice.height_mm - slope * place as f64)
            .fold((f64::MAX, f64::MIN), |(least, most), off| {
                (least.min(off), most.max(off))
            });
        most - least
    };
    let (mut low, mut high) = distances(slices).fold((f64::MAX, f64::MIN), |(least, most), mm| {
        (least.min(mm), most.max(mm))
    });
    for _ in 0..100 {
        let third = (high - low) / 3.0;
        if spread(low + third) < spread(high - third) {
            high -= third;
        } else {
            low += third;
        }
    }
    spread(low) <= 2.0 * rounding_mm
}

/// The error for slices that are missing between others.
pub(super) fn refuse_gaps(series: &Path, slices: &[Placed], rounding_mm: f64) -> Result<()> {
    let usual = usual_mm(slices);
    // Of even slices, two distances differ by at most the last digit.
    let is_wide = |distance: f64| {
        distance > usual + 2.0 * rounding_mm
            && distance + 2.0 * rounding_mm >= GAP * (usual - 2.0 * rounding_mm)
    };
    let wide: Vec<(&[Placed], f64)> = slices
        .windows(2)
        .map(|pair| (pair, pair[1].height_mm - pair[0].height_mm))
        .filter(|&(_, distance)| is_wide(distance))
        .collect();
    let Some(&(pair, distance)) = wide.first() else {
        return Ok(());
    };
    // Rounded ones are right in the mean.
    let others: Vec<f64> = distances(slices).filter(|&mm| !is_wide(mm)).collect();
    let step = others.iter().sum::<f64>() / others.len() as f64;
    let missing = |distance: f64| (distance / step).round().max(2.0) as usize - 1;
    let all: usize = wide.iter().map(|&(_, distance)| missing(distance)).sum();
    let elsewhere = match wide.len() {
        1 => String::new(),
        gaps => format!(
            ", and there are {} more gaps; {all} are missing in all",
            gaps - 1
        ),
    };
    let count = missing(distance);
    Err(Error::malformed(
        series,
        format!(
            "{count} slice{} missing between {} and {}: they are {} mm apart, the others {} mm{elsewhere}",
            if count == 1 { " is" } else { "s are" },
            pair[0].path.shown(),
            pair[1].path.shown(),
            millimetres(distance),
            millimetres(step),
        ),
        "bring the whole series; a volume cannot be made of a part with holes",
    ))
}

/// The mean step, if all are about as long.
pub(super) fn even_step(
    series: &Path,
    slices: &[Placed],
    rounding_mm: f64,
    notes: &mut Vec<String>,
) -> Result<f64> {
    let (first, last) = (&slices[0], &slices[slices.len() - 1]);
    let step = (last.height_mm - first.height_mm) / (slices.len() - 1) as f64;
    let (least, most) = distances(slices).fold((f64::MAX, 0.0_f64), |(least, most), distance| {
        (least.min(distance), most.max(distance))
    });
    let range = format!("from {} to {} mm", millimetres(least), millimetres(most));
    let off = (most - step).max(step - least);
    if off > UNEVEN * step && !is_even_but_for_rounding(slices, rounding_mm) {
        return Err(Error::malformed(
            series,
            format!("the distances between slices are uneven, {range}"),
            "resample the series to even slices first, for example with `dcm2niix`",
        ));
    }
    if off > NOTED * step {
        notes.push(format!(
            "distances between slices vary {range}; their mean of {} mm counts",
            millimetres(step)
        ));
    }
    Ok(step)
}

fn distances(slices: &[Placed]) -> impl Iterator<Item = f64> {
    slices
        .windows(2)
        .map(|pair| pair[1].height_mm - pair[0].height_mm)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIAL: [f64; 3] = [0.0, 0.0, 1.0];

    /// Slices at heights that are written with a last digit of `digit_mm`.
    fn slices(heights: impl Iterator<Item = f64>, digit_mm: f64) -> Vec<Placed> {
        heights
            .enumerate()
            .map(|(index, mm)| {
                let height_mm = (mm / digit_mm).round() * digit_mm;
                Placed {
                    index,
                    path: format!("image_{index}").into(),
                    position_mm: [1.0 / 3.0, 0.125, height_mm],
                    height_mm,
                }
            })
            .collect()
    }

    fn step(slices: &[Placed]) -> Result<f64> {
        let rounding = rounding_mm(AXIAL, slices);
        refuse_gaps(Path::new("series"), slices, rounding)?;
        even_step(Path::new("series"), slices, rounding, &mut Vec::new())
    }

    #[test]
    fn rounded_steps_are_even_and_a_missing_slice_is_found() {
        for (step_mm, digit_mm) in [
            (0.625, 0.1),
            (0.5, 0.1),
            (0.3125, 0.1),
            (0.25, 0.1),
            (1.25, 0.1),
            (2.5, 1.0),
            (3.75, 1.0),
            (0.625, 1e-6),
        ] {
            for start in [0.0, 0.03, -117.25] {
                for count in 3..40_u32 {
                    let height = |place: u32| start + step_mm * f64::from(place);
                    let all = slices((0..count).map(height), digit_mm);
                    let name = format!("{count} of {step_mm} from {start} by {digit_mm}");
                    let found = step(&all).unwrap_or_else(|error| panic!("{name}: {error}"));
                    let most = digit_mm / f64::from(count - 1) + 1e-9;
                    assert!((found - step_mm).abs() <= most, "{name}: {found}");
                    for missing in 1..count - 1 {
                        let others = (0..count).filter(|&place| place != missing);
                        let rest = slices(others.map(height), digit_mm);
                        // Two slices alone are a step of their own; of few, rounding hides the number.
                        let says = match rest.len() {
                            ..=2 => continue,
                            3..=5 => "missing between",
                            _ => "1 slice is missing between",
                        };
                        let error = step(&rest).expect_err(&name).to_string();
                        assert!(error.contains(says), "{name}: {error}");
                    }
                }
            }
        }
    }

    #[test]
    fn digits_excuse_no_more_than_themselves() {
        // As uneven as rounding makes it, but measured with two digits more.
        let measured = slices([0.0, 0.6, 1.251, 1.9, 2.5].into_iter(), 1e-3);
        let uneven = slices([0.0, 0.6, 1.4, 1.9, 2.5].into_iter(), 0.1);
        // Whole millimetres: either slices of 1.25 mm, or one of 1 mm is missing.
        let coarse = slices([0.0, 1.0, 3.0, 4.0, 5.0].into_iter(), 1.0);
        assert!(step(&measured).is_ok());
        for refused in [
            slices([0.0, 0.55, 1.251, 1.9, 2.5].into_iter(), 1e-3),
            uneven,
            coarse,
        ] {
            assert!(step(&refused).is_err(), "{refused:?}");
        }
    }
}
