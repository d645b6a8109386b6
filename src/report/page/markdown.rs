//! The report as Markdown text.

use hdbench_table::export::markdown;
use hdbench_table::{Exporter, Markdown};

use super::parts::{OVERLAYS, Outline, Parts, Plot, facts};
use super::verdict::verdicts;
use crate::error::Result;

/// The report as Markdown, with links to the pictures beside it.
pub(crate) fn markdown(parts: &Parts<'_>) -> Result<String> {
    let content = parts.content;
    let outline = Outline::of(content);
    let first = outline.first.1;
    let mut out = format!(
        "# {}: {}\n\n{}\n\n",
        markdown::escape(&content.study),
        outline.name,
        markdown::escape(&content.data)
    );
    for (name, value) in facts(content) {
        out += &format!("- {name}: {}\n", markdown::escape(&value));
    }
    out += "\n";
    for verdict in verdicts(content) {
        let sign = match verdict.good {
            Some(true) => "✓ ",
            Some(false) => "✗ ",
            None => "",
        };
        out += &format!("- {sign}{}\n", markdown::escape(&verdict.text));
    }
    let evidence = ["comparisons", "ranking", "size-groups", "lesion-sizes"];
    for (head, ids) in [
        (first, outline.first_tables),
        ("Training", &["training"]),
        ("Evidence", &evidence),
        ("Overlays", &[]),
        ("Further scores", outline.further),
        ("Cost", &["cost"]),
    ] {
        let is_there = match head {
            "Evidence" => parts.has_evidence(),
            "Training" => parts.table("training").is_some(),
            _ => true,
        };
        if !is_there {
            continue;
        }
        out += &format!("\n## {head}\n\n");
        match head {
            "Training" => {
                out += &images(&parts.plots.training);
            }
            "Overlays" if parts.pictures.is_empty() => out += "No case has been predicted yet.\n",
            "Overlays" => {
                for sheet in parts.sheets {
                    out += &format!("{}\n\n", markdown::escape(&sheet.caption));
                    out += &image(sheet.title, &sheet.path);
                }
                out += &format!("{OVERLAYS}\n\n");
                for picture in parts.pictures {
                    out += &image(&picture.case, &picture.path);
                }
            }
            _ => {}
        }
        for table in parts.tables.iter().filter(|t| ids.contains(&t.id.as_str())) {
            out += &String::from_utf8_lossy(&Markdown.export(table)?);
            out += "\n";
        }
        out += &match head {
            "Evidence" => images(&parts.plots.evidence),
            "Cost" => images(&parts.plots.cost),
            _ if head == first => images(&parts.plots.results),
            _ => String::new(),
        };
    }
    out += "\n## Method\n\n";
    for note in &content.notes {
        out += &format!("- {}\n", markdown::escape(note));
    }
    out += &format!(
        "\nHow to reproduce:\n\n```\n{}\n```\n\nFingerprint: `{}`\n",
        content.command.replace("```", ""),
        parts.fingerprint.replace('`', "")
    );
    Ok(out)
}

fn images(plots: &[Plot]) -> String {
    let one = |plot: &Plot| image(plot.caption, &format!("plots/{}.svg", plot.file));
    plots.iter().map(one).collect()
}

fn image(caption: &str, path: &str) -> String {
    format!("![{}]({path})\n\n", markdown::escape(caption))
}
