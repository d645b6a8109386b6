//! The scorer as the scoring program of a challenge's site.

use std::fs;
use std::path::Path;
use std::process::Command;

use hdbench::volume::{Geometry, Volume, write_labels};
use ndarray::{Array3, s};
use serde_json::{Value, json};

use super::harness::{hdbench, text};

/// A liver with a lesion that lies `shift` voxels off.
fn write(path: &Path, shift: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut voxels = Array3::zeros((6, 8, 8));
    voxels.slice_mut(s![1..5, 1..7, 1..7]).fill(1);
    voxels
        .slice_mut(s![2..4, 2..4, 2 + shift..4 + shift])
        .fill(2);
    let geometry = Geometry::axis_aligned([6, 8, 8], [2.5, 0.75, 0.75]);
    write_labels(path, &Volume { voxels, geometry }).unwrap();
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn score(dir: &Path, arguments: &[&str], code: i32) -> String {
    let output = hdbench(dir, &[&["evaluate"], arguments].concat());
    text(&output, code);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn codabench_gets_one_number_a_metric_and_none_of_half_a_submission() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (case, shift) in [("case_a", 0), ("case_b", 1)] {
        write(&dir.join(format!("input/ref/{case}.nii.gz")), 0);
        write(&dir.join(format!("input/res/{case}.nii.gz")), shift);
    }
    fs::write(dir.join("input/res/metadata"), "").unwrap();
    let places = [
        "--pred",
        "input/res",
        "--ref",
        "input/ref",
        "--out",
        "output",
    ];
    let site = [&["--layout", "codabench"], &places[..]].concat();
    score(dir, &site, 0);
    let scores = json_of(&dir.join("output/scores.json"));
    // Half of the second lesion is found.
    assert_eq!(scores["lesion_dice"], 0.75);
    assert_eq!(scores["liver_dice"], 1.0);
    assert!(scores.as_object().unwrap().values().all(Value::is_number));
    let aggregates = &json_of(&dir.join("output/metrics.json"))["aggregates"];
    assert_eq!(aggregates["lesion_dice"]["mean"], scores["lesion_dice"]);

    // What stood there is of another submission.
    fs::remove_file(dir.join("input/res/case_b.nii.gz")).unwrap();
    let told = score(dir, &site, 4);
    assert!(told.contains("case_b"), "{told}");
    assert!(!dir.join("output/scores.json").exists());
    // Without a site nobody asks for it.
    score(dir, &[&places[..], &["--allow-missing"]].concat(), 0);
    assert!(!dir.join("output/scores.json").exists());
}

/// The bundle that organisers copy: its program scores, and its leaderboard's columns are written.
#[test]
fn the_example_bundle_scores() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (side, shift) in [("ref", 0), ("res", 1)] {
        write(&dir.join(format!("{side}/case_a.nii.gz")), shift);
    }
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/codabench");
    let program = bundle.join("scoring_program");
    let metadata = fs::read_to_string(program.join("metadata.yaml")).unwrap();
    assert_eq!(metadata, "command: sh /app/program/score.sh\n");
    fs::copy(program.join("score.sh"), dir.join("score.sh")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_hdbench"), dir.join("hdbench")).unwrap();
    let places = ["score.sh", "--pred", "res", "--ref", "ref", "--out", "out"];
    let started = Command::new("sh").args(places).current_dir(dir).output();
    text(&started.unwrap(), 0);
    let scores = json_of(&dir.join("out/scores.json"));
    let competition = fs::read_to_string(bundle.join("competition.yaml")).unwrap();
    let columns = competition.lines().filter(|line| line.contains("sorting:"));
    let keys: Vec<&str> = columns
        .map(|line| {
            line.split("key: ")
                .nth(1)
                .unwrap()
                .split(',')
                .next()
                .unwrap()
        })
        .collect();
    assert_eq!(keys.len(), 3);
    for key in keys {
        assert!(scores[key].is_number(), "{key}: {scores}");
    }
}

fn job(pk: &str, image: &str, socket: &str, slugs: &[&str]) -> Value {
    let of = |slug: &str, name: &str| {
        json!({
            socket: { "slug": slug, "relative_path": format!("images/{slug}"), "kind": "Image" },
            "image": { "name": name, "pk": "0" },
            "value": null, "file": null,
        })
    };
    let outputs: Vec<Value> = slugs.iter().map(|slug| of(slug, "out.mha")).collect();
    json!({ "pk": pk, "status": "Succeeded", "inputs": [of("ct", image)], "outputs": outputs })
}

#[test]
fn grand_challenge_jobs_are_cases_by_the_images_they_were_given() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (pk, case, shift) in [("j1", "case_a", 0), ("j2", "case_b", 1)] {
        write(&dir.join(format!("truth/{case}.nii.gz")), 0);
        let output = dir.join(format!("input/{pk}/output/images/liver"));
        // The site gives outputs names of its own.
        write(&output.join(format!("9f-{pk}.nii.gz")), shift);
    }
    let jobs = |all: Vec<Value>| {
        fs::write(dir.join("input/predictions.json"), json!(all).to_string()).unwrap();
    };
    let places = ["--pred", "input", "--ref", "truth", "--out", "output"];
    let site = [&["--layout", "grand-challenge"], &places[..]].concat();
    // Phases of all ages: what was an interface is a socket now.
    jobs(vec![
        job("j1", "case_a.mha", "interface", &["liver"]),
        job("j2", "case_b.mha", "socket", &["liver"]),
    ]);
    score(dir, &site, 0);
    let metrics = json_of(&dir.join("output/metrics.json"));
    assert_eq!(metrics["aggregates"]["lesion_dice"]["mean"], 0.75);
    assert_eq!(
        metrics["case"]["case"],
        json!({ "0": "case_a", "1": "case_b" })
    );
    assert_eq!(metrics["case"]["lesion_dice"]["1"], 0.5);

    jobs(vec![job("j1", "case_a.mha", "socket", &["liver"])]);
    assert!(score(dir, &site, 4).contains("case_b"));
    let both = || job("j2", "case_b.mha", "socket", &["heat", "liver"]);
    jobs(vec![job("j1", "case_a.mha", "socket", &["liver"]), both()]);
    let told = score(dir, &site, 3);
    assert!(
        told.contains("several images: heat, liver") && told.contains("--socket"),
        "{told}"
    );
    score(dir, &[&site[..], &["--socket", "liver"]].concat(), 0);
    let told = score(dir, &[&site[..], &["--socket", "lesion"]].concat(), 3);
    assert!(told.contains("has no image \"lesion\""), "{told}");
    jobs(vec![
        job("j1", "case_a.mha", "socket", &["liver"]),
        job("j2", "case_a.mha", "socket", &["liver"]),
    ]);
    assert!(score(dir, &site, 3).contains("case_a"));
    fs::write(dir.join("input/predictions.json"), "{}").unwrap();
    assert!(score(dir, &site, 3).contains("predictions.json"));
    fs::remove_file(dir.join("input/j1/output/images/liver/9f-j1.nii.gz")).unwrap();
    jobs(vec![job("j1", "case_a.mha", "socket", &["liver"])]);
    assert!(score(dir, &site, 3).contains("0 images here"));
}

#[test]
fn a_site_knows_its_places() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (site, place) in [
        ("codabench", "/app/input/res"),
        ("grand-challenge", "/input/predictions.json"),
    ] {
        if !Path::new(place).exists() {
            let told = score(dir, &["--layout", site, "--out", "scores"], 3);
            assert!(told.contains(place), "{told}");
        }
    }
    assert!(score(dir, &["--pred", "a", "--ref", "b"], 2).contains("--out"));
}
