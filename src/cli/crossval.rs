use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::progress::Reporter;
use super::study_options::StudyOptions;
use super::study_run::{
    execute, existing, generate, given, interrupted_in, own_phantoms, take, told,
};
use crate::dataset::{self, read_splits};
use crate::error::Result;
use crate::phantom::Spec;
use crate::progress::Progress;
use crate::recipe::Variant;
use crate::seed::Seed;
use crate::study::{Data, Phantoms, Study, Transfer};

/// In-plane size of the phantoms.
const PHANTOM_MATRIX: usize = 128;

/// Cases of the phantoms' training set: 28 of its own and the 20 patients.
const TRANSFER_CASES: usize = 48;

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Protocol {
    /// Two folds over the patients with tumours, as Christ et al. 2016 (15 of 3DIRCADb's 20)
    #[default]
    Christ2,
    /// Five folds over all patients
    Fold5,
    /// A fold for each patient
    Loo,
}

/// Cross-validate on 3DIRCADb and write the paper's Tables IV and V with this run's rows.
///
/// Without --data, CT phantoms of the twenty patients are generated as DICOM series, and of LiTS
/// with the same twenty among its cases, to show the transfer from LiTS with and without the
/// leakage that comes with it. A second start does nothing twice.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench crossval
  hdbench crossval --data 3Dircadb1 --scale quick --out runs/ircadb-quick
  hdbench crossval --data 3Dircadb1 --transfer-from LiTS/training --scale full
  hdbench crossval --data 3Dircadb1 --protocol fold5 --variant unet --seeds 3
  hdbench crossval --data Dataset003_Liver --splits splits_final.json")]
pub struct Crossval {
    /// 3DIRCADb as downloaded (folders or zips), or any data set in the layout of LiTS, the Decathlon
    /// or nnU-Net
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Also train on this data set and test on --data: once without the scans that are tested,
    /// which are found by their voxels, and once, marked as leaked, with them
    #[arg(long, value_name = "DIR", requires = "data")]
    transfer_from: Option<PathBuf>,
    /// Leave the transfer out
    #[arg(long, conflicts_with = "transfer_from")]
    no_transfer: bool,
    /// How the patients are divided
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
    /// Folds of your own in nnU-Net's splits_final.json; RUN/splits_final.json has those of any run
    #[arg(long, value_name = "FILE", conflicts_with = "protocol")]
    splits: Option<PathBuf>,
    /// Run only these folds, counted from 0; all others can follow later
    #[arg(long = "fold", value_name = "N")]
    folds: Vec<usize>,
    /// The study's folder (default: runs/crossval-<scale>)
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    #[command(flatten)]
    options: StudyOptions,
}

impl Crossval {
    pub fn exec(self) -> anyhow::Result<()> {
        self.options.check()?;
        let run = self.options.folder(self.out.as_deref(), "crossval")?;
        let reporter = Reporter::new()?;
        let result = self.run(&run, &reporter);
        reporter.finish();
        Ok(interrupted_in(&run, result)?)
    }

    fn run(&self, run: &Path, reporter: &Reporter) -> Result<()> {
        let _lease = take(run, &self.options, reporter)?;
        let existing = existing(run, &self.options)?;
        let study = self.study(run, existing.as_ref())?;
        if let Some(phantoms) = study.data.phantoms.filter(|_| !self.options.dry_run) {
            reporter.note("no --data given: the patients are CT phantoms");
            let seed = Seed(phantoms.seed);
            let patients = Spec::ircadb(seed, phantoms.matrix);
            generate(&study.data.folder, &patients, reporter)?;
            if let Some((data, phantoms)) = study
                .transfer
                .as_ref()
                .and_then(|transfer| Some((&transfer.data, transfer.data.phantoms?)))
            {
                let lits = Spec::lits_with_ircadb(phantoms.cases, seed, phantoms.matrix);
                generate(&data.folder, &lits, reporter)?;
            }
        }
        let executed = execute(run, &study, &self.options, reporter)?;
        reporter.finish();
        told(executed)
    }

    fn study(&self, run: &Path, existing: Option<&Study>) -> Result<Study> {
        let (data, transfer) = self.data(run)?;
        let mut study = self
            .options
            .study("crossval", self.options.settings()?, data, existing)?;
        if self.options.variants.is_empty() && !self.options.no_variants {
            study.variants = Variant::OF_CROSS_VALIDATION.to_vec();
        }
        study.protocol = match (&self.splits, self.protocol) {
            (Some(file), _) => dataset::Protocol::Given(read_splits(file)?),
            (None, Protocol::Christ2) => dataset::Protocol::Christ2,
            (None, Protocol::Fold5) => dataset::Protocol::Fold5,
            (None, Protocol::Loo) => dataset::Protocol::Loo,
        };
        study.folds.clone_from(&self.folds);
        // The paper transfers its own network.
        let hybrid = Some(Variant::HDenseUNet).filter(|v| study.variants.contains(v));
        let variant = hybrid.or(study.variants.last().copied());
        study.transfer = transfer.zip(variant).map(|(data, variant)| Transfer {
            data,
            variants: vec![variant],
        });
        Ok(study)
    }

    /// The study's own data set and the one it is trained on for the transfer.
    fn data(&self, run: &Path) -> Result<(Data, Option<Data>)> {
        let expected =
            "give the folder of a data set; `hdbench datasets check DIR` says what is in it";
        if let Some(folder) = &self.data {
            let other = self.transfer_from.as_deref();
            let other = other.map(|folder| given(folder, expected)).transpose()?;
            return Ok((given(folder, expected)?, other));
        }
        let phantoms = |cases| Phantoms {
            cases,
            seed: self.options.seed,
            matrix: PHANTOM_MATRIX,
        };
        let folder = run.join("phantoms");
        let patients = own_phantoms(&folder.join("3Dircadb1"), phantoms(20))?;
        let lits = own_phantoms(&folder.join("LiTS"), phantoms(TRANSFER_CASES))?;
        Ok((patients, (!self.no_transfer).then_some(lits)))
    }
}
