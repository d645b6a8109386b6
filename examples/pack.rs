//! Packs every file of a folder into a zip archive:
//! what `scripts/bench_packing.py` measures.
//!
//!     cargo run --release --example pack -- DIR OUT [JOBS]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hdbench::artifact::pack_zip;
use hdbench::error::{Error, Result};
use hdbench::progress::Silent;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Small enough to stay in the cache of the core that packs it.
const BUFFER_BYTES: usize = 256 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (folder, archive, jobs) = match &arguments[..] {
        [folder, archive] => (folder, archive, None),
        [folder, archive, jobs] => (folder, archive, jobs.to_str().and_then(|n| n.parse().ok())),
        _ => {
            eprintln!("usage: pack DIR OUT [JOBS]");
            return ExitCode::from(2);
        }
    };
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    match pack(folder, archive, jobs.unwrap_or_else(cores)) {
        Ok(entries) => {
            println!("{entries} entries");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code() as u8)
        }
    }
}

fn pack(folder: &Path, archive: &Path, jobs: usize) -> Result<usize> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::read(folder))? {
        let entry = entry.map_err(Error::read(folder))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    pack_zip(archive, &names, jobs, &Silent, |index, entry| {
        let path = folder.join(&names[index]);
        let mut file = File::open(&path).map_err(Error::read(&path))?;
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let read = file.read(&mut buffer).map_err(Error::read(&path))?;
            if read == 0 {
                return Ok(());
            }
            entry
                .write_all(&buffer[..read])
                .map_err(Error::write(archive))?;
        }
    })?;
    Ok(names.len())
}
