//! Tools whose definitions are columns, and what is said of a call of theirs.

use super::metric::Metric;
use super::tolerance::{Tolerance, VoxelTolerance};

/// A tool whose distances and surface overlaps are columns here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Definition {
    /// MedPy 0.5.2.
    MedPy,
    /// MONAI 1.5 and 1.6: both give the same bits, though 1.6 has a k-d tree in place of the distance transform.
    Monai,
    /// SimpleITK 2.5.
    SimpleItk,
    /// DeepMind's surface-distance 0.1.
    SurfaceDistance,
    /// MetricsReloaded, commit cb38dfc.
    MetricsReloaded,
    /// nnU-Net 2, which has no distances.
    NnUnet,
    /// panoptica 2.1, and with it brats-evaluation (BraTS from 2026 on).
    Panoptica,
    /// MIST 2.3.
    Mist,
    /// The scorer of BraTS 2023 to 2025: its numbers of whole masks.
    Brats2023,
}

impl Definition {
    /// All, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::MedPy,
        Self::Monai,
        Self::SimpleItk,
        Self::SurfaceDistance,
        Self::MetricsReloaded,
        Self::NnUnet,
        Self::Panoptica,
        Self::Mist,
        Self::Brats2023,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::MedPy => "medpy",
            Self::Monai => "monai",
            Self::SimpleItk => "simpleitk",
            Self::SurfaceDistance => "surface-distance",
            Self::MetricsReloaded => "metricsreloaded",
            Self::NnUnet => "nnunet",
            Self::Panoptica => "panoptica",
            Self::Mist => "mist",
            Self::Brats2023 => "brats-2023",
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.name() == name)
    }

    /// The tool with the version that its columns were compared with, and what goes for all of its calls.
    pub fn tool(self) -> &'static str {
        match self {
            Self::MedPy => "MedPy 0.5.2, metric.binary; the prediction comes first",
            Self::Monai => {
                "MONAI 1.5.2 and 1.6.1, the same bits; numbers of 32 bits, so that columns agree to 1e-6"
            }
            Self::SimpleItk => "SimpleITK 2.5.7, HausdorffDistanceImageFilter",
            Self::SurfaceDistance => "surface-distance 0.1; the reference comes first",
            Self::MetricsReloaded => {
                "MetricsReloaded cb38dfc, BinaryPairwiseMeasures; the prediction comes first"
            }
            Self::NnUnet => "nnU-Net 2.8.1, evaluate_predictions; it measures no distance",
            Self::Panoptica => {
                "panoptica 2.1.7 and brats-evaluation 0.0.10; read by SimpleITK (a path, where that is \
                 installed) it applies the spacing of x to z and that of z to x: with unequal spacing only \
                 its reading by nibabel gives these columns"
            }
            Self::Mist => "MIST 2.3.0, evaluation of whole masks",
            Self::Brats2023 => "BraTS 2023 to 2025, metrics.py 43c9052, the numbers of whole masks",
        }
    }
}

/// A call of a tool that measures a distance or an overlap, and our column of the same definition.
#[derive(Clone, Copy, Debug)]
pub struct ToolCall {
    /// Whose.
    pub tool: Definition,
    /// What is called; P is the prediction, R the reference, T a tolerance.
    pub call: &'static str,
    /// The column.
    pub column: Column,
    /// Whether `Definition::metrics` has it.
    pub is_added: bool,
    /// What the tool gives where both masks are empty, the reference, the prediction.
    pub empty: [OnEmpty; 3],
    /// How it differs from the default `hd95`, `assd` or `nsd` of `strict`.
    pub differs: &'static str,
}

/// A column, or one at each tolerance.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// One.
    One(Metric),
    /// One at each tolerance in mm.
    AtMm(fn(Tolerance) -> Metric),
    /// One at each tolerance in voxels.
    AtVoxels(fn(VoxelTolerance) -> Metric),
}

impl Column {
    /// The columns at some tolerances.
    pub fn metrics(self, tolerances: &[Tolerance], voxels: &[VoxelTolerance]) -> Vec<Metric> {
        match self {
            Self::One(metric) => vec![metric],
            Self::AtMm(of) => tolerances.iter().copied().map(of).collect(),
            Self::AtVoxels(of) => voxels.iter().copied().map(of).collect(),
        }
    }

    /// Its name, at a tolerance of 2.
    pub fn name(self) -> String {
        let mm = Tolerance::from_mm(2.0);
        let voxels = VoxelTolerance::from_voxels(2.0);
        let metrics = self.metrics(mm.as_slice(), voxels.as_slice());
        metrics.iter().map(|metric| metric.name()).collect()
    }
}

/// What a tool gives where a mask is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OnEmpty {
    /// A number, infinite or NaN among them.
    Value(f64),
    /// An exception.
    Error,
    /// The length of the image's diagonal, mm.
    Diagonal,
    /// What its configuration says.
    Configured,
}
