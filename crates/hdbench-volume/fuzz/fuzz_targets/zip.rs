//! Any bytes as a zip archive: opening and reading every entry ends with an error or with exactly
//! the bytes that the archive's directory promises, under a name that stays inside.
#![no_main]

use std::collections::BTreeSet;

use hdbench_volume::artifact::{Archive, is_zip};
use hostile::input;
use libfuzzer_sys::fuzz_target;

/// What one input may unpack to: 4 KiB at DEFLATE's best ratio are no more.
const MOST_BYTES: u64 = 4096 * 1032;

fuzz_target!(|bytes: &[u8]| {
    let path = input::file("archive.zip", bytes);
    let recognised = is_zip(&path).expect("the file can be opened");
    assert_eq!(
        recognised,
        bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
    );
    let Some(archive) = input::answer(&path, Archive::open(&path)) else {
        return;
    };
    let names: BTreeSet<&str> = archive.entries().iter().map(|entry| &*entry.name).collect();
    assert_eq!(names.len(), archive.entries().len());
    let mut unpacked = 0;
    for entry in archive.entries() {
        assert!(
            entry
                .name
                .split('/')
                .all(|part| !["", ".", ".."].contains(&part))
        );
        let place = archive.path_of(entry);
        let Some(mut content) = input::answer(&place, archive.read(entry)) else {
            continue;
        };
        // Asked for one byte more than promised, so that a longer entry has to show itself.
        let most = content.content_at_most().expect("an entry's size is known");
        assert!(most <= MOST_BYTES * 1032, "{most}");
        let mut buffer = vec![0; most.min(MOST_BYTES) as usize + 1];
        let Some(read) = input::answer(&place, content.fill(&mut buffer)) else {
            continue;
        };
        assert!(read as u64 <= most);
        if !content.is_packed() {
            assert_eq!(read as u64, entry.size);
        }
        unpacked += entry.packed;
    }
    // Entries share no bytes.
    assert!(unpacked <= bytes.len() as u64);
});
