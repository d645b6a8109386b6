//! Files that are read at many places over a long time, of which a few are open at once: a study of
//! thousands of cases has more than a system lets a process open.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use hdbench_ground::memory;

use super::input::open_file;
use super::system::{self, stamp};

/// The share of the files that a process may have open that is used here; the rest is for what is
/// read and written meanwhile.
const SHARE: u64 = 4;

/// Bounds of that number; the upper one is that share of the usual limit on macOS.
const LEAST: u64 = 4;
const MOST: u64 = 64;

/// What has to be as it was when a file is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// Its length: another file with the same content may have taken its place.
    Length,
    /// The file itself, and when it was written last.
    File,
}

/// A file that is open while it is read often, and opened again when it is needed.
#[derive(Debug)]
pub struct ReopenedFile {
    path: PathBuf,
    id: u64,
    len: u64,
    /// Device, number and time of the last change, where they count.
    stamp: Option<[i128; 4]>,
}

impl ReopenedFile {
    /// Opens a file.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path, same: Same) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let file = open_file(path)?;
        let metadata = file.metadata()?;
        let reopened = Self {
            path: path.to_path_buf(),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            len: metadata.len(),
            stamp: (same == Same::File).then(|| stamp(&metadata)),
        };
        POOL.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .put(reopened.id, Arc::new(file));
        Ok(reopened)
    }

    /// Bytes when it was opened first.
    pub fn bytes(&self) -> u64 {
        self.len
    }

    /// Reads at most as many bytes as the buffer has, from a place on.
    ///
    /// # Errors
    /// What the system says; `InvalidData` where it is another file than at first.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        system::read_at(&*self.file()?, buffer, offset)
    }

    /// Fills the buffer from a place on.
    ///
    /// # Errors
    /// As [`Self::read_at`]; `UnexpectedEof` where the file ends before.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        system::read_exact_at(&*self.file()?, buffer, offset)
    }

    fn file(&self) -> io::Result<Arc<File>> {
        let pool = || POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = pool().get(self.id) {
            return Ok(file);
        }
        // Not under the lock: a disk may be slow.
        let file = open_file(&self.path)?;
        let metadata = file.metadata()?;
        let same = self.stamp.is_none_or(|before| before == stamp(&metadata));
        if metadata.len() != self.len || !same {
            let problem = "it is another file than when it was opened first";
            return Err(io::Error::new(ErrorKind::InvalidData, problem));
        }
        let file = Arc::new(file);
        pool().put(self.id, Arc::clone(&file));
        Ok(file)
    }
}

impl Drop for ReopenedFile {
    fn drop(&mut self) {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        pool.files.remove(&self.id);
    }
}

/// Those that are open.
static POOL: LazyLock<Mutex<Pool>> = LazyLock::new(|| {
    let most = memory::open_files_limit().unwrap_or(0) / SHARE;
    Mutex::new(Pool {
        most: most.clamp(LEAST, MOST) as usize,
        now: 0,
        files: HashMap::new(),
    })
});

struct Pool {
    most: usize,
    /// Counts the uses.
    now: u64,
    /// With the time of their last use.
    files: HashMap<u64, (Arc<File>, u64)>,
}

impl Pool {
    fn get(&mut self, id: u64) -> Option<Arc<File>> {
        self.now += 1;
        let (file, used) = self.files.get_mut(&id)?;
        *used = self.now;
        Some(Arc::clone(file))
    }

    /// Takes one in, and lets go of the one that was not used for longest.
    fn put(&mut self, id: u64, file: Arc<File>) {
        while self.files.len() >= self.most {
            let oldest = self.files.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(&id, _)| id) else {
                break;
            };
            self.files.remove(&oldest);
        }
        self.now += 1;
        self.files.insert(id, (file, self.now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_files_is_read_with_a_few_open() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<ReopenedFile> = (0..400_u32)
            .map(|i| {
                let path = folder.path().join(i.to_string());
                std::fs::write(&path, i.to_le_bytes()).unwrap();
                ReopenedFile::open(&path, Same::File).unwrap()
            })
            .collect();
        // Forwards and back, so that those at the end are open and those at the beginning are not.
        for i in (0..400).chain((0..400).rev()) {
            let mut bytes = [0; 4];
            files[i].read_exact_at(&mut bytes, 0).unwrap();
            assert_eq!(u32::from_le_bytes(bytes) as usize, i);
        }
        let open = std::fs::read_dir("/proc/self/fd").map(|all| {
            all.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
                .filter(|path| path.starts_with(folder.path()))
                .count()
        });
        assert!(open.is_ok_and(|open| open as u64 <= MOST) || cfg!(not(target_os = "linux")));
    }

    #[test]
    fn another_file_in_its_place_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let [length, same] = [Same::Length, Same::File].map(|same| {
            let file = ReopenedFile::open(&path, same).unwrap();
            POOL.lock().unwrap().files.remove(&file.id);
            file
        });
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "abd").unwrap();
        let mut bytes = [0; 3];
        length.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"abd");
        let error = same.read_exact_at(&mut bytes, 0).unwrap_err();
        assert!(error.to_string().contains("another file"));
        POOL.lock().unwrap().files.remove(&length.id);
        std::fs::write(&path, "longer").unwrap();
        assert!(length.read_exact_at(&mut bytes, 0).is_err());
    }
}
