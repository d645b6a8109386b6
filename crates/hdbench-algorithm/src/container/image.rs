//! What runs an image, and which image that is.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{Shown as _, message, shown};
use hdbench_volume::artifact::hash_file;

use super::probe::{PATIENCE, probe};
use crate::system;
use crate::table::algorithm::Algorithm;
use crate::table::runtime::Runtime;

/// A runtime that is there, and the image it is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Which runtime.
    pub runtime: Runtime,
    /// Its program.
    pub program: PathBuf,
    /// The image as the study's file names it.
    pub image: String,
    /// What the image holds: `sha256:...` of docker and podman, `blake3:...` of a file. None for a folder and for an
    /// image that apptainer fetches, which may change unseen.
    pub digest: Option<String>,
}

impl Container {
    /// Looks for what runs an algorithm's image, and for the image. None for an algorithm without one.
    ///
    /// # Errors
    /// `Error::Usage` where no runtime is found, where none answers, with what each said, where the image is not there: nothing
    /// is fetched; and on Windows.
    pub fn find(algorithm: &Algorithm) -> Result<Option<Self>> {
        let Some(image) = &algorithm.image else {
            return Ok(None);
        };
        // Where no container can be started, nothing is looked for.
        system::user()?;
        let (runtime, program) = found(
            algorithm.runtime,
            &std::env::var_os("PATH").unwrap_or_default(),
        )?;
        let digest = digest(runtime, &program, image)?;
        Ok(Some(Self {
            runtime,
            program,
            image: image.clone(),
            digest,
        }))
    }
}

/// The runtime asked for, else the first of the usual ones; one that is there and does not answer is passed over.
fn found(asked: Option<Runtime>, path: &OsStr) -> Result<(Runtime, PathBuf)> {
    let candidates = match asked {
        Some(runtime) => vec![runtime],
        None => Runtime::USUAL.to_vec(),
    };
    let mut silent = Vec::new();
    let mut absent = Vec::new();
    for runtime in candidates {
        let name = runtime.program();
        let Some(program) = on_path(name, path) else {
            absent.push(name);
            continue;
        };
        match probe(runtime, &program, PATIENCE) {
            Ok(()) => return Ok((runtime, program)),
            Err(said) => silent.push(format!("\n  {}: {said}", program.shown())),
        }
    }
    let absent = absent.join(", ");
    if silent.is_empty() {
        return Err(Error::usage(
            format!("no {absent} is on PATH, and an image is to be run"),
            "install one of docker, podman, apptainer and bubblewrap, and name it with runtime, or run the algorithm \
             without an image",
        ));
    }
    let mut problem = format!(
        "nothing that runs an image answers, and one is to be run{}",
        silent.concat()
    );
    if !absent.is_empty() {
        problem += &format!("\n  no {absent} is on PATH");
    }
    Err(Error::usage(
        problem,
        "start the engine, or name another of docker, podman, apptainer and bubblewrap with runtime",
    ))
}

/// The first program of a name on a search path that may be executed.
pub(crate) fn on_path(program: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join(format!("{program}{EXE_SUFFIX}")))
        .find(|file| fs::metadata(file).is_ok_and(|at| at.is_file() && system::is_executable(&at)))
}

fn digest(runtime: Runtime, program: &Path, image: &str) -> Result<Option<String>> {
    match runtime {
        Runtime::Docker | Runtime::Podman => inspected(runtime, program, image).map(Some),
        Runtime::Apptainer if Path::new(image).is_file() => {
            Ok(Some(format!("blake3:{}", hash_file(Path::new(image))?)))
        }
        // A name with a scheme is fetched by apptainer itself.
        Runtime::Apptainer if image.contains("://") || Path::new(image).is_dir() => Ok(None),
        Runtime::Apptainer => Err(Error::usage(
            format!("there is no image {}", shown(image)),
            "name a .sif file, or an image with its scheme, such as docker://registry/team:1",
        )),
        Runtime::Bubblewrap if Path::new(image).is_dir() => Ok(None),
        Runtime::Bubblewrap => Err(Error::usage(
            format!(
                "{} is no folder, and bubblewrap runs an unpacked root folder",
                shown(image)
            ),
            "unpack the image's root into a folder, such as with `docker export`, and name that",
        )),
    }
}

/// What the engine says about an image that it has.
fn inspected(runtime: Runtime, program: &Path, image: &str) -> Result<String> {
    const FORMAT: &str = "{{.Id}} {{range .RepoDigests}}{{.}} {{end}}";
    let answer = Command::new(program)
        .args(["image", "inspect", "--format", FORMAT, "--", image])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| {
            Error::usage(
                format!("{}: cannot be started: {e}", program.shown()),
                "name another with runtime",
            )
        })?;
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        return Err(Error::usage(
            format!(
                "{} has no image {}: {}",
                runtime.program(),
                shown(image),
                message(said.trim())
            ),
            format!(
                "fetch it first with `{} pull`: nothing is fetched while a study runs; where another engine has it, \
                 name that with runtime",
                runtime.program()
            ),
        ));
    }
    // The digest of a registry is the same on every machine; an image that was built here has its ID alone.
    let said = String::from_utf8_lossy(&answer.stdout);
    let mut words = said.split_whitespace();
    let id = words.next().unwrap_or_default();
    let of_registry = words
        .filter_map(|word| word.split_once('@'))
        .map(|(_, digest)| digest)
        .min();
    let digest = of_registry.unwrap_or(id);
    // Podman leaves the scheme out.
    Ok(match digest.contains(':') {
        true => digest.to_owned(),
        false => format!("sha256:{digest}"),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn fake(folder: &Path, name: &str, script: &str) {
        let [file, text] = [name.to_owned(), format!("{name}.txt")].map(|name| folder.join(name));
        fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
        // Another test that starts a program meanwhile would hold a file that is written here, which cannot be run then.
        let copied = Command::new("cp").args([&text, &file]).status().unwrap();
        assert!(copied.success());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_first_of_the_usual_runtimes_is_taken_unless_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().as_os_str();
        let error = found(None, path).unwrap_err().to_string();
        assert!(
            error.starts_with("no docker, podman, apptainer is on PATH"),
            "{error}"
        );
        for name in ["apptainer", "podman", "bwrap"] {
            fake(dir.path(), name, "");
        }
        fs::write(dir.path().join("docker"), "not executable").unwrap();
        assert_eq!(found(None, path).unwrap().0, Runtime::Podman);
        assert_eq!(
            found(Some(Runtime::Apptainer), path).unwrap().0,
            Runtime::Apptainer
        );
        assert_eq!(
            found(Some(Runtime::Bubblewrap), path).unwrap().1,
            dir.path().join("bwrap")
        );
        assert!(found(Some(Runtime::Docker), path).is_err());
    }

    #[test]
    fn a_runtime_that_does_not_answer_is_passed_over_and_told() {
        const DOWN: &str = "test $1 = info || exit 0
            echo Client: >&1; echo 'WARNING: old' >&2; echo 'Cannot connect to the Docker daemon' >&2; exit 1";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().as_os_str();
        fake(dir.path(), "docker", DOWN);
        let at = dir.path().display();
        let down = format!("\n  {at}/docker: Cannot connect to the Docker daemon\n");
        let error = found(None, path).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "nothing that runs an image answers, and one is to be run{down}  no podman, apptainer is on PATH\nhint: \
                 start the engine, or name another of docker, podman, apptainer and bubblewrap with runtime"
            )
        );
        fake(dir.path(), "podman", "exit 2");
        let error = found(None, path).unwrap_err().to_string();
        let podman = format!("{down}  {at}/podman: `info` failed and said nothing\n  no apptainer");
        assert!(error.contains(&podman), "{error}");
        fake(dir.path(), "apptainer", "");
        assert_eq!(found(None, path).unwrap().0, Runtime::Apptainer);
        fake(dir.path(), "podman", "");
        assert_eq!(found(None, path).unwrap().0, Runtime::Podman);
        // One that is named is not replaced by another.
        let error = found(Some(Runtime::Docker), path).unwrap_err().to_string();
        assert!(error.contains(down.trim_end()), "{error}");
    }

    #[test]
    fn a_client_that_waits_for_its_engine_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        fake(dir.path(), "docker", "sleep 66.5 & sleep 66.5");
        let begun = std::time::Instant::now();
        let patience = std::time::Duration::from_millis(300);
        let said = probe(Runtime::Docker, &dir.path().join("docker"), patience);
        assert_eq!(said, Err("`info` did not end within 0.3 s".to_owned()));
        assert!(begun.elapsed().as_secs() < 5);
        // One that says much is not held up by nobody reading it.
        fake(
            dir.path(),
            "docker",
            "yes error | head -c 5000000 >&2; exit 1",
        );
        let said = probe(Runtime::Docker, &dir.path().join("docker"), PATIENCE);
        assert_eq!(said, Err("error".to_owned()));
    }

    #[test]
    fn an_images_digest_is_the_registrys_or_its_id() {
        let dir = tempfile::tempdir().unwrap();
        let ask = |script: &str| {
            fake(dir.path(), "docker", script);
            inspected(
                Runtime::Docker,
                &dir.path().join("docker"),
                "registry/team:1",
            )
        };
        assert_eq!(
            ask("echo sha256:aa registry/team@sha256:bb").unwrap(),
            "sha256:bb"
        );
        assert_eq!(ask("echo sha256:aa").unwrap(), "sha256:aa");
        assert_eq!(ask("echo aa").unwrap(), "sha256:aa");
        let error = ask("echo 'No such image' >&2; exit 1")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("docker has no image registry/team:1: No such image\nhint: "),
            "{error}"
        );
        assert!(error.contains("`docker pull`"), "{error}");
    }
}
