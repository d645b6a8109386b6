//! A prediction or a reference as Python gives it: a path, or an array with its place.

use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_score::{LabelArray, Source};
use hdbench_volume::{Geometry, MAX_VOXELS, labels_of_array, read_geometry};
use ndarray::ArrayView3;
use numpy::{PyReadonlyArray3, PyUntypedArray, PyUntypedArrayMethods as _};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::failure::{exception, raised};

macro_rules! number_types {
    ($($variant:ident: $number:ty),+) => {
        /// An array of one type of numbers, borrowed from Python.
        enum Borrowed<'py> {
            $($variant(PyReadonlyArray3<'py, $number>)),+
        }

        /// The same as it is looked at, without the interpreter.
        #[derive(Clone, Copy)]
        enum View<'a> {
            $($variant(ArrayView3<'a, $number>)),+
        }

        impl<'py> Borrowed<'py> {
            fn of(array: &Bound<'py, PyUntypedArray>) -> PyResult<Self> {
                $(if let Ok(own) = array.extract::<PyReadonlyArray3<'py, $number>>() {
                    return Ok(Self::$variant(own));
                })+
                let of = array.dtype();
                Err(PyTypeError::new_err(format!("an array of {of}, which the package should have converted")))
            }

            fn view(&self) -> View<'_> {
                match self {
                    $(Self::$variant(own) => View::$variant(own.as_array())),+
                }
            }

            fn shape(&self) -> [usize; 3] {
                let shape = match self {
                    $(Self::$variant(own) => own.shape()),+
                };
                [shape[0], shape[1], shape[2]]
            }
        }

        impl<'a> View<'a> {
            fn labels(self, name: &Path, geometry: &Geometry) -> Result<LabelArray<'a>> {
                match self {
                    // Rows whose voxels lie apart would be read a voxel at a time, again and again.
                    Self::U8(view) if has_rows(&view) => Ok(LabelArray::Bytes(view, geometry.clone())),
                    Self::U16(view) if has_rows(&view) => Ok(LabelArray::Words(view, geometry.clone())),
                    $(Self::$variant(view) => {
                        labels_of_array(name, view, geometry).map(LabelArray::Stored)
                    }),+
                }
            }
        }
    };
}
number_types!(U8: u8, I8: i8, U16: u16, I16: i16, U32: u32, I32: i32, U64: u64, I64: i64, F32: f32, F64: f64);

/// Whether the voxels of a row lie beside each other.
fn has_rows<T>(view: &ArrayView3<'_, T>) -> bool {
    view.strides()[2] == 1 || view.shape()[2] == 1
}

/// An array, the spacing along its axes in mm, its affine from index `(x, y, z, 1)` to RAS+ mm, and whether it is a
/// picture.
type ArrayWithPlace<'py> = (
    Bound<'py, PyUntypedArray>,
    [f64; 3],
    Option<[[f64; 4]; 4]>,
    bool,
);

/// One side of a pair.
pub enum Side<'py> {
    File(PathBuf),
    Array(ArraySide<'py>),
}

/// An array with its place.
pub struct ArraySide<'py> {
    array: Borrowed<'py>,
    geometry: Geometry,
}

/// The same without the interpreter.
#[derive(Clone, Copy)]
pub enum SideView<'a> {
    File,
    Array(View3<'a>),
}

/// An array's numbers with their place.
#[derive(Clone, Copy)]
pub struct View3<'a> {
    view: View<'a>,
    geometry: &'a Geometry,
}

impl<'py> Side<'py> {
    /// What the package hands over as `name`: a path as text, or an array with its place.
    pub fn of(given: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        if let Ok(path) = given.extract::<PathBuf>() {
            return Ok(Self::File(path));
        }
        ArraySide::of(given, name).map(Self::Array)
    }

    /// How messages call it, and where it is read from.
    pub fn source(&self, name: &str) -> Source {
        Source::File(match self {
            Self::File(path) => path.clone(),
            Self::Array(_) => name.into(),
        })
    }

    /// Number of voxels; of a file, which is not read yet, the most.
    pub fn voxels(&self) -> usize {
        match self {
            Self::File(_) => usize::MAX,
            Self::Array(side) => side.geometry.len(),
        }
    }

    /// The same without the interpreter.
    pub fn view(&self) -> SideView<'_> {
        match self {
            Self::File(_) => SideView::File,
            Self::Array(side) => SideView::Array(side.view()),
        }
    }
}

impl SideView<'_> {
    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File)
    }
}

impl<'a> SideView<'a> {
    /// Its labels; those of a file are read.
    pub fn labels(self, source: &Source) -> Result<LabelArray<'a>> {
        match self {
            Self::File => source.read_stored_labels().map(LabelArray::Stored),
            Self::Array(View3 { view, geometry }) => view.labels(&source.path(), geometry),
        }
    }
}

impl<'py> ArraySide<'py> {
    /// An array with its place, as the package hands it over.
    pub fn of(given: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        let py = given.py();
        let (array, spacing_mm, affine, is_planar) = given.extract::<ArrayWithPlace<'py>>()?;
        let array = Borrowed::of(&array)?;
        let shape = array.shape();
        let voxels = shape
            .iter()
            .try_fold(1_u64, |all, n| all.checked_mul(*n as u64));
        if voxels.is_none_or(|voxels| voxels >= MAX_VOXELS) {
            let [z, y, x] = shape;
            return Err(raised(
                py,
                "ShapeError",
                &format!("{name}: has {z} x {y} x {x} voxels, expected fewer than {MAX_VOXELS}"),
                Some("score a part of it, such as the box around its labels"),
            ));
        }
        let geometry = geometry(shape, spacing_mm, affine, is_planar);
        check(name, &geometry).map_err(|error| exception(py, &error))?;
        Ok(Self { array, geometry })
    }

    /// The same without the interpreter.
    pub fn view(&self) -> View3<'_> {
        View3 {
            view: self.array.view(),
            geometry: &self.geometry,
        }
    }

    /// Where it lies.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }
}

impl<'a> View3<'a> {
    /// Its bytes, where it has bytes.
    pub fn bytes(self) -> Option<ArrayView3<'a, u8>> {
        match self.view {
            View::U8(view) => Some(view),
            _ => None,
        }
    }
}

fn geometry(
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    affine: Option<[[f64; 4]; 4]>,
    is_planar: bool,
) -> Geometry {
    let upright = Geometry::axis_aligned(shape, spacing_mm);
    Geometry {
        affine: affine.unwrap_or(upright.affine),
        is_planar,
        ..upright
    }
}

/// Voxel sizes that can be meant.
const VOXEL_MM: std::ops::RangeInclusive<f64> = 1e-5..=1e6;

fn check(name: &str, geometry: &Geometry) -> Result<()> {
    let is_number = geometry.affine.iter().flatten().all(|v| v.is_finite());
    // NaN lies in no range.
    match geometry
        .spacing_mm
        .iter()
        .find(|mm| !VOXEL_MM.contains(*mm))
    {
        Some(mm) => Err(Error::usage(
            format!("{name}: a voxel measures {mm} mm"),
            "give the spacing of each axis in mm, in the order of the array's axes",
        )),
        None if !is_number => Err(Error::usage(
            format!("{name}: its affine holds values that are no numbers"),
            "mend the affine, or give the array alone with its spacing",
        )),
        None => Ok(()),
    }
}

/// The place of a label map in a file: the spacing along [z, y, x], the affine.
#[pyfunction]
pub fn grid_of(py: Python<'_>, path: PathBuf) -> PyResult<([f64; 3], [[f64; 4]; 4])> {
    let geometry = read_geometry(&path).map_err(|error| exception(py, &error))?;
    Ok((geometry.spacing_mm, geometry.affine))
}
