//! How long a label map takes to read, from a map of 512 x 512 x 300 voxels with a liver and three
//! hundred lesions that is written first:
//!
//! ```text
//! cargo run --release -p hdbench-volume --example time_labels
//! ```

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use hdbench_volume::{
    Geometry, Volume, read_label_box, read_label_box_and_values, read_label_box_as, write_labels,
};
use ndarray::Array3;

const RUNS: usize = 15;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("labels.nii.gz");
    write_labels(&path, &abdomen())?;
    time(&path, "read_label_box", |path| {
        Ok(read_label_box(path)?.voxels.len())
    })?;
    time(&path, "read_label_box_as::<u16>", |path| {
        Ok(read_label_box_as::<u16>(path)?.voxels.len())
    })?;
    time(&path, "read_label_box_and_values", |path| {
        Ok(read_label_box_and_values(path)?.0.voxels.len())
    })
}

/// Runs it and prints the least and the median of the times.
fn time(
    path: &Path,
    name: &str,
    read: impl Fn(&Path) -> hdbench_ground::error::Result<usize>,
) -> Result<(), Box<dyn Error>> {
    let mut seconds = Vec::new();
    let mut voxels = 0;
    for _ in 0..RUNS {
        let start = Instant::now();
        voxels = read(path)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    println!(
        "{name}: least {:.3} s, median {:.3} s, box of {voxels} voxels",
        seconds[0],
        seconds[RUNS / 2]
    );
    Ok(())
}

/// 1 in an ellipsoid of the size of a liver, 2 in small balls inside of it.
fn abdomen() -> Volume<u8> {
    let shape = [300, 512, 512];
    let voxels = Array3::from_shape_fn(shape, |(z, y, x)| {
        let part = |at: usize, middle: f64, half: f64| ((at as f64 - middle) / half).powi(2);
        let inside = part(z, 160.0, 90.0) + part(y, 240.0, 110.0) + part(x, 200.0, 130.0) < 1.0;
        let [dz, dy, dx] = [z % 24, y % 32, x % 32].map(|at| at as f64 - 12.0);
        let lesion = dz * dz + dy * dy + dx * dx < 36.0;
        u8::from(inside) + u8::from(inside && lesion)
    });
    Volume {
        voxels,
        geometry: Geometry::axis_aligned(shape, [1.0, 0.75, 0.75]),
    }
}
