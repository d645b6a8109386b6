//! Writing the report's folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hdbench_table::{Cell, Column, Csv, Exporter, Latex, Markdown, Table, TableRow, Unit, chart};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::content::{CaseOverlay, Content};
use super::page::{self, Parts, Picture, Plot, Plots, SheetPicture};
use super::picture::viewer::{self, data_url};
use super::picture::{CostPlot, Curve, LossGrid, LossPlot, curves, dice_dots, overlay, sheets};
use super::table;
use crate::analysis::chart::{BurdenPlot, Detection, RankMap, TumourSizes};
use crate::artifact::{Owned, create_dir, read_file, replace_dir, write_atomic};
use crate::error::{Error, Result};

/// Overlays are put into the page itself while all of them together are at most this large: with the
/// viewer's stacks and the plots a page stays below 15 MB.
const EMBEDDED_BYTES: usize = 2_000_000;

/// The plots that a report may have.
const PLOTS: [&str; 8] = [
    "dice-by-case",
    "tumour-sizes",
    "detection-by-size",
    "tumour-burden",
    "rank-map",
    "cost-against-quality",
    "training-loss",
    "training-loss-by-network",
];

/// Pictures of several cases.
const SHEETS: [&str; 2] = ["figure-4.png", "worst-cases.png"];

/// Version of the layout of `report.json`.
const JSON_FORMAT: u32 = 1;

/// Writes `index.html`, `report.md`, `report.json`, `tables/`, `plots/` and `overlays/` into `dir`
/// and returns the path of `index.html`, which is written last.
///
/// Files of an earlier report are replaced, and what others put beside them stays. The same content
/// gives the same bytes.
///
/// # Errors
/// A folder that cannot be written, or an overlay whose label maps do not fit its CT.
pub fn write(content: &Content, dir: &Path) -> Result<PathBuf> {
    create_dir(dir)?;
    let earlier = Earlier::read(dir);
    let tables = table::all(content)?;
    let curves = curves(&content.rows);
    earlier.replace(dir, "tables", |to| write_tables(&tables, to))?;
    let (plots, pictures) = rayon::join(
        || earlier.replace(dir, "plots", |to| write_plots(content, &curves, to)),
        || {
            let drawn = earlier.replace(dir, "overlays", |to| {
                Ok((write_overlays(content, to)?, write_sheets(content, to)?))
            })?;
            let viewer = match content.stacks.is_empty() {
                true => None,
                false => Some(viewer::json(&content.stacks)?),
            };
            Ok((drawn, viewer))
        },
    );
    let (plots, ((pictures, sheets), viewer)) = (plots?, pictures?);
    write_json(content, &tables, &dir.join("report.json"))?;
    let fingerprint = table::fingerprint(content)?;
    let parts = Parts {
        content,
        tables: &tables,
        plots: &plots,
        pictures: &pictures,
        sheets: &sheets,
        viewer: viewer.as_deref(),
        fingerprint: &fingerprint,
    };
    write_atomic(&dir.join("report.md"), page::markdown(&parts)?.as_bytes())?;
    let index = dir.join("index.html");
    write_atomic(&index, page::html(&parts)?.as_bytes())?;
    Ok(index)
}

/// What of a report's folders an earlier report wrote.
struct Earlier {
    tables: BTreeSet<String>,
    overlays: BTreeSet<String>,
}

/// The part of `report.json` that tells it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct EarlierReport {
    tables: Vec<WrittenTable>,
    content: WrittenContent,
}

#[derive(Deserialize)]
struct WrittenTable {
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenContent {
    overlays: Vec<WrittenOverlay>,
}

#[derive(Deserialize)]
struct WrittenOverlay {
    case: String,
}

impl Earlier {
    /// By the report that a folder holds; nothing where it holds none.
    fn read(dir: &Path) -> Self {
        let text = read_file(&dir.join("report.json")).unwrap_or_default();
        let written: EarlierReport = serde_json::from_slice(&text).unwrap_or_default();
        let tables = written
            .tables
            .iter()
            .flat_map(|table| ["md", "csv", "tex"].map(|ending| format!("{}.{ending}", table.id)));
        let cases: Vec<&str> = written.content.overlays.iter().map(|o| &*o.case).collect();
        let overlays = cases
            .iter()
            .enumerate()
            .map(|(i, case)| file_name(case, cases[..i].iter().copied()));
        Self {
            tables: tables.collect(),
            overlays: overlays.chain(SHEETS.map(str::to_owned)).collect(),
        }
    }

    /// Replaces one of the report's folders; what else lies there is taken over.
    fn replace<T>(
        &self,
        dir: &Path,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<T>,
    ) -> Result<T> {
        let is_ours = |path: &Path, _| {
            let file = path.to_string_lossy();
            match name {
                "tables" => self.tables.contains(&*file),
                "plots" => PLOTS.contains(&&*path.with_extension("").to_string_lossy()),
                _ => self.overlays.contains(&*file),
            }
        };
        let owned = Owned::by("a report", &is_ours).keeping_others();
        replace_dir(&dir.join(name), &owned, fill)
    }
}

/// Writes tables into a folder, each as Markdown, CSV and LaTeX under its id.
///
/// # Errors
/// `Error::Write`; what an exporter gives.
pub fn write_tables(tables: &[Table], dir: &Path) -> Result<()> {
    let exporters: [&dyn Exporter; 3] = [&Markdown, &Csv, &Latex];
    for table in tables {
        for exporter in exporters {
            let path = dir.join(format!("{}.{}", table.id, exporter.extension()));
            write_atomic(&path, &exporter.export(table)?)?;
        }
    }
    Ok(())
}

/// The plots of the report by the section they stand in.
fn write_plots(content: &Content, curves: &[Curve], dir: &Path) -> Result<Plots> {
    let rows = &content.rows;
    let put = |drawing: &dyn PutPlot, file, caption| drawing.put(file, caption, dir);
    let results = vec![put(
        &dice_dots(rows),
        "dice-by-case",
        "Every dot is a test case; the box holds the middle half, the thin line is the median, the thick \
         one the mean.",
    )?];
    let mut evidence = Vec::new();
    if let Some(found) = &content.evidence {
        if let Some((groups, _)) = &found.tables.groups {
            evidence.push(put(
                &TumourSizes(groups.clone()),
                "tumour-sizes",
                "Tumour volume of every test case with tumours and the line between small and large (the \
                 paper's Figure 7, there by voxels).",
            )?);
        }
        if !found.tables.bins.is_empty() {
            evidence.push(put(
                &Detection(found.tables.bins.clone()),
                "detection-by-size",
                "Share of the reference lesions that are found at any overlap, by their size, with 95 % \
                 bootstrap intervals over cases.",
            )?);
        }
        if !found.burdens.is_empty() {
            evidence.push(put(
                &BurdenPlot(found.burdens.clone()),
                "tumour-burden",
                "Bland-Altman plots of the tumour burden: bias (thick) and limits of agreement (dashed, \
                 1.96 standard deviations).",
            )?);
        }
        if let Some((metric, ranking)) = found.tables.rankings.first() {
            evidence.push(put(
                &RankMap {
                    metric: metric.clone(),
                    ranking: ranking.clone(),
                },
                "rank-map",
                "How often each network has each place when the cases are drawn anew; its place over all \
                 cases in brackets.",
            )?);
        }
    }
    if !content.has_networks() {
        return Ok(Plots {
            results,
            evidence,
            ..Plots::default()
        });
    }
    let cost = vec![put(
        &CostPlot(rows),
        "cost-against-quality",
        "Lesion Dice with its 95 % interval against the hours to train, supporting stages included.",
    )?];
    let training = vec![
        put(
            &LossPlot(curves),
            "training-loss",
            "Training loss of all networks, every iteration and smoothed.",
        )?,
        put(
            &LossGrid(curves),
            "training-loss-by-network",
            "The same, network by network, on the same axes, with the stages of its training; the others in grey.",
        )?,
    ];
    write_atomic(
        &dir.join("training-loss.csv"),
        &Csv.export(&smoothed(curves))?,
    )?;
    Ok(Plots {
        results,
        training,
        evidence,
        cost,
    })
}

/// A drawing of any kind that can be written.
trait PutPlot {
    fn put(&self, file: &'static str, caption: &'static str, dir: &Path) -> Result<Plot>;
}

impl<T: chart::Drawing> PutPlot for T {
    fn put(&self, file: &'static str, caption: &'static str, dir: &Path) -> Result<Plot> {
        write_plot(self, file, caption, dir)
    }
}

fn write_plot(
    drawing: &impl chart::Drawing,
    file: &'static str,
    caption: &'static str,
    dir: &Path,
) -> Result<Plot> {
    let svg = chart::svg(drawing)?;
    write_atomic(&dir.join(format!("{file}.svg")), svg.as_bytes())?;
    write_atomic(&dir.join(format!("{file}.png")), &chart::png(drawing)?)?;
    Ok(Plot { file, caption, svg })
}

/// The smoothed curves as they are drawn; every single loss is in the cell's `losses.csv`.
fn smoothed(curves: &[Curve]) -> Table {
    let rows = curves.iter().flat_map(|curve| {
        curve.smooth.iter().map(|(iteration, loss)| {
            let begun = curve
                .stages
                .iter()
                .rev()
                .find(|(start, _)| start <= iteration);
            TableRow {
                variant: Some(curve.variant.clone()),
                cells: vec![
                    Cell::text(begun.map_or("", |(_, name)| name.as_str())),
                    Cell::number(Some(*iteration)),
                    Cell::number(Some(*loss)),
                ],
                ..TableRow::default()
            }
        })
    });
    Table {
        id: "training-loss".into(),
        rows: rows.collect(),
        columns: vec![
            Column::words("stage", "Stage"),
            Column::numbers("iteration", "Iteration", Unit::None, 0),
            Column::numbers("loss_moving_mean", "Loss, moving mean", Unit::None, 4),
        ],
        ..Table::default()
    }
}

/// Pictures of several cases, each with what `src` names.
fn write_sheets(content: &Content, dir: &Path) -> Result<Vec<SheetPicture>> {
    let sheets = sheets(content)?;
    let embeds = sheets.iter().map(|sheet| sheet.png.len()).sum::<usize>() <= EMBEDDED_BYTES;
    sheets
        .into_iter()
        .map(|sheet| {
            let path = format!("{}.png", sheet.file);
            write_atomic(&dir.join(&path), &sheet.png)?;
            let path = format!("overlays/{path}");
            Ok(SheetPicture {
                title: sheet.title,
                caption: sheet.caption,
                source: match embeds {
                    true => data_url(&sheet.png),
                    false => path.clone(),
                },
                path,
            })
        })
        .collect()
}

fn write_overlays(content: &Content, dir: &Path) -> Result<Vec<Picture>> {
    let draw = |(i, case): (usize, &CaseOverlay)| {
        let before = content.overlays[..i].iter().map(|c| c.case.as_str());
        let name = file_name(&case.case, before);
        let png = overlay::png(case)?;
        write_atomic(&dir.join(&name), &png)?;
        Ok((format!("overlays/{name}"), case.case.clone(), png))
    };
    let cases = content.overlays.par_iter().enumerate();
    let images: Vec<_> = cases.map(draw).collect::<Result<_>>()?;
    let embeds = images.iter().map(|(.., png)| png.len()).sum::<usize>() <= EMBEDDED_BYTES;
    Ok(images
        .into_iter()
        .map(|(path, case, png)| Picture {
            source: if embeds { data_url(&png) } else { path.clone() },
            path,
            case,
        })
        .collect())
}

/// A plain file name for a case, told apart from the cases before it.
fn file_name<'a>(case: &str, before: impl Iterator<Item = &'a str>) -> String {
    let plain = |case: &str| -> String {
        case.chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "-_".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect()
    };
    let name = plain(case);
    match before
        .filter(|other| plain(other).eq_ignore_ascii_case(&name))
        .count()
    {
        0 => format!("{name}.png"),
        again => format!("{name}.{}.png", again + 1),
    }
}

/// `report.json`: the content and every table with full precision.
#[derive(Serialize)]
struct Json<'a> {
    format: u32,
    fingerprint: String,
    results: String,
    content: &'a Content,
    tables: &'a [Table],
}

fn write_json(content: &Content, tables: &[Table], path: &Path) -> Result<()> {
    let json = Json {
        format: JSON_FORMAT,
        fingerprint: table::fingerprint(content)?,
        results: table::results_fingerprint(content),
        content,
        tables,
    };
    let mut bytes = serde_json::to_vec_pretty(&json)
        .map_err(|e| Error::Internal(format!("report.json cannot be written: {e}")))?;
    bytes.push(b'\n');
    write_atomic(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_plain_and_told_apart() {
        assert_eq!(file_name("volume-3", [].into_iter()), "volume-3.png");
        assert_eq!(file_name("a/b", ["A b", "c"].into_iter()), "a_b.2.png");
    }
}
