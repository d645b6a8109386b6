//! Whose scores they are: data set, algorithm and fold.

use super::command::Evaluate;
use crate::cli::progress::Reporter;
use crate::evaluation::Origin;
use crate::progress::Progress;
use crate::text::Shown as _;
use crate::volume::nnunet_folder::{Fold, TrainedFold};

impl Evaluate {
    /// Names that the user gave, else those of the folders: validation cases of nnU-Net are of a trainer and a fold.
    pub(super) fn origin(&self, reporter: &Reporter) -> Origin {
        let roots = [self.pred.as_path(), &self.reference];
        let given = [&self.task, &self.algorithm].map(Option::as_deref);
        let (origin, warning) = Origin::of_folders(roots, given[0], given[1]);
        if let Some(warning) = warning {
            reporter.note(&format!("warning: {warning}"));
        }
        let fold = TrainedFold::of(&self.pred).map(|trained| trained.fold);
        if let Some(Fold::Number(number)) = fold {
            let (named, hint) = match &self.algorithm {
                Some(_) => (String::new(), ""),
                None => (
                    format!("algorithm {}, ", origin.algorithm),
                    "; --algorithm gives another name",
                ),
            };
            reporter.note(&format!(
                "note: {named}fold {number}, by the folders of {}{hint}",
                self.pred.shown()
            ));
        }
        origin
    }
}
