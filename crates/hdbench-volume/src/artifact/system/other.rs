use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, MetadataExt, symlink_dir, symlink_file};
use std::path::Path;

/// What the system says to who may not make links.
const PRIVILEGE_NOT_HELD: i32 = 1314;

/// A file's mode: there is none.
pub fn mode_of(_: &Metadata) -> u32 {
    0
}

/// Has what is built created with a mode: there is none.
pub fn created_with(_: &mut tempfile::Builder<'_, '_>, _: u32) {}

/// Gives a file the mode of the one whose place it takes: there is none.
pub fn keep_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

/// Has the system write down what it holds of a file; names of a folder it writes down by itself.
pub fn sync(path: &Path) -> io::Result<()> {
    match path.is_dir() {
        true => Ok(()),
        false => OpenOptions::new().write(true).open(path)?.sync_all(),
    }
}

/// Whether what lies there takes bytes and keeps none: pipes have no place among files.
pub fn is_stream(_: FileType) -> bool {
    false
}

/// Why it is no file to be read more than once; none of a file or a folder.
pub fn no_file(_: FileType) -> Option<&'static str> {
    None
}

/// Opens a file to be read.
pub fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Opens a stream to be written to.
pub fn open_stream(stream: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(stream)
}

/// Whether standard output leads where a path does: it has no path.
pub fn leads_to_standard_output(_: &Path) -> bool {
    false
}

/// Whether two paths are of one file or folder; false where one of them cannot be looked at. A file of two names is two.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// What a file or folder keeps for life, whatever its name: when it was made, to 100 ns. Two of one moment have the same.
pub fn number_of(found: &Metadata) -> [u64; 2] {
    [0, found.creation_time()]
}

/// What is another where a file was exchanged for one as long.
pub fn stamp(found: &Metadata) -> [i128; 4] {
    let [device, number] = number_of(found);
    [
        device.into(),
        number.into(),
        found.last_write_time().into(),
        0,
    ]
}

/// Reads at most as many bytes as the buffer has, from a place on.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

/// Reads as many bytes as the buffer has, from a place on.
pub fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.seek_read(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Gives each of two folders the other's name, at once: this cannot be had.
pub fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether a file system has no exchange.
pub fn is_unsupported(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// Whether a folder could not be renamed because of what lies there already, be it an empty folder.
pub fn is_in_the_way(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::PermissionDenied
    )
}

/// Makes a link of a name.
pub fn symlink(to: &Path, name: &Path) -> io::Result<()> {
    let target = name.parent().unwrap_or(Path::new("")).join(to);
    let made = match fs::metadata(target).is_ok_and(|found| found.is_dir()) {
        true => symlink_dir(to, name),
        false => symlink_file(to, name),
    };
    made.map_err(|e| match e.raw_os_error() {
        Some(PRIVILEGE_NOT_HELD) => io::Error::other(
            "symbolic links are for administrators and for Windows's developer mode alone",
        ),
        _ => e,
    })
}

/// Links that lead to each other.
pub fn links_in_a_circle() -> io::Error {
    io::Error::other("links lead to each other")
}
