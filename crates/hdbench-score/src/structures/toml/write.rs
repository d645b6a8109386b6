//! A set of structures as TOML.

use std::fmt::Write as _;

use ::toml::Value;

use super::super::empty::{Becomes, BecomesWord, EmptyRule};
use super::super::instances::{
    Agreement, Bound, ByWord, Dilation, Instances, InstancesBy, MatchWord, Matching, neighbours,
};
use super::super::set::{Structure, StructureSet};
use super::super::values::Values;
use super::super::word::Word;

/// Runs of at most this many values are written value by value.
const SHORT: u16 = 6;

impl StructureSet {
    /// As TOML that reads back to the same set. What all structures have alike stands above them, once.
    pub fn to_toml(&self) -> String {
        let mut out = format!("name = {}\n", text(&self.name));
        if !self.notes.is_empty() {
            out += "# What was not taken over.\nnotes = [\n";
            for note in &self.notes {
                line(&mut out, &format!("    {},", text(note)));
            }
            out += "]\n";
        }
        if let Ok(values) = Values::new(self.ignore.iter().map(|value| *value..=*value)) {
            line(&mut out, &format!("ignore = {}", labels(&values)));
        }
        if self.every_value {
            line(&mut out, "every-value = true");
        }
        let common = self.common();
        if let Some(metrics) = &common.metrics {
            line(&mut out, &format!("metrics = {}", list(metrics)));
        }
        if let Some(instances) = &common.instances {
            out += "\n[instances]\n";
            fields(&mut out, instances);
        }
        empty(&mut out, "", &common.empty);
        let mut full = false;
        for (at, structure) in self.structures.iter().enumerate() {
            let own = structure.without(&common);
            // Keys of the table above cannot follow a table of its own.
            full |= !own.is_plain();
            if at == 0 && !full {
                line(&mut out, "\n[structures]");
            }
            let key = key(&own.name);
            if !full {
                line(&mut out, &format!("{key} = {}", labels(&own.values)));
                continue;
            }
            line(&mut out, &format!("\n[structures.{key}]"));
            line(&mut out, &format!("labels = {}", labels(&own.values)));
            if let Some(metrics) = &own.metrics {
                line(&mut out, &format!("metrics = {}", list(metrics)));
            }
            if let Some(instances) = &own.instances {
                line(&mut out, &format!("\n[structures.{key}.instances]"));
                fields(&mut out, instances);
            }
            empty(&mut out, &format!("structures.{key}."), &own.empty);
        }
        out
    }

    /// What all structures have alike, if there are several.
    fn common(&self) -> Structure {
        let all = self.structures.iter();
        let several = self.structures.len() > 1;
        let first = all.clone().next().filter(|_| several);
        let alike = |same: &dyn Fn(&Structure, &Structure) -> bool| {
            first.filter(|first| all.clone().all(|other| same(first, other)))
        };
        Structure {
            name: String::new(),
            values: Values::at_least(1).expect("1 is a label value"),
            metrics: alike(&|a, b| a.metrics == b.metrics).and_then(|first| first.metrics.clone()),
            instances: alike(&|a, b| a.instances == b.instances)
                .and_then(|first| first.instances.clone()),
            empty: alike(&|a, b| a.empty == b.empty)
                .map_or_else(Vec::new, |first| first.empty.clone()),
        }
    }
}

impl Structure {
    /// What it has beyond what all have.
    fn without(&self, common: &Self) -> Self {
        let mut own = self.clone();
        if common.metrics.is_some() {
            own.metrics = None;
        }
        if common.instances.is_some() {
            own.instances = None;
        }
        if !common.empty.is_empty() {
            own.empty.clear();
        }
        own
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn text(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn number(number: f64) -> String {
    Value::Float(number).to_string()
}

/// A key as it is, where TOML takes it so.
fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match name.bytes().all(bare) && !name.is_empty() {
        true => name.to_owned(),
        false => Value::String(name.to_owned()).to_string(),
    }
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| text(word)).collect();
    format!("[{}]", words.join(", "))
}

fn labels(values: &Values) -> String {
    if let Some(value) = values.single() {
        return value.to_string();
    }
    let mut items = Vec::new();
    for run in values.runs() {
        match run.end() - run.start() < SHORT {
            true => items.extend(run.map(|value| value.to_string())),
            false => items.push(text(&Values::run_text(&run))),
        }
    }
    match &items[..] {
        [one] => one.clone(),
        _ => format!("[{}]", items.join(", ")),
    }
}

fn fields(out: &mut String, instances: &Instances) {
    let (by, connectivity) = match instances.by {
        InstancesBy::Components(connectivity) => (ByWord::Components, Some(connectivity)),
        InstancesBy::ComponentsOfEachValue(connectivity) => {
            (ByWord::ComponentsOfEachValue, Some(connectivity))
        }
        InstancesBy::Values => (ByWord::Values, None),
    };
    line(out, &format!("by = {:?}", by.word()));
    if let Some(connectivity) = connectivity {
        line(out, &format!("neighbours = {}", neighbours(connectivity)));
    }
    let (way, agreed, dilated) = match instances.matching {
        Matching::OverlapGroups => (MatchWord::OverlapGroups, None, None),
        Matching::SameValue => (MatchWord::SameValue, None, None),
        Matching::Touching(dilated) => (MatchWord::Touching, None, dilated),
        Matching::Scored(assignment, agreed) => (MatchWord::Scored(assignment), Some(agreed), None),
    };
    line(out, &format!("match = {:?}", way.word()));
    for field in agreed.iter().flat_map(agreement) {
        line(out, &field);
    }
    dilation(out, "dilation", dilated);
    if let Some(agreed) = &instances.counts_if {
        line(
            out,
            &format!("counts-if = {{ {} }}", agreement(agreed).join(", ")),
        );
    }
    dilation(out, "consolidation", instances.consolidation);
    if let Some(volume) = &instances.min_volume {
        let key = match volume.mm3 {
            Bound::AtLeast(_) => "min-volume-mm3",
            Bound::Above(_) => "volume-above-mm3",
        };
        line(out, &format!("{key} = {}", number(volume.mm3.limit())));
        line(out, &format!("excuse-small = {}", volume.excuses));
    }
}

fn agreement(agreement: &Agreement) -> [String; 2] {
    let key = match agreement.bound {
        Bound::Above(_) => "above",
        Bound::AtLeast(_) => "at-least",
    };
    [
        format!("score = {:?}", agreement.score.word()),
        format!("{key} = {}", number(agreement.bound.limit())),
    ]
}

fn dilation(out: &mut String, key: &str, dilation: Option<Dilation>) {
    match dilation {
        Some(Dilation::Steps(steps)) => line(out, &format!("{key} = {steps}")),
        Some(Dilation::Mm(mm)) => line(out, &format!("{key}-mm = {}", number(mm))),
        None => {}
    }
}

/// Rules in the order of the set: those of a metric stand together.
fn empty(out: &mut String, above: &str, rules: &[EmptyRule]) {
    for rules in rules.chunk_by(|a, b| a.metric == b.metric) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n[{above}empty.{}]", key(&rules[0].metric));
        for rule in rules {
            let becomes = match rule.becomes {
                Becomes::Value(value) => number(value),
                Becomes::Undefined => text(BecomesWord::Undefined.word()),
                Becomes::AsComputed => text(BecomesWord::AsComputed.word()),
                Becomes::Diagonal => text(BecomesWord::Diagonal.word()),
            };
            let _ = writeln!(out, "{} = {becomes}", rule.situation.word());
        }
    }
}
