//! The tables of a report, built from its content.

use hdbench_table::{Cell, Column, Table, TableRow, Unit};

use super::cells::{estimate, name, row_of, score_column, table};
use super::{claims, crossval};
use crate::analysis::published::{self, PublishedTable};
use crate::artifact::hash_bytes;
use crate::error::{Error, Result};
use crate::report::content::{
    CaseScore, Content, NetworkRow, RowStatus, Score, StudyKind, fold_name,
};

/// The head above what the challenge's server gave.
const CHALLENGE: &str = "LiTS server, the challenge's answer to this study's submissions, imported";

const DICE: [Score; 4] = [
    Score::LesionDicePerCase,
    Score::LesionDiceGlobal,
    Score::LiverDicePerCase,
    Score::LiverDiceGlobal,
];
const LESION: [Score; 6] = [
    Score::LesionDiceWithLesions,
    Score::LesionVoe,
    Score::LesionRvd,
    Score::LesionAssd,
    Score::LesionRmsd,
    Score::TumourBurdenRmse,
];
const LIVER: [Score; 4] = [
    Score::LiverVoe,
    Score::LiverRvd,
    Score::LiverAssd,
    Score::LiverRmsd,
];

/// Every table of the report in its order.
///
/// # Errors
/// Only if the embedded published table does not parse.
pub fn all(content: &Content) -> Result<Vec<Table>> {
    let mut tables = match content.kind {
        StudyKind::Ablation => ablation_tables(content)?,
        StudyKind::CrossValidation => crossval::tables(content)?,
    };
    tables.extend([
        spread(content),
        cases(
            content,
            "cases-lesion",
            "Lesion Dice of every test case with lesions",
            |case| case.lesion_dice.filter(|_| case.has_lesions),
        ),
        cases(
            content,
            "cases-liver",
            "Liver Dice of every test case",
            |case| case.liver_dice,
        ),
    ]);
    tables.extend(content.has_networks().then(|| training(content)));
    tables.push(cost(content));
    if let Some(evidence) = &content.evidence {
        let before = tables.iter().position(|table| table.id == "cases-lesion");
        let place = before.unwrap_or(tables.len());
        tables.splice(place..place, evidence.tables.evidence()?);
    }
    if !content.claims.is_empty() {
        tables.insert(1, claims::table(&content.claims, content.phantoms)?);
    }
    tables.extend(leakage(content));
    let fingerprint = fingerprint(content)?;
    tables
        .iter_mut()
        .for_each(|table| table.fingerprint.clone_from(&fingerprint));
    if content.is_leaked() {
        tables.iter_mut().for_each(mark_as_leaked);
    }
    Ok(tables)
}

/// What a table or a page was made from, in a line; its last word changes with every number.
///
/// # Errors
/// `Error::Internal` if the content does not serialise.
pub fn fingerprint(content: &Content) -> Result<String> {
    let made = serde_json::to_vec(content).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(format!(
        "study {}, recipe {}, scale {}, seed {}, test set {}, hdbench {}, content {}",
        content.study,
        content.recipe,
        content.scale,
        content.master_seed,
        content.test_set,
        content.hdbench,
        &hash_bytes(&made)[..12]
    ))
}

/// A short name of the results alone, the same wherever the scores agree to four digits: what two labs can
/// compare by eye, whatever their machines, versions and folders are.
pub fn results_fingerprint(content: &Content) -> String {
    let mut text = String::new();
    for row in content
        .rows
        .iter()
        .filter(|row| row.status == RowStatus::Done)
    {
        for (score, estimate) in &row.scores {
            let n = estimate.n;
            text += &format!("{} {:?} {} {n} ", row.variant, row.role, score.key());
            // Four digits of a number near 1; what is undefined is NaN everywhere.
            text += &match estimate.mean {
                mean if mean.is_nan() => "nan".into(),
                mean => format!("{:+.3e}", mean + 0.0),
            };
            text.push('\n');
        }
    }
    let hash = hash_bytes(text.as_bytes());
    format!("{}-{}-{}", &hash[..4], &hash[4..8], &hash[8..12])
}

fn ablation_tables(content: &Content) -> Result<Vec<Table>> {
    Ok(vec![
        ablation(content, &published::table(2)?.with(&content.published)),
        scores(
            content,
            "lesion",
            "Lesion scores",
            "Mean ± sd over the cases where a score is defined (a distance needs both surfaces, RVD a \
             reference); n counts them, and the best is bold only where all rows have the same n.",
            &LESION,
        ),
        scores(
            content,
            "liver",
            "Liver scores",
            "Mean ± sd over the test cases for the liver, lesions included.",
            &LIVER,
        ),
    ])
}

/// Every table of a study that tests on what it trained on says so, wherever it is copied to.
fn mark_as_leaked(table: &mut Table) {
    table.title += " (LEAKED)";
    table.caption = format!(
        "Leaked: training cases are the same scans as test cases (table leakage); no result. {}",
        table.caption
    );
}

/// The pairs of training and test cases that are one scan, if there are any.
fn leakage(content: &Content) -> Option<Table> {
    if content.leaks.is_empty() {
        return None;
    }
    let rows = content.leaks.iter().map(|leak| TableRow {
        cells: vec![
            Cell::text(fold_name(leak.fold, leak.role)),
            Cell::text(&leak.train),
            Cell::text(&leak.test),
            Cell::text(&leak.evidence),
            Cell::text(if leak.left_out {
                "left out"
            } else {
                "trained on"
            }),
        ],
        ..TableRow::default()
    });
    Some(Table {
        rows: rows.collect(),
        columns: vec![
            Column::words("fold", "Fold"),
            Column::words("train", "Training case"),
            Column::words("test", "Test case"),
            Column::words("evidence", "Evidence"),
            Column::words("done", "What was done"),
        ],
        ..table(
            "leakage",
            "Leakage",
            "Training cases that are the same scan as a test case, or share a part of it, by their voxels.",
        )
    })
}

fn ablation(content: &Content, published: &PublishedTable) -> Table {
    let ours = format!("This run, {}", content.test_set);
    let theirs = format!("Published, {}, not the same cases", published.test_set);
    let mut columns = vec![Column::words("network", "Network")];
    columns.extend(DICE.map(|score| score_column(score).under(&ours)));
    let answered = content.rows.iter().any(|row| row.challenge.is_some());
    if answered {
        columns.extend(DICE.map(|score| Column {
            key: format!("lits_{}", score.key()),
            ..score_column(score).under(CHALLENGE)
        }));
    }
    let known: Vec<Score> = DICE
        .into_iter()
        .filter(|score| {
            let cell = |row: &NetworkRow| published_cell(published, &row.variant, *score);
            content.rows.iter().any(|row| cell(row) != Cell::Missing)
        })
        .collect();
    columns.extend(known.iter().map(|score| Column {
        key: format!("published_{}", score.key()),
        direction: None,
        ..score_column(*score).under(&theirs)
    }));
    let rows = content.rows.iter().map(|row| {
        let mut cells = vec![name(row)];
        cells.extend(DICE.map(|score| estimate(row, score)));
        if answered {
            cells.extend(DICE.map(|score| challenge_cell(row, score)));
        }
        let theirs = known.iter();
        cells.extend(theirs.map(|score| published_cell(published, &row.variant, *score)));
        row_of(row, cells)
    });
    Table {
        rows: rows.collect(),
        columns,
        notes: std::iter::once(format!(
            "Published columns: {}. They are another test set, training set and hardware and \
             stand here as a reference only; a number that is not known from a text is not shown.",
            published.source
        ))
        .chain(challenge_notes(content))
        .chain(content.row_notes())
        .collect(),
        ..table(
            "ablation",
            "Ablation",
            &format!(
                "Dice in percent over {}: {}. Per case: mean ± sd of the cases; global: all voxels \
                 together. The best of a column is bold; that alone is no test of a difference.",
                content.test_set,
                content.cases_in_words()
            ),
        )
    }
}

fn scores(content: &Content, id: &str, title: &str, caption: &str, scores: &[Score]) -> Table {
    let mut columns = vec![Column::words("network", "Network")];
    columns.extend(scores.iter().map(|score| score_column(*score)));
    let rows = content.rows.iter().map(|row| {
        let mut cells = vec![name(row)];
        cells.extend(scores.iter().map(|score| estimate(row, *score)));
        row_of(row, cells)
    });
    Table {
        rows: rows.collect(),
        columns,
        ..table(id, title, caption)
    }
}

/// Order statistics and intervals of the two Dice scores per case.
fn spread(content: &Content) -> Table {
    let metrics = [
        ("low", "95 % low"),
        ("high", "95 % high"),
        ("min", "Min"),
        ("median", "Median"),
        ("max", "Max"),
    ];
    let mut columns = vec![Column::words("network", "Network")];
    for (label, group) in [
        ("lesion", "Lesion Dice, cases with lesions"),
        ("liver", "Liver Dice, all cases"),
    ] {
        columns
            .push(Column::numbers(&format!("{label}_dice"), "Mean", Unit::Percent, 1).under(group));
        columns.extend(metrics.map(|(key, title)| {
            Column::numbers(&format!("{label}_dice_{key}"), title, Unit::Percent, 1).under(group)
        }));
    }
    let rows = content.rows.iter().map(|row| {
        let mut cells = vec![name(row)];
        cells.extend(spread_cells(row, Score::LesionDiceWithLesions, |case| {
            case.lesion_dice.filter(|_| case.has_lesions)
        }));
        cells.extend(spread_cells(row, Score::LiverDicePerCase, |case| {
            case.liver_dice
        }));
        row_of(row, cells)
    });
    Table {
        rows: rows.collect(),
        columns,
        ..table(
            "spread",
            "Spread over the test cases",
            "Dice in percent: mean with its 95 % interval where the study has one, and the worst, \
             middle and best case.",
        )
    }
}

fn spread_cells(
    row: &NetworkRow,
    score: Score,
    dice: impl Fn(&CaseScore) -> Option<f64>,
) -> [Cell; 6] {
    let mut values: Vec<f64> = row
        .per_case
        .iter()
        .filter_map(dice)
        .filter(|v| v.is_finite())
        .collect();
    values.sort_by(f64::total_cmp);
    let middle = (!values.is_empty())
        .then(|| (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0);
    let interval = row.scores.get(&score).and_then(|e| e.interval);

    [
        estimate(row, score),
        Cell::number(interval.map(|i| i[0])),
        Cell::number(interval.map(|i| i[1])),
        Cell::number(values.first().copied()),
        Cell::number(middle),
        Cell::number(values.last().copied()),
    ]
}

/// One row a case, one column a variant.
fn cases(
    content: &Content,
    id: &str,
    title: &str,
    dice: impl Fn(&CaseScore) -> Option<f64>,
) -> Table {
    let mut names: Vec<&str> = Vec::new();
    for case in content.rows.iter().flat_map(|row| &row.per_case) {
        if dice(case).is_some() && !names.contains(&case.case.as_str()) {
            names.push(&case.case);
        }
    }
    let mut columns = vec![Column::words("case", "Case")];
    columns.extend(
        content
            .rows
            .iter()
            .map(|row| Column::numbers(&row.variant, &row.title, Unit::Percent, 1)),
    );
    let rows = names.iter().map(|name| {
        let mut cells = vec![Cell::text(*name)];
        cells.extend(content.rows.iter().map(|row| {
            Cell::number(
                row.per_case
                    .iter()
                    .find(|c| c.case == *name)
                    .and_then(&dice),
            )
        }));
        TableRow {
            cells,
            ..TableRow::default()
        }
    });
    Table {
        rows: rows.collect(),
        columns,
        ..table(id, title, "Dice in percent, one row a case.")
    }
}

fn training(content: &Content) -> Table {
    let several = content.rows.iter().any(|row| row.trainings.len() > 1);
    let mut rows = Vec::new();
    for row in &content.rows {
        for (training, check) in row.checks() {
            let seconds = row.cost.stages.iter().find(|s| s.stage == check.stage);
            let mut cells = vec![Cell::text(&row.title)];
            cells.extend(several.then(|| Cell::text(training)));
            cells.extend([
                Cell::text(&check.stage),
                Cell::number(Some(check.iterations as f64)),
                Cell::number(seconds.map(|s| s.seconds_per_step)),
                Cell::number(Some(check.first_tenth)),
                Cell::number(Some(check.last_tenth)),
                Cell::number(Some(check.ratio())),
                Cell::number(Some(check.limit())),
                Cell::text(if check.learned() { "yes" } else { "no" }),
            ]);
            rows.push(row_of(row, cells));
        }
    }
    let mut columns = vec![Column::words("network", "Network")];
    columns.extend(several.then(|| Column::words("training", "Fold")));
    columns.extend([
        Column::words("stage", "Stage"),
        Column::numbers("iterations", "Iterations", Unit::None, 0),
        Column::numbers("seconds_per_step", "Time of a step", Unit::Seconds, 3),
        Column::numbers("loss_first_tenth", "Loss, first tenth", Unit::None, 4),
        Column::numbers("loss_last_tenth", "Loss, last tenth", Unit::None, 4),
        Column::numbers("loss_ratio", "Ratio", Unit::None, 2),
        Column::numbers("limit", "At most", Unit::None, 1),
        Column::words("learned", "Learned"),
    ]);
    Table {
        rows,
        columns,
        ..table(
            "training",
            "Training stages",
            "Mean loss of the first and the last tenth of every stage; a stage has learned when the \
             ratio is at most 0.8.",
        )
    }
}

fn cost(content: &Content) -> Table {
    // What is measured of other algorithms alone is a column where there are any.
    let has_external = content.rows.iter().any(|row| row.cost.external.is_some());
    let has_gpu = has_external && content.rows.iter().any(|row| gpu_peak(row).is_some());
    let rows = content.rows.iter().map(|row| {
        let mut cells = vec![
            name(row),
            Cell::number(row.cost.parameters.map(|p| p as f64)),
            Cell::number(row.cost.multiply_adds.map(|m| m as f64)),
            Cell::number(row.cost.stages.last().map(|s| s.seconds_per_step)),
            Cell::number(row.cost.hours_to_end),
            Cell::number(row.cost.prediction_seconds),
            Cell::number(row.cost.peak_memory_mb),
        ];
        let external = row.cost.external.as_ref();
        if has_external {
            cells.push(Cell::number(external.and_then(|of| of.cpu_seconds)));
        }
        if has_gpu {
            cells.push(Cell::number(gpu_peak(row)));
            cells.push(Cell::number(external.and_then(|of| of.gpu_area_mb_s)));
        }
        row_of(row, cells)
    });
    let mut columns = vec![
        Column::words("network", "Network"),
        Column::numbers("parameters", "Parameters", Unit::Millions, 2),
        Column::numbers(
            "multiply_adds",
            "Multiply-adds of a patch",
            Unit::Billions,
            3,
        ),
        Column::numbers("seconds_per_step", "Training step", Unit::Seconds, 3),
        Column::numbers("hours_to_end", "Training to the end", Unit::Hours, 2),
        Column::numbers(
            "prediction_seconds",
            "Prediction of a case",
            Unit::Seconds,
            1,
        ),
        Column::numbers("peak_memory_mb", "Peak memory", Unit::Megabytes, 0),
    ];
    if has_external {
        let title = "Processor time of a case";
        columns.push(Column::numbers("cpu_seconds", title, Unit::Seconds, 1));
    }
    if has_gpu {
        columns.push(Column::numbers(
            "gpu_peak_mb",
            "GPU memory",
            Unit::Megabytes,
            0,
        ));
        let title = "GPU memory over time of a case, MB s";
        columns.push(Column::numbers("gpu_area_mb_s", title, Unit::None, 0));
    }
    Table {
        rows: rows.collect(),
        columns,
        notes: external_notes(content),
        ..table(
            "cost",
            "Cost",
            &format!(
                "Multiply-adds: convolutions of one training patch (a slice with its neighbours, or a \
                 volume), forward. Training step: mean of the last stage, drawing patches included. \
                 Training to the end counts the supporting stages a network starts from. Peak \
                 memory: of the process, in any stage. Hardware: {}.",
                content.hardware
            ),
        )
    }
}

fn gpu_peak(row: &NetworkRow) -> Option<f64> {
    row.cost.external.as_ref()?.gpu_peak_mb
}

/// How what other algorithms cost was measured.
fn external_notes(content: &Content) -> Vec<String> {
    let external: Vec<&NetworkRow> = content
        .rows
        .iter()
        .filter(|row| row.cost.external.is_some())
        .collect();
    if external.is_empty() {
        return Vec::new();
    }
    let mut notes = vec![
        "Other algorithms: time and memory of all their processes, without the case that loads the model where others follow."
            .to_owned(),
    ];
    let divided = |row: &&NetworkRow| row.cost.external.as_ref().is_some_and(|of| of.divided);
    let divided: Vec<&str> = external
        .into_iter()
        .filter(divided)
        .map(|row| row.title.as_str())
        .collect();
    if !divided.is_empty() {
        notes.push(format!(
            "{}: the time of a run over all cases, divided by their number.",
            divided.join(", ")
        ));
    }
    notes
}

/// What the challenge's server gave for a score; its names of the Dice scores are ours.
fn challenge_cell(row: &NetworkRow, score: Score) -> Cell {
    let metrics = row.challenge.as_ref().map(|answer| &answer.metrics);
    Cell::number(metrics.and_then(|metrics| metrics.get(score.key()).copied()))
}

/// Where the server's metrics come from.
fn challenge_notes(content: &Content) -> impl Iterator<Item = String> {
    content.rows.iter().filter_map(|row| {
        let answer = row.challenge.as_ref()?;
        Some(format!(
            "LiTS server, {}: as imported from {} (BLAKE3 {}).",
            row.title,
            answer.source,
            &answer.blake3[..answer.blake3.len().min(12)]
        ))
    })
}

fn published_cell(published: &PublishedTable, variant: &str, score: Score) -> Cell {
    published
        .row_of(variant)
        .map_or(Cell::Missing, |row| row.cell(score.key()))
}
