//! `hdbench explain distances`: calls of other tools and our columns.

use hdbench_ground::text::wrapped;

use super::WIDTH;
use crate::definition::{Definition, OnEmpty, ToolCall};

/// Where the second column begins.
const INDENT: usize = 6;

/// Every call of other tools that measures a distance or an overlap of surfaces, with our column of the same
/// definition, how that differs from the default hd95, assd and nsd, and what the tool gives for empty masks.
pub fn explain_distances() -> String {
    let mut text = include_str!("distances.txt").to_owned();
    for tool in Definition::ALL {
        text += &format!("\n{}\n", tool.name());
        for line in wrapped(tool.tool(), WIDTH - 2) {
            text += &format!("  {line}\n");
        }
        for call in tool.calls() {
            text += &described(call);
        }
    }
    text
}

fn described(call: &ToolCall) -> String {
    let mark = if call.is_added { "" } else { " *" };
    let [both, reference, prediction] = call.empty.map(in_words);
    let empty = match call.empty {
        [OnEmpty::Error, ..] => "any mask empty: an error".to_owned(),
        [OnEmpty::Configured, ..] => "any mask empty: as configured".to_owned(),
        _ => format!(
            "both masks empty: {both}, the reference: {reference}, the prediction: {prediction}"
        ),
    };
    let mut text = format!("\n    {}\n", call.call);
    let column = format!("{}{mark}", call.column.name());
    for part in [format!("{column}: {}", call.differs), empty] {
        for line in wrapped(&part, WIDTH - INDENT) {
            text += &format!("{:INDENT$}{line}\n", "");
        }
    }
    text
}

fn in_words(empty: OnEmpty) -> String {
    match empty {
        OnEmpty::Value(value) if value.is_nan() => "NaN".into(),
        OnEmpty::Value(value) => value.to_string(),
        OnEmpty::Error => "an error".into(),
        OnEmpty::Diagonal => "the image's diagonal in mm".into(),
        OnEmpty::Configured => "as configured".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_stands_with_its_calls_and_columns() {
        let text = explain_distances();
        for tool in Definition::ALL {
            assert!(text.contains(&format!("\n{}\n", tool.name())), "{text}");
        }
        assert!(
            text.contains("hd95(P, R, voxelspacing)\n      hd95_6n: "),
            "{text}"
        );
        assert!(
            text.contains("connectivity=3)\n      hd95_26n *: "),
            "{text}"
        );
        assert!(text.contains("both masks empty: 0, the reference: the image's diagonal in mm"));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
    }
}
