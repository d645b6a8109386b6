//! What an algorithm may do wrong.

use std::fs;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hdbench_algorithm::{Failure, FailureCause, run};
use hdbench_ground::error::Error;

use crate::world::{Cell, World};

fn only(ran: &hdbench_algorithm::Ran) -> &Failure {
    ran.cases[0].failure.as_ref().expect("a failure")
}

/// A time to sleep that is this test's alone, among all that may run here.
fn nap(number: u32) -> String {
    format!("{number}.{:08}", std::process::id())
}

/// Whether a process with this in its command line is there.
fn is_running(argument: &str) -> bool {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .map(|entry| fs::read(entry.path().join("cmdline")).unwrap_or_default())
        .any(|line| {
            line.split(|byte| *byte == 0)
                .any(|word| word == argument.as_bytes())
        })
}

#[test]
fn a_program_that_is_missing_is_named_for_every_case() {
    let world = World::of(&["a", "b"]);
    let mut algorithm = world.script("", "per = \"case\"");
    algorithm.run[0] = "no-such-program-anywhere".to_owned();
    let (ran, cell, _) = world.run(&algorithm);
    assert_eq!(cell.taken(), [] as [&str; 0]);
    for case in &ran.cases {
        let text = case.failure.as_ref().unwrap().to_string();
        assert!(
            text.starts_with("cannot start no-such-program-anywhere: No such file"),
            "{text}"
        );
        assert!(text.contains("\nhint: install it"), "{text}");
        assert_eq!(case.measured, None);
    }
    algorithm.run[0] = world.path("answer.nii.gz").to_str().unwrap().to_owned();
    let text = only(&world.run(&algorithm).0).to_string();
    assert!(
        text.contains("Permission denied") && text.contains("chmod +x"),
        "{text}"
    );
}

#[test]
fn an_exit_code_is_told_with_the_last_lines() {
    let world = World::of(&["a"]);
    let algorithm = world.script(
        "cp $1 $3/a.nii.gz; echo one; printf '\\033[31mno CUDA\\033[0m\\n' >&2; exit 3",
        "",
    );
    let (ran, cell, _) = world.run(&algorithm);
    // Its output is there, but it has said itself that it failed.
    assert_eq!(cell.outputs.lock().unwrap().len(), 0);
    assert_eq!(only(&ran).cause, FailureCause::ExitCode(3));
    assert_eq!(
        only(&ran).to_string(),
        "ended with exit code 3\nit said last:\n    one\n    no CUDA"
    );
    let ran = world.run(&world.script("kill -SEGV $$", "")).0;
    assert_eq!(only(&ran).to_string(), "was ended by signal 11 (SIGSEGV)");
}

#[test]
fn what_was_finished_before_a_failure_is_taken() {
    let world = World::of(&["a", "b", "c"]);
    let algorithm = world.script(
        "cp $1 $3/a.nii.gz; sleep 0.3; cp $1 $3/b.nii.gz; exit 1",
        "",
    );
    let (ran, cell, _) = world.run(&algorithm);
    assert_eq!(cell.taken(), ["a"]);
    let failed: Vec<_> = ran
        .cases
        .iter()
        .map(|case| case.failure.is_some())
        .collect();
    assert_eq!(failed, [false, true, true]);
}

#[test]
fn a_last_output_that_stands_whole_is_taken_from_a_run_that_fails() {
    for (end, keys) in [("exit 1", ""), ("sleep 60", "timeout = \"1.2s\"")] {
        let world = World::of(&["a", "b", "c"]);
        let script = format!("cp $1 $3/a.nii.gz; sleep 0.3; cp $1 $3/b.nii.gz; sleep 2.5; {end}");
        let (ran, cell, _) = world.run(&world.script(&script, keys));
        assert_eq!(cell.taken(), ["a", "b"], "{end}");
        let cases = ran.cases.iter();
        let failed: Vec<_> = cases.map(|case| case.failure.is_some()).collect();
        assert_eq!(failed, [false, false, true]);
    }
}

#[test]
fn a_last_output_that_may_be_half_is_asked_for_again() {
    for (last, why) in [
        ("head -c 60 $1 > $3/b.nii.gz", "it is cut"),
        (
            "gunzip -c $1 > $3/b.nii",
            "nothing at its end proves it whole",
        ),
        (
            "gunzip -c $1 | head -c 400 | gzip > $3/b.nii.gz",
            "its end is early",
        ),
    ] {
        let world = World::of(&["a", "b"]);
        let script = format!("cp $1 $3/a.nii.gz; sleep 0.3; {last}; sleep 2.5; exit 3");
        let (ran, cell, _) = world.run(&world.script(&script, ""));
        assert_eq!(cell.taken(), ["a"], "{why}");
        let failure = ran.cases[1].failure.as_ref().expect(why);
        assert_eq!(failure.cause, FailureCause::ExitCode(3), "{why}");
    }
}

#[test]
fn a_program_that_hangs_is_ended_after_its_time() {
    let world = World::of(&["a", "b"]);
    let algorithm = world.script(&format!("sleep {}", nap(60)), "timeout = \"0.4s\"");
    let begun = Instant::now();
    let (ran, cell, _) = world.run(&algorithm);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(only(&ran).to_string(), "did not end within 0.8 s (2 cases)");
    assert!(!is_running(&nap(60)));
    let notes = cell.notes.lock().unwrap();
    assert_eq!(
        notes[0],
        "theirs: 2 cases may take 0.8 s together, 0.4 s each"
    );
}

#[test]
fn a_program_that_ignores_being_asked_is_killed() {
    let world = World::of(&["a"]);
    let algorithm = world.script(
        "trap '' TERM; echo deaf; while :; do sleep 0.05; done",
        "timeout = \"0.3s\"",
    );
    let begun = Instant::now();
    let (ran, ..) = world.run(&algorithm);
    let seconds = begun.elapsed().as_secs_f64();
    assert!((5.0..8.0).contains(&seconds), "{seconds}");
    assert_eq!(
        only(&ran).to_string(),
        "did not end within 0.3 s\nit said last:\n    deaf"
    );
}

#[test]
fn a_program_that_writes_nothing_or_other_names_has_failed() {
    let world = World::of(&["a"]);
    let ran = world.run(&world.script("echo done", "")).0;
    assert_eq!(
        only(&ran).to_string(),
        "wrote no a.nii.gz (or .nii, .mha, .nrrd): its output folder is empty\nit said last:\n    done"
    );
    let ran = world
        .run(&world.script("cp $1 $3/prediction.nii.gz; touch $3/log.txt", ""))
        .0;
    let text = only(&ran).to_string();
    assert!(
        text.contains("its output folder has log.txt, prediction.nii.gz"),
        "{text}"
    );
}

#[test]
fn processes_that_outlive_their_program_are_ended_and_told() {
    let world = World::of(&["a"]);
    // One in the group, one with a session of its own whose parent has ended, one without its environment.
    let naps = [71, 72, 73].map(nap);
    let script = format!(
        "cp $1 $3/a.nii.gz; sleep {} & (setsid sleep {} &); setsid sh -c 'sleep {} & exec sleep 0.05' & sleep 0.4",
        naps[0], naps[1], naps[2]
    );
    let begun = Instant::now();
    let (ran, cell, _) = world.run(&world.script(&script, ""));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(cell.taken(), ["a"]);
    let note = ran
        .notes
        .iter()
        .find(|note| note.contains("outlived"))
        .expect("a note");
    assert!(
        note.starts_with("3 processes outlived the command and were ended: sleep ("),
        "{note}"
    );
    for nap in naps {
        assert!(!is_running(&nap), "{nap}");
    }
}

#[test]
fn a_flood_of_words_is_bounded() {
    let world = World::of(&["a"]);
    let script = "cp $1 $3/a.nii.gz; echo first; yes | head -c 50000000; echo last";
    let (ran, cell, log) = world.run(&world.script(script, ""));
    assert_eq!(cell.taken(), ["a"]);
    assert!(log.len() < (2 << 20) + 1000, "{}", log.len());
    assert!(log.starts_with("== run\nfirst\ny\n") && log.ends_with("y\nlast\n"));
    assert_eq!(
        ran.notes,
        ["it printed much: 47.9 MB of it are not in the log"]
    );
}

#[test]
fn an_interrupt_ends_it_and_keeps_what_is_finished() {
    let world = World::of(&["a", "b"]);
    let algorithm = world.script(
        &format!(
            "cp $1 $3/a.nii.gz; sleep 0.2; cp $1 $3/b.nii.gz; sleep {}",
            nap(61)
        ),
        "",
    );
    let paths = world.paths();
    let cell = Cell::of(&algorithm);
    let job = world.job(&algorithm, &paths);
    let begun = Instant::now();
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            cell.stop.store(true, Ordering::Relaxed);
        });
        run(&job, &cell).unwrap_err()
    });
    assert!(matches!(error, Error::Interrupted { .. }), "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(cell.taken(), ["a"]);
    assert!(!is_running(&nap(61)) && !paths[0].exists());
}

#[test]
fn outputs_are_told_of_while_it_runs_and_again_if_they_change() {
    let world = World::of(&["a", "b", "c"]);
    let script = "cp $1 $3/a.nii.gz; echo no image > $3/b.nii; cp $1 $3/c.nii.gz
        sleep 3
        rm $3/b.nii; cp $1 $3/b.nii.gz";
    let (ran, cell, _) = world.run(&world.script(script, ""));
    let told: Vec<_> = {
        let outputs = cell.outputs.lock().unwrap();
        let told = outputs
            .iter()
            .map(|(case, early, taken)| (case.clone(), *early, taken.is_ok()));
        told.collect()
    };
    // The first two are quiet while it sleeps; one of them is no image then.
    assert!(told.contains(&("a".to_owned(), true, true)), "{told:?}");
    assert!(told.contains(&("b".to_owned(), false, true)), "{told:?}");
    assert_eq!(told.iter().filter(|(case, ..)| case == "a").count(), 1);
    assert!(ran.cases.iter().all(|case| case.failure.is_none()));
    let mut taken = cell.taken();
    taken.sort();
    assert_eq!(taken, ["a", "b", "c"]);
}

#[test]
fn what_a_killed_run_left_is_ended_and_removed_by_the_next() {
    let world = World::of(&["a"]);
    let scratch = world.path("scratch");
    fs::create_dir_all(scratch.join("input")).unwrap();
    fs::write(scratch.join("input/old"), "").unwrap();
    // As the processes of a run whose harness was killed.
    let mark = blake3_mark(&scratch);
    let mut left = Command::new("sleep")
        .arg(nap(62))
        .env("HDBENCH_JOB", mark)
        .spawn()
        .unwrap();
    let (ran, cell, log) = world.run(&world.script("ls $2; cp $1 $3/a.nii.gz", ""));
    assert_eq!(cell.taken(), ["a"]);
    assert_eq!(log, "== run\na.nii.gz\n");
    assert!(
        ran.notes[0].starts_with("ended what an earlier run had left running: sleep ("),
        "{:?}",
        ran.notes
    );
    assert!(!left.wait().unwrap().success());
}

#[test]
fn a_harness_that_is_killed_takes_its_algorithm_along() {
    let world = World::of(&["a"]);
    let nap = nap(63);
    // This program is the harness, in a group of its own as a shell starts one.
    let test = "failures::as_a_harness_that_is_killed";
    let mut harness = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("HDBENCH_TEST_NAP", &nap)
        .env("TMPDIR", world.dir.path())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    wait_until(|| is_running(&nap));
    let group = format!("-{}", harness.id());
    let killed = Command::new("kill").args(["-KILL", "--", &group]).status();
    assert!(killed.unwrap().success());
    assert_eq!(harness.wait().unwrap().signal(), Some(9));
    wait_until(|| !is_running(&nap));
}

fn wait_until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never was so");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Started by the test above.
#[test]
#[ignore = "runs inside of another test"]
fn as_a_harness_that_is_killed() {
    let Ok(nap) = std::env::var("HDBENCH_TEST_NAP") else {
        return;
    };
    let world = World::of(&["a"]);
    world.run(&world.script(&format!("sleep {nap} & sleep {nap}"), ""));
}

fn blake3_mark(scratch: &Path) -> String {
    let hash = hdbench_volume::artifact::hash_bytes(scratch.as_os_str().as_encoded_bytes());
    format!("hdbench-{}", &hash[..16])
}

#[test]
fn a_full_disk_is_told_as_what_it_is() {
    let world = World::of(&["a"]);
    // Theirs is told by themselves ...
    let (ran, ..) = world.run(&world.script("cat $1 > /dev/full", ""));
    let text = only(&ran).to_string();
    assert!(text.starts_with("ended with exit code 1\n"), "{text}");
    assert!(text.contains("No space left on device"), "{text}");
    // ... and ours ends the job.
    let algorithm = world.script("cp $1 $3/a.nii.gz", "");
    let paths = [world.path("scratch"), "/dev/full".into()];
    let error = run(&world.job(&algorithm, &paths), &Cell::of(&algorithm)).unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, Error::Write { .. }) && text.contains("make room"),
        "{text}"
    );
    assert!(!paths[0].exists());
}
