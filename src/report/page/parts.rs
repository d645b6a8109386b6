//! What the two documents of a report are made from.

use hdbench_table::Table;

use crate::report::content::{Content, StudyKind};
use crate::report::table::results_fingerprint;
use crate::study::Role;

/// A plot of the report.
pub(crate) struct Plot {
    /// Name of its files in `plots/`.
    pub(crate) file: &'static str,
    /// What it shows.
    pub(crate) caption: &'static str,
    /// The picture.
    pub(crate) svg: String,
}

/// An overlay of the report.
pub(crate) struct Picture {
    /// Path from the report's folder.
    pub(crate) path: String,
    /// The case.
    pub(crate) case: String,
    /// What `src` names: the same path, or the picture itself.
    pub(crate) source: String,
}

/// A picture of several cases.
pub(crate) struct SheetPicture {
    /// What it is.
    pub(crate) title: &'static str,
    /// What it shows.
    pub(crate) caption: String,
    /// Path from the report's folder.
    pub(crate) path: String,
    /// What `src` names: the same path, or the picture itself.
    pub(crate) source: String,
}

/// Everything the documents are made from.
pub(crate) struct Parts<'a> {
    pub(crate) content: &'a Content,
    pub(crate) tables: &'a [Table],
    pub(crate) plots: &'a Plots,
    pub(crate) pictures: &'a [Picture],
    pub(crate) sheets: &'a [SheetPicture],
    /// The viewer's stacks as JSON.
    pub(crate) viewer: Option<&'a str>,
    /// What all of it was made from.
    pub(crate) fingerprint: &'a str,
}

/// The plots by the section they stand in.
#[derive(Default)]
pub(crate) struct Plots {
    pub(crate) results: Vec<Plot>,
    pub(crate) training: Vec<Plot>,
    pub(crate) evidence: Vec<Plot>,
    pub(crate) cost: Vec<Plot>,
}

/// The words and tables of a report that depend on the kind of study.
pub(super) struct Outline {
    /// What the report is called.
    pub(super) name: &'static str,
    /// Anchor and head of the first section.
    pub(super) first: (&'static str, &'static str),
    /// Its tables.
    pub(super) first_tables: &'static [&'static str],
    /// Tables of the section of further scores.
    pub(super) further: &'static [&'static str],
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
pub(super) const EVIDENCE: [(&str, &str, &[&str]); 3] = [
    ("Differences between networks", "comparisons", &[]),
    ("Ranking", "ranking", &["rank-map"]),
    ("Tumour size", "size-groups", &["tumour-sizes"]),
];
/// What follows them.
pub(super) const LESIONS: (&str, &[&str]) =
    ("lesion-sizes", &["detection-by-size", "tumour-burden"]);

impl Outline {
    pub(super) fn of(content: &Content) -> &'static Self {
        match content.kind {
            StudyKind::Ablation => &ABLATION,
            StudyKind::CrossValidation => &CROSS_VALIDATION,
        }
    }
}

/// Pairs of name and value for the head of a report.
pub(super) fn facts(content: &Content) -> Vec<(&'static str, String)> {
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

/// What the overlays show.
pub(super) const OVERLAYS: &str = "The slice with most lesion, else most liver, of each test case, seen \
    from the feet. Reference: liver grey, lesion white. Prediction: liver red, lesion green. Dice \
    is over the whole case, in percent.";

impl Parts<'_> {
    /// A table by its id, where the study has it.
    pub(super) fn table(&self, id: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.id == id)
    }

    /// Whether anything stands in the section on differences and sizes.
    pub(super) fn has_evidence(&self) -> bool {
        let (lesions, _) = LESIONS;
        let mut ids = EVIDENCE.iter().map(|(_, id, _)| *id).chain([lesions]);
        ids.any(|id| self.table(id).is_some())
    }
}

impl Plot {
    /// The picture inside a page, where the name space is known.
    pub(super) fn inline(&self) -> String {
        let svg = self
            .svg
            .replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
        svg.trim_end().to_owned()
    }
}
