use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::challenge::Challenge;
use super::contents::{self, Contents};
use super::examine::examine;
use super::naming::numbers;
use super::rule::Rule;
use super::test_set::TestSet;
use super::verdict::{Book, Finding, Verdicts};
use crate::error::{Error, Result};
use crate::evaluation::{Candidate, DEFAULT_JOBS, LeftOut, Source, nifti_label_maps_among};
use crate::progress::Progress;
use crate::volume::LabelMap;
use crate::workers;

/// How a submission is looked at.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether test volumes without a segmentation are a warning instead of a failure.
    pub allow_partial: bool,
    /// What the numbers mean; anything but [`LabelMap::lits`] is for predictions that are still to
    /// be packed.
    pub label_map: LabelMap,
    /// Entries worked on at a time; each takes up to 6 bytes for each voxel of the box around its
    /// labels.
    pub jobs: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow_partial: false,
            label_map: LabelMap::lits(),
            jobs: DEFAULT_JOBS,
        }
    }
}

/// What was found, and which file is for which test volume.
pub(super) struct Survey {
    pub verdicts: Verdicts,
    /// Test volumes with exactly one segmentation.
    pub assigned: BTreeMap<u32, Source>,
    /// Entries for other tasks of the same archive, which nothing is said of.
    pub beside: usize,
}

/// Holds an archive, or a folder as if it were one, against every rule of the challenge and of
/// anatomy. Nothing is unpacked to disk, and nothing that is found stops the check.
///
/// # Errors
/// `Error::Read` for what the system refuses, `Error::Malformed` where nothing is,
/// `Error::Interrupted`. What is wrong with the archive is in the verdicts.
pub fn check(
    archive: &Path,
    test: &TestSet,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Verdicts> {
    Ok(survey(archive, test, options, progress)?.verdicts)
}

pub(super) fn survey(
    root: &Path,
    test: &TestSet,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Survey> {
    let lenient: &[Rule] = if options.allow_partial {
        &[Rule::Complete]
    } else {
        &[]
    };
    let mut book = Book::default();
    let challenge = &test.challenge;
    let finish = |book: Book, entries: usize| {
        book.verdicts(challenge, root, entries, test.volumes.len(), lenient)
    };
    let Contents {
        mut files,
        archive,
        folders,
    } = match contents::open(root, challenge)? {
        Ok(contents) => contents,
        Err(refused) => {
            book.judge(
                refused.refusal.into(),
                Some(Finding::of_error("", &refused.error)),
            );
            return Ok(Survey {
                verdicts: finish(book, 0),
                assigned: BTreeMap::new(),
                beside: 0,
            });
        }
    };
    let all = files.len();
    files.retain(|(name, _)| !challenge.is_beside(name));
    let entries = files.len();
    let beside = all - entries;
    if archive {
        judge_directory(&mut book, &files);
    }
    let (candidates, left_out) = nifti_label_maps_among(files);
    judge_extras(&mut book, entries, &left_out);
    judge_folders(&mut book, &folders, challenge);
    let assigned = assign(&mut book, &candidates, test);
    judge_challenge_set(&mut book, test);
    examine_all(&mut book, &candidates, &assigned, test, options, progress)?;
    Ok(Survey {
        verdicts: finish(book, entries),
        assigned: assigned
            .into_iter()
            .filter_map(|(number, places)| match places[..] {
                [place] => Some((number, candidates[place].source.clone())),
                _ => None,
            })
            .collect(),
        beside,
    })
}

/// Python's zipfile lists a folder's own entry like a file.
fn judge_folders(book: &mut Book, folders: &[String], challenge: &Challenge) {
    let rule = match challenge.folder() {
        "" => Rule::Flat,
        _ => Rule::NoExtras,
    };
    let own = |folder: &&String| {
        let name = folder.trim_end_matches('/');
        name == challenge.folder() || challenge.is_beside(&format!("{name}/"))
    };
    for folder in folders.iter().filter(|folder| !own(folder)) {
        book.judge(
            rule,
            Some(Finding::mendable(folder, "is a folder", "left out")),
        );
    }
}

/// The rules that [`crate::artifact::Archive`] has kept by opening it, and entries that promise too
/// much.
fn judge_directory(book: &mut Book, files: &[(String, Source)]) {
    for rule in Rule::OF_ARCHIVES {
        book.look(rule);
    }
    for (name, _) in files
        .iter()
        .filter(|(_, source)| contents::overpromises(source))
    {
        book.add(
            Rule::NoBomb,
            Finding::new(
                name,
                "promises more bytes than its packed ones can hold",
                "pack the file again with an ordinary zip program",
            ),
        );
    }
}

fn judge_extras(book: &mut Book, entries: usize, left_out: &LeftOut) {
    for _ in 0..entries {
        book.look(Rule::NoExtras);
    }
    let groups = [
        (&left_out.droppings, "is a hidden file"),
        (&left_out.images, "is a CT image"),
        (&left_out.others, "is no segmentation"),
    ];
    for (names, what) in groups {
        for name in names {
            let what = match name {
                name if name.contains("__MACOSX") => "was left behind by macOS's Finder",
                name if name.ends_with(".DS_Store") => "was left behind by macOS",
                _ => what,
            };
            book.add(Rule::NoExtras, Finding::mendable(name, what, "left out"));
        }
    }
}

/// Finds the test volume of each candidate: places among the candidates by number.
fn assign(book: &mut Book, candidates: &[Candidate], test: &TestSet) -> BTreeMap<u32, Vec<usize>> {
    let challenge = &test.challenge;
    let keys: Vec<_> = candidates.iter().map(|file| &file.key).collect();
    let mut assigned: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (place, number) in numbers(&keys).into_iter().enumerate() {
        let name = &candidates[place].name;
        match number {
            Some(number) if test.volumes.contains_key(&number) => {
                assigned.entry(number).or_default().push(place);
                judge_name(book, name, number, challenge);
            }
            number => book.add(Rule::NoExtras, stranger(name, number, test)),
        }
    }
    for (number, volume) in &test.volumes {
        let places = assigned.get(number).map_or(&[][..], Vec::as_slice);
        book.judge(
            Rule::Complete,
            places.is_empty().then(|| {
                Finding::new(
                    &challenge.entry_name(*number),
                    format!("is missing: {} has no segmentation", volume.name),
                    "add it; a partial archive scores only with --allow-partial and never in the \
                     challenge",
                )
            }),
        );
        book.look(Rule::OneEach);
        for &place in places.get(1..).unwrap_or_default() {
            let first = &candidates[places[0]].name;
            book.add(
                Rule::OneEach,
                Finding::new(
                    &candidates[place].name,
                    format!("is for {} as well as {first}", volume.name),
                    "keep the one that counts",
                ),
            );
        }
    }
    for number in &test.others {
        let finding = Finding::new(
            &challenge.entry_name(*number),
            format!(
                "is missing: {} was left out by --only",
                challenge.volume_name(*number)
            ),
            "leave --only out, or say --allow-partial for a trial, which the challenge refuses",
        );
        book.judge(Rule::Complete, Some(finding));
    }
    assigned
}

fn judge_name(book: &mut Book, name: &str, number: u32, challenge: &Challenge) {
    let expected = challenge.own_name(number);
    let (folder, own) = name.rsplit_once('/').unwrap_or(("", name));
    let elsewhere = folder != challenge.folder();
    match challenge.folder() {
        "" => book.judge(
            Rule::Flat,
            elsewhere.then(|| {
                Finding::mendable(
                    name,
                    format!(
                        "lies in the folder {folder:?}; the challenge looks at the top level alone \
                         and calls the volume missing"
                    ),
                    "taken out of its folder",
                )
            }),
        ),
        wanted => book.judge(
            Rule::InFolder,
            elsewhere.then(|| {
                let place = match folder {
                    "" => "at the top level".to_owned(),
                    folder => format!("in the folder {folder:?}"),
                };
                Finding::mendable(
                    name,
                    format!("lies {place}; the challenge looks in {wanted} alone"),
                    format!("put into {wanted}"),
                )
            }),
        ),
    }
    book.judge(
        Rule::FileNames,
        (own != expected).then(|| {
            Finding::mendable(
                name,
                format!("expected the name {expected}"),
                format!("named {expected}"),
            )
        }),
    );
}

/// A NIfTI file that is for none of the test volumes.
fn stranger(name: &str, number: Option<u32>, test: &TestSet) -> Finding {
    let message = match number {
        Some(number) if test.others.contains(&number) => {
            return Finding::mendable(name, "was not asked for", "left out");
        }
        Some(number) if test.challenge.leaves_out(number) => format!(
            "is for {}, of which the challenge takes no segmentation",
            test.challenge.volume_name(number)
        ),
        Some(number) => format!("is for test volume {number}, which the test folder does not hold"),
        None => "has a name without the number of a test volume".to_owned(),
    };
    Finding::mendable(name, message, "left out")
}

fn judge_challenge_set(book: &mut Book, test: &TestSet) {
    let challenge = &test.challenge;
    let wanted: BTreeSet<u32> = challenge.scored().collect();
    let there: BTreeSet<u32> = test.volumes.keys().chain(&test.others).copied().collect();
    let missing = wanted.difference(&there).count();
    let others = there.difference(&wanted).count();
    let mut message = format!(
        "{missing} of the challenge's {} volumes are not among the {} of the test folder",
        wanted.len(),
        there.len()
    );
    if others > 0 {
        message += &format!("; {others} there are none of the challenge's");
    }
    let [first, last] = [wanted.first(), wanted.last()]
        .map(|number| challenge.volume_name(number.copied().unwrap_or_default()));
    book.judge(
        Rule::ChallengeSet,
        (missing > 0 || others > 0).then(|| {
            Finding::new(
                "",
                message,
                match wanted.len() == challenge.numbers().count() {
                    true => format!("the challenge wants all of {first} to {last}"),
                    false => format!("the challenge wants {} of {first} to {last}", wanted.len()),
                },
            )
        }),
    );
}

fn examine_all(
    book: &mut Book,
    candidates: &[Candidate],
    assigned: &BTreeMap<u32, Vec<usize>>,
    test: &TestSet,
    options: &Options,
    progress: &dyn Progress,
) -> Result<()> {
    let items: Vec<_> = assigned
        .iter()
        .filter_map(|(number, places)| Some((test.volumes.get(number)?, places)))
        .flat_map(|(volume, places)| {
            places
                .iter()
                .map(move |&place| (volume, &candidates[place]))
        })
        .collect();
    progress.plan(items.len() as u64);
    progress.stage("", &format!("checking {} segmentations", items.len()));
    let books = workers::each(
        &items,
        options.jobs,
        || progress.interrupted(),
        |(volume, file)| {
            let book = examine(
                &file.name,
                &file.source,
                volume,
                &options.label_map,
                &test.challenge,
            );
            progress.advance(1);
            book
        },
    );
    for found in books {
        book.append(found.ok_or_else(interrupted)?);
    }
    Ok(())
}

pub(super) fn interrupted() -> Error {
    Error::Interrupted {
        hint: "nothing is written before all segmentations are checked: start again".into(),
    }
}
