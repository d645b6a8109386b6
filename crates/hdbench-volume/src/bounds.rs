use ndarray::{ArrayView3, ArrayViewMut3, AxisDescription, Slice};

/// A box of voxels, `start[axis]..end[axis]` along `[z, y, x]`; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// First index inside, `[z, y, x]`.
    pub start: [usize; 3],
    /// First index past the box, `[z, y, x]`.
    pub end: [usize; 3],
}

impl Bounds {
    /// The smallest box that holds every true voxel; `None` for an empty mask.
    pub fn of(mask: ArrayView3<'_, bool>) -> Option<Self> {
        let mut bounds: Option<Self> = None;
        for (z, plane) in mask.outer_iter().enumerate() {
            for (y, row) in plane.outer_iter().enumerate() {
                let Some(first) = row.iter().position(|&v| v) else {
                    continue;
                };
                let last = row.iter().rposition(|&v| v).unwrap_or(first);
                bounds = Self::union(
                    bounds,
                    Some(Self {
                        start: [z, y, first],
                        end: [z + 1, y + 1, last + 1],
                    }),
                );
            }
        }
        bounds
    }

    /// The smallest box that holds every point `[z, y, x]`; `None` of no points.
    pub fn around(points: impl Iterator<Item = [usize; 3]>) -> Option<Self> {
        points.fold(None, |bounds, start| {
            let end = start.map(|index| index + 1);
            Self::union(bounds, Some(Self { start, end }))
        })
    }

    /// The smallest box around two that may be missing.
    // Asked of every row.
    #[inline]
    pub fn union(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(Self {
                start: [0, 1, 2].map(|axis| a.start[axis].min(b.start[axis])),
                end: [0, 1, 2].map(|axis| a.end[axis].max(b.end[axis])),
            }),
            (one, None) | (None, one) => one,
        }
    }

    /// Number of voxels along `[z, y, x]`.
    pub fn shape(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.end[axis] - self.start[axis])
    }

    /// The part of an array that lies in the box.
    ///
    /// # Panics
    /// If the box reaches past the array.
    pub fn crop<'a, T>(&self, mut array: ArrayView3<'a, T>) -> ArrayView3<'a, T> {
        array.slice_each_axis_inplace(|axis| self.along(axis));
        array
    }

    /// The same for a part that is written to.
    ///
    /// # Panics
    /// If the box reaches past the array.
    pub fn crop_mut<'a, T>(&self, mut array: ArrayViewMut3<'a, T>) -> ArrayViewMut3<'a, T> {
        array.slice_each_axis_inplace(|axis| self.along(axis));
        array
    }

    fn along(&self, axis: AxisDescription) -> Slice {
        let axis = axis.axis.index();
        Slice::from(self.start[axis]..self.end[axis])
    }
}
