//! Tells the binary which commit it was built from.

use std::path::Path;
use std::process::Command;

/// What the binary is made of.
const SOURCES: [&str; 5] = ["src", "datasets", "build.rs", "Cargo.toml", "Cargo.lock"];

fn main() {
    find_libtorch();
    // Every commit and checkout is logged. The index is not watched: `git status` rewrites it, and
    // nobody wants a build after that.
    let watched = SOURCES.into_iter().chain([".git/HEAD", ".git/logs/HEAD"]);
    for path in watched.filter(|path| Path::new(path).exists()) {
        println!("cargo:rerun-if-changed={path}");
    }
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        let output = command.arg("--no-optional-locks").args(arguments);
        let output = output.output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_default();
    // What makes a dirty build another than the next one, in a few letters.
    let changes = git(&[&["diff", "HEAD", "--"][..], &SOURCES].concat())
        .filter(|diff| !diff.is_empty())
        .and_then(|diff| hash(&diff));
    println!(
        "cargo:rustc-env=HDBENCH_CHANGES={}",
        changes.unwrap_or_default()
    );
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let dirty = git(&[&status[..], &SOURCES].concat()).is_some_and(|changes| !changes.is_empty());
    let mark = if dirty { "-dirty" } else { "" };
    println!("cargo:rustc-env=HDBENCH_COMMIT={commit}{mark}");
}

/// Git's own hash of a text.
fn hash(text: &str) -> Option<String> {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = Command::new("git")
        .args(["hash-object", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(text.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    let hash = String::from_utf8(output.stdout).ok()?;
    Some(hash.trim().chars().take(12).collect())
}

/// Writes LibTorch's folder into the binaries, so that they start without LD_LIBRARY_PATH.
fn find_libtorch() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if std::env::var_os("CARGO_FEATURE_TCH").is_none() {
        return;
    }
    let Some(libtorch) = std::env::var_os("LIBTORCH") else {
        return;
    };
    let libtorch = Path::new(&libtorch);
    // It may come, or be replaced, after a build that failed for want of it.
    println!(
        "cargo:rerun-if-changed={}",
        libtorch.join("build-version").display()
    );
    if let Ok(folder) = libtorch.join("lib").canonicalize() {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}
