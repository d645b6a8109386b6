//! Tables and charts as objects of Python, rendered when they are asked for.

use std::path::PathBuf;

use hdbench_ground::error::{Error, Result};
use hdbench_table::chart::{Drawing, png, svg};
use hdbench_table::{Exporter, Html, Latex, Markdown, Table, Terminal};
use hdbench_volume::artifact::write_atomic;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use crate::failure::exception;

/// Letters in a line of the text of a table.
const WIDTH: usize = 120;

/// A table for readers in every form: `html` (a fragment), `latex`, `markdown`, `text`.
///
/// # Errors
/// What an exporter gives.
pub fn rendered(table: &Table) -> Result<Vec<(&'static str, String)>> {
    let text = Terminal {
        styled: false,
        width: WIDTH,
    };
    let exporters: [(&'static str, &dyn Exporter); 4] = [
        ("html", &Html::Alone),
        ("latex", &Latex),
        ("markdown", &Markdown),
        ("text", &text),
    ];
    let forms = exporters.map(|(form, exporter)| {
        let text = exporter.export(table)?;
        Ok((form, String::from_utf8_lossy(&text).into_owned()))
    });
    forms.into_iter().collect()
}

/// What pickle makes a chart of: its class, and what that is given.
type Remade<'py> = (Bound<'py, PyType>, (String, Bound<'py, PyBytes>));

/// A picture as PNG.
enum Png {
    /// Drawn when it is asked for.
    Drawn(Box<dyn Fn() -> Result<Vec<u8>> + Send + Sync>),
    /// As it was kept.
    Kept(Vec<u8>),
}

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
            png: Png::Drawn(Box::new(move || png(&drawing))),
        })
    }
}

impl Chart {
    fn png(&self) -> Result<Vec<u8>> {
        match &self.png {
            Png::Drawn(draw) => draw(),
            Png::Kept(bytes) => Ok(bytes.clone()),
        }
    }
}

#[pymethods]
impl Chart {
    /// A chart that was drawn before: what pickle makes one of.
    #[new]
    fn kept(svg: String, png: Vec<u8>) -> Self {
        Self {
            svg,
            png: Png::Kept(png),
        }
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Remade<'py>> {
        let png = py
            .detach(|| self.png())
            .map_err(|error| exception(py, &error))?;
        Ok((
            py.get_type::<Self>(),
            (self.svg.clone(), PyBytes::new(py, &png)),
        ))
    }

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
                "png" => write_atomic(&path, &self.png()?),
                _ => Err(Error::usage(
                    format!("{}: a chart is written as .svg or .png", path.display()),
                    "give the path one of these ends",
                )),
            }
        });
        written.map_err(|error| exception(py, &error))
    }
}
