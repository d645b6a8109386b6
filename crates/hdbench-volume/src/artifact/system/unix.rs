use std::fs::{self, File, FileType, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{
    FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink as link,
};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, OFlags, RenameFlags, fcntl_getfl, fcntl_setfl, renameat_with};
use rustix::io::Errno;

/// How long a pipe may have no reader: who starts both ends at once must not lose the race.
const READER_PATIENCE: Duration = Duration::from_secs(30);
const READER_LOOK: Duration = Duration::from_millis(50);

/// A file's mode.
pub fn mode_of(found: &Metadata) -> u32 {
    found.permissions().mode()
}

/// Has what is built created with a mode.
pub fn created_with(builder: &mut tempfile::Builder<'_, '_>, mode: u32) {
    builder.permissions(Permissions::from_mode(mode));
}

/// Gives a file the mode of the one whose place it takes.
pub fn keep_mode(file: &File, mode: u32) -> io::Result<()> {
    if mode_of(&file.metadata()?) == mode {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(mode & 0o777))
}

/// Has the system write down what it holds of a file or of a folder's names.
pub fn sync(path: &Path) -> io::Result<()> {
    File::open(path).and_then(|file| file.sync_all())
}

/// Whether what lies there takes bytes and keeps none: a pipe, a terminal.
pub fn is_stream(kind: FileType) -> bool {
    kind.is_fifo() || kind.is_char_device()
}

/// Why it is no file to be read more than once; none of a file or a folder.
pub fn no_file(kind: FileType) -> Option<&'static str> {
    if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("a device")
    } else {
        None
    }
}

/// Opens a file to be read, and never waits for the other end of a pipe.
pub fn open_at_once(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// Opens a stream to be written to; one that nobody reads is waited for.
pub fn open_stream(stream: &Path) -> io::Result<File> {
    let began = Instant::now();
    loop {
        // Without this flag a pipe that nobody reads is waited for, deaf to every signal.
        let opened = OpenOptions::new()
            .append(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(stream);
        match opened {
            Err(e)
                if e.raw_os_error() == Some(Errno::NXIO.raw_os_error())
                    && began.elapsed() < READER_PATIENCE =>
            {
                std::thread::sleep(READER_LOOK);
            }
            Err(e) => return Err(e),
            Ok(file) => {
                let flags = fcntl_getfl(&file)?;
                fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
                return Ok(file);
            }
        }
    }
}

/// Whether standard output leads where a path does.
pub fn leads_to_standard_output(path: &Path) -> bool {
    let own = io::stdout().as_fd().try_clone_to_owned();
    let own = own.and_then(|own| File::from(own).metadata());
    match (fs::metadata(path), own) {
        (Ok(found), Ok(own)) => (found.dev(), found.ino()) == (own.dev(), own.ino()),
        _ => false,
    }
}

/// Whether two paths are of one file or folder; false where one of them cannot be looked at.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

/// What a file or folder keeps for life, whatever its name, and no other of its time has: its device, and its number there.
pub fn number_of(found: &Metadata) -> [u64; 2] {
    [found.dev(), found.ino()]
}

/// What is another where a file was exchanged for one as long.
pub fn stamp(found: &Metadata) -> [i128; 4] {
    let [device, number] = number_of(found);
    [
        device.into(),
        number.into(),
        found.mtime().into(),
        found.mtime_nsec().into(),
    ]
}

/// Reads at most as many bytes as the buffer has, from a place on.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// Reads as many bytes as the buffer has, from a place on.
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buffer, offset)
}

/// Gives each of two folders the other's name, at once.
pub fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

/// Whether a file system has no exchange, as those of networks.
pub fn is_unsupported(error: &io::Error) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP]
        .iter()
        .any(|unsupported| error.raw_os_error() == Some(unsupported.raw_os_error()))
}

/// Whether a folder could not be renamed because of what lies there already.
pub fn is_in_the_way(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
    )
}

/// Makes a link of a name.
pub fn symlink(to: &Path, name: &Path) -> io::Result<()> {
    link(to, name)
}

/// Links that lead to each other.
pub fn links_in_a_circle() -> io::Error {
    Errno::LOOP.into()
}
