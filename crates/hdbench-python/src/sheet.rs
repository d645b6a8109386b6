//! Tables and charts as objects of Python, rendered when they are asked for.

use std::path::PathBuf;

use hdbench_ground::error::{Error, Result};
use hdbench_table::chart::{Drawing, png, svg};
use hdbench_table::{Csv, Exporter, Html, Latex, Markdown, Table, Terminal};
use hdbench_volume::artifact::write_atomic;
use pyo3::prelude::*;

use crate::failure::exception;

/// Letters in a line of the text of a table.
const WIDTH: usize = 120;

/// A table for readers.
#[pyclass(frozen, module = "hdbench._hdbench")]
pub struct Sheet(pub Table);

#[pymethods]
impl Sheet {
    /// Its name.
    #[getter]
    fn id(&self) -> &str {
        &self.0.id
    }

    /// As `html` (a fragment), `latex`, `markdown`, `csv` or `text`.
    fn render(&self, py: Python<'_>, format: &str) -> PyResult<String> {
        let exporter: &dyn Exporter = match format {
            "html" => &Html::Alone,
            "latex" => &Latex,
            "markdown" => &Markdown,
            "csv" => &Csv,
            _ => &Terminal {
                styled: false,
                width: WIDTH,
            },
        };
        let text = exporter.export(&self.0);
        let text = text.map_err(|error| exception(py, &error))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// Draws a picture as PNG.
type Png = Box<dyn Fn() -> Result<Vec<u8>> + Send + Sync>;

/// A chart of scores. Notebooks show it; `save` writes it.
#[pyclass(frozen, module = "hdbench")]
pub struct Chart {
    svg: String,
    png: Png,
}

impl Chart {
    /// Draws it.
    ///
    /// # Errors
    /// `Error::Internal` where it cannot be drawn.
    pub fn of(drawing: impl Drawing + Send + Sync + 'static) -> Result<Self> {
        Ok(Self {
            svg: svg(&drawing)?,
            png: Box::new(move || png(&drawing)),
        })
    }
}

#[pymethods]
impl Chart {
    /// The text of the chart as SVG.
    #[getter]
    fn svg(&self) -> &str {
        &self.svg
    }

    fn _repr_svg_(&self) -> &str {
        &self.svg
    }

    fn __repr__(&self) -> String {
        let title = self.svg.split_once("<title>").map_or("", |(_, rest)| rest);
        let title = title.split_once("</title>").map_or("", |(title, _)| title);
        format!("<hdbench.Chart: {title}>")
    }

    /// Writes the chart, as SVG or PNG by the end of the path's name.
    ///
    /// Raises ``UsageError`` for another end, ``WriteError`` where the system refuses it.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let written = py.detach(|| {
            let end = path.extension().unwrap_or_default();
            match end.to_string_lossy().to_lowercase().as_str() {
                "svg" => write_atomic(&path, self.svg.as_bytes()),
                "png" => write_atomic(&path, &(self.png)()?),
                _ => Err(Error::usage(
                    format!("{}: a chart is written as .svg or .png", path.display()),
                    "give the path one of these ends",
                )),
            }
        });
        written.map_err(|error| exception(py, &error))
    }
}
