//! Archives that lie, mean harm or are damaged: what the reader refuses before anything is unpacked, what
//! an entry fails by while it is read, and what it takes although few programs write it.

use std::fs;
use std::path::PathBuf;

use hdbench_ground::error::{Error, Result};
use hdbench_volume::artifact::{Archive, Refusal};

use super::raw_zip::{Directory, Raw, raw_zip, without_end};

const CONTENT: &[u8] = b"some voxels";
const OTHER: &[u8] = b"others";

/// Holds one archive at a time.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn archive(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("a.zip");
        fs::write(&path, bytes).unwrap();
        path
    }

    #[track_caller]
    fn refuses(&self, bytes: &[u8], refusal: Refusal, parts: &[&str]) {
        let refused = Archive::examine(&self.archive(bytes)).unwrap_err();
        let text = refused.error.to_string();
        assert_eq!(refused.refusal, refusal, "{text}");
        assert!(matches!(refused.error, Error::Malformed { .. }), "{text}");
        says(&text, parts);
        says(&text, &["a.zip", "hint: "]);
        let left = fs::read_dir(self.0.path()).unwrap().count();
        assert_eq!(left, 1, "something was unpacked");
    }
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
}

fn two<'a>(second: Raw<'a>) -> Vec<u8> {
    raw_zip(&[Raw::new("a.nii", CONTENT), second])
}

fn sound() -> Vec<u8> {
    two(Raw::new("b.nii", OTHER))
}

fn changed(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut archive = sound();
    archive[at..at + bytes.len()].copy_from_slice(bytes);
    archive
}

fn read(archive: &Archive, name: &str) -> Result<Vec<u8>> {
    let entry = archive.entries().iter().find(|entry| entry.name == name);
    let entry = entry.unwrap();
    let mut content = vec![0; 100];
    let read = archive.read(entry)?.fill(&mut content)?;
    content.truncate(read);
    Ok(content)
}

/// The same with the end of zip64, whose ordinary one says nothing (APPNOTE.TXT 4.3.14 to 4.3.16).
fn raw_zip64(entries: &[Raw]) -> Vec<u8> {
    let (mut bytes, directory) = without_end(entries);
    let Directory([start, len, count]) = directory;
    let end = bytes.len() as u64;
    bytes.extend(b"PK\x06\x06");
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([45_u16, 45].map(u16::to_le_bytes).concat());
    bytes.extend([0; 8]);
    bytes.extend([count, count, len, start].map(u64::to_le_bytes).concat());
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(end.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([0xff; 12]);
    bytes.extend([0, 0]);
    bytes
}

/// Where an entry's header lies in the directory.
fn header_in_directory(archive: &[u8], number: usize) -> usize {
    let mut starts = (0..archive.len()).filter(|&at| archive[at..].starts_with(b"PK\x01\x02"));
    starts.nth(number).unwrap()
}

#[test]
fn names_that_lead_out_or_occur_twice_are_refused() {
    let folder = Folder::new();
    for name in [
        "../outside.nii",
        "x/../../outside.nii",
        "/outside.nii",
        "C:\\outside.nii",
        "C:outside.nii",
        "..\\outside.nii",
        "\\\\server\\share\\outside.nii",
    ] {
        let archive = two(Raw::new(name, OTHER));
        let parts = ["leads out of the archive"];
        folder.refuses(&archive, Refusal::UnsafeName, &parts);
    }
    for twice in ["a.nii", "./a.nii", ".\\a.nii"] {
        let archive = two(Raw::new(twice, OTHER));
        let parts = ["\"a.nii\" occurs twice"];
        folder.refuses(&archive, Refusal::DuplicateName, &parts);
    }
    let inside = raw_zip(&[Raw::new("x/a.nii", CONTENT), Raw::new("x/./a.nii", CONTENT)]);
    let parts = ["\"x/a.nii\" occurs twice"];
    folder.refuses(&inside, Refusal::DuplicateName, &parts);
    // Found by fuzzing: it was taken as a file whose name is empty.
    let nameless = two(Raw::new("././.", OTHER));
    folder.refuses(&nameless, Refusal::UnsafeName, &["entry 2 has no name"]);
}

#[test]
fn links_encrypted_entries_and_other_methods_are_refused() {
    let folder = Folder::new();
    let second = Raw::new("b.nii", OTHER);
    let link = two(Raw {
        mode: 0o120_777,
        ..Raw::new("b.nii", b"/etc/passwd")
    });
    folder.refuses(&link, Refusal::Link, &["a.zip/b.nii", "is a link"]);
    let encrypted = two(Raw { flags: 1, ..second });
    let parts = ["a.zip/b.nii", "is encrypted", "without a password"];
    folder.refuses(&encrypted, Refusal::Encrypted, &parts);
    for method in [12, 14] {
        let archive = two(Raw {
            method,
            ..Raw::new("b.nii", OTHER)
        });
        let parts = ["a.zip/b.nii", "expected Deflate"];
        folder.refuses(&archive, Refusal::Compression, &parts);
    }
}

#[test]
fn a_damaged_archive_is_refused_wherever_it_is_cut() {
    let folder = Folder::new();
    let whole = sound();
    for end in 0..whole.len() {
        let parts = ["no sound zip archive"];
        folder.refuses(&whole[..end], Refusal::Unreadable, &parts);
    }
    folder.refuses(b"Not found", Refusal::Unreadable, &["no sound zip archive"]);
    // Found by fuzzing: a directory at a place that no file has looked like a disk that fails.
    let seed = include_bytes!("../../fuzz/seeds/zip/far_offset");
    folder.refuses(seed, Refusal::Unreadable, &["no sound zip archive"]);
    // One bit of a voxel.
    let archive = Archive::open(&folder.archive(&changed(40, b"?"))).unwrap();
    let error = read(&archive, "a.nii").unwrap_err().to_string();
    says(&error, &["a.zip/a.nii", "checksum", "hint: "]);
    assert_eq!(read(&archive, "b.nii").unwrap(), OTHER);
}

/// What Python's zipfile, unzip and a reader of streams would take for different things.
#[test]
fn what_programs_read_differently_is_refused() {
    let folder = Folder::new();
    let whole = sound();
    let end = whole.len() - 22;
    let mut prepended = whole.clone();
    for at in [0, 1]
        .map(|number| header_in_directory(&whole, number) + 42)
        .into_iter()
        .chain([end + 16])
    {
        let place = u32::from_le_bytes(*prepended[at..].first_chunk().unwrap()) + 4;
        prepended[at..at + 4].copy_from_slice(&place.to_le_bytes());
    }
    let prepended = [b"PK\x03\x04", &prepended[..]].concat();
    let comment = [&changed(end + 20, &[22, 0])[..], &whole[end..]].concat();
    for (archive, says) in [
        (
            changed(end + 12, &0xffff_fff0_u32.to_le_bytes()),
            "zip archive",
        ),
        (changed(end + 12, &1_u32.to_le_bytes()), "zip archive"),
        (changed(end + 8, &[1, 0, 1, 0]), "zip archive"),
        (changed(end + 16, &0_u32.to_le_bytes()), "zip archive"),
        ([&whole[..], &whole].concat(), "zip archive"),
        ([&whole[..], b"tail"].concat(), "zip archive"),
        (comment, "zip archive"),
        (prepended, "4 bytes stand before its first entry"),
    ] {
        folder.refuses(&archive, Refusal::Unreadable, &[says]);
    }
    // A comment of its own is no lie.
    let commented = [&changed(end + 20, &[5, 0])[..], b"hello"].concat();
    let archive = Archive::open(&folder.archive(&commented)).unwrap();
    assert_eq!(archive.entries().len(), 2);
}

/// The header of the second entry, in front of its content: the entry fails, the other one is read.
#[test]
fn an_entry_that_contradicts_itself_fails_alone() {
    let folder = Folder::new();
    let second = 30 + "a.nii".len() + CONTENT.len();
    for (at, bytes, problem) in [
        (30, &b"B"[..], "B.nii\" in its own header"),
        (8, &[8, 0], "another method in its own header"),
        (6, &[1, 0], "another flag"),
        (6, &[8, 0], "another flag"),
        (14, &[1, 2, 3, 4], "another checksum"),
        (18, &[1, 2, 3, 4], "another size"),
        (22, &[1, 2, 3, 4], "another size"),
    ] {
        let archive = Archive::open(&folder.archive(&changed(second + at, bytes))).unwrap();
        let error = read(&archive, "b.nii").unwrap_err().to_string();
        says(&error, &["a.zip/b.nii", problem, "hint: "]);
        assert_eq!(read(&archive, "a.nii").unwrap(), CONTENT);
    }
}

#[test]
fn bombs_are_known_by_the_directory() {
    let folder = Folder::new();
    // A promise that the packed bytes cannot keep, with zip64 and without.
    for (size, zip64) in [(u64::MAX / 4, true), (u64::from(u32::MAX) - 1, false)] {
        let bytes = two(Raw {
            size,
            zip64,
            ..Raw::new("b.nii", OTHER)
        });
        let archive = Archive::open(&folder.archive(&bytes)).unwrap();
        let overpromising = archive
            .entries()
            .iter()
            .filter(|entry| entry.overpromises());
        let names: Vec<&str> = overpromising.map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["b.nii"]);
        let error = read(&archive, "b.nii").unwrap_err().to_string();
        says(&error, &["a.zip/b.nii", "promises", "hint: "]);
    }
    // Two entries on the same bytes.
    let mut shared = two(Raw::new("b.nii", CONTENT));
    let [first, second] = [0, 1].map(|number| header_in_directory(&shared, number) + 42);
    shared.copy_within(first..first + 4, second);
    folder.refuses(&shared, Refusal::Bomb, &["share bytes"]);
}

/// Other programs write them for files of any size.
#[test]
fn zip64_records_and_data_descriptors_are_read() {
    let folder = Folder::new();
    for (zip64, descriptor, end) in [
        (true, false, false),
        (false, true, false),
        (true, true, false),
        (false, false, true),
        (true, true, true),
    ] {
        let names = ["a.nii", "folder\\windows.nii"];
        let entries = [(names[0], CONTENT), (names[1], OTHER)].map(|(name, content)| Raw {
            zip64,
            descriptor,
            ..Raw::new(name, content)
        });
        let bytes = if end {
            raw_zip64(&entries)
        } else {
            raw_zip(&entries)
        };
        let archive = Archive::open(&folder.archive(&bytes)).unwrap();
        let told = format!("{zip64} {descriptor} {end}");
        assert_eq!(read(&archive, "a.nii").unwrap(), CONTENT, "{told}");
        assert_eq!(
            read(&archive, "folder/windows.nii").unwrap(),
            OTHER,
            "{told}"
        );
    }
    // Far beyond the end of the file.
    let mut far = raw_zip64(&[Raw::new("a.nii", CONTENT)]);
    let end = far.len() - 22 - 20 - 8;
    far[end..end + 8].copy_from_slice(&(1_u64 << 62).to_le_bytes());
    folder.refuses(&far, Refusal::Unreadable, &["zip archive"]);
}
