use hdbench_ground::error::Result;
use hdbench_ground::text::acts;

use super::junit::{fails, told};
use super::line::{GateLine, Judgement, Verdict};
use super::markdown::{comment, headline};

/// GitHub drops a whole step summary above 1 MiB: ours stays well below.
const SUMMARY_BYTES: usize = 900 * 1024;

/// GitHub shows ten annotations of a kind in a step.
const ANNOTATIONS: usize = 10;

/// The step summary: the comment, cut at a line if it is too long.
///
/// # Errors
/// As [`comment`].
pub fn step_summary(judgement: &Judgement) -> Result<String> {
    Ok(cut(comment(judgement)?, SUMMARY_BYTES))
}

fn cut(text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    const NOTE: &str = "\n\n(Cut short; regression.json has everything.)\n";
    let mut end = limit - NOTE.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = text[..end].rfind('\n').unwrap_or(end);
    format!("{}{NOTE}", &text[..end])
}

/// Workflow commands that GitHub turns to annotations, for standard output.
pub fn annotations(judgement: &Judgement) -> String {
    let mut out = String::new();
    type Wanted = fn(&GateLine) -> bool;
    let kinds: [(&str, Wanted); 3] = [
        ("error", fails),
        ("notice", |line| line.verdict == Verdict::Improved),
        ("warning", |line| {
            line.verdict == Verdict::NotComparable && !line.required
        }),
    ];
    for (command, of) in kinds {
        let lines: Vec<_> = judgement.lines.iter().filter(|line| of(line)).collect();
        // The last one says how many there are more.
        let shown = if lines.len() > ANNOTATIONS {
            ANNOTATIONS - 1
        } else {
            lines.len()
        };
        for line in &lines[..shown] {
            let title = format!(
                "{}: {} of {}",
                line.verdict.words(),
                line.metric,
                line.algorithm
            );
            out += &format!(
                "::{command} title={}::{}\n",
                property(&title),
                data(&told(line))
            );
        }
        if lines.len() > shown {
            out += &format!("::{command}::{} more of these\n", lines.len() - shown);
        }
    }
    if out.is_empty() {
        out += &format!("::notice::{}\n", data(&headline(judgement)));
    }
    out
}

fn data(text: &str) -> String {
    let ends_line = |c| matches!(c, '\n' | '\r');
    let mut calm = String::new();
    for c in text.chars() {
        match acts(c) && !ends_line(c) {
            true => calm.extend(c.escape_default()),
            false => calm.push(c),
        }
    }
    calm.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_summary_is_cut_at_a_line() {
        let text = "ü23456789\n".repeat(100);
        let short = cut(text.clone(), 500);
        assert!(short.len() <= 500 && short.ends_with("everything.)\n"));
        assert!(short.lines().take(5).all(|line| line == "ü23456789"));
        assert_eq!(cut(text.clone(), 5000), text);
    }

    #[test]
    fn names_cannot_end_a_workflow_command() {
        assert_eq!(property("a:b,c\n100%"), "a%3Ab%2Cc%0A100%25");
        assert_eq!(data("\u{1b}[31m"), "\\u{1b}[31m");
    }
}
