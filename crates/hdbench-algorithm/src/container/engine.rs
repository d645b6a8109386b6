//! The command lines of docker and podman.

use hdbench_ground::error::{Error, Result};

use super::contained::{Contained, text_of, words};
use crate::table::runtime::Runtime;

/// Processes and threads of a container where the study's file says nothing.
const PROCESSES: u32 = 4096;

/// What `/dev/shm` may hold at most, in bytes: the engines' 64 MB end the data loaders of PyTorch.
const SHARED_MEMORY_BYTES: u64 = 8_000_000_000;

/// What follows the program's name. The image's own entry point is passed over, so that a command means the same
/// in every runtime.
pub(crate) fn arguments(
    runtime: Runtime,
    image: &str,
    what: &Contained<'_>,
) -> Result<Vec<String>> {
    let [user, group] = what.user;
    let mut line = words(&[
        "run",
        "--rm",
        "--name",
        what.name,
        "--pull",
        "never",
        "--network",
        "none",
    ]);
    line.extend(words(&[
        "--security-opt",
        "no-new-privileges",
        "--security-opt",
        "label=disable",
    ]));
    line.extend(words(&["--cap-drop", "ALL", "--read-only"]));
    line.extend(words(&["--user", &format!("{user}:{group}")]));
    if runtime == Runtime::Podman && user != 0 {
        // Without root, podman maps numbers of users; these are to stay what they are.
        line.extend(words(&["--userns", "keep-id"]));
    }
    line.extend(words(&[
        "--pids-limit",
        &what.processes.unwrap_or(PROCESSES).to_string(),
    ]));
    if let Some(bytes) = what.memory_bytes {
        // With the same bound for both there is no swap.
        let bytes = bytes.to_string();
        line.extend(words(&["--memory", &bytes, "--memory-swap", &bytes]));
    }
    let shared = SHARED_MEMORY_BYTES.min(what.memory_bytes.unwrap_or(u64::MAX));
    line.extend(words(&["--shm-size", &shared.to_string()]));
    for mount in what.mounts {
        let mut text = format!(
            "type=bind,{},target={}",
            field("source", text_of(&mount.from)?),
            mount.to
        );
        if !mount.writable {
            text += ",readonly";
        }
        line.extend(words(&["--mount", &text]));
    }
    if !what.gpus.is_empty() && runtime == Runtime::Docker {
        // Read as a line of CSV, in which the list is one value.
        line.extend(words(&[
            "--gpus",
            &format!("\"device={}\"", what.gpus.join(",")),
        ]));
    } else {
        for gpu in what.gpus {
            line.extend(words(&["--device", &format!("nvidia.com/gpu={gpu}")]));
        }
    }
    for (name, value) in what.env {
        line.extend(words(&["--env", &format!("{name}={value}")]));
    }
    let (program, arguments) = what.command.split_first().ok_or_else(empty)?;
    line.extend(words(&["--entrypoint", program, image]));
    line.extend(arguments.iter().cloned());
    Ok(line)
}

fn empty() -> Error {
    Error::Internal("a command without a program was to be run in a container".to_owned())
}

/// A value in the engines' list of values, which is read as a line of CSV.
fn field(key: &str, value: &str) -> String {
    match value.contains([',', '"']) {
        true => format!("\"{key}={}\"", value.replace('"', "\"\"")),
        false => format!("{key}={value}"),
    }
}
