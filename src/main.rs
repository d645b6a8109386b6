//! The `hdbench` binary: everything happens in the library.

/// Training allocates and frees tensors of megabytes thousands of times a second; an allocator that
/// hands the pages back to the system each time costs a third of a step (see CHANGELOG).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let (commit, changes) = hdbench_commit::commit!();
    hdbench::cli::main(hdbench::study::Build { commit, changes })
}
