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
