//! Archives out: predictions packed, archives mended. Both read whatever a name can be made out of
//! and write the one form that the challenge takes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::check::{Options, Survey, survey};
use super::labels::file_for;
use super::rule::Rule;
use super::test_set::TestSet;
use super::verdict::{Finding, RuleStatus, Verdicts};
use crate::artifact::{gzip_writer, pack_zip, replace_file};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::text::Shown as _;
use crate::volume::LabelMap;

/// Of gzip, where a challenge takes `.nii.gz`.
const EFFORT: u32 = 6;

/// What became of predictions or of an archive. As JSON its `status` is that of what was written, or else of
/// what was there.
#[derive(Clone, Debug)]
pub struct WrittenArchive {
    /// How what was there is judged.
    pub before: Verdicts,
    /// The archive that was written; none where something cannot be mended.
    pub archive: Option<PathBuf>,
    /// How the written archive is judged, read from disk again.
    pub after: Option<Verdicts>,
}

impl Serialize for WrittenArchive {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told<'a> {
            status: RuleStatus,
            #[serde(serialize_with = "crate::text::optional_path_as_text")]
            archive: Option<&'a Path>,
            before: &'a Verdicts,
            after: &'a Option<Verdicts>,
        }
        Told {
            status: self.last().status,
            archive: self.archive.as_deref(),
            before: &self.before,
            after: &self.after,
        }
        .serialize(serializer)
    }
}

impl WrittenArchive {
    /// What was done, entry by entry: the rule that was broken, and the finding with its mend.
    pub fn mended(&self) -> impl Iterator<Item = (Rule, &Finding)> {
        let done = self.archive.is_some();
        self.before
            .rules
            .iter()
            .flat_map(|verdict| {
                verdict
                    .findings
                    .iter()
                    .map(|finding| (verdict.rule, finding))
            })
            .filter(move |(_, finding)| done && finding.mend.is_some())
    }

    /// The verdicts that count: of what was written, else of what was there.
    pub fn last(&self) -> &Verdicts {
        self.after.as_ref().unwrap_or(&self.before)
    }
}

/// Writes a mended copy of an archive, or of a folder as one: files unpacked, named and laid flat,
/// labels as `uint8` under the header of their test volume, in the order of its axes; what is no
/// segmentation is left out. The copy is checked before it gets its name.
///
/// Nothing is written where something is broken that only the user can mend; `before` says what.
///
/// # Errors
/// As [`super::check`]; `Error::Write`, which leaves an earlier file at `out` as it was;
/// `Error::Usage` if `out` is the archive itself.
pub fn mend(
    archive: &Path,
    test: &TestSet,
    options: &Options,
    out: &Path,
    progress: &dyn Progress,
) -> Result<WrittenArchive> {
    let same = match (archive.canonicalize(), out.canonicalize()) {
        (Ok(archive), Ok(out)) => archive == out,
        _ => false,
    };
    if same {
        return Err(Error::usage(
            format!("{}: would be replaced by its own copy", out.shown()),
            "give the mended archive another name",
        ));
    }
    let found = survey(archive, test, options, progress)?;
    if found.beside > 0 {
        return Err(Error::usage(
            format!(
                "{}: holds {} files for other tasks, which a mended archive would lack",
                archive.shown(),
                found.beside
            ),
            "unpack it, mend this task's folder alone, and pack all of them again",
        ));
    }
    if !found.verdicts.is_mendable() {
        return Ok(WrittenArchive {
            before: found.verdicts,
            archive: None,
            after: None,
        });
    }
    if found.assigned.is_empty() {
        return Err(Error::malformed(
            archive,
            "no file is a segmentation of a test volume",
            format!(
                "expected names that end with the number of a test volume, such as {} or \
                 case_3.nii.gz",
                test.challenge.own_name(3)
            ),
        ));
    }
    let after = write(&found, test, options, out, progress)?;
    Ok(WrittenArchive {
        before: found.verdicts,
        archive: Some(out.to_path_buf()),
        after: Some(after),
    })
}

/// Packs a folder (or an archive) of predictions as [`mend`] mends one: `.nii` or `.nii.gz`, with
/// the numbers of the test volumes in their names, labels as [`Options::label_map`] says. The same
/// predictions give the same bytes.
///
/// # Errors
/// As [`mend`].
pub fn pack(
    predictions: &Path,
    test: &TestSet,
    options: &Options,
    out: &Path,
    progress: &dyn Progress,
) -> Result<WrittenArchive> {
    mend(predictions, test, options, out, progress)
}

fn write(
    found: &Survey,
    test: &TestSet,
    options: &Options,
    out: &Path,
    progress: &dyn Progress,
) -> Result<Verdicts> {
    let parts: Vec<_> = found
        .assigned
        .iter()
        .filter_map(|(number, source)| Some((test.volumes.get(number)?, source)))
        .collect();
    let names: Vec<String> = parts
        .iter()
        .map(|(volume, _)| test.challenge.entry_name(volume.number))
        .collect();
    let mut after = None;
    replace_file(out, |inside| {
        progress.plan(parts.len() as u64);
        progress.stage("", &format!("packing {} segmentations", parts.len()));
        pack_zip(inside, &names, options.jobs, progress, |index, entry| {
            let (volume, source) = parts[index];
            let file = file_for(volume, source, &options.label_map)?;
            if !test.challenge.is_gzipped() {
                return entry.write_all(&file).map_err(Error::write(inside));
            }
            let mut packed = gzip_writer(entry, EFFORT);
            let written = packed.write_all(&file).and_then(|()| packed.finish());
            written.map(drop).map_err(Error::write(inside))
        })?;
        // Its labels are the challenge's now, whatever the predictions' were.
        let plain = Options {
            label_map: LabelMap::lits(),
            ..options.clone()
        };
        let mut verdicts = survey(inside, test, &plain, progress)?.verdicts;
        verdicts.archive = out.to_path_buf();
        if verdicts.status == RuleStatus::Failed {
            let rules: Vec<&str> = verdicts.failed().map(|verdict| verdict.rule.id()).collect();
            return Err(Error::Internal(format!(
                "{}: what was written fails its own check ({}); nothing is kept",
                out.shown(),
                rules.join(", ")
            )));
        }
        after = Some(verdicts);
        Ok(())
    })?;
    after.ok_or_else(|| Error::Internal("a written archive was not checked".into()))
}
