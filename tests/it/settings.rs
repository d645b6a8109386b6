//! What settings take: nothing that a network could not be built from or a scan not be seen through.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use burn::tensor::Device;
use hdbench::error::Error;
use hdbench::inference::Predictor;
use hdbench::network::{Bundle, Network, NetworkKind, initialise};
use hdbench::preprocess::{Prepared, Scan, Stored};
use hdbench::progress::Silent;
use hdbench::recipe::{
    RECIPE_RULES, RecipeName, Rule, SCALE_RULES, ScaleName, Settings, Takes, Variant,
};
use hdbench::seed::Seed;
use hdbench::training::{Sampler, Step, stages};
use toml::{Table, Value};

use super::training::{cached, tiny_scale};

fn tiny(recipe: RecipeName) -> Settings {
    Settings {
        scale: tiny_scale(),
        ..Settings::named(recipe, ScaleName::Demo)
    }
}

/// Both ends of a rule's range, but for those that only cost time and memory.
fn ends(rule: &Rule) -> Vec<String> {
    let number = |x: f64| Value::Float(x).to_string();
    let ends = match rule.takes {
        Takes::Whole { from, .. } => vec![from.to_string()],
        Takes::Number { from, to } => vec![number(from), number(to)],
        Takes::YesNo => vec!["true".into(), "false".into()],
        Takes::OneOf(words) => words.iter().map(|word| format!("{word:?}")).collect(),
    };
    match rule.count {
        hdbench::recipe::Count::Exactly(n) => ends
            .into_iter()
            .map(|end| format!("[{}]", vec![end; n].join(", ")))
            .collect(),
        _ => ends,
    }
}

/// A scan, its cache, its network's training step and its prediction.
fn runs(dir: &Path, settings: &Settings, part: NetworkKind, cases: &[Arc<Stored>]) {
    let Settings { recipe, scale } = settings;
    let device = Device::flex();
    let training = [device.clone().autodiff()];
    let network = initialise(Network::build(part, recipe, scale, &training[0]), Seed(1));
    for plan in stages(part, recipe, scale) {
        let sampler = Sampler::new(cases, recipe, scale, plan.target, network.input()).unwrap();
        let batch = sampler.draw(Seed(2), 0).unwrap();
        let step = Step {
            plan: &plan,
            recipe,
            devices: &training,
            shards: 1,
        };
        let (loss, _) = step.gradients(&network, &batch, Seed(3).stream("dropout"));
        assert!(!loss.read().own.is_nan(), "{part}");
    }
    let image = dir.join("phantoms/volume-0.nii.gz");
    let volume = hdbench::volume::read_image(&image).unwrap();
    let case = Scan::Read(Prepared::new(&image, &volume, recipe.hu_window).unwrap());
    let network = initialise(Network::build(part, recipe, scale, &device), Seed(1));
    let predictor = Predictor {
        network: &network,
        recipe,
        scale,
        device: &device,
        progress: &Silent,
    };
    if part == NetworkKind::Coarse {
        predictor.coarse(&case).unwrap();
    } else {
        let shape = case.shape();
        let liver = ndarray::Array3::from_shape_fn(shape, |(_, y, _)| y > shape[1] / 2);
        let coarse = hdbench::inference::Coarse::new(liver, case.spacing_mm(), scale.margin_mm);
        let labels = predictor.segment(&case, &coarse).unwrap();
        assert!(labels.iter().all(|&label| label <= 2), "{part}");
    }
}

/// What a rule takes can be trained and predicted with, at both ends, or is refused with a way out because
/// of another field.
#[test]
fn both_ends_of_every_range_train_and_predict() {
    let dir = tempfile::tempdir().unwrap();
    let usual = tiny(RecipeName::Paper);
    let cases = cached(dir.path(), &usual.recipe, &usual.scale);
    let parts = [
        NetworkKind::Coarse,
        NetworkKind::Variant(Variant::HDenseUNet),
    ];
    let (mut ran, mut refused) = (0, 0);
    for (table, rules) in [("recipe", RECIPE_RULES), ("scale", SCALE_RULES)] {
        for rule in rules {
            for end in ends(rule) {
                let mut file = file_of(&usual);
                put(&mut file, table, rule.key, &end);
                let settings = match read(&file) {
                    Ok(settings) => settings,
                    Err(problem) => {
                        assert!(problem.contains("hint: "), "{problem}");
                        refused += 1;
                        continue;
                    }
                };
                let own = ["recipe.hu_window", "scale.coarse_spacing_mm"]
                    .contains(&format!("{table}.{}", rule.key).as_str());
                let other = dir.path().join("other");
                let made = own.then(|| cached(&other, &settings.recipe, &settings.scale));
                for part in parts {
                    runs(dir.path(), &settings, part, made.as_ref().unwrap_or(&cases));
                }
                ran += 1;
            }
        }
    }
    assert!(ran > 60, "{ran} ran, {refused} were refused");
}

fn file_of(settings: &Settings) -> Table {
    let mut file = Table::new();
    let table = |of: Table| Value::Table(of);
    file.insert(
        "recipe".into(),
        table(Table::try_from(&settings.recipe).unwrap()),
    );
    file.insert(
        "scale".into(),
        table(Table::try_from(&settings.scale).unwrap()),
    );
    file
}

/// Sets a field of a file, `dense_2d.stem` of table `scale`.
fn put(file: &mut Table, table: &str, key: &str, text: &str) {
    let parsed: Table = format!("v = {text}").parse().unwrap();
    let mut at = file[table].as_table_mut().unwrap();
    let mut pieces: Vec<&str> = key.split('.').collect();
    let last = pieces.pop().unwrap();
    for piece in pieces {
        at = at[piece].as_table_mut().unwrap();
    }
    at.insert(last.into(), parsed["v"].clone());
}

fn read(file: &Table) -> Result<Settings, String> {
    if let Some(fault) = Settings::field_fault_of(file) {
        return Err(fault.of_flag().to_string());
    }
    let field = |key: &str| file[key].clone();
    // A table of another shape, as `kind` constant with a power; readers of files add their own hint.
    let shape = |e: toml::de::Error| format!("{e}\nhint: ");
    let settings = Settings {
        recipe: field("recipe").try_into().map_err(shape)?,
        scale: field("scale").try_into().map_err(shape)?,
    };
    settings.check().map_err(|e| e.to_string())?;
    Ok(settings)
}

/// Every field of recipe and scale with everything that is none of its values: refused by its name, in a
/// flag, a study and a model alike. What is not refused is what the rule says it takes.
#[test]
fn hostile_values_of_every_field_are_refused_by_name() {
    let usual = tiny(RecipeName::Paper);
    let hostile = [
        "nan",
        "inf",
        "-inf",
        "-1",
        "-1.0",
        "0",
        "0.0",
        "1e-300",
        "1e300",
        "1000000000",
        "9223372036854775807",
        "\"\"",
        "\"word\"",
        "[]",
        "{}",
        "true",
        "[nan, nan, nan]",
        "[[1]]",
        "1979-05-27",
    ];
    for (table, rules) in [("recipe", RECIPE_RULES), ("scale", SCALE_RULES)] {
        for rule in rules {
            let key = format!("{table}.{}", rule.key);
            for hostile in hostile {
                // Alone, and in each place of a list.
                let mut texts = vec![hostile.to_owned()];
                if let hdbench::recipe::Count::Exactly(n) = rule.count {
                    for at in 0..n {
                        let mut list = vec!["1"; n];
                        list[at] = hostile;
                        texts.push(format!("[{}]", list.join(", ")));
                    }
                }
                for text in texts {
                    let mut file = file_of(&usual);
                    put(&mut file, table, rule.key, &text);
                    let never = text.contains("nan") || text.contains("inf") || text.contains('{');
                    match read(&file) {
                        Ok(_) => assert!(!never, "{key} = {text} is taken"),
                        // By the field's own rule, or by what another field asks of it.
                        Err(problem) => {
                            let field = rule.key.split('.').next().unwrap();
                            assert!(problem.contains("\nhint: "), "{key} = {text}: {problem}");
                            assert!(
                                !never || problem.contains(&key),
                                "{key} = {text}: {problem}"
                            );
                            let named = problem.contains(field)
                                || ["depth", "skips", "decoder"]
                                    .iter()
                                    .any(|w| problem.contains(w));
                            assert!(named, "{key} = {text}: {problem}");
                        }
                    }
                }
            }
        }
    }
}

/// Pairs the wrong way round, and fields that do not fit each other.
#[test]
fn fields_that_do_not_fit_each_other_are_refused() {
    for (sets, said) in [
        (vec!["hu_window=[250, -200]"], "hu_window has to begin"),
        (vec!["hu_window=[50, 50]"], "hu_window has to begin"),
        (vec!["zoom=[1.2, 0.8]"], "zoom has to begin"),
        (
            vec!["depth=8", "outer_slices_dropped=4"],
            "dropped at its two ends",
        ),
        (
            vec![
                "depth=16",
                "outer_slices_dropped=7",
                "test_windows=full-plane",
            ],
            "no window answers for",
        ),
        (vec!["unet=[4096,4096,4096,4096,4096]"], "million weights"),
        (vec!["batch=4096", "patch=1024"], "batch, patch and unet"),
        (vec!["depth=512", "patch=2048"], "depth, patch and dense_3d"),
        (
            vec!["batch=4096", "coarse_patch=1024"],
            "batch, coarse_patch and coarse",
        ),
    ] {
        let sets: Vec<String> = sets.into_iter().map(str::to_owned).collect();
        let error = Settings::with(RecipeName::Paper, ScaleName::Demo, &sets).unwrap_err();
        assert!(matches!(error, Error::Usage { .. }), "{error}");
        assert!(error.to_string().contains(said), "{sets:?}: {error}");
    }
}

fn hdbench(folder: &Path, args: &[&str]) -> (i32, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_hdbench"))
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    (status.code().unwrap_or(-1), text)
}

/// A model's and a study's own files are held against the same rules as flags: bad input, by file and key.
#[test]
fn edited_files_are_refused_by_file_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let (code, text) = hdbench(
        path,
        &["model", "init", "unet", "--scale", "demo", "--out", "m"],
    );
    assert_eq!(code, 0, "{text}");
    let sound = fs::read_to_string(path.join("m/model.toml")).unwrap();
    let phantoms = [
        "datasets", "synth", "--layout", "lits", "--cases", "4", "--matrix", "64",
    ];
    hdbench(path, &[&phantoms[..], &["--out", "ph"]].concat());
    let scan = "ph/volume-0.nii.gz";
    for (key, value) in [
        ("patch", "0"),
        ("patch", "48"),
        ("coarse_spacing_mm", "[0.0, 2.0, 2.0]"),
        ("unet", "[1000000000, 16, 24, 32, 32]"),
        ("unet", "[0, 16, 24, 32, 32]"),
        ("hu_window", "[250.0, -200.0]"),
        ("hu_mean", "nan"),
        ("liver_threshold", "inf"),
        ("margin_mm", "1e300"),
        ("depth", "0"),
        ("decoder_norm_epsilon", "0.0"),
    ] {
        let lines = sound.lines().map(|line| match line.split_once(" = ") {
            Some((name, _)) if name == key => format!("{key} = {value}"),
            _ => line.to_owned(),
        });
        let edited: Vec<String> = lines.collect();
        assert_ne!(edited.join("\n"), sound.trim_end(), "{key}");
        fs::write(path.join("m/model.toml"), edited.join("\n")).unwrap();
        let error = Bundle::describe(&path.join("m")).unwrap_err().to_string();
        assert!(
            error.contains("model.toml") && error.contains(key),
            "{error}"
        );
        let (code, text) = hdbench(
            path,
            &[
                "predict", "--model", "m", "--input", scan, "--out", "p.nii.gz",
            ],
        );
        assert_eq!(code, 3, "{key} = {value}: {text}");
        assert!(text.contains("model.toml") && text.contains(key), "{text}");
        assert!(!path.join("p.nii.gz").exists());
    }
}

/// A study's file, and a cell that the study does not have: told before anything is written.
#[test]
fn a_study_is_read_as_what_it_can_be_run_as() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let quick = ["--set", "iterations=1", "--set", "coarse_iterations=1"];
    let phantoms = [
        "datasets", "synth", "--layout", "lits", "--cases", "4", "--matrix", "64",
    ];
    hdbench(path, &[&phantoms[..], &["--out", "ph"]].concat());
    let start = [
        "ablation",
        "--data",
        "ph",
        "--variant",
        "unet",
        "--out",
        "run",
    ];
    let (code, text) = hdbench(path, &[&start[..], &quick].concat());
    assert_eq!(code, 0, "{text}");
    // Each differing field, with both values.
    let (code, text) = hdbench(
        path,
        &[&start[..], &quick, &["--set", "batch=2", "--seed", "5"]].concat(),
    );
    assert_eq!(code, 2, "{text}");
    for said in ["scale.batch: 6 before, 2 now", "seed: ", "--restart"] {
        assert!(text.contains(said), "{text}");
    }
    for cell in [
        "unet/fold_0/seed_7",
        "unet/fold_3/seed_0",
        "resnet/fold_0/seed_0",
        "_encoder/fold_0/seed_0",
    ] {
        let (code, text) = hdbench(path, &["cell", "run", "run", cell]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(&format!("no cell {cell}")), "{text}");
        assert!(!path.join("run").join(cell).exists());
    }
    let file = path.join("run/study.toml");
    let sound = fs::read_to_string(&file).unwrap();
    for (old, new, key) in [
        ("threads = 1", "threads = 0", "threads"),
        ("threads = 1", "threads = 9999999", "threads"),
        ("seeds = [0]", "seeds = []", "seeds"),
        ("seconds = 60.0", "seconds = nan", "saving.seconds"),
        ("seconds = 60.0", "seconds = -1", "saving.seconds"),
        ("iterations = 1\n", "iterations = -1\n", "scale.iterations"),
        ("momentum = 0.9", "momentum = nan", "recipe.momentum"),
        ("zoom = [0.8, 1.2]", "zoom = [1.2, 0.8]", "zoom"),
        ("threads = 1", "threads = 1\nshards = 64", "shards"),
    ] {
        assert!(sound.contains(old), "{old}");
        fs::write(&file, sound.replacen(old, new, 1)).unwrap();
        let (code, text) = hdbench(path, &["status", "run"]);
        assert_eq!(code, 3, "{new}: {text}");
        assert!(
            text.contains("study.toml") && text.contains(key),
            "{new}: {text}"
        );
    }
}

/// Flags: nothing begins with what is refused.
#[test]
fn a_refused_flag_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    for (flags, said) in [
        (
            ["--set", "iterations=abc"],
            "a whole number from 1 to 100000000, not \"abc\"",
        ),
        (["--set", "iterations=1\nbatch=2"], "more than one line"),
        (
            ["--set", "learning_rate=nan"],
            "recipe.learning_rate or scale.learning_rate",
        ),
        (
            ["--set", "recipe.learning_rate=nan"],
            "recipe.learning_rate takes a number",
        ),
        (["--set", "foo=1"], "explain recipe"),
        (["--sweep", "momentum=0.5,nan"], "momentum takes a number"),
        (["--sweep", "batch=2,0"], "batch takes a whole number"),
        (
            ["--seed", "18446744073709551615"],
            "seed takes a whole number",
        ),
        (["--shards", "64"], "shards"),
    ] {
        let start = ["ablation", "--variant", "unet", "--out", "run"];
        let (code, text) = hdbench(path, &[&start[..], &flags].concat());
        assert_eq!(code, 2, "{flags:?}: {text}");
        assert!(text.contains(said), "{flags:?}: {text}");
        assert!(!text.contains("usize"), "{text}");
        assert!(!path.join("run").exists(), "{flags:?}");
    }
    let (code, text) = hdbench(path, &["explain", "recipe"]);
    assert!(code == 0 && text.contains("\niterations\n"), "{text}");
}
