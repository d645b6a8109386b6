//! Slices of the test cases: one a case for the overlays, a stack a case for the page's viewer.

use ndarray::{Array2, Array3};

/// One slice of a test case with its reference and predictions.
///
/// Rows run from the top of the picture to the bottom, columns from its left to its right; `axial`
/// cuts a slice that way.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseOverlay {
    /// Name of the case; also of the file.
    pub case: String,
    /// Number of the slice in the volume, counted from 0.
    pub slice: usize,
    /// CT in Hounsfield units, `[y, x]`.
    pub hu: Array2<f32>,
    /// Reference labels, `[y, x]`: 0 background, 1 liver, 2 lesion.
    pub truth: Array2<u8>,
    /// Predictions in the order of the study's rows.
    pub predictions: Vec<Predicted>,
}

/// The prediction of one variant for a slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// Name of the variant as in the tables.
    pub title: String,
    /// Predicted labels, `[y, x]`.
    pub labels: Array2<u8>,
    /// Dice of the liver over the whole case, a fraction; NaN if unknown.
    pub liver_dice: f64,
    /// Dice of the lesions over the whole case, a fraction; NaN if unknown or without lesions.
    pub lesion_dice: f64,
}

/// The slices of a case with its reference and predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// Name of the case.
    pub case: String,
    /// Numbers of the slices in the volume, from the feet to the head.
    pub slices: Vec<usize>,
    /// Height of a pixel by its width.
    pub aspect: f64,
    /// Grey values, `[slice, y, x]`, as radiologists look at them.
    pub ct: Array3<u8>,
    /// Reference labels, likewise.
    pub truth: Array3<u8>,
    /// Predictions in the order of the study's rows.
    pub predictions: Vec<StackPrediction>,
}

/// A prediction of a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct StackPrediction {
    /// Name of the network.
    pub title: String,
    /// Labels, `[slice, y, x]`.
    pub labels: Array3<u8>,
    /// Dice over the whole case, fractions; NaN if unknown.
    pub liver_dice: f64,
    pub lesion_dice: f64,
}
