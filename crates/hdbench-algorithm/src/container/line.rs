//! The command line that runs a command in a container: no network, no privileges, the caller's user, its folders and
//! nothing else of this machine.

use std::collections::BTreeMap;

use hdbench_ground::error::Result;

use super::contained::{Contained, Launch, words};
use super::image::Container;
use super::{apptainer, bubblewrap, engine};
use crate::table::runtime::Runtime;

impl Container {
    /// # Errors
    /// `Error::Usage` for a folder whose name the runtime cannot be given; `Error::Read` for a root folder that cannot
    /// be listed.
    pub(crate) fn launch(&self, what: &Contained<'_>) -> Result<Launch> {
        let image = self.image.as_str();
        let (arguments, env) = match self.runtime {
            Runtime::Docker | Runtime::Podman => (
                engine::arguments(self.runtime, image, what)?,
                BTreeMap::new(),
            ),
            Runtime::Apptainer => apptainer::arguments(image, what)?,
            Runtime::Bubblewrap => (bubblewrap::arguments(image, what)?, BTreeMap::new()),
        };
        Ok(Launch {
            program: self.program.clone(),
            arguments,
            env,
            is_unset: match self.runtime {
                Runtime::Apptainer => apptainer::is_unset,
                Runtime::Docker | Runtime::Podman | Runtime::Bubblewrap => |_| false,
            },
        })
    }

    /// What ends a container and removes it, whatever state it is in; none where its processes are ours.
    pub(crate) fn remove_arguments(&self, name: &str) -> Option<Vec<String>> {
        self.has_engine().then(|| words(&["rm", "--force", name]))
    }

    /// What prints the number of its first process on the engine's machine.
    pub(crate) fn process_arguments(&self, name: &str) -> Option<Vec<String>> {
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
    pub(crate) fn has_engine(&self) -> bool {
        matches!(self.runtime, Runtime::Docker | Runtime::Podman)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::container::contained::Mount;

    /// The arguments in one text, and the runtime's environment.
    type Line = (String, BTreeMap<String, String>);

    fn line<'a>(
        runtime: Runtime,
        image: &str,
        change: impl Fn(&mut Contained<'a>),
    ) -> Result<Line> {
        let launch = launch(runtime, image, change)?;
        Ok((launch.arguments.join(" "), launch.env))
    }

    fn launch<'a>(
        runtime: Runtime,
        image: &str,
        change: impl Fn(&mut Contained<'a>),
    ) -> Result<Launch> {
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
        container.launch(&what)
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

    /// The folders of this machine that a command line lets a program write to.
    fn writable(runtime: Runtime, arguments: &[String]) -> Vec<String> {
        let after = |flag: &'static str| {
            let pairs = arguments.windows(2).filter(move |pair| pair[0] == flag);
            pairs.map(|pair| pair[1].as_str())
        };
        let found: Vec<&str> = match runtime {
            Runtime::Docker | Runtime::Podman => {
                let writable = after("--mount").filter(|mount| !mount.ends_with(",readonly"));
                let from = writable.map(|mount| mount.strip_prefix("type=bind,source=").unwrap());
                from.map(|mount| mount.split(',').next().unwrap()).collect()
            }
            Runtime::Apptainer => after("--bind")
                .filter(|bind| !bind.ends_with(":ro"))
                .map(|bind| bind.split(':').next().unwrap())
                .collect(),
            Runtime::Bubblewrap => after("--bind").collect(),
        };
        // No other flag of theirs mounts what is this machine's, but GPUs.
        let others = [
            "--volume",
            "-v",
            "-B",
            "--dev-bind",
            "--overlay",
            "--writable",
            "--home",
        ];
        assert!(
            !arguments.iter().any(|word| others.contains(&word.as_str())),
            "{arguments:?}"
        );
        found.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn inputs_and_whatever_else_is_the_users_is_mounted_read_only() {
        let mount = |from: &str, to, writable| Mount {
            from: from.into(),
            to,
            writable,
        };
        let mounts = [
            mount("/s/input", "/input", false),
            mount("/s/output", "/output", true),
            mount("/s/tmp", "/tmp", true),
            mount("/s/model", "/model", false),
            mount("/s/data", "/data", false),
        ];
        let root = tempfile::tempdir().unwrap();
        for folder in ["usr", "home"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let at = root.path().to_str().unwrap();
        for (runtime, image) in [
            (Runtime::Docker, "x"),
            (Runtime::Podman, "x"),
            (Runtime::Apptainer, "x.sif"),
            (Runtime::Bubblewrap, at),
        ] {
            let arguments = launch(runtime, image, |what| what.mounts = &mounts)
                .unwrap()
                .arguments;
            let folders = writable(runtime, &arguments);
            assert_eq!(folders, ["/s/output", "/s/tmp"], "{runtime:?}");
            // Each of the others is named once, as read-only.
            let text = arguments.join(" ");
            for name in ["input", "model", "data"] {
                let read_only = [
                    format!("type=bind,source=/s/{name},target=/{name},readonly"),
                    format!("/s/{name}:/{name}:ro"),
                    format!("--ro-bind /s/{name} /{name}"),
                ];
                let is_there = |one: &String| text.contains(one.as_str());
                assert!(read_only.iter().any(is_there), "{runtime:?}: {text}");
                assert_eq!(text.matches(&format!("/s/{name}")).count(), 1, "{text}");
            }
            // And nobody gets the rights to mount anything anew.
            let rights: &[&str] = match runtime {
                Runtime::Docker | Runtime::Podman => &[
                    "--cap-drop ALL",
                    "--security-opt no-new-privileges",
                    "--read-only",
                ],
                Runtime::Apptainer => {
                    &["--drop-caps ALL", "--no-privs", "--containall", "--no-home"]
                }
                Runtime::Bubblewrap => &["--cap-drop ALL", "--unshare-all"],
            };
            for right in rights {
                assert!(text.contains(right), "{runtime:?}: {text}");
            }
        }
    }

    #[test]
    fn apptainer_does_not_hear_what_the_caller_mounts_elsewhere() {
        let launch = launch(Runtime::Apptainer, "x.sif", |_| {}).unwrap();
        let hears = |name: &str| !(launch.is_unset)(name);
        for name in [
            "APPTAINER_BIND",
            "APPTAINER_BINDPATH",
            "SINGULARITY_BINDPATH",
            "APPTAINER_WRITABLE",
            "SINGULARITY_ADD_CAPS",
            "APPTAINERENV_LD_PRELOAD",
            "SINGULARITYENV_A",
        ] {
            assert!(!hears(name), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "APPTAINER_CACHEDIR",
            "APPTAINER_DOCKER_PASSWORD",
        ] {
            assert!(hears(name), "{name}");
        }
    }
}
