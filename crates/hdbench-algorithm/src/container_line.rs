//! The command line that runs a command in a container: no network, no privileges, the caller's user, its folders and
//! nothing else of this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;

use crate::container::Container;
use crate::runtime::Runtime;

/// Processes and threads of a container where the study's file says nothing.
const PROCESSES: u32 = 4096;

/// What `/dev/shm` may hold at most, in bytes: the engines' 64 MB end the data loaders of PyTorch.
const SHARED_MEMORY_BYTES: u64 = 8_000_000_000;

/// A folder of this machine and its name in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub from: PathBuf,
    pub to: &'static str,
    pub writable: bool,
}

/// A command that is to be run in a container.
#[derive(Clone, Debug)]
pub(super) struct Contained<'a> {
    pub command: &'a [String],
    pub mounts: &'a [Mount],
    /// Variables of its environment.
    pub env: &'a BTreeMap<String, String>,
    pub gpus: &'a [String],
    pub memory_bytes: Option<u64>,
    pub processes: Option<u32>,
    /// The container's name, by which it can be ended.
    pub name: &'a str,
    /// Numbers of the caller's user and group.
    pub user: [u32; 2],
}

/// What is started on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Variables of the runtime's own environment.
    pub env: BTreeMap<String, String>,
}

impl Container {
    /// # Errors
    /// `Error::Usage` for a folder whose name the runtime cannot be given; `Error::Read` for a root folder that cannot
    /// be listed.
    pub(super) fn launch(&self, what: &Contained<'_>) -> Result<Launch> {
        let (arguments, env) = match self.runtime {
            Runtime::Docker | Runtime::Podman => (self.engine(what)?, BTreeMap::new()),
            Runtime::Apptainer => self.apptainer(what)?,
            Runtime::Bubblewrap => (self.bubblewrap(what)?, BTreeMap::new()),
        };
        Ok(Launch {
            program: self.program.clone(),
            arguments,
            env,
        })
    }

    /// What ends a container and removes it, whatever state it is in; none where its processes are ours.
    pub(super) fn remove_arguments(&self, name: &str) -> Option<Vec<String>> {
        self.has_engine().then(|| words(&["rm", "--force", name]))
    }

    /// What prints the number of its first process on the engine's machine.
    pub(super) fn process_arguments(&self, name: &str) -> Option<Vec<String>> {
        self.has_engine().then(|| {
            words(&[
                "inspect",
                "--type",
                "container",
                "--format",
                "{{.State.Pid}}",
                name,
            ])
        })
    }

    /// Whether its processes are an engine's and not ours: they are ended through it, and what it keeps running for its
    /// own sake is left alone.
    pub(super) fn has_engine(&self) -> bool {
        matches!(self.runtime, Runtime::Docker | Runtime::Podman)
    }

    fn engine(&self, what: &Contained<'_>) -> Result<Vec<String>> {
        let [user, group] = what.user;
        let mut line = words(&[
            "run",
            "--rm",
            "--name",
            what.name,
            "--pull",
            "never",
            "--network",
            "none",
        ]);
        line.extend(words(&[
            "--security-opt",
            "no-new-privileges",
            "--security-opt",
            "label=disable",
        ]));
        line.extend(words(&["--cap-drop", "ALL", "--read-only"]));
        line.extend(words(&["--user", &format!("{user}:{group}")]));
        if self.runtime == Runtime::Podman && user != 0 {
            // Without root, podman maps numbers of users; these are to stay what they are.
            line.extend(words(&["--userns", "keep-id"]));
        }
        line.extend(words(&[
            "--pids-limit",
            &what.processes.unwrap_or(PROCESSES).to_string(),
        ]));
        if let Some(bytes) = what.memory_bytes {
            // With the same bound for both there is no swap.
            let bytes = bytes.to_string();
            line.extend(words(&["--memory", &bytes, "--memory-swap", &bytes]));
        }
        let shared = SHARED_MEMORY_BYTES.min(what.memory_bytes.unwrap_or(u64::MAX));
        line.extend(words(&["--shm-size", &shared.to_string()]));
        for mount in what.mounts {
            let mut text = format!(
                "type=bind,{},target={}",
                field("source", text_of(&mount.from)?),
                mount.to
            );
            if !mount.writable {
                text += ",readonly";
            }
            line.extend(words(&["--mount", &text]));
        }
        if !what.gpus.is_empty() && self.runtime == Runtime::Docker {
            // Read as a line of CSV, in which the list is one value.
            line.extend(words(&[
                "--gpus",
                &format!("\"device={}\"", what.gpus.join(",")),
            ]));
        } else {
            for gpu in what.gpus {
                line.extend(words(&["--device", &format!("nvidia.com/gpu={gpu}")]));
            }
        }
        for (name, value) in what.env {
            line.extend(words(&["--env", &format!("{name}={value}")]));
        }
        let (program, arguments) = what.command.split_first().ok_or_else(empty)?;
        line.extend(words(&["--entrypoint", program, &self.image]));
        line.extend(arguments.iter().cloned());
        Ok(line)
    }

    fn apptainer(&self, what: &Contained<'_>) -> Result<(Vec<String>, BTreeMap<String, String>)> {
        let mut line = words(&[
            "exec",
            "--containall",
            "--cleanenv",
            "--no-home",
            "--no-privs",
        ]);
        line.extend(words(&[
            "--drop-caps",
            "ALL",
            "--net",
            "--network",
            "none",
            "--pwd",
            "/tmp",
        ]));
        if !what.gpus.is_empty() {
            line.push("--nv".to_owned());
        }
        if let Some(bytes) = what.memory_bytes {
            line.extend(words(&["--memory", &bytes.to_string()]));
        }
        if let Some(processes) = what.processes {
            line.extend(words(&["--pids-limit", &processes.to_string()]));
        }
        for mount in what.mounts {
            let from = text_of(&mount.from)?;
            if from.contains([':', ',']) {
                return Err(Error::usage(
                    format!(
                        "{}: apptainer takes no folder with : or , in its path",
                        mount.from.shown()
                    ),
                    "move the study to another folder, or take another runtime",
                ));
            }
            let access = if mount.writable { "rw" } else { "ro" };
            line.extend(words(&["--bind", &format!("{from}:{}:{access}", mount.to)]));
        }
        line.push(self.image.clone());
        line.extend(what.command.iter().cloned());
        // Its flag for variables splits values at commas.
        let env = what
            .env
            .iter()
            .map(|(name, value)| (format!("APPTAINERENV_{name}"), value.clone()));
        Ok((line, env.collect()))
    }

    /// What is in the root folder is shown one by one, so that folders can be added beside it.
    fn bubblewrap(&self, what: &Contained<'_>) -> Result<Vec<String>> {
        let mut line = words(&[
            "--unshare-all",
            "--die-with-parent",
            "--new-session",
            "--cap-drop",
            "ALL",
        ]);
        line.push("--clearenv".to_owned());
        let root = Path::new(&self.image);
        let mut entries: Vec<_> = fs::read_dir(root)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .map_err(Error::read(root))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        let hidden = |name: &str| {
            let own = what
                .mounts
                .iter()
                .any(|mount| mount.to.trim_start_matches('/') == name);
            own || ["proc", "dev", "sys", "tmp"].contains(&name)
        };
        for entry in entries {
            let from = entry.path();
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !hidden(name)) else {
                continue;
            };
            let to = format!("/{name}");
            match fs::read_link(&from) {
                Ok(target) => line.extend(words(&["--symlink", text_of(&target)?, &to])),
                Err(_) => line.extend(words(&["--ro-bind", text_of(&from)?, &to])),
            }
        }
        line.extend(words(&[
            "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm",
        ]));
        if !what.gpus.is_empty() {
            for device in nvidia_devices() {
                line.extend(words(&["--dev-bind", &device, &device]));
            }
        }
        for mount in what.mounts {
            let bind = if mount.writable {
                "--bind"
            } else {
                "--ro-bind"
            };
            line.extend(words(&[bind, text_of(&mount.from)?, mount.to]));
        }
        for (name, value) in what.env {
            line.extend(words(&["--setenv", name, value]));
        }
        line.extend(words(&["--chdir", "/tmp", "--"]));
        line.extend(what.command.iter().cloned());
        Ok(line)
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn empty() -> Error {
    Error::Internal("a command without a program was to be run in a container".to_owned())
}

fn text_of(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::usage(
            format!(
                "{}: its name is no text, which no container can be given",
                path.shown()
            ),
            "move it to a folder whose name is UTF-8",
        )
    })
}

/// A value in the engines' list of values, which is read as a line of CSV.
fn field(key: &str, value: &str) -> String {
    match value.contains([',', '"']) {
        true => format!("\"{key}={}\"", value.replace('"', "\"\"")),
        false => format!("{key}={value}"),
    }
}

fn nvidia_devices() -> Vec<String> {
    let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut devices: Vec<_> = names
        .filter(|name| name.starts_with("nvidia"))
        .map(|name| format!("/dev/{name}"))
        .collect();
    devices.sort();
    devices
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arguments in one text, and the runtime's environment.
    type Line = (String, BTreeMap<String, String>);

    fn line<'a>(
        runtime: Runtime,
        image: &str,
        change: impl Fn(&mut Contained<'a>),
    ) -> Result<Line> {
        let container = Container {
            runtime,
            program: runtime.program().into(),
            image: image.to_owned(),
            digest: None,
        };
        let mount = |from: &str, to, writable| Mount {
            from: from.into(),
            to,
            writable,
        };
        let mounts = vec![
            mount("/s/input", "/input", false),
            mount("/s/output", "/output", true),
            mount("/s/tmp", "/tmp", true),
        ];
        let command = words(&["python", "/opt/predict.py", "/input"]);
        let env = BTreeMap::from([("A".to_owned(), "b,c d".to_owned())]);
        // A test's own values live as long as it says.
        let (mounts, command, env): (&[Mount], &[String], &_) =
            (mounts.leak(), command.leak(), Box::leak(Box::new(env)));
        let mut what = Contained {
            command,
            mounts,
            env,
            gpus: &[],
            memory_bytes: None,
            processes: None,
            name: "hdbench-1",
            user: [1000, 100],
        };
        change(&mut what);
        let launch = container.launch(&what)?;
        Ok((launch.arguments.join(" "), launch.env))
    }

    #[test]
    fn docker_runs_without_network_and_privileges_as_the_caller() {
        let (text, env) = line(Runtime::Docker, "registry/team:1", |_| {}).unwrap();
        assert_eq!(
            text,
            "run --rm --name hdbench-1 --pull never --network none --security-opt no-new-privileges --security-opt \
             label=disable --cap-drop ALL --read-only --user 1000:100 --pids-limit 4096 --shm-size 8000000000 \
             --mount type=bind,source=/s/input,target=/input,readonly --mount type=bind,source=/s/output,target=/output \
             --mount type=bind,source=/s/tmp,target=/tmp --env A=b,c d --entrypoint python registry/team:1 \
             /opt/predict.py /input"
        );
        assert!(env.is_empty());
        let gpus = ["0".to_owned(), "2".to_owned()];
        let (text, _) = line(Runtime::Docker, "x", |what| {
            what.gpus = &gpus;
            what.memory_bytes = Some(2_000_000_000);
            what.processes = Some(50);
        })
        .unwrap();
        assert!(text.contains("--gpus \"device=0,2\""), "{text}");
        assert!(
            text.contains(
                "--pids-limit 50 --memory 2000000000 --memory-swap 2000000000 --shm-size 2000000000"
            ),
            "{text}"
        );
    }

    #[test]
    fn podman_keeps_the_callers_number_and_names_gpus_its_way() {
        let gpus = ["1".to_owned()];
        let (text, _) = line(Runtime::Podman, "x", |what| what.gpus = &gpus).unwrap();
        assert!(text.contains("--user 1000:100 --userns keep-id"), "{text}");
        assert!(text.contains("--device nvidia.com/gpu=1"), "{text}");
        let (text, _) = line(Runtime::Podman, "x", |what| what.user = [0, 0]).unwrap();
        assert!(text.contains("--user 0:0 --pids-limit"), "{text}");
    }

    #[test]
    fn apptainer_has_its_own_words_for_the_same() {
        let gpus = ["1".to_owned()];
        let (text, env) = line(Runtime::Apptainer, "team.sif", |what| {
            what.gpus = &gpus;
            what.processes = Some(50);
        })
        .unwrap();
        assert_eq!(
            text,
            "exec --containall --cleanenv --no-home --no-privs --drop-caps ALL --net --network none --pwd /tmp --nv \
             --pids-limit 50 --bind /s/input:/input:ro --bind /s/output:/output:rw --bind /s/tmp:/tmp:rw team.sif python /opt/predict.py \
             /input"
        );
        assert_eq!(env["APPTAINERENV_A"], "b,c d");
        let mounts = [Mount {
            from: "/a,b".into(),
            to: "/input",
            writable: false,
        }];
        let error = line(Runtime::Apptainer, "x", |what| what.mounts = &mounts)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/a,b: apptainer takes no folder with : or ,"),
            "{error}"
        );
        let (text, _) = line(Runtime::Docker, "x", |what| what.mounts = &mounts).unwrap();
        assert!(
            text.contains("--mount type=bind,\"source=/a,b\",target=/input,readonly"),
            "{text}"
        );
    }

    #[test]
    fn bubblewrap_shows_the_root_folder_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["usr/bin", "tmp", "proc", "opt", "input"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        std::os::unix::fs::symlink("usr/bin", root.path().join("bin")).unwrap();
        let at = root.path().to_str().unwrap();
        let (text, _) = line(Runtime::Bubblewrap, at, |_| {}).unwrap();
        assert_eq!(
            text,
            format!(
                "--unshare-all --die-with-parent --new-session --cap-drop ALL --clearenv --symlink usr/bin /bin --ro-bind \
                 {at}/opt /opt --ro-bind {at}/usr /usr --proc /proc --dev /dev --tmpfs /dev/shm --ro-bind /s/input /input \
                 --bind /s/output /output --bind /s/tmp /tmp --setenv A b,c d --chdir /tmp -- python /opt/predict.py /input"
            )
        );
    }
}
