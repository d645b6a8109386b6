//! The command line of apptainer.

use std::collections::BTreeMap;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;

use super::contained::{Contained, text_of, words};

/// What follows the program's name, and variables of its own environment.
///
/// # Errors
/// `Error::Usage` for a folder whose name it cannot be given.
pub(crate) fn arguments(
    image: &str,
    what: &Contained<'_>,
) -> Result<(Vec<String>, BTreeMap<String, String>)> {
    let mut line = words(&[
        "exec",
        "--containall",
        "--cleanenv",
        "--no-home",
        "--no-privs",
    ]);
    line.extend(words(&[
        "--drop-caps",
        "ALL",
        "--net",
        "--network",
        "none",
        "--pwd",
        "/tmp",
    ]));
    if !what.gpus.is_empty() {
        line.push("--nv".to_owned());
    }
    if let Some(bytes) = what.memory_bytes {
        line.extend(words(&["--memory", &bytes.to_string()]));
    }
    if let Some(processes) = what.processes {
        line.extend(words(&["--pids-limit", &processes.to_string()]));
    }
    for mount in what.mounts {
        let from = text_of(&mount.from)?;
        if from.contains([':', ',']) {
            return Err(Error::usage(
                format!(
                    "{}: apptainer takes no folder with : or , in its path",
                    mount.from.shown()
                ),
                "move the study to another folder, or take another runtime",
            ));
        }
        let access = if mount.writable { "rw" } else { "ro" };
        line.extend(words(&["--bind", &format!("{from}:{}:{access}", mount.to)]));
    }
    line.push(image.to_owned());
    line.extend(what.command.iter().cloned());
    // Its flag for variables splits values at commas.
    let env = what
        .env
        .iter()
        .map(|(name, value)| (format!("APPTAINERENV_{name}"), value.clone()));
    Ok((line, env.collect()))
}
