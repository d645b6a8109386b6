//! What each setting takes: its kind, range, unit and reason. Flags, files and bundles are held against the
//! same rules, before anything is built from them.

use std::fmt;
use std::path::Path;

use toml::{Table, Value};

use crate::error::Error;

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Takes {
    /// A whole number, divisible by `step`.
    Whole {
        from: i64,
        to: i64,
        step: i64,
    },
    /// A number, both ends included.
    Number {
        from: f64,
        to: f64,
    },
    YesNo,
    OneOf(&'static [&'static str]),
}

/// How many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    One,
    Exactly(usize),
    /// A list of any length.
    AtLeast(usize),
}

/// A setting and what it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Its path in its table: `dense_2d.stem`.
    pub key: &'static str,
    pub takes: Takes,
    pub count: Count,
    /// Of its numbers; empty where they have none.
    pub unit: &'static str,
    /// Why no other value is taken.
    pub reason: &'static str,
}

/// What is wrong with a setting, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub problem: String,
    pub hint: String,
}

impl Fault {
    pub fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            hint: hint.into(),
        }
    }

    /// As the error of a flag.
    pub fn of_flag(self) -> Error {
        Error::usage(self.problem, self.hint)
    }

    /// As the error of a file.
    pub fn in_file(self, path: &Path) -> Error {
        Error::malformed(path, self.problem, self.hint)
    }
}

impl Rule {
    /// A whole number from 1 or 0 on.
    pub const fn whole(key: &'static str, from: i64, to: i64, reason: &'static str) -> Self {
        let takes = Takes::Whole { from, to, step: 1 };
        Self::of(key, takes, reason)
    }

    pub const fn number(key: &'static str, from: f64, to: f64, reason: &'static str) -> Self {
        Self::of(key, Takes::Number { from, to }, reason)
    }

    pub const fn yes_no(key: &'static str) -> Self {
        Self::of(key, Takes::YesNo, "")
    }

    pub const fn one_of(key: &'static str, words: &'static [&'static str]) -> Self {
        Self::of(key, Takes::OneOf(words), "")
    }

    const fn of(key: &'static str, takes: Takes, reason: &'static str) -> Self {
        Self {
            key,
            takes,
            count: Count::One,
            unit: "",
            reason,
        }
    }

    /// The same for whole numbers divisible by `step`.
    pub const fn in_steps(mut self, step: i64) -> Self {
        if let Takes::Whole { from, to, .. } = self.takes {
            self.takes = Takes::Whole { from, to, step };
        }
        self
    }

    /// The same for several.
    pub const fn times(mut self, count: Count) -> Self {
        self.count = count;
        self
    }

    /// The same in a unit.
    pub const fn in_unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// What is wrong with the value that a table has for it; a key that is not there is none of its business.
    fn fault(&self, table: &Table, rules: &[Self], prefix: &str) -> Option<String> {
        let mut table = table;
        let mut seen = String::new();
        let mut pieces = self.key.split('.').peekable();
        loop {
            let piece = pieces.next()?;
            let value = table.get(piece)?;
            seen.push_str(piece);
            if pieces.peek().is_none() {
                return self.refused(value, prefix);
            }
            match value {
                Value::Table(inner) => table = inner,
                other => {
                    let inside = format!("{seen}.");
                    let keys = rules
                        .iter()
                        .filter_map(|rule| rule.key.strip_prefix(&inside));
                    let keys: Vec<&str> = keys.collect();
                    return Some(format!(
                        "{prefix}{seen} takes a table of {}, not {other}",
                        keys.join(", ")
                    ));
                }
            }
            seen.push('.');
        }
    }

    fn refused(&self, value: &Value, prefix: &str) -> Option<String> {
        let fits = match (self.count, value) {
            (Count::One, value) => self.takes.takes(value),
            (count, Value::Array(values)) => {
                let enough = match count {
                    Count::Exactly(n) => values.len() == n,
                    Count::AtLeast(n) => values.len() >= n,
                    Count::One => false,
                };
                enough && values.iter().all(|value| self.takes.takes(value))
            }
            _ => false,
        };
        if fits {
            return None;
        }
        let because = match self.reason {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        Some(format!(
            "{prefix}{} takes {self}, not {value}{because}",
            self.key
        ))
    }
}

impl Takes {
    fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Whole { from, to, step }, Value::Integer(n)) => {
                (from..=to).contains(n) && n % step == 0
            }
            (Self::Number { from, to }, Value::Float(x)) => (from..=to).contains(x),
            (Self::Number { from, to }, Value::Integer(n)) => (from..=to).contains(&(*n as f64)),
            (Self::YesNo, Value::Boolean(_)) => true,
            (Self::OneOf(words), Value::String(word)) => words.contains(&word.as_str()),
            _ => false,
        }
    }
}

/// `3 numbers from 0.5 to 20 mm`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, many, range) = match self.takes {
            Takes::Whole { from, to, step: 1 } => (
                "a whole number",
                "whole numbers",
                format!(" from {from} to {to}"),
            ),
            Takes::Whole { from, to, step } => (
                "a whole number",
                "whole numbers",
                format!(" from {from} to {to}, divisible by {step}"),
            ),
            Takes::Number { from, to } => ("a number", "numbers", format!(" from {from} to {to}")),
            Takes::YesNo => ("true or false", "of true and false", String::new()),
            Takes::OneOf(words) => return f.write_str(&words.join(" or ")),
        };
        match self.count {
            Count::One => write!(f, "{one}{range}")?,
            Count::Exactly(n) => write!(f, "{n} {many}{range}")?,
            Count::AtLeast(0) => write!(f, "a list of {many}{range}")?,
            Count::AtLeast(n) => write!(f, "a list of at least {n} {many}{range}")?,
        }
        match self.unit {
            "" => Ok(()),
            unit => write!(f, " {unit}"),
        }
    }
}

/// What is wrong with the first setting of a table that holds what it does not take; `prefix` stands before
/// its name.
pub fn first_fault(table: &Table, rules: &[Rule], prefix: &str) -> Option<String> {
    rules
        .iter()
        .find_map(|rule| rule.fault(table, rules, prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [Rule; 6] = [
        Rule::whole("patch", 32, 4096, "the networks halve it")
            .in_steps(32)
            .in_unit("pixels"),
        Rule::number("rate", 0.0, 1.0, "a share"),
        Rule::number("mm", 0.5, 20.0, "").times(Count::Exactly(3)),
        Rule::one_of("how.kind", &["a", "b"]),
        Rule::number("how.power", 0.0, 10.0, ""),
        Rule::whole("seeds", 0, 9, "").times(Count::AtLeast(1)),
    ];

    fn told(text: &str) -> Option<String> {
        first_fault(&text.parse().unwrap(), &RULES, "t.")
    }

    #[test]
    fn what_a_rule_takes_is_taken() {
        for text in [
            "",
            "patch = 64\nrate = 0\nmm = [1, 0.5, 20.0]\nseeds = [0]",
            "rate = 1.0\nhow = {kind = \"b\", power = 3}",
            "other = nan",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn anything_else_is_told_with_what_is_expected_and_why() {
        for (text, said) in [
            (
                "patch = 48",
                "t.patch takes a whole number from 32 to 4096, divisible by 32 pixels, not 48: the networks \
                 halve it",
            ),
            ("patch = 64.0", "t.patch takes a whole number"),
            ("patch = \"abc\"", "not \"abc\""),
            (
                "rate = nan",
                "t.rate takes a number from 0 to 1, not nan: a share",
            ),
            ("rate = inf", "not inf"),
            ("rate = -1e-300", "t.rate takes"),
            (
                "mm = [1, 2]",
                "t.mm takes 3 numbers from 0.5 to 20, not [1, 2]",
            ),
            ("mm = 1", "t.mm takes 3 numbers"),
            ("mm = [1, nan, 2]", "t.mm takes 3 numbers"),
            ("how = 3", "t.how takes a table of kind, power, not 3"),
            ("how = {kind = \"c\"}", "t.how.kind takes a or b, not \"c\""),
            ("seeds = []", "a list of at least 1 whole numbers"),
        ] {
            let found = told(text).unwrap_or_default();
            assert!(found.contains(said), "{text}: {found}");
        }
    }
}
