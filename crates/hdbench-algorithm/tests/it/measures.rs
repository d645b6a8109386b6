//! What a run is said to have cost.

use std::fs;
use std::process::Command;
use std::time::Instant;

use hdbench_algorithm::{Job, run};

use crate::world::{Cell, World};

#[test]
fn processor_time_and_memory_are_those_of_the_whole_tree() {
    let world = World::of(&["a"]);
    // Two children that compute, one that holds 60 MB while another holds 40 MB.
    let script = "cp $1 $3/a.nii.gz
        sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done' &
        sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done' &
        wait
        head -c 60000000 /dev/zero | tail -c 60000000 | sleep 1.6 &
        head -c 40000000 /dev/zero | tail -c 40000000 | sleep 1.6 &
        wait; times";
    let (ran, _, log) = world.run(&world.script(script, ""));
    let measured = ran.cases[0].measured.as_ref().unwrap();
    // What the shell says of its children: `0m0.12s 0m0.01s` in the last line.
    let children = log.lines().last().unwrap();
    let seconds: f64 = children
        .split_whitespace()
        .map(|word| {
            let (minutes, seconds) = word.trim_end_matches('s').split_once('m').unwrap();
            minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
        })
        .sum();
    let cpu = measured.cpu_seconds.unwrap();
    assert!(
        seconds > 0.1 && (cpu - seconds).abs() < 0.1 + 0.1 * seconds,
        "{cpu} of {seconds}"
    );
    let peak = measured.peak_memory_mb.unwrap();
    assert!((100.0..160.0).contains(&peak), "{peak}");
    assert_eq!((measured.gpu_peak_mb, measured.gpu_area_mb_s), (None, None));
}

#[test]
fn memory_that_processes_share_counts_once() {
    let world = World::of(&["a"]);
    // Who would name x once more would have a copy of its own.
    let script = "x=$(head -c 60000000 /dev/zero | tr '\\0' a); sleep 0.4; \
        for i in 1 2 3 4 5 6; do (sleep 1; :) & done; wait; cp $1 $3/a.nii.gz";
    let (ran, ..) = world.run(&world.script(script, ""));
    let peak = ran.total.peak_memory_mb.unwrap();
    // Seven times 60 MB, were it added up.
    assert!((55.0..250.0).contains(&peak), "{peak}");
}

#[test]
fn cases_of_a_folder_have_the_time_between_their_outputs() {
    let world = World::of(&["a", "b", "c"]);
    let script = "sleep 0.9; cp $1 $3/b.nii.gz; sleep 0.3; cp $1 $3/a.nii.gz; sleep 0.5; cp $1 $3/c.nii.gz; sleep 0.2";
    let (ran, ..) = world.run(&world.script(script, ""));
    let seconds: Vec<_> = ran
        .cases
        .iter()
        .map(|case| {
            let measured = case.measured.as_ref().unwrap();
            assert!(!measured.divided);
            (measured.wall_seconds, measured.warm_up)
        })
        .collect();
    for ((found, warm_up), (expected, is_first)) in
        seconds
            .iter()
            .zip([(0.3, false), (0.9, true), (0.7, false)])
    {
        // A busy machine may take longer.
        assert!((-0.05..1.0).contains(&(found - expected)), "{seconds:?}");
        assert_eq!(*warm_up, is_first);
    }
    let sum: f64 = seconds.iter().map(|(seconds, _)| seconds).sum();
    assert!((sum - ran.total.wall_seconds).abs() < 1e-6);
}

#[test]
fn times_that_cannot_be_seen_are_divided_and_marked() {
    let world = World::of(&["a", "b"]);
    let (ran, ..) = world.run(&world.script("sleep 0.6; cp $1 $3/a.nii.gz; cp $1 $3/b.nii.gz", ""));
    for case in &ran.cases {
        let measured = case.measured.as_ref().unwrap();
        assert!(measured.divided && !measured.warm_up);
        assert!((measured.wall_seconds - ran.total.wall_seconds / 2.0).abs() < 1e-9);
    }
    assert!(
        ran.notes[0].starts_with("when each case ended could not be seen"),
        "{:?}",
        ran.notes
    );
}

#[test]
fn a_gpu_that_is_asked_for_and_not_seen_is_told() {
    let has_device = fs::read_dir("/dev").unwrap().flatten().any(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("nvidia")
    });
    let path = std::env::var_os("PATH").unwrap();
    if has_device || std::env::split_paths(&path).any(|at| at.join("nvidia-smi").exists()) {
        println!("skipped: a GPU is here");
        return;
    }
    let world = World::of(&["a"]);
    let told = |keys: &str| world.run(&world.script("cp $1 $3/a.nii.gz", keys)).0.notes;
    assert_eq!(
        told("gpus = 2"),
        [
            "gpus = 2, and no GPU was seen here: no nvidia-smi is on PATH, and no /dev/nvidia* is there"
        ]
    );
    assert_eq!(told(""), [] as [&str; 0]);
}

#[test]
fn memory_of_a_gpu_is_what_nvidia_smi_prints() {
    let world = World::of(&["a"]);
    // One that knows two cards, of which the second is used.
    let bin = world.path("bin");
    fs::create_dir(&bin).unwrap();
    let script = "echo \"$@\" > $(dirname $0)/asked\nfor mb in 100 900 400 400 400 400 400 400 400 400; do\n\
        echo 0, GPU-aaa, 7000; echo 1, GPU-bbb, $mb; sleep 0.1\ndone\n";
    world.program("bin/nvidia-smi", script);
    // The search path is the process's: another process has it.
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let test = "measures::as_a_program_with_a_gpu";
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("PATH", path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&status.stdout);
    assert!(
        status.status.success() && said.contains("1 passed"),
        "{said}"
    );
    let asked = fs::read_to_string(bin.join("asked")).unwrap();
    assert_eq!(
        asked.trim(),
        "--query-gpu=index,uuid,memory.used --format=csv,noheader,nounits -lms 100"
    );
}

/// Started by the test above.
#[test]
#[ignore = "runs inside of another test"]
fn as_a_program_with_a_gpu() {
    let world = World::of(&["a"]);
    let algorithm = world.script(
        "cp $1 $3/a.nii.gz; echo [$CUDA_VISIBLE_DEVICES]; sleep 0.55",
        "gpus = 1",
    );
    let (paths, gpus) = (world.paths(), ["1".to_owned()]);
    let job = Job {
        gpus: &gpus,
        ..world.job(&algorithm, &paths)
    };
    let ran = run(&job, &Cell::of(&algorithm)).unwrap();
    assert_eq!(fs::read_to_string(&paths[1]).unwrap(), "== run\n[1]\n");
    assert_eq!(ran.total.gpu_peak_mb, Some(900.0));
    // 0.1 s of 100 MB, 0.1 s of 900 MB, and 400 MB for the rest.
    let expected = 10.0 + 90.0 + 400.0 * (ran.total.wall_seconds - 0.2);
    let area = ran.total.gpu_area_mb_s.unwrap();
    // The rest of the card's looks come when the machine lets them.
    assert!((area - expected).abs() < 100.0, "{area} of {expected}");
}

/// `cargo test -p hdbench-algorithm -- --ignored overhead --nocapture` prints what watching costs: the time of a command
/// without and with it, and the processor time of the watching itself, which a busy machine does not hide.
#[test]
#[ignore = "a measurement"]
fn overhead() {
    let world = World::of(&["a"]);
    let work = "i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done";
    let algorithm = world.script(&format!("{work}; cp $1 $3/a.nii.gz"), "");
    let bare = || {
        let begun = Instant::now();
        let status = Command::new("sh").args(["-c", work]).status().unwrap();
        assert!(status.success());
        begun.elapsed().as_secs_f64()
    };
    let (mut bare_seconds, mut watched_seconds) = (Vec::new(), Vec::new());
    let mut own_seconds = 0.0;
    for _ in 0..5 {
        bare_seconds.push(bare());
        let before = own_cpu_seconds();
        watched_seconds.push(world.run(&algorithm).0.total.wall_seconds);
        own_seconds += own_cpu_seconds() - before;
    }
    let sum: f64 = watched_seconds.iter().sum();
    bare_seconds.sort_by(f64::total_cmp);
    watched_seconds.sort_by(f64::total_cmp);
    println!("bare {bare_seconds:.2?} s\nwatched {watched_seconds:.2?} s");
    println!(
        "medians differ by {:.2} %",
        100.0 * (watched_seconds[2] / bare_seconds[2] - 1.0)
    );
    println!(
        "watching took {:.2} % of one core",
        100.0 * own_seconds / sum
    );
}

/// `cargo test -p hdbench-algorithm -- --ignored copying --nocapture` prints what the copy of a CT costs that a command
/// for one case is given, beside the links of one for all cases. HDBENCH_COPY_IN names a folder on another file system.
#[test]
#[ignore = "a measurement"]
fn copying() {
    let mut world = World::of(&["a"]);
    // Its first bytes are those of a packed NIfTI file, and nobody reads further.
    let mut bytes = fs::read(&world.cases[0].image).unwrap();
    bytes.resize(100_000_000, 0);
    if let Some(folder) = std::env::var_os("HDBENCH_COPY_IN") {
        world.dir = tempfile::tempdir_in(folder).unwrap();
    }
    let file = world.path("big.nii.gz");
    fs::write(&file, bytes).unwrap();
    world.cases[0].image = file;
    for keys in ["per = \"folder\"", "per = \"case\""] {
        let algorithm = world.script("true", keys);
        let mut seconds: Vec<f64> = (0..7)
            .map(|_| {
                let begun = Instant::now();
                let ran = world.run(&algorithm).0;
                begun.elapsed().as_secs_f64() - ran.total.wall_seconds
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        println!("{keys}: {:.3} s beside the command", seconds[3]);
    }
}

/// Of this process alone, without its children.
fn own_cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11..13]
        .iter()
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum();
    ticks / 100.0
}
