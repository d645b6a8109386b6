use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;

use super::system;

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// Where the bytes of an output go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A file that is put in place whole: the path with its links followed, and the permissions of
    /// what lies there now.
    File(PathBuf, Option<u32>),
    /// A device, a pipe or an open descriptor (`/dev/stdout`), which takes the bytes themselves.
    Stream(PathBuf),
}

impl Target {
    /// What a path that something is to be written to stands for. Links stay: what they lead to, there
    /// or not, is what is written.
    ///
    /// # Errors
    /// `Error::Usage` for a folder, a socket or a disk; `Error::Write`.
    pub fn of(path: &Path) -> Result<Self> {
        let refuse = |what: &str| {
            Err(Error::usage(
                format!("{}: is {what}; a file was to be written here", path.shown()),
                "give another name, or move it away",
            ))
        };
        let mut at = path.to_path_buf();
        for _ in 0..MOST_LINKS {
            let found = match fs::symlink_metadata(&at) {
                Ok(found) => found,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::File(at, None)),
                Err(e) => return Err(Error::write(path)(e)),
            };
            let kind = found.file_type();
            if kind.is_symlink() {
                if is_descriptor(&at) {
                    return Ok(Self::Stream(at));
                }
                let to = fs::read_link(&at).map_err(Error::write(path))?;
                at = parent_of(&at).join(to);
                continue;
            }
            return match kind {
                kind if kind.is_file() => Ok(Self::File(at, Some(system::mode_of(&found)))),
                kind if kind.is_dir() => refuse("a folder"),
                kind if system::is_stream(kind) => Ok(Self::Stream(at)),
                kind => refuse(system::no_file(kind).unwrap_or("no file")),
            };
        }
        Err(Error::write(path)(system::links_in_a_circle()))
    }
}

/// The folder that holds a path.
pub(super) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether a link stands for a descriptor that is open already: one of `/proc/self/fd`, which
/// `/dev/stdout` and a shell's `>(...)` lead to.
fn is_descriptor(link: &Path) -> bool {
    parent_of(link)
        .canonicalize()
        .is_ok_and(|folder| folder.starts_with("/proc") && folder.ends_with("fd"))
}

/// Whether a path names the standard output that is open now, as `/dev/stdout` does.
pub fn is_standard_output(path: &Path) -> bool {
    match Target::of(path) {
        Ok(Target::Stream(at)) => system::leads_to_standard_output(&at),
        _ => false,
    }
}

/// Whether a path names a device, a pipe or an open descriptor, which take bytes and hold no file.
pub fn is_stream(path: &Path) -> bool {
    matches!(Target::of(path), Ok(Target::Stream(_)))
}

/// Opens a device, pipe or descriptor for writing; `path` is its name for messages.
pub(super) fn open_stream(stream: &Path, path: &Path) -> Result<Box<dyn Write + Send>> {
    if is_standard_output(stream) {
        // Its own position moves on, so that what is printed afterwards comes afterwards.
        return Ok(Box::new(io::stdout()));
    }
    let file = system::open_stream(stream).map_err(Error::write(path))?;
    Ok(Box::new(BufWriter::new(file)))
}

/// Refuses an output that is one of the inputs, under whatever name: the same file by its path, by a
/// link or by a second name on the disk.
///
/// # Errors
/// `Error::Usage`.
pub fn refuse_input<'a>(output: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    let Ok(found) = fs::metadata(output) else {
        return Ok(());
    };
    for input in inputs {
        let same = system::is_same_file(input, output);
        if same && (found.is_file() || found.is_dir()) {
            return Err(Error::usage(
                format!(
                    "{}: is an input ({}); it would be replaced",
                    output.shown(),
                    input.shown()
                ),
                "give the output another name",
            ));
        }
    }
    Ok(())
}

/// Refuses an output inside of a folder that is an input as a whole.
///
/// # Errors
/// `Error::Usage`.
pub fn refuse_output_inside(output: &Path, input: &Path) -> Result<()> {
    let (Ok(folder), Ok(input)) = (parent_of(output).canonicalize(), input.canonicalize()) else {
        return Ok(());
    };
    if folder.starts_with(&input) && !is_stream(output) {
        return Err(Error::usage(
            format!("{}: lies in the input ({})", output.shown(), input.shown()),
            "write it to a folder outside",
        ));
    }
    Ok(())
}

/// Refuses a folder that is replaced as a whole while an input lies in it.
///
/// # Errors
/// `Error::Usage`.
pub fn refuse_input_inside<'a>(
    folder: &Path,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<()> {
    let Ok(real) = folder.canonicalize() else {
        return Ok(());
    };
    for input in inputs {
        if input
            .canonicalize()
            .is_ok_and(|input| input.starts_with(&real))
        {
            return Err(Error::usage(
                format!(
                    "{}: holds an input ({}); the folder would be replaced",
                    folder.shown(),
                    input.shown()
                ),
                "give the output a folder of its own",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_what_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), b"x").unwrap();
        symlink("file", at("link")).unwrap();
        symlink("link", at("second")).unwrap();
        symlink("nothing yet", at("dangling")).unwrap();
        symlink("round", at("round")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink("folder", at("folder link")).unwrap();
        for name in ["file", "link", "second"] {
            let found = Target::of(&at(name)).unwrap();
            assert!(
                matches!(&found, Target::File(path, Some(_)) if *path == at("file")),
                "{found:?}"
            );
        }
        assert_eq!(
            Target::of(&at("dangling")).unwrap(),
            Target::File(at("nothing yet"), None)
        );
        assert!(Target::of(&at("round")).is_err());
        for name in ["folder", "folder link"] {
            let refused = Target::of(&at(name)).unwrap_err().to_string();
            assert!(refused.contains("is a folder"), "{refused}");
        }
        assert_eq!(
            Target::of(Path::new("/dev/null")).unwrap(),
            Target::Stream("/dev/null".into())
        );
    }

    #[test]
    fn an_output_that_is_an_input_under_another_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("ct"), b"x").unwrap();
        fs::write(at("other"), b"x").unwrap();
        symlink("ct", at("link")).unwrap();
        fs::hard_link(at("ct"), at("second name")).unwrap();
        for name in ["ct", "link", "second name"] {
            let refused = refuse_input(&at(name), [at("other").as_path(), &at("ct")]).unwrap_err();
            assert!(refused.to_string().contains("is an input"), "{refused}");
        }
        refuse_input(&at("other"), [at("ct").as_path()]).unwrap();
        refuse_input(&at("new"), [at("ct").as_path()]).unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink("../ct", at("folder/link")).unwrap();
        fs::write(at("folder/ct"), b"x").unwrap();
        assert!(refuse_input_inside(&at("folder"), [at("folder/ct").as_path()]).is_err());
        refuse_input_inside(&at("folder"), [at("folder/link").as_path()]).unwrap();
    }
}
