//! What an evaluation on grand-challenge.org is given: `predictions.json`, the jobs of a submission, and their outputs.

use std::fs;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::name_of;
use hdbench_volume::artifact::read_text;
use hdbench_volume::split_image_name;
use serde::Deserialize;

/// The list of jobs, in the folder that an evaluation reads.
pub(super) const PREDICTIONS: &str = "predictions.json";

/// A job: one run of an algorithm on one case.
#[derive(Deserialize)]
struct Job {
    pk: String,
    inputs: Vec<SocketValue>,
    outputs: Vec<SocketValue>,
}

/// What a job was given or has made.
#[derive(Deserialize)]
struct SocketValue {
    /// Older phases say `interface`.
    #[serde(alias = "interface")]
    socket: Socket,
    #[serde(default)]
    image: Option<Image>,
}

#[derive(Deserialize)]
struct Socket {
    slug: String,
    relative_path: String,
}

#[derive(Deserialize)]
struct Image {
    name: String,
}

/// A label map that a job wrote.
pub(super) struct PhaseOutput {
    /// Name of the first image that the job was given, as it was uploaded.
    pub(super) image: String,
    pub(super) file: PathBuf,
}

/// The label maps of all jobs, those of the output `slug` where they have several images.
///
/// # Errors
/// `Error::Read`; `Error::Malformed` for another shape, or a job without exactly one image where it says.
pub(super) fn phase_outputs(
    folder: &Path,
    slug: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<Vec<PhaseOutput>> {
    let list = folder.join(PREDICTIONS);
    let text = read_text(&list).map_err(Error::read(&list))?;
    let jobs: Vec<Job> = serde_json::from_str(&text).map_err(|e| {
        let hint = "expected the list of jobs that grand-challenge.org writes: pk, inputs, outputs";
        Error::malformed(&list, e.to_string(), hint)
    })?;
    if jobs.iter().any(|job| images(&job.inputs).count() > 1) {
        notes.push(format!(
            "{PREDICTIONS}: jobs have several images: each case is named by the first"
        ));
    }
    let output = |job: &Job| {
        let problem = |text: String, hint: &str| Error::malformed(&list, text, hint);
        let (_, image) = images(&job.inputs).next().ok_or_else(|| {
            let hint = "a case is named by the image that its job was given";
            problem(format!("job {} was given no image", job.pk), hint)
        })?;
        let socket = socket(job, slug)
            .map_err(|text| problem(text, "name the output with --socket SLUG"))?;
        let place = folder
            .join(&job.pk)
            .join("output")
            .join(&socket.relative_path);
        Ok(PhaseOutput {
            image: image.name.clone(),
            file: single_image(&place)?,
        })
    };
    jobs.iter().map(output).collect()
}

fn images(values: &[SocketValue]) -> impl Iterator<Item = (&Socket, &Image)> {
    values.iter().filter_map(SocketValue::image)
}

impl SocketValue {
    fn image(&self) -> Option<(&Socket, &Image)> {
        Some((&self.socket, self.image.as_ref()?))
    }
}

/// The output that holds a job's label map.
fn socket<'a>(job: &'a Job, slug: Option<&str>) -> std::result::Result<&'a Socket, String> {
    let outputs: Vec<&Socket> = images(&job.outputs).map(|(socket, _)| socket).collect();
    let slugs = || {
        let slugs: Vec<&str> = outputs.iter().map(|socket| &*socket.slug).collect();
        slugs.join(", ")
    };
    match (slug, outputs.as_slice()) {
        (_, []) => Err(format!("job {} has no image among its outputs", job.pk)),
        (None, [socket]) => Ok(socket),
        (None, _) => Err(format!("job {} has several images: {}", job.pk, slugs())),
        (Some(slug), _) => {
            let found = outputs.iter().find(|socket| socket.slug == slug);
            found
                .copied()
                .ok_or_else(|| format!("job {} has no image {slug:?}, but {}", job.pk, slugs()))
        }
    }
}

/// The one image of a folder.
fn single_image(folder: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::read(folder))? {
        let path = entry.map_err(Error::read(folder))?.path();
        let name = path.file_name().map(name_of).unwrap_or_default();
        if split_image_name(&name).is_some() && !name.starts_with('.') {
            found.push(path);
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        all => Err(Error::malformed(
            folder,
            format!("{} images here, expected one label map", all.len()),
            "an algorithm writes one .mha file into the folder of its output",
        )),
    }
}
