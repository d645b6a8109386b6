//! Label maps from arrays in memory, whatever their numbers and their order there.

use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::memory;
use ndarray::{Array3, ArrayView2, ArrayView3, Axis, Zip};
use rayon::prelude::*;

use super::image_read::LabelCheck;
use super::label_box::{LabelBox, StoredLabels};
use super::label_value::LabelValue;
use super::{Bounds, Geometry};

/// A number of an array.
pub trait ArrayNumber: Copy + Send + Sync {
    /// Its value; of 64 bits rounded to a double, which is far from every label where it matters.
    fn value(self) -> f64;

    /// Whether it is background.
    fn is_zero(self) -> bool;
}

macro_rules! numbers {
    ($zero:literal: $($number:ty),+) => {$(
        impl ArrayNumber for $number {
            fn value(self) -> f64 {
                self as f64
            }

            fn is_zero(self) -> bool {
                self == $zero
            }
        }
    )+};
}
numbers!(0: u8, i8, u16, i16, u32, i32, u64, i64);
numbers!(0.0: f32, f64);

/// The labels of an array `[z, y, x]` of whole numbers from 0 to 65,535, in as few bits as they need, without the
/// background around them; rounding noise below 0.001 is rounded away. `name` is how errors call it.
///
/// # Errors
/// `Error::Malformed` for other values, with the first of them; `Error::Memory`.
pub fn labels_of_array<S: ArrayNumber>(
    name: &Path,
    array: ArrayView3<'_, S>,
    geometry: &Geometry,
) -> Result<StoredLabels> {
    let found = Found::of(array);
    found.check.verdict::<u16>(name, geometry)?;
    let shape = found.bounds.map_or([0; 3], |bounds| bounds.shape());
    let voxels = shape.iter().product::<usize>() as u64;
    match u8::try_from(found.largest) {
        Ok(_) => {
            let _claim = memory::claim(name, voxels)?;
            Ok(StoredLabels::Bytes(boxed(array, found.bounds, geometry)))
        }
        Err(_) => {
            let _claim = memory::claim(name, 2 * voxels)?;
            Ok(StoredLabels::Words(boxed(array, found.bounds, geometry)))
        }
    }
}

/// A number as the label that it stands for, once all are known to be some.
fn label<S: ArrayNumber, T: LabelValue>(number: S) -> T {
    T::cut_off(number.value() + 0.5)
}

fn boxed<S: ArrayNumber, T: LabelValue + Send + Sync>(
    array: ArrayView3<'_, S>,
    bounds: Option<Bounds>,
    geometry: &Geometry,
) -> LabelBox<T> {
    let voxels = bounds.map_or_else(
        || Array3::default([0; 3]),
        |bounds| {
            let mut voxels = Array3::default(bounds.shape());
            let out = Zip::from(&mut voxels).and(bounds.crop(array));
            out.par_for_each(|out, number| *out = label(*number));
            voxels
        },
    );
    LabelBox {
        geometry: geometry.clone(),
        notes: Vec::new(),
        start: bounds.map_or([0; 3], |bounds| bounds.start),
        voxels,
    }
}

/// What an array holds.
#[derive(Default)]
struct Found {
    bounds: Option<Bounds>,
    largest: u16,
    check: LabelCheck,
}

impl Found {
    /// Looks at each number once, in the order of memory.
    fn of<S: ArrayNumber>(array: ArrayView3<'_, S>) -> Self {
        let mut order = [0, 1, 2];
        order.sort_by_key(|&axis| std::cmp::Reverse(array.strides()[axis].unsigned_abs()));
        let sorted = array.permuted_axes(order);
        let plane = |at| {
            let plane = sorted.index_axis(Axis(0), at);
            Self::of_plane(plane, |row, column| {
                let mut voxel = [0; 3];
                for (axis, place) in order.into_iter().zip([at, row, column]) {
                    voxel[axis] = place;
                }
                voxel
            })
        };
        let shape = array.dim();
        let shape = [shape.0, shape.1, shape.2];
        let planes = (0..sorted.len_of(Axis(0))).into_par_iter().map(|at| {
            let (mut found, odd) = plane(at);
            for (voxel, value) in odd {
                let [z, y, x] = voxel;
                found.check.refuse((z * shape[1] + y) * shape[2] + x, value);
            }
            found
        });
        planes.reduce(Self::default, Self::and)
    }

    /// Those of a plane, and its numbers that are no labels; `voxel` is the place in the array of one in it.
    fn of_plane<S: ArrayNumber>(
        plane: ArrayView2<'_, S>,
        voxel: impl Fn(usize, usize) -> [usize; 3],
    ) -> (Self, Vec<([usize; 3], f64)>) {
        let mut found = Self::default();
        let mut odd = Vec::new();
        for (row, numbers) in plane.outer_iter().enumerate() {
            // Most rows hold nothing; this form of the test looks at many numbers at once.
            let is_empty = match numbers.to_slice() {
                Some(numbers) => numbers.iter().fold(true, |all, n| all & n.is_zero()),
                None => numbers.iter().all(|n| n.is_zero()),
            };
            if is_empty {
                continue;
            }
            let mut ends: Option<[usize; 2]> = None;
            for (column, number) in numbers.iter().enumerate() {
                if number.is_zero() {
                    continue;
                }
                match found.check.sound_label::<u16>(number.value()) {
                    // Noise around the background.
                    Some(0) => {}
                    Some(label) => {
                        found.largest = found.largest.max(label);
                        ends = Some([ends.map_or(column, |ends| ends[0]), column]);
                    }
                    None => odd.push((voxel(row, column), number.value())),
                }
            }
            let corners = ends.into_iter().flatten();
            let own = Bounds::around(corners.map(|column| voxel(row, column)));
            found.bounds = Bounds::union(found.bounds, own);
        }
        (found, odd)
    }

    fn and(self, other: Self) -> Self {
        Self {
            bounds: Bounds::union(self.bounds, other.bounds),
            largest: self.largest.max(other.largest),
            check: self.check.and(other.check),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, ShapeBuilder as _, s};

    use super::*;

    fn grid(shape: [usize; 3]) -> Geometry {
        Geometry::axis_aligned(shape, [1.0; 3])
    }

    fn labels<S: ArrayNumber>(array: ArrayView3<'_, S>) -> Result<StoredLabels> {
        let shape = [0, 1, 2].map(|axis| array.len_of(Axis(axis)));
        labels_of_array(Path::new("pred"), array, &grid(shape))
    }

    #[test]
    fn a_box_is_the_same_in_any_order_of_memory_and_any_type() {
        let mut array = Array3::<u8>::zeros((4, 5, 6));
        array.slice_mut(s![1..3, 2..4, 3..5]).fill(2);
        array[[2, 3, 3]] = 7;
        let expected = labels(array.view()).unwrap();
        let StoredLabels::Bytes(own) = &expected else {
            panic!("labels below 256");
        };
        assert_eq!((own.start, own.voxels.dim()), ([1, 2, 3], (2, 2, 2)));
        assert_eq!(own.voxels[[1, 1, 0]], 7);
        let mut fortran = Array3::<u8>::zeros((4, 5, 6).f());
        fortran.assign(&array);
        assert_eq!(labels(fortran.view()).unwrap(), expected);
        assert_eq!(labels(array.mapv(i64::from).view()).unwrap(), expected);
        let noise = array.mapv(|label| f32::from(label) + 2e-4);
        assert_eq!(labels(noise.view()).unwrap(), expected);
        let mut flipped = array.slice(s![..;-1, .., ..;-1]).to_owned();
        flipped.swap_axes(0, 2);
        flipped.swap_axes(0, 2);
        assert_eq!(
            labels(flipped.slice(s![..;-1, .., ..;-1])).unwrap(),
            expected
        );
        let wide = labels(array.mapv(|label| i32::from(label) * 1000).view()).unwrap();
        assert!(matches!(wide, StoredLabels::Words(own) if own.voxels[[1, 1, 0]] == 7000));
    }

    #[test]
    fn what_is_no_label_is_told_with_its_place() {
        let mut array = Array3::<f64>::zeros((2, 3, 4).f());
        array[[1, 2, 3]] = f64::NAN;
        array[[0, 1, 2]] = 0.5;
        let message = labels(array.view()).unwrap_err().to_string();
        assert!(
            message.contains(
                "pred: 2 of 24 voxels are no labels (whole numbers from 0 to 65535), the first 0.5 at x 2, y 1, z 0"
            ),
            "{message}"
        );
        let message = labels(Array3::from_elem((1, 1, 2), -1_i16).view()).unwrap_err();
        assert!(message.to_string().contains("hint: -1 mostly marks voxels"));
        assert!(labels(Array3::from_elem((1, 1, 1), 65_536_u32).view()).is_err());
    }

    #[test]
    fn background_alone_is_an_empty_box() {
        let StoredLabels::Bytes(own) = labels(Array3::<f32>::zeros((2, 2, 2)).view()).unwrap()
        else {
            panic!("background fits in bytes");
        };
        assert!(own.voxels.is_empty());
    }
}
