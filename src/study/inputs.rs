use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::bounded::for_each_bounded;
use super::definition::Study;
use super::fold::{Fold, Leak, Role, TestCase, refuse_leaks};
use super::leakage::{self, Audit, SamePair};
use super::own_folder::cache_folder;
use super::pretraining;
use crate::artifact::{Look, hash_bytes, read_file, read_text, write_atomic};
use crate::dataset::split::Labelled;
use crate::dataset::{self, Case, Dataset, Layout, Split, ircadb, load_pair, splits_json};
use crate::error::{Error, Result};
use crate::memory;
use crate::preprocess::{Grids, Stored};
use crate::progress::Progress;
use crate::seed::Seed;
use crate::volume::refuse_extent;

/// Share of the memory that is left that preprocessing may fill with cases; a larger case is prepared
/// alone.
const PREPARING_SHARE: f64 = 0.5;

/// The memory that is left where the system does not say, bytes.
const UNKNOWN_MEMORY_BYTES: u64 = 6_000_000_000;

/// What a voxel costs while its case is prepared: HU as read and clipped, labels, both again in
/// canonical order and on their way to the disk.
const BYTES_A_VOXEL: u64 = 16;

/// The files of a case as they were when they were hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedCase {
    files: usize,
    bytes: u64,
    /// Hash of names, sizes and times: while it holds, the content is not read again.
    stamp: String,
    /// Hash of the files' contents.
    blake3: String,
    /// Name of its folder in the cache; empty where it was never prepared.
    #[serde(default)]
    prepared: String,
    /// Hash of what lies there; empty where it was never prepared, or by an older version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    content: String,
}

impl LockedCase {
    /// Hashes the files of a case, unless sizes and times say that they are those hashed before.
    pub fn of(case: &Case, before: Option<&Self>) -> Result<Self> {
        let files = case.files()?;
        let (mut bytes, mut stamp) = (0, String::new());
        for file in &files {
            let metadata = std::fs::metadata(file).map_err(Error::read(file))?;
            let modified = metadata.modified().map_err(Error::read(file))?;
            let modified = modified
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_nanos());
            bytes += metadata.len();
            stamp += &format!("{} {} {modified}\n", file.display(), metadata.len());
            if file
                .extension()
                .is_some_and(|end| end.eq_ignore_ascii_case("zip"))
            {
                // Which part of it is read.
                stamp += &format!("{}\n", case.name);
            }
        }
        let stamp = hash_bytes(stamp.as_bytes())[..24].to_owned();
        if let Some(before) = before.filter(|before| before.stamp == stamp) {
            return Ok(before.clone());
        }
        let hashes = case.content_hashes()?;
        Ok(Self {
            files: files.len(),
            bytes,
            stamp,
            blake3: hash_bytes(hashes.join(" ").as_bytes()),
            prepared: String::new(),
            content: String::new(),
        })
    }

    /// Names the folder of what is prepared of the case for a study, and returns that name.
    pub(crate) fn prepare(&mut self, case: &Case, study: &Study) -> String {
        let hash = Stored::key(
            &format!("{} {}", self.blake3, case.reading()),
            &Grids::of(&study.recipe, &study.scale),
        );
        if self.prepared != hash {
            self.prepared.clone_from(&hash);
            self.content.clear();
        }
        hash
    }

    /// Whether the files have the same contents.
    pub fn is_same(&self, other: &Self) -> bool {
        self.blake3 == other.blake3
    }
}

/// `study.lock`: the hash of every input, and what followed from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lock {
    #[serde(default)]
    pub(crate) folds: Vec<LockedFold>,
    #[serde(default)]
    audit: Audit,
    #[serde(default)]
    pub(crate) cases: BTreeMap<String, LockedCase>,
    /// What was prepared of the phantoms for pre-training, by their folders in the cache.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) pretraining: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LockedFold {
    index: usize,
    role: Role,
    #[serde(flatten)]
    pub(crate) split: Split,
}

/// The cases of a study, hashed, preprocessed, audited and divided into folds.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Those that are run, in the order of their numbers; at least one.
    pub folds: Vec<Fold>,
    /// What was odd about the files.
    pub warnings: Vec<String>,
    /// What the encoder is pre-trained on; none where nothing is.
    pub pretraining: Vec<Arc<Stored>>,
    /// Every case as the study found it.
    pub(crate) locked: BTreeMap<String, LockedCase>,
    /// Cases that were others by the lock that was there before, and how.
    pub changed: Vec<String>,
}

/// A labelled case of one of the study's data sets, in the cache.
struct Ready {
    case: Case,
    /// Its name in the lock: unique over both data sets.
    key: String,
    hash: String,
    cached: PathBuf,
    stored: Arc<Stored>,
}

impl Ready {
    fn has_lesion(&self) -> bool {
        self.stored.has_lesion()
    }
}

impl Inputs {
    /// Finds, hashes, preprocesses, audits and divides a study's cases; what was done before is
    /// not done again.
    ///
    /// # Errors
    /// Whatever reading gives; `Error::Usage` where a fold would be tested on scans that it was
    /// trained on and the study does not allow it.
    pub fn prepare(run: &Path, study: &Study, progress: &dyn Progress) -> Result<Self> {
        Self::open(run, study, false, progress)
    }

    /// The same for a single cell of a study that has begun: its lock has to hold, or cells of one
    /// study would be made from different data.
    ///
    /// # Errors
    /// As [`Inputs::prepare`], and `Error::Malformed` where a case is another than the lock says.
    pub fn reopen(run: &Path, study: &Study, progress: &dyn Progress) -> Result<Self> {
        Self::open(run, study, true, progress)
    }

    fn open(run: &Path, study: &Study, hold: bool, progress: &dyn Progress) -> Result<Self> {
        progress.stage("", "preparing cases");
        let path = run.join("study.lock");
        let mut lock = read_lock(&path)?;
        let mut locked = BTreeMap::new();
        let mut warnings = Vec::new();
        let found = find(study)?;
        if hold && !lock.cases.is_empty() {
            hold_to(&lock.cases, &path, &found)?;
        }
        let (found, other_found) = found;
        let mut set = |found: Dataset, prefix: &str| -> Result<Vec<Ready>> {
            let before = &lock.cases;
            ready(
                run,
                study,
                found,
                prefix,
                before,
                &mut locked,
                &mut warnings,
                progress,
            )
        };
        let own = set(found, "")?;
        let other = match other_found {
            Some(found) => set(found, "transfer/")?,
            None => Vec::new(),
        };
        let changed = match lock.cases.is_empty() {
            true => Vec::new(),
            false => differences(&lock.cases, &locked),
        };
        lock.cases = locked;
        let pretraining = pretraining::prepare(run, study, &mut lock.pretraining, progress)?;
        let all: Vec<leakage::Scan<'_>> = own
            .iter()
            .chain(&other)
            .map(|ready| leakage::Scan {
                key: &ready.key,
                name: &ready.case.name,
                hash: &ready.hash,
                cached: &ready.cached,
            })
            .collect();
        lock.audit = leakage::audit(&all, &lock.audit)?;
        let folds = folds(study, &own, &other, &lock.audit.pairs)?;
        lock.folds = folds
            .iter()
            .map(|fold| LockedFold {
                index: fold.index,
                role: fold.role,
                split: fold.split.clone(),
            })
            .collect();
        // The cells' own processes read these files too: they are written only when they say
        // something new.
        let text = toml::to_string(&lock).map_err(|e| Error::Internal(e.to_string()))?;
        write_changed(&path, text.as_bytes())?;
        refuse_leaks(&folds, study.allow_leakage)?;
        let own_folds = folds.iter().filter(|fold| fold.role == Role::Own);
        let splits: Vec<Split> = own_folds.map(|fold| fold.split.clone()).collect();
        write_changed(&run.join("splits_final.json"), &splits_json(&splits)?)?;
        // The folder and the case itself may say the same.
        let mut told = BTreeSet::new();
        warnings.retain(|warning| told.insert(warning.clone()));
        Ok(Self {
            folds,
            warnings,
            pretraining,
            locked: lock.cases,
            changed,
        })
    }

    /// An error if the lock that was there before did not hold.
    ///
    /// # Errors
    /// `Error::Malformed` with the cases that are others than the study began with.
    pub fn as_locked(&self, run: &Path) -> Result<()> {
        match self.changed.as_slice() {
            [] => Ok(()),
            changed => Err(changed_since(&run.join("study.lock"), changed)),
        }
    }

    /// Looks at every input again, at the end of a study: contents are read where sizes or times say
    /// that they may be others.
    ///
    /// # Errors
    /// `Error::Malformed` where a case is not what it was when the study began; what reading gives.
    pub fn check_again(&self, run: &Path, study: &Study) -> Result<()> {
        hold_to(&self.locked, &run.join("study.lock"), &find(study)?)
    }

    /// The fold of this number.
    ///
    /// # Errors
    /// `Error::Usage` for one that the study does not run.
    pub fn fold(&self, index: usize) -> Result<&Fold> {
        let found = self.folds.iter().find(|fold| fold.index == index);
        found.ok_or_else(|| {
            let known: Vec<String> = self.folds.iter().map(|f| f.index.to_string()).collect();
            Error::usage(
                format!("the study has no fold {index}"),
                format!("its folds are {}", known.join(", ")),
            )
        })
    }
}

/// An error if the data is not what it was.
fn hold_to(
    locked: &BTreeMap<String, LockedCase>,
    lock: &Path,
    (own, other): &(Dataset, Option<Dataset>),
) -> Result<()> {
    let mut now = BTreeMap::new();
    for (set, prefix) in [(Some(own), ""), (other.as_ref(), "transfer/")] {
        let cases = set.into_iter().flat_map(|set| &set.cases);
        for case in cases.filter(|case| case.has_labels()) {
            let key = format!("{prefix}{}", case.name);
            let lock = LockedCase::of(case, locked.get(&key))?;
            now.insert(key, lock);
        }
    }
    match differences(locked, &now) {
        none if none.is_empty() => Ok(()),
        changed => Err(changed_since(lock, &changed)),
    }
}

/// Cases that are not the same in both, with what became of them.
pub(crate) fn differences(
    before: &BTreeMap<String, LockedCase>,
    now: &BTreeMap<String, LockedCase>,
) -> Vec<String> {
    let gone = before
        .iter()
        .filter_map(|(name, before)| match now.get(name) {
            None => Some(format!("{name} is gone")),
            Some(now) => (!now.is_same(before)).then(|| format!("{name} has other contents")),
        });
    let new = now.keys().filter(|name| !before.contains_key(*name));
    gone.chain(new.map(|name| format!("{name} is new")))
        .collect()
}

fn changed_since(lock: &Path, changed: &[String]) -> Error {
    const SHOWN: usize = 5;
    let more = match changed.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let shown = &changed[..changed.len().min(SHOWN)];
    Error::malformed(
        lock,
        format!(
            "the data changed since the study began: {}{more}",
            shown.join(", ")
        ),
        "put it back, or start the study again: what was made from it is then made anew",
    )
}

fn write_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if read_file(path).ok().as_deref() == Some(bytes) {
        return Ok(());
    }
    write_atomic(path, bytes)
}

/// Finds the study's data set and the one it is trained on for the transfer. Where the first is
/// 3DIRCADb, the volumes of LiTS that are its patients get the spacing back that they have lost.
fn find(study: &Study) -> Result<(Dataset, Option<Dataset>)> {
    let own = dataset::find(&study.data.folder)?;
    let Some(transfer) = &study.transfer else {
        return Ok((own, None));
    };
    let mut other = dataset::find(&transfer.data.folder)?;
    if own.layout == Layout::Ircadb && other.layout == Layout::Lits {
        other.with_ircadb_spacing(&ircadb::find(&study.data.folder)?)?;
    }
    Ok((own, Some(other)))
}

/// Hashes and preprocesses the labelled cases of one data set.
#[expect(
    clippy::too_many_arguments,
    reason = "two of them collect what both data sets give"
)]
fn ready(
    run: &Path,
    study: &Study,
    found: Dataset,
    prefix: &str,
    before: &BTreeMap<String, LockedCase>,
    locked: &mut BTreeMap<String, LockedCase>,
    warnings: &mut Vec<String>,
    progress: &dyn Progress,
) -> Result<Vec<Ready>> {
    warnings.extend(found.warnings);
    let (cases, bare): (Vec<Case>, Vec<Case>) = found.cases.into_iter().partition(Case::has_labels);
    warnings.extend(
        bare.iter()
            .map(|case| format!("{} has no segmentation and is not used", case.name)),
    );
    struct Task {
        case: Case,
        key: String,
        lock: LockedCase,
        cached: PathBuf,
        hash: String,
    }
    let cache = cache_folder(run, study)?;
    let mut tasks = Vec::new();
    for case in cases {
        let key = format!("{prefix}{}", case.name);
        let mut lock = LockedCase::of(&case, before.get(&key))?;
        let hash = lock.prepare(&case, study);
        tasks.push(Task {
            case,
            key,
            lock,
            cached: cache.join(&hash),
            hash,
        });
    }
    let cost = |task: &Task| match task.case.read_geometry() {
        Ok(geometry) => BYTES_A_VOXEL * geometry.len() as u64,
        // Reading the case will say what is wrong with it.
        Err(_) => task.lock.bytes,
    };
    let mut todo = Vec::new();
    // Two cases that are the same files share a folder; that they do is for the audit to tell.
    let mut folders = BTreeSet::new();
    for task in tasks.iter().filter(|task| folders.insert(&task.cached)) {
        if let Some(problem) = leakage::unprepared(&task.cached, &task.lock.content, Look::Quick) {
            if task.cached.exists() {
                progress.note(&format!(
                    "{}: {problem}: prepared again",
                    task.cached.display()
                ));
            }
            todo.push(task);
        }
    }
    let workers = rayon::current_num_threads();
    for_each_bounded(
        &todo,
        workers,
        preparing_room(),
        |task| cost(task),
        |task| {
            if progress.interrupted() {
                return Err(Error::Interrupted {
                    hint: "run the same command again to go on".into(),
                });
            }
            prepare_case(&task.case, &task.cached, study)
        },
    )?;
    tasks
        .into_iter()
        .map(|task| {
            let stored = Stored::open(&task.cached)?;
            let mut lock = task.lock;
            stored.content().clone_into(&mut lock.content);
            locked.insert(task.key.clone(), lock);
            warnings.extend(stored.warnings.iter().cloned());
            Ok(Ready {
                case: task.case,
                key: task.key,
                hash: task.hash,
                cached: task.cached,
                stored: Arc::new(stored),
            })
        })
        .collect()
}

/// Memory that preprocessing may fill, bytes.
pub(crate) fn preparing_room() -> u64 {
    let memory = memory::room_bytes().unwrap_or(UNKNOWN_MEMORY_BYTES);
    (PREPARING_SHARE * memory as f64) as u64
}

fn prepare_case(case: &Case, folder: &Path, study: &Study) -> Result<()> {
    let pair = load_pair(case)?;
    // By its file's name, which the cache does not know.
    refuse_extent(&case.image, &pair.image.geometry)?;
    let grids = Grids::of(&study.recipe, &study.scale);
    Stored::write(folder, &case.name, &pair, &grids, |dir| {
        leakage::prepare(dir, &pair.image)
    })
}

/// The folds of the protocol that the study runs, then those of its transfer.
fn folds(study: &Study, own: &[Ready], other: &[Ready], same: &[SamePair]) -> Result<Vec<Fold>> {
    let labelled: Vec<Labelled> = own
        .iter()
        .map(|ready| Labelled {
            name: ready.case.name.clone(),
            tumour: ready.has_lesion(),
        })
        .collect();
    let splits = study.protocol.folds(&labelled, Seed(study.seed))?;
    if let Some(&missing) = study.folds.iter().find(|&&fold| fold >= splits.len()) {
        return Err(Error::usage(
            format!("fold {missing} of {} does not exist", splits.len()),
            "folds are counted from 0",
        ));
    }
    let wanted = |index: usize| study.folds.is_empty() || study.folds.contains(&index);
    let mut folds = Vec::new();
    for (index, split) in splits.iter().enumerate().filter(|(i, _)| wanted(*i)) {
        let train = pick(own, &split.train)?;
        let test = pick(own, &split.test)?;
        let split = split.clone();
        folds.push(fold(index, Role::Own, split, &train, &test, same));
    }
    if study.transfer.is_some() {
        let tested: Vec<String> = splits.iter().flat_map(|split| split.test.clone()).collect();
        let mut test = pick(own, &tested)?;
        test.sort_by_key(|ready| own.iter().position(|other| other.key == ready.key));
        folds.extend(transfer(splits.len(), other, own, &test, same)?);
    }
    Ok(folds)
}

/// Training on the other data set: without any scan of the study's own set, tested here or not, and,
/// where there are such, with all of them as well.
fn transfer(
    first: usize,
    other: &[Ready],
    own: &[Ready],
    test: &[&Ready],
    same: &[SamePair],
) -> Result<Vec<Fold>> {
    let all: Vec<&Ready> = other.iter().collect();
    let own: Vec<&Ready> = own.iter().collect();
    let left_out = leaks(&all, &own, same);
    let clean: Vec<&Ready> = all
        .iter()
        .filter(|ready| left_out.iter().all(|leak| leak.train != ready.case.name))
        .copied()
        .collect();
    if clean.is_empty() {
        return Err(Error::usage(
            "every case of the training set is a scan of the test set",
            "a transfer needs other cases to train on",
        ));
    }
    let names = |cases: &[&Ready]| cases.iter().map(|ready| ready.case.name.clone()).collect();
    let split = |train: &[&Ready], what: String| Split {
        train: names(train),
        test: names(test),
        description: format!("trained on {} cases of another data set{what}", train.len()),
    };
    let honest = match left_out.len() {
        0 => ", none of which is a scan of this one".into(),
        _ => format!(
            "; {} of its {} were left out because they are scans of this one",
            all.len() - clean.len(),
            all.len()
        ),
    };
    let mut folds = vec![Fold {
        left_out: left_out.clone(),
        ..fold(
            first,
            Role::Transfer,
            split(&clean, honest),
            &clean,
            test,
            same,
        )
    }];
    if !left_out.is_empty() {
        let leaked = leaks(&all, test, same).len();
        let split = split(&all, format!(", {leaked} test scans among them"));
        folds.push(fold(first + 1, Role::Leaked, split, &all, test, same));
    }
    Ok(folds)
}

fn pick<'a>(cases: &'a [Ready], names: &[String]) -> Result<Vec<&'a Ready>> {
    names
        .iter()
        .map(|name| {
            let found = cases.iter().find(|ready| ready.case.name == *name);
            found.ok_or_else(|| {
                Error::Internal(format!("{name} is in the split but not in the data"))
            })
        })
        .collect()
}

fn fold(
    index: usize,
    role: Role,
    split: Split,
    train: &[&Ready],
    test: &[&Ready],
    same: &[SamePair],
) -> Fold {
    Fold {
        index,
        role,
        split,
        train: train
            .iter()
            .map(|ready| Arc::clone(&ready.stored))
            .collect(),
        train_hashes: train.iter().map(|ready| ready.hash.clone()).collect(),
        test: test
            .iter()
            .map(|ready| TestCase {
                case: ready.case.clone(),
                hash: ready.hash.clone(),
                cached: ready.cached.clone(),
                has_lesion: ready.has_lesion(),
            })
            .collect(),
        leaks: leaks(train, test, same),
        left_out: Vec::new(),
    }
}

fn leaks(train: &[&Ready], test: &[&Ready], same: &[SamePair]) -> Vec<Leak> {
    let name = |cases: &[&Ready], key: &str| {
        let found = cases.iter().find(|ready| ready.key == key);
        found.map(|ready| ready.case.name.clone())
    };
    same.iter()
        .filter_map(|pair| {
            let (a, b) = (pair.first.as_str(), pair.second.as_str());
            let (train, test) = match (name(train, a), name(test, b)) {
                (Some(train), Some(test)) => (train, test),
                _ => (name(train, b)?, name(test, a)?),
            };
            Some(Leak {
                train,
                test,
                evidence: pair.evidence.clone(),
            })
        })
        .collect()
}

/// The split of one of the study's own folds, by its lock.
pub(crate) fn locked_split(run: &Path, fold: usize) -> Result<Option<Split>> {
    let lock = read_lock(&run.join("study.lock"))?;
    let folds = lock.folds.into_iter();
    Ok(folds
        .filter(|locked| locked.index == fold)
        .map(|locked| locked.split)
        .next())
}

/// Numbers and roles of a study's folds, by its lock.
///
/// # Errors
/// `Error::Read` and `Error::Malformed` for the lock.
pub fn fold_roles(run: &Path) -> Result<Vec<(usize, Role)>> {
    let folds = read_lock(&run.join("study.lock"))?.folds.into_iter();
    Ok(folds.map(|fold| (fold.index, fold.role)).collect())
}

impl LockedCase {
    /// Why the study's cache does not hold the case as it was prepared; nothing where it does, or
    /// where the case is not there at all and would be prepared again.
    pub(crate) fn cache_problem(&self, cache: &Path) -> Option<String> {
        let folder = cache.join(&self.prepared);
        if self.prepared.is_empty() || !folder.exists() {
            return None;
        }
        leakage::unprepared(&folder, &self.content, Look::Whole)
    }
}

/// Whether the study's lock says nothing: it is not there, or not yet filled.
pub fn lock_is_empty(run: &Path) -> Result<bool> {
    Ok(read_lock(&run.join("study.lock"))?.folds.is_empty())
}

/// The study's cases, by name.
pub(crate) fn locked_cases(run: &Path) -> Result<BTreeMap<String, LockedCase>> {
    Ok(read_lock(&run.join("study.lock"))?.cases)
}

/// What was prepared of the phantoms for pre-training and is not as it was, by their folders in the cache.
pub(crate) fn pretraining_problems(run: &Path, cache: &Path) -> Result<Vec<(String, String)>> {
    let locked = read_lock(&run.join("study.lock"))?.pretraining;
    let problem = |(key, content): (&String, &String)| {
        let folder = cache.join(key);
        // What is not there is prepared again.
        if !folder.exists() {
            return None;
        }
        let problem = pretraining::problem(&folder, content, Look::Whole)?;
        Some((key.clone(), problem))
    };
    Ok(locked.iter().filter_map(problem).collect())
}

/// A fold by the lock, its cases by what was prepared of them; an empty name where that is unknown.
#[derive(Clone, Debug)]
pub(crate) struct PreparedFold {
    pub index: usize,
    pub role: Role,
    pub train: Vec<String>,
    pub test: Vec<String>,
}

/// The study's folds, by the lock.
///
/// # Errors
/// As [`fold_roles`].
pub(crate) fn locked_folds(run: &Path) -> Result<Vec<PreparedFold>> {
    Ok(read_lock(&run.join("study.lock"))?.prepared())
}

/// Whether a folder holds the lock of a study.
pub(crate) fn is_locked(run: &Path) -> bool {
    read_lock(&run.join("study.lock")).is_ok_and(|lock| !lock.cases.is_empty())
}

impl Lock {
    pub(crate) fn prepared(&self) -> Vec<PreparedFold> {
        let folds = self.folds.iter().map(|fold| {
            let prefix = if fold.role.is_transfer() {
                "transfer/"
            } else {
                ""
            };
            let prepared = |prefix: &str, names: &[String]| -> Vec<String> {
                let of = |name| {
                    let case = self.cases.get(&format!("{prefix}{name}"));
                    case.map(|case| case.prepared.clone()).unwrap_or_default()
                };
                names.iter().map(of).collect()
            };
            PreparedFold {
                index: fold.index,
                role: fold.role,
                train: prepared(prefix, &fold.split.train),
                test: prepared("", &fold.split.test),
            }
        });
        folds.collect()
    }
}

/// The hash of every test case's files of the study's own folds, by the case's name.
///
/// # Errors
/// As [`fold_roles`].
pub fn test_case_hashes(run: &Path) -> Result<BTreeMap<String, String>> {
    let lock = read_lock(&run.join("study.lock"))?;
    let own = lock.folds.iter().filter(|fold| fold.role == Role::Own);
    let tested: BTreeSet<&String> = own.flat_map(|fold| &fold.split.test).collect();
    Ok(tested
        .into_iter()
        .filter_map(|name| Some((name.clone(), lock.cases.get(name)?.blake3.clone())))
        .collect())
}

pub(crate) fn read_lock(path: &Path) -> Result<Lock> {
    match read_text(path) {
        Ok(text) => toml::from_str(&text)
            .map_err(|e| Error::malformed(path, e.to_string(), "delete it; it is made again")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Lock::default()),
        Err(e) => Err(Error::read(path)(e)),
    }
}
