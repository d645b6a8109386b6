use std::fs;

/// Measures the highest resident memory of this process from its creation on. Linux only; nothing
/// elsewhere.
pub struct PeakMemory;

impl PeakMemory {
    /// Starts anew: the kernel's high-water mark is reset.
    pub fn start() -> Self {
        // Where the kernel does not allow it, the mark stays that of the whole process.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self
    }

    /// The highest so far in MB (10^6 bytes).
    pub fn megabytes(&self) -> Option<f64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kibibytes * 1024.0 / 1e6)
    }
}
