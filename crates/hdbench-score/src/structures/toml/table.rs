//! A TOML table whose keys know their lines.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use hdbench_ground::near::meant;

use super::super::problem::Problem;

/// Where the lines of a text end.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line, from 1, of a byte of the text.
    pub(super) fn of(&self, byte: usize) -> usize {
        self.0.partition_point(|end| *end < byte) + 1
    }
}

/// A table.
#[derive(Clone)]
pub(super) struct Section<'t> {
    lines: &'t Lines,
    /// What it is, for messages: `structure "wt"`; empty for the whole file.
    what: String,
    /// The line of its key.
    pub(super) line: usize,
    table: &'t DeTable<'t>,
}

/// A key and its value.
#[derive(Clone)]
pub(super) struct Field<'t> {
    lines: &'t Lines,
    what: String,
    pub(super) key: &'t str,
    pub(super) line: usize,
    value: &'t DeValue<'t>,
}

impl<'t> Section<'t> {
    pub(super) fn root(lines: &'t Lines, table: &'t DeTable<'t>) -> Self {
        Self {
            lines,
            what: String::new(),
            line: 1,
            table,
        }
    }

    /// Every field, in the order of the text.
    pub(super) fn fields(&self) -> Vec<Field<'t>> {
        let mut fields: Vec<(usize, Field<'t>)> = self
            .table
            .iter()
            .map(|(key, value)| (key.span().start, self.field(key, value)))
            .collect();
        fields.sort_by_key(|(start, _)| *start);
        fields.into_iter().map(|(_, field)| field).collect()
    }

    fn field(
        &self,
        key: &'t Spanned<std::borrow::Cow<'t, str>>,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Field<'t> {
        Field {
            lines: self.lines,
            what: self.what.clone(),
            key: key.get_ref(),
            line: self.lines.of(key.span().start),
            value: value.get_ref(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Field<'t>> {
        let mut entries = self.table.iter();
        let found = entries.find(|(known, _)| known.get_ref() == key);
        found.map(|(key, value)| self.field(key, value))
    }

    /// What has to be there.
    pub(super) fn need(&self, key: &str, hint: &str) -> Result<Field<'t>, Problem> {
        self.get(key)
            .ok_or_else(|| self.problem(format!("does not say {key}"), hint))
    }

    /// Refuses every other key.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        for field in self.fields() {
            if !known.contains(&field.key) {
                let of = match self.what.as_str() {
                    "" => String::new(),
                    what => format!(" of {what}"),
                };
                let problem = Problem::new(
                    format!("unknown key {:?}{of}", field.key),
                    meant(field.key, known),
                );
                return Err(problem.in_line(field.line));
            }
        }
        Ok(())
    }

    /// Something wrong with the whole of it.
    pub(super) fn problem(&self, text: impl Into<String>, hint: &str) -> Problem {
        let text = text.into();
        let text = match self.what.as_str() {
            "" => text,
            what => format!("{what}: {text}"),
        };
        Problem::new(text, hint).in_line(self.line)
    }
}

impl<'t> Field<'t> {
    /// Something wrong with the value.
    pub(super) fn wrong(&self, text: impl Into<String>, hint: impl Into<String>) -> Problem {
        let of = match self.what.as_str() {
            "" => String::new(),
            what => format!("{what}: "),
        };
        Problem::new(format!("{of}{}", text.into()), hint).in_line(self.line)
    }

    /// A value of another kind than is asked for.
    pub(super) fn not(&self, expected: &str) -> Problem {
        self.wrong(
            format!(
                "{} takes {expected}, not a value of the kind {}",
                self.key,
                self.value.type_str()
            ),
            format!("{} = ... with {expected}", self.key),
        )
    }

    pub(super) fn table(&self, what: String) -> Result<Section<'t>, Problem> {
        let table = self.value.as_table().ok_or_else(|| self.not("a table"))?;
        Ok(Section {
            lines: self.lines,
            what,
            line: self.line,
            table,
        })
    }

    pub(super) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    pub(super) fn text(&self) -> Result<&'t str, Problem> {
        self.value
            .as_str()
            .ok_or_else(|| self.not("text in quotes"))
    }

    pub(super) fn truth(&self) -> Result<bool, Problem> {
        self.value
            .as_bool()
            .ok_or_else(|| self.not("true or false"))
    }

    pub(super) fn integer(&self) -> Result<i64, Problem> {
        let value = self.value.as_integer();
        value
            .and_then(|value| i64::from_str_radix(value.as_str(), value.radix()).ok())
            .ok_or_else(|| self.not("a whole number"))
    }

    /// A number, with a decimal point or without; also `inf` and `nan`.
    pub(super) fn number(&self) -> Result<f64, Problem> {
        if let Some(value) = self.value.as_float() {
            let value = value.as_str().parse::<f64>();
            return value.map_err(|_| self.not("a number"));
        }
        match self.value.is_integer() {
            true => Ok(self.integer()? as f64),
            false => Err(self.not("a number")),
        }
    }

    /// A number of the range, which `expected` says.
    pub(super) fn number_in(
        &self,
        range: impl std::ops::RangeBounds<f64>,
        expected: &str,
    ) -> Result<f64, Problem> {
        let value = self.number()?;
        match range.contains(&value) {
            true => Ok(value),
            false => Err(self.wrong(
                format!("{} takes {expected}, not {value}", self.key),
                format!("{} = ... with {expected}", self.key),
            )),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        self.value.is_str()
    }

    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// The items of a list, as fields of the same key, each in its line.
    pub(super) fn items(&self) -> Result<Vec<Self>, Problem> {
        let items = self.value.as_array().ok_or_else(|| self.not("a list"))?;
        let item = |value: &'t Spanned<DeValue<'t>>| Self {
            line: self.lines.of(value.span().start),
            value: value.get_ref(),
            ..self.clone()
        };
        Ok(items.iter().map(item).collect())
    }
}
