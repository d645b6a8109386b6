//! A few small cases, and a cell that takes what it is told of.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use hdbench_algorithm::{
    Algorithm, CaseInput, Container, Job, Output, Ran, Taken, Watch, run, take,
};
use hdbench_ground::error::Result;
use hdbench_volume::{Geometry, Volume, write_hu, write_labels};
use ndarray::Array3;
use tempfile::TempDir;

/// The grid of every case, `[z, y, x]`.
pub const SHAPE: [usize; 3] = [4, 5, 6];

pub fn geometry() -> Geometry {
    Geometry::axis_aligned(SHAPE, [2.0, 0.75, 0.75])
}

/// A CT whose voxels count upwards.
pub fn ct() -> Volume<f32> {
    let voxels = Array3::from_shape_fn(SHAPE, |(z, y, x)| (z * 30 + y * 6 + x) as f32);
    Volume {
        voxels,
        geometry: geometry(),
    }
}

/// Some liver, some lesion.
pub fn labels() -> Volume<u8> {
    let voxels = Array3::from_shape_fn(SHAPE, |(z, y, x)| match (z, y, x) {
        (1..=2, 1..=3, 1..=4) if (y, x) == (2, 2) => 2,
        (1..=2, 1..=3, 1..=4) => 1,
        _ => 0,
    });
    Volume {
        voxels,
        geometry: geometry(),
    }
}

pub struct World {
    pub dir: TempDir,
    pub cases: Vec<CaseInput>,
}

impl World {
    /// Cases in one folder, and a sound prediction as `answer.nii.gz`.
    pub fn of(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cases = names.iter().map(|name| {
            let image = dir.path().join(format!("data/{name}.nii.gz"));
            write_hu(&image, &ct()).unwrap();
            CaseInput {
                name: (*name).to_owned(),
                image,
            }
        });
        let cases = cases.collect();
        write_labels(&dir.path().join("answer.nii.gz"), &labels()).unwrap();
        Self { dir, cases }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A program in the language of the shell.
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        let [file, text] = [name.to_owned(), format!("{name}.txt")].map(|name| self.path(&name));
        fs::write(&text, format!("#!/bin/sh\n{script}")).unwrap();
        // Another test that starts a program meanwhile would hold a file that is written here, which cannot be run then.
        let copied = Command::new("cp").args([&text, &file]).status().unwrap();
        assert!(copied.success());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// `run = ["sh", "-c", SCRIPT, "sh", ANSWER, INPUT, OUTPUT, CASE]`: `$1` to `$4` of the script. Further keys below.
    pub fn script(&self, script: &str, keys: &str) -> Algorithm {
        let answer = self.path("answer.nii.gz");
        let script = script.replace('{', "{{").replace('}', "}}");
        let case = if keys.contains("per = \"case\"") {
            ", \"{case}\""
        } else {
            ""
        };
        let text = format!(
            "run = [\"sh\", \"-c\", '''{script}''', \"sh\", {:?}, \"{{input}}\", \"{{output}}\"{case}]\n{keys}",
            answer.to_str().unwrap()
        );
        let algorithm = Algorithm::of_table("theirs", &text.parse().unwrap()).unwrap();
        algorithm.check("theirs", &[]).unwrap();
        algorithm
    }

    pub fn job<'a>(&'a self, algorithm: &'a Algorithm, paths: &'a [PathBuf; 2]) -> Job<'a> {
        Job {
            id: "theirs",
            algorithm,
            container: None,
            cases: &self.cases,
            scratch: &paths[0],
            log: &paths[1],
            model: None,
            fold: 1,
            seed: 7,
            threads: 2,
            device: "cpu",
            gpus: &[],
        }
    }

    pub fn paths(&self) -> [PathBuf; 2] {
        ["scratch", "cell/algorithm.log"].map(|name| self.path(name))
    }

    /// Runs it on all cases; the log too.
    pub fn run(&self, algorithm: &Algorithm) -> (Ran, Cell, String) {
        self.run_in(algorithm, None)
    }

    pub fn run_in(
        &self,
        algorithm: &Algorithm,
        container: Option<&Container>,
    ) -> (Ran, Cell, String) {
        let paths = self.paths();
        let cell = Cell::of(algorithm);
        let job = Job {
            container,
            ..self.job(algorithm, &paths)
        };
        let ran = run(&job, &cell).unwrap();
        assert!(!paths[0].exists(), "the scratch folder stays");
        let log = fs::read(&paths[1]).unwrap();
        (ran, cell, String::from_utf8_lossy(&log).into_owned())
    }
}

/// Case, whether its output was early, and what was taken or why not.
pub type Told = (String, bool, Result<Taken, String>);

/// Takes over every output that can be taken.
pub struct Cell {
    algorithm: Algorithm,
    pub stop: AtomicBool,
    pub outputs: Mutex<Vec<Told>>,
    pub notes: Mutex<Vec<String>>,
}

impl Cell {
    pub fn of(algorithm: &Algorithm) -> Self {
        Self {
            algorithm: algorithm.clone(),
            stop: AtomicBool::new(false),
            outputs: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// The cases that were taken, in the order of telling.
    pub fn taken(&self) -> Vec<String> {
        let outputs = self.outputs.lock().unwrap();
        let taken = outputs.iter().filter(|(_, _, taken)| taken.is_ok());
        taken.map(|(case, _, _)| case.clone()).collect()
    }

    /// Why an output was not taken.
    pub fn refusal(&self) -> String {
        let outputs = self.outputs.lock().unwrap();
        outputs
            .iter()
            .find_map(|(_, _, taken)| taken.clone().err())
            .unwrap()
    }
}

impl Watch for Cell {
    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn note(&self, line: &str) {
        self.notes.lock().unwrap().push(line.to_owned());
    }

    fn output(&self, output: &Output<'_>) -> Result<bool> {
        let taken = take(output.path, output.image, &self.algorithm).map_err(|e| e.to_string());
        let is_taken = taken.is_ok();
        let told = (output.case.to_owned(), output.early, taken);
        self.outputs.lock().unwrap().push(told);
        Ok(is_taken)
    }
}
