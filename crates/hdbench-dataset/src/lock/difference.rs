use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::progress::Progress;
use serde::Serialize;

use super::file::{Lock, LockedCase};

impl Lock {
    /// What is otherwise in `dir` than this lock says, files first, each in the lock's order and
    /// new ones last. Cases are read again only where a file has changed.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn differences(
        &self,
        dir: &Path,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<Vec<Difference>> {
        let now = Self::renewed(dir, Some(self), jobs, progress)?;
        let mut found = Vec::new();
        if now.layout != self.layout {
            found.push(Difference {
                change: Change::Changed,
                what: "layout".into(),
                detail: format!("{} instead of {}", now.layout, self.layout),
            });
        }
        compare(
            &mut found,
            (&self.files, &now.files),
            |file| format!("file {}", file.path),
            |old, new| match old.bytes == new.bytes {
                true => "other bytes of the same number".into(),
                false => format!("{} bytes instead of {}", new.bytes, old.bytes),
            },
        );
        compare(
            &mut found,
            (&self.cases, &now.cases),
            |case| format!("case {}", case.name),
            changes_of_case,
        );
        Ok(found)
    }
}

/// One thing that a lock says otherwise than the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What became of it.
    pub change: Change,
    /// `file volume-3.nii` or `case volume-3`.
    pub what: String,
    /// How a changed one differs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What became of a file or a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// In the lock alone.
    Missing,
    /// In both, and not the same.
    Changed,
    /// On disk alone.
    New,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = match self.change {
            Change::Missing => "missing",
            Change::Changed => "changed",
            Change::New => "new",
        };
        write!(f, "{change}: {}", self.what)?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}

fn compare<T: PartialEq>(
    found: &mut Vec<Difference>,
    (old, new): (&[T], &[T]),
    name: impl Fn(&T) -> String,
    detail: impl Fn(&T, &T) -> String,
) {
    let mut now: BTreeMap<String, &T> = new.iter().map(|item| (name(item), item)).collect();
    for item in old {
        let what = name(item);
        let (change, detail) = match now.remove(&what) {
            None => (Change::Missing, String::new()),
            Some(other) if other != item => (Change::Changed, detail(item, other)),
            Some(_) => continue,
        };
        found.push(Difference {
            change,
            what,
            detail,
        });
    }
    found.extend(now.into_keys().map(|what| Difference {
        change: Change::New,
        what,
        detail: String::new(),
    }));
}

fn changes_of_case(old: &LockedCase, new: &LockedCase) -> String {
    let mut changes = Vec::new();
    let mut note = |changed: bool, what: String| {
        if changed {
            changes.push(what);
        }
    };
    note(
        old.shape != new.shape,
        format!("shape {:?} instead of {:?}", new.shape, old.shape),
    );
    note(
        old.spacing_mm != new.spacing_mm,
        format!(
            "spacing {:?} mm instead of {:?} mm",
            new.spacing_mm, old.spacing_mm
        ),
    );
    note(
        old.orientation != new.orientation,
        format!(
            "orientation {} instead of {}",
            new.orientation, old.orientation
        ),
    );
    note(old.voxels != new.voxels, "other voxels".into());
    note(
        old.labels != new.labels || old.label_voxels != new.label_voxels,
        "other labels".into(),
    );
    note(old.files != new.files, "other files".into());
    changes.join(", ")
}
