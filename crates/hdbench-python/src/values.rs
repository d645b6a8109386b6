//! Scores as plain Python values.

use hdbench_score::{CaseScores, InstanceRow, LesionSide, StructureScores, instance_rows};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// The scores of a case: its structures by name, the tumour burdens, what is to be told.
pub fn of_case<'py>(
    py: Python<'py>,
    scores: &CaseScores,
    notes: &[String],
) -> PyResult<Bound<'py, PyDict>> {
    let structures = PyDict::new(py);
    for own in &scores.structures {
        structures.set_item(own.label.name(), of_structure(py, own)?)?;
    }
    let burdens = PyDict::new(py);
    for (name, metric) in scores.burdens() {
        burdens.set_item(name, metric.value)?;
    }
    let case = PyDict::new(py);
    case.set_item("structures", structures)?;
    case.set_item("burdens", burdens)?;
    case.set_item("voxels", scores.voxels)?;
    case.set_item("notes", notes)?;
    Ok(case)
}

fn of_structure<'py>(py: Python<'py>, scores: &StructureScores) -> PyResult<Bound<'py, PyDict>> {
    let [values, raw, policies, detections] = [(); 4].map(|()| PyDict::new(py));
    for (metric, found) in scores.metric_values() {
        let name = metric.name();
        values.set_item(&name, found.value)?;
        raw.set_item(&name, found.raw)?;
        policies.set_item(&name, found.policy())?;
    }
    for (name, found) in scores.detections() {
        detections.set_item(name, found.value)?;
    }
    let counts = scores.counts;
    let structure = PyDict::new(py);
    structure.set_item("values", values)?;
    structure.set_item("raw", raw)?;
    structure.set_item("policies", policies)?;
    structure.set_item("detections", detections)?;
    structure.set_item(
        "counts",
        (counts.intersection, counts.prediction, counts.reference),
    )?;
    let has_instances = scores.instances.is_some() || scores.own_instances.is_some();
    let instances = has_instances.then(|| {
        let rows = instance_rows(scores);
        let rows: PyResult<Vec<_>> = rows.iter().map(|row| of_instance(py, row)).collect();
        PyList::new(py, rows?)
    });
    structure.set_item("instances", instances.transpose()?)?;
    Ok(structure)
}

/// One instance by the columns of `instances.csv`.
fn of_instance<'py>(py: Python<'py>, row: &InstanceRow) -> PyResult<Bound<'py, PyDict>> {
    let side = match row.side {
        LesionSide::Reference => "reference",
        LesionSide::Prediction => "prediction",
    };
    let instance = PyDict::new(py);
    instance.set_item("side", side)?;
    instance.set_item("instance", row.instance)?;
    instance.set_item("value", row.value)?;
    instance.set_item("voxels", row.voxels)?;
    instance.set_item("volume_ml", row.volume_ml)?;
    instance.set_item("status", row.status.word())?;
    instance.set_item("matched", &row.matched)?;
    for (metric, value) in &row.metrics {
        instance.set_item(metric.name(), value)?;
    }
    Ok(instance)
}
