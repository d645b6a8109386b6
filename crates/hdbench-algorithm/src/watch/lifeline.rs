//! What ends an algorithm whose harness was killed.

use std::io::{PipeWriter, Write as _, pipe};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::system::{SHELL, in_own_group};

/// Waits for a line. Where its input ends without one, which it does with the harness, it kills the group that its first
/// argument numbers, and becomes the command that the others are, if there are any.
const SCRIPT: &str = r#"read -r _ || { kill -KILL "-$1"; shift; [ $# -eq 0 ] || exec "$@"; }"#;

/// A shell in a group of its own that outlives a harness which is killed with its group.
///
/// The system's own way, `PR_SET_PDEATHSIG`, has to be asked for between fork and exec, which is unsafe in Rust, is
/// known on Linux alone, and reaches neither the program's children nor a container of an engine.
pub(crate) struct Lifeline {
    shell: Child,
    line: PipeWriter,
}

impl Lifeline {
    /// Ties a group of processes, and what removes its container, to the life of this process. None where the system
    /// starts no shell: the next start in the same folder ends them then, or, on Windows, is refused that folder by the
    /// system while they are there.
    pub fn tie(group: u32, removal: Option<(&Path, Vec<String>)>) -> Option<Self> {
        let mut command = Command::new(SHELL?);
        let (reader, line) = pipe().ok()?;
        command.args(["-c", SCRIPT, "sh", &group.to_string()]);
        if let Some((program, arguments)) = removal {
            command.arg(program).args(arguments);
        }
        command
            .current_dir("/")
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let shell = in_own_group(&mut command).spawn().ok()?;
        Some(Self { shell, line })
    }

    /// Lets the shell go: the group has ended. Dropped without this, it kills.
    pub fn release(mut self) {
        // One that is gone already is taken note of all the same.
        let _ = self.line.write_all(b"\n");
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::time::{Duration, Instant};

    use super::*;

    /// A group of two processes that sleep, and the lifeline that would make a file too.
    fn tied(file: &Path) -> (Child, Lifeline) {
        let group = Command::new("sh")
            .args(["-c", "sleep 64.5 & sleep 64.5"])
            .process_group(0)
            .spawn()
            .unwrap();
        let removal = (Path::new("touch"), vec![file.display().to_string()]);
        let lifeline = Lifeline::tie(group.id(), Some(removal)).unwrap();
        (group, lifeline)
    }

    #[test]
    fn a_group_whose_harness_is_gone_is_killed_and_its_container_removed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("removed");
        let (mut group, lifeline) = tied(&file);
        let Lifeline { mut shell, line } = lifeline;
        drop(line);
        assert_eq!(group.wait().unwrap().signal(), Some(9));
        assert!(shell.wait().unwrap().success());
        assert!(file.exists());
    }

    #[test]
    fn one_that_is_let_go_does_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("removed");
        let (mut group, lifeline) = tied(&file);
        let begun = Instant::now();
        lifeline.release();
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert_eq!(group.try_wait().unwrap(), None);
        assert!(!file.exists());
        Lifeline::tie(group.id(), None).map(drop).unwrap();
        assert_eq!(group.wait().unwrap().signal(), Some(9));
    }
}
