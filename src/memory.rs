//! How much memory is left, and claims on it: what a header or a label map asks for is held against
//! what is there before it is allocated, because a system that promises more than it has ends the
//! whole process, and with it every other case.

use std::fs;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};

/// Less than this is never asked about: a process that has no more left fails in any case.
const SMALL_BYTES: u64 = 64 << 20;

/// How long a claim waits before it asks the system again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Bytes that this process may still take: the least that the system, its control groups and the
/// limits on its address space leave. `None` where the system does not say.
pub fn room_bytes() -> Option<u64> {
    [of_the_system(), of_control_groups(), of_limits()]
        .into_iter()
        .flatten()
        .min()
}

/// Memory that one piece of work may take until this is dropped.
#[derive(Debug)]
pub struct Claim {
    bytes: u64,
}

/// What all claims of this process hold.
static CLAIMED: Mutex<u64> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();

/// Claims memory for `path`. Waits while others hold what is missing, except on a worker of rayon,
/// whose own stack may hold it; there, and where nobody else holds any, it is refused at once.
///
/// # Errors
/// `Error::Memory` naming the path.
pub fn claim(path: &Path, bytes: u64) -> Result<Claim> {
    if bytes < SMALL_BYTES {
        return Ok(Claim { bytes: 0 });
    }
    let may_wait = rayon::current_thread_index().is_none();
    let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let free = room_bytes().map(|room| room.saturating_sub(*claimed));
        match free {
            Some(free) if free < bytes && (*claimed == 0 || !may_wait) => {
                return Err(Error::Memory {
                    path: path.to_path_buf(),
                    needed_bytes: bytes,
                    free_bytes: free,
                });
            }
            Some(free) if free < bytes => {
                // Memory of others, too, may be free again.
                let (held, _) = CHANGED
                    .wait_timeout(claimed, LOOK_AGAIN)
                    .unwrap_or_else(PoisonError::into_inner);
                claimed = held;
            }
            _ => {
                *claimed += bytes;
                return Ok(Claim { bytes });
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.bytes > 0 {
            *CLAIMED.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
            CHANGED.notify_all();
        }
    }
}

/// The number before `kB` in a line of a file under `/proc`.
fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

fn of_the_system() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// Limits of containers and batch systems, of every group above this process.
fn of_control_groups() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, group) = (parts.next()?, parts.next()?);
            let (root, files) = match controllers {
                "" => ("/sys/fs/cgroup", ["memory.max", "memory.current"]),
                list if list.split(',').any(|name| name == "memory") => (
                    "/sys/fs/cgroup/memory",
                    ["memory.limit_in_bytes", "memory.usage_in_bytes"],
                ),
                _ => return None,
            };
            // In a container the path may be that of the host; the root is the own group then.
            Path::new(group)
                .ancestors()
                .filter_map(|group| {
                    of_group(&Path::new(root).join(group.strip_prefix("/").ok()?), files)
                })
                .min()
        })
        .min()
}

fn of_group(folder: &Path, [limit, usage]: [&str; 2]) -> Option<u64> {
    let number = |file: &str| -> Option<u64> {
        let text = fs::read_to_string(folder.join(file)).ok()?;
        text.trim().parse().ok()
    };
    let (limit, usage) = (number(limit)?, number(usage)?);
    // Files that were read and may be forgotten count as used.
    let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let forgettable = stat
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file "))
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0);
    Some(limit.saturating_sub(usage.saturating_sub(forgettable)))
}

/// Limits on the address space and on data (`ulimit -v`, `-d`).
fn of_limits() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    [
        ("Max address space", "VmSize:"),
        ("Max data size", "VmData:"),
    ]
    .into_iter()
    .filter_map(|(limit, used)| {
        Some(soft_limit(&limits, limit)?.saturating_sub(kibibytes(&status, used)?))
    })
    .min()
}

/// The soft limit of a line of `/proc/self/limits`; none where it is `unlimited`.
fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How many files this process may have open at once; none where the system does not say.
pub fn open_files_limit() -> Option<u64> {
    soft_limit(
        &fs::read_to_string("/proc/self/limits").ok()?,
        "Max open files",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_refused_by_name_and_a_claim_ends() {
        let Some(room) = room_bytes() else { return };
        assert!(room > 0);
        let error = claim(Path::new("scan.nii"), u64::MAX / 2).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("scan.nii: needs about ") && text.contains("hint: "),
            "{text}"
        );
        drop(claim(Path::new("scan.nii"), SMALL_BYTES).unwrap());
        assert!(claim(Path::new("scan.nii"), SMALL_BYTES).is_ok());
    }

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max data size             unlimited            unlimited            bytes     \n\
                      Max open files            256                  1048576              files     \n\
                      Max address space         4294967296           unlimited            bytes     \n";
        assert_eq!(soft_limit(limits, "Max address space"), Some(4 << 30));
        assert_eq!(soft_limit(limits, "Max data size"), None);
        assert_eq!(soft_limit(limits, "Max open files"), Some(256));
        assert_eq!(
            kibibytes("VmPeak: 9 kB\nVmSize:\t  12 kB\n", "VmSize:"),
            Some(12288)
        );
    }
}
