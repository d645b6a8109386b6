//! Writing the folder of a sweep's report.

use std::path::{Path, PathBuf};

use hdbench_table::export::Html;
use hdbench_table::{Csv, Exporter, Latex, Markdown};

use super::content::Content;
use super::{page, table};
use crate::artifact::{create_dir, write_atomic};
use crate::error::Result;

/// Writes `index.html`, `sweep.md`, `sweep.csv` and `sweep.tex` into `dir`: every network under
/// every arm, and links to the arms' own reports in folders beside `dir`. Returns the page.
///
/// # Errors
/// A folder that cannot be written.
pub fn write_sweep(arms: &[(String, Content)], dir: &Path) -> Result<PathBuf> {
    create_dir(dir)?;
    let table = table::sweep(arms);
    let exporters: [&dyn Exporter; 3] = [&Markdown, &Csv, &Latex];
    for exporter in exporters {
        let path = dir.join(format!("sweep.{}", exporter.extension()));
        write_atomic(&path, &exporter.export(&table)?)?;
    }
    let fragment = Html::OfPage.export(&table)?;
    let links: Vec<(String, String)> = arms
        .iter()
        .map(|(name, content)| (name.clone(), format!("recipe {}", content.recipe)))
        .collect();
    let index = dir.join("index.html");
    let html = page::sweep_html(&String::from_utf8_lossy(&fragment), &links)?;
    write_atomic(&index, html.as_bytes())?;
    Ok(index)
}
