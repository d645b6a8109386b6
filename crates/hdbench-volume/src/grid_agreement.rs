//! Whether two grids put the same voxels in the same places, and what keeps them apart.

use std::cmp::Ordering;
use std::fmt;

use super::{Geometry, Turn};

/// How another grid lies to a reference's.
#[derive(Clone, Debug, PartialEq)]
pub enum GridAgreement {
    /// A voxel index means the same place in both.
    Same,
    /// The other grid is the reference's with its axes flipped or permuted; this turns what is on it to the
    /// order of the reference.
    Turned(Turn),
    /// The grids have their voxels in different places, whatever the order.
    Apart(GridDistance),
}

/// How far two grids are apart, once the other one is turned as well as can be.
#[derive(Clone, Debug, PartialEq)]
pub struct GridDistance {
    /// The largest distance in mm between the places of one voxel; of grids of different shapes, between
    /// their corners.
    pub distance_mm: f64,
    /// The same as a share of the reference's smallest voxel edge.
    pub share_of_voxel: f64,
    /// What turns the other grid as near as can be.
    pub turn: Turn,
    /// What contributes most.
    pub cause: GridDifference,
}

/// In what two grids differ. Lists of three numbers are in the order of the reference's array axes
/// `[z, y, x]` unless they say otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum GridDifference {
    /// The numbers of voxels.
    Shape {
        /// Of the reference.
        reference: [usize; 3],
        /// Of the other grid, in its own order.
        other: [usize; 3],
    },
    /// The distances between voxels.
    Spacing {
        /// Of the reference.
        reference_mm: [f64; 3],
        /// Of the other grid.
        other_mm: [f64; 3],
    },
    /// The directions of the axes.
    Rotated {
        /// The largest angle between an axis and the same one of the reference.
        degrees: f64,
    },
    /// The place alone.
    Shifted {
        /// From the reference's centre to the other grid's, along `[x, y, z]` of RAS+.
        by_mm: [f64; 3],
    },
}

impl Geometry {
    /// How another grid lies to this one, the reference: to 0.01 mm or a twentieth of this grid's smallest
    /// voxel edge, whichever is more.
    ///
    /// Places are those of the voxels' centres. An axis of one voxel may therefore have any direction and spacing.
    pub fn agreement(&self, other: &Self) -> GridAgreement {
        self.agreement_within(other, Self::SAME_PLACE_SHARE)
    }

    /// [`Self::agreement`] to a share of this grid's smallest voxel edge, but not below 0.01 mm.
    pub fn agreement_within(&self, other: &Self, share_of_voxel: f64) -> GridAgreement {
        let tolerance_mm = self.tolerance_mm(share_of_voxel);
        let as_it_is = Candidate::of(self, other, Turn::NONE);
        if as_it_is.is_within(tolerance_mm) {
            return GridAgreement::Same;
        }
        let nearest = Turn::all()
            .skip(1)
            .map(|turn| Candidate::of(self, other, turn))
            .fold(as_it_is, |nearest, next| nearest.or(next, tolerance_mm));
        match nearest.is_within(tolerance_mm) {
            true => GridAgreement::Turned(nearest.turn),
            false => GridAgreement::Apart(nearest.distance(self, other)),
        }
    }
}

/// The other grid after one of the turns.
struct Candidate {
    turn: Turn,
    geometry: Geometry,
    has_shape: bool,
    /// Between the places of a voxel, if the shapes are the same.
    voxels_mm: f64,
    /// Between the outer corners.
    corners_mm: f64,
}

impl Candidate {
    fn of(reference: &Geometry, other: &Geometry, turn: Turn) -> Self {
        let geometry = turn.geometry(other);
        let has_shape = geometry.shape == reference.shape;
        Self {
            has_shape,
            voxels_mm: match has_shape {
                true => reference.displacement_mm(&geometry),
                false => f64::INFINITY,
            },
            corners_mm: corners_apart_mm(reference, &geometry),
            turn,
            geometry,
        }
    }

    fn is_within(&self, tolerance_mm: f64) -> bool {
        self.voxels_mm <= tolerance_mm
    }

    /// The better of two: one that fits, else one of the right shape, else the nearer.
    fn or(self, next: Self, tolerance_mm: f64) -> Self {
        let order = |candidate: &Self| (!candidate.is_within(tolerance_mm), !candidate.has_shape);
        let by_corners = next.corners_mm.total_cmp(&self.corners_mm);
        match order(&next).cmp(&order(&self)).then(by_corners) {
            Ordering::Less => next,
            Ordering::Equal | Ordering::Greater => self,
        }
    }

    fn distance(self, reference: &Geometry, other: &Geometry) -> GridDistance {
        let (distance_mm, cause) = match self.has_shape {
            true => (self.voxels_mm, difference(reference, &self.geometry)),
            false => (
                self.corners_mm,
                GridDifference::Shape {
                    reference: reference.shape,
                    other: other.shape,
                },
            ),
        };
        GridDistance {
            distance_mm,
            share_of_voxel: distance_mm / reference.smallest_edge_mm(),
            turn: self.turn,
            cause,
        }
    }
}

/// The largest distance between outer corners of two grids, each of its own shape.
fn corners_apart_mm(a: &Geometry, b: &Geometry) -> f64 {
    (0..8)
        .map(|corner| {
            let place = |grid: &Geometry| {
                grid.position_mm([0, 1, 2].map(|axis| match corner >> axis & 1 {
                    0 => -0.5,
                    _ => grid.shape[axis] as f64 - 0.5,
                }))
            };
            length(minus(place(b), place(a)))
        })
        .fold(0.0, f64::max)
}

/// What moves the voxels of a grid farthest from the reference's, which has the same shape: other steps
/// between them, other directions, or another place of the whole.
fn difference(reference: &Geometry, other: &Geometry) -> GridDifference {
    let spans = reference.shape.map(|n| n.saturating_sub(1) as f64);
    let [own, theirs] = [reference, other].map(Geometry::steps_mm);
    let (mut by_spacing, mut by_rotation, mut degrees) = (0.0_f64, 0.0_f64, 0.0_f64);
    for axis in 0..3 {
        if spans[axis] == 0.0 {
            continue;
        }
        let [own_mm, their_mm] = [own[axis], theirs[axis]].map(length);
        let chord = length(minus(
            theirs[axis].map(|part| part / their_mm),
            own[axis].map(|part| part / own_mm),
        ));
        by_spacing = by_spacing.max((their_mm - own_mm).abs() * spans[axis]);
        by_rotation = by_rotation.max(chord * own_mm * spans[axis]);
        degrees = degrees.max(2.0 * (chord / 2.0).min(1.0).asin().to_degrees());
    }
    let middle = spans.map(|span| span / 2.0);
    let by_mm = minus(other.position_mm(middle), reference.position_mm(middle));
    let by_shift = length(by_mm);
    if by_spacing >= by_rotation && by_spacing >= by_shift {
        GridDifference::Spacing {
            reference_mm: reference.spacing_mm,
            other_mm: other.spacing_mm,
        }
    } else if by_rotation >= by_shift {
        GridDifference::Rotated { degrees }
    } else {
        GridDifference::Shifted { by_mm }
    }
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|i| a[i] - b[i])
}

fn length(vector: [f64; 3]) -> f64 {
    vector.iter().map(|part| part * part).sum::<f64>().sqrt()
}

/// In words, x first.
impl fmt::Display for GridDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape {
                reference: [z, y, x],
                other: [oz, oy, ox],
            } => write!(
                f,
                "the shape differs: {ox} x {oy} x {oz} voxels for {x} x {y} x {z}"
            ),
            Self::Spacing {
                reference_mm: [z, y, x],
                other_mm: [oz, oy, ox],
            } => write!(
                f,
                "the spacing differs: {ox:.4} x {oy:.4} x {oz:.4} mm for {x:.4} x {y:.4} x {z:.4} mm"
            ),
            Self::Rotated { degrees } => write!(f, "rotated by {degrees:.2} degrees"),
            Self::Shifted { by_mm: [x, y, z] } => {
                write!(
                    f,
                    "shifted by {x:.2}, {y:.2}, {z:.2} mm to right, anterior, superior"
                )
            }
        }
    }
}

impl fmt::Display for GridDistance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} mm ({:.2} of a voxel) apart: {}",
            self.distance_mm, self.share_of_voxel, self.cause
        )?;
        match self.turn.is_none() {
            true => Ok(()),
            false => write!(f, ", after its axes are turned ({})", self.turn),
        }
    }
}

impl fmt::Display for GridAgreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("the same grid"),
            Self::Turned(turn) => write!(f, "the same grid with its axes turned ({turn})"),
            Self::Apart(distance) => distance.fmt(f),
        }
    }
}
