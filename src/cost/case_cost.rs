//! What the prediction of one CT of life size costs, stage by stage.

use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use ndarray::{Array3, s};
use serde::Serialize;

use super::memory::PeakMemory;
use crate::error::{Error, Result};
use crate::inference::{Accumulator, Predictor, SliceFeatureCache, Windows};
use crate::network::{Network, NetworkKind, initialise};
use crate::phantom::{Spec, generate};
use crate::preprocess::{Prepared, Scan, labels_at};
use crate::progress::Progress;
use crate::recipe::{Recipe, Scale, Variant};
use crate::seed::Seed;
use crate::volume::{Orientation, Volume, resample_linear, write_labels};

/// Certainty with which the made-up probabilities follow the true labels.
const CERTAINTY: f32 = 0.95;

/// What a prediction costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseCost {
    /// Voxels of the CT, `[z, y, x]`.
    pub shape: [usize; 3],
    /// mm, `[z, y, x]`.
    pub spacing_mm: [f64; 3],
    /// Voxels of the box around the liver that the network is asked about, `[z, y, x]`.
    pub region: [usize; 3],
    /// In their order.
    pub stages: Vec<CostStage>,
    /// Highest resident memory of the process, MB (10^6 bytes).
    pub peak_memory_mb: Option<f64>,
}

impl CaseCost {
    /// Of all stages together, s.
    pub fn seconds(&self) -> f64 {
        self.stages.iter().map(|stage| stage.seconds).sum()
    }
}

/// A stage of a prediction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostStage {
    pub name: &'static str,
    /// s; where there are windows, those of all of them by those that were timed.
    pub seconds: f64,
    /// Windows of a network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<TimedWindows>,
}

/// Of many windows some were timed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TimedWindows {
    /// How many a prediction asks about.
    pub all: usize,
    /// How many were timed, after a first group that was not.
    pub timed: usize,
    /// s, of one.
    pub seconds: f64,
    /// Voxels of a window, `[z, y, x]`.
    pub size: [usize; 3],
}

impl CostStage {
    fn measured(name: &'static str, began: Instant) -> Self {
        Self {
            name,
            seconds: began.elapsed().as_secs_f64(),
            windows: None,
        }
    }
}

/// Times the prediction of a phantom of the given slices and pixels a side: every stage as it is
/// run, but of a network's windows no more than `timed`, from which all are estimated. The weights
/// are random; so that the box is a liver's, the mask of the phantom stands in for what they find.
///
/// # Errors
/// `Error::Usage` for a shape without a phantom or `timed` of 0; `Error::Interrupted`.
pub fn case_cost(
    variant: Variant,
    recipe: &Recipe,
    scale: &Scale,
    [slices, matrix]: [usize; 2],
    device: &Device,
    timed: usize,
    progress: &dyn Progress,
) -> Result<CaseCost> {
    if timed == 0 {
        return Err(Error::usage("--windows 0 times nothing", "give 1 or more"));
    }
    let spec = Spec {
        min_slices: slices,
        max_slices: slices,
        ..Spec::with_matrix(1, Seed(1), matrix)
    };
    spec.validate()?;
    progress.stage("", "making a phantom");
    let phantom = generate(&spec, 0);
    let volume = Volume {
        voxels: phantom.image.voxels.mapv(f32::from),
        geometry: phantom.image.geometry,
    };
    let truth =
        Orientation::of(&phantom.labels.geometry).array_to_canonical(phantom.labels.voxels.view());
    let build = |part| initialise(Network::build(part, recipe, scale, device), Seed(1));
    let memory = PeakMemory::start();
    let mut stages = Vec::new();

    progress.stage("", "timing the coarse stage");
    let began = Instant::now();
    let case = Scan::Read(Prepared::new(
        Path::new("phantom"),
        &volume,
        recipe.hu_window,
    )?);
    stages.push(CostStage::measured("clip and turn", began));
    let coarse_network = build(NetworkKind::Coarse);
    let predictor = |network| Predictor {
        network,
        recipe,
        scale,
        device,
        progress,
    };
    let coarse_net = predictor(&coarse_network);
    let began = Instant::now();
    let image = coarse_net.coarse_image(&case)?;
    stages.push(CostStage::measured("coarse: resample", began));
    let windows = coarse_net.coarse_windows(&image);
    stages.push(network_stage(
        "coarse: network",
        &coarse_net,
        &image,
        &windows,
        2,
        timed,
    )?);
    let liver = resample_linear(&truth.mapv(|label| certain(label > 0)), image.dim().into());
    let began = Instant::now();
    let coarse = coarse_net.coarse_mask(&case, &liver);
    stages.push(CostStage::measured("coarse: mask and box", began));

    progress.stage("", "timing the network");
    let network = build(NetworkKind::Variant(variant));
    let net = predictor(&network);
    let began = Instant::now();
    let image = net.working_image(&case)?;
    if <[usize; 3]>::from(image.dim()) != case.shape() {
        stages.push(CostStage::measured("working grid", began));
    }
    let windows = net.liver_windows(&image, &coarse);
    stages.push(network_stage("network", &net, &image, &windows, 3, timed)?);
    let [z, y, x] = windows.region.0;
    let grid = image.dim().into();
    let truth = labels_at(&truth, grid);
    let truth = truth.slice(s![z[0]..z[1], y[0]..y[1], x[0]..x[1]]);
    let [liver, lesion] = [1, 2].map(|class| truth.mapv(|label| certain(label == class)));
    let began = Instant::now();
    let labels = net.labels(vec![liver, lesion], grid, windows.region, &coarse);
    stages.push(CostStage::measured("post-processing", began));
    let folder = tempfile::tempdir().map_err(Error::write(&std::env::temp_dir()))?;
    let began = Instant::now();
    write_labels(
        &folder.path().join("labels.nii.gz"),
        &case.to_file(&labels)?,
    )?;
    stages.push(CostStage::measured("turn back and write", began));
    Ok(CaseCost {
        shape: volume.geometry.shape,
        spacing_mm: volume.geometry.spacing_mm,
        region: windows.region.shape(),
        stages,
        peak_memory_mb: memory.megabytes(),
    })
}

fn certain(is: bool) -> f32 {
    if is { CERTAINTY } else { 1.0 - CERTAINTY }
}

fn network_stage(
    name: &'static str,
    predictor: &Predictor<'_>,
    image: &Array3<i16>,
    windows: &Windows,
    classes: usize,
    timed: usize,
) -> Result<CostStage> {
    let mut sums = Accumulator::new(windows.region, classes);
    let mut groups = windows.groups();
    let mut recall = SliceFeatureCache::default();
    let mut ask =
        |group: &[[i64; 3]]| predictor.answer(image, windows, group, &mut recall, &mut sums);
    let Some(first) = groups.next() else {
        return Err(Error::Internal("a prediction without windows".into()));
    };
    ask(first)?;
    // A prediction of a single group is timed on that.
    let rest: Vec<_> = groups.collect();
    let groups = if rest.is_empty() { vec![first] } else { rest };
    let began = Instant::now();
    let mut done = 0;
    for group in groups {
        ask(group)?;
        done += group.len();
        if done >= timed {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64() / done as f64;
    Ok(CostStage {
        name,
        seconds: seconds * windows.len() as f64,
        windows: Some(TimedWindows {
            all: windows.len(),
            timed: done,
            seconds,
            size: windows.size(),
        }),
    })
}
