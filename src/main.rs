//! The `hdbench` binary: everything happens in the library.

fn main() -> std::process::ExitCode {
    hdbench::cli::main()
}
