//! The processes of a run: what was started, what that started, and what hides from it.
//!
//! Read from `/proc`. A process belongs to a run if it descends from the first one, is in its process group, did so once,
//! or carries the run's mark in its environment: who forks twice and opens a session of its own to be left alone still
//! has that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::time::Instant;

use crate::system::{Signal, reap, signal_process, ticks_per_second};

/// The variable that marks every process of a run.
pub(crate) const MARK: &str = "HDBENCH_JOB";

/// What `/proc/PID/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: i32,
    group: i32,
    is_zombie: bool,
    /// In clock ticks: its own and that of children it has waited for.
    cpu_ticks: u64,
    /// In clock ticks since the machine started; with the number it names a process for good.
    started: u64,
}

/// A process of the run, as it was seen last.
#[derive(Clone, Debug)]
struct Member {
    stat: Stat,
    /// The largest that its memory ever was, bytes.
    high_water: u64,
    /// Of its resident memory, what is for other processes to count, bytes; none before it was weighed.
    others_bytes: Option<u64>,
}

/// What a look at the tree shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Of all processes until now.
    pub cpu_seconds: f64,
    /// Resident memory of all of them together since the last look, bytes; what they share counts once.
    pub resident_bytes: u64,
}

/// The processes of a run.
pub(crate) struct ProcessTree {
    root: i32,
    /// Whether somebody has taken note of the first one's end, so that its number may be given to another.
    root_is_gone: bool,
    /// The first processes of containers, whose parents are not ours.
    other_roots: BTreeSet<i32>,
    /// Whether signals are for the first one's group alone: what else there is belongs to an engine.
    has_engine: bool,
    mark: Vec<u8>,
    members: BTreeMap<i32, Member>,
    /// Clock ticks of members that are gone and whom no other member has waited for.
    gone_ticks: u64,
    cpu_seconds: f64,
    /// When what processes share may be looked at again.
    weigh_again: Instant,
}

/// Weighing may take this share of the time: the kernel walks through all pages for it.
const WEIGHING: u32 = 50;

impl ProcessTree {
    /// Of a process that leads a group of its own, marked with `mark`.
    pub fn of(root: i32, mark: &str, has_engine: bool) -> Self {
        Self {
            root,
            root_is_gone: false,
            other_roots: BTreeSet::new(),
            has_engine,
            mark: marked(mark),
            members: BTreeMap::new(),
            gone_ticks: 0,
            cpu_seconds: 0.0,
            weigh_again: Instant::now(),
        }
    }

    /// Adds the first process of a container.
    pub fn add_root(&mut self, process: i32) {
        self.other_roots.insert(process);
    }

    /// The first process has ended and its parent has taken note of it.
    pub fn root_is_gone(&mut self) {
        self.root_is_gone = true;
    }

    /// Looks at all processes. None on a system without `/proc`, and where none of the run's was ever seen.
    pub fn look(&mut self) -> Option<Seen> {
        let all = all_processes();
        let members = self.belonging(&all);
        self.count_gone(&members);
        let began = Instant::now();
        let has_others = members.len() > 1;
        let weighs = has_others && began >= self.weigh_again;
        let mut resident_bytes = 0;
        let mut known = BTreeMap::new();
        for pid in members {
            let stat = all[&pid];
            let [now, high_water] = memory_of(pid);
            let before = self.members.get(&pid);
            let before_bytes = before.map_or(0, |member| member.high_water);
            // It was larger between the last look and this one.
            let most = if high_water > before_bytes {
                high_water
            } else {
                now
            };
            let others_bytes = match (has_others, weighs) {
                (false, _) => Some(0),
                (true, true) => Some(proportional_of(pid).map_or(0, |own| now.saturating_sub(own))),
                (true, false) => before.and_then(|member| member.others_bytes),
            };
            // A process that was just forked seems as large as the one that it shares everything with.
            resident_bytes += others_bytes.map_or(0, |others| most.saturating_sub(others));
            let high_water = high_water.max(before_bytes);
            known.insert(
                pid,
                Member {
                    stat,
                    high_water,
                    others_bytes,
                },
            );
        }
        self.members = known;
        if weighs {
            self.weigh_again = began + began.elapsed() * WEIGHING;
        }
        self.reap();
        let ticks: u64 = self
            .members
            .values()
            .map(|member| member.stat.cpu_ticks)
            .sum();
        let seconds = (self.gone_ticks + ticks) as f64 / ticks_per_second() as f64;
        // What a process that ignores its children's ends never learns is not forgotten.
        self.cpu_seconds = self.cpu_seconds.max(seconds);
        (!self.members.is_empty()).then_some(Seen {
            cpu_seconds: self.cpu_seconds,
            resident_bytes,
        })
    }

    /// Those of the run, and below them all that they started.
    fn belonging(&self, all: &BTreeMap<i32, Stat>) -> BTreeSet<i32> {
        let own = own_process();
        let began = all.get(&self.root).map_or(0, |root| root.started);
        let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        let mut open = Vec::new();
        for (&pid, stat) in all {
            children.entry(stat.parent).or_default().push(pid);
            let is_known = || {
                let member = self.members.get(&pid);
                member.is_some_and(|member| member.stat.started == stat.started)
            };
            // Orphans are given to this process, or, where it could not ask for them, to the first of all.
            let is_marked = || {
                let is_orphan = stat.parent == own || stat.parent == 1;
                is_orphan && stat.started >= began && has_mark(pid, &self.mark)
            };
            let belongs = (pid == self.root && !self.root_is_gone)
                || stat.group == self.root
                || self.other_roots.contains(&pid)
                || is_known()
                || is_marked();
            if belongs && pid != own {
                open.push(pid);
            }
        }
        let mut members = BTreeSet::new();
        while let Some(pid) = open.pop() {
            if members.insert(pid) {
                open.extend(children.get(&pid).into_iter().flatten());
            }
        }
        members
    }

    /// Keeps the time of members that are gone and that no other one has waited for.
    fn count_gone(&mut self, members: &BTreeSet<i32>) {
        for (pid, member) in &self.members {
            let waited_for = self.members.contains_key(&member.stat.parent);
            if !members.contains(pid) && !waited_for {
                self.gone_ticks += member.stat.cpu_ticks;
            }
        }
    }

    /// Takes note of orphans that have ended: nobody else does.
    fn reap(&self) {
        let own = own_process();
        for (&pid, member) in &self.members {
            if member.stat.is_zombie && member.stat.parent == own && pid != self.root {
                reap(pid);
            }
        }
    }

    /// The members that still run, beside the first one, with their names; not those of an engine.
    pub fn survivors(&self) -> Vec<(i32, String)> {
        let running = self
            .members
            .iter()
            .filter(|(_, member)| !member.stat.is_zombie && !self.has_engine);
        running
            .filter(|(pid, _)| **pid != self.root)
            .map(|(&pid, _)| (pid, name_of(pid)))
            .collect()
    }

    /// Sends a signal, where no engine is in between, to every member that was seen at the last look, but for the first
    /// one's group while that one can be told: see [`crate::system::signal_group`].
    pub fn signal(&self, signal: Signal) {
        for (&pid, member) in &self.members {
            let is_same = stat_of(pid).is_some_and(|stat| stat.started == member.stat.started);
            let is_told = member.stat.group == self.root && !self.root_is_gone;
            if is_same && !is_told && !self.has_engine && !member.stat.is_zombie {
                signal_process(pid, signal);
            }
        }
    }
}

/// Ends what still runs with a mark: processes of a run whose own harness was killed. Their names.
pub(crate) fn end_marked(mark: &str) -> Vec<String> {
    let mark = marked(mark);
    let own = own_process();
    let mut ended = Vec::new();
    // Who forks while it is looked for is found the next time.
    for _ in 0..10 {
        let found: Vec<i32> = all_processes()
            .iter()
            .filter(|(pid, stat)| **pid != own && !stat.is_zombie && has_mark(**pid, &mark))
            .map(|(&pid, _)| pid)
            .collect();
        if found.is_empty() {
            break;
        }
        for pid in found {
            let name = format!("{} ({pid})", name_of(pid));
            if !ended.contains(&name) {
                ended.push(name);
            }
            signal_process(pid, Signal::KILL);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    ended
}

fn own_process() -> i32 {
    std::process::id().cast_signed()
}

fn marked(mark: &str) -> Vec<u8> {
    format!("{MARK}={mark}").into_bytes()
}

/// Whether a process was started with a mark in its environment; not of other users' processes.
fn has_mark(pid: i32, mark: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable == mark)
}

fn all_processes() -> BTreeMap<i32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter_map(|pid| Some((pid, stat_of(pid)?)))
        .collect()
}

fn stat_of(pid: i32) -> Option<Stat> {
    let mut buffer = [0; 1024];
    let mut file = fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    let read = file.read(&mut buffer).ok()?;
    parse_stat(&String::from_utf8_lossy(&buffer[..read]))
}

/// The name stands in brackets and may hold anything, brackets too.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, behind) = text.rsplit_once(')')?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<i64>().ok();
    // Its own time and its children's, in user and kernel mode: fields 14 to 17 of proc(5), the third of which is
    // the first here.
    let cpu_ticks = (11..15).map(number).sum::<Option<i64>>()?;
    Some(Stat {
        parent: number(1)? as i32,
        group: number(2)? as i32,
        is_zombie: matches!(fields.first(), Some(&"Z" | &"X")),
        cpu_ticks: cpu_ticks.max(0) as u64,
        started: number(19)? as u64,
    })
}

/// Resident memory of a process now and at most, bytes; 0 of one that has ended.
fn memory_of(pid: i32) -> [u64; 2] {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    ["VmRSS:", "VmHWM:"].map(|key| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let kilobytes =
            line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kilobytes.unwrap_or(0) * 1024
    })
}

/// What is a process's own of its resident memory, bytes: a page that n processes have counts an nth. None where it cannot
/// be read: of another user's process.
fn proportional_of(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>();
    kilobytes.ok().map(|kilobytes| kilobytes * 1024)
}

fn name_of(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    hdbench_ground::text::shown(name.trim()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_passed_over() {
        let text =
            "12 (a) b (c)) S 7 12 5 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 99999 1000 50 0 0";
        let stat = parse_stat(text).unwrap();
        let expected = Stat {
            parent: 7,
            group: 12,
            is_zombie: false,
            cpu_ticks: 100,
            started: 99_999,
        };
        assert_eq!(stat, expected);
        assert_eq!(parse_stat("12 (a"), None);
        assert_eq!(parse_stat("12 (a) S 1"), None);
    }

    #[test]
    fn this_process_is_seen_with_its_memory() {
        let own = own_process();
        assert!(all_processes().contains_key(&own));
        let [now, most] = memory_of(own);
        assert!(now > 0 && most >= now);
        let proportional = proportional_of(own).unwrap();
        assert!(proportional > 0 && proportional <= most);
    }
}
