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

/// Whether the caller's variable of this name stays out of apptainer's sight: each of its flags can be given by one, so
/// that folders which a cluster's profile binds would be there too, and writable. What says where it keeps its files and
/// how it gets to a registry stays.
pub(crate) fn is_unset(name: &str) -> bool {
    const KEPT: [&str; 5] = [
        "CACHEDIR",
        "TMPDIR",
        "CONFIGDIR",
        "LOCALCACHEDIR",
        "DISABLE_CACHE",
    ];
    let own = ["APPTAINER", "SINGULARITY"]
        .iter()
        .find_map(|program| name.strip_prefix(program));
    match own.and_then(|rest| rest.split_once('_')) {
        Some(("", key)) => !KEPT.contains(&key) && !key.starts_with("DOCKER_"),
        // Variables of the container itself.
        Some(("ENV", _)) => true,
        _ => false,
    }
}
