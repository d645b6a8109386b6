use std::fmt::Write as _;

use clap::Args;

use super::Design;
use crate::cli::output::print;
use crate::error::Result;
use crate::network::{LayerSummary, NetworkSummary, summarise};
use crate::recipe::Settings;

/// Print a network's convolutions, output shapes, parameters and multiply-adds.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench model summary hdenseunet
  hdbench model summary denseunet2d --recipe released
  hdbench model summary _coarse --scale demo")]
pub struct Summary {
    #[command(flatten)]
    design: Design,
}

impl Summary {
    pub fn exec(self) -> Result<()> {
        let Settings { recipe, scale } = self.design.method.settings()?;
        print(&table(&summarise(self.design.part, &recipe, &scale)))
    }
}

fn table(summary: &NetworkSummary) -> String {
    let head = [
        "layer",
        "kernel",
        "channels",
        "output",
        "parameters",
        "MMAC",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(summary.layers.iter().map(row));
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    });
    let mut text = format!("input {}\n\n", by(&summary.input));
    for row in &rows {
        let [layer, kernel, channels, output, parameters, work] = row;
        let [a, b, c, d, e, f] = widths;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{layer:<a$}  {kernel:<b$}  {channels:<c$}  {output:<d$}  {parameters:>e$}  {work:>f$}"
        );
    }
    let count = summary.parameters;
    let _ = writeln!(
        text,
        "\n{} convolutions, {:.3} thousand MMAC forward\n\
         {} trainable parameters and {} running statistics, {} in all (batch norms included)",
        summary.layers.len(),
        summary.multiply_adds() as f64 / 1e9,
        grouped(count.trainable),
        grouped(count.buffers),
        grouped(count.total()),
    );
    text
}

fn row(layer: &LayerSummary) -> [String; 6] {
    [
        layer.path.clone(),
        by(&layer.kernel),
        format!("{} to {}", layer.channels[0], layer.channels[1]),
        by(&layer.output),
        grouped(layer.parameters),
        format!("{:.1}", layer.multiply_adds as f64 / 1e6),
    ]
}

fn by(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    sizes.join(" x ")
}

/// `49,532,259`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(49_532_259), "49,532,259");
    }
}
