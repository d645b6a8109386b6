//! Whether every program reads the same of a zip archive.
//!
//! The format says many things twice, and programs differ in which they believe: the end of the
//! directory is searched for, places count from the file's begin or from the archive's, and each
//! entry has a header of its own beside the one in the directory. Python's zipfile, Info-ZIP's unzip
//! and this reader agree on archives in which all of that says the same (APPNOTE.TXT 4.3); others are
//! refused, with what contradicts what.

use std::io;

use super::shared_file::SharedFile;

/// Bytes of the end record without its comment, and how long a comment may be.
const END: usize = 22;
const LONGEST_COMMENT: usize = 0xffff;
const END_MARK: &[u8] = b"PK\x05\x06";

/// The locator of Zip64's end record, just before the other, and that record.
const LOCATOR: usize = 20;
const LOCATOR_MARK: &[u8] = b"PK\x06\x07";
const END64: usize = 56;
const END64_MARK: &[u8] = b"PK\x06\x06";

const CENTRAL: usize = 46;
const CENTRAL_MARK: &[u8] = b"PK\x01\x02";
const LOCAL: usize = 30;
const LOCAL_MARK: &[u8] = b"PK\x03\x04";

/// Extra fields: sizes and places beyond 32 bits; another name than the one in the header.
const ZIP64: u16 = 1;
const UNICODE_PATH: u16 = 0x7075;

/// Flags: encrypted; sizes and checksum follow the content; the name is UTF-8.
const ENCRYPTED: u16 = 1;
const UTF8: u16 = 1 << 11;
const STREAMED: u16 = 1 << 3;

/// Looks for what two programs would read differently: of the archive as a whole, in words, or of
/// each entry in the order of the directory, nothing where all is said alike. `directory` is where
/// this program's own reader found it, with how many entries.
pub(super) fn contradictions(
    file: &SharedFile,
    (start, entries): (u64, usize),
) -> io::Result<Result<Vec<Option<String>>, String>> {
    let end = match End::of(file) {
        Ok(end) => end,
        Err(trouble) => return trouble.told().map(Err),
    };
    if (end.start, end.entries) != (start, entries as u64) {
        return Ok(Err(format!(
            "its last end record speaks of {} entries from byte {} on, another of {entries} from {start}",
            end.entries, end.start
        )));
    }
    match of_entries(file, &end) {
        Ok(found) => Ok(Ok(found)),
        Err(trouble) => trouble.told().map(Err),
    }
}

enum Trouble {
    Problem(String),
    Io(io::Error),
}

impl Trouble {
    fn told(self) -> io::Result<String> {
        match self {
            Self::Problem(problem) => Ok(problem),
            Self::Io(error) => Err(error),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn problem<T>(text: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Problem(text.into()))
}

fn of_entries(file: &SharedFile, end: &End) -> Result<Vec<Option<String>>, Trouble> {
    let directory = file.bytes(end.start, usize::try_from(end.len).unwrap_or(usize::MAX))?;
    let mut rest = directory.as_slice();
    let mut found = Vec::new();
    let mut first = None::<u64>;
    for _ in 0..end.entries {
        let (entry, after) = Entry::of(rest)?;
        rest = after;
        found.push(match entry.hold_to_local(file, end.start) {
            Ok(()) => None,
            Err(trouble) => Some(trouble.told()?),
        });
        first = Some(first.map_or(entry.place, |first| first.min(entry.place)));
    }
    if !rest.is_empty() {
        return problem(format!(
            "its directory goes on for {} bytes after the {} entries that its end record counts",
            rest.len(),
            end.entries
        ));
    }
    match first.unwrap_or(end.start) {
        0 => Ok(found),
        before => problem(format!("{before} bytes stand before its first entry")),
    }
}

/// Where the directory lies.
struct End {
    entries: u64,
    start: u64,
    len: u64,
}

impl End {
    fn of(file: &SharedFile) -> Result<Self, Trouble> {
        let from = file.len().saturating_sub((END + LONGEST_COMMENT) as u64);
        let tail = file.bytes(from, END + LONGEST_COMMENT)?;
        let Some(at) = tail
            .windows(END_MARK.len())
            .rposition(|mark| mark == END_MARK)
        else {
            return problem("it has no end record");
        };
        let record = &tail[at..];
        if record.len() < END || record.len() - END != usize::from(u16_at(record, 20)) {
            return problem(
                "its last end record does not reach to the end of the file: bytes follow it, or its \
                 comment holds another",
            );
        }
        let position = from + at as u64;
        let [disk, directory_disk, here, all] = [4, 6, 8, 10].map(|at| u16_at(record, at));
        if disk != directory_disk || here != all || (disk != 0 && disk != u16::MAX) {
            return problem("its end record speaks of several disks");
        }
        let said = Self {
            entries: all.into(),
            len: u32_at(record, 12).into(),
            start: u32_at(record, 16).into(),
        };
        let (end, before) = match Self::of_zip64(file, position)? {
            Some((end, at)) => {
                let same = |said: u64, full: u64, real: u64| said == full || said == real;
                let agrees = same(said.entries, u16::MAX.into(), end.entries)
                    && same(said.len, u32::MAX.into(), end.len)
                    && same(said.start, u32::MAX.into(), end.start);
                if !agrees {
                    return problem("its two end records contradict each other");
                }
                (end, at)
            }
            None => (said, position),
        };
        if end.start.checked_add(end.len) != Some(before) {
            return problem(format!(
                "its end record says that the directory has {} bytes from {} on, which do not end where \
                 the record stands ({before})",
                end.len, end.start
            ));
        }
        Ok(end)
    }

    /// Zip64's end record and its place, if a locator stands before the other record.
    fn of_zip64(file: &SharedFile, end: u64) -> Result<Option<(Self, u64)>, Trouble> {
        let Some(at) = end.checked_sub(LOCATOR as u64) else {
            return Ok(None);
        };
        let locator = file.bytes(at, LOCATOR)?;
        if !locator.starts_with(LOCATOR_MARK) {
            return Ok(None);
        }
        let place = u64_at(&locator, 8);
        let record = file.bytes(place, END64)?;
        let sound = record.len() == END64
            && record.starts_with(END64_MARK)
            && place
                .checked_add(12)
                .and_then(|p| p.checked_add(u64_at(&record, 4)))
                == Some(at)
            && u64_at(&record, 24) == u64_at(&record, 32);
        if !sound {
            return problem(
                "its Zip64 end record is not where its locator says, or is no sound one",
            );
        }
        let found = Self {
            entries: u64_at(&record, 32),
            len: u64_at(&record, 40),
            start: u64_at(&record, 48),
        };
        Ok(Some((found, place)))
    }
}

/// What the directory says of an entry.
struct Entry {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    crc32: u32,
    packed: u64,
    size: u64,
    place: u64,
}

impl Entry {
    /// The first entry of a directory, and what follows it.
    fn of(directory: &[u8]) -> Result<(Self, &[u8]), Trouble> {
        let cut = || Trouble::Problem("its directory ends before its entries do".into());
        let header = directory.get(..CENTRAL).ok_or_else(cut)?;
        if !header.starts_with(CENTRAL_MARK) {
            return problem("its directory holds something that is no entry");
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(header, at)));
        let rest = &directory[CENTRAL..];
        let (name, rest) = rest.split_at_checked(name).ok_or_else(cut)?;
        let (extra, rest) = rest.split_at_checked(extra).ok_or_else(cut)?;
        let (_, rest) = rest.split_at_checked(comment).ok_or_else(cut)?;
        let mut entry = Self {
            name: name.to_vec(),
            flags: u16_at(header, 8),
            method: u16_at(header, 10),
            crc32: u32_at(header, 16),
            packed: u32_at(header, 20).into(),
            size: u32_at(header, 24).into(),
            place: u32_at(header, 42).into(),
        };
        let mut wide = [entry.size, entry.packed, entry.place];
        entry.widen(extra, &mut wide)?;
        [entry.size, entry.packed, entry.place] = wide;
        Ok((entry, rest))
    }

    /// Replaces full 32-bit fields by those of the extra field, in their order; refuses a second name.
    fn widen(&self, mut extra: &[u8], fields: &mut [u64]) -> Result<(), Trouble> {
        let mut seen = false;
        // Some programs pad with a few bytes that are no field.
        while extra.len() >= 4 {
            let (id, len) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
            let Some((field, rest)) = extra[4..].split_at_checked(len) else {
                return problem(format!("the extra fields of {} are cut off", self.called()));
            };
            extra = rest;
            match id {
                ZIP64 if seen => {
                    return problem(format!("{} has its sizes twice", self.called()));
                }
                ZIP64 => {
                    seen = true;
                    let mut values = field.chunks_exact(8);
                    for full in fields.iter_mut().filter(|n| **n == u64::from(u32::MAX)) {
                        let Some(value) = values.next() else {
                            return problem(format!("{} lacks its large sizes", self.called()));
                        };
                        *full = u64_at(value, 0);
                    }
                }
                // Version and checksum come first. Names beyond ASCII may be told better here.
                UNICODE_PATH
                    if self.name.is_ascii() && field.get(5..) != Some(self.name.as_slice()) =>
                {
                    return problem(format!("{} has a second name", self.called()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The header before the content has to say what the directory says.
    fn hold_to_local(&self, file: &SharedFile, directory: u64) -> Result<(), Trouble> {
        let header = file.bytes(self.place, LOCAL)?;
        if header.len() < LOCAL || !header.starts_with(LOCAL_MARK) || self.place >= directory {
            return problem("it does not lie where the directory says");
        }
        let [name, extra] = [26, 28].map(|at| usize::from(u16_at(&header, at)));
        let names = file.bytes(self.place + LOCAL as u64, name + extra)?;
        let Some((name, extra)) = names.split_at_checked(name) else {
            return problem("its own header is cut off");
        };
        let differs = |what: &str| problem(format!("it has another {what} in its own header"));
        if name != self.name {
            let other = String::from_utf8_lossy(name).into_owned();
            return problem(format!("it is called {other:?} in its own header"));
        }
        let flags = u16_at(&header, 6);
        // ASCII is UTF-8 whatever is said.
        let counts = ENCRYPTED | STREAMED | if self.name.is_ascii() { 0 } else { UTF8 };
        if (flags ^ self.flags) & counts != 0 {
            return differs("flag");
        }
        if u16_at(&header, 8) != self.method {
            return differs("method");
        }
        let mut sizes = [u32_at(&header, 22).into(), u32_at(&header, 18).into()];
        self.widen(extra, &mut sizes)?;
        let [size, packed] = sizes;
        let crc32 = u32_at(&header, 14);
        // What follows the content is not known here yet: nothing, or the truth.
        let follows = flags & STREAMED != 0;
        if !(crc32 == self.crc32 || follows && crc32 == 0) {
            return differs("checksum");
        }
        let fits = |local: u64, real: u64| local == real || follows && local == 0;
        if !(fits(size, self.size) && fits(packed, self.packed)) {
            return differs("size");
        }
        let content = self.place + (LOCAL + names.len()) as u64;
        if content
            .checked_add(self.packed)
            .is_none_or(|end| end > directory)
        {
            return problem("it reaches into the directory");
        }
        Ok(())
    }

    fn called(&self) -> String {
        format!("the entry {:?}", String::from_utf8_lossy(&self.name))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    array(bytes, at).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    array(bytes, at).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    array(bytes, at).map_or(0, u64::from_le_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}
