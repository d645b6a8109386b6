use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How scripts for other machines call this program: by its name alone where that was how it was called and
/// the search path leads to the same file, so that a script outlives an update and says nothing of where the
/// program lies here; else by the absolute path it was called by, links in it kept; else by the file itself.
pub fn called(binary: PathBuf) -> PathBuf {
    let name = std::env::args_os().next().unwrap_or_default();
    let search = std::env::var_os("PATH").unwrap_or_default();
    called_as(&name, &search, binary)
}

fn called_as(name: &OsStr, search: &OsStr, binary: PathBuf) -> PathBuf {
    let real = binary.canonicalize().ok();
    let is_this = |path: &Path| real.is_some() && path.canonicalize().ok() == real;
    let called = PathBuf::from(name);
    let is_bare = called.components().count() == 1 && called.file_name() == Some(name);
    if is_bare {
        let mut places = std::env::split_paths(search).map(|folder| folder.join(&called));
        let first = places.find(|path| path.is_file());
        return match first.is_some_and(|path| is_this(&path)) {
            true => called,
            false => binary,
        };
    }
    match std::path::absolute(&called) {
        Ok(path) if is_this(&path) => path,
        _ => binary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_call_the_program_as_it_was_called() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["build", "bin", "other"] {
            std::fs::create_dir(at(folder)).unwrap();
        }
        let binary = at("build/hdbench");
        std::fs::write(&binary, "").unwrap();
        std::fs::write(at("other/hdbench"), "").unwrap();
        std::os::unix::fs::symlink(&binary, at("bin/hdbench")).unwrap();
        let called = |name: &Path, search: &[&str]| {
            let search = std::env::join_paths(search.iter().map(|folder| at(folder))).unwrap();
            called_as(name.as_os_str(), &search, binary.clone())
        };
        let name = Path::new("hdbench");
        assert_eq!(called(name, &["bin"]), name);
        assert_eq!(called(name, &["other", "bin"]), binary, "another one");
        assert_eq!(called(name, &[]), binary);
        assert_eq!(called(&at("bin/hdbench"), &[]), at("bin/hdbench"));
        assert_eq!(called(&at("other/hdbench"), &[]), binary);
    }
}
