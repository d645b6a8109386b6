//! The report as one HTML page, by the templates of this folder.

use askama::Template;
use hdbench_table::export::Html;
use hdbench_table::{Exporter, Table};

use super::parts::{
    EVIDENCE, LESIONS, OVERLAYS, Outline, Parts, Picture, Plot, SheetPicture, facts,
};
use super::verdict::{Verdict, verdicts};
use crate::error::{Error, Result};

const STYLE: &str = include_str!("templates/report.css");
const SCRIPT: &str = include_str!("templates/sort.js");
const VIEWER: &str = include_str!("templates/viewer.js");

/// What `report.html` shows; tables are HTML already.
#[derive(Template)]
#[template(path = "report.html", config = "src/report/page/askama.toml")]
struct Page<'a> {
    outline: &'static Outline,
    study: &'a str,
    data: &'a str,
    facts: Vec<(&'static str, String)>,
    verdicts: Vec<Verdict>,
    /// Anchor and name of every section.
    sections: Vec<(&'static str, &'static str)>,
    first: First<'a>,
    training_plots: &'a [Plot],
    /// Its table; empty in a study without networks.
    training: String,
    evidence: Vec<Shown<'a>>,
    lesions: String,
    lesion_plots: Vec<&'a Plot>,
    pictures: &'a [Picture],
    sheets: &'a [SheetPicture],
    /// The viewer's stacks as JSON.
    viewer: Option<&'a str>,
    /// Cases in the viewer, and in all.
    viewed: usize,
    n_cases: usize,
    further: String,
    /// Title and table of the single cases.
    cases: Vec<(&'a str, String)>,
    cost: String,
    cost_plots: &'a [Plot],
    notes: &'a [String],
    command: &'a str,
    fingerprint: &'a str,
}

/// The first section: its main table, plots, further tables.
struct First<'a> {
    main: String,
    plots: &'a [Plot],
    rest: String,
}

/// A table of the section on differences and sizes with its plots.
struct Shown<'a> {
    head: &'static str,
    table: String,
    plots: Vec<&'a Plot>,
    /// Whether the plot says the same in less room, so that the table stands folded below it.
    is_folded: bool,
}

/// The page, complete in one file.
///
/// # Errors
/// What an exporter gives.
pub(crate) fn html(parts: &Parts<'_>) -> Result<String> {
    let content = parts.content;
    let outline = Outline::of(content);
    let (main, rest) = outline.first_tables.split_at(1);
    let (lesions, lesion_plots) = LESIONS;
    let page = Page {
        outline,
        study: &content.study,
        data: &content.data,
        facts: facts(content),
        verdicts: verdicts(content),
        sections: sections(parts),
        first: First {
            main: tables(parts, main)?,
            plots: &parts.plots.results,
            rest: tables(parts, rest)?,
        },
        training_plots: &parts.plots.training,
        training: tables(parts, &["training"])?,
        evidence: evidence(parts)?,
        lesions: tables(parts, &[lesions])?,
        lesion_plots: named_plots(parts, lesion_plots),
        pictures: parts.pictures,
        sheets: parts.sheets,
        viewer: parts.viewer,
        viewed: parts
            .viewer
            .map_or(0, |stacks| stacks.matches("\"case\":").count()),
        n_cases: content.overlays.len(),
        further: tables(parts, outline.further)?,
        cases: ["cases-lesion", "cases-liver"]
            .into_iter()
            .map(|id| {
                let title = parts.table(id).map_or("", |table| table.title.as_str());
                Ok((title, tables(parts, &[id])?))
            })
            .collect::<Result<_>>()?,
        cost: tables(parts, &["cost"])?,
        cost_plots: &parts.plots.cost,
        notes: &content.notes,
        command: &content.command,
        fingerprint: parts.fingerprint,
    };
    rendered(&page)
}

/// What `sweep.html` shows.
#[derive(Template)]
#[template(path = "sweep.html", config = "src/report/page/askama.toml")]
struct SweepPage<'a> {
    /// The table as HTML.
    table: &'a str,
    /// Name and settings of every arm.
    arms: &'a [(String, String)],
}

/// The page of a sweep: its table, and links to the arms' own reports.
///
/// # Errors
/// `Error::Internal` where a template fails.
pub(crate) fn sweep_html(table: &str, arms: &[(String, String)]) -> Result<String> {
    rendered(&SweepPage { table, arms })
}

fn rendered(page: &impl Template) -> Result<String> {
    page.render()
        .map_err(|e| Error::Internal(format!("a page cannot be written: {e}")))
}

/// Anchor and name of every section, in order.
fn sections(parts: &Parts<'_>) -> Vec<(&'static str, &'static str)> {
    let outline = Outline::of(parts.content);
    let evidence = parts.has_evidence().then_some(("evidence", "Evidence"));
    let training = parts.table("training").map(|_| ("training", "Training"));
    let after = [
        ("overlays", "Overlays"),
        ("scores", "Further scores"),
        ("cost", "Cost"),
        ("method", "Method"),
    ];
    let first = [outline.first].into_iter();
    first.chain(training).chain(evidence).chain(after).collect()
}

fn evidence<'a>(parts: &Parts<'a>) -> Result<Vec<Shown<'a>>> {
    let there = EVIDENCE
        .iter()
        .filter(|(_, id, _)| parts.table(id).is_some());
    there
        .map(|(head, id, plots)| {
            Ok(Shown {
                head,
                table: tables(parts, &[id])?,
                plots: named_plots(parts, plots),
                is_folded: *id == "ranking",
            })
        })
        .collect()
}

fn named_plots<'a>(parts: &Parts<'a>, files: &[&str]) -> Vec<&'a Plot> {
    let plots = parts.plots.evidence.iter();
    plots.filter(|shown| files.contains(&shown.file)).collect()
}

/// Tables by their ids; nothing for those that the study has not.
fn tables(parts: &Parts<'_>, ids: &[&str]) -> Result<String> {
    let there = ids.iter().filter_map(|id| parts.table(id));
    there.map(table).collect()
}

fn table(table: &Table) -> Result<String> {
    if table.rows.is_empty() {
        return Ok(format!(
            "<p class=\"note\">{}: nothing to show yet.</p>\n",
            hdbench_table::export::escape(&table.title)
        ));
    }
    // The fragment is made of strings: nothing is lost.
    Ok(String::from_utf8_lossy(&Html::OfPage.export(table)?).into_owned())
}
