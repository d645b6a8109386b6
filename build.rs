//! Writes LibTorch's folder into the binaries, so that they start without LD_LIBRARY_PATH.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
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
