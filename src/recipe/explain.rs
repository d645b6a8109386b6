//! What `hdbench explain recipe` says.

use std::fmt::Write;

use hdbench_ground::range::Rule;
use serde_json::Value;

use super::rules::{RECIPE, SCALE};
use super::{Recipe, RecipeName, Scale, ScaleName};

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
const FIELDS: [(&str, Source, &str); 43] = {
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
            Code,
            "batch norms that keep their statistics in the joint stage",
        ),
        (
            "joint_rate",
            Decided,
            "learning rate of the joint stage, a share of the other stages': its loss begins where its parts \
             ended, as in the paper's Figure 3",
        ),
        (
            "stage_momentum",
            Code,
            "zero: every stage has an optimiser of its own; kept: it goes on with the momentum of the one before",
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
        (
            "window_step",
            Decided,
            "step from window to window along z and in the plane, shares of the window",
        ),
        (
            "window_weights",
            Decided,
            "how an answer counts where windows overlap: flat, tent (falling off linearly from the middle), or \
             gaussian with a sigma, a share of the window",
        ),
        ("hu_window", Code, "HU are clipped to it"),
        ("hu_mean", Code, "subtracted after clipping, HU"),
    ]
};

/// Every field of a scale but its name, and what it means.
const SCALE_FIELDS: [(&str, &str); 20] = [
    (
        "dense_2d",
        "the 2-D DenseUNet: channels after its first convolution, channels a layer adds, layers of its \
         four blocks, channels of its five decoder levels",
    ),
    ("dense_3d", "the same of the 3-D DenseUNet"),
    ("unet", "channels of the U-Net's levels, finest first"),
    (
        "residual",
        "channels of the levels of Han's net, finest first",
    ),
    (
        "coarse",
        "channels of the levels of the coarse liver net, finest first",
    ),
    ("patch", "side of a training patch in the plane"),
    (
        "working_matrix",
        "pixels along the longer side of the plane on which networks train and answer: larger scans are brought \
         to that, slices thinner than its pixels to about as thick, and probabilities back to the scan's own \
         grid; unset: the scan's own. The paper's patch sees 0.44 of a plane of 512",
    ),
    (
        "depth",
        "slices of a 3-D or hybrid patch; unset: the recipe's patch_depth",
    ),
    ("batch", "slices in a mini-batch of the 2-D networks"),
    (
        "iterations",
        "of a variant's training, all its stages together, pre-training apart",
    ),
    (
        "volume_stage",
        "share of the hybrid's iterations in which its 2-D part is frozen",
    ),
    (
        "encoder_cases",
        "phantoms, none of them a case of the study, that the encoder learns organs from where no weights are \
         given: the stand-in for ImageNet",
    ),
    ("encoder_iterations", "of the encoder's pre-training"),
    ("coarse_iterations", "of the coarse liver net's training"),
    (
        "coarse_spacing_mm",
        "grid of the coarse liver net, along z, y and x",
    ),
    ("coarse_patch", "side of its training patch on that grid"),
    ("learning_rate", "instead of the recipe's"),
    ("norm_momentum", "instead of the recipe's"),
    ("lesion_threshold", "instead of the recipe's"),
    (
        "margin_mm",
        "room left around the coarse liver at test time",
    ),
];

/// Both recipes field by field, with the source of each value of `paper`, and the three scales.
pub fn explain_recipes() -> String {
    let mut text = String::from(
        "The recipes paper and released\n\
         ==============================\n\n\
         `--recipe paper` is the method of Li et al., IEEE TMI 2018 (arXiv 1709.07330), `--recipe released`\n\
         that of the code its authors published, which differs. Every line is a field of study.toml's\n\
         recipe, which `--set FIELD=VALUE` changes. Where a value of `paper` comes from: paper; code (the\n\
         paper is silent, the released code's value is taken); default (of the frameworks); ours (the paper\n\
         names none).\n\n",
    );
    let paper = values(&Recipe::named(RecipeName::Paper));
    let released = values(&Recipe::named(RecipeName::Released));
    for (field, source, meaning) in FIELDS {
        let [ours, theirs] = [&paper, &released].map(|values| shown(&values[field]));
        let released = if ours == theirs { "the same" } else { &theirs };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{field}\n    {meaning}\n{}    paper     {ours} ({})\n    released  {released}",
            taken(field, RECIPE),
            source.mark()
        );
    }
    text += "\nThe scales demo, quick and full\n\
             ===============================\n\n\
             `--scale` is how much work, the same for all networks of a study. Every line is a field of\n\
             study.toml's scale, which `--set FIELD=VALUE` changes too; a field of both needs its table's\n\
             name, `--set scale.learning_rate=0.01`.\n\n";
    let names = [ScaleName::Demo, ScaleName::Quick, ScaleName::Full];
    let scales = names.map(|name| values(&Scale::named(name)));
    for (field, meaning) in SCALE_FIELDS {
        let [demo, quick, full] = scales.each_ref().map(|values| match &values[field] {
            Value::Null if field == "working_matrix" => "the scan's own".to_owned(),
            Value::Null => "the recipe's".to_owned(),
            value => shown(value),
        });
        let _ = writeln!(
            text,
            "{field}\n    {meaning}\n{}    demo      {demo}\n    quick     {quick}\n    full      {full}",
            taken(field, SCALE),
        );
    }
    text
}

/// What a field takes and why, or what each of its parts takes.
fn taken(field: &str, rules: &[Rule]) -> String {
    let mut lines = String::new();
    for rule in rules {
        let part = rule.key.strip_prefix(field);
        let part = match part {
            Some("") => "",
            Some(part) if part.starts_with('.') => &part[1..],
            _ => continue,
        };
        let separator = if part.is_empty() { "" } else { ": " };
        let reason = match rule.reason {
            "" => String::new(),
            reason => format!(" ({reason})"),
        };
        let _ = writeln!(lines, "    takes     {part}{separator}{rule}{reason}");
    }
    lines
}

fn values(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// `polynomial 0.9` of a tagged value, tables and lists as `--set` takes them, plain text of the others.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(shown).collect();
            format!("[{}]", values.join(","))
        }
        Value::Object(parts) if !parts.contains_key("kind") => {
            let parts = parts.iter().map(|(key, v)| format!("{key}={}", shown(v)));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
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

    use clap::ValueEnum as _;
    use hdbench_ground::range::first_fault;
    use toml::Table;

    use super::*;

    fn fields(of: &impl serde::Serialize) -> BTreeSet<String> {
        let Value::Object(fields) = values(of) else {
            panic!("recipe and scale are tables");
        };
        fields.keys().filter(|k| *k != "name").cloned().collect()
    }

    /// And has a rule: no field can be set to what nobody thought of.
    #[test]
    fn every_field_is_explained_once_and_has_a_rule() {
        let names = |fields: &[&str]| -> BTreeSet<String> {
            let set: BTreeSet<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            assert_eq!(set.len(), fields.len());
            set
        };
        let recipe = fields(&Recipe::named(RecipeName::Paper));
        let scale = fields(&Scale::named(ScaleName::Demo));
        assert_eq!(recipe, names(&FIELDS.map(|(field, ..)| field)));
        assert_eq!(scale, names(&SCALE_FIELDS.map(|(field, _)| field)));
        for (fields, rules) in [(recipe, RECIPE), (scale, SCALE)] {
            let ruled: BTreeSet<String> = rules
                .iter()
                .map(|rule| rule.key.split('.').next().unwrap_or_default().to_owned())
                .collect();
            assert_eq!(fields, ruled);
        }
    }

    #[test]
    fn the_presets_keep_the_rules() {
        let kept = |preset: Table, rules: &[Rule], name: &str| {
            assert_eq!(first_fault(&preset, rules, name), None);
        };
        for name in RecipeName::value_variants() {
            let recipe = Table::try_from(Recipe::named(*name)).unwrap();
            kept(recipe, RECIPE, "recipe.");
        }
        for name in ScaleName::value_variants() {
            let scale = Table::try_from(Scale::named(*name)).unwrap();
            kept(scale, SCALE, "scale.");
        }
    }

    #[test]
    fn values_are_those_that_run() {
        let text = explain_recipes();
        for line in [
            "paper     polynomial 0.9 (paper)",
            "released  constant",
            "paper     [0.78,0.65,8.57] (code)",
            "released  logits 250.0",
            "paper     0.5 (default)",
            "takes     2 numbers from -32000 to 32000 HU (HU are kept as 16-bit numbers)",
            "takes     growth: a whole number from 1 to 512 channels",
            "full      the recipe's\n",
            "full      100000\n",
            "demo      {blocks=[2,2,2,2],decoder=[30,28,12,12,8],growth=8,stem=12}\n",
            "paper     [0.5,0.25] (ours)\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
