//! Where nnU-Net keeps what a trained model predicted: `TRAINER__PLANS__CONFIGURATION/fold_K/validation`.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use hdbench_ground::text::name_of;

/// Folders of the validation cases in that of a fold, by nnU-Net v2 and v1.
pub const VALIDATION: [&str; 2] = ["validation", "validation_raw"];

/// Which cases a network was validated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fold {
    /// Those of a fold of the cross-validation.
    Number(u32),
    /// All, which it was trained on.
    All,
}

impl Fold {
    /// What a folder's name says: `fold_3`, `fold_all`.
    pub fn of_name(name: &str) -> Option<Self> {
        match name.strip_prefix("fold_")? {
            "all" => Some(Self::All),
            // `parse` alone would take a sign.
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().map(Self::Number)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "fold_{number}"),
            Self::All => f.write_str("fold_all"),
        }
    }
}

/// A fold of a trained model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainedFold {
    /// The trainer's folder, where nnU-Net keeps the model's `dataset.json` and `plans.json`.
    pub trainer: PathBuf,
    /// The name of that folder.
    pub algorithm: String,
    /// Which fold.
    pub fold: Fold,
}

impl TrainedFold {
    /// The fold whose validation cases lie at a path: a folder `fold_K/validation`, or `fold_K` of a trainer's folder
    /// (with `__` in its name), or a file in one of them.
    pub fn of(path: &Path) -> Option<Self> {
        let path = absolute(path)?;
        let mut folder = match path.is_dir() {
            true => path.as_path(),
            false => path.parent()?,
        };
        let name = |folder: &Path| Some(name_of(folder.file_name()?).into_owned());
        let is_validation = VALIDATION.contains(&name(folder)?.as_str());
        if is_validation {
            folder = folder.parent()?;
        }
        let fold = Fold::of_name(&name(folder)?)?;
        let trainer = folder.parent()?;
        let algorithm = name(trainer)?;
        (is_validation || algorithm.contains("__")).then(|| Self {
            trainer: trainer.to_path_buf(),
            algorithm,
            fold,
        })
    }
}

/// The path from the root, without `..`, which no name of a folder can be read from.
fn absolute(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let leads_up = absolute
        .components()
        .any(|part| part == Component::ParentDir);
    match leads_up {
        true => absolute.canonicalize().ok(),
        false => Some(absolute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_is_known_by_its_folders() {
        let dir = tempfile::tempdir().unwrap();
        let trainer = "nnUNetTrainer__nnUNetPlans__3d_fullres";
        for folder in [
            "fold_0/validation",
            "fold_12",
            "fold_all/validation",
            "fold_x",
        ] {
            std::fs::create_dir_all(dir.path().join(trainer).join(folder)).unwrap();
        }
        std::fs::create_dir_all(dir.path().join("mine/fold_1/validation_raw")).unwrap();
        let of = |path: &str| {
            let found = TrainedFold::of(&dir.path().join(path))?;
            assert!(found.trainer.ends_with(&found.algorithm));
            Some((found.algorithm, found.fold))
        };
        let named = |fold| Some((trainer.to_owned(), fold));
        for (path, fold) in [
            ("fold_0/validation", Fold::Number(0)),
            ("fold_0/validation/summary.json", Fold::Number(0)),
            ("fold_0/validation/../../fold_12", Fold::Number(12)),
            ("fold_all/validation", Fold::All),
        ] {
            assert_eq!(of(&format!("{trainer}/{path}")), named(fold), "{path}");
        }
        assert_eq!(
            of("mine/fold_1/validation_raw"),
            Some(("mine".into(), Fold::Number(1)))
        );
        for path in ["mine/fold_1", "mine", trainer, &format!("{trainer}/fold_x")] {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
