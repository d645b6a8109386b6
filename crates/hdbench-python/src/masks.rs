//! Two masks, for the modules that stand in for other packages: what is not 0 belongs to a mask.

use hdbench_ground::error::Error;
use hdbench_ground::progress::Stop;
use hdbench_score::metrics::surface::Border;
use hdbench_score::{
    CasePair, Label, LabelSet, Metric, Options, ScoredStructure, StructureOptions, StructureScores,
    distances_of_arrays, quantile_of_many, score_arrays, surfels_of_arrays,
};
use hdbench_volume::Geometry;
use ndarray::ArrayView3;
use numpy::{IntoPyArray as _, PyArray1};
use pyo3::prelude::*;

use crate::failure::exception;
use crate::side::{ArraySide, Side};
use crate::threads::step;

/// The metrics of two masks by their names, as their formulas give them, in the order asked.
#[pyfunction]
pub fn mask_metrics<'py>(
    py: Python<'py>,
    pred: &Bound<'py, PyAny>,
    r#ref: &Bound<'py, PyAny>,
    metrics: Vec<String>,
) -> PyResult<Vec<f64>> {
    let named = metrics.iter().map(|name| {
        Metric::named(name).ok_or_else(|| {
            let error = Error::usage(format!("{name:?} is no metric"), "see hdbench.metrics()");
            exception(py, &error)
        })
    });
    let asked: Vec<Metric> = named.collect::<PyResult<_>>()?;
    let scores = scored(py, pred, r#ref, asked.clone())?;
    let raw = |metric: &Metric| {
        let found = scores.metric_value(*metric);
        found.map_or(f64::NAN, |found| found.raw)
    };
    Ok(asked.iter().map(raw).collect())
}

/// Voxels that two masks share, of the first, of the second.
#[pyfunction]
pub fn mask_counts<'py>(
    py: Python<'py>,
    pred: &Bound<'py, PyAny>,
    r#ref: &Bound<'py, PyAny>,
) -> PyResult<(u64, u64, u64)> {
    let counts = scored(py, pred, r#ref, vec![Metric::Dice])?.counts;
    Ok((counts.intersection, counts.prediction, counts.reference))
}

fn scored<'py>(
    py: Python<'py>,
    pred: &Bound<'py, PyAny>,
    r#ref: &Bound<'py, PyAny>,
    metrics: Vec<Metric>,
) -> PyResult<StructureScores> {
    let sides = [ArraySide::of(pred, "pred")?, ArraySide::of(r#ref, "ref")?];
    let sides = sides.map(Side::Array);
    let pair = CasePair {
        case: String::new(),
        prediction: sides[0].source("pred"),
        reference: sides[1].source("ref"),
    };
    let mask = ScoredStructure {
        metrics: Some(metrics),
        ..ScoredStructure::new(Label::new("mask"), LabelSet::AtLeast(1))
    };
    let stop = Stop::default();
    let options = Options {
        structures: vec![mask],
        stop: stop.clone(),
        ..Options::default()
    };
    let [prediction, reference] = sides.each_ref().map(Side::view);
    let scored = step(py, sides[0].voxels(), &stop, || {
        let prediction = prediction.labels(&pair.prediction)?;
        let reference = reference.labels(&pair.reference)?;
        score_arrays(
            &pair,
            prediction,
            reference,
            &StructureOptions::default(),
            &options,
        )
    })?;
    let mut structures = scored.scored.scores.structures;
    Ok(structures.remove(0))
}

/// Distances in mm and areas in mm2, of one surface and of the other.
type Surfels<'py> = [Bound<'py, PyArray1<f64>>; 4];

/// The surfels of two masks of bytes: distances from the first surface to the second, those back, the areas of the
/// first, those of the second; ascending by distance.
#[pyfunction]
pub fn mask_surfels<'py>(
    py: Python<'py>,
    first: &Bound<'py, PyAny>,
    second: &Bound<'py, PyAny>,
) -> PyResult<Surfels<'py>> {
    let of =
        |[first, second]: Pair<'_>, geometry: &Geometry| surfels_of_arrays(first, second, geometry);
    let [there, back] = of_bytes(py, first, second, of)?;
    Ok([
        there.distances_mm.into_pyarray(py),
        back.distances_mm.into_pyarray(py),
        there.areas_mm2.into_pyarray(py),
        back.areas_mm2.into_pyarray(py),
    ])
}

/// The distances of the surface voxels of two masks of bytes, by 6 neighbours: from the first surface to the second, and
/// back. Both are empty where a mask is.
#[pyfunction]
pub fn mask_distances<'py>(
    py: Python<'py>,
    first: &Bound<'py, PyAny>,
    second: &Bound<'py, PyAny>,
) -> PyResult<[Bound<'py, PyArray1<f64>>; 2]> {
    let distances = of_distances(py, first, second, |distances| distances)?;
    Ok(distances.map(|distances| distances.into_pyarray(py)))
}

/// A quantile, in 0..=1, of the distances of [`mask_distances`] in each direction, as NumPy's; NaN where a mask is empty.
#[pyfunction]
pub fn mask_quantiles<'py>(
    py: Python<'py>,
    first: &Bound<'py, PyAny>,
    second: &Bound<'py, PyAny>,
    at: f64,
) -> PyResult<[f64; 2]> {
    of_distances(py, first, second, |distances| {
        distances.map(|mut distances| quantile_of_many(&mut distances, at))
    })
}

/// The share of the surface voxels of two masks of bytes, by 6 neighbours, that lie within a tolerance in mm of the
/// other surface, distances held against it as numbers of 32 bits; NaN where a mask is empty.
#[pyfunction]
pub fn mask_share_near<'py>(
    py: Python<'py>,
    first: &Bound<'py, PyAny>,
    second: &Bound<'py, PyAny>,
    tolerance_mm: f32,
) -> PyResult<f64> {
    of_distances(py, first, second, |sides| {
        let is_near = |distance: &&f64| **distance as f32 <= tolerance_mm;
        let near: usize = sides
            .iter()
            .map(|own| own.iter().filter(is_near).count())
            .sum();
        near as f64 / sides.iter().map(Vec::len).sum::<usize>() as f64
    })
}

/// Two masks of bytes.
type Pair<'a> = [ArrayView3<'a, u8>; 2];

/// What is measured of the distances of [`mask_distances`] in each direction, mm.
fn of_distances<'py, T: Send>(
    py: Python<'py>,
    first: &Bound<'py, PyAny>,
    second: &Bound<'py, PyAny>,
    measure: impl FnOnce([Vec<f64>; 2]) -> T + Send,
) -> PyResult<T> {
    of_bytes(py, first, second, |[first, second], geometry| {
        let found = distances_of_arrays(first, second, geometry, Border::Six);
        measure([found.pred_to_ref, found.ref_to_pred])
    })
}

/// What is measured of two masks of bytes of one shape; the place is that of the first.
fn of_bytes<'py, T: Send>(
    py: Python<'py>,
    first: &Bound<'py, PyAny>,
    second: &Bound<'py, PyAny>,
    measure: impl FnOnce(Pair<'_>, &Geometry) -> T + Send,
) -> PyResult<T> {
    let sides = [
        ArraySide::of(first, "first")?,
        ArraySide::of(second, "second")?,
    ];
    let views = sides.each_ref().map(|side| side.view().bytes());
    let geometry = sides[0].geometry();
    // Both measures are one step, within which nothing is asked.
    step(py, geometry.len(), &Stop::default(), || match views {
        [Some(first), Some(second)] if first.dim() == second.dim() => {
            Ok(measure([first, second], geometry))
        }
        _ => Err(Error::usage(
            "masks of bytes of one shape are expected",
            "give both as bool",
        )),
    })
}
