//! What `hdbench explain recipe` says.

use std::fmt::Write;

use serde_json::Value;

use super::{Recipe, RecipeName};

/// Where the value of recipe `paper` comes from.
#[derive(Clone, Copy)]
enum Source {
    /// The paper's text or tables.
    Paper,
    /// The paper is silent; the released code's value.
    Code,
    /// Both are silent or the code has nothing of the kind; a default of frameworks.
    Default,
    /// The paper is silent or unclear; decided here.
    Decided,
}

impl Source {
    fn mark(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Code => "code",
            Self::Default => "default",
            Self::Decided => "ours",
        }
    }
}

/// Every field of a recipe but its name: source of the paper's value, and what it means.
const FIELDS: [(&str, Source, &str); 39] = {
    use Source::{Code, Decided, Default, Paper};
    [
        (
            "patch_depth",
            Paper,
            "slices of a 3-D or hybrid patch at scale full",
        ),
        (
            "outer_slices_dropped",
            Paper,
            "slices at each end left out of the loss and of predictions",
        ),
        (
            "upsampling",
            Paper,
            "linear: bilinear in the plane, then along z",
        ),
        (
            "decoder_order",
            Paper,
            "batch norm and ReLU before or after a decoder convolution; the fusion gets what comes out",
        ),
        (
            "classifier_norm",
            Paper,
            "batch norm and ReLU before the 1x1 convolution that classifies voxels",
        ),
        (
            "encoder_final_norm",
            Code,
            "batch norm and ReLU after dense block 4",
        ),
        (
            "encoder_norm_epsilon",
            Default,
            "of the encoder's batch norms",
        ),
        (
            "decoder_norm_epsilon",
            Default,
            "of the decoder's and the fusion's batch norms",
        ),
        (
            "norm_momentum",
            Default,
            "weight of the new batch in running statistics (a scale may set it)",
        ),
        (
            "scale_layers_counted",
            Paper,
            "Scale layers of the Keras encoder counted as parameters",
        ),
        (
            "skips_2d",
            Paper,
            "UNet connections of the 2-D net alone; densenet2d never has any",
        ),
        (
            "hybrid_skips",
            Paper,
            "UNet connections inside the hybrid, 2-D and 3-D",
        ),
        (
            "hybrid_starts_from",
            Paper,
            "the row whose 2-D net the hybrid starts from",
        ),
        (
            "hybrid_input",
            Paper,
            "what the 3-D part sees of the 2-D net; the factor is the code's",
        ),
        (
            "slice_border",
            Code,
            "what the first and the last slice of a patch have beyond them",
        ),
        (
            "fusion_order",
            Paper,
            "batch norm and ReLU before the fusion's 3x3x3 convolution, or dropout behind it",
        ),
        ("dropout_2d", Paper, "before the last 2-D batch norm"),
        (
            "dropout_fusion_volume_stage",
            Paper,
            "in the fusion while the 2-D part is frozen",
        ),
        (
            "dropout_fusion_joint_stage",
            Paper,
            "in the fusion while all parts train",
        ),
        (
            "joint_loss_2d_weight",
            Paper,
            "lambda: weight of the 2-D loss in the joint stage",
        ),
        (
            "class_weights",
            Code,
            "of background, liver and lesion in the cross-entropy",
        ),
        (
            "learning_rate",
            Paper,
            "at the start of each stage (a scale may set it)",
        ),
        (
            "schedule",
            Paper,
            "polynomial: rate x (1 - iteration / total)^power",
        ),
        ("momentum", Code, "of SGD"),
        ("nesterov", Code, "Nesterov's form of it"),
        (
            "dampening",
            Code,
            "share of the gradient kept out of the momentum",
        ),
        (
            "frozen_norms",
            Paper,
            "batch norms that keep their statistics in the joint stage",
        ),
        (
            "augmentation",
            Paper,
            "mirror: two flips in the plane; dihedral: all eight symmetries",
        ),
        (
            "zoom",
            Paper,
            "of a training patch in the plane, drawn uniformly",
        ),
        (
            "lesion_centres",
            Code,
            "share of patches centred on a lesion voxel, in cases that have some",
        ),
        (
            "only_patches_with_all_classes",
            Paper,
            "3-D patches without all three classes are drawn again",
        ),
        (
            "warm_up",
            Decided,
            "share of the 2-D iterations without UNet connections",
        ),
        (
            "liver_rule",
            Decided,
            "organ: P(liver) + P(lesion) against the threshold; or P(liver) alone, lesions added",
        ),
        ("liver_threshold", Default, "of the averaged probability"),
        (
            "lesion_threshold",
            Default,
            "of the averaged probability (a scale may set it)",
        ),
        ("lesions_inside", Paper, "what a lesion has to lie in"),
        (
            "test_windows",
            Decided,
            "where windows are answered at test time",
        ),
        ("hu_window", Code, "HU are clipped to it"),
        ("hu_mean", Code, "subtracted after clipping, HU"),
    ]
};

/// Both recipes field by field, with the source of each value of `paper`.
pub fn explain_recipes() -> String {
    let mut text = String::from(
        "The recipes paper and released\n\
         ==============================\n\n\
         `--recipe paper` is the method of Li et al., IEEE TMI 2018 (arXiv 1709.07330), `--recipe released`\n\
         that of the code its authors published, which differs. Every line is a field of study.toml's\n\
         recipe. Where a value of `paper` comes from: paper; code (the paper is silent, the released code's\n\
         value is taken); default (of the frameworks); ours (the paper names none).\n\n",
    );
    let paper = values(RecipeName::Paper);
    let released = values(RecipeName::Released);
    for (field, source, meaning) in FIELDS {
        let [ours, theirs] = [&paper, &released].map(|values| shown(&values[field]));
        let released = if ours == theirs { "the same" } else { &theirs };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{field}\n    {meaning}\n    paper     {ours} ({})\n    released  {released}",
            source.mark()
        );
    }
    text
}

fn values(name: RecipeName) -> Value {
    serde_json::to_value(Recipe::named(name)).unwrap_or_default()
}

/// `polynomial 0.9` of a tagged value, plain text of the others.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(shown).collect();
            values.join(", ")
        }
        Value::Object(parts) => {
            // The kind first, then what it is set to.
            let kind = parts.get("kind").map(shown);
            let rest = parts.iter().filter(|(key, _)| *key != "kind");
            let words: Vec<String> = kind
                .into_iter()
                .chain(rest.map(|(_, v)| shown(v)))
                .collect();
            words.join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_field_is_explained_once() {
        let Value::Object(fields) = values(RecipeName::Paper) else {
            panic!("a recipe is a table");
        };
        let fields: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
        let mut explained: BTreeSet<&str> = FIELDS.iter().map(|(field, _, _)| *field).collect();
        assert_eq!(explained.len(), FIELDS.len());
        explained.insert("name");
        assert_eq!(fields, explained);
    }

    #[test]
    fn values_are_those_that_run() {
        let text = explain_recipes();
        for line in [
            "paper     polynomial 0.9 (paper)",
            "released  constant",
            "paper     0.78, 0.65, 8.57 (code)",
            "released  logits 250.0",
            "paper     0.5 (default)",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
