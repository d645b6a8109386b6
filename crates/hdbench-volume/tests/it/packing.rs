//! Archives as they are packed: what every reader finds in them, and that nobody finds half of one.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hdbench_ground::error::{Error, ExitCode, Result};
use hdbench_ground::progress::{Progress, Silent};
use hdbench_volume::artifact::{Archive, pack_zip};
use proptest::collection::vec;
use proptest::prelude::*;
use zip::ZipArchive;

fn names(count: usize) -> Vec<String> {
    (0..count)
        .map(|i| format!("test-segmentation-{i}.nii"))
        .collect()
}

fn pack(path: &Path, names: &[String], jobs: usize, contents: &[Vec<u8>]) -> Result<()> {
    pack_zip(path, names, jobs, &Silent, |index, entry| {
        entry
            .write_all(&contents[index])
            .map_err(Error::write(path))
    })
}

/// The names of what lies in a folder, hidden files too.
fn listed(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn read_by_us(path: &Path) -> Vec<(String, Vec<u8>)> {
    let archive = Archive::open(path).unwrap();
    let read = archive.entries().iter().map(|entry| {
        let mut content = vec![0; entry.size as usize + 1];
        let read = archive.read(entry).unwrap().fill(&mut content).unwrap();
        content.truncate(read);
        (entry.name.clone(), content)
    });
    read.collect()
}

/// In the order of the directory.
fn read_by_zip(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let read = (0..archive.len()).map(|index| {
        let mut entry = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.name().unwrap().into_owned(), content)
    });
    read.collect()
}

/// Mostly zero, with some structure: longer than what is packed at once.
fn label_map(seed: u8) -> Vec<u8> {
    let mut voxels = vec![0; 64 * 512 * 16];
    for (row, line) in voxels.chunks_mut(512).enumerate().skip(200).take(300) {
        let wobble = (row * usize::from(seed) + row * row / 7) % 13;
        line[100 + wobble..300 - wobble].fill(1);
        line[200..210 + wobble].fill(2);
    }
    voxels
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let border = 65_536_usize;
    let run = (
        0_u8..3,
        prop_oneof![
            0..2000_usize,
            border - 2..border + 2,
            250_000..300_000_usize
        ],
    );
    prop_oneof![
        2 => vec(run, 0..5).prop_map(|runs| {
            let runs = runs.into_iter().map(|(value, length)| vec![value; length]);
            runs.collect::<Vec<_>>().concat()
        }),
        1 => vec(any::<u8>(), 0..3000),
        1 => Just(Vec::new()),
    ]
    .prop_filter("what begins as gzip is unpacked once more", |content| {
        !content.starts_with(&[0x1f, 0x8b])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_reader_finds_what_was_packed_and_threads_change_no_byte(
        contents in vec(content(), 0..9),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let names = names(contents.len());
        let archives = [1, 2, 5].map(|jobs| {
            let path = dir.path().join(format!("{jobs}.zip"));
            pack(&path, &names, jobs, &contents).unwrap();
            fs::read(&path).unwrap()
        });
        prop_assert!(archives[0] == archives[1] && archives[0] == archives[2]);
        let path = dir.path().join("1.zip");
        let expected: Vec<_> = names.into_iter().zip(contents).collect();
        prop_assert!(read_by_zip(&path) == expected);
        prop_assert!(read_by_us(&path) == expected);
    }
}

/// Slow entries first, so that the others wait for them.
#[test]
fn entries_keep_their_order_and_no_more_than_asked_for_are_made_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    let names = names(40);
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    pack_zip(&path, &names, 3, &Silent, |index, entry| {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        if index % 7 == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        now.fetch_sub(1, Ordering::SeqCst);
        write!(entry, "content {index}").map_err(Error::write(&path))
    })
    .unwrap();
    assert!(most.into_inner() <= 3);
    let expected = names.into_iter().enumerate();
    let expected: Vec<_> = expected
        .map(|(index, name)| (name, format!("content {index}").into_bytes()))
        .collect();
    assert_eq!(read_by_zip(&path), expected);
}

/// Archives that were sent somewhere can be made again, byte for byte.
#[test]
fn the_bytes_of_an_archive_are_these() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("submission.zip");
    let contents = [label_map(3), Vec::new(), vec![1]];
    pack(&path, &names(3), 2, &contents).unwrap();
    let bytes = fs::read(&path).unwrap();
    let hash = hdbench_volume::artifact::hash_bytes(&bytes);
    assert_eq!((bytes.len(), &hash[..16]), (2726, "9d0acbf19b3ae046"));
    // 1 January 1980 and a regular file that all may read.
    let mut archive = ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
    let entry = archive.by_index(0).unwrap();
    assert_eq!(entry.unix_mode(), Some(0o100_644));
    let time = entry.last_modified().unwrap();
    assert_eq!(
        (time.year(), time.month(), time.day(), time.hour()),
        (1980, 1, 1, 0)
    );
    assert!(entry.extra_data().is_none_or(|extra| extra.is_empty()));
}

#[test]
fn names_that_could_not_be_found_again_are_refused_before_anything_is_packed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    let refusal = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let error = pack_zip(&path, &names, 1, &Silent, |_, _| panic!("packed")).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Usage);
        assert!(error.to_string().contains("a.zip"), "{error}");
        error.to_string()
    };
    for name in [
        "",
        "/a.nii",
        "..",
        "a/../b.nii",
        "a//b.nii",
        "./a.nii",
        "a/",
    ] {
        assert!(refusal(&[name]).contains("no plain path"), "{name}");
    }
    for name in ["a\\b.nii", "C:a.nii", "a\0.nii", "a\n.nii"] {
        assert!(refusal(&[name]).contains("has a character"), "{name}");
    }
    assert!(refusal(&[&"a".repeat(70_000)]).contains("too long"));
    assert!(refusal(&["a.nii", "b.nii", "a.nii"]).contains("\"a.nii\" occurs twice"));
    assert_eq!(listed(dir.path()), [""; 0]);
    // Folders and letters of any language are fine.
    let good = ["ärzte/é.nii".to_string(), "日.nii".to_string()];
    pack(&path, &good, 1, &[vec![1], vec![2]]).unwrap();
    assert_eq!(read_by_us(&path).len(), 2);
    assert_eq!(read_by_zip(&path)[0].0, good[0]);
}

/// The old archive stays, and nothing lies beside it.
#[test]
fn a_failure_leaves_the_old_archive_and_no_rubbish() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    fs::write(&path, b"old").unwrap();
    let unreadable =
        |index: usize| Error::malformed(Path::new(&format!("{index}.nii")), "is cut", "none");
    for jobs in [1, 4] {
        let result = pack_zip(&path, &names(30), jobs, &Silent, |index, entry| {
            entry.write_all(&label_map(index as u8)).unwrap();
            match index {
                // The later one is done first.
                9 => {
                    std::thread::sleep(Duration::from_millis(30));
                    Err(unreadable(9))
                }
                11 => Err(unreadable(11)),
                20.. => panic!("begun after a failure"),
                _ => Ok(()),
            }
        });
        let error = result.unwrap_err().to_string();
        assert!(error.contains("9.nii: is cut"), "{error}");
        assert_eq!(listed(dir.path()), ["a.zip"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}

/// `/dev/full` cannot be renamed to, so the folder is what cannot be written.
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), b"").unwrap();
    let path = dir.path().join("file/a.zip");
    let error = pack(&path, &names(1), 1, &[vec![1]]).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
}

struct StopsAfter(AtomicUsize, AtomicBool);

impl Progress for StopsAfter {
    fn plan(&self, _units: u64) {}
    fn stage(&self, _cell: &str, _name: &str) {}
    fn advance(&self, units: u64) {
        if self.0.fetch_sub(units as usize, Ordering::SeqCst) == 1 {
            self.1.store(true, Ordering::SeqCst);
        }
    }
    fn note(&self, _line: &str) {}
    fn interrupted(&self) -> bool {
        self.1.load(Ordering::SeqCst)
    }
}

#[test]
fn an_interruption_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    let stops = StopsAfter(AtomicUsize::new(5), AtomicBool::new(false));
    let packed = AtomicUsize::new(0);
    let error = pack_zip(&path, &names(1000), 2, &stops, |_, entry| {
        packed.fetch_add(1, Ordering::SeqCst);
        io::copy(&mut io::repeat(0).take(1000), entry).map_err(Error::write(&path))?;
        Ok(())
    })
    .unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Interrupted);
    assert!(packed.into_inner() < 20);
    assert_eq!(listed(dir.path()), [""; 0]);
}

/// A bug in a reader ends the program; it must not leave the other threads waiting for ever.
#[test]
#[should_panic]
fn a_panic_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    let _ = pack_zip(&path, &names(50), 3, &Silent, |index, _| {
        assert!(index != 2, "a bug");
        Ok(())
    });
}
