//! Metrics of cases as dots.

use super::dot_plot::{DotPanel, DotPlot};
use crate::MetricTable;
use crate::direction::range;

/// Every case of some metrics as a dot: a panel a metric, a line an algorithm. Fractions are in percent.
pub fn case_dots(tables: &[MetricTable]) -> DotPlot {
    let mut lines: Vec<String> = Vec::new();
    for name in tables.iter().flat_map(|table| &table.algorithms) {
        if !lines.contains(name) {
            lines.push(name.clone());
        }
    }
    let names: Vec<String> = tables.iter().map(MetricTable::name).collect();
    DotPlot {
        title: format!(
            "{} of every case with quartiles, median and mean, by algorithm",
            names.join(", ")
        ),
        panels: tables.iter().map(|table| panel(table, &lines)).collect(),
        lines,
    }
}

fn panel(table: &MetricTable, lines: &[String]) -> DotPanel {
    let is_fraction = range(&table.metric).is_some_and(|range| range == (0.0..=1.0));
    let factor = if is_fraction { 100.0 } else { 1.0 };
    let of = |line: &String| {
        let place = table.algorithms.iter().position(|own| own == line);
        let values = place.map_or(Vec::new(), |place| table.of(place));
        values.into_iter().map(|value| factor * value).collect()
    };
    let values: Vec<Vec<f64>> = lines.iter().map(of).collect();
    DotPanel {
        title: match is_fraction {
            true => format!("{}, %", table.name()),
            false => table.name(),
        },
        ends: match is_fraction {
            true => percent_ends(&values),
            false => [worst(&values).min(0.0), best(&values) * 1.05],
        },
        values,
    }
}

fn worst(values: &[Vec<f64>]) -> f64 {
    let finite = values.iter().flatten().filter(|value| value.is_finite());
    finite.copied().fold(f64::INFINITY, f64::min)
}

fn best(values: &[Vec<f64>]) -> f64 {
    let finite = values.iter().flatten().filter(|value| value.is_finite());
    // An axis has a length.
    finite.copied().fold(1e-9, f64::max)
}

/// Ends of an axis of percentages: where scores crowd at the top, it begins at the ten below the worst.
pub fn percent_ends(values: &[Vec<f64>]) -> [f64; 2] {
    [(worst(values).min(90.0) / 10.0).floor() * 10.0, 100.0]
}

#[cfg(test)]
mod tests {
    use hdbench_score::Label;
    use hdbench_table::chart::svg;
    use ndarray::array;

    use super::*;

    fn table(metric: &str, values: ndarray::Array2<f64>) -> MetricTable {
        MetricTable {
            label: Some(Label::LESION),
            metric: metric.into(),
            cases: (0..values.nrows()).map(|case| case.to_string()).collect(),
            algorithms: vec!["a".into(), "b".into()],
            values,
            replicates: vec![Vec::new(), Vec::new()],
            definitions: Vec::new(),
        }
    }

    #[test]
    fn fractions_are_drawn_in_percent_and_distances_in_mm() {
        let dots = case_dots(&[
            table("dice", array![[0.75, 0.5], [0.25, f64::NAN]]),
            table("hd95", array![[4.0, f64::NAN], [8.0, f64::NAN]]),
        ]);
        assert_eq!(dots.lines, ["a", "b"]);
        let [dice, hd95] = &dots.panels[..] else {
            panic!("{} panels", dots.panels.len());
        };
        assert_eq!(dice.title, "lesion dice, %");
        assert_eq!(dice.ends, [20.0, 100.0]);
        assert_eq!(dice.values[0], [75.0, 25.0]);
        assert_eq!(hd95.title, "lesion hd95");
        assert_eq!(hd95.ends, [0.0, 8.4]);
        let drawn = svg(&dots).unwrap();
        // Four values, and a dash for the line that has none.
        assert_eq!(drawn.matches("<circle").count(), 5);
        assert!(drawn.contains('—'));
    }
}
