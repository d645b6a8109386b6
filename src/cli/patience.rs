use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// How often a thread of LibTorch's looks whether there is work before it sleeps. With OpenMP's own
/// 300,000 a prediction on two busy cores took 4 to 29 s, with this 1.5 s.
const SPINS: (&str, &str) = ("GOMP_SPINCOUNT", "1000");

/// Starts this program anew, in the same process, where it was asked for LibTorch and nobody said how
/// its threads wait: OpenMP reads that before `main`.
pub fn wait_without_spinning() {
    let is_set = |name| std::env::var_os(name).is_some();
    if is_set(SPINS.0) || is_set("OMP_WAIT_POLICY") || !std::env::args_os().any(|a| names_tch(&a)) {
        return;
    }
    if let Ok(binary) = std::env::current_exe() {
        let arguments = std::env::args_os().skip(1);
        let (name, value) = SPINS;
        // Comes back only where it fails; then the work is done as it is, slower on a busy machine.
        let _ = Command::new(binary).args(arguments).env(name, value).exec();
    }
}

fn names_tch(argument: &OsStr) -> bool {
    argument.to_str().is_some_and(|argument| {
        let device = argument.strip_prefix("--device=").unwrap_or(argument);
        device == "tch" || device.starts_with("tch:")
    })
}
