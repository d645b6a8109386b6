//! The tables of a cross-validation: the paper's Tables IV and V with this run's rows, and the folds.

use hdbench_table::{Cell, Column, Table, TableRow, Unit};

use super::cells::{estimate, name, row_of, score_column, table};
use crate::analysis::published::{self, PublishedRow, PublishedTable};
use crate::error::Result;
use crate::report::content::{Content, NetworkRow, Score, fold_name};
use crate::study::Role;

/// The five metrics of the paper's tables with their keys there.
type Metrics = [(Score, &'static str); 5];

const TUMOUR: Metrics = [
    (Score::LesionVoe, "voe"),
    (Score::LesionRvd, "rvd"),
    (Score::LesionAssd, "asd_mm"),
    (Score::LesionRmsd, "rmsd_mm"),
    (Score::LesionDiceWithLesions, "dice"),
];
const LIVER: Metrics = [
    (Score::LiverVoe, "voe"),
    (Score::LiverRvd, "rvd"),
    (Score::LiverAssd, "asd_mm"),
    (Score::LiverRmsd, "rmsd_mm"),
    (Score::LiverDicePerCase, "dice"),
];

/// Tumour, liver and folds.
pub(super) fn tables(content: &Content) -> Result<Vec<Table>> {
    Ok(vec![
        scores(
            content,
            "tumour",
            "Tumour segmentation",
            ", those with tumours",
            &TUMOUR,
            &published::table(4)?.with(&content.published),
        ),
        scores(
            content,
            "liver",
            "Liver segmentation",
            ", tumours counted as liver",
            &LIVER,
            &published::table(5)?.with(&content.published),
        ),
        folds(content),
    ])
}

fn scores(
    content: &Content,
    id: &str,
    title: &str,
    over: &str,
    metrics: &Metrics,
    published: &PublishedTable,
) -> Table {
    let mut columns = vec![
        Column::words("network", "Network"),
        Column::words("trained_on", "Trained on"),
    ];
    columns.extend(metrics.iter().map(|(score, _)| {
        let column = score_column(*score);
        Column {
            title: if column.title.contains("Dice") {
                "Dice".into()
            } else {
                column.title.clone()
            },
            ..column
        }
    }));
    let mut rows: Vec<TableRow> = content
        .rows
        .iter()
        .map(|row| {
            let mut cells = vec![name(row), Cell::text(trained_on(content, row))];
            cells.extend(metrics.iter().map(|(score, _)| estimate(row, *score)));
            TableRow {
                reference: row.role == Role::Leaked,
                ..row_of(row, cells)
            }
        })
        .collect();
    rows.extend(published.rows.iter().map(|row| reference(row, metrics)));
    let mut notes = vec![format!(
        "Published rows: {}. They are numbers of other programs on the real {}, a reference only; a \
         dash stands for a number that is not known here{}. ASSD and RMSD are the paper's ASD and \
         RMSD.",
        published.source,
        published.test_set,
        not_reported(published)
    )];
    if content.rows.iter().any(|row| row.role == Role::Leaked) {
        notes.push(
            "The row trained on all cases has seen the scans it is tested on: it shows what leakage \
             does to the numbers, and is no result. The paper's row \"trained on LiTS\" is of this \
             kind, since LiTS cases 28 to 47 are the patients of 3DIRCADb."
                .into(),
        );
    }
    notes.extend(content.row_notes());
    Table {
        rows,
        columns,
        notes,
        ..table(
            id,
            title,
            &format!(
                "Mean ± sd over the test cases, {}{over}; each is tested once. A distance is defined \
                 where both masks have a surface; N counts those cases, and the best of this run is \
                 bold only where all its rows have the same N.",
                content.test_set
            ),
        )
    }
}

fn trained_on(content: &Content, row: &NetworkRow) -> String {
    let counts: Vec<usize> = content
        .folds
        .iter()
        .filter(|fold| fold.role == row.role)
        .map(|fold| fold.n_train)
        .collect();
    let (Some(low), Some(high)) = (counts.iter().min(), counts.iter().max()) else {
        return "—".into();
    };
    let cases = if low == high {
        format!("{low}")
    } else {
        format!("{low} to {high}")
    };
    match row.role {
        Role::Own => format!("{cases} cases a fold"),
        Role::Transfer => format!("{cases} cases of the other set, no test scan"),
        Role::Leaked => format!("all {cases} of the other set: LEAKED"),
    }
}

/// The numbers that a publication itself does not give.
fn not_reported(published: &PublishedTable) -> String {
    let title = |key: &String| {
        let column = published.columns.iter().find(|column| column.key == *key);
        column
            .map_or(key.as_str(), |column| column.title.as_str())
            .to_owned()
    };
    let rows = published
        .rows
        .iter()
        .filter(|row| !row.not_reported.is_empty());
    let rows: Vec<String> = rows
        .map(|row| {
            let titles: Vec<String> = row.not_reported.iter().map(title).collect();
            format!("{} ({})", row.label, titles.join(", "))
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(
        ", or that its publication does not report: {}",
        rows.join("; ")
    )
}

fn reference(row: &PublishedRow, metrics: &Metrics) -> TableRow {
    let mut cells = vec![
        Cell::Text {
            text: row.label.clone(),
            note: row.note.clone(),
        },
        Cell::text("published"),
    ];
    cells.extend(metrics.iter().map(|(_, key)| row.cell(key)));
    TableRow {
        variant: row.variant.clone(),
        cells,
        reference: true,
    }
}

/// One row a fold and replicate of every network.
fn folds(content: &Content) -> Table {
    let several_seeds = content
        .rows
        .iter()
        .flat_map(|row| &row.trainings)
        .any(|training| training.seed > 0);
    let mut columns = vec![
        Column::words("network", "Network"),
        Column::words("fold", "Fold"),
    ];
    if several_seeds {
        columns.push(Column::numbers("seed", "Seed", Unit::None, 0));
    }
    columns.extend([
        Column::numbers("n_train", "Training cases", Unit::None, 0),
        Column::numbers("n_test", "Test cases", Unit::None, 0),
        Column::numbers("lesion_dice", "Tumour Dice", Unit::Percent, 1),
        Column::numbers("liver_dice", "Liver Dice", Unit::Percent, 1),
    ]);
    let mut rows = Vec::new();
    for row in &content.rows {
        for training in &row.trainings {
            let facts = content.folds.iter().find(|f| f.index == training.fold);
            let mut cells = vec![name(row), Cell::text(fold_name(training.fold, row.role))];
            if several_seeds {
                cells.push(Cell::number(Some(f64::from(training.seed))));
            }
            cells.extend([
                Cell::number(facts.map(|fold| fold.n_train as f64)),
                Cell::number(facts.map(|fold| fold.test.len() as f64)),
            ]);
            cells.extend([training.lesion_dice, training.liver_dice].map(|estimate| {
                estimate.map_or(Cell::Missing, |e| Cell::Number {
                    value: e.mean,
                    sd: e.sd,
                    n: Some(e.n),
                    interval: None,
                    mark: None,
                })
            }));
            rows.push(row_of(row, cells));
        }
    }
    Table {
        rows,
        columns,
        notes: content
            .folds
            .iter()
            .map(|fold| {
                format!(
                    "{}: {}. Tested: {}.",
                    fold_name(fold.index, fold.role),
                    fold.description,
                    fold.test.join(", ")
                )
            })
            .collect(),
        ..table(
            "folds",
            "Folds",
            "Mean ± sd of Dice over the test cases of every fold; tumour Dice over those with tumours.",
        )
    }
}
