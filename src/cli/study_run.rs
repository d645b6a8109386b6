use std::path::{Path, PathBuf};

use super::progress::Reporter;
use super::report::render;
use super::study_options::StudyOptions;
use crate::dataset::phantom;
use crate::error::{Error, Result};
use crate::harness::{Data, Inputs, Local, Outcome, Phantoms, Role, Study, run_study};
use crate::progress::Progress;
use crate::report::Content;

/// Warnings shown before the work begins; the report has all.
const SHOWN_WARNINGS: usize = 5;

/// A study that ran to its end.
pub struct Finished {
    pub content: Content,
    pub page: PathBuf,
    pub outcome: Outcome,
}

/// The study that a folder holds, if it holds one; an unreadable one does not matter where it is
/// going to be replaced.
pub fn existing(run: &Path, options: &StudyOptions) -> Result<Option<Study>> {
    if !Study::path(run).exists() {
        return Ok(None);
    }
    match Study::read(run) {
        Err(_) if options.restart => Ok(None),
        read => read.map(Some),
    }
}

/// Writes a study into its folder, does what is not done yet, and writes the report.
pub fn execute(
    run: &Path,
    study: &Study,
    options: &StudyOptions,
    reporter: &Reporter,
) -> Result<Finished> {
    study.device()?;
    let study = study.write(run, options.restart)?;
    let inputs = Inputs::prepare(run, &study, reporter)?;
    for warning in inputs.warnings.iter().take(SHOWN_WARNINGS) {
        reporter.note(&format!("warning: {warning}"));
    }
    if inputs.warnings.len() > SHOWN_WARNINGS {
        reporter.note(&format!(
            "and {} more warnings about the data; the report has them all",
            inputs.warnings.len() - SHOWN_WARNINGS
        ));
    }
    for fold in &inputs.folds {
        let what = match fold.role {
            Role::Own => "",
            Role::Transfer => "transfer: ",
            Role::Leaked => "transfer, LEAKED for comparison: ",
        };
        reporter.note(&format!(
            "{what}{} training and {} test cases: {}",
            fold.train.len(),
            fold.test.len(),
            fold.split.description
        ));
    }
    let engine = Local {
        binary: std::env::current_exe().map_err(Error::read(Path::new("hdbench")))?,
        jobs: options.jobs(study.threads)?,
    };
    let outcome = run_study(run, &study, &inputs, &engine, reporter)?;
    let (content, page) = render(run, &study, &inputs, reporter)?;
    Ok(Finished {
        content,
        page,
        outcome,
    })
}

/// Hands an interruption on with the way to go on.
pub fn interrupted_in(run: &Path, result: Result<()>) -> Result<()> {
    match result {
        Err(Error::Interrupted { .. }) => Err(Error::Interrupted {
            hint: format!(
                "the same command goes on from here; the study is in {}",
                run.display()
            ),
        }),
        other => other,
    }
}

/// A folder of the user's, as a study keeps it.
pub fn given(folder: &Path, expected: &str) -> Result<Data> {
    if !folder.exists() {
        return Err(Error::malformed(folder, "no such folder", expected));
    }
    Ok(Data {
        folder: std::path::absolute(folder).map_err(Error::read(folder))?,
        phantoms: None,
    })
}

/// Phantoms of a study's own, to be generated in this folder.
pub fn own_phantoms(folder: &Path, phantoms: Phantoms) -> Result<Data> {
    Ok(Data {
        folder: std::path::absolute(folder).map_err(Error::read(folder))?,
        phantoms: Some(phantoms),
    })
}

/// Generates a set of phantoms, unless it is there.
pub fn generate(folder: &Path, spec: &phantom::Spec, reporter: &Reporter) -> Result<()> {
    if phantom::is_complete(folder, spec)? {
        return Ok(());
    }
    let what = match spec.kind {
        phantom::Kind::Lits => format!("{} CT phantoms", spec.cases),
        phantom::Kind::LitsWithIrcadb => format!(
            "{} CT phantoms, 20 of them the same scans in LiTS layout,",
            spec.cases
        ),
        phantom::Kind::Ircadb => format!("{} CT phantoms as DICOM series", spec.cases),
    };
    reporter.note(&format!("generating {what} in {}", folder.display()));
    reporter.stage("", "generating phantoms");
    phantom::write(spec, folder, reporter)?;
    Ok(())
}
