//! Tumour burden: the share of the liver that is lesion (Bilic et al., Med Image Anal 84, 2023,
//! appendix D).

/// Lesion volume over liver volume (lesions included), 0..=1; NaN without a liver.
pub fn tumour_burden(lesion_voxels: u64, liver_voxels: u64) -> f64 {
    lesion_voxels as f64 / liver_voxels as f64
}

/// How far predicted burdens are from the reference over a set of cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurdenError {
    /// Root of the mean squared error; NaN without any defined case.
    pub rmse: f64,
    /// Largest absolute error (the official LiTS scorer takes the signed one); NaN without any
    /// defined case.
    pub max_abs: f64,
    /// Number of cases that count.
    pub defined: usize,
    /// Number of cases left out because a burden has no value.
    pub undefined: usize,
}

/// Pools `prediction - reference` of every case; NaN marks a case without a value.
pub fn pooled_error(errors: &[f64]) -> BurdenError {
    let defined: Vec<f64> = errors.iter().copied().filter(|e| !e.is_nan()).collect();
    let squares: f64 = defined.iter().map(|e| e * e).sum();
    BurdenError {
        rmse: (squares / defined.len() as f64).sqrt(),
        // f64::max drops the NaN that stands for "no case yet".
        max_abs: defined.iter().map(|e| e.abs()).fold(f64::NAN, f64::max),
        defined: defined.len(),
        undefined: errors.len() - defined.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_pooled_by_hand() {
        let error = pooled_error(&[0.3, f64::NAN, -0.4]);
        assert!((error.rmse - (0.125f64).sqrt()).abs() < 1e-15);
        assert_eq!((error.max_abs, error.defined, error.undefined), (0.4, 2, 1));
    }

    #[test]
    fn no_case_has_no_error() {
        let error = pooled_error(&[f64::NAN]);
        assert!(error.rmse.is_nan() && error.max_abs.is_nan());
        assert!(tumour_burden(0, 0).is_nan());
        assert_eq!(tumour_burden(1, 4), 0.25);
    }
}
