//! Every problem of every case of a data set, and what its cases have in common.

use std::collections::BTreeMap;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Progress;
use hdbench_volume::{self as volume, Geometry, Orientation, Volume};
use serde::Serialize;

use super::case::{Format, NiftiFormat};
use super::each::each;
use super::ircadb::Patient;
use super::load::{check_shapes, give_meaning, header_problems, placement_problem};
use super::problem::{Problem, Severity};
use super::quirk_problems::liver_left;
use super::{Case, Dataset};

/// CT of a body has air around it, near -1000 HU. With nothing below this, the numbers are
/// shifted, or clipped to a window.
const AIR_BELOW_HU: f32 = -200.0;

/// The most that a CT number can be: 16 bits of the widest scanners.
const MOST_HU: f32 = 32767.0;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What the cases have in common.
    pub summary: Summary,
    /// In the order of the cases; of a case, errors first.
    pub problems: Vec<Problem>,
}

/// What the cases of a data set have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How the files lie.
    pub layout: String,
    /// Training and test cases.
    pub cases: usize,
    /// Those of them that have labels.
    pub with_labels: usize,
    /// Those that have a tumour.
    pub with_tumour: usize,
    /// Cases by orientation code (`RAS`).
    pub orientations: BTreeMap<String, Vec<String>>,
    /// Smallest and largest, mm, `[z, y, x]` in canonical order.
    pub spacing_mm: Option<[[f64; 3]; 2]>,
    /// Smallest and largest, `[z, y, x]` in canonical order.
    pub shape: Option<[[usize; 3]; 2]>,
    /// Cases with an error.
    pub failed: Vec<String>,
}

/// What is known of one case.
#[derive(Default)]
struct CheckedFacts {
    problems: Vec<Problem>,
    geometry: Option<Geometry>,
    tumour: bool,
}

impl CheckedFacts {
    /// What training and prediction would refuse.
    fn look_at_extent(&mut self, case: &Case) {
        if let Some(geometry) = &self.geometry
            && let Err(error) = volume::refuse_extent(&case.image, geometry)
        {
            let problem = Problem::of_error("scan-extent", case, &case.image, error);
            self.problems.push(problem);
        }
    }
}

/// Reads every file of every case, at most `jobs` cases at a time, and goes on after errors.
///
/// # Errors
/// `Error::Interrupted` once a signal came; nothing that happens to a case.
pub fn check(dataset: &Dataset, jobs: usize, progress: &dyn Progress) -> Result<Report> {
    let cases: Vec<(&Case, bool)> = dataset
        .all_cases()
        .zip((0..).map(|place| place < dataset.cases.len()))
        .collect();
    progress.plan(cases.len() as u64);
    progress.stage("", &format!("checking {} cases", cases.len()));
    let facts = each(&cases, jobs, progress, |&(case, training)| {
        facts(case, training)
    })?;
    let names: Vec<&Case> = cases.iter().map(|&(case, _)| case).collect();
    Ok(report(dataset, &names, facts))
}

fn facts(case: &Case, training: bool) -> CheckedFacts {
    let mut facts = match &case.format {
        Format::Nifti(nifti) => nifti_facts(case, nifti),
        Format::Ircadb(patient) => patient_facts(case, patient),
    };
    if training && !case.has_labels() {
        facts.problems.push(Problem::new(
            Severity::Warning,
            "no-labels",
            case,
            "has no label map; training and scoring leave it out",
            "add its segmentation",
        ));
    }
    facts.problems.sort_by_key(|problem| problem.severity);
    facts
}

fn nifti_facts(case: &Case, nifti: &NiftiFormat) -> CheckedFacts {
    let mut facts = CheckedFacts::default();
    let mut add = |code, file: &Path, error| {
        facts
            .problems
            .push(Problem::of_error(code, case, file, error));
    };
    let header = volume::read_header(&case.image)
        .map_err(|error| add("image-header", &case.image, error))
        .ok();
    // A file without a sound header has no voxels that could be read.
    let image = header.as_ref().and_then(|_| {
        volume::read_image(&case.image)
            .map_err(|error| add("image-voxels", &case.image, error))
            .ok()
    });
    let labels = case.labels.as_deref().and_then(|path| {
        let geometry = volume::read_geometry(path)
            .map_err(|error| add("labels-header", path, error))
            .ok()?;
        if let Some(header) = &header
            && let Err(error) = check_shapes(case, path, &header.geometry, &geometry)
        {
            add("shape-mismatch", path, error);
        }
        let mut labels = volume::read_labels(path)
            .map_err(|error| add("labels-voxels", path, error))
            .ok()?;
        if let Err(error) = give_meaning(&nifti.label_map, &mut labels, path) {
            add("unknown-label", path, error);
        }
        Some(labels)
    });
    if let Some(header) = header {
        facts.problems.extend(header_problems(case, nifti, &header));
        let apart = labels
            .as_ref()
            .filter(|labels| labels.geometry.shape == header.geometry.shape)
            .and_then(|labels| placement_problem(case, &header.geometry, &labels.geometry));
        facts.problems.extend(apart);
        facts.geometry = Some(nifti.corrected(header.geometry));
    }
    facts.look_at_extent(case);
    look_at_voxels(case, image.as_ref(), labels.as_ref(), &mut facts);
    facts
}

fn patient_facts(case: &Case, patient: &Patient) -> CheckedFacts {
    let mut facts = CheckedFacts::default();
    let mut labels = None;
    let mut read = None;
    if patient.has_labels() {
        match patient.load() {
            Ok(pair) => {
                labels = Some(pair.labels);
                read = Some((pair.image, pair.warnings));
            }
            Err(error) => {
                facts
                    .problems
                    .push(Problem::of_error("patient", case, &case.image, error))
            }
        }
    }
    // Where the masks are to blame, the image can still be looked at.
    if read.is_none() {
        match patient.read_image() {
            Ok(image) => read = Some(image),
            Err(error) if facts.problems.is_empty() => {
                facts
                    .problems
                    .push(Problem::of_error("patient", case, &case.image, error))
            }
            // The image is to blame, and that has been said.
            Err(_) => {}
        }
    }
    let (image, warnings) = read.unzip();
    for warning in warnings.into_iter().flatten() {
        let prefix = format!("{}: ", case.name);
        let message = warning.strip_prefix(&prefix).unwrap_or(&warning);
        facts.problems.push(Problem::new(
            Severity::Warning,
            "patient-note",
            case,
            message,
            "",
        ));
    }
    facts.geometry = image.as_ref().map(|image| image.geometry.clone());
    facts.look_at_extent(case);
    look_at_voxels(case, image.as_ref(), labels.as_ref(), &mut facts);
    facts
}

fn look_at_voxels(
    case: &Case,
    image: Option<&Volume<f32>>,
    labels: Option<&Volume<u8>>,
    facts: &mut CheckedFacts,
) {
    if let Some(image) = image {
        facts.problems.extend(intensity_problem(case, image));
    }
    if let Some(labels) = labels {
        let count = |class: u8| {
            labels
                .voxels
                .iter()
                .filter(|&&label| label == class)
                .count()
        };
        facts.tumour = count(2) > 0;
        // As the volume's header has it, which counts for both.
        let geometry = facts.geometry.as_ref();
        let geometry = geometry.filter(|geometry| geometry.shape == labels.geometry.shape);
        let geometry = geometry.unwrap_or(&labels.geometry);
        facts.problems.extend(liver_left(case, labels, geometry));
        if !facts.tumour && count(1) == 0 {
            let mut problem = Problem::new(
                Severity::Warning,
                "no-liver",
                case,
                "the label map has neither liver nor tumour",
                "check that it belongs to this volume",
            );
            problem.file = case.labels.clone().unwrap_or_default();
            facts.problems.push(problem);
        }
    }
}

/// What is odd about the numbers of a CT.
pub struct OddNumbers {
    /// As in the list of problems.
    pub code: &'static str,
    /// What was found.
    pub message: String,
    /// The way out.
    pub hint: &'static str,
}

fn intensity_problem(case: &Case, image: &Volume<f32>) -> Option<Problem> {
    let odd = odd_numbers(image)?;
    Some(Problem::new(
        Severity::Warning,
        odd.code,
        case,
        odd.message,
        odd.hint,
    ))
}

/// Whether the voxels can be Hounsfield units of a CT of a person.
pub fn odd_numbers(image: &Volume<f32>) -> Option<OddNumbers> {
    let (low, high) = image
        .voxels
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &hu| {
            (low.min(hu), high.max(hu))
        });
    let (code, message, hint) = if low == high {
        (
            "constant-image",
            format!("all voxels are {low} HU"),
            "export the volume again",
        )
    } else if low > AIR_BELOW_HU {
        (
            "no-air",
            format!("no voxel is below {low} HU: the numbers seem shifted, or clipped to a window"),
            "CT numbers are expected in Hounsfield units, air near -1000; subtract 1024 if the \
             scanner's raw numbers were kept",
        )
    } else if high > MOST_HU {
        (
            "beyond-ct",
            format!("has voxels of {high} HU"),
            "CT numbers are expected in Hounsfield units",
        )
    } else {
        return None;
    };
    Some(OddNumbers {
        code,
        message,
        hint,
    })
}

fn report(dataset: &Dataset, cases: &[&Case], facts: Vec<CheckedFacts>) -> Report {
    let mut orientations = BTreeMap::<String, Vec<String>>::new();
    let mut grids = Vec::new();
    let mut failed = Vec::new();
    let mut with_tumour = 0;
    let mut problems: Vec<Problem> = dataset
        .warnings
        .iter()
        .map(|warning| of_dataset(Severity::Warning, "data-set", warning.clone(), ""))
        .collect();
    for (case, facts) in cases.iter().zip(facts) {
        if let Some(geometry) = &facts.geometry {
            let orientation = Orientation::of(geometry);
            orientations
                .entry(orientation.to_string())
                .or_default()
                .push(case.name.clone());
            grids.push(orientation.geometry_to_canonical(geometry));
        }
        with_tumour += usize::from(facts.tumour);
        if facts
            .problems
            .iter()
            .any(|problem| problem.severity == Severity::Error)
        {
            failed.push(case.name.clone());
        }
        problems.extend(facts.problems);
    }
    if orientations.len() > 1 {
        problems.push(orientation_note(&orientations));
    }
    Report {
        summary: Summary {
            layout: dataset.layout.to_string(),
            cases: cases.len(),
            with_labels: cases.iter().filter(|case| case.has_labels()).count(),
            with_tumour,
            orientations,
            spacing_mm: range(grids.iter().map(|grid| grid.spacing_mm)),
            shape: range(grids.iter().map(|grid| grid.shape)),
            failed,
        },
        problems,
    }
}

fn of_dataset(severity: Severity, code: &'static str, message: String, hint: &str) -> Problem {
    Problem {
        severity,
        code,
        case: String::new(),
        file: Default::default(),
        message,
        hint: hint.to_owned(),
    }
}

fn orientation_note(groups: &BTreeMap<String, Vec<String>>) -> Problem {
    let groups: Vec<String> = groups
        .iter()
        .map(|(code, cases)| format!("{code}: {}", listed(cases)))
        .collect();
    of_dataset(
        Severity::Note,
        "orientations",
        format!(
            "the files' axes point in {} ways ({}); all are turned to RAS before training and \
             predictions are turned back",
            groups.len(),
            groups.join("; ")
        ),
        "",
    )
}

/// The first few names and how many more.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 6;
    let mut text = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN {
        text += &format!(" and {} more", names.len() - SHOWN);
    }
    text
}

/// Smallest and largest of each component.
fn range<T: Copy + PartialOrd>(values: impl Iterator<Item = [T; 3]>) -> Option<[[T; 3]; 2]> {
    values.fold(None, |range, value| {
        let Some([low, high]) = range else {
            return Some([value, value]);
        };
        let pick = |old: [T; 3], better: fn(&T, &T) -> bool| {
            [0, 1, 2].map(|axis| match better(&value[axis], &old[axis]) {
                true => value[axis],
                false => old[axis],
            })
        };
        Some([pick(low, |a, b| a < b), pick(high, |a, b| a > b)])
    })
}

impl Report {
    /// An error if a case has one.
    ///
    /// # Errors
    /// `Error::Partial` naming the cases.
    pub fn verdict(&self) -> Result<()> {
        let failed = &self.summary.failed;
        if failed.is_empty() {
            return Ok(());
        }
        Err(Error::Partial {
            what: "cases",
            failed: failed.len(),
            total: self.summary.cases,
            names: failed.join(", "),
        })
    }
}
