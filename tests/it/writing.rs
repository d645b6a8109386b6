//! What is written, and what is never written over: nothing of the user's is deleted or replaced, and a
//! dry run opens nothing for writing.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Output;

use super::failures::{UNET, said};
use super::harness::{hdbench, phantoms, state, states, text};

/// Every file and folder below a folder: name, kind, time of the last change and content.
fn tree(dir: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter();
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path();
            let found = fs::symlink_metadata(path).unwrap();
            let content = match found.is_file() {
                true => blake3::hash(&fs::read(path).unwrap()).to_hex().to_string(),
                false => String::new(),
            };
            format!(
                "{} {:o} {}.{} {content}",
                path.display(),
                found.mode(),
                found.mtime(),
                found.mtime_nsec()
            )
        })
        .collect()
}

/// Refused with exit code 2, these words and no change to anything.
#[track_caller]
fn refused(dir: &Path, arguments: &[&str], words: &str) {
    let before = tree(dir);
    let output = hdbench(dir, arguments);
    text(&output, 2);
    said(&output, words);
    let after = tree(dir);
    let changed: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(before == after, "{changed:#?}");
}

fn study(dir: &Path, more: &[&str]) -> Output {
    let common = [
        "ablation",
        "--data",
        "phantoms",
        "--out",
        "run",
        "--set",
        "iterations=4",
        "--set",
        "coarse_iterations=4",
        "--variant",
        "unet",
    ];
    hdbench(dir, &[&common[..], more].concat())
}

#[test]
fn a_model_replaces_a_model_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let init =
        |out: &str| ["model", "init", "unet", "--scale", "demo", "--out", out].map(str::to_owned);
    fs::create_dir_all(path.join("mine/.hidden")).unwrap();
    fs::write(path.join("mine/thesis"), "years").unwrap();
    fs::create_dir(path.join("empty")).unwrap();
    fs::write(path.join("file"), "x").unwrap();
    fs::create_dir(path.join("below")).unwrap();
    for (out, words) in [
        ("mine", "holds thesis, which is no part of a model folder"),
        (".", "current folder"),
        ("below/..", "current folder"),
        ("..", "current folder"),
        ("file", "is a file"),
    ] {
        let init = init(out);
        refused(path, &init.each_ref().map(String::as_str), words);
    }
    for out in ["empty", "new/model", "new/model"] {
        let init = init(out);
        text(&hdbench(path, &init.each_ref().map(String::as_str)), 0);
        assert_eq!(fs::read_dir(path.join(out)).unwrap().count(), 2);
    }
    // Weights are not replaced by what is made of them.
    let weights = "new/model/model.safetensors";
    for (out, words) in [
        ("new/model", "holds an input"),
        ("mine", "no part of a model folder"),
        (".", "current folder"),
        ("..", "current folder"),
    ] {
        let import = [
            "model", "import", weights, "--part", "unet", "--scale", "demo", "--out", out,
        ];
        refused(path, &import, words);
    }
    let export = ["model", "export", "new/model", "--out", weights];
    refused(path, &export, "is an input");
}

#[test]
fn a_rehearsal_replaces_its_own_links_and_no_volumes() {
    let dir = phantoms();
    let path = dir.path();
    let model = "run/unet/fold_0/seed_0/model";
    text(
        &hdbench(
            path,
            &["model", "init", "unet", "--scale", "demo", "--out", model],
        ),
        0,
    );
    fs::create_dir(path.join("LiTS")).unwrap();
    fs::rename(path.join("phantoms"), path.join("LiTS/training")).unwrap();
    let rehearse = [
        "submit-lits",
        "rehearse",
        "--model",
        "run",
        "--variant",
        "unet",
        "--data",
        "LiTS/training",
        "--out",
    ];
    for folder in ["test", "references"] {
        let folder = path.join("LiTS").join(folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("test-volume-0.nii"), "a scan").unwrap();
        refused(
            path,
            &[&rehearse[..], &["LiTS"]].concat(),
            "no part of a rehearsal's links",
        );
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn a_folder_of_somebody_elses_is_no_studys() {
    let dir = phantoms();
    let path = dir.path();
    for name in [
        "report/plots/mine.svg",
        "unet/fold_0/seed_0/predictions/mine.nii.gz",
    ] {
        let file = path.join("run").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "mine").unwrap();
    }
    let start = |more: &[&str]| {
        let common = [
            "ablation",
            "--data",
            "phantoms",
            "--out",
            "run",
            "--variant",
            "unet",
        ];
        [&common[..], more]
            .concat()
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    for more in [
        &[][..],
        &["--restart"],
        &["--dry-run"],
        &["--sweep", "recipe=paper,released"],
    ] {
        let start = start(more);
        let words: Vec<&str> = start.iter().map(String::as_str).collect();
        refused(path, &words, "report, unet, where a study would write");
    }
    // A study's file that happens to be called as a study's own.
    let file = path.join("other/study.toml");
    fs::create_dir(path.join("other")).unwrap();
    fs::write(
        file,
        "study = \"ablation\"\ndata = \"../phantoms\"\nout = \".\"\n",
    )
    .unwrap();
    for more in [&[][..], &["--restart"]] {
        let run = [&["study", "run", "other/study.toml"][..], more].concat();
        refused(path, &run, "it would be replaced");
    }
}

#[test]
fn a_dry_run_opens_nothing_for_writing() {
    let dir = phantoms();
    let path = dir.path();
    fs::write(
        path.join("small.toml"),
        "study = \"ablation\"\ndata = \"phantoms\"\nout = \"run\"\nvariant = \"unet\"\n[set]\n\
         iterations = 4\ncoarse_iterations = 4\n",
    )
    .unwrap();
    let dry = |arguments: &[&str]| {
        let before = tree(path);
        let planned = text(&hdbench(path, arguments), 0);
        assert_eq!(tree(path), before, "{arguments:?}");
        planned
    };
    let flags = [
        "ablation",
        "--data",
        "phantoms",
        "--variant",
        "unet",
        "--out",
        "run",
        "--dry-run",
    ];
    // No study yet: its cells follow from the settings, how long they take does not.
    let planned = dry(&["study", "plan", "small.toml"]);
    assert!(planned.contains("2 of 2 cells would run"), "{planned}");
    assert!(
        planned.contains("unknown") && !planned.contains("0.00"),
        "{planned}"
    );
    dry(&[&flags[..], &["--scale", "full"]].concat());
    let planned = dry(&[
        "crossval",
        "--dry-run",
        "--variant",
        "unet",
        "--out",
        "folds",
    ]);
    assert!(
        planned.contains("unet/fold_1/seed_0") && planned.contains("unet/fold_3/seed_0"),
        "{planned}"
    );
    let told = hdbench(
        path,
        &["ablation", "--dry-run", "--variant", "unet", "--out", "own"],
    );
    text(&told, 0);
    said(&told, "36 CT phantoms would be generated in");
    assert!(!path.join("run").exists() && !path.join("own").exists());

    // None of it keeps the real start from another scale.
    text(&study(path, &[]), 0);
    let cell = "unet/fold_0/seed_0";
    let planned = dry(&["study", "plan", "small.toml", "--force", cell]);
    assert!(planned.contains("1 of 2 cells would run"), "{planned}");
    assert!(planned.contains("as --force asks"), "{planned}");
    let planned = dry(&["study", "plan", "small.toml"]);
    assert!(planned.contains("0 of 2 cells would run"), "{planned}");
    dry(&["study", "plan", "run"]);
    // Other settings: what they would make stale is foreseen, and the study stays as it is.
    let planned = dry(&[&flags[..], &["--restart", "--set", "iterations=9"]].concat());
    assert!(planned.contains("stale: "), "{planned}");
    // A case that has changed.
    let volume = path.join("phantoms/volume-0.nii.gz");
    let original = fs::read(&volume).unwrap();
    fs::copy(path.join("phantoms/volume-1.nii.gz"), &volume).unwrap();
    let before = tree(path);
    let told = hdbench(path, &["study", "plan", "small.toml"]);
    let planned = text(&told, 0);
    said(&told, "volume-0 has other contents since the last start");
    assert!(planned.contains("stale: "), "{planned}");
    assert_eq!(tree(path), before);
    fs::write(&volume, original).unwrap();

    // A list of commands for another scheduler throws nothing away either.
    let script = study(path, &["--engine", "script", "--force", cell]);
    let script = text(&script, 0);
    assert!(script.contains("cell run --force"), "{script}");
    assert!(path.join("run").join(cell).join("state.json").is_file());
    assert_eq!(state(&states(path), UNET)["state"], "done");
}

#[test]
fn nothing_is_thrown_away_before_every_name_is_checked() {
    let dir = phantoms();
    let path = dir.path();
    text(&study(path, &[]), 0);
    fs::write(path.join("run").join(UNET).join("notes.txt"), "mine").unwrap();
    let state = path.join("run").join(UNET).join("state.json");
    let before = fs::read(&state).unwrap();
    for (wrong, words) in [
        ("typo", "is not a cell"),
        ("resnet/fold_0/seed_0", "the study has no such cell"),
        ("unet/fold_7/seed_0", "the study has no such cell"),
    ] {
        let output = study(path, &["--force", UNET, "--force", wrong]);
        text(&output, 2);
        said(&output, words);
        assert_eq!(fs::read(&state).unwrap(), before, "{wrong}");
    }
    // Forced, it is made anew, and what is somebody else's stays. While a file is open, no other gets its number.
    let held = fs::File::open(&state).unwrap();
    let made = held.metadata().unwrap().ino();
    text(&study(path, &["--force", UNET]), 0);
    assert_ne!(fs::metadata(&state).unwrap().ino(), made);
    let notes = path.join("run").join(UNET).join("notes.txt");
    assert_eq!(fs::read_to_string(notes).unwrap(), "mine");
    // What others put into the report stays as well; what the report made is replaced.
    let mine = path.join("run/report/tables/mine.csv");
    fs::write(&mine, "mine").unwrap();
    text(&hdbench(path, &["report", "run"]), 0);
    text(&hdbench(path, &["report", "run"]), 0);
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
}

#[test]
fn weights_that_are_not_there_are_told_at_once() {
    let dir = phantoms();
    let path = dir.path();
    let before = tree(path);
    for more in [&[][..], &["--dry-run"]] {
        let start = [
            &[
                "ablation",
                "--data",
                "phantoms",
                "--out",
                "run",
                "--encoder-weights",
                "gone.pth",
            ][..],
            more,
        ];
        let output = hdbench(path, &start.concat());
        text(&output, 3);
        said(&output, "gone.pth: no such file");
    }
    fs::remove_dir_all(path.join("run")).unwrap();
    assert_eq!(tree(path).len(), before.len());
}

#[test]
fn a_cache_named_by_somebody_elses_study_is_not_written_to() {
    let dir = phantoms();
    let path = dir.path();
    text(&study(path, &[]), 0);
    let file = path.join("run/study.toml");
    let original = fs::read_to_string(&file).unwrap();
    assert!(original.contains("cache = \"cache\""), "{original}");
    fs::create_dir(path.join("theirs")).unwrap();
    fs::write(path.join("theirs/photo"), "x").unwrap();
    let there = path.join("theirs").display().to_string();
    for cache in [
        there.as_str(),
        "../theirs",
        "../elsewhere",
        "/nowhere/cache",
    ] {
        fs::write(
            &file,
            original.replace("cache = \"cache\"", &format!("cache = {cache:?}")),
        )
        .unwrap();
        for arguments in [&["report", "run"][..], &["cell", "run", "run", UNET]] {
            let output = hdbench(path, arguments);
            text(&output, 3);
            said(&output, "cache = ");
        }
    }
    assert_eq!(fs::read_dir(path.join("theirs")).unwrap().count(), 1);
    assert!(!path.join("elsewhere").exists());
    fs::write(&file, original).unwrap();
    text(&hdbench(path, &["report", "run"]), 0);
}

#[test]
fn no_output_replaces_an_input_or_takes_another_kind_of_name() {
    let dir = phantoms();
    let path = dir.path();
    let ct = "phantoms/volume-0.nii.gz";
    symlink(ct, path.join("link.nii.gz")).unwrap();
    fs::hard_link(path.join(ct), path.join("second.nii.gz")).unwrap();
    let predict = |input: &str, out: &str| {
        ["predict", "--model", "run", "--input", input, "--out", out].map(str::to_owned)
    };
    for (input, out, words) in [
        (ct, ct, "is an input"),
        (ct, "phantoms/../phantoms/volume-0.nii.gz", "is an input"),
        (ct, "link.nii.gz", "is an input"),
        (ct, "second.nii.gz", "is an input"),
        ("phantoms", "phantoms/new.nii", "lies in the input"),
        (ct, "o.nrrd", ".nii or .nii.gz"),
        (ct, "x.txt", ".nii or .nii.gz"),
        (ct, "phantoms", ".nii or .nii.gz"),
    ] {
        let predict = predict(input, out);
        refused(path, &predict.each_ref().map(String::as_str), words);
    }
    refused(
        path,
        &["datasets", "lock", "phantoms", "--out", ct],
        "is an input",
    );
    fs::rename(path.join(ct), path.join("phantoms/test-volume-0.nii.gz")).unwrap();
    let volume = "phantoms/test-volume-0.nii.gz";
    for option in ["--fix", "--junit"] {
        let check = [
            "submit-lits",
            "check",
            "phantoms",
            "--test",
            "phantoms",
            option,
            volume,
        ];
        refused(path, &check, "is an input");
    }
    let pack = [
        "submit-lits",
        "--from",
        "phantoms",
        "--test",
        "phantoms",
        "--out",
        volume,
    ];
    refused(path, &pack, "is an input");
}

#[test]
fn devices_and_links_get_the_bytes() {
    let dir = phantoms();
    let path = dir.path();
    symlink("elsewhere/lock.toml", path.join("link")).unwrap();
    fs::create_dir(path.join("elsewhere")).unwrap();
    symlink("/proc/self/fd/1", path.join("out")).unwrap();
    let lock = |out: &str| {
        text(
            &hdbench(path, &["datasets", "lock", "phantoms", "--out", out]),
            0,
        )
    };
    let printed = text(&hdbench(path, &["datasets", "lock", "phantoms"]), 0);
    for out in ["/dev/stdout", "out"] {
        assert_eq!(lock(out), printed);
    }
    lock("/dev/null");
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert!(fs::symlink_metadata(path.join("out")).unwrap().is_symlink());
    lock("link");
    assert!(
        fs::symlink_metadata(path.join("link"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(
        fs::read_to_string(path.join("elsewhere/lock.toml")).unwrap(),
        printed
    );
}

#[test]
fn results_replace_results_and_no_file_of_the_users() {
    let dir = phantoms();
    let path = dir.path();
    let evaluate = |pred: &str, more: &[&str]| {
        let common = [
            "evaluate",
            "--pred",
            pred,
            "--ref",
            "phantoms/segmentation-0.nii.gz",
            "--out",
            "mine",
        ];
        [&common[..], more]
            .concat()
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    let start = |words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        hdbench(path, &words)
    };
    let good = evaluate("phantoms/segmentation-0.nii.gz", &[]);
    fs::create_dir(path.join("mine")).unwrap();
    fs::write(path.join("broken.nii.gz"), "no image").unwrap();
    let bad = evaluate("broken.nii.gz", &[]);
    for name in ["summary.json", "cases.csv"] {
        fs::write(path.join("mine").join(name), "mine").unwrap();
        for words in [&good, &bad] {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            refused(path, &words, "that hdbench did not write");
        }
        fs::remove_file(path.join("mine").join(name)).unwrap();
    }
    fs::write(path.join("mine/notes.txt"), "mine").unwrap();
    text(&start(&good), 0);
    let names = |folder: &str| {
        let entries = fs::read_dir(path.join(folder)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert!(names("mine").contains(&"lesions.csv".to_owned()));
    // Nothing scored: nothing of ours is left to be taken for a result, and what is the user's stays.
    text(&start(&bad), 3);
    assert_eq!(names("mine"), ["failures.csv", "notes.txt"]);
    text(&start(&good), 0);
    assert!(!names("mine").contains(&"failures.csv".to_owned()));
    // Another profile: what it does not write goes.
    text(
        &start(&evaluate(
            "phantoms/segmentation-0.nii.gz",
            &["--profile", "lits"],
        )),
        0,
    );
    assert!(!names("mine").contains(&"lesions.csv".to_owned()));
    assert!(names("mine").contains(&"notes.txt".to_owned()));
    fs::create_dir(path.join("tables")).unwrap();
    fs::write(path.join("tables/analysis.json"), "{}").unwrap();
    refused(
        path,
        &["analyze", "mine", "--out", "tables"],
        "analysis.json that hdbench did not write",
    );
    fs::remove_file(path.join("tables/analysis.json")).unwrap();
    for _ in 0..2 {
        text(&hdbench(path, &["analyze", "mine", "--out", "tables"]), 0);
    }
}
