use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::output::remark;
use crate::cli::progress::Reporter;
use crate::error::{Error, Result};
use crate::phantom::{self, Spec};
use crate::seed::Seed;
use crate::text::Shown as _;

/// LiTS phantoms beside those of 3DIRCADb: 28 of their own and the 20 patients.
const DEFAULT_OVERLAP_CASES: usize = 48;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Layout {
    /// volume-N.nii.gz and segmentation-N.nii.gz
    Lits,
    /// The twenty patients of 3DIRCADb: DICOM series in 3Dircadb1.N/PATIENT_DICOM and
    /// 3Dircadb1.N/MASKS_DICOM/<structure>
    Ircadb,
}

/// Generate CT phantoms of the abdomen with liver and lesions, the same for the same seed.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  hdbench datasets synth --layout lits --cases 12 --seed 7 --out phantoms --preview
  hdbench datasets synth --layout ircadb --out ircadb --overlap-with-lits lits")]
pub struct Synth {
    /// How the files lie
    #[arg(long, value_enum, default_value = "lits")]
    layout: Layout,
    /// Number of cases (default: 36; 3DIRCADb has 20; with --overlap-with-lits that of LiTS, 48)
    #[arg(long)]
    cases: Option<usize>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// In-plane size in pixels: 512 is a life-size abdomen, less scales it down to the field of view
    #[arg(long, default_value_t = 128)]
    matrix: usize,
    /// Where they go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Also write LiTS phantoms here whose cases 28 to 47 are the same twenty scans, as in the real
    /// sets; --layout ircadb only
    #[arg(long, value_name = "DIR")]
    overlap_with_lits: Option<PathBuf>,
    /// Write preview.png beside them
    #[arg(long)]
    preview: bool,
}

/// A picture in a folder that has no phantoms yet is somebody else's.
fn refuse_other_preview(folder: &Path) -> Result<()> {
    let is_ours = folder.join(phantom::RECORD_FILE).is_file();
    let mut names = ["preview.png", "preview-labels.png"].into_iter();
    match names.find(|name| !is_ours && folder.join(name).exists()) {
        None => Ok(()),
        Some(name) => Err(Error::usage(
            format!(
                "{}: holds a {name} that hdbench did not write",
                folder.shown()
            ),
            "choose an empty folder for the phantoms",
        )),
    }
}

impl Synth {
    pub fn exec(self) -> anyhow::Result<()> {
        let sets = self.sets()?;
        if self.preview {
            for (_, folder) in &sets {
                refuse_other_preview(folder)?;
            }
        }
        let reporter = Reporter::new()?;
        let written = sets
            .iter()
            .try_for_each(|(spec, folder)| phantom::write(spec, folder, &reporter).map(|_| ()));
        reporter.finish();
        written?;
        for (spec, folder) in sets {
            if self.preview {
                for picture in phantom::preview_png(&spec, &folder.join("preview.png"))? {
                    remark(&picture.shown());
                }
            }
            remark(&format!("{} cases in {}", spec.cases, folder.shown()));
        }
        Ok(())
    }

    /// What is written where.
    fn sets(&self) -> Result<Vec<(Spec, &Path)>> {
        let (seed, matrix) = (Seed(self.seed), self.matrix);
        match (self.layout, &self.overlap_with_lits) {
            (Layout::Lits, Some(_)) => Err(Error::usage(
                "--overlap-with-lits goes with --layout ircadb",
                "--out takes the patients, --overlap-with-lits the LiTS phantoms",
            )),
            (Layout::Lits, None) => {
                let cases = self.cases.unwrap_or(Spec::DEFAULT_CASES);
                Ok(vec![(Spec::with_matrix(cases, seed, matrix), &self.out)])
            }
            (Layout::Ircadb, None) => {
                let patients = Spec::ircadb(seed, matrix);
                let cases = self.cases.unwrap_or(patients.cases);
                Ok(vec![(Spec { cases, ..patients }, &self.out)])
            }
            (Layout::Ircadb, Some(lits)) => {
                let cases = self.cases.unwrap_or(DEFAULT_OVERLAP_CASES);
                Ok(vec![
                    (Spec::ircadb(seed, matrix), &self.out),
                    (Spec::lits_with_ircadb(cases, seed, matrix), lits),
                ])
            }
        }
    }
}
