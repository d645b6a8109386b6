//! The commit that a binary was built from.
//!
//! A macro and no build script: a build script belongs to the whole package, so that every commit would build
//! the library and all of its tests again. What expands this macro is compiled again after a commit, nothing else.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use proc_macro::TokenStream;

/// What the binary is made of, from the workspace's root.
const SOURCES: [&str; 6] = [
    "src",
    "crates",
    "datasets",
    "build.rs",
    "Cargo.toml",
    "Cargo.lock",
];

/// `(commit, changes)`, both `&'static str`: twelve letters of the commit, `-dirty` behind them where the sources had
/// uncommitted changes, and a hash of those changes. Both are empty for a build outside git.
#[proc_macro]
pub fn commit(_: TokenStream) -> TokenStream {
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_default();
    // What makes a dirty build another than the next one, in a few letters.
    let changes = git(&[&["diff", "HEAD", "--"][..], &SOURCES].concat())
        .filter(|diff| !diff.is_empty())
        .and_then(|diff| hash(&diff))
        .unwrap_or_default();
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let dirty = git(&[&status[..], &SOURCES].concat()).is_some_and(|changes| !changes.is_empty());
    let mark = if dirty { "-dirty" } else { "" };
    // Every commit and checkout is logged. The index is not watched: `git status` rewrites it, and
    // nobody wants a build after that.
    let watched: String = ["HEAD", "logs/HEAD"]
        .iter()
        .filter_map(|file| git(&["rev-parse", "--git-path", file]))
        .filter_map(|file| root().join(file).canonicalize().ok())
        .map(|file| format!("const _: &[u8] = include_bytes!({file:?});"))
        .collect();
    format!(
        "{{ {watched} ({:?}, {changes:?}) }}",
        format!("{commit}{mark}")
    )
    .parse()
    .expect("it is Rust")
}

/// The folder of the package that expands the macro.
fn root() -> std::path::PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).to_owned()
}

fn git(arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command
        .arg("--no-optional-locks")
        .args(arguments)
        .current_dir(root());
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Git's own hash of a text.
fn hash(text: &str) -> Option<String> {
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
