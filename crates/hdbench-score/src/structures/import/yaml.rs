//! YAML whose tags and lines are kept, within bounds.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::super::problem::Problem;

/// The deepest nesting.
const DEEPEST: usize = 32;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Yaml {
    /// The line, from 1.
    pub(super) line: usize,
    /// The tag without its `!`; none for what has none.
    pub(super) tag: Option<String>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A scalar, and whether it stands in quotes.
    Scalar(String, bool),
    List(Vec<Yaml>),
    Map(Vec<(Yaml, Yaml)>),
}

impl Yaml {
    /// Whether it says nothing.
    pub(super) fn is_null(&self) -> bool {
        let null = |text: &str| matches!(text, "" | "~" | "null" | "Null" | "NULL");
        matches!(&self.kind, Kind::Scalar(text, false) if null(text)) && self.tag.is_none()
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    pub(super) fn entries(&self) -> &[(Self, Self)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a key; none where it is null too.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let mut entries = self.entries().iter();
        let found = entries.find(|(known, _)| known.text() == Some(key));
        found
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }

    pub(super) fn is(&self, tag: &str) -> bool {
        self.tag.as_deref() == Some(tag)
    }

    /// Something wrong with it.
    pub(super) fn wrong(&self, text: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem::new(text, hint).in_line(self.line)
    }
}

/// Reads the one document of a text. Anchors are refused: they are how a small file becomes a large one.
pub(super) fn parse(text: &str) -> Result<Yaml, Problem> {
    let mut open: Vec<Open> = Vec::new();
    let mut document = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| {
            Problem::new(format!("is no YAML: {}", e.info()), "mend the file")
                .in_line(e.marker().line())
        })?;
        let done = match event {
            Event::Alias(_) => return Err(anchor(&span)),
            Event::Scalar(_, _, id, _)
            | Event::SequenceStart(id, _)
            | Event::MappingStart(id, _)
                if id != 0 =>
            {
                return Err(anchor(&span));
            }
            Event::Scalar(text, style, _, tag) => Some(Yaml {
                line: span.start.line(),
                tag: name(tag.as_deref()),
                kind: Kind::Scalar(text.into_owned(), style != ScalarStyle::Plain),
            }),
            Event::SequenceStart(_, tag) => {
                open.push(Open::new(&span, tag.as_deref(), false));
                None
            }
            Event::MappingStart(_, tag) => {
                open.push(Open::new(&span, tag.as_deref(), true));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(Open::closed).transpose()?,
            _ => None,
        };
        if open.len() > DEEPEST {
            return Err(Problem::new(
                format!("is nested more than {DEEPEST} deep"),
                "no configuration of panoptica is",
            )
            .in_line(span.start.line()));
        }
        let Some(done) = done else { continue };
        match open.last_mut() {
            Some(above) => above.items.push(done),
            None if document.is_none() => document = Some(done),
            None => return Err(done.wrong("holds a second document", "keep one of them")),
        }
    }
    document.ok_or_else(|| Problem::new("is empty", "mend the file"))
}

fn anchor(span: &Span) -> Problem {
    Problem::new(
        "has an anchor or an alias, which are not taken",
        "write in full what & and * stand for",
    )
    .in_line(span.start.line())
}

/// Tags that say what a value is anyway.
const PLAIN: [&str; 7] = ["str", "int", "float", "bool", "null", "seq", "map"];

fn name(tag: Option<&Tag>) -> Option<String> {
    let tag = tag.filter(|tag| !(tag.is_yaml_core_schema() && PLAIN.contains(&&*tag.suffix)))?;
    let handle = tag.handle.trim_start_matches('!');
    Some(format!("{handle}{}", tag.suffix))
}

/// A list or a map that is being read.
struct Open {
    line: usize,
    tag: Option<String>,
    is_map: bool,
    items: Vec<Yaml>,
}

impl Open {
    fn new(span: &Span, tag: Option<&Tag>, is_map: bool) -> Self {
        Self {
            line: span.start.line(),
            tag: name(tag),
            is_map,
            items: Vec::new(),
        }
    }

    fn closed(self) -> Result<Yaml, Problem> {
        let kind = match self.is_map {
            false => Kind::List(self.items),
            true => {
                let mut entries: Vec<(Yaml, Yaml)> = Vec::with_capacity(self.items.len() / 2);
                let mut keys = BTreeSet::new();
                let mut items = self.items.into_iter();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    if let Some(text) = key.text().filter(|text| !keys.insert((*text).to_owned())) {
                        let text = format!("has the key {text:?} twice");
                        return Err(key.wrong(text, "remove one of the two"));
                    }
                    entries.push((key, value));
                }
                Kind::Map(entries)
            }
        };
        Ok(Yaml {
            line: self.line,
            tag: self.tag,
            kind,
        })
    }
}
