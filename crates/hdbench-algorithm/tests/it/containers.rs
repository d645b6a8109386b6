//! Containers that really run, where something here runs them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hdbench_algorithm::{Algorithm, Container, Runtime};

use crate::world::World;

/// The CT's own voxels are the labels: 1 is liver, others are background.
const LABELS: &str = "labels = { 1 = \"liver\" }\nother_labels = \"background\"\n";

/// Says where it is, and tries what it may not.
const LOOK: &str = "cp /input/a.nii.gz /output/a.nii.gz; id -u; pwd; ls /input /output; echo [$CUSTOM] [$HOME]; \
    grep -c : /proc/net/dev; touch /input/x /usr/x 2>/dev/null || echo read-only; touch /tmp/x && echo tmp";

fn algorithm(script: &str, keys: &str) -> Algorithm {
    let text = format!("run = [\"sh\", \"-c\", '''{script}''']\n{LABELS}{keys}");
    let algorithm = Algorithm::of_table("theirs", &text.parse().unwrap()).unwrap();
    algorithm.check("theirs", &[]).unwrap();
    algorithm
}

fn own_user() -> String {
    let id = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8(id.stdout).unwrap()
}

/// This machine's own root as a root folder, if bubblewrap runs here.
fn bubblewrap(script: &str, keys: &str) -> Option<(Algorithm, Container)> {
    let line = ["--unshare-all", "--ro-bind", "/", "/", "true"];
    let answer = Command::new("bwrap")
        .args(line)
        .stderr(Stdio::null())
        .status();
    if !answer.is_ok_and(|status| status.success()) {
        println!("skipped: no bwrap that runs here");
        return None;
    }
    let algorithm = algorithm(
        script,
        &format!("image = \"/\"\nruntime = \"bubblewrap\"\n{keys}"),
    );
    let container = Container::find(&algorithm).unwrap().unwrap();
    assert_eq!(
        (container.runtime, &container.digest),
        (Runtime::Bubblewrap, &None)
    );
    Some((algorithm, container))
}

#[test]
fn bubblewrap_shows_a_program_its_folders_alone() {
    let Some((algorithm, container)) = bubblewrap(LOOK, "env = { CUSTOM = \"x,y\" }") else {
        return;
    };
    let world = World::of(&["a"]);
    let (ran, cell, log) = world.run_in(&algorithm, Some(&container));
    assert_eq!(cell.taken(), ["a"], "{log}");
    let expected = format!(
        "== run\n{}/tmp\n/input:\na.nii.gz\n\n/output:\na.nii.gz\n[x,y] [/tmp]\n1\nread-only\ntmp\n",
        own_user()
    );
    assert_eq!(log, expected);
    assert!(ran.total.cpu_seconds.is_some() && ran.total.peak_memory_mb.is_some());
    // A hard link, or a copy: the file itself is as it was.
    assert!(world.cases[0].image.is_file());
}

#[test]
fn a_container_cannot_write_to_the_cts_that_it_is_given() {
    let script = "for f in /input/a.nii.gz /input; do
            echo more >> $f; chmod 777 $f; touch $f; mv $f /tmp/x; rm -rf $f; ln $f /tmp/y; mount -o remount,rw /input
        done 2>/dev/null
        cp /input/a.nii.gz /output/a.nii.gz";
    for per in ["folder", "case"] {
        let Some((algorithm, container)) = bubblewrap(script, &format!("per = \"{per}\"")) else {
            return;
        };
        let world = World::of(&["a"]);
        let facts = || {
            let image = &world.cases[0].image;
            let found = fs::metadata(image).unwrap();
            (
                fs::read(image).unwrap(),
                found.permissions(),
                found.modified().unwrap(),
            )
        };
        let before = facts();
        let (_, cell, log) = world.run_in(&algorithm, Some(&container));
        assert_eq!(cell.taken(), ["a"], "{log}");
        assert!(facts() == before, "{per}");
    }
}

#[test]
fn bubblewrap_ends_with_all_its_processes() {
    let nap = format!("81.{:08}", std::process::id());
    let script = format!("setsid sleep {nap} & sleep {nap}");
    let Some((algorithm, container)) = bubblewrap(&script, "timeout = \"0.5s\"") else {
        return;
    };
    let world = World::of(&["a"]);
    let begun = Instant::now();
    let (ran, ..) = world.run_in(&algorithm, Some(&container));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(
        ran.cases[0].failure.as_ref().unwrap().to_string(),
        "did not end within 0.5 s"
    );
    let left = Command::new("ps").args(["-eo", "args"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&left.stdout).contains(&nap));
}

/// A program that answers as docker does and writes down what it was asked: `run` gives the answer and then does what
/// `then` says, `inspect` knows the process `first`.
fn fake_docker(world: &World, then: &str, first: u32) -> Container {
    let script = format!(
        "echo \"$1 $2 $3\" >> {asked}
        case $1 in
        inspect) echo {first} ;;
        run)
            for a; do case $a in *,target=/output) out=${{a#type=bind,source=}}; out=${{out%,target=/output}} ;; esac; done
            cp {answer} $out/a.nii.gz
            {then} ;;
        esac",
        asked = world.path("asked").display(),
        answer = world.path("answer.nii.gz").display(),
    );
    Container {
        runtime: Runtime::Docker,
        program: world.program("docker", &script),
        image: "team:1".to_owned(),
        digest: None,
    }
}

#[test]
fn an_engine_is_asked_for_its_process_and_to_remove_what_must_end() {
    let world = World::of(&["a"]);
    let text = "run = [\"predict\", \"/input\"]\nimage = \"team:1\"\ntimeout = \"1.2s\"";
    let algorithm = Algorithm::of_table("theirs", &text.parse().unwrap()).unwrap();
    algorithm.check("theirs", &[]).unwrap();
    // A process that is not ours holds 50 MB, as one in a container does.
    let hold = "head -c 50000000 /dev/zero | tail -c 50000000 | sleep 3";
    let mut theirs = Command::new("sh").args(["-c", hold]).spawn().unwrap();
    let docker = fake_docker(&world, "sleep 0.8", theirs.id());
    let (ran, cell, _) = world.run_in(&algorithm, Some(&docker));
    assert_eq!(cell.taken(), ["a"]);
    let peak = ran.total.peak_memory_mb.unwrap();
    assert!(peak > 50.0, "{peak}");
    let docker = fake_docker(&world, "sleep 90", theirs.id());
    let (ran, ..) = world.run_in(&algorithm, Some(&docker));
    assert_eq!(
        ran.cases[0].failure.as_ref().unwrap().to_string(),
        "did not end within 1.2 s"
    );
    // It was not ended with the run, but would have been by its engine.
    assert!(theirs.try_wait().unwrap().is_none());
    let asked = fs::read_to_string(world.path("asked")).unwrap();
    let name = asked.split_whitespace().nth(2).unwrap();
    let once = format!("rm --force {name}\nrun --rm --name\ninspect --type container\n");
    assert_eq!(asked, format!("{once}{once}rm --force {name}\n"));
    theirs.wait().unwrap();
}

/// An image that podman makes of this machine's `busybox`, if both are there.
fn podman_image() -> Option<&'static str> {
    const IMAGE: &str = "localhost/hdbench-algorithm-test:1";
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).exists())?;
    let root = tempfile::tempdir().unwrap();
    let tree = format!(
        "mkdir -p bin tmp usr proc dev sys etc && cp {busybox} bin/busybox && bin/busybox --install -s bin"
    );
    let tree = tree.replace(
        "--install -s bin",
        "--list | while read name; do ln -sf busybox bin/$name; done",
    );
    let made = |line: &str| {
        let status = Command::new("sh")
            .args(["-c", line])
            .current_dir(root.path())
            .stdout(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    let import = format!("tar c . | podman import - {IMAGE}");
    let runs = format!("podman run --rm --network none {IMAGE} /bin/true");
    (made(&tree) && made(&import) && made(&runs)).then_some(IMAGE)
}

#[test]
#[ignore = "makes an image in the user's podman"]
fn podman_runs_an_image_the_same_way() {
    let Some(image) = podman_image() else {
        println!("skipped: no podman that runs here, or no busybox to make an image of");
        return;
    };
    let world = World::of(&["a"]);
    let keys = format!(
        "image = \"{image}\"\nruntime = \"podman\"\nenv = {{ CUSTOM = \"x,y\" }}\nprocesses = 100"
    );
    let run = algorithm(LOOK, &keys);
    let container = Container::find(&run).unwrap().unwrap();
    assert!(container.digest.as_ref().unwrap().starts_with("sha256:"));
    let (_, cell, log) = world.run_in(&run, Some(&container));
    assert_eq!(cell.taken(), ["a"], "{log}");
    assert!(log.contains("[x,y] [/tmp]\n1\nread-only\ntmp\n"), "{log}");
    let hangs = algorithm("sleep 82.25", &format!("{keys}\ntimeout = \"2s\""));
    let (ran, ..) = world.run_in(&hangs, Some(&container));
    assert_eq!(
        ran.cases[0].failure.as_ref().unwrap().to_string(),
        "did not end within 2 s"
    );
    let left = Command::new("podman")
        .args(["ps", "--all", "--quiet"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    let removed = Command::new("podman")
        .args(["rmi", image])
        .stdout(Stdio::null())
        .status();
    assert!(removed.unwrap().success());
}

#[test]
fn an_image_that_is_no_folder_is_told() {
    let keys = "image = \"/no/such/root\"\nruntime = \"bubblewrap\"\n";
    if let Err(error) = Container::find(&algorithm("true", keys)) {
        let text = error.to_string();
        assert!(
            text.contains("/no/such/root is no folder") || text.contains("no bwrap is on PATH"),
            "{text}"
        );
    } else {
        panic!("it was found");
    }
}
