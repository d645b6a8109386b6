//! Outputs as they appear while an algorithm works through a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::outputs::Listing;
use crate::table::algorithm::InputLayout;

/// An output that has not changed for so many seconds, and after which another has begun, is taken as written.
const QUIET_SECONDS: f64 = 2.0;

/// A last output has to stand so many times longer than any other one took to be written: who writes it raw and refines it
/// has shown by the others how long that takes.
const STANDS_LONGER: f64 = 3.0;

/// Where the first case took so many times longer than any other, they were all written at the end.
const FIRST_AT_MOST: f64 = 20.0;

/// Size and time of change of a file.
type State = (u64, Option<SystemTime>);

/// The outputs of a run.
pub(crate) struct Appearing<'a> {
    folder: &'a Path,
    scratch: &'a Path,
    layout: InputLayout,
    began: SystemTime,
    /// When was looked last, in seconds since the start.
    looked_at: f64,
    listed: Option<SystemTime>,
    cases: Vec<Case>,
}

struct Case {
    stem: String,
    file: Option<File>,
}

struct File {
    path: PathBuf,
    state: State,
    /// Seconds since the start.
    begun_at: f64,
    changed_at: f64,
    /// In which state it was taken over.
    taken: Option<State>,
    /// In which state it was offered last.
    offered: Option<State>,
}

impl<'a> Appearing<'a> {
    /// Of cases by their names in the input folder; the run begins now.
    pub fn of(folder: &'a Path, scratch: &'a Path, layout: InputLayout, stems: &[&str]) -> Self {
        let case = |stem: &&str| Case {
            stem: (*stem).to_owned(),
            file: None,
        };
        Self {
            folder,
            scratch,
            layout,
            began: SystemTime::now(),
            looked_at: 0.0,
            listed: None,
            cases: stems.iter().map(case).collect(),
        }
    }

    /// Looks at the folder, `at` seconds after the start.
    pub fn look(&mut self, at: f64) {
        let changed = fs::metadata(self.folder)
            .and_then(|found| found.modified())
            .ok();
        if changed != self.listed {
            self.listed = changed;
            let listing = Listing::of(self.folder, self.scratch);
            for case in self.cases.iter_mut().filter(|case| case.file.is_none()) {
                case.file = listing.find(&case.stem, self.layout).ok().map(|path| File {
                    path,
                    state: (0, None),
                    begun_at: at,
                    changed_at: at,
                    taken: None,
                    offered: None,
                });
            }
        }
        for file in self.cases.iter_mut().filter_map(|case| case.file.as_mut()) {
            let state = state_of(&file.path);
            if state != file.state {
                file.state = state;
                file.changed_at = moment(state.1, self.began, self.looked_at, at);
                file.begun_at = file.begun_at.min(file.changed_at);
            }
        }
        self.looked_at = at;
    }

    /// Cases whose output is written, as far as can be seen while the algorithm runs, and was not offered as it is now.
    pub fn written(&self, at: f64) -> Vec<usize> {
        let new = |file: &File| file.offered != Some(file.state);
        self.before_others(at - QUIET_SECONDS, new)
    }

    /// Cases after whose output another has begun.
    pub fn finished(&self) -> Vec<usize> {
        self.before_others(f64::INFINITY, |_| true)
    }

    /// Cases after whose output no other has begun, and which were not touched again until the run was ended at `until`
    /// seconds, for longer than they would have been if they were still to change.
    ///
    /// Whether an algorithm comes back to a file cannot be known, only how it treated the others: none is among these
    /// until another one is finished.
    pub fn standing(&self, until: f64) -> Vec<usize> {
        let finished = self.finished();
        let of_finished = self.files().filter(|(case, _)| finished.contains(case));
        let took = of_finished.map(|(_, file)| file.changed_at - file.begun_at);
        let Some(longest) = took.reduce(f64::max) else {
            return Vec::new();
        };
        let stands = QUIET_SECONDS.max(STANDS_LONGER * longest);
        self.files()
            .filter(|(case, file)| !finished.contains(case) && file.changed_at <= until - stands)
            .map(|(case, _)| case)
            .collect()
    }

    fn before_others(&self, until: f64, asked: impl Fn(&File) -> bool) -> Vec<usize> {
        let last = self
            .files()
            .map(|(_, file)| file.begun_at)
            .fold(f64::NEG_INFINITY, f64::max);
        let written =
            |file: &File| file.changed_at <= until && file.changed_at < last && asked(file);
        self.files()
            .filter(|(_, file)| written(file))
            .map(|(i, _)| i)
            .collect()
    }

    /// Whether a case's output was taken over as it is now.
    pub fn is_taken(&self, case: usize) -> bool {
        let file = self.cases[case].file.as_ref();
        file.is_some_and(|file| {
            file.taken == Some(file.state) && file.state == state_of(&file.path)
        })
    }

    /// A case's output was offered, and taken over or not.
    pub fn offered(&mut self, case: usize, is_taken: bool) {
        if let Some(file) = self.cases[case].file.as_mut() {
            file.offered = Some(file.state);
            file.taken = is_taken.then_some(file.state);
        }
    }

    /// The output folder.
    pub fn folder(&self) -> &'a Path {
        self.folder
    }

    /// The folder around it.
    pub fn scratch(&self) -> &'a Path {
        self.scratch
    }

    /// A case's output, once it was seen.
    pub fn path(&self, case: usize) -> Option<&Path> {
        self.cases[case]
            .file
            .as_ref()
            .map(|file| file.path.as_path())
    }

    /// From when to when a case was worked on, as far as can be seen now: from the end of the one before it.
    pub fn interval(&self, case: usize) -> Option<[f64; 2]> {
        let end = self.cases[case].file.as_ref()?.changed_at;
        let before = self
            .files()
            .map(|(_, file)| file.changed_at)
            .filter(|at| *at < end);
        Some([before.fold(0.0, f64::max), end])
    }

    /// The same of all at the end of the run, `whole` seconds after its start: the first case's time holds its start,
    /// the last one's its end, if all cases are there. None where it cannot be told: outputs that were written side by side, or all at the end.
    pub fn intervals(&self, whole: f64) -> Option<Vec<(usize, [f64; 2])>> {
        let mut files: Vec<_> = self.files().collect();
        files.sort_by(|(_, a), (_, b)| a.changed_at.total_cmp(&b.changed_at));
        let one_by_one = files.windows(2).all(|pair| {
            let [(_, one), (_, next)] = [pair[0], pair[1]];
            one.changed_at < next.changed_at && one.changed_at <= next.begun_at
        });
        let mut from = 0.0;
        let mut intervals = Vec::new();
        for (i, (case, file)) in files.iter().enumerate() {
            // Where a case has no output, what follows the last one was spent on that.
            let is_last = i + 1 == files.len() && files.len() == self.cases.len();
            let to = if is_last { whole } else { file.changed_at };
            intervals.push((*case, [from, to]));
            from = to;
        }
        let seconds = |(_, [from, to]): &(usize, [f64; 2])| to - from;
        let longest_later = intervals.iter().skip(1).map(seconds).fold(0.0, f64::max);
        let at_the_end =
            intervals.len() > 1 && seconds(&intervals[0]) > FIRST_AT_MOST * longest_later;
        (one_by_one && !at_the_end).then_some(intervals)
    }

    fn files(&self) -> impl Iterator<Item = (usize, &File)> {
        let cases = self.cases.iter().enumerate();
        cases.filter_map(|(i, case)| Some((i, case.file.as_ref()?)))
    }
}

fn state_of(path: &Path) -> State {
    let found = fs::metadata(path).ok();
    found.map_or((0, None), |found| (found.len(), found.modified().ok()))
}

/// When a file was changed: its own time where that lies between the two looks, else the later look's.
fn moment(modified: Option<SystemTime>, began: SystemTime, earlier: f64, now: f64) -> f64 {
    let own = modified.and_then(|time| time.duration_since(began).ok());
    let own = own.map(|since| since.as_secs_f64());
    own.filter(|at| *at >= earlier && *at <= now).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(begun_at: f64, changed_at: f64) -> Option<File> {
        Some(File {
            path: PathBuf::new(),
            state: (1, None),
            begun_at,
            changed_at,
            taken: None,
            offered: None,
        })
    }

    fn with(files: Vec<Option<File>>) -> Appearing<'static> {
        let mut appearing = Appearing::of(Path::new("/"), Path::new("/"), InputLayout::Nifti, &[]);
        appearing.cases = files
            .into_iter()
            .map(|file| Case {
                stem: String::new(),
                file,
            })
            .collect();
        appearing
    }

    #[test]
    fn outputs_one_after_the_other_have_their_own_times() {
        let appearing = with(vec![
            file(9.0, 10.0),
            None,
            file(19.5, 20.0),
            file(14.0, 15.0),
        ]);
        let intervals = appearing.intervals(21.0).unwrap();
        // The second has none: who knows how long it took.
        assert_eq!(
            intervals,
            [(0, [0.0, 10.0]), (3, [10.0, 15.0]), (2, [15.0, 20.0])]
        );
        assert_eq!(appearing.interval(3), Some([10.0, 15.0]));
        assert_eq!(appearing.interval(1), None);
    }

    #[test]
    fn the_last_of_all_cases_has_the_end_of_the_run() {
        let appearing = with(vec![file(9.0, 10.0), file(14.0, 15.0)]);
        let intervals = appearing.intervals(16.0).unwrap();
        assert_eq!(intervals, [(0, [0.0, 10.0]), (1, [10.0, 16.0])]);
    }

    #[test]
    fn outputs_side_by_side_or_all_at_the_end_have_none() {
        assert_eq!(
            with(vec![file(9.0, 10.0), file(9.5, 12.0)]).intervals(13.0),
            None
        );
        assert_eq!(
            with(vec![file(90.0, 90.0), file(90.1, 90.1), file(90.2, 90.2)]).intervals(90.3),
            None
        );
        assert!(with(vec![file(9.0, 10.0)]).intervals(13.0).is_some());
        assert_eq!(with(vec![]).intervals(13.0), Some(vec![]));
    }

    #[test]
    fn a_last_output_stands_once_it_is_quiet_for_longer_than_others_were_written() {
        let of_two = |took, until| {
            let files = vec![file(10.0 - took, 10.0), file(19.0, 20.0), None];
            with(files).standing(until)
        };
        assert_eq!(of_two(0.1, 21.9), [] as [usize; 0]);
        assert_eq!(of_two(0.1, 22.1), [1]);
        assert_eq!(of_two(5.0, 34.9), [] as [usize; 0]);
        assert_eq!(of_two(5.0, 35.1), [1]);
        // A first one shows nothing of what is done with others.
        assert_eq!(
            with(vec![file(9.0, 10.0), None]).standing(999.0),
            [] as [usize; 0]
        );
        assert_eq!(with(vec![]).standing(999.0), [] as [usize; 0]);
    }

    #[test]
    fn an_output_is_written_once_another_has_begun_and_it_is_quiet() {
        let mut appearing = with(vec![file(9.0, 10.0), file(11.0, 11.0)]);
        assert_eq!(appearing.written(11.5), [] as [usize; 0]);
        assert_eq!(appearing.finished(), [0]);
        assert_eq!(appearing.written(12.5), [0]);
        appearing.offered(0, false);
        assert_eq!(appearing.written(12.5), [] as [usize; 0]);
    }
}
