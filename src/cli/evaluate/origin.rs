//! Whose scores they are: data set, algorithm and fold.

use std::path::Path;

use super::command::Evaluate;
use crate::cli::progress::Reporter;
use crate::evaluation::Origin;
use crate::progress::Progress;
use crate::text::{Shown as _, name_of};
use crate::volume::nnunet_folder::{Fold, TrainedFold};
use crate::volume::split_image_name;

impl Evaluate {
    /// Names that the user gave, else those of the folders: validation cases of nnU-Net are of a trainer and a fold.
    pub(super) fn origin(&self, reporter: &Reporter) -> Origin {
        let task = self.task.clone();
        let task = task.unwrap_or_else(|| stem_of(&self.reference));
        let algorithm = self.algorithm.clone();
        let Some(trained) = TrainedFold::of(&self.pred) else {
            return Origin {
                task: task.into(),
                algorithm: algorithm.unwrap_or_else(|| stem_of(&self.pred)).into(),
                fold: 0,
                seed: 0,
            };
        };
        let fold = match trained.fold {
            Fold::Number(number) => {
                let named = match &algorithm {
                    Some(_) => String::new(),
                    None => format!("algorithm {}, ", trained.algorithm),
                };
                let hint = match &algorithm {
                    Some(_) => "",
                    None => "; --algorithm gives another name",
                };
                reporter.note(&format!(
                    "note: {named}fold {number}, by the folders of {}{hint}",
                    self.pred.shown()
                ));
                number
            }
            Fold::All => {
                reporter.note(&format!(
                    "warning: {} are predictions of {}, whose network was trained on these cases: scores say nothing of \
                     others",
                    self.pred.shown(),
                    trained.fold
                ));
                0
            }
        };
        Origin {
            task: task.into(),
            algorithm: algorithm.unwrap_or(trained.algorithm).into(),
            fold,
            seed: 0,
        }
    }
}

/// Whether predictions are the validation cases of a fold: a part of the references by nature.
pub(super) fn is_of_fold(predictions: &Path) -> bool {
    let trained = TrainedFold::of(predictions);
    trained.is_some_and(|trained| trained.fold != Fold::All)
}

/// A path's last part without its extensions: `submission` of `runs/submission.zip`.
fn stem_of(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let name = absolute.file_name().unwrap_or(absolute.as_os_str());
    let name = name_of(name);
    let image = split_image_name(&name).map(|(stem, _)| stem);
    image
        .or_else(|| name.strip_suffix(".zip"))
        .map_or_else(|| name.clone().into_owned(), str::to_owned)
}
