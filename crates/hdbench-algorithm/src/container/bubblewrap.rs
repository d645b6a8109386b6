//! The command line of bubblewrap.

use std::fs;
use std::path::Path;

use hdbench_ground::error::{Error, Result};

use super::contained::{Contained, text_of, words};

/// What is in the root folder is shown one by one, so that folders can be added beside it.
///
/// # Errors
/// `Error::Read` for a root folder that cannot be listed.
pub(crate) fn arguments(image: &str, what: &Contained<'_>) -> Result<Vec<String>> {
    let mut line = words(&[
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]);
    line.push("--clearenv".to_owned());
    let root = Path::new(image);
    let mut entries: Vec<_> = fs::read_dir(root)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .map_err(Error::read(root))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let hidden = |name: &str| {
        let own = what
            .mounts
            .iter()
            .any(|mount| mount.to.trim_start_matches('/') == name);
        own || ["proc", "dev", "sys", "tmp"].contains(&name)
    };
    for entry in entries {
        let from = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !hidden(name)) else {
            continue;
        };
        let to = format!("/{name}");
        match fs::read_link(&from) {
            Ok(target) => line.extend(words(&["--symlink", text_of(&target)?, &to])),
            Err(_) => line.extend(words(&["--ro-bind", text_of(&from)?, &to])),
        }
    }
    line.extend(words(&[
        "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm",
    ]));
    if !what.gpus.is_empty() {
        for device in nvidia_devices() {
            line.extend(words(&["--dev-bind", &device, &device]));
        }
    }
    for mount in what.mounts {
        let bind = if mount.writable {
            "--bind"
        } else {
            "--ro-bind"
        };
        line.extend(words(&[bind, text_of(&mount.from)?, mount.to]));
    }
    for (name, value) in what.env {
        line.extend(words(&["--setenv", name, value]));
    }
    line.extend(words(&["--chdir", "/tmp", "--"]));
    line.extend(what.command.iter().cloned());
    Ok(line)
}

fn nvidia_devices() -> Vec<String> {
    let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut devices: Vec<_> = names
        .filter(|name| name.starts_with("nvidia"))
        .map(|name| format!("/dev/{name}"))
        .collect();
    devices.sort();
    devices
}
