//! One pair of label maps.

use hdbench_ground::progress::Stop;
use hdbench_score::{CasePair, StrictCase, StructuresPlan, score_arrays, score_structures};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::exception;
use crate::plan::Wanted;
use crate::side::Side;
use crate::threads::step;
use crate::values::of_case;

/// Scores a pair of label maps, each a path or an array with its place.
#[pyfunction]
pub fn score<'py>(
    py: Python<'py>,
    pred: &Bound<'py, PyAny>,
    r#ref: &Bound<'py, PyAny>,
    wanted: Wanted,
    ignore_geometry: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let sides = [Side::of(pred, "pred")?, Side::of(r#ref, "ref")?];
    let pair = CasePair {
        case: String::new(),
        prediction: sides[0].source("pred"),
        reference: sides[1].source("ref"),
    };
    let stop = Stop::default();
    let planned = wanted.plan().map_err(|error| exception(py, &error))?;
    let plan = with_options(planned, ignore_geometry, &stop);
    let [prediction, reference] = sides.each_ref().map(Side::view);
    let voxels = sides[0].voxels().max(sides[1].voxels());
    let scored: StrictCase = step(py, voxels, &stop, || {
        let (reading, metrics) = (&plan.reading, &plan.metrics);
        if prediction.is_file() && reference.is_file() {
            // Both are read side by side.
            return score_structures(&pair, reading, metrics);
        }
        let prediction = prediction.labels(&pair.prediction)?;
        stop.check()?;
        let reference = reference.labels(&pair.reference)?;
        stop.check()?;
        score_arrays(&pair, prediction, reference, reading, metrics)
    })?;
    let mut notes = plan.left_out;
    notes.extend(scored.notes);
    of_case(py, &scored.scored.scores, &notes)
}

fn with_options(mut plan: StructuresPlan, ignore_geometry: bool, stop: &Stop) -> StructuresPlan {
    plan.reading.ignore_geometry = ignore_geometry;
    plan.metrics.stop = stop.clone();
    plan
}
