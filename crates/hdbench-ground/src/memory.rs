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

/// Of a limit on addresses the eighth part is left: gaps that are too small for a large list, stacks of
/// threads that are yet to start. With less, an allocation of 120 MB failed under a limit of 900 MB though
/// so much was free.
const OF_ADDRESSES_UNUSABLE: u64 = 8;

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
    let limited: Vec<(u64, u64)> = [
        ("Max address space", "VmSize:"),
        ("Max data size", "VmData:"),
    ]
    .into_iter()
    .filter_map(|(limit, used)| Some((soft_limit(&limits, limit)?, kibibytes(&status, used)?)))
    .collect();
    if limited.is_empty() {
        return None;
    }
    // Read only where there is a limit: it takes longer than all else here.
    let reserved = reserved_bytes(&fs::read_to_string("/proc/self/smaps").unwrap_or_default());
    let left = |(limit, used): (u64, u64)| {
        let usable = limit - limit / OF_ADDRESSES_UNUSABLE;
        usable.saturating_sub(used.saturating_sub(reserved))
    };
    limited.into_iter().map(left).min()
}

/// The allocator asks for a gibibyte of addresses at once and gives them out little by little: what no one
/// has touched of such a reservation counts as used with the system, and is free.
fn reserved_bytes(mappings: &str) -> u64 {
    const RESERVATION_BYTES: u64 = 256 << 20;
    let (mut bytes, mut of_reservation) = (0, None);
    for line in mappings.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            // Addresses, rights, offset, device and inode, without a file.
            [addresses, "rw-p", _, _, "0"] if addresses.contains('-') => of_reservation = Some(0),
            [addresses, _, _, _, _, ..] if addresses.contains('-') => of_reservation = None,
            ["Size:", ..] if of_reservation.is_some() => of_reservation = kibibytes(line, "Size:"),
            ["Rss:", ..] => {
                let size = of_reservation.take().unwrap_or(0);
                if size >= RESERVATION_BYTES {
                    bytes += size.saturating_sub(kibibytes(line, "Rss:").unwrap_or(size));
                }
            }
            _ => {}
        }
    }
    bytes
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
    fn what_the_allocator_only_reserved_is_free() {
        let of = |lines: &str| {
            format!(
                "{lines}Size:     1048576 kB\nKernelPageSize:  4 kB\nRss:   48576 kB\nPss:  9 kB\n"
            )
        };
        let mappings = [
            of("4a72b800000-4a76b800000 rw-p 00000000 00:00 0 \n"),
            of("4a72b800000-4a76b800000 rw-p 00000000 fe:00 53    /tmp/file\n"),
            of("7f18b4021000-7f18b8000000 ---p 00000000 00:00 0 \n"),
        ];
        assert_eq!(reserved_bytes(&mappings.concat()), 1_000_000 << 10);
        let stack = "7f-8f rw-p 00000000 00:00 0 \nSize: 2048 kB\nRss: 12 kB\n";
        assert_eq!(reserved_bytes(stack), 0);
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
