use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::Device;
use ndarray::Array3;

use super::made::Made;
use super::record::{CellRecord, StageRecord, prediction_path};
use super::stage::Stage;
use super::units::predicting_units;
use crate::artifact::{hash_bytes, is_zip};
use crate::cost::{MachineClock, PeakMemory};
use crate::dataset::check::odd_numbers;
use crate::error::{Error, Result};
use crate::inference::{Coarse, Predictor};
use crate::network::{Bundle, DeviceSpec, Network, NetworkKind};
use crate::preprocess::{Prepared, Scan, Stored};
use crate::progress::{Progress, Step};
use crate::recipe::{Recipe, Scale, Variant};
use crate::study::{Cell, Inputs, NetworkCell, Study, TestCase};
use crate::text::Shown as _;
use crate::volume::{
    HeaderTemplate, Orientation, Volume, read_dicom_series, read_image, read_labels, write_labels,
};

/// Raised when the same network gives other predictions than before.
const METHOD: u32 = 2;

/// Units of progress of a single prediction.
const UNITS_OF_ONE: u64 = 1_000;

/// Share of a prediction's progress that the coarse stage is taken for.
const COARSE_SHARE: f64 = 0.15;

/// Predicts the test cases of a cell into its `predictions/`, unless that is done. The cell
/// `_coarse` predicts the coarse liver that the others look around.
pub fn predict(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    cell: NetworkCell,
    weights: &str,
    record: &mut CellRecord,
    progress: &dyn Progress,
) -> Result<String> {
    let folder = cell.folder(run);
    let fold = inputs.fold(cell.fold)?;
    let coarse = (cell.algorithm != NetworkKind::Coarse)
        .then(|| cell.sibling(NetworkKind::Coarse).folder(run));
    let coarse_hash = match &coarse {
        Some(folder) => CellRecord::read(folder)?
            .stages
            .get(&Stage::Predict)
            .map(|stage| stage.hash.clone())
            .ok_or_else(|| {
                Error::malformed(
                    folder,
                    "the coarse liver net's predictions are not on record",
                    "start the study: it runs the coarse cell first; if its folder was moved \
                     meanwhile, start it in the new place",
                )
            })?,
        None => String::new(),
    };
    let hashes: Vec<&str> = fold.test.iter().map(|test| test.hash.as_str()).collect();
    let units = predicting_units(cell.algorithm.into());
    let key = key_of(weights, &coarse_hash, &hashes);
    if let Some(done) = record.done(&folder, Stage::Predict, &key, progress) {
        progress.advance(units * fold.test.len() as u64);
        return Ok(done.hash.clone());
    }
    progress.stage("", "predicting");
    let memory = PeakMemory::start();
    let clock = MachineClock::start(study.computes_on_processors()?);
    let device = study.devices()?.swap_remove(0);
    let (_, network) = Bundle::load(&folder.join("model"), &device)?;
    let predictor = Predictor {
        network: &network,
        recipe: &study.recipe,
        scale: &study.scale,
        device: &device,
        progress,
    };
    let mut made = Made::begin(&folder, &key, &fold.test)?;
    for test in &fold.test {
        let name = &test.case.name;
        if !made.has(&folder, name, progress) {
            let began = Instant::now();
            let labels = predict_case(&predictor, test, coarse.as_deref())?;
            write_labels(&prediction_path(&folder, name), &labels)?;
            made.keep(&folder, name, Some(began.elapsed().as_secs_f64()))?;
        }
        progress.advance(units);
    }
    let stage = StageRecord {
        peak_memory_mb: memory.megabytes(),
        reference_seconds: clock.and_then(MachineClock::seconds),
        ..made.stage(&folder, &fold.test)?
    };
    let hash = stage.hash.clone();
    record.stages.insert(Stage::Predict, stage);
    record.write(&folder)?;
    Ok(hash)
}

/// Hash of everything that predictions follow from: weights, the coarse net's predictions, what was
/// prepared of the test cases.
pub(crate) fn key_of<S: AsRef<str>>(weights: &str, coarse: &str, prepared: &[S]) -> String {
    let prepared: Vec<&str> = prepared.iter().map(AsRef::as_ref).collect();
    hash_bytes(format!("{METHOD} {weights} {coarse} {prepared:?}").as_bytes())
}

fn predict_case(
    predictor: &Predictor<'_>,
    test: &TestCase,
    coarse: Option<&Path>,
) -> Result<Volume<u8>> {
    let stored = Stored::open(&test.cached)?;
    let scan = Scan::Stored {
        path: test.case.image.clone(),
        stored,
    };
    let labels = match coarse {
        None => coarse_labels(&predictor.coarse(&scan)?),
        Some(folder) => {
            let mask = read_labels(&prediction_path(folder, &test.case.name))?;
            let mask = Orientation::of(scan.file())
                .array_to_canonical(mask.voxels.view())
                .mapv(|label| label > 0);
            let margin_mm = predictor.scale.margin_mm;
            predictor.segment(&scan, &Coarse::new(mask, scan.spacing_mm(), margin_mm))?
        }
    };
    scan.to_file(&labels)
}

fn coarse_labels(coarse: &Coarse) -> Array3<u8> {
    coarse.liver.mapv(u8::from)
}

/// The `model/` folder that a path of the user's means: a study's folder, a cell's, or a model's
/// own.
pub fn model_folder(path: &Path, variant: Variant, fold: usize, seed: u32) -> Result<PathBuf> {
    let candidates = [
        path.to_path_buf(),
        path.join("model"),
        Cell {
            algorithm: NetworkKind::Variant(variant),
            fold,
            seed,
        }
        .folder(path)
        .join("model"),
    ];
    let place = candidates.iter().find(|folder| Bundle::exists(folder));
    place.cloned().ok_or_else(|| {
        Error::malformed(
            path,
            format!("no trained model of {variant} (fold {fold}, seed {seed}) here"),
            "name a study's folder, a cell's folder or its model/; `--variant` chooses the network",
        )
    })
}

/// A variant's network and the coarse net that belongs to it, ready to answer.
pub struct Model {
    /// Hash of the weights of both networks.
    weights: String,
    recipe: Recipe,
    scale: Scale,
    device: Device,
    network: Network,
    coarse: Network,
}

/// Loads a variant's model and, from the same study, its coarse net.
pub fn load_model(model: &Path, place: DeviceSpec, threads: usize) -> Result<Model> {
    let device = place.open(threads)?;
    let (bundle, network) = Bundle::load(model, &device)?;
    if !matches!(bundle.part, NetworkKind::Variant(_)) {
        return Err(Error::malformed(
            model,
            format!(
                "{} is a supporting network, it segments no lesions",
                bundle.part
            ),
            "name a variant's model",
        ));
    }
    // RUN/<variant>/fold_<k>/seed_<s>/model
    let absolute = std::path::absolute(model).map_err(Error::read(model))?;
    let coarse = absolute.ancestors().nth(4).and_then(|run| {
        let cell = absolute.parent()?;
        let fold = cell.parent()?.file_name()?;
        Some(
            run.join(NetworkKind::Coarse.id())
                .join(fold)
                .join(cell.file_name()?)
                .join("model"),
        )
    });
    let coarse = coarse
        .filter(|folder| Bundle::exists(folder))
        .ok_or_else(|| {
            Error::malformed(
                model,
                "the coarse liver net of this model is not there",
                "keep the study's folder whole: _coarse lies beside the variants",
            )
        })?;
    let (coarse_bundle, coarse) = Bundle::load(&coarse, &device)?;
    Ok(Model {
        weights: format!("{} {}", bundle.weights, coarse_bundle.weights),
        recipe: bundle.recipe,
        scale: bundle.scale,
        device,
        network,
        coarse,
    })
}

/// A segmented CT.
#[derive(Clone, Debug)]
pub struct Segmented {
    /// 0 background, 1 liver, 2 tumour, on the CT's own grid.
    pub labels: Volume<u8>,
    /// Whether the coarse stage found a liver; if not, the whole volume was searched.
    pub coarse_liver: bool,
    /// Wall time of the coarse stage.
    pub coarse_seconds: f64,
    /// Wall time of the network and of post-processing.
    pub segment_seconds: f64,
}

impl Model {
    /// Hash of the weights of the network and its coarse net.
    pub fn weights(&self) -> &str {
        &self.weights
    }

    /// Segments a CT, coarse stage and post-processing included; `path` is how errors name it.
    ///
    /// # Errors
    /// `Error::Interrupted` once a signal came; `Error::Malformed` and `Error::Memory` for a CT whose
    /// extent is none or too much; what the networks give.
    pub fn segment(
        &self,
        path: &Path,
        image: &Volume<f32>,
        progress: &dyn Progress,
    ) -> Result<Segmented> {
        if let Some(odd) = odd_numbers(image) {
            progress.note(&format!(
                "warning: {}: {}; {}",
                path.shown(),
                odd.message,
                odd.hint
            ));
        }
        let scan = Scan::Read(Prepared::new(path, image, self.recipe.hu_window)?);
        let predictor = |network| Predictor {
            network,
            recipe: &self.recipe,
            scale: &self.scale,
            device: &self.device,
            progress,
        };
        let began = Instant::now();
        progress.stage("", "finding the liver");
        progress.part(0.0, COARSE_SHARE);
        let coarse = predictor(&self.coarse).coarse(&scan)?;
        let coarse_seconds = began.elapsed().as_secs_f64();
        progress.stage("", "segmenting");
        progress.part(COARSE_SHARE, 1.0);
        let labels = predictor(&self.network).segment(&scan, &coarse)?;
        Ok(Segmented {
            labels: scan.to_file(&labels)?,
            coarse_liver: coarse.found,
            coarse_seconds,
            segment_seconds: began.elapsed().as_secs_f64() - coarse_seconds,
        })
    }
}

/// What the prediction of a CT holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictedVolumes {
    /// Whether the coarse stage found a liver at all.
    pub coarse_liver: bool,
    /// Liver with lesions, mL.
    pub liver_ml: f64,
    /// Lesions, mL.
    pub lesions_ml: f64,
}

/// Segments one CT, a NIfTI file or a DICOM series (a folder or a zip archive), coarse stage
/// included, and writes the labels on the CT's own grid.
pub fn predict_file(
    model: &Model,
    input: &Path,
    output: &Path,
    progress: &dyn Progress,
) -> Result<PredictedVolumes> {
    let (image, template) = match input.is_dir() || is_zip(input)? {
        true => {
            let (image, notes) = read_dicom_series(input)?;
            notes.iter().for_each(|note| progress.note(note));
            (image, None)
        }
        false => {
            let template = HeaderTemplate::read(input)?;
            for note in &template.header().notes {
                progress.note(&format!("note: {}: {note}", input.shown()));
            }
            (read_image(input)?, Some(template))
        }
    };
    progress.plan(UNITS_OF_ONE);
    let step = Step::of(progress, "", UNITS_OF_ONE);
    let segmented = model.segment(input, &image, &step)?;
    step.end();
    let labels = segmented.labels;
    match template {
        // Readers differ in which of sform and qform they take: both are the CT's.
        Some(template) => template.write_labels(output, labels.voxels.view())?,
        None => write_labels(output, &labels)?,
    }
    let voxel = labels.geometry.voxel_volume_ml();
    let count = |wanted: fn(u8) -> bool| {
        labels.voxels.iter().filter(|&&label| wanted(label)).count() as f64
    };
    Ok(PredictedVolumes {
        coarse_liver: segmented.coarse_liver,
        liver_ml: voxel * count(|label| label > 0),
        lesions_ml: voxel * count(|label| label == 2),
    })
}
