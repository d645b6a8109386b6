//! One segmentation against its test volume.

use std::path::Path;

use super::anatomy;
use super::challenge::Challenge;
use super::contents::overpromises;
use super::labels::{self, Labels};
use super::rule::Rule;
use super::test_set::{Fit, TestVolume, same_spacing};
use super::verdict::{Book, Finding};
use crate::error::{Error, Result};
use crate::evaluation::Source;
use crate::volume::{Geometry, ImageFormat, ImageHeader, LabelMap, Orientation, read_header_from};

/// Holds an entry against every rule about its content. Of the voxels nothing is read before the
/// header is that of an image of the volume's size, so that memory is bounded by the volume.
pub(super) fn examine(
    entry: &str,
    source: &Source,
    volume: &TestVolume,
    map: &LabelMap,
    challenge: &Challenge,
) -> Book {
    let mut book = Book::default();
    if overpromises(source) {
        // Reported with the archive's own rules; nothing of it is unpacked.
        return book;
    }
    let path = source.path();
    let header = match source.open() {
        Ok(mut content) => {
            judge_gzip(&mut book, entry, content.is_packed(), challenge);
            read_header_from(&path, &mut content).and_then(|header| nifti(&path, header))
        }
        Err(error) => Err(error),
    };
    let header = match header {
        Ok(header) => header,
        Err(error) => {
            book.judge(Rule::NiftiReadable, Some(Finding::of_error(entry, &error)));
            return book;
        }
    };
    let fit = volume.fit(&header.geometry);
    judge_header(&mut book, entry, &header, volume, fit);
    if fit == Fit::Other {
        // Said under `shape`; what is in the voxels could not be compared with anything.
        book.look(Rule::NiftiReadable);
        return book;
    }
    let labels = source
        .open()
        .and_then(|mut content| labels::read(&path, &mut content, map));
    match labels {
        Ok(labels) => {
            book.look(Rule::NiftiReadable);
            judge_values(&mut book, entry, &labels, map, challenge);
            let slices = match fit {
                Fit::Turned(_) => Orientation::of(&header.geometry),
                _ => Orientation::of(&volume.geometry),
            };
            anatomy::judge(
                &mut book,
                entry,
                &labels.classes,
                volume.geometry.voxel_volume_ml(),
                slices.source_axes()[0],
            );
        }
        Err(error) => book.judge(Rule::NiftiReadable, Some(Finding::of_error(entry, &error))),
    }
    book
}

fn judge_gzip(book: &mut Book, entry: &str, packed: bool, challenge: &Challenge) {
    let (rule, message, mend) = match challenge.is_gzipped() {
        true => (
            Rule::Gzipped,
            "is not packed by gzip; the challenge takes .nii.gz",
            "packed by gzip",
        ),
        false => (
            Rule::NotGzipped,
            "is packed by gzip inside; the challenge takes plain .nii",
            "unpacked",
        ),
    };
    let wrong = packed != challenge.is_gzipped();
    book.judge(rule, wrong.then(|| Finding::mendable(entry, message, mend)));
}

fn judge_header(book: &mut Book, entry: &str, header: &ImageHeader, volume: &TestVolume, fit: Fit) {
    let dimensions = header.dimensions;
    book.judge(
        Rule::ThreeDimensional,
        (dimensions != 3).then(|| {
            Finding::mendable(
                entry,
                format!("has {dimensions} axes, expected 3"),
                "stored with three axes",
            )
        }),
    );
    book.judge(
        Rule::StoredType,
        (!header.stores_integers()).then(|| {
            let scaled = if header.scaled {
                ", scaled by a slope"
            } else {
                ""
            };
            Finding::mendable(
                entry,
                format!("labels are stored as {}{scaled}", header.datatype),
                "stored as uint8, unscaled",
            )
        }),
    );
    let (ours, theirs) = (&header.geometry, volume.stored_geometry());
    book.judge(Rule::Shape, shape(entry, ours, theirs, volume, fit));
    if fit == Fit::Other {
        return;
    }
    let turned = matches!(fit, Fit::Turned(_));
    book.judge(
        Rule::Spacing,
        (!turned && !same_spacing(ours, theirs)).then(|| {
            let [a, b] = [ours, theirs].map(|g| sizes(g.stored_spacing_mm.map(f64::from)));
            Finding::mendable(
                entry,
                format!("has voxels of {a} mm, {} of {b} mm", volume.name),
                "given the spacing of the test volume",
            )
        }),
    );
    book.judge(Rule::Affine, affine(entry, ours, theirs, volume, fit));
}

fn shape(
    entry: &str,
    ours: &Geometry,
    theirs: &Geometry,
    volume: &TestVolume,
    fit: Fit,
) -> Option<Finding> {
    if ours.shape == theirs.shape {
        return None;
    }
    let message = format!(
        "has {} voxels, {} has {}",
        sizes(ours.shape),
        volume.name,
        sizes(theirs.shape)
    );
    Some(match fit {
        Fit::Turned(_) => Finding::mendable(entry, message, TURNED),
        _ => Finding::new(
            entry,
            message,
            "predict on the grid of the test volume; check that the number in the name is the right \
             one",
        ),
    })
}

const TURNED: &str = "turned to the order of the test volume's axes";

fn affine(
    entry: &str,
    ours: &Geometry,
    theirs: &Geometry,
    volume: &TestVolume,
    fit: Fit,
) -> Option<Finding> {
    match fit {
        Fit::Same | Fit::Other => None,
        Fit::Turned(_) => Some(Finding::mendable(
            entry,
            format!(
                "its axes run {}, those of {} {}; the scorer compares voxels by index",
                Orientation::of(ours),
                volume.name,
                Orientation::of(theirs)
            ),
            TURNED,
        )),
        Fit::Moved { apart_mm } => Some(Finding::mendable(
            entry,
            format!(
                "places voxels up to {apart_mm:.2} mm from where {} has them",
                volume.name
            ),
            "given the header of the test volume, voxels in the same order",
        )),
    }
}

/// `512 x 512 x 75`, x first.
fn sizes<T: std::fmt::Display>([z, y, x]: [T; 3]) -> String {
    format!("{x} x {y} x {z}")
}

fn judge_values(
    book: &mut Book,
    entry: &str,
    labels: &Labels,
    map: &LabelMap,
    challenge: &Challenge,
) {
    let Labels {
        near,
        fractions,
        unknown,
        ..
    } = labels;
    book.look(Rule::WholeLabels);
    if !fractions.is_empty() {
        book.add(
            Rule::WholeLabels,
            Finding::new(
                entry,
                format!("holds values that are no labels: {}", fractions.text()),
                "write the classes, not probabilities, and resample with nearest neighbour",
            ),
        );
    }
    if !near.is_empty() {
        book.add(
            Rule::WholeLabels,
            Finding::mendable(
                entry,
                format!(
                    "holds values beside labels, which the scorer cuts off to the next lower one: {}",
                    near.text()
                ),
                "rounded",
            ),
        );
    }
    let outside = (!unknown.is_empty()).then(|| {
        let expected = if map.is_lits() {
            format!("expected {}", challenge.labels_text())
        } else {
            format!("expected {map}")
        };
        Finding::new(
            entry,
            format!("holds other labels: {}; {expected}", unknown.text()),
            "say what they are when packing: submit-lits --from DIR --label-map FROM=TO,...",
        )
    });
    book.judge(Rule::LabelRange, outside);
}

/// The challenge's server reads NIfTI alone.
fn nifti(path: &Path, header: ImageHeader) -> Result<ImageHeader> {
    if header.format == ImageFormat::Nifti {
        return Ok(header);
    }
    Err(Error::malformed(
        path,
        format!(
            "is of the format {}; the challenge takes NIfTI-1",
            header.format
        ),
        "save it as .nii with the tool that wrote it",
    ))
}
