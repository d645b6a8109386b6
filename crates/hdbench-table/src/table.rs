//! The one table model; every exporter renders it without knowing what it is about.

use std::collections::BTreeSet;

use hdbench_ground::error::Result;
use serde::Serialize;

/// Shown where there is no number.
pub const MISSING: &str = "—";

/// A table: columns with units and directions, rows of cells.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    /// Name of its files.
    pub id: String,
    /// What it shows, a short noun phrase.
    pub title: String,
    /// What a reader needs to read it, a sentence or two.
    pub caption: String,
    /// Study, seed and version it was made from; a comment in the LaTeX file.
    pub fingerprint: String,
    /// Its columns; the first is usually the name of the row.
    pub columns: Vec<Column>,
    /// Its rows, each with as many cells as there are columns.
    pub rows: Vec<TableRow>,
    /// Remarks below the table.
    pub notes: Vec<String>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Name in the CSV file.
    pub key: String,
    /// Head of the column.
    pub title: String,
    /// A head above several neighbouring columns: a name, and after a comma what it stands for.
    pub group: Option<String>,
    /// Unit of the rendered numbers.
    pub unit: Unit,
    /// Which way is better; the best is bold.
    pub direction: Option<Direction>,
    /// Digits after the point when rendered.
    pub decimals: usize,
    /// Whether it holds words instead of numbers.
    pub is_text: bool,
    /// Whether a terminal that is too narrow leaves it out before others.
    pub minor: bool,
}

/// Unit of a column's rendered numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A plain number.
    None,
    /// A fraction, rendered times 100.
    Percent,
    /// The chance of a test; one that would be rendered as 0 is rendered as less than the last digit.
    Probability,
    /// Millimetres.
    Millimetres,
    /// Seconds.
    Seconds,
    /// Hours.
    Hours,
    /// Megabytes.
    Megabytes,
    /// A count, rendered in millions.
    Millions,
    /// A count, rendered in thousand millions.
    Billions,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Larger is better.
    Up,
    /// Smaller is better.
    Down,
    /// The smaller its size, whatever its sign, the better.
    TowardsZero,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TableRow {
    /// The variant it is about; the first column of the CSV file, shown nowhere else.
    pub variant: Option<String>,
    /// Its cells, in the order of the columns.
    pub cells: Vec<Cell>,
    /// Whether it only stands there for comparison: it is never the best of a column.
    pub reference: bool,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Words, with a remark that belongs to them.
    Text {
        /// The words.
        text: String,
        /// The remark.
        note: Option<String>,
    },
    /// A number; one that is not finite is shown as missing.
    Number {
        /// The value, a fraction where the unit is percent.
        value: f64,
        /// Standard deviation, in the value's unit.
        sd: Option<f64>,
        /// Number of cases behind it.
        n: Option<usize>,
        /// 95 % interval, in the value's unit.
        interval: Option<[f64; 2]>,
        /// A word of caution, e.g. `unverified`.
        mark: Option<String>,
    },
    /// Nothing known.
    Missing,
}

impl Cell {
    /// Words without a remark.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text {
            text: text.into(),
            note: None,
        }
    }

    /// A bare number; none is missing.
    pub fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Missing, |value| Self::Number {
            value,
            sd: None,
            n: None,
            interval: None,
            mark: None,
        })
    }

    /// Its number, if it has a finite one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Number { value, .. } if value.is_finite() => Some(*value),
            _ => None,
        }
    }

    pub fn n(&self) -> Option<usize> {
        match self {
            Self::Number { n, .. } => *n,
            _ => None,
        }
    }

    pub fn mark(&self) -> Option<&str> {
        match self {
            Self::Number { mark, .. } => mark.as_deref(),
            _ => None,
        }
    }

    pub fn note(&self) -> Option<&str> {
        match self {
            Self::Text { note, .. } => note.as_deref(),
            _ => None,
        }
    }
}

impl Unit {
    /// What a stored number is multiplied with to be rendered.
    fn factor(self) -> f64 {
        match self {
            Self::Percent => 100.0,
            Self::Millions => 1e-6,
            Self::Billions => 1e-9,
            _ => 1.0,
        }
    }

    /// Its sign; empty for a plain number.
    pub fn sign(self) -> &'static str {
        match self {
            Self::None | Self::Probability => "",
            Self::Percent => "%",
            Self::Millimetres => "mm",
            Self::Seconds => "s",
            Self::Hours => "h",
            Self::Megabytes => "MB",
            Self::Millions => "million",
            Self::Billions => "billion",
        }
    }
}

impl Direction {
    /// An arrow for the head of a column.
    pub fn arrow(self) -> &'static str {
        match self {
            Self::Up => "↑",
            Self::Down => "↓",
            Self::TowardsZero => "→0",
        }
    }
}

impl Column {
    /// A column of words.
    pub fn words(key: &str, title: &str) -> Self {
        Self {
            is_text: true,
            ..Self::numbers(key, title, Unit::None, 0)
        }
    }

    /// A column of numbers.
    pub fn numbers(key: &str, title: &str, unit: Unit, decimals: usize) -> Self {
        Self {
            key: key.into(),
            title: title.into(),
            group: None,
            unit,
            direction: None,
            decimals,
            is_text: false,
            minor: false,
        }
    }

    /// A column of the chances of tests.
    pub fn probability() -> Self {
        Self::numbers("p", "p", Unit::Probability, 4)
    }

    /// One that a narrow terminal leaves out first.
    pub fn minor(mut self) -> Self {
        self.minor = true;
        self
    }

    /// With the direction that is better.
    pub fn better(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// Under a common head.
    pub fn under(mut self, group: &str) -> Self {
        self.group = Some(group.into());
        self
    }

    /// A stored number as it is rendered, without its unit.
    pub fn render(&self, value: f64) -> String {
        if !value.is_finite() {
            return MISSING.into();
        }
        let text = format!("{:.*}", self.decimals, value * self.unit.factor());
        if self.unit == Unit::Probability && value > 0.0 && text.parse() == Ok(0.0) {
            return format!("< {}", 10_f64.powi(-(self.decimals as i32)));
        }
        // A rounded "-0.0" would read as a direction that is not there.
        match text.strip_prefix('-') {
            Some(rest) if rest.bytes().all(|b| b == b'0' || b == b'.') => rest.into(),
            _ => text,
        }
    }
}

impl Table {
    /// The number of cases of a column, if it is the same in every row that has one.
    pub fn column_n(&self, column: usize) -> Option<usize> {
        let mut ns = self
            .rows
            .iter()
            .filter_map(|row| row.cells.get(column)?.n());
        let first = ns.next()?;
        ns.all(|n| n == first).then_some(first)
    }

    /// Head of a column with unit, direction and number of cases, in plain text.
    pub fn head(&self, column: usize) -> String {
        let c = &self.columns[column];
        let mut head = c.title.clone();
        if !c.unit.sign().is_empty() {
            head += &format!(", {}", c.unit.sign());
        }
        if let Some(direction) = c.direction {
            head += &format!(" {}", direction.arrow());
        }
        if let Some(n) = self.column_n(column) {
            head += &format!(", N = {n}");
        }
        head
    }

    /// The number of cases that a cell must show itself, because its column's rows differ.
    pub fn own_n(&self, row: usize, column: usize) -> Option<usize> {
        let n = self.rows[row].cells[column].n()?;
        self.column_n(column).is_none().then_some(n)
    }

    /// Whether a cell is the best of its column, or looks equal to it; never with a single number,
    /// and never where the rows are over different cases: a network that misses a lesion would win
    /// by the distances that it then has not.
    pub fn is_best(&self, row: usize, column: usize) -> bool {
        self.stands(row, column, 0)
    }

    /// Whether a cell is the second best of its column, or looks equal to it; the same conditions.
    pub fn is_second(&self, row: usize, column: usize) -> bool {
        self.stands(row, column, 1)
    }

    /// Whether at least `better` different rendered numbers of the column are better than the cell's.
    fn stands(&self, row: usize, column: usize, better: usize) -> bool {
        let c = &self.columns[column];
        if self.rows[row].reference {
            return false;
        }
        let rows = || self.rows.iter().filter(|row| !row.reference);
        let mut ns = rows().filter_map(|r| {
            let cell = r.cells.get(column)?;
            cell.value().and(cell.n())
        });
        let n = ns.next();
        if ns.any(|other| Some(other) != n) {
            return false;
        }
        let Some(direction) = c.direction else {
            return false;
        };
        let badness = |value: f64| match direction {
            Direction::Up => -value,
            Direction::Down => value,
            Direction::TowardsZero => value.abs(),
        };
        let shown = |value: f64| match direction {
            Direction::TowardsZero => c.render(value.abs()),
            _ => c.render(value),
        };
        let Some(own) = self.rows[row].cells[column].value() else {
            return false;
        };
        let values: Vec<f64> = rows()
            .filter_map(|r| r.cells.get(column)?.value())
            .collect();
        let ahead: BTreeSet<String> = values
            .iter()
            .filter(|value| badness(**value) < badness(own))
            .map(|value| shown(*value))
            .filter(|text| *text != shown(own))
            .collect();
        values.len() > 1 && ahead.len() == better
    }

    /// The groups above the columns as (head, first column, number of columns).
    pub fn groups(&self) -> Vec<(Option<&str>, usize, usize)> {
        let mut groups: Vec<(Option<&str>, usize, usize)> = Vec::new();
        for (i, column) in self.columns.iter().enumerate() {
            match groups.last_mut() {
                Some((group, _, count)) if *group == column.group.as_deref() => *count += 1,
                _ => groups.push((column.group.as_deref(), i, 1)),
            }
        }
        groups
    }

    /// The names of the groups with what they stand for.
    pub fn group_legend(&self) -> Vec<(&str, &str)> {
        self.groups()
            .iter()
            .filter_map(|(group, ..)| group.as_ref()?.split_once(", "))
            .collect()
    }

    /// Whether any column stands under a common head.
    pub fn has_groups(&self) -> bool {
        self.columns.iter().any(|c| c.group.is_some())
    }
}

/// Renders a table as the bytes of a file.
pub trait Exporter {
    /// Ending of the file's name, without the point.
    fn extension(&self) -> &'static str;

    /// The whole content of the file.
    ///
    /// # Errors
    /// Only what the underlying writer reports.
    fn export(&self, table: &Table) -> Result<Vec<u8>>;
}
