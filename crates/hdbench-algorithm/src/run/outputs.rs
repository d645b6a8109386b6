//! Which file of an output folder is a case's.

use std::fs;
use std::path::{Path, PathBuf};

use hdbench_ground::text::{Shown as _, name_of};
use hdbench_volume::split_image_name;

use crate::failure::FailureCause;
use crate::input::staged::lits_number;
use crate::table::algorithm::InputLayout;

/// Names of other files that a message lists.
const LISTED: usize = 5;

/// A case's prediction in a folder that somebody filled elsewhere, whatever its ending: `CASE`, `CASE_0000`, of a case
/// `volume-N` also `segmentation-N` and `test-segmentation-N`, or the only image in a folder `CASE`.
///
/// # Errors
/// [`FailureCause::NoOutput`], also where there are two.
pub fn find_prediction(folder: &Path, case: &str) -> Result<PathBuf, FailureCause> {
    // The folder is the user's, and so is what it links to.
    Listing::of(folder, Path::new("/")).find(case, InputLayout::Lits)
}

/// What lies in an output folder.
pub(crate) struct Listing<'a> {
    folder: &'a Path,
    /// Whatever a link leads to has to lie in it.
    scratch: &'a Path,
    /// Images by their names without endings, in the order of names.
    images: Vec<(String, PathBuf)>,
}

impl<'a> Listing<'a> {
    /// Of a job's output folder in its scratch folder.
    pub fn of(folder: &'a Path, scratch: &'a Path) -> Self {
        Self {
            folder,
            scratch,
            images: images(folder, scratch),
        }
    }

    /// Finds a case's output, whatever its ending: `CASE`, `CASE_0000`, with `input = "lits"` also `segmentation-N` and
    /// `test-segmentation-N`, or the only image in a folder `CASE`. A link has to lead to something of the job's own.
    ///
    /// # Errors
    /// [`FailureCause::NoOutput`], also where there are two; [`FailureCause::NoFile`] for a link, a folder or a pipe in
    /// its place.
    pub fn find(&self, stem: &str, layout: InputLayout) -> Result<PathBuf, FailureCause> {
        let two = |folder: &Path| Err(missing(folder, format!("single file for {stem}")));
        for name in names(stem, layout) {
            let mut of_name = self.images.iter().filter(|(found, _)| *found == name);
            match (of_name.next(), of_name.next()) {
                (Some((_, path)), None) => return Ok(path.clone()),
                (Some(_), Some(_)) => return two(self.folder),
                (None, _) => {}
            }
        }
        let folder = self.folder.join(stem);
        match images(&folder, self.scratch).as_slice() {
            [(_, path)] => Ok(path.clone()),
            [] => Err(self.absent(stem, layout)),
            _ => two(&folder),
        }
    }

    /// Why there is none.
    fn absent(&self, stem: &str, layout: InputLayout) -> FailureCause {
        let expected = format!("{stem}.nii.gz (or .nii, .mha, .nrrd)");
        let names = names(stem, layout);
        let is_its = |name: &str| {
            let stem = split_image_name(name).map_or(name, |(stem, _)| stem);
            names.iter().any(|name| name == stem)
        };
        let mut found = names_in(self.folder);
        found.retain(|name| is_its(name));
        let kinds = found.into_iter().find_map(|name| {
            let kind = kind_of(&self.folder.join(&name), self.scratch)?;
            Some((name, kind))
        });
        match kinds {
            Some((name, kind)) => FailureCause::NoFile {
                // What has the case's bare name may be a folder with an image.
                expected: match split_image_name(&name) {
                    Some(_) => "a file".to_owned(),
                    None => expected,
                },
                name,
                kind,
            },
            None => missing(self.folder, expected),
        }
    }
}

/// What lies in the place of an output, in words; none for a file.
fn kind_of(path: &Path, scratch: &Path) -> Option<String> {
    let found = fs::symlink_metadata(path).ok()?;
    if found.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        let leads = match fs::metadata(path) {
            Err(_) => "where nothing is",
            Ok(_) if !leads_inside(path, scratch) => "which leads out of its folders",
            Ok(found) if found.is_dir() => "which is a folder",
            Ok(_) => return None,
        };
        return Some(format!("a symbolic link to {}, {leads}", target.shown()));
    }
    if found.is_dir() {
        let inside = names_in(path);
        return Some(match inside.is_empty() {
            true => "an empty folder".to_owned(),
            false => format!("a folder with {}", listed(inside).join(", ")),
        });
    }
    (!found.is_file()).then(|| "a pipe or a device".to_owned())
}

/// What a case's output may be called, the first that is there.
fn names(stem: &str, layout: InputLayout) -> Vec<String> {
    let number = lits_number(stem).filter(|_| layout == InputLayout::Lits);
    let of_lits = number.into_iter().flat_map(|number| {
        [
            format!("segmentation-{number}"),
            format!("test-segmentation-{number}"),
        ]
    });
    let mut names = vec![stem.to_owned()];
    names.extend(of_lits);
    names.push(format!("{stem}_0000"));
    names
}

fn images(folder: &Path, scratch: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder)
        .ok()
        .filter(|_| leads_inside(folder, scratch));
    let mut found: Vec<_> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = name_of(&entry.file_name()).into_owned();
            let (stem, _) = split_image_name(&name)?;
            Some((stem.to_owned(), regular(&entry.path(), scratch)?))
        })
        .collect();
    found.sort();
    found
}

/// The file, if it is one; of a link, if what it leads to is the job's own.
fn regular(path: &Path, scratch: &Path) -> Option<PathBuf> {
    let found = fs::symlink_metadata(path).ok()?;
    if found.is_symlink() {
        let real = path.canonicalize().ok()?;
        return (leads_inside(path, scratch) && real.is_file()).then_some(real);
    }
    found.is_file().then(|| path.to_path_buf())
}

/// Whether a path, by whatever links, ends in the job's own folder.
fn leads_inside(path: &Path, scratch: &Path) -> bool {
    let [real, scratch] = [path, scratch].map(|path| path.canonicalize().ok());
    real.zip(scratch)
        .is_some_and(|(real, scratch)| real.starts_with(scratch))
}

fn missing(folder: &Path, expected: String) -> FailureCause {
    FailureCause::NoOutput {
        found: listed(names_in(folder)),
        expected,
    }
}

/// The names in a folder, in their order.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<String> = entries
        .map(|entry| name_of(&entry.file_name()).into_owned())
        .collect();
    found.sort();
    found
}

/// A few names, and how many more there are.
fn listed(mut names: Vec<String>) -> Vec<String> {
    if names.len() > LISTED {
        let more = format!("{} more", names.len() - LISTED);
        names.truncate(LISTED);
        names.push(more);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_found_by_its_name_whatever_its_ending() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        let put = |name: &str| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        for name in [
            "a.nii.gz",
            "b.nrrd",
            "c_0000.mha",
            "d/d_trans.nii.gz",
            "d/log.txt",
            "segmentation-7.nii",
            "plans.json",
        ] {
            put(name);
        }
        let of = |stem: &str, layout| {
            let found = Listing::of(folder, folder).find(stem, layout);
            found.map(|path| {
                path.strip_prefix(folder)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
        };
        for (stem, name) in [
            ("a", "a.nii.gz"),
            ("b", "b.nrrd"),
            ("c", "c_0000.mha"),
            ("d", "d/d_trans.nii.gz"),
        ] {
            assert_eq!(of(stem, InputLayout::Nifti).as_deref(), Ok(name));
        }
        assert_eq!(
            of("volume-7", InputLayout::Lits).as_deref(),
            Ok("segmentation-7.nii")
        );
        assert_eq!(
            of("test-volume-7", InputLayout::Lits).as_deref(),
            Ok("segmentation-7.nii")
        );
        let text = of("volume-7", InputLayout::Nifti).unwrap_err().to_string();
        assert_eq!(
            text,
            "wrote no volume-7.nii.gz (or .nii, .mha, .nrrd): its output folder has a.nii.gz, b.nrrd, c_0000.mha, d, \
             plans.json, 1 more"
        );
        put("a.nii");
        let text = of("a", InputLayout::Nifti).unwrap_err().to_string();
        assert!(
            text.starts_with("wrote no single file for a: its output folder has"),
            "{text}"
        );
    }

    #[test]
    fn a_link_may_not_lead_out_of_the_job() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("scratch/output");
        fs::create_dir_all(&out).unwrap();
        fs::write(dir.path().join("secret.nii"), "").unwrap();
        fs::write(dir.path().join("scratch/inside.nii"), "").unwrap();
        std::os::unix::fs::symlink("../../secret.nii", out.join("a.nii")).unwrap();
        std::os::unix::fs::symlink("../inside.nii", out.join("b.nii")).unwrap();
        let scratch = dir.path().join("scratch");
        let listing = Listing::of(&out, &scratch);
        assert!(listing.find("a", InputLayout::Nifti).is_err());
        assert!(listing.find("b", InputLayout::Nifti).is_ok());
    }

    #[test]
    fn what_lies_in_the_place_of_an_output_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("scratch/output");
        fs::create_dir_all(out.join("b.nii.gz")).unwrap();
        fs::create_dir_all(out.join("c")).unwrap();
        fs::write(out.join("c/log.txt"), "").unwrap();
        fs::create_dir_all(out.join("d")).unwrap();
        fs::write(dir.path().join("secret.nii"), "").unwrap();
        for (name, to) in [
            ("a.nii", "../../secret.nii"),
            ("e.mha", "/no/such/file.mha"),
            ("f.nii.gz", "b.nii.gz"),
            ("g", "../.."),
        ] {
            std::os::unix::fs::symlink(to, out.join(name)).unwrap();
        }
        let scratch = dir.path().join("scratch");
        let listing = Listing::of(&out, &scratch);
        for (stem, text) in [
            (
                "a",
                "wrote a.nii as a symbolic link to ../../secret.nii, which leads out of its folders, expected a file",
            ),
            ("b", "wrote b.nii.gz as an empty folder, expected a file"),
            (
                "c",
                "wrote c as a folder with log.txt, expected c.nii.gz (or .nii, .mha, .nrrd)",
            ),
            (
                "d",
                "wrote d as an empty folder, expected d.nii.gz (or .nii, .mha, .nrrd)",
            ),
            (
                "e",
                "wrote e.mha as a symbolic link to /no/such/file.mha, where nothing is, expected a file",
            ),
            (
                "f",
                "wrote f.nii.gz as a symbolic link to b.nii.gz, which is a folder, expected a file",
            ),
            // In it lies an image, but not the algorithm's.
            (
                "g",
                "wrote g as a symbolic link to ../.., which leads out of its folders, expected g.nii.gz (or .nii, .mha, .nrrd)",
            ),
        ] {
            let found = listing.find(stem, InputLayout::Nifti);
            assert_eq!(found.unwrap_err().to_string(), text);
        }
    }
}
