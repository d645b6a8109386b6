use hdbench_ground::error::Result;
use hdbench_table::{Cell, Column, Exporter, Markdown, Table, TableRow, Unit};

use super::line::{GateLine, GateOutcome, Judgement, LineKind, Verdict};

/// The first line of a comment: by it a workflow finds the comment it wrote before.
pub const MARKER: &str = "<!-- hdbench-regress -->";

/// Number of lines that stand in the open table; those that only passed fold away behind it.
const OPEN: usize = 40;

/// `0.712 → 0.684 (−0.028, −0.041 to −0.012)`.
pub(super) fn change_words(line: &GateLine) -> String {
    let (Some(old), Some(new), Some(change)) = (line.baseline, line.current, line.change) else {
        return String::from("no values");
    };
    let unit = match line.unit {
        "" => String::new(),
        unit => format!(" {unit}"),
    };
    let values = format!("{} -> {}{unit}", number(line, old), number(line, new));
    if line.identical {
        return format!("{values}, every value the same");
    }
    let (change, interval) = match line.kind {
        LineKind::Accuracy => (
            format!("change {change:+.4}"),
            line.interval
                .map(|[low, high]| format!("{low:+.4} to {high:+.4}")),
        ),
        LineKind::Cost => (
            format!("ratio {change:.3}"),
            line.interval
                .map(|[low, high]| format!("{low:.3} to {high:.3}")),
        ),
    };
    match interval {
        Some(interval) => format!("{values}, {change} ({interval})"),
        None => format!("{values}, {change}"),
    }
}

fn number(line: &GateLine, value: f64) -> String {
    match line.kind {
        LineKind::Accuracy => format!("{value:.4}"),
        LineKind::Cost if value < 10.0 => format!("{value:.4}"),
        LineKind::Cost => format!("{value:.1}"),
    }
}

pub(super) fn margin_words(line: &GateLine) -> String {
    match line.kind {
        LineKind::Accuracy => format!("{}", line.margin),
        LineKind::Cost => format!("x {}", line.margin),
    }
}

/// The lines as a table, the most urgent first.
pub fn table(judgement: &Judgement) -> Table {
    let mut lines: Vec<&GateLine> = judgement.lines.iter().collect();
    lines.sort_by_key(|line| line.verdict);
    table_of(judgement, &lines)
}

fn table_of(judgement: &Judgement, lines: &[&GateLine]) -> Table {
    let rows = lines.iter().map(|line| {
        let number = |value: Option<f64>, decimals: usize| {
            value.map_or(Cell::Missing, |value| {
                Cell::text(format!("{value:.decimals$}"))
            })
        };
        let decimals = match (line.kind, line.baseline) {
            (LineKind::Cost, Some(value)) if value >= 10.0 => 1,
            _ => 4,
        };
        let change = match (line.kind, line.change) {
            (_, None) => Cell::Missing,
            _ if line.identical => Cell::text("none"),
            (LineKind::Accuracy, Some(change)) => Cell::text(match line.interval {
                Some([low, high]) => format!("{change:+.4} ({low:+.4} to {high:+.4})"),
                None => format!("{change:+.4}"),
            }),
            (LineKind::Cost, Some(ratio)) => Cell::text(match line.interval {
                Some([low, high]) => format!("x {ratio:.3} ({low:.3} to {high:.3})"),
                None => format!("x {ratio:.3}"),
            }),
        };
        let arrow = if line.larger_is_better { "↑" } else { "↓" };
        let unit = match line.unit {
            "" => String::new(),
            unit => format!(", {unit}"),
        };
        TableRow {
            cells: vec![
                Cell::text(line.verdict.words()),
                Cell::text(&line.algorithm),
                Cell::text(format!("{}{unit} {arrow}", line.metric)),
                Cell::number(Some(line.n as f64)),
                number(line.baseline, decimals),
                number(line.current, decimals),
                change,
                Cell::text(margin_words(line)),
                Cell::number(line.p_holm),
                Cell::text(remark(line)),
            ],
            ..TableRow::default()
        }
    });
    Table {
        id: "regression".into(),
        title: "Regression gate".into(),
        caption: format!(
            "Changes of the mean on the same cases with their 95 % BCa bootstrap intervals; p, \
             one-sided against a loss up to the margin: the larger of signed-rank test and bootstrap-t, \
             Holm's correction over all accuracy lines at level {}. Costs: ratios of new to old.",
            judgement.level
        ),
        fingerprint: judgement.notes.first().cloned().unwrap_or_default(),
        columns: vec![
            Column::words("verdict", "Verdict"),
            Column::words("algorithm", "Algorithm"),
            Column::words("metric", "Metric"),
            Column::numbers("n", "N", Unit::None, 0),
            Column::words("baseline", "Baseline"),
            Column::words("current", "Current"),
            Column::words("change", "Change"),
            Column::words("margin", "Margin"),
            Column::numbers("p_holm", "p, Holm", Unit::Probability, 4),
            Column::words("remark", "Remark"),
        ],
        rows: rows.collect(),
        notes: judgement.notes.clone(),
    }
}

/// What a reader must know of a line.
fn remark(line: &GateLine) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(line.reason.clone());
    if line.verdict == Verdict::NotComparable && !line.required {
        parts.push("not required".into());
    }
    if line.verdict == Verdict::NoEvidence && !line.identical && line.interval.is_some() {
        parts.push(match (line.loss_excluded, line.kind) {
            (true, LineKind::Accuracy) => "a loss beyond the margin is excluded".into(),
            (false, LineKind::Accuracy) => "a loss beyond the margin is not excluded".into(),
            (true, LineKind::Cost) => "a growth beyond the ratio is excluded".into(),
            (false, LineKind::Cost) => "a growth beyond the ratio is not excluded".into(),
        });
    }
    if let Some(sds) = line.in_replicate_sd {
        parts.push(format!("{sds:+.1} sd of replicates"));
    }
    if line.verdict == Verdict::Regressed && !line.worst.is_empty() {
        let worst: Vec<String> = line
            .worst
            .iter()
            .map(|w| format!("{} {:.3} to {:.3}", w.case, w.baseline, w.current))
            .collect();
        parts.push(format!("worst: {}", worst.join(", ")));
    }
    parts.join("; ")
}

/// One sentence for all.
pub fn headline(judgement: &Judgement) -> String {
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .filter(|verdict| judgement.count(*verdict) > 0)
        .map(|verdict| format!("{} {}", judgement.count(verdict), verdict.words()))
        .collect();
    let open = judgement.count(Verdict::NotComparable);
    let said = match judgement.outcome {
        // What was not compared did not pass.
        GateOutcome::Passed if open > 0 => {
            let were = if open == 1 {
                "line that was"
            } else {
                "lines that were"
            };
            format!("Passed but for {open} {were} not required and not compared")
        }
        GateOutcome::Passed => "Passed".into(),
        GateOutcome::Regressed => "Regressed".into(),
        GateOutcome::NotComparable => "Not comparable".into(),
    };
    format!(
        "{said}: {} of {} lines.",
        counts.join(", "),
        judgement.lines.len()
    )
}

/// A comment for a pull request; its first line marks it.
///
/// # Errors
/// None that can happen: an exporter's.
pub fn comment(judgement: &Judgement) -> Result<String> {
    let sign = match judgement.outcome {
        GateOutcome::Passed if judgement.count(Verdict::NotComparable) > 0 => "⚠️",
        GateOutcome::Passed => "✅",
        GateOutcome::Regressed => "❌",
        GateOutcome::NotComparable => "⚠️",
    };
    let mut lines: Vec<&GateLine> = judgement.lines.iter().collect();
    lines.sort_by_key(|line| line.verdict);
    let open = lines.len().min(OPEN);
    let export = |lines: &[&GateLine]| -> Result<String> {
        let mut table = table_of(judgement, lines);
        table.notes = Vec::new();
        Ok(String::from_utf8_lossy(&Markdown.export(&table)?).into_owned())
    };
    let mut text = format!("{MARKER}\n### {sign} {}\n\n", headline(judgement));
    text += &export(&lines[..open])?;
    if lines.len() > open {
        text += &format!(
            "\n<details><summary>{} more lines</summary>\n\n{}\n</details>\n",
            lines.len() - open,
            export(&lines[open..])?
        );
    }
    for note in &judgement.notes {
        text += &format!("\n{note}\n");
    }
    Ok(text)
}
