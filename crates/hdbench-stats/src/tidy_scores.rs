//! Scores of a `metrics_long.csv`, with the `lesions.csv` beside it.

use std::collections::BTreeMap;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::cell_words;
use hdbench_score::{Label, read_metrics_long};
use hdbench_volume::artifact::open_file;
use serde::Deserialize;

use super::scored::{EXPECTED, Scored};
use super::size_groups::SizedLesion;

pub(super) fn of_tidy(path: &Path) -> Result<Scored> {
    let rows = read_metrics_long(path)?;
    let Some(first) = rows.first() else {
        return Err(Error::malformed(path, "has no row", EXPECTED));
    };
    let algorithm = first.algorithm;
    let mut lesions = BTreeMap::new();
    let beside = path.with_file_name("lesions.csv");
    let has_lesions = rows.iter().any(|row| row.label == Some(Label::LESION));
    // Lesions have no column for the algorithm: they belong to it where there is only one.
    let is_alone = rows.iter().all(|row| row.algorithm == algorithm);
    if beside.is_file() && has_lesions && is_alone {
        lesions.insert(algorithm.into(), read_lesions(&beside)?);
    }
    Ok(Scored {
        rows,
        lesions,
        ..Scored::default()
    })
}

#[derive(Deserialize)]
struct LesionRow {
    case: String,
    side: String,
    volume_ml: f64,
    equivalent_diameter_mm: f64,
    detected: bool,
    dice: f64,
}

fn read_lesions(path: &Path) -> Result<Vec<SizedLesion>> {
    let wrong = |e: csv::Error| {
        Error::malformed(
            path,
            e.to_string(),
            "expected lesions.csv as `hdbench evaluate` writes it",
        )
    };
    let file = open_file(path).map_err(Error::read(path))?;
    csv::Reader::from_reader(file)
        .deserialize::<LesionRow>()
        .map(|row| {
            let row = row.map_err(wrong)?;
            Ok(SizedLesion {
                case: cell_words(&row.case).to_owned(),
                reference: row.side == "reference",
                volume_ml: row.volume_ml,
                equivalent_diameter_mm: row.equivalent_diameter_mm,
                detected: row.detected,
                dice: row.dice,
            })
        })
        .collect()
}
