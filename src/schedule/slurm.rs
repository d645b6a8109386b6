use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::engine::{Engine, Handed, Ran, Start, Submitted};
use super::jobs::{Job, Jobs, StudyFolder, folder};
use super::queue::{self, slurm};
use super::script::quoted;
use crate::artifact::{create_dir, write_atomic};
use crate::error::{Error, Result};
use crate::network::DeviceSpecs;
use crate::progress::Progress;
use crate::study::{Cell, Study};
use crate::text::Shown as _;

/// Elements of an array where the cluster does not say how many it takes (Slurm's default is 1001, the
/// highest index 1000).
const MAX_ARRAY: usize = 1_000;

/// The batch shell is told so long before the time limit, s: a cell saves and is queued again.
const WARNING_SECONDS: u32 = 180;

/// A cluster: cells are submitted as arrays of jobs, each after what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slurm {
    /// The `hdbench` binary, on every node.
    pub binary: PathBuf,
    /// Passed on to `sbatch`, e.g. `--partition=gpu`.
    pub flags: Vec<String>,
    /// The GPUs of a cell of our networks, as its job sees them; none where they compute on the processor.
    pub gpus: Option<DeviceSpecs>,
}

impl Slurm {
    /// GPUs that a cell's job asks for.
    fn gpus(&self, study: &Study, cell: Cell) -> usize {
        match study.external(cell.algorithm) {
            Some(external) => external.gpus as usize,
            None => self.gpus.as_ref().map_or(0, |gpus| gpus.all().len()),
        }
    }
}

impl Engine for Slurm {
    fn run(&self, start: &Start<'_>, progress: &dyn Progress) -> Result<Ran> {
        start.forget_forced()?;
        let submitted = submit(start.run, start.study, start.open, self, progress)?;
        Ok(Ran::Handed(Handed::Submitted(submitted)))
    }
}

/// Submits cells that are not done, in an order in which each comes after what it needs: cells with the
/// same needs as one array, `afterok` those that they need. A last job renders the report whatever
/// became of the others. Cells whose job is still in the queue are left to it.
///
/// # Errors
/// `Error::Usage` where Slurm is not there or refuses; `Error::Interrupted`; `Error::Write`.
fn submit(
    run: &Path,
    study: &Study,
    cells: &[Cell],
    options: &Slurm,
    progress: &dyn Progress,
) -> Result<Submitted> {
    let run = std::path::absolute(run).map_err(Error::read(run))?;
    if run
        .to_str()
        .is_none_or(|run| run.contains(char::is_control))
    {
        return Err(Error::usage(
            format!("{}: no script can name this folder", run.shown()),
            "rename it: Slurm's lines take no control characters and only UTF-8",
        ));
    }
    create_dir(&folder(&run))?;
    let mut known = Jobs::read(&run)?;
    known.study = Some(StudyFolder::of(&run)?);
    let active = queue::active(&known)?;
    let mut ids: BTreeMap<Cell, String> = BTreeMap::new();
    let mut submitted = Submitted::default();
    for &cell in cells {
        if let Some(job) = known
            .of(&cell.name())
            .filter(|job| active.contains(&job.id))
        {
            ids.insert(cell, job.id.clone());
            submitted.waiting.push(cell.name());
        }
    }
    let most = max_array();
    let mut number = known.jobs.len();
    for (needs, group) in groups(study, cells, &ids, options) {
        for chunk in group.chunks(most) {
            if progress.interrupted() {
                return Err(Error::Interrupted {
                    hint: "what was submitted goes on; the same start submits the rest".into(),
                });
            }
            number += 1;
            let script =
                Path::new("slurm").join(format!("{number:04}-{}.sbatch", chunk[0].algorithm));
            let after: Vec<&str> = needs
                .iter()
                .filter_map(|need| Some(ids.get(need)?.as_str()))
                .collect();
            let text = batch_script(&run, study, chunk, &after, options);
            write_atomic(&run.join(&script), text.as_bytes())?;
            let id = sbatch(&run, &[run.join(&script).display().to_string()])?;
            for (task, &cell) in chunk.iter().enumerate() {
                let job = Job {
                    cell: cell.name(),
                    id: format!("{id}_{task}"),
                    script: script.clone(),
                };
                ids.insert(cell, job.id.clone());
                known.jobs.retain(|other| other.cell != job.cell);
                known.jobs.push(job.clone());
                submitted.jobs.push(job);
            }
            // Written after every array: what is submitted is known even if the next one is refused.
            known.write(&run)?;
        }
    }
    if !submitted.jobs.is_empty() {
        let script = run.join("slurm").join("report.sbatch");
        let text = report_script(&run, study, &ids, options);
        write_atomic(&script, text.as_bytes())?;
        known.report = Some(sbatch(&run, &[script.display().to_string()])?);
        known.write(&run)?;
        submitted.report.clone_from(&known.report);
    }
    Ok(submitted)
}

/// Cells that are not in the queue yet by what they need of those that are or will be: the first groups
/// need none.
fn groups(
    study: &Study,
    cells: &[Cell],
    queued: &BTreeMap<Cell, String>,
    options: &Slurm,
) -> Vec<(Vec<Cell>, Vec<Cell>)> {
    let open: BTreeSet<Cell> = cells.iter().copied().collect();
    let mut groups: Vec<(Vec<Cell>, Vec<Cell>)> = Vec::new();
    let mut depths: BTreeMap<Cell, usize> = BTreeMap::new();
    for &cell in cells {
        let mut needs: Vec<Cell> = cell.needs(&study.recipe);
        needs.retain(|need| open.contains(need));
        needs.sort_unstable();
        let deepest = needs.iter().filter_map(|need| depths.get(need)).max();
        depths.insert(cell, deepest.map_or(0, |depth| depth + 1));
        if queued.contains_key(&cell) {
            continue;
        }
        let same = |(other, group): &&mut (Vec<Cell>, Vec<Cell>)| {
            *other == needs && options.gpus(study, group[0]) == options.gpus(study, cell)
        };
        match groups.iter_mut().find(same) {
            Some((_, group)) => group.push(cell),
            None => groups.push((needs, vec![cell])),
        }
    }
    groups.sort_by_key(|(_, group)| depths.get(&group[0]).copied());
    groups
}

/// The lines that every script has.
fn head(run: &Path, study: &Study, name: &str) -> String {
    let mut text = String::from("#!/bin/bash\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "#SBATCH --job-name=hdbench-{}-{name}",
        plain(&study.name)
    );
    let _ = writeln!(text, "#SBATCH --chdir={}", run.display());
    let _ = writeln!(text, "#SBATCH --cpus-per-task={}", study.threads);
    text
}

/// The user's flags, behind ours: of two that say the same, Slurm takes the later.
fn flags(options: &Slurm) -> String {
    let lines = options.flags.iter().map(|flag| format!("#SBATCH {flag}\n"));
    lines.collect()
}

fn plain(name: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    };
    name.chars().map(keep).collect()
}

/// The script of an array: readable, and all that a later look needs.
fn batch_script(
    run: &Path,
    study: &Study,
    cells: &[Cell],
    after: &[&str],
    options: &Slurm,
) -> String {
    let mut text = head(run, study, cells[0].algorithm.id());
    let gpus = options.gpus(study, cells[0]);
    if gpus > 0 {
        let _ = writeln!(text, "#SBATCH --gres=gpu:{gpus}");
    }
    let _ = writeln!(text, "#SBATCH --array=0-{}", cells.len() - 1);
    let _ = writeln!(text, "#SBATCH --output=slurm/%A_%a.log");
    text += "#SBATCH --open-mode=append\n#SBATCH --requeue\n";
    let _ = writeln!(text, "#SBATCH --signal=B:USR1@{WARNING_SECONDS}");
    if !after.is_empty() {
        let _ = writeln!(text, "#SBATCH --dependency=afterok:{}", after.join(":"));
        text += "#SBATCH --kill-on-invalid-dep=yes\n";
    }
    text += &flags(options);
    text += "\ncells=(\n";
    for cell in cells {
        let _ = writeln!(text, "    {}", cell.name());
    }
    text += ")\n\n";
    let places = match &options.gpus {
        Some(gpus) if study.external(cells[0].algorithm).is_none() => format!(" --device {gpus}"),
        _ => String::new(),
    };
    let _ = writeln!(
        text,
        "# Before the time limit Slurm signals this shell: the cell saves, and the job queues itself again. A\n\
         # cell that is cancelled or preempted saves as well; Slurm itself queues a preempted one again.\n\
         requeue=\n\
         trap 'requeue=yes; kill -USR1 \"$cell\"' USR1\n\
         trap 'kill -TERM \"$cell\"' TERM\n\
         {} cell run . \"${{cells[$SLURM_ARRAY_TASK_ID]}}\"{places} &\n\
         cell=$!\n\
         # A signal ends a wait; the cell goes on until it has saved.\n\
         while :; do\n\
         \x20   wait \"$cell\"\n\
         \x20   code=$?\n\
         \x20   kill -0 \"$cell\" 2>/dev/null || break\n\
         done\n\
         if [ \"$code\" = 75 ] && [ -n \"$requeue\" ]; then\n\
         \x20   scontrol requeue \"${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}\"\n\
         fi\n\
         exit \"$code\"",
        quoted(&options.binary.display().to_string())
    );
    text
}

fn report_script(
    run: &Path,
    study: &Study,
    ids: &BTreeMap<Cell, String>,
    options: &Slurm,
) -> String {
    let mut text = head(run, study, "report");
    text += "#SBATCH --output=slurm/report-%j.log\n";
    let all: Vec<&str> = ids.values().map(String::as_str).collect();
    let _ = writeln!(text, "#SBATCH --dependency=afterany:{}", all.join(":"));
    text += &flags(options);
    let _ = writeln!(
        text,
        "\n# Whatever became of the cells: the report shows what is there.\nexec {} report .",
        quoted(&options.binary.display().to_string())
    );
    text
}

fn sbatch(run: &Path, arguments: &[String]) -> Result<String> {
    let mut all = vec!["--parsable".to_owned()];
    all.extend_from_slice(arguments);
    let printed = slurm("sbatch", &all)?;
    // `41`, or `41;cluster`.
    let id = printed
        .trim()
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::malformed(
            run,
            format!("sbatch printed {printed:?} instead of a job's number"),
            "look with squeue whether the job was taken",
        ));
    }
    Ok(id)
}

/// The highest number of elements that this cluster takes.
fn max_array() -> usize {
    let Ok(text) = slurm("scontrol", &["show".into(), "config".into()]) else {
        return MAX_ARRAY;
    };
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("MaxArraySize"));
    let number = line.and_then(|line| line.split('=').nth(1)?.trim().parse::<usize>().ok());
    // The highest index is one below.
    number.map_or(MAX_ARRAY, |most| most.saturating_sub(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_of_a_gpu_asks_for_it_and_computes_on_it() {
        let study = Study::of_tests();
        let cells = [Cell::parse("unet/fold_0/seed_0").unwrap()];
        let script = |gpus: Option<&str>| {
            let options = Slurm {
                binary: PathBuf::from("hdbench"),
                flags: vec!["--gres=gpu:a100:1".into()],
                gpus: gpus.map(|list| list.parse().unwrap()),
            };
            batch_script(Path::new("run"), &study, &cells, &[], &options)
        };
        let text = script(Some("cuda:0,cuda:1"));
        let (asked, users) = ("#SBATCH --gres=gpu:2\n", "#SBATCH --gres=gpu:a100:1\n");
        assert!(
            text.find(asked) < text.find(users) && text.contains(asked),
            "the later counts: {text}"
        );
        assert!(
            text.contains("[$SLURM_ARRAY_TASK_ID]}\" --device cuda:0,cuda:1 &\n"),
            "{text}"
        );
        let text = script(None);
        assert!(
            !text.contains(asked) && text.contains("_TASK_ID]}\" &\n"),
            "{text}"
        );
    }
}
