//! Where an NRRD file puts its voxels: which axes lie in space, and in which space.

use hdbench_ground::text::shown;

use super::fields::{Fields, Problem, numbers};
use super::grid::{Grid, first_three};
use crate::layout::{HeaderNote, ImageFormat};

/// Kinds of axes along which values of one place lie.
const KINDS_IN_SPACE: [&str; 4] = ["domain", "space", "???", "none"];

/// A space by name, and what its coordinates become in LPS.
struct Space {
    to_lps: [f64; 3],
    /// Numbers of a vector; 0 where the header does not say.
    dimension: usize,
    note: Option<String>,
}

/// The grid of the axes that lie in space; along all others there may be one value.
pub(super) fn grid(
    fields: &Fields,
    sizes: &[u64],
    notes: &mut Vec<HeaderNote>,
) -> Result<Grid, Problem> {
    let directions = match fields.get("space directions") {
        Some(text) => Some(vectors("space directions", text, sizes.len())?),
        None => None,
    };
    let axes = axes_in_space(fields, sizes, directions.as_deref())?;
    let inside: Vec<u64> = axes.iter().map(|&axis| sizes[axis]).collect();
    let three = first_three("sizes", &inside)?;
    let rank = axes.len().min(3);
    let mut grid = Grid {
        format: ImageFormat::Nrrd,
        sizes: three,
        rank,
        steps_lps: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        origin_lps: [0.0; 3],
        spacing_mm: [1.0; 3],
    };
    let space = space(fields)?;
    let stated = spacings(fields, &axes[..rank], sizes.len())?;
    match directions {
        Some(directions) => {
            let steps = axes.iter().filter_map(|&axis| directions[axis].clone());
            let steps: Vec<Vec<f64>> = steps.take(rank).collect();
            place_by_directions(&mut grid, &steps, &space)?;
            // The directions alone say which way an axis runs.
            grid.spacing_mm = match stated {
                Some(stated) => stated.map(f64::abs),
                None => grid.steps_lps.map(length),
            };
        }
        None => {
            grid.spacing_mm = stated.unwrap_or([1.0; 3]);
            place_by_spacings(&mut grid, stated.is_some(), &space, notes);
        }
    }
    if let Some(text) = fields.get("space origin") {
        let origin = vectors("space origin", text, 1)?
            .remove(0)
            .unwrap_or_default();
        grid.origin_lps = in_lps("space origin", &origin, &space)?;
    } else if is_without_space(fields) {
        grid.origin_lps = origin_by_minima(fields, &axes[..rank], sizes.len(), grid.spacing_mm)?;
    }
    if let Some(note) = space.note {
        notes.push(HeaderNote::plain(note));
    }
    Ok(grid)
}

/// Whether the header says no more of the place than older ones can.
fn is_without_space(fields: &Fields) -> bool {
    ["space directions", "space", "space dimension"]
        .iter()
        .all(|key| fields.get(key).is_none())
}

/// Indices of the axes that lie in space, two or more.
fn axes_in_space(
    fields: &Fields,
    sizes: &[u64],
    directions: Option<&[Option<Vec<f64>>]>,
) -> Result<Vec<usize>, Problem> {
    let kinds: Vec<String> = fields.get("kinds").map_or_else(Vec::new, |text| {
        text.split_whitespace()
            .map(str::to_ascii_lowercase)
            .collect()
    });
    if !kinds.is_empty() && kinds.len() != sizes.len() {
        return Err(format!("kinds has {} words for {} axes", kinds.len(), sizes.len()).into());
    }
    let is_inside = |axis: usize| match directions {
        Some(directions) => directions[axis].is_some(),
        None => kinds
            .get(axis)
            .is_none_or(|kind| KINDS_IN_SPACE.contains(&kind.as_str())),
    };
    let (inside, outside): (Vec<usize>, Vec<usize>) =
        (0..sizes.len()).partition(|&axis| is_inside(axis));
    if let Some(&axis) = outside.iter().find(|&&axis| sizes[axis] != 1) {
        let kind = kinds.get(axis).map_or("none", String::as_str);
        return Err(Problem::new(
            format!(
                "axis {} holds {} values for each voxel (kind {}), expected 1",
                axis + 1,
                sizes[axis],
                shown(kind)
            ),
            "save what is meant as an image of its own; in 3D Slicer, export a segmentation as a label map",
        ));
    }
    match inside.len() {
        0 | 1 => Err("fewer than two axes lie in space, expected an image or a volume".into()),
        _ => Ok(inside),
    }
}

fn space(fields: &Fields) -> Result<Space, Problem> {
    let stated = fields.whole("space dimension", 1..=8)?;
    let Some(name) = fields.get("space") else {
        let is_placed = fields.get("space directions").is_some();
        return Ok(Space {
            to_lps: [1.0; 3],
            dimension: stated.map_or(0, |dimension| dimension as usize),
            note: Some(format!(
                "the header names no space; its {} are taken as left, posterior, superior, as ITK does",
                if is_placed { "coordinates" } else { "axes" }
            )),
        });
    };
    let (to_lps, is_anatomical) = match name.to_ascii_lowercase().as_str() {
        "left-posterior-superior" | "lps" => ([1.0, 1.0, 1.0], true),
        "right-anterior-superior" | "ras" => ([-1.0, -1.0, 1.0], true),
        "left-anterior-superior" | "las" => ([1.0, -1.0, 1.0], true),
        "scanner-xyz" | "3d-right-handed" | "3d-left-handed" => ([1.0; 3], false),
        other => {
            return Err(format!(
                "space is {}, expected one of three dimensions, such as left-posterior-superior",
                shown(other)
            )
            .into());
        }
    };
    if stated.is_some_and(|stated| stated != 3) {
        return Err("space and space dimension contradict each other".into());
    }
    Ok(Space {
        to_lps,
        dimension: 3,
        note: (!is_anatomical).then(|| {
            format!(
                "space {} names no side of the patient; taken as left, posterior, superior, as ITK does",
                shown(name)
            )
        }),
    })
}

/// `(1,0,0) none (0,1,0)`; what is no number along all of it is none as well.
fn vectors(key: &str, text: &str, count: usize) -> Result<Vec<Option<Vec<f64>>>, Problem> {
    let wrong = || {
        let text: String = text.chars().take(80).collect();
        Problem::from(format!(
            "{key} is {}, expected {count} vectors",
            shown(&text)
        ))
    };
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('(') {
            let (inside, after) = after.split_once(')').ok_or_else(wrong)?;
            let parts: Option<Vec<f64>> =
                inside.split(',').map(|n| n.trim().parse().ok()).collect();
            let parts = parts.ok_or_else(wrong)?;
            found.push((!parts.iter().all(|part| part.is_nan())).then_some(parts));
            rest = after.trim_start();
        } else {
            rest = rest.strip_prefix("none").ok_or_else(wrong)?.trim_start();
            found.push(None);
        }
    }
    match found.len() == count {
        true => Ok(found),
        false => Err(wrong()),
    }
}

/// A vector of a space of two or three dimensions.
fn in_lps(key: &str, vector: &[f64], space: &Space) -> Result<[f64; 3], Problem> {
    let is_expected = match space.dimension {
        0 => (2..=3).contains(&vector.len()),
        dimension => vector.len() == dimension && (2..=3).contains(&dimension),
    };
    if !is_expected {
        return Err(format!(
            "{key} has vectors of {} numbers, expected {}",
            vector.len(),
            if space.dimension == 2 { 2 } else { 3 }
        )
        .into());
    }
    let part = |axis: usize| {
        vector
            .get(axis)
            .map_or(0.0, |part| part * space.to_lps[axis])
    };
    Ok([part(0), part(1), part(2)])
}

fn place_by_directions(grid: &mut Grid, steps: &[Vec<f64>], space: &Space) -> Result<(), Problem> {
    for (to, step) in grid.steps_lps.iter_mut().zip(steps) {
        *to = in_lps("space directions", step, space)?;
    }
    if let ([a, b, third], 2) = (&mut grid.steps_lps, grid.rank)
        && steps[0].len() == 3
    {
        // A picture in space: its third axis stands on it.
        let cross = [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ];
        *third = cross.map(|part| part / length(cross));
    }
    Ok(())
}

fn place_by_spacings(grid: &mut Grid, is_stated: bool, space: &Space, notes: &mut Vec<HeaderNote>) {
    for (axis, step) in grid.steps_lps.iter_mut().enumerate() {
        *step = [0.0; 3];
        step[axis] = grid.spacing_mm[axis] * space.to_lps[axis];
    }
    if !is_stated {
        notes.push(HeaderNote {
            code: HeaderNote::SPACING,
            text: "the header gives neither space directions nor spacings; taken as 1 mm"
                .to_owned(),
        });
    } else if space.dimension > 0 {
        notes.push(HeaderNote::plain(
            "the header names a space and no directions in it; the axes are taken as those of the space",
        ));
    }
}

/// The spacings of the axes in space; 1 for those that are no numbers.
fn spacings(fields: &Fields, axes: &[usize], count: usize) -> Result<Option<[f64; 3]>, Problem> {
    let Some(text) = fields.get("spacings") else {
        return Ok(None);
    };
    let all = numbers("spacings", text, count)?;
    let mut spacing_mm = [1.0; 3];
    for (mm, &axis) in spacing_mm.iter_mut().zip(axes) {
        let stated = all[axis];
        if stated == 0.0 || stated.is_infinite() {
            return Err(format!(
                "spacings gives {stated} for axis {}, expected a voxel size above 0",
                axis + 1
            )
            .into());
        }
        if !stated.is_nan() {
            *mm = stated;
        }
    }
    Ok(Some(spacing_mm))
}

/// The first voxel by `axis mins`, which are the edges of the first voxels, or their centres where `centers` says
/// node; 0 unless all are given, as ITK has it.
fn origin_by_minima(
    fields: &Fields,
    axes: &[usize],
    count: usize,
    spacing_mm: [f64; 3],
) -> Result<[f64; 3], Problem> {
    let mut origin = [0.0; 3];
    let Some(text) = fields.get("axis mins") else {
        return Ok(origin);
    };
    let minima = numbers("axis mins", text, count)?;
    if axes.iter().any(|&axis| minima[axis].is_nan()) {
        return Ok(origin);
    }
    let centers: Vec<&str> = fields
        .get("centers")
        .map_or_else(Vec::new, |text| text.split_whitespace().collect());
    for ((place, &axis), mm) in origin.iter_mut().zip(axes).zip(spacing_mm) {
        let is_node = centers
            .get(axis)
            .is_some_and(|center| center.eq_ignore_ascii_case("node"));
        *place = minima[axis] + if is_node { 0.0 } else { mm / 2.0 };
    }
    Ok(origin)
}

fn length(vector: [f64; 3]) -> f64 {
    vector.iter().map(|part| part * part).sum::<f64>().sqrt()
}
