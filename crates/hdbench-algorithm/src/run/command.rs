//! The command of a run with its values, on this machine or in its container.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::range::Fault;
use hdbench_ground::text::Shown as _;

use crate::container::contained::{Contained, Mount};
use crate::job::Job;
use crate::system::{TEMPORARY, user};
use crate::table::placeholder::{Placeholder, filled, pieces};
use crate::table::runtime::Runtime;

/// What OpenMP and libraries like it read.
const THREAD_VARIABLES: [&str; 5] = [
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
];

/// Which GPUs a program sees.
const VISIBLE_GPUS: &str = "CUDA_VISIBLE_DEVICES";

/// The folders of a run, from the root; none that it has no use for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folders {
    pub input: Option<PathBuf>,
    pub output: Option<PathBuf>,
    pub tmp: PathBuf,
    pub model: Option<PathBuf>,
    /// Whether the model is written, not read.
    pub trains: bool,
    pub data: Option<PathBuf>,
}

/// What is started, with which environment.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub env: Vec<(OsString, OsString)>,
    /// Which variables of this process it is not to see.
    pub is_unset: fn(&str) -> bool,
}

/// A command with its values. `allowed` are the placeholders that it may have, `case` what `{case}` is.
///
/// # Errors
/// `Error::Usage` for a command that [`crate::Algorithm::check`] would refuse, and for a folder that is no text.
pub(crate) fn resolved(
    job: &Job<'_>,
    command: &[String],
    allowed: &[Placeholder],
    folders: &Folders,
    case: Option<&str>,
    name: &str,
) -> Result<Resolved> {
    let values = values(job, folders, case)?;
    let fill = |text: &String| {
        let pieces = pieces("run", text, allowed).map_err(Fault::of_flag)?;
        Ok(filled(&pieces, &values))
    };
    let command = command.iter().map(fill).collect::<Result<Vec<String>>>()?;
    let env = environment(job, &values)?;
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| Error::Internal("an algorithm's command is empty".to_owned()))?;
    let Some(container) = job.container else {
        let mut env: Vec<(OsString, OsString)> = env
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        env.extend(TEMPORARY.map(|name| (name.into(), folders.tmp.clone().into())));
        return Ok(Resolved {
            program: program_path(program)?,
            arguments: arguments.to_vec(),
            env,
            is_unset: |_| false,
        });
    };
    let gpus: &[String] = if job.algorithm.gpus > 0 {
        job.gpus
    } else {
        &[]
    };
    let launch = container.launch(&Contained {
        command: &command,
        mounts: &mounts(folders),
        env: &env,
        gpus,
        memory_bytes: job.algorithm.memory.as_ref().map(|size| size.bytes()),
        processes: job.algorithm.processes,
        name,
        user: user()?,
    })?;
    let env = launch
        .env
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()));
    Ok(Resolved {
        program: launch.program,
        arguments: launch.arguments,
        env: env.collect(),
        is_unset: launch.is_unset,
    })
}

/// A program with a folder in its name is looked for from where hdbench was started, not from the run's own folder.
fn program_path(program: &str) -> Result<PathBuf> {
    match program.contains(std::path::is_separator) {
        true => std::path::absolute(program).map_err(Error::read(Path::new(program))),
        false => Ok(program.into()),
    }
}

/// What each placeholder stands for.
fn values<'a>(
    job: &'a Job<'_>,
    folders: &Folders,
    case: Option<&'a str>,
) -> Result<impl Fn(Placeholder) -> String + use<'a>> {
    let place = |folder: &Option<PathBuf>, inside: &str| -> Result<String> {
        match (folder, job.container) {
            (None, _) => Ok(String::new()),
            (Some(_), Some(_)) => Ok(inside.to_owned()),
            (Some(folder), None) => text_of(folder),
        }
    };
    let input = place(&folders.input, INPUT)?;
    let output = place(&folders.output, OUTPUT)?;
    let model = place(&folders.model, MODEL)?;
    let data = place(&folders.data, DATA)?;
    Ok(move |placeholder| match placeholder {
        Placeholder::Input => input.clone(),
        Placeholder::Output => output.clone(),
        Placeholder::Model => model.clone(),
        Placeholder::Data => data.clone(),
        Placeholder::Case => case.unwrap_or_default().to_owned(),
        Placeholder::Fold => job.fold.to_string(),
        Placeholder::Seed => job.seed.to_string(),
        Placeholder::Threads => job.threads.to_string(),
        Placeholder::Device => job.device.to_owned(),
    })
}

const INPUT: &str = "/input";
const OUTPUT: &str = "/output";
const MODEL: &str = "/model";
const DATA: &str = "/data";

fn mounts(folders: &Folders) -> Vec<Mount> {
    let mount = |folder: &Option<PathBuf>, to, writable| {
        folder.clone().map(|from| Mount { from, to, writable })
    };
    [
        mount(&folders.input, INPUT, false),
        mount(&folders.output, OUTPUT, true),
        mount(&Some(folders.tmp.clone()), "/tmp", true),
        mount(&folders.model, MODEL, folders.trains),
        mount(&folders.data, DATA, false),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The variables that are set; those of the study's file have the last word.
fn environment(
    job: &Job<'_>,
    values: &impl Fn(Placeholder) -> String,
) -> Result<BTreeMap<String, String>> {
    let threads = job.threads.to_string();
    let mut env: BTreeMap<String, String> = THREAD_VARIABLES
        .iter()
        .map(|&name| (name.to_owned(), threads.clone()))
        .collect();
    let runtime = job.container.map(|container| container.runtime);
    // Engines show a container its own GPUs alone, numbered anew.
    let has_own_numbers = matches!(runtime, Some(Runtime::Docker | Runtime::Podman));
    if job.algorithm.gpus == 0 {
        env.insert(VISIBLE_GPUS.to_owned(), String::new());
    } else if !job.gpus.is_empty() && !has_own_numbers {
        env.insert(VISIBLE_GPUS.to_owned(), job.gpus.join(","));
    }
    if runtime.is_some() {
        // The caller's user has no home there.
        env.extend(
            [("HOME", "/tmp"), ("TMPDIR", "/tmp")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
    }
    if runtime == Some(Runtime::Bubblewrap) {
        const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        env.insert("PATH".to_owned(), PATH.to_owned());
    }
    let allowed = job.algorithm.allowed_in_env();
    for (name, value) in &job.algorithm.env {
        let pieces = pieces("env", value, &allowed).map_err(Fault::of_flag)?;
        env.insert(name.clone(), filled(&pieces, values));
    }
    Ok(env)
}

fn text_of(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| {
        Error::usage(
            format!(
                "{}: its name is no text, which no argument can hold",
                path.shown()
            ),
            "move the study to a folder whose name is UTF-8",
        )
    })?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_the_output_the_scratch_and_a_model_that_is_trained() {
        let mut folders = Folders {
            input: Some("/s/input".into()),
            output: Some("/s/output".into()),
            tmp: "/s/tmp".into(),
            model: Some("/cell/model".into()),
            trains: false,
            data: Some("/cell/data".into()),
        };
        let writable = |folders: &Folders| {
            let mounts = mounts(folders).into_iter();
            let writable = mounts.filter(|mount| mount.writable);
            writable.map(|mount| mount.to).collect::<Vec<_>>()
        };
        assert_eq!(writable(&folders), ["/output", "/tmp"]);
        (folders.input, folders.output) = (None, None);
        folders.trains = true;
        assert_eq!(writable(&folders), ["/tmp", "/model"]);
    }
}
