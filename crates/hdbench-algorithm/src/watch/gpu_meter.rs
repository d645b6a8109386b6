//! Used memory of GPUs, from `nvidia-smi`: of the whole card, ten times a second, as FLARE measures it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hdbench_ground::workers;

use super::samples::GpuSample;
use crate::container::image::on_path;
use crate::system::in_own_group;

/// Milliseconds between two looks.
const INTERVAL_MS: &str = "100";

/// Whether this machine shows a GPU: `nvidia-smi` on the search path, or a device of NVIDIA's.
pub(crate) fn sees_gpu(path: &OsStr, devices: &Path) -> bool {
    let names = fs::read_dir(devices).into_iter().flatten().flatten();
    let mut names = names.map(|entry| entry.file_name());
    on_path("nvidia-smi", path).is_some()
        || names.any(|name| name.as_encoded_bytes().starts_with(b"nvidia"))
}

/// A program that prints, and a thread that listens.
pub(crate) struct GpuMeter {
    program: Child,
    samples: Arc<Mutex<Vec<GpuSample>>>,
}

impl GpuMeter {
    /// Begins to look at GPUs, by their numbers or UUIDs. None where there is no `nvidia-smi`.
    pub fn start(gpus: &[String], begun: Instant) -> Option<Self> {
        let file = on_path("nvidia-smi", &std::env::var_os("PATH")?)?;
        let mut command = Command::new(file);
        command
            .args([
                "--query-gpu=index,uuid,memory.used",
                "--format=csv,noheader,nounits",
            ])
            .args(["-lms", INTERVAL_MS])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut program = in_own_group(&mut command).spawn().ok()?;
        let samples = Arc::new(Mutex::new(Vec::new()));
        let listener = program.stdout.take().and_then(|out| {
            let (samples, gpus) = (Arc::clone(&samples), gpus.to_vec());
            workers::spawn("GPU memory", move || listen(out, &gpus, begun, &samples)).ok()
        });
        if listener.is_none() {
            let _ = program.kill();
            let _ = program.wait();
            return None;
        }
        Some(Self { program, samples })
    }

    /// What was seen until now.
    pub fn seen(&self) -> Vec<GpuSample> {
        self.samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for GpuMeter {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Adds up the cards of one look: they come one after the other, each once.
fn listen(out: ChildStdout, gpus: &[String], begun: Instant, samples: &Mutex<Vec<GpuSample>>) {
    let mut first: Option<String> = None;
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        let Some((card, used_mb)) = used(&line, gpus) else {
            continue;
        };
        let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = *first.get_or_insert_with(|| card.clone()) == card;
        match samples.last_mut() {
            Some(last) if !is_first => last.used_mb += used_mb,
            _ => samples.push(GpuSample {
                at: begun.elapsed().as_secs_f64(),
                used_mb,
            }),
        }
    }
}

/// A line's card and its used memory, if it is one of those that are looked at.
fn used(line: &str, gpus: &[String]) -> Option<(String, f64)> {
    let mut fields = line.split(',').map(str::trim);
    let (index, uuid, used) = (fields.next()?, fields.next()?, fields.next()?);
    let asked = |gpu: &String| gpu == index || (gpu.len() > 4 && uuid.starts_with(gpu.as_str()));
    let used_mb = used.parse().ok()?;
    gpus.iter().any(asked).then(|| (index.to_owned(), used_mb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_seen_by_its_program_or_its_device() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let [bin, devices] = ["bin", "dev"].map(|name| dir.path().join(name));
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&devices).unwrap();
        fs::write(devices.join("null"), "").unwrap();
        let sees = || sees_gpu(bin.as_os_str(), &devices);
        assert!(!sees());
        fs::write(devices.join("nvidia0"), "").unwrap();
        assert!(sees());
        fs::remove_file(devices.join("nvidia0")).unwrap();
        let program = bin.join("nvidia-smi");
        fs::write(&program, "").unwrap();
        assert!(!sees());
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(sees());
    }

    #[test]
    fn a_line_is_a_card_and_its_used_memory() {
        let gpus = ["1".to_owned(), "GPU-abc".to_owned()];
        assert_eq!(used("1, GPU-x, 512", &gpus), Some(("1".to_owned(), 512.0)));
        assert_eq!(used("0, GPU-abcd-1, 7", &gpus), Some(("0".to_owned(), 7.0)));
        assert_eq!(used("0, GPU-x, 7", &gpus), None);
        assert_eq!(used("1, GPU-x, [N/A]", &gpus), None);
        assert_eq!(used("No devices were found", &gpus), None);
    }
}
