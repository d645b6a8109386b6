//! What `hdbench explain` says about a metric.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::wrapped;
use serde::Deserialize;

use super::{WIDTH, situation};
use crate::definition::Definition;
use crate::instance_metric::InstanceMetric;
use crate::options::Options;
use crate::policy_table::{PolicyRow, policy_table};

/// What is said of a metric.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Explained {
    name: String,
    title: String,
    formula: String,
    unit: String,
    reads: String,
    source: String,
}

#[derive(Deserialize)]
struct ExplainedFile {
    metric: Vec<Explained>,
}

fn explained() -> Result<Vec<Explained>> {
    let parsed: std::result::Result<ExplainedFile, _> =
        toml::from_str(include_str!("metrics.toml"));
    parsed.map(|file| file.metric).map_err(|e| {
        Error::malformed(
            Path::new("metrics.toml"),
            e.to_string(),
            "mend it, then build again",
        )
    })
}

/// The names of all metrics that [`explain_metric`] knows, without their variants.
///
/// # Errors
/// An embedded file that does not parse.
pub fn explained_metrics() -> Result<Vec<String>> {
    Ok(explained()?.into_iter().map(|metric| metric.name).collect())
}

/// A metric of `metrics_long.csv`, with or without its label (`lesion:dice`): formula, unit, how to read
/// it, its values for empty masks, and its source. Nothing for an unknown name.
///
/// # Errors
/// An embedded file that does not parse.
pub fn explain_metric(name: &str) -> Result<Option<String>> {
    let name = name.split_once(':').map_or(name, |(_, metric)| metric);
    let all = explained()?;
    let exact = all.iter().find(|metric| metric.name == name);
    // The longest name that the rest is a variant of.
    let of_variant = || {
        let base = |metric: &&Explained| {
            let rest = name.strip_prefix(metric.name.as_str());
            let is_mean = ["instance", "lesionwise"].contains(&metric.name.as_str());
            rest.is_some_and(|rest| match is_mean {
                true => InstanceMetric::named(name).is_some(),
                false => variant(rest).is_some(),
            })
        };
        all.iter()
            .filter(base)
            .max_by_key(|metric| metric.name.len())
    };
    let Some(metric) = exact.or_else(of_variant) else {
        return Ok(None);
    };
    let unit = match name.ends_with("_voxels") {
        true => metric.unit.replacen("mm,", "voxels,", 1),
        false => metric.unit.clone(),
    };
    let mut text = format!("{name}: {}\n\n", metric.title);
    for (head, words) in [
        ("formula", &metric.formula),
        ("unit", &unit),
        ("reading", &metric.reads),
        ("source", &metric.source),
    ] {
        text += &paragraph(head, words);
    }
    let of_mean = ["instance_", "lesionwise_"];
    if let Some(bare) = of_mean.iter().find_map(|mean| name.strip_prefix(mean)) {
        // The metric that is averaged, below the mean.
        return Ok(explain_metric(bare)?.map(|bare| text + "\nof\n\n" + &bare));
    }
    if let Some(words) = name.strip_prefix(metric.name.as_str()).and_then(variant) {
        text += &paragraph("variant", &words);
    }
    let options = Options {
        one_to_one: true,
        definitions: Definition::ALL.to_vec(),
        ..Options::default()
    };
    let table = policy_table(&options);
    let starts =
        |row: &&PolicyRow| row.metric == name || row.metric.starts_with(&format!("{name}_"));
    let own: Vec<&PolicyRow> = table.iter().filter(starts).collect();
    if let Some(first) = own.first() {
        text += "\nWhere a mask is empty, under strict:\n";
        for row in own.iter().filter(|row| row.metric == first.metric) {
            text += &situation(row);
        }
    }
    Ok(Some(text))
}

/// What the ending of a name says; nothing for one that no variant has.
fn variant(ending: &str) -> Option<String> {
    let number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    if ending.is_empty() {
        return None;
    }
    if ending == "_dice" {
        return Some("by the Dice coefficient in place of the IoU".into());
    }
    if let Some(neighbours) = ending.strip_prefix('_').and_then(|e| e.strip_suffix('n')) {
        let known = ["6", "18", "26"].contains(&neighbours);
        return known.then(|| {
            format!("a surface voxel has background among its {neighbours} neighbours (--border)")
        });
    }
    if let Some(rest) = ending.strip_suffix("_voxels") {
        let voxels = "in voxels: every step along an axis is 1, whatever the spacing";
        let rest = match rest {
            "" => return Some(voxels.into()),
            rest => variant(rest)?,
        };
        return Some(format!("{voxels}; {rest}"));
    }
    if let Some(own) = ending
        .strip_prefix('_')
        .and_then(|e| e.strip_suffix("voxels"))
    {
        return number(own).then(|| format!("{own} voxels wide or apart, whatever the spacing"));
    }
    if let Some(mm) = ending.strip_prefix('_').and_then(|e| e.strip_suffix("mm")) {
        return number(mm).then(|| format!("tolerance {mm} mm (--nsd-tolerance)"));
    }
    if let Some(iou) = ending.strip_prefix("_iou_gt_") {
        return number(iou).then(|| format!("at an intersection over union above {iou}"));
    }
    if let Some(iou) = ending.strip_prefix("_one_to_one_iou_ge_") {
        return number(iou).then(|| {
            format!("each lesion with at most one, at an intersection over union of {iou} or more")
        });
    }
    None
}

/// A head and words beside it in lines that fit a terminal.
fn paragraph(head: &str, words: &str) -> String {
    let heads = std::iter::once(head).chain(std::iter::repeat(""));
    let lines = heads.zip(wrapped(words, WIDTH - 10));
    lines
        .map(|(head, line)| format!("{head:<9} {line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_the_policy_is_explained() {
        let options = Options {
            one_to_one: true,
            definitions: Definition::ALL.to_vec(),
            ..Options::default()
        };
        for row in policy_table(&options) {
            let text = explain_metric(&row.metric).unwrap();
            let text = text.unwrap_or_else(|| panic!("{} is not explained", row.metric));
            assert!(text.contains("both empty"), "{text}");
        }
        for pooled in [
            "dice_global",
            "tumour_burden_rmse",
            "lesion:dice",
            "detection_recall",
        ] {
            assert!(explain_metric(pooled).unwrap().is_some(), "{pooled}");
        }
        for call in Definition::ALL.into_iter().flat_map(Definition::calls) {
            let name = call.column.name();
            let text = explain_metric(&name).unwrap();
            assert!(text.is_some(), "{name}");
        }
        for unknown in [
            "",
            "dices",
            "assd_7n",
            "nsd_xmm",
            "assd_7n_voxels",
            "lesion:",
        ] {
            assert!(explain_metric(unknown).unwrap().is_none(), "{unknown}");
        }
    }

    #[test]
    fn a_metric_in_voxels_is_no_other_metric() {
        let text = explain_metric("hd95_6n_voxels").unwrap().unwrap();
        let title = "hd95_6n_voxels: 95th percentile of the surface distances\n";
        assert!(text.starts_with(title), "{text}");
        assert!(
            text.contains("unit      voxels, smaller is better"),
            "{text}"
        );
        assert!(text.contains("every step along an axis is 1"), "{text}");
        assert!(text.contains("its 6 neighbours"), "{text}");
        let text = explain_metric("nsd_6n_2mm").unwrap().unwrap();
        assert!(
            text.contains("tolerance 2 mm") && text.contains("surface voxels"),
            "{text}"
        );
    }

    #[test]
    fn a_variant_is_said_to_be_one() {
        let text = explain_metric("hd95_max_6n").unwrap().unwrap();
        assert!(
            text.starts_with("hd95_max_6n: 95th percentile of the surface distances, the larger")
        );
        assert!(text.contains("its 6 neighbours"), "{text}");
        let (own, _) = text.split_once("\nWhere a mask").unwrap();
        assert!(
            own.lines().all(|line| line.chars().count() <= WIDTH),
            "{own}"
        );
    }
}
