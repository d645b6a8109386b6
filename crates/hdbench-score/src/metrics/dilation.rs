//! Masks that have grown.

use hdbench_volume::Bounds;

use super::bits::BitMask;

/// Grows a mask this often by the 18 neighbours of every voxel, within its box: a mask that is to grow freely
/// needs as much room around it. In a picture the neighbours are the 8 of its plane.
pub fn dilated(mask: &BitMask, steps: u32) -> BitMask {
    let mut grown = mask.clone();
    for _ in 0..steps {
        grown = once(&grown);
    }
    grown
}

fn once(mask: &BitMask) -> BitMask {
    let mut grown = BitMask::empty(mask.bounds());
    if mask.is_planar() {
        grown = grown.planar();
    }
    let nothing = mask.nothing();
    let [_, ny, nx] = mask.shape();
    grown.fill_planes(|z, plane| {
        for y in 0..ny {
            let out = plane.row_mut(y);
            for dz in -1..=1_isize {
                for dy in -1..=1_isize {
                    let row = mask.row_or(z as isize + dz, y as isize + dy, &nothing);
                    match 2 - dz.abs() - dy.abs() {
                        1.. => add_all_three(out, row),
                        _ => add(out, row),
                    }
                }
            }
            clip(out, nx);
        }
    });
    grown
}

/// Grows a mask by a distance between voxel centres, mm, within its box; `spacing_mm` is `[z, y, x]`.
pub fn dilated_by_mm(mask: &BitMask, mm: f64, spacing_mm: [f64; 3]) -> BitMask {
    let mut grown = BitMask::empty(mask.bounds());
    let [nz, ny, nx] = mask.shape();
    let reach = reach_of(mm, spacing_mm);
    let flat = mask.is_planar();
    if flat {
        grown = grown.planar();
    }
    let most_z = if flat { 0 } else { reach[0].min(nz) as isize };
    let most_y = reach[1].min(ny) as isize;
    // How far along x a row grows that lies so many rows away.
    let along_x = |dz: isize, dy: isize| {
        let across = (dz as f64 * spacing_mm[0]).powi(2) + (dy as f64 * spacing_mm[1]).powi(2);
        let left = mm * mm - across;
        // What lies at the distance itself counts, whatever the square root rounds to.
        (left >= -1e-9).then(|| (left.max(0.0).sqrt() / spacing_mm[2] + 1e-9) as usize)
    };
    let nothing = mask.nothing();
    grown.fill_planes(|z, plane| {
        for y in 0..ny {
            let out = plane.row_mut(y);
            for dz in -most_z..=most_z {
                for dy in -most_y..=most_y {
                    let row = mask.row_or(z as isize + dz, y as isize + dy, &nothing);
                    let Some(steps) = along_x(dz, dy).filter(|_| row.iter().any(|word| *word != 0))
                    else {
                        continue;
                    };
                    let mut wide = row.to_vec();
                    for _ in 0..steps.min(nx) {
                        let before = wide.clone();
                        add_all_three(&mut wide, &before);
                    }
                    add(out, &wide);
                }
            }
            clip(out, nx);
        }
    });
    grown
}

/// How many voxels `[z, y, x]` a distance reaches.
pub fn reach_of(mm: f64, spacing_mm: [f64; 3]) -> [usize; 3] {
    spacing_mm.map(|step| (mm / step + 1e-9) as usize)
}

/// A box with room on every side. It may begin before the volume, so that it is given by how far it is moved: the
/// first voxel of `bounds` stands at `room`.
pub fn with_room(bounds: Bounds, room: [usize; 3]) -> Bounds {
    let shape = bounds.shape();
    Bounds {
        start: [0; 3],
        end: [0, 1, 2].map(|axis| shape[axis] + 2 * room[axis]),
    }
}

fn add(out: &mut [u64], row: &[u64]) {
    for (out, row) in out.iter_mut().zip(row) {
        *out |= row;
    }
}

/// Adds the voxels of a row with those before and after them.
fn add_all_three(out: &mut [u64], row: &[u64]) {
    let Some(inner) = out.get_mut(1..) else {
        return;
    };
    for (out, words) in inner.iter_mut().zip(row.array_windows()) {
        let [before, own, after] = *words;
        *out |= own | own << 1 | before >> 63 | own >> 1 | after << 63;
    }
}

/// Takes away what has grown past the end of the row.
fn clip(row: &mut [u64], nx: usize) {
    let words = u64::BITS as usize;
    for (i, word) in row.iter_mut().skip(1).enumerate() {
        let left = nx.saturating_sub(i * words);
        if left < words {
            *word &= (1 << left) - 1;
        }
    }
    if let Some(first) = row.first_mut() {
        *first = 0;
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    fn mask(shape: [usize; 3], voxels: &[[usize; 3]]) -> BitMask {
        let mut array = Array3::from_elem(shape, false);
        voxels.iter().for_each(|voxel| array[*voxel] = true);
        let bounds = Bounds {
            start: [0; 3],
            end: shape,
        };
        BitMask::of(array.view(), bounds, |v| v)
    }

    /// Voxels whose offsets from any voxel of the mask are allowed.
    fn near(
        mask: &BitMask,
        shape: [usize; 3],
        is_near: impl Fn([usize; 3]) -> bool,
    ) -> Vec<[usize; 3]> {
        let own = mask.voxels();
        let all = ndarray::indices(shape)
            .into_iter()
            .map(|(z, y, x)| [z, y, x]);
        all.filter(|voxel| {
            own.iter()
                .any(|other| is_near([0, 1, 2].map(|axis| voxel[axis].abs_diff(other[axis]))))
        })
        .collect()
    }

    #[test]
    fn a_step_adds_the_18_neighbours_and_nothing_past_the_box() {
        let shape = [5, 6, 70];
        for voxels in [&[[2, 3, 63], [0, 0, 0]][..], &[[4, 5, 69]], &[[2, 2, 64]]] {
            let mask = mask(shape, voxels);
            let of_18 = |d: [usize; 3]| d.iter().max() <= Some(&1) && d.iter().sum::<usize>() <= 2;
            let expected = near(&mask, shape, of_18);
            assert_eq!(dilated(&mask, 1).voxels(), expected);
            let twice = near(&dilated(&mask, 1), shape, of_18);
            assert_eq!(dilated(&mask, 2).voxels(), twice);
        }
    }

    #[test]
    fn a_distance_in_mm_follows_the_spacing() {
        let (shape, spacing_mm) = ([7, 9, 90], [2.5, 1.5, 0.5]);
        let mask = mask(shape, &[[3, 4, 70], [0, 8, 2]]);
        for mm in [0.4, 1.5, 2.5, 4.0] {
            let square = |d: [usize; 3]| {
                let along = |axis: usize| (d[axis] as f64 * spacing_mm[axis]).powi(2);
                along(0) + along(1) + along(2)
            };
            let expected = near(&mask, shape, |d| square(d) <= mm * mm);
            assert_eq!(
                dilated_by_mm(&mask, mm, spacing_mm).voxels(),
                expected,
                "{mm}"
            );
        }
    }
}
