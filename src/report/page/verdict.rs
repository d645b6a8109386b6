//! What a study says in a few lines, for the head of its report.

use crate::report::content::{Content, JOINT_RATIO, LEARNED_RATIO, RowStatus, Score};
use crate::study::Role;

/// One line, and whether it is good news; a plain number is neither.
pub(super) struct Verdict {
    pub(super) good: Option<bool>,
    pub(super) text: String,
}

impl Verdict {
    /// The class of its line in the page.
    pub(super) fn class(&self) -> &'static str {
        match self.good {
            Some(true) => "good",
            Some(false) => "bad",
            None => "plain",
        }
    }
}

/// Completeness, learning, and the range of the two Dice scores per case.
pub(super) fn verdicts(content: &Content) -> Vec<Verdict> {
    let mut out = vec![completeness(content)];
    out.extend(content.remarks().map(|text| Verdict {
        good: Some(false),
        text,
    }));
    out.extend(leakage(content));
    out.extend(transfer(content));
    out.extend(learning(content));
    out.extend(below_threshold(content));
    out.extend(range(
        content,
        "Liver Dice per case",
        Score::LiverDicePerCase,
    ));
    out.extend(range(
        content,
        "Lesion Dice, cases with lesions",
        Score::LesionDiceWithLesions,
    ));
    out
}

fn completeness(content: &Content) -> Verdict {
    let missing: Vec<String> = content
        .rows
        .iter()
        .filter_map(|row| match &row.status {
            RowStatus::Done => None,
            RowStatus::Missing { reason } => Some(format!("{} ({reason})", row.title)),
        })
        .collect();
    let total = content.rows.len();
    let [one, many, done] = content.rows_in_words();
    let text = match (total, missing.len()) {
        (0, _) => format!("The study has no {many}."),
        (1, 0) => format!("The {one} of the study is {done}."),
        (_, 0) => format!("All {total} {many} are {done}."),
        (_, gone) => format!(
            "{} of {total} {many} are {done}. Missing: {}.",
            total - gone,
            missing.join("; ")
        ),
    };
    Verdict {
        good: Some(total > 0 && missing.is_empty()),
        text,
    }
}

/// Whether training cases of the study's own folds are among the test cases.
fn leakage(content: &Content) -> Option<Verdict> {
    if content.folds.is_empty() {
        return None;
    }
    let leaked = content
        .leaks
        .iter()
        .filter(|leak| leak.role == Role::Own && !leak.left_out)
        .count();
    Some(match leaked {
        0 => Verdict {
            good: Some(true),
            text: "No training case is the same scan as a test case, by its voxels.".into(),
        },
        n => Verdict {
            good: Some(false),
            text: format!(
                "LEAKED: {n} {} of a training and a test case, fold by fold, the same scan (table \
                 leakage); the numbers are no result.",
                if n == 1 { "pair" } else { "pairs" }
            ),
        },
    })
}

/// What leakage does to a transfer.
fn transfer(content: &Content) -> Option<Verdict> {
    let dice = |role: Role| {
        let row = content.rows.iter().find(|row| row.role == role)?;
        let mean = |score| Some(100.0 * row.scores.get(&score)?.mean);
        Some((
            mean(Score::LesionDiceWithLesions)?,
            mean(Score::LiverDicePerCase)?,
        ))
    };
    let (lesion, liver) = dice(Role::Transfer)?;
    let mut text = format!(
        "Trained on the other set without the test scans: lesion Dice {lesion:.1} %, liver Dice \
         {liver:.1} %"
    );
    text += &match dice(Role::Leaked) {
        Some((lesion, liver)) => {
            format!("; with them, which is leakage: {lesion:.1} % and {liver:.1} %.")
        }
        None => ".".into(),
    };
    Some(Verdict { good: None, text })
}

/// Networks that have not even learned what a window of HU knows.
fn below_threshold(content: &Content) -> Option<Verdict> {
    let threshold = content.threshold_liver?;
    let below: Vec<String> = content
        .rows
        .iter()
        .filter(|row| row.role == Role::Own && row.status == RowStatus::Done)
        .filter_map(|row| {
            let liver = row.scores.get(&Score::LiverDicePerCase)?.mean;
            (liver < threshold).then(|| format!("{} ({:.1} %)", row.title, 100.0 * liver))
        })
        .collect();
    (!below.is_empty()).then(|| Verdict {
        good: Some(false),
        text: format!(
            "Liver Dice per case below what a threshold and the largest component give on the same cases \
             ({:.1} %): {}. What these networks say of lesions is no result; the notes say what a patch sees.",
            100.0 * threshold,
            below.join("; ")
        ),
    })
}

fn learning(content: &Content) -> Option<Verdict> {
    let mut stages = 0;
    let mut stuck = Vec::new();
    for row in &content.rows {
        for (training, check) in row.checks() {
            stages += 1;
            if !check.learned() {
                let stage = match row.trainings.len() {
                    0 | 1 => check.stage.clone(),
                    _ => format!("{training}, {}", check.stage),
                };
                stuck.push(format!("{}, {stage} ({:.2})", row.title, check.ratio()));
            }
        }
    }
    let limit = format!(
        "{LEARNED_RATIO} of the first tenth's (of the joint stage, which goes on from trained parts, {JOINT_RATIO:.1})"
    );
    let text = match (stages, stuck.len()) {
        (0, _) => return None,
        (_, 0) => format!(
            "In each of the {stages} training stages the mean loss of the last tenth is at most {limit}."
        ),
        (_, n) => format!(
            "In {n} of {stages} training stages the mean loss of the last tenth is above {limit}: {}.",
            stuck.join("; ")
        ),
    };
    Some(Verdict {
        good: Some(stuck.is_empty()),
        text,
    })
}

fn range(content: &Content, what: &str, score: Score) -> Option<Verdict> {
    let mut rows: Vec<(f64, usize, &str)> = content
        .rows
        .iter()
        .filter(|row| row.status == RowStatus::Done && row.role == Role::Own)
        .filter_map(|row| {
            let estimate = row.scores.get(&score)?;
            let known = estimate.mean.is_finite();
            known.then_some((100.0 * estimate.mean, estimate.n, row.title.as_str()))
        })
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ((low, _, worst), (high, n, best)) = (*rows.first()?, *rows.last()?);
    let cases = if n == 1 {
        "1 test case".into()
    } else {
        format!("{n} test cases")
    };
    let text = if rows.len() == 1 {
        format!("{what}: {high:.1} % ({best}), mean over {cases}.")
    } else {
        format!("{what}: from {low:.1} % ({worst}) to {high:.1} % ({best}), mean over {cases}.")
    };
    Some(Verdict { good: None, text })
}
