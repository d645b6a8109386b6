//! What of the command line is scored: structures, metrics, label maps; and what pairing noticed.

use super::command::{Evaluate, Profile};
use super::told::shortened;
use crate::cli::progress::Reporter;
use crate::error::{Error, Result};
use crate::evaluation::structures::{StructureSet, find as find_structures};
use crate::evaluation::{
    Failure, LabelMapChoice, MissingCase, Options, PairOptions, Pairing, StructuresPlan,
    described_structures, is_of_fold, liver_and_lesion, pair_options,
};
use crate::metrics::surface::Border;
use crate::progress::Progress;
use crate::text::Shown as _;

impl Evaluate {
    /// Shows what pairing noticed; returns the missing cases, unless they are allowed.
    pub(super) fn tell_of(&self, pairing: &Pairing, reporter: &Reporter) -> Vec<Failure> {
        for note in &pairing.notes {
            reporter.note(&format!("note: {note}"));
        }
        for warning in &pairing.warnings {
            reporter.note(&format!("warning: {warning}"));
        }
        if !pairing.extra.is_empty() {
            let names: Vec<String> = pairing
                .extra
                .iter()
                .map(|source| source.path().shown().to_string())
                .collect();
            reporter.note(&format!(
                "warning: {} predictions have no reference and are left out: {}",
                names.len(),
                shortened(&names)
            ));
        }
        if pairing.missing.is_empty() {
            return Vec::new();
        }
        let missing: Vec<String> = pairing.missing.iter().map(|one| one.case.clone()).collect();
        let text = format!(
            "{} of {} references have no prediction: {}",
            missing.len(),
            missing.len() + pairing.pairs.len(),
            shortened(&missing)
        );
        if is_of_fold(&self.pred) {
            reporter.note(&format!(
                "note: {text}; they are taken for those of other folds"
            ));
            return Vec::new();
        }
        if self.allow_missing {
            reporter.note(&format!(
                "warning: {text}; left out, as {} asks",
                self.flag_for_missing
            ));
            return Vec::new();
        }
        reporter.note(&format!(
            "error: {text}\nhint: add them to {}, or score the others with {}",
            self.pred.shown(),
            self.flag_for_missing
        ));
        let failure = |one: &MissingCase| Failure {
            case: one.case.clone(),
            error: Error::malformed(
                &self.pred,
                format!("has no prediction for {}", one.reference.path().shown()),
                format!(
                    "add it, or leave the case out with {}",
                    self.flag_for_missing
                ),
            ),
        };
        pairing.missing.iter().map(failure).collect()
    }

    pub(super) fn options(&self, reporter: &Reporter) -> Result<PairOptions> {
        let roots = [self.pred.as_path(), self.reference.as_path()];
        let choice = |own: &Option<LabelMapChoice>| own.as_ref().unwrap_or(&self.label_map).clone();
        let maps = [choice(&self.pred_label_map), choice(&self.ref_label_map)];
        let (options, notes) = pair_options(roots, &maps, self.ignore_geometry)?;
        for note in notes {
            reporter.note(&format!("note: {note}"));
        }
        Ok(options)
    }

    /// The structures that are asked for, or that a `dataset.json` beside the files names beside liver and
    /// tumour; none where label maps of liver and tumour are scored.
    pub(super) fn structure_set(&self, reporter: &Reporter) -> Result<Option<StructureSet>> {
        let asked = !self.structure.is_empty() || self.structures.is_some();
        if asked && self.profile == Profile::Lits {
            return Err(Error::usage(
                "profile lits scores liver and lesion alone",
                "leave --profile out",
            ));
        }
        if let Some(name) = &self.structures {
            return find_structures(name).map(Some);
        }
        if !self.structure.is_empty() {
            return StructureSet::of_arguments(&self.structure).map(Some);
        }
        let by_default = [&self.pred_label_map, &self.ref_label_map];
        let is_auto =
            self.label_map == LabelMapChoice::Auto && by_default.iter().all(|map| map.is_none());
        if self.profile == Profile::Lits || !is_auto {
            return Ok(None);
        }
        let roots = [self.pred.as_path(), &self.reference];
        let Some((path, set)) = described_structures(roots)? else {
            return Ok(None);
        };
        reporter.note(&format!(
            "note: {} structures of {} are scored; --structures or --label-map chooses others",
            set.structures.len(),
            path.shown()
        ));
        Ok(Some(set))
    }

    /// What of a set is scored.
    pub(super) fn plan(&self, set: &StructureSet, reporter: &Reporter) -> StructuresPlan {
        let mut plan = StructuresPlan::of(set, self.metrics());
        plan.reading.ignore_geometry = self.ignore_geometry;
        for line in &plan.left_out {
            reporter.note(&format!("warning: {line}"));
        }
        plan
    }

    pub(super) fn wanted_metrics(
        &self,
        pairs: &PairOptions,
        reporter: &Reporter,
    ) -> Result<Options> {
        let mut notes = Vec::new();
        let structures = liver_and_lesion(pairs, &mut notes)?;
        notes
            .iter()
            .for_each(|note| reporter.note(&format!("note: {note}")));
        Ok(Options {
            structures,
            ..self.metrics()
        })
    }

    /// Everything that is computed of a structure.
    pub(super) fn metrics(&self) -> Options {
        let borders = self.border.iter().copied().map(Border::from);
        Options {
            one_to_one: self.one_to_one,
            definitions: self
                .definitions
                .iter()
                .flat_map(|own| own.0.clone())
                .collect(),
            ..Options::measuring(borders, self.nsd_tolerance.iter().copied())
        }
    }
}
