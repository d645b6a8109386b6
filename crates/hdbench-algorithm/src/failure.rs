//! Why a case has no prediction.

use std::fmt;
use std::time::Duration;

use hdbench_ground::text::shown;

use crate::table::quantity::in_words;

/// Letters of a failure's first line, and lines of the last that was said, in a message.
const FIRST_LINE_LETTERS: usize = 200;
const TAIL_LINES: usize = 5;

/// Lines below a first one that a message about several cases keeps: a hint, `it said last:` and the tail.
const LINES_BELOW: usize = 2 + TAIL_LINES;

/// What went wrong with an algorithm's run, and the last that it said.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What went wrong.
    pub cause: FailureCause,
    /// The last lines of its output, without what acts on a terminal.
    pub tail: Vec<String>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum FailureCause {
    /// The program could not be started.
    NotStarted {
        /// Its name as the study's file has it.
        program: String,
        /// What the system said.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// It ended by itself, with another code than 0.
    ExitCode(i32),
    /// It was ended by a signal that did not come from here.
    Signal(i32),
    /// It took longer than it may and was ended.
    Timeout {
        /// What it had: a case's time, or that of all cases of its run.
        limit: Duration,
        /// How many cases it was for.
        cases: usize,
    },
    /// It ended well and left no file for the case.
    NoOutput {
        /// What lies in its output folder instead, a few names.
        found: Vec<String>,
        /// The name that was looked for.
        expected: String,
    },
    /// Something has the name of the case's output and cannot be taken.
    NoFile {
        /// Its name in the output folder.
        name: String,
        /// What it is: `a folder`, `a symbolic link to X, where nothing is`.
        kind: String,
        /// What was looked for.
        expected: String,
    },
}

impl fmt::Display for FailureCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted {
                program,
                reason,
                hint,
            } => {
                write!(f, "cannot start {}: {reason}\nhint: {hint}", shown(program))
            }
            Self::ExitCode(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(number) => {
                write!(f, "was ended by signal {number}{}", signal_name(*number))
            }
            Self::Timeout { limit, cases: 1 } => {
                write!(f, "did not end within {}", in_words(*limit))
            }
            Self::Timeout { limit, cases } => {
                write!(f, "did not end within {} ({cases} cases)", in_words(*limit))
            }
            Self::NoOutput { found, expected } if found.is_empty() => {
                write!(
                    f,
                    "wrote no {}: its output folder is empty",
                    shown(expected)
                )
            }
            Self::NoOutput { found, expected } => {
                let found: Vec<_> = found.iter().map(|name| shown(name)).collect();
                write!(
                    f,
                    "wrote no {}: its output folder has {}",
                    shown(expected),
                    found.join(", ")
                )
            }
            Self::NoFile {
                name,
                kind,
                expected,
            } => write!(
                f,
                "wrote {} as {}, expected {}",
                shown(name),
                shown(kind),
                shown(expected)
            ),
        }
    }
}

/// The cause, its first line kept short, and below it the end of the tail.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self.cause.to_string();
        let (first, hint) = cause.split_once('\n').unwrap_or((&cause, ""));
        f.write_str(&cut(first))?;
        if !hint.is_empty() {
            write!(f, "\n{hint}")?;
        }
        if !self.tail.is_empty() {
            f.write_str("\nit said last:")?;
        }
        self.tail[self.tail.len().saturating_sub(TAIL_LINES)..]
            .iter()
            .try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// Why cases of a run have no prediction, each reason once with its cases, in the order of the first of them.
///
/// Two reasons are one where they differ in their cases' names alone. Each is cut to a first line of 200 letters and the
/// seven below it.
pub fn grouped(failures: &[(String, String)]) -> Vec<(Vec<&str>, String)> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (case, text) in failures {
        let nameless = without_name(text, case);
        let same = |group: &&mut Group<'_>| group.text == text || group.nameless == nameless;
        match groups.iter_mut().find(same) {
            Some(group) => group.cases.push(case),
            None => groups.push(Group {
                cases: vec![case],
                text,
                nameless,
            }),
        }
    }
    groups
        .into_iter()
        .map(|group| (group.cases, brief(group.text)))
        .collect()
}

struct Group<'a> {
    cases: Vec<&'a str>,
    /// As it is for the first of them ...
    text: &'a str,
    /// ... and without that one's name.
    nameless: String,
}

/// A text without a name, where that stands by itself: `volume-1` is no part of `volume-12`.
fn without_name(text: &str, name: &str) -> String {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut nameless = String::new();
    let mut kept = 0;
    for (at, found) in text.match_indices(name) {
        let end = at + found.len();
        let stands_alone =
            !is_letter(text[..at].chars().next_back()) && !is_letter(text[end..].chars().next());
        if stands_alone && !found.is_empty() {
            nameless += &text[kept..at];
            kept = end;
        }
    }
    nameless + &text[kept..]
}

fn brief(text: &str) -> String {
    let mut lines = text.lines();
    let first = cut(lines.next().unwrap_or_default());
    let below = lines.take(LINES_BELOW).map(|line| format!("\n{line}"));
    below.fold(first, |text, line| text + &line)
}

/// A line without its middle, if it is long: paths stand at its beginning, what is wrong at its end.
fn cut(line: &str) -> String {
    const GAP: &str = " ... ";
    let letters: Vec<char> = line.chars().collect();
    if letters.len() <= FIRST_LINE_LETTERS {
        return line.to_owned();
    }
    let half = (FIRST_LINE_LETTERS - GAP.len()) / 2;
    let part = |letters: &[char]| letters.iter().collect::<String>();
    part(&letters[..half]) + GAP + &part(&letters[letters.len() - half..])
}

/// Of the signals that programs die of; the numbers of Linux.
fn signal_name(number: i32) -> &'static str {
    match number {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL; mostly the system, out of memory)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        24 => " (SIGXCPU)",
        25 => " (SIGXFSZ)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped_of(failures: &[(&str, &str)]) -> Vec<(Vec<String>, String)> {
        let failures: Vec<_> = failures
            .iter()
            .map(|(case, text)| ((*case).to_owned(), (*text).to_owned()))
            .collect();
        let groups = grouped(&failures).into_iter();
        groups
            .map(|(cases, text)| (cases.into_iter().map(str::to_owned).collect(), text))
            .collect()
    }

    #[test]
    fn a_reason_is_told_once_with_all_its_cases() {
        let groups = grouped_of(&[
            ("a", "ended with exit code 1"),
            ("b", "wrote no b.nii.gz: its output folder is empty"),
            ("c", "ended with exit code 1"),
            ("d", "wrote no d.nii.gz: its output folder is empty"),
        ]);
        let cases: Vec<_> = groups.iter().map(|(cases, _)| cases.join(" ")).collect();
        assert_eq!(cases, ["a c", "b d"]);
        assert_eq!(groups[0].1, "ended with exit code 1");
        assert_eq!(groups[1].1, "wrote no b.nii.gz: its output folder is empty");
        // The number of another case is no name of this one.
        let groups = grouped_of(&[("volume-1", "no volume-12"), ("volume-2", "no volume-22")]);
        assert_eq!(groups.len(), 2);
        assert_eq!(grouped_of(&[]), []);
    }

    #[test]
    fn a_message_is_short_and_the_log_has_the_rest() {
        let failure = Failure {
            cause: FailureCause::NoOutput {
                found: vec!["x".repeat(255); 5],
                expected: "a.nii.gz".to_owned(),
            },
            tail: (0..20).map(|i| format!("line {i}")).collect(),
        };
        let text = failure.to_string();
        let (first, below) = text.split_once('\n').unwrap();
        assert!(first.chars().count() <= 200 && first.starts_with("wrote no a.nii.gz"));
        assert_eq!(
            below,
            "it said last:\n    line 15\n    line 16\n    line 17\n    line 18\n    line 19"
        );
        let path = format!("/{}: has label 7\nhint: add it", "y".repeat(300));
        let (_, text) = grouped_of(&[("a", &path)]).remove(0);
        let (first, below) = text.split_once('\n').unwrap();
        assert!(first.chars().count() <= 200 && first.starts_with("/yyy"));
        assert!(first.ends_with("yyy: has label 7"), "{first}");
        assert_eq!(below, "hint: add it");
    }
}
