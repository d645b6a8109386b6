//! Names that others gave: whatever their bytes, they are told apart, and they do nothing to a terminal, a
//! CI's log, a spreadsheet or another program.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output};

use hdbench::analysis::Scored;
use hdbench::evaluation::{read_metrics_long, write_metrics_long};
use hdbench_table::{
    Cell, Column, Csv, Exporter, Html, Latex, Markdown, Table, TableRow, Terminal,
};

use super::harness::{hdbench, phantoms, text};

/// Sets a terminal's title, colours, ends the line with a command to GitHub, turns the writing.
const HOSTILE: &str = "a\u{1b}]0;x\u{7}\n::error::injected\n\u{202e}##[error]b";

#[track_caller]
fn calm(shown: &[u8]) {
    let shown = String::from_utf8_lossy(shown);
    let acts = |c: char| c.is_control() && c != '\n' && c != '\t' || c == '\u{202e}';
    assert!(!shown.contains(acts), "{shown:?}");
    assert!(!shown.contains("##["), "{shown}");
    let command = shown
        .lines()
        .find(|line| line.trim_start().starts_with("::"));
    assert_eq!(command, None, "{shown}");
}

fn both(output: &Output) -> Vec<u8> {
    [&output.stdout[..], &output.stderr].concat()
}

#[test]
fn names_do_nothing_to_a_terminal_or_a_log() {
    let dir = phantoms();
    let path = dir.path();
    let name = format!("{HOSTILE}.nii");
    // A file that is not there, one that is no volume, a folder without a study.
    fs::write(path.join("bad.nii"), "no volume").unwrap();
    fs::rename(path.join("bad.nii"), path.join(&name)).unwrap();
    fs::create_dir(path.join(HOSTILE)).unwrap();
    let reference = "phantoms/segmentation-0.nii.gz";
    for arguments in [
        &[
            "evaluate", "--out", "scores", "--pred", HOSTILE, "--ref", reference,
        ][..],
        &[
            "evaluate", "--out", "scores", "--pred", &name, "--ref", reference,
        ],
        &["status", HOSTILE],
        &["report", HOSTILE],
        &["datasets", "check", HOSTILE],
        &["analyze", &name],
        &[
            "predict", "--model", HOSTILE, "--input", &name, "--out", "x.nii",
        ],
    ] {
        let output = hdbench(path, arguments);
        assert_ne!(output.status.code(), Some(0), "{arguments:?}");
        calm(&both(&output));
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("\\u{1b}"),
            "{arguments:?}"
        );
    }
    // An entry of an archive.
    let archive = path.join("their.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&archive).unwrap());
    let entry = format!("test-segmentation-0{name}");
    zip.start_file(entry, zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(b"no volume").unwrap();
    zip.finish().unwrap();
    for arguments in [
        &["submit-lits", "check", "their.zip", "--test", "phantoms"][..],
        &[
            "evaluate",
            "--out",
            "scores",
            "--pred",
            "their.zip",
            "--ref",
            "phantoms",
        ],
        &["leaderboard", "their.zip", "--ref", "phantoms"],
    ] {
        calm(&both(&hdbench(path, arguments)));
    }
}

#[test]
fn names_do_nothing_in_the_tables_of_a_report() {
    let table = |name: &str| Table {
        id: "t".into(),
        title: "T".into(),
        caption: name.to_owned(),
        columns: vec![Column::words("name", "Name")],
        rows: vec![TableRow {
            cells: vec![Cell::text(name)],
            ..TableRow::default()
        }],
        notes: vec![name.to_owned()],
        ..Table::default()
    };
    let terminal = Terminal {
        styled: false,
        width: 80,
    };
    let exporters: [&dyn Exporter; 4] = [&Markdown, &Latex, &Html::OfPage, &terminal];
    for exporter in exporters {
        let shown = exporter
            .export(&table("a\u{1b}[31mb\u{202e}\u{9b}c"))
            .unwrap();
        let shown = String::from_utf8(shown).unwrap();
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{shown}");
        assert!(shown.contains("1b"), "{shown}");
    }
    let csv = Csv.export(&table("=HYPERLINK(\"x\")")).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.contains("\"'=HYPERLINK(\"\"x\"\")\""), "{csv}");
}

#[test]
fn cells_that_spreadsheets_run_are_guarded_and_read_back() {
    let dir = phantoms();
    let path = dir.path();
    let case = "=HYPERLINK(1)";
    for side in ["pred", "ref"] {
        fs::create_dir(path.join(side)).unwrap();
        let from = path.join("phantoms/segmentation-0.nii.gz");
        fs::copy(from, path.join(side).join(format!("{case}.nii.gz"))).unwrap();
    }
    let arguments = [
        "evaluate",
        "--pred",
        "pred",
        "--ref",
        "ref",
        "--out",
        "scores",
        "--algorithm",
    ];
    text(&hdbench(path, &[&arguments[..], &["@SUM"]].concat()), 0);
    for name in ["metrics_long.csv", "cases.csv", "lesions.csv"] {
        let table = fs::read_to_string(path.join("scores").join(name)).unwrap();
        assert!(table.contains("'=HYPERLINK(1)"), "{name}");
        for field in table.lines().skip(1).flat_map(|line| line.split(',')) {
            let runs = field.starts_with(['=', '@', '+', '-']);
            assert!(!runs || field.parse::<f64>().is_ok(), "{name}: {field}");
        }
    }
    let scored = Scored::read(&path.join("scores"), &hdbench::analysis::NoStudies).unwrap();
    assert!(
        scored
            .rows
            .iter()
            .any(|row| row.case == case && row.algorithm == "@SUM")
    );
    // Written again they are the same.
    let long = path.join("scores/metrics_long.csv");
    let rows = read_metrics_long(&long).unwrap();
    write_metrics_long(&path.join("again.csv"), &rows).unwrap();
    assert_eq!(
        fs::read(&long).unwrap(),
        fs::read(path.join("again.csv")).unwrap()
    );
}

fn named(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[test]
fn names_that_are_no_text_are_told_apart() {
    let dir = phantoms();
    let path = dir.path();
    for (side, name) in [("pred", &b"\xff.nii.gz"[..]), ("ref", b"\xfe.nii.gz")] {
        fs::create_dir(path.join(side)).unwrap();
        let from = path.join("phantoms/segmentation-0.nii.gz");
        fs::copy(from, path.join(side).join(named(name))).unwrap();
    }
    let arguments = [
        "evaluate", "--pred", "pred", "--ref", "ref", "--out", "scores",
    ];
    let output = hdbench(path, &arguments);
    text(&output, 3);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("no prediction has the name of a reference"),
        "{told}"
    );
    assert!(told.contains("\\xff") && told.contains("\\xfe"), "{told}");
    // A case of a data set is not left out in silence.
    let from = path.join("phantoms/volume-0.nii.gz");
    fs::copy(from, path.join("phantoms").join(named(b"\xff.nii.gz"))).unwrap();
    let output = hdbench(path, &["datasets", "check", "phantoms"]);
    text(&output, 3);
    assert!(String::from_utf8_lossy(&output.stderr).contains("its name is no UTF-8"));
}

#[test]
fn a_study_may_be_named_like_a_flag_and_not_like_no_text() {
    let dir = phantoms();
    let path = dir.path();
    let study = [
        "ablation",
        "--data",
        "phantoms",
        "--variant",
        "unet",
        "--set",
        "iterations=3",
        "--set",
        "coarse_iterations=3",
    ];
    let listed = hdbench(
        path,
        &[&study[..], &["--out=-listed", "--engine", "script"]].concat(),
    );
    let listed = text(&listed, 0);
    assert!(
        listed.contains("cell run './-listed' unet/fold_0/seed_0"),
        "{listed}"
    );
    text(&hdbench(path, &[&study[..], &["--out=-dash"]].concat()), 0);
    assert!(path.join("-dash/report/index.html").is_file());
    let output = Command::new(env!("CARGO_BIN_EXE_hdbench"))
        .args(study)
        .arg("--out")
        .arg(named(b"run\xff"))
        .current_dir(path)
        .output()
        .unwrap();
    text(&output, 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("run\\xff: the path is no UTF-8"));
    assert!(!path.join(named(b"run\xff")).exists(), "nothing has begun");
    // What another program gave such a name is shown all the same.
    fs::rename(path.join("-dash"), path.join(named(b"run\xff"))).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_hdbench"))
        .arg("status")
        .arg(named(b"run\xff"))
        .current_dir(path)
        .output()
        .unwrap();
    assert!(text(&status, 0).contains("run\\\\xff"));
}
