//! Ranking by any structures.

use std::path::Path;

use super::command::{Leaderboard, verdict};
use crate::cli::progress::Reporter;
use crate::error::{Error, Result};
use crate::evaluation::structures::{self, StructureSet, find};
use crate::evaluation::{LabelMapChoice, Options, StructuresPlan, score_structures};
use crate::progress::Progress;
use crate::report::{
    StructuresEntry, StructuresRank, refuse_undirected, structures_leaderboard,
    structures_leaderboard_json,
};
use crate::text::Shown as _;

impl Leaderboard {
    /// The structures that are asked for, or that a `dataset.json` beside the references names; none where the challenge's
    /// table is meant.
    pub(super) fn structure_set(&self, reporter: &Reporter) -> Result<Option<StructureSet>> {
        if let Some(name) = &self.structures {
            return find(name).map(Some);
        }
        if !self.structure.is_empty() {
            return StructureSet::of_arguments(&self.structure).map(Some);
        }
        if self.ref_label_map != LabelMapChoice::Auto {
            return Ok(None);
        }
        let Some((path, set)) = structures::beside(&self.reference)? else {
            return Ok(None);
        };
        if structures::is_of_liver_and_tumour(&path, &set) {
            return Ok(None);
        }
        reporter.note(&format!(
            "note: ranked by the {} structures of {}; --structures chooses others",
            set.structures.len(),
            path.shown()
        ));
        Ok(Some(set))
    }

    pub(super) fn rank_structures(&self, set: &StructureSet, reporter: &Reporter) -> Result<()> {
        refuse_undirected(&self.metrics)?;
        if set.every_value {
            return Err(Error::usage(
                "the values of a label map are no structures to rank submissions by: each may have others",
                "name them: --structure kidney=1 --structure tumour=2, or a file with --structures",
            ));
        }
        let names: Vec<&str> = set.structures.iter().map(|one| one.name.as_str()).collect();
        let by = StructuresRank::parse(self.rank_by.as_deref(), &self.metrics, &names)?;
        let plan = StructuresPlan::of(set, Options::default());
        for line in &plan.left_out {
            reporter.note(&format!("warning: {line}"));
        }
        let mut entries = self.each_submission(
            reporter,
            |path, name| self.structures_entry(path, name, &plan, reporter),
            |name, problem| StructuresEntry {
                name,
                problem: Some(problem),
                ..StructuresEntry::default()
            },
        )?;
        reporter.finish();
        if entries.iter().all(|entry| entry.cases == 0) {
            let problem = entries.iter().find_map(|entry| entry.problem.clone());
            return Err(self.refuse_all(problem));
        }
        // What could not be opened lacks every reference.
        let all = entries.iter().map(|entry| entry.missing + entry.cases);
        let references = all.max().unwrap_or_default();
        for entry in entries.iter_mut().filter(|entry| entry.cases == 0) {
            entry.missing = references;
        }
        by.check(&entries, &self.metrics)?;
        let tables = structures_leaderboard(&entries, &by, &self.metrics, references);
        self.show(&tables, reporter, || {
            structures_leaderboard_json(&entries, &by, &self.metrics, references)
        })?;
        let incomplete = entries.iter().filter(|entry| !entry.is_complete());
        verdict(incomplete.map(|entry| entry.name.as_str()), entries.len())
    }

    fn structures_entry(
        &self,
        path: &Path,
        name: &str,
        plan: &StructuresPlan,
        reporter: &Reporter,
    ) -> Result<StructuresEntry> {
        let held = self.held(path, name, reporter, |pair| {
            score_structures(pair, &plan.reading, &plan.metrics)
        })?;
        for failure in &held.failures {
            reporter.note(&format!(
                "error: {name}: {}: {}",
                failure.case, failure.error
            ));
        }
        let lacking = held.lacking();
        let cases: Vec<_> = held.cases.into_iter().map(|case| case.scored).collect();
        Ok(StructuresEntry {
            problem: held.problem,
            ..StructuresEntry::of(name, &cases, &self.metrics, lacking)
        })
    }
}
