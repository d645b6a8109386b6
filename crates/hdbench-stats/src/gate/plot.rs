use hdbench_table::chart::{ChangeLine, ChangePlot, ChangeSign};

use super::line::{GateLine, Judgement, LineKind, Verdict};

/// The changes of accuracy with intervals and margins as a small chart.
pub fn plot(judgement: &Judgement) -> ChangePlot {
    let lines = judgement.lines.iter();
    let accuracy = lines.filter(|line| line.kind == LineKind::Accuracy);
    ChangePlot(accuracy.map(change).collect())
}

fn change(line: &GateLine) -> ChangeLine {
    // Gains are drawn to the right whichever way the metric is better.
    let sign = if line.larger_is_better { 1.0 } else { -1.0 };
    ChangeLine {
        name: format!("{}: {}", line.algorithm, line.metric),
        gain: line.change.map(|change| sign * change),
        interval: line
            .interval
            .map(|[low, high]| match line.larger_is_better {
                true => [low, high],
                false => [-high, -low],
            }),
        margin: line.margin,
        verdict: line.verdict.words(),
        sign: match line.verdict {
            Verdict::Regressed => ChangeSign::Worse,
            Verdict::Improved => ChangeSign::Better,
            Verdict::NoEvidence => ChangeSign::Open,
            Verdict::NotComparable => ChangeSign::Unknown,
        },
    }
}
