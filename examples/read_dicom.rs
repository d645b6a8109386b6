//! Reads a DICOM series, a folder or a zip archive, and prints its shape, its sum and how long it
//! took: what `scripts/bench_dicom.py` measures.
//!
//!     cargo run --release --example read_dicom -- DIR

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use hdbench::volume;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: read_dicom DIR-OR-ZIP");
        return ExitCode::from(2);
    };
    let start = Instant::now();
    match volume::read_dicom_series(&path) {
        Ok((volume, notes)) => {
            let seconds = start.elapsed().as_secs_f64();
            let sum: f64 = volume.voxels.iter().map(|&hu| f64::from(hu)).sum();
            println!(
                "shape {:?} spacing_mm {:?} sum {sum} seconds {seconds:.3}",
                volume.geometry.shape, volume.geometry.spacing_mm
            );
            notes.iter().for_each(|note| eprintln!("note: {note}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code() as u8)
        }
    }
}
