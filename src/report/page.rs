//! The two documents of a report: one HTML page and one Markdown text with the same content.

use hdbench_table::export::{Html, escape, markdown};
use hdbench_table::{Exporter, Markdown, Table};

use super::content::{Content, Kind};
use super::tables::results_fingerprint;
use super::verdict::verdicts;
use crate::error::Result;
use crate::study::Role;

const STYLE: &str = include_str!("assets/report.css");
const SCRIPT: &str = include_str!("assets/sort.js");
const VIEWER: &str = include_str!("assets/viewer.js");

/// A plot of the report.
pub(super) struct Plot {
    /// Name of its files in `plots/`.
    pub(super) file: &'static str,
    /// What it shows.
    pub(super) caption: &'static str,
    /// The picture.
    pub(super) svg: String,
}

/// An overlay of the report.
pub(super) struct Picture {
    /// Path from the report's folder.
    pub(super) path: String,
    /// The case.
    pub(super) case: String,
    /// What `src` names: the same path, or the picture itself.
    pub(super) source: String,
}

/// A picture of several cases.
pub(super) struct SheetPicture {
    pub(super) title: &'static str,
    pub(super) caption: String,
    /// Path from the report's folder.
    pub(super) path: String,
    /// What `src` names: the same path, or the picture itself.
    pub(super) source: String,
}

/// Everything the documents are made from.
pub(super) struct Parts<'a> {
    pub(super) content: &'a Content,
    pub(super) tables: &'a [Table],
    pub(super) plots: &'a Plots,
    pub(super) pictures: &'a [Picture],
    pub(super) sheets: &'a [SheetPicture],
    /// The viewer's stacks as JSON.
    pub(super) viewer: Option<&'a str>,
    /// What all of it was made from.
    pub(super) fingerprint: &'a str,
}

/// The plots by the section they stand in.
#[derive(Default)]
pub(super) struct Plots {
    pub(super) results: Vec<Plot>,
    pub(super) training: Vec<Plot>,
    pub(super) evidence: Vec<Plot>,
    pub(super) cost: Vec<Plot>,
}

/// The words and tables of a report that depend on the kind of study.
struct Outline {
    /// What the report is called.
    name: &'static str,
    /// Anchor and head of the first section.
    first: (&'static str, &'static str),
    /// Its tables.
    first_tables: &'static [&'static str],
    /// Tables of the section of further scores.
    further: &'static [&'static str],
}

const ABLATION: Outline = Outline {
    name: "ablation report",
    first: ("ablation", "Ablation"),
    first_tables: &["ablation", "claims"],
    further: &["lesion", "liver", "spread", "leakage"],
};

const CROSS_VALIDATION: Outline = Outline {
    name: "cross-validation report",
    first: ("results", "Results"),
    first_tables: &["tumour", "liver", "folds"],
    further: &["leakage", "spread"],
};

/// Tables of the section on differences and sizes, with the plots that follow them.
const EVIDENCE: [(&str, &str, &[&str]); 3] = [
    ("Differences between networks", "comparisons", &[]),
    ("Ranking", "ranking", &["rank-map"]),
    ("Tumour size", "size-groups", &["tumour-sizes"]),
];
/// What follows them.
const LESIONS: (&str, &[&str]) = ("lesion-sizes", &["detection-by-size", "tumour-burden"]);

impl Outline {
    fn of(content: &Content) -> &'static Self {
        match content.kind {
            Kind::Ablation => &ABLATION,
            Kind::CrossValidation => &CROSS_VALIDATION,
        }
    }
}

/// Pairs of name and value for the head of a report.
fn facts(content: &Content) -> Vec<(&'static str, String)> {
    vec![
        (
            "Test set",
            format!("{}: {}", content.test_set, content.cases_in_words()),
        ),
        ("Training", training(content)),
        (
            "Recipe and scale",
            format!("{}, {}", content.recipe, content.scale),
        ),
        ("Master seed", content.master_seed.to_string()),
        ("hdbench", content.hdbench.clone()),
        ("Hardware", content.hardware.clone()),
        (
            "Results",
            format!(
                "{}: the same wherever all scores agree to four digits",
                results_fingerprint(content)
            ),
        ),
    ]
}

/// "27 cases", or the range over the folds.
fn training(content: &Content) -> String {
    let own = content.folds.iter().filter(|fold| fold.role == Role::Own);
    let counts: Vec<usize> = own.map(|fold| fold.n_train).collect();
    match (counts.iter().min(), counts.iter().max()) {
        (Some(low), Some(high)) if low < high => format!("{low} to {high} cases a fold"),
        (Some(n), _) if counts.len() > 1 => format!("{n} cases a fold"),
        _ => format!("{} cases", content.n_train),
    }
}

const OVERLAY_TEXT: &str = "The slice with most lesion, else most liver, of each test case, seen \
    from the feet. Reference: liver grey, lesion white. Prediction: liver red, lesion green. Dice \
    is over the whole case, in percent.";

/// The page, complete in one file.
pub(super) fn html(parts: &Parts<'_>) -> Result<String> {
    let content = parts.content;
    let outline = Outline::of(content);
    let mut out = opening(&format!("{}: {}", content.study, outline.name));
    out += &head(parts);
    let (anchor, title) = outline.first;
    out += &section(anchor, title);
    let (main, rest) = outline.first_tables.split_at(1);
    for id in main {
        out += &table(parts, id)?;
    }
    for shown in &parts.plots.results {
        out += &plot(shown);
    }
    for id in rest {
        out += &table(parts, id)?;
    }
    out += "</section>\n";
    out += &section("training", "Training");
    for curves in &parts.plots.training {
        out += &plot(curves);
    }
    out += &table(parts, "training")?;
    out += "</section>\n";
    if has_evidence(parts) {
        out += &section("evidence", "Evidence");
        let (lesions, lesion_plots) = LESIONS;
        for (head, id, plots) in EVIDENCE {
            if parts.tables.iter().any(|table| table.id == id) {
                out += &format!("<h3>{head}</h3>\n");
                out += &match id {
                    // The map says the same in less room.
                    "ranking" => format!(
                        "{}<details><summary>Places by three methods</summary>\n{}</details>\n",
                        named_plots(parts, plots),
                        table(parts, id)?
                    ),
                    _ => table(parts, id)? + &named_plots(parts, plots),
                };
            }
        }
        out += &table(parts, lesions)?;
        out += &named_plots(parts, lesion_plots);
        out += "</section>\n";
    }
    out += &section("overlays", "Overlays");
    out += &overlays(parts);
    out += "</section>\n";
    out += &section("scores", "Further scores");
    for id in outline.further {
        out += &table(parts, id)?;
    }
    for id in ["cases-lesion", "cases-liver"] {
        let title = parts
            .tables
            .iter()
            .find(|t| t.id == id)
            .map_or("", |t| t.title.as_str());
        out += &format!("<details><summary>{}</summary>\n", escape(title));
        out += &table(parts, id)?;
        out += "</details>\n";
    }
    out += "</section>\n";
    out += &section("cost", "Cost");
    out += &table(parts, "cost")?;
    for shown in &parts.plots.cost {
        out += &plot(shown);
    }
    out += "</section>\n";
    out += &foot(parts);
    out += &format!("</main>\n<script>\n{SCRIPT}</script>\n");
    if parts.viewer.is_some() {
        out += &format!("<script>\n{VIEWER}</script>\n");
    }
    out += "</body>\n</html>\n";
    Ok(out)
}

fn section(anchor: &str, title: &str) -> String {
    format!(
        "<section id=\"{anchor}\" aria-labelledby=\"{anchor}-title\"><h2 id=\"{anchor}-title\">{title}</h2>\n"
    )
}

fn has_evidence(parts: &Parts<'_>) -> bool {
    let (lesions, _) = LESIONS;
    let ids = EVIDENCE.map(|(_, id, _)| id);
    let shown = |table: &Table| table.id == lesions || ids.contains(&table.id.as_str());
    parts.tables.iter().any(shown)
}

fn named_plots(parts: &Parts<'_>, files: &[&str]) -> String {
    let plots = parts.plots.evidence.iter();
    plots
        .filter(|shown| files.contains(&shown.file))
        .map(plot)
        .collect()
}

/// Everything up to the first heading.
fn opening(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the report</a>\n<main id=\"main\">\n",
        escape(title)
    )
}

/// The page of a sweep: its table, and links to the arms' own reports.
pub(super) fn sweep_html(table: &str, arms: &[(String, String)]) -> String {
    let mut out = opening("settings compared");
    out += &format!(
        "<header>\n<p class=\"kind\">hdbench ablation report</p>\n<h1>Settings compared</h1>\n\
         </header>\n<section>\n{table}</section>\n<section><h2>Reports</h2>\n<ul>\n"
    );
    for (name, settings) in arms {
        out += &format!(
            "<li><a href=\"../{0}/report/index.html\">{0}</a>: {1}</li>\n",
            escape(name),
            escape(settings)
        );
    }
    out += &format!("</ul>\n</section>\n</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n");
    out
}

fn head(parts: &Parts<'_>) -> String {
    let content = parts.content;
    let outline = Outline::of(content);
    let mut out = format!(
        "<header>\n<p class=\"kind\">hdbench {}</p>\n<h1>{}</h1>\n<p class=\"lede\">{}</p>\n<dl>\n",
        outline.name,
        escape(&content.study),
        escape(&content.data)
    );
    for (name, value) in facts(content) {
        out += &format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(&value));
    }
    out += "</dl>\n<ul class=\"verdicts\">\n";
    for verdict in verdicts(content) {
        let class = match verdict.good {
            Some(true) => "good",
            Some(false) => "bad",
            None => "plain",
        };
        out += &format!("<li class=\"{class}\">{}</li>\n", escape(&verdict.text));
    }
    out += "</ul>\n<nav aria-label=\"Sections\">";
    let evidence = has_evidence(parts).then_some(("evidence", "Evidence"));
    let before = [outline.first, ("training", "Training")];
    for (id, name) in before.into_iter().chain(evidence).chain([
        ("overlays", "Overlays"),
        ("scores", "Further scores"),
        ("cost", "Cost"),
        ("method", "Method"),
    ]) {
        out += &format!("<a href=\"#{id}\">{name}</a> ");
    }
    out += "</nav>\n</header>\n";
    out
}

fn table(parts: &Parts<'_>, id: &str) -> Result<String> {
    let Some(table) = parts.tables.iter().find(|table| table.id == id) else {
        return Ok(String::new());
    };
    if table.rows.is_empty() {
        return Ok(format!(
            "<p class=\"note\">{}: nothing to show yet.</p>\n",
            escape(&table.title)
        ));
    }
    // The fragment is made of strings: nothing is lost.
    Ok(String::from_utf8_lossy(&Html.export(table)?).into_owned())
}

fn plot(plot: &Plot) -> String {
    // Inside a page the name space is known and ids must not be repeated; plotters writes none.
    let svg = plot
        .svg
        .replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
    format!(
        "<figure class=\"plot\">\n{}\n<figcaption>{} <a href=\"plots/{2}.svg\">SVG</a> \
         <a href=\"plots/{2}.png\">PNG</a></figcaption>\n</figure>\n",
        svg.trim_end(),
        escape(plot.caption),
        plot.file
    )
}

fn overlays(parts: &Parts<'_>) -> String {
    if parts.pictures.is_empty() {
        return "<p class=\"note\">No overlays: no case has been predicted yet.</p>\n".into();
    }
    let mut out = String::new();
    if let Some(stacks) = parts.viewer {
        out += &viewer(stacks, parts.content);
    }
    for sheet in parts.sheets {
        out += &format!(
            "<h3>{0}</h3>\n<figure class=\"sheet\"><a href=\"{1}\"><img src=\"{2}\" alt=\"{3}\" \
             loading=\"lazy\"></a><figcaption>{3}</figcaption></figure>\n",
            escape(sheet.title),
            escape(&sheet.path),
            escape(&sheet.source),
            escape(&sheet.caption)
        );
    }
    out += &format!(
        "<details><summary>Every test case, every network</summary>\n<p>{}</p>\n",
        escape(OVERLAY_TEXT)
    );
    for picture in parts.pictures {
        out += &format!(
            "<figure class=\"overlay\"><a href=\"{}\"><img src=\"{}\" alt=\"Slice of {} with \
             reference and predictions\" loading=\"lazy\"></a></figure>\n",
            escape(&picture.path),
            escape(&picture.source),
            escape(&picture.case)
        );
    }
    out + "</details>\n"
}

/// The slice viewer; without scripts it stays hidden.
fn viewer(stacks: &str, content: &Content) -> String {
    let (shown, all) = (stacks.matches("\"case\":").count(), content.overlays.len());
    let which = if shown < all {
        format!(
            " It holds {shown} of {all} test cases: the worst and some of the others; the rest find no \
             room in a page."
        )
    } else {
        String::new()
    };
    format!(
        "<h3>Slices</h3>\n<div class=\"viewer\" hidden>\n<div class=\"controls\">\n\
         <label>Case <select data-part=\"case\"></select></label>\n\
         <label>Prediction <select data-part=\"network\"></select></label>\n\
         <label class=\"wide\">Slice <input type=\"range\" min=\"0\" data-part=\"slice\"></label>\n\
         <label><input type=\"checkbox\" checked data-part=\"show-truth\"> reference</label>\n\
         <label><input type=\"checkbox\" checked data-part=\"show-prediction\"> prediction</label>\n\
         </div>\n<div class=\"stage\" data-part=\"stage\" tabindex=\"0\" role=\"img\" \
         aria-label=\"CT slice with contours; arrow keys change the slice, r and p toggle reference and \
         prediction\"><div data-part=\"ct\"></div><div data-part=\"prediction\"></div>\
         <div data-part=\"truth\"></div></div>\n\
         <p class=\"note\" aria-live=\"polite\" data-part=\"told\"></p>\n\
         <p class=\"note\">The box around the liver, made smaller where it must be. Reference: liver outline \
         grey, lesion white. Prediction: liver red, lesion green. Wheel and arrow keys scroll, r and p \
         toggle.{which}</p>\n<script type=\"application/json\">{stacks}</script>\n</div>\n"
    )
}

fn foot(parts: &Parts<'_>) -> String {
    let content = parts.content;
    let mut out = String::from("<section id=\"method\"><h2>Method</h2>\n");
    if !content.notes.is_empty() {
        out += "<ul>\n";
        for note in &content.notes {
            out += &format!("<li>{}</li>\n", escape(note));
        }
        out += "</ul>\n";
    }
    out += &format!(
        "<h3>How to reproduce</h3>\n<pre><code>{}</code></pre>\n<p class=\"note\">The same study, \
         seed, device and number of threads give the same bytes. Every table is in \
         <code>tables/</code> as Markdown, CSV (full precision) and LaTeX, every plot in \
         <code>plots/</code> as SVG and PNG, all of it in <code>report.json</code>, and every case of every \
         network in <code>metrics_long.parquet</code>.</p>\n\
         </section>\n<footer><p class=\"note\">Fingerprint: <code>{}</code></p></footer>\n",
        escape(&content.command),
        escape(parts.fingerprint)
    );
    out
}

/// The report as Markdown, with links to the pictures beside it.
pub(super) fn markdown(parts: &Parts<'_>) -> Result<String> {
    let content = parts.content;
    let outline = Outline::of(content);
    let first = outline.first.1;
    let mut out = format!(
        "# {}: {}\n\n{}\n\n",
        markdown::escape(&content.study),
        outline.name,
        markdown::escape(&content.data)
    );
    for (name, value) in facts(content) {
        out += &format!("- {name}: {}\n", markdown::escape(&value));
    }
    out += "\n";
    for verdict in verdicts(content) {
        let sign = match verdict.good {
            Some(true) => "✓ ",
            Some(false) => "✗ ",
            None => "",
        };
        out += &format!("- {sign}{}\n", markdown::escape(&verdict.text));
    }
    let evidence = ["comparisons", "ranking", "size-groups", "lesion-sizes"];
    for (head, ids) in [
        (first, outline.first_tables),
        ("Training", &["training"]),
        ("Evidence", &evidence),
        ("Overlays", &[]),
        ("Further scores", outline.further),
        ("Cost", &["cost"]),
    ] {
        if head == "Evidence" && !has_evidence(parts) {
            continue;
        }
        out += &format!("\n## {head}\n\n");
        match head {
            "Training" => {
                out += &images(&parts.plots.training);
            }
            "Overlays" if parts.pictures.is_empty() => out += "No case has been predicted yet.\n",
            "Overlays" => {
                for sheet in parts.sheets {
                    out += &format!("{}\n\n", markdown::escape(&sheet.caption));
                    out += &image(sheet.title, &sheet.path);
                }
                out += &format!("{OVERLAY_TEXT}\n\n");
                for picture in parts.pictures {
                    out += &image(&picture.case, &picture.path);
                }
            }
            _ => {}
        }
        for table in parts.tables.iter().filter(|t| ids.contains(&t.id.as_str())) {
            out += &String::from_utf8_lossy(&Markdown.export(table)?);
            out += "\n";
        }
        out += &match head {
            "Evidence" => images(&parts.plots.evidence),
            "Cost" => images(&parts.plots.cost),
            _ if head == first => images(&parts.plots.results),
            _ => String::new(),
        };
    }
    out += "\n## Method\n\n";
    for note in &content.notes {
        out += &format!("- {}\n", markdown::escape(note));
    }
    out += &format!(
        "\nHow to reproduce:\n\n```\n{}\n```\n\nFingerprint: `{}`\n",
        content.command.replace("```", ""),
        parts.fingerprint.replace('`', "")
    );
    Ok(out)
}

fn images(plots: &[Plot]) -> String {
    let one = |plot: &Plot| image(plot.caption, &format!("plots/{}.svg", plot.file));
    plots.iter().map(one).collect()
}

fn image(caption: &str, path: &str) -> String {
    format!("![{}]({path})\n\n", markdown::escape(caption))
}
