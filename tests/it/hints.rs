//! Hints are followed as they are printed: what a message tells to do is done, and it works.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hdbench::volume::{Geometry, Volume, read_labels, write_labels};
use ndarray::Array3;

use super::harness::{hdbench, phantoms, text};

/// A command that is refused, and the way out that its message offers.
struct Row {
    refused: &'static str,
    code: i32,
    way_out: WayOut,
}

enum WayOut {
    /// The command between backticks, its placeholders replaced.
    Command(&'static [(&'static str, &'static str)]),
    /// The same command with other flags, all of which the hint names.
    Flags(&'static str),
    /// The flag that follows these words, with the value that is printed, added to the command.
    Printed(&'static str),
}
use WayOut::{Command, Flags, Printed};

const ROWS: &[Row] = &[
    Row {
        refused: "evaluate --pred one --ref phantoms --out s1",
        code: 4,
        way_out: Flags("evaluate --pred one --ref phantoms --out s1 --allow-missing"),
    },
    Row {
        refused: "evaluate --pred phantoms --ref phantoms --out phantoms",
        code: 2,
        way_out: Flags("evaluate --pred phantoms --ref phantoms --out s2"),
    },
    Row {
        refused: "evaluate --pred organs --ref organs --out s3",
        code: 3,
        way_out: Printed("for example "),
    },
    Row {
        refused: "evaluate --pred hollow/segmentation-0.nii --ref hollow/segmentation-0.nii --profile lits --out s5",
        code: 3,
        way_out: Flags(
            "evaluate --pred hollow/segmentation-0.nii --ref hollow/segmentation-0.nii --profile strict --out s5",
        ),
    },
    Row {
        refused: "datasets convert --from nnunet --to nnunet phantoms c1",
        code: 2,
        way_out: Flags("datasets convert --to nnunet phantoms c1"),
    },
    Row {
        refused: "datasets check empty",
        code: 3,
        way_out: Command(&[("DIR", "more-phantoms")]),
    },
    Row {
        refused: "datasets lock phantoms --verify one/segmentation-0.nii.gz",
        code: 3,
        way_out: Command(&[("DIR", "phantoms"), ("FILE", "phantoms.lock")]),
    },
    Row {
        refused: "ablation --data lonely --out r1 --dry-run",
        code: 2,
        way_out: Command(&[("DIR", "other-phantoms")]),
    },
    Row {
        refused: "crossval --data notes.txt --out r2 --dry-run",
        code: 3,
        way_out: Command(&[("DIR", "phantoms")]),
    },
    Row {
        refused: "crossval --data phantoms --splits foreign.json --out r3 --dry-run",
        code: 2,
        way_out: Command(&[("DIR", "phantoms")]),
    },
    Row {
        refused: "ablation --data twice --out r4 --variant unet --set iterations=4 --set coarse_iterations=4",
        code: 2,
        way_out: Flags(
            "ablation --data twice --out r4 --variant unet --set iterations=4 --set coarse_iterations=4 --allow-leakage",
        ),
    },
    Row {
        refused: "ablation --data phantoms --out taken --variant unet --set iterations=4 --set coarse_iterations=4",
        code: 2,
        way_out: Flags(
            "ablation --data phantoms --out r5 --variant unet --set iterations=4 --set coarse_iterations=4",
        ),
    },
    Row {
        refused: "ablation --data phantoms --out broken --variant unet --set iterations=4 --set coarse_iterations=4",
        code: 3,
        way_out: Flags(
            "ablation --data phantoms --out broken --variant unet --set iterations=4 --set coarse_iterations=4 --restart",
        ),
    },
    Row {
        refused: "ablation --data phantoms --out r6 --dry-run --set iterations=abc",
        code: 2,
        way_out: Command(&[]),
    },
    Row {
        refused: "ablation --data phantoms --out r6 --dry-run --set zoom=3",
        code: 2,
        way_out: Command(&[]),
    },
    Row {
        refused: "ablation --data phantoms --out r6 --dry-run --seed 9223372036854775808",
        code: 2,
        way_out: Command(&[]),
    },
    Row {
        refused: "ablation --data phantoms --out r6 --dry-run --shards 40",
        code: 2,
        way_out: Flags("ablation --data phantoms --out r6 --dry-run --shards 2"),
    },
    Row {
        refused: "ablation --data phantoms --out r6 --dry-run --device abacus",
        code: 2,
        way_out: Flags("ablation --data phantoms --out r6 --dry-run --device flex"),
    },
    Row {
        refused: "cell run run unet/fold_9/seed_0",
        code: 2,
        way_out: Command(&[]),
    },
    Row {
        refused: "report run --published notes.txt",
        code: 3,
        way_out: Command(&[]),
    },
    Row {
        refused: "model import notes.safetensors --part unet --out m1",
        code: 3,
        way_out: Command(&[
            ("MODEL", "run/unet/fold_0/seed_0/model"),
            ("FILE", "unet.safetensors"),
        ]),
    },
    Row {
        refused: "predict --model run --input phantoms/volume-0.nii.gz --out p.nii.gz",
        code: 3,
        way_out: Flags(
            "predict --model run --variant unet --input phantoms/volume-0.nii.gz --out p.nii.gz",
        ),
    },
    Row {
        refused: "predict --model run --variant unet --input phantoms/volume-0.nii.gz --out p.png",
        code: 2,
        way_out: Flags(
            "predict --model run --variant unet --input phantoms/volume-0.nii.gz --out q.nii.gz",
        ),
    },
    Row {
        refused: "baseline save scores --name good",
        code: 2,
        way_out: Flags("baseline save scores --name good --replace"),
    },
    Row {
        refused: "regress --baseline good --current scores --policy wrong.toml",
        code: 3,
        way_out: Command(&[]),
    },
    Row {
        refused: "regress --baseline good --current worse",
        code: 6,
        way_out: Command(&[("PATH", "worse"), ("NAME", "good")]),
    },
    Row {
        refused: "submit-lits check submission --test test",
        code: 5,
        way_out: Command(&[("DIR", "test"), ("OUT.zip", "mended.zip")]),
    },
    Row {
        refused: "submit-lits rehearse --model run --variant unet --data patients --out rehearsal",
        code: 3,
        way_out: Command(&[("DIR", "patients"), ("OUT", "converted")]),
    },
];

#[test]
fn what_a_hint_tells_to_do_works() {
    let dir = phantoms();
    let dir = dir.path();
    prepare(dir);
    let mut wrong = Vec::new();
    for row in ROWS {
        if let Err(problem) = follow(dir, row) {
            wrong.push(format!("hdbench {}\n{problem}", row.refused));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn follow(dir: &Path, row: &Row) -> Result<(), String> {
    let refused: Vec<&str> = row.refused.split(' ').collect();
    let output = hdbench(dir, &refused);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() != Some(row.code) {
        return Err(format!("ended with {:?}: {said}", output.status.code()));
    }
    let followed: Vec<String> = match row.way_out {
        Command(placeholders) => {
            let command = printed(&said).ok_or(format!("no command in: {said}"))?;
            let words = command.split(' ').skip(1);
            words
                .map(|word| {
                    let replaced = placeholders.iter().find(|(name, _)| *name == word);
                    replaced.map_or(word, |(_, value)| value).to_owned()
                })
                .collect()
        }
        Flags(command) => {
            let words: Vec<&str> = command.split(' ').collect();
            let flags = |words: &[&str]| -> BTreeSet<String> {
                let pairs = words.iter().zip(words.iter().skip(1).chain([&""]));
                let flag = |(flag, value): (&&str, &&str)| match value.starts_with("--") {
                    true => (*flag).to_owned(),
                    false => format!("{flag} {value}"),
                };
                pairs
                    .filter(|(word, _)| word.starts_with("--"))
                    .map(flag)
                    .collect()
            };
            let (before, after) = (flags(&refused), flags(&words));
            for changed in before.symmetric_difference(&after) {
                let flag = changed.split(' ').next().unwrap_or_default();
                let named = hint(&said).is_some_and(|hint| hint.contains(flag));
                if !named {
                    return Err(format!("no {flag} in the hint of: {said}"));
                }
            }
            words.into_iter().map(str::to_owned).collect()
        }
        Printed(before) => {
            let (_, rest) = said
                .split_once(before)
                .ok_or(format!("no {before}in: {said}"))?;
            let added: Vec<&str> = rest.split_whitespace().take(2).collect();
            let mut words: Vec<&str> = refused.clone();
            // What the hint corrects goes, with its value.
            if let Some(at) = words.iter().position(|word| *word == added[0]) {
                words.drain(at..at + 2);
            }
            words.extend(added);
            let plain = |word: &str| word.trim_matches(['\'', ',', '`']).to_owned();
            words.into_iter().map(plain).collect()
        }
    };
    let words: Vec<&str> = followed.iter().map(String::as_str).collect();
    let output = hdbench(dir, &words);
    if output.status.code() == Some(0) {
        return Ok(());
    }
    Err(format!(
        "hdbench {}\nends with {:?}: {}",
        words.join(" "),
        output.status.code(),
        String::from_utf8_lossy(&output.stderr)
    ))
}

fn hint(said: &str) -> Option<&str> {
    said.split_once("hint: ").map(|(_, hint)| hint)
}

/// The first command between backticks of the hint.
fn printed(said: &str) -> Option<&str> {
    let (_, rest) = hint(said)?.split_once("`hdbench ")?;
    let command = rest.split('`').next()?;
    let start = said.find(rest)? - "hdbench ".len();
    Some(&said[start..start + "hdbench ".len() + command.len()])
}

/// What the rows name: a study of one variant, scores good and bad, and inputs of every sad kind.
fn prepare(dir: &Path) {
    let run = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        text(&hdbench(dir, &arguments), 0);
    };
    let copy = |from: &str, to: &str| {
        let to = dir.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(dir.join(from), to).unwrap();
    };
    run(
        "ablation --data phantoms --out run --variant unet --set iterations=4 --set coarse_iterations=4",
    );
    fs::create_dir(dir.join("answers")).unwrap();
    for case in 0..5 {
        // Half of every lesion is missed.
        let name = format!("segmentation-{case}.nii.gz");
        let mut labels = read_labels(&dir.join("phantoms").join(&name)).unwrap();
        for ((_, _, x), voxel) in labels.voxels.indexed_iter_mut() {
            if *voxel == 2 && x % 2 == 0 {
                *voxel = 1;
            }
        }
        write_labels(&dir.join("answers").join(&name), &labels).unwrap();
        copy(&format!("phantoms/{name}"), &format!("references/{name}"));
        copy(
            &format!("phantoms/segmentation-{case}.nii.gz"),
            &format!("submission/liver-{case}.nii.gz"),
        );
        copy(
            &format!("phantoms/volume-{case}.nii.gz"),
            &format!("test/test-volume-{case}.nii.gz"),
        );
    }
    // A gate wants more cases than five; that of case 3 has no lesion to lose.
    for folder in ["answers", "references"] {
        for case in [0, 1, 2, 4] {
            let twin = format!("{folder}/segmentation-{}.nii.gz", case + 5);
            copy(&format!("{folder}/segmentation-{case}.nii.gz"), &twin);
        }
        fs::remove_file(dir.join(folder).join("segmentation-3.nii.gz")).unwrap();
    }
    run("evaluate --pred references --ref references --out scores --algorithm good");
    run("evaluate --pred answers --ref references --out worse --algorithm good");
    run("baseline save scores --name good");
    run("datasets synth --layout ircadb --matrix 64 --out patients");
    for patient in 3..=20 {
        fs::remove_dir_all(dir.join(format!("patients/3Dircadb1.{patient}"))).unwrap();
    }
    copy(
        "phantoms/segmentation-0.nii.gz",
        "one/segmentation-0.nii.gz",
    );
    for name in ["volume-0.nii.gz", "segmentation-0.nii.gz"] {
        copy(&format!("phantoms/{name}"), &format!("lonely/{name}"));
        for case in 0..3 {
            let name = name.replace('0', &case.to_string());
            let of = name.replace(&case.to_string(), &case.min(1).to_string());
            copy(&format!("phantoms/{of}"), &format!("twice/{name}"));
        }
    }
    for (file, labels) in [
        ("organs/segmentation-0.nii", 14),
        ("hollow/segmentation-0.nii", 1),
    ] {
        let file = dir.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let geometry = Geometry::axis_aligned([6, 8, 8], [2.5, 0.75, 0.75]);
        let voxels = Array3::from_shape_fn((6, 8, 8), |(z, y, x)| ((z + y + x) % labels) as u8);
        write_labels(&file, &Volume { voxels, geometry }).unwrap();
    }
    for (file, content) in [
        ("notes.txt", "none of them"),
        ("notes.safetensors", "none of them"),
        ("wrong.toml", "wrong = 1"),
        ("taken/report/mine.txt", "mine"),
        ("broken/study.toml", "variants = 7"),
        (
            "foreign.json",
            r#"[{"train": ["nobody"], "val": ["nothing"]}]"#,
        ),
    ] {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::create_dir(dir.join("empty")).unwrap();
}

/// Commands between backticks in the messages of the source name verbs and flags that there are.
#[test]
fn commands_in_messages_are_commands() {
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for file in ["src", "crates"].into_iter().flat_map(sources) {
        let source = fs::read_to_string(&file).unwrap();
        let lines = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n").replace("\\\n", "");
        for (_, rest) in code
            .match_indices("`hdbench ")
            .map(|(at, found)| (at, &code[at + found.len()..]))
        {
            let Some((command, _)) = rest.split_once('`') else {
                continue;
            };
            let words: Vec<&str> = command.split_whitespace().collect();
            let is_verb = |word: &&&str| {
                word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
            };
            let verbs: Vec<&str> = words.iter().take_while(is_verb).copied().collect();
            let (verbs, help) = (1..=verbs.len())
                .rev()
                .find_map(|count| {
                    let verb = verbs[..count].join(" ");
                    let help = helps
                        .entry(verb.clone())
                        .or_insert_with(|| help(&verb))
                        .clone();
                    (!help.is_empty()).then_some((verb, help))
                })
                .unwrap_or_default();
            let missing = words
                .iter()
                .filter(|word| word.starts_with("--") && **word != "--help")
                .find(|flag| !help.contains(**flag));
            if verbs.is_empty() || missing.is_some() {
                wrong.push(format!("{}: `hdbench {command}`", file.display()));
            }
            seen += 1;
        }
    }
    assert!(seen > 25, "only {seen} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Empty where there is no such verb.
fn help(verb: &str) -> String {
    let words: Vec<&str> = verb.split(' ').chain(["--help"]).collect();
    let output = hdbench(Path::new("."), &words);
    // A word that is no verb of its parent is an argument of it: the usage line tells them apart.
    let text = String::from_utf8(output.stdout).unwrap();
    if text.contains(&format!("Usage: hdbench {verb}")) {
        text
    } else {
        String::new()
    }
}

fn sources(folder: &str) -> Vec<std::path::PathBuf> {
    walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}
