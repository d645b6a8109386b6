//! Files beside the slices that are none: what archives of scans put there (licences, tables of
//! metadata), and DICOM objects without an image of their own.
//!
//! A slice that is damaged must never be taken for one of them, so each needs a sign of its own: a
//! class that no slice has, or foreign content under a name that no slice has.

use std::collections::BTreeSet;

use super::data_set::ObjectClass;

/// SOP classes whose objects are no slices, by the begin of their unique identifiers (PS3.4, table
/// B.5-1, and PS3.6).
const OTHER_CLASSES: [(&str, &str); 15] = [
    ("1.2.840.10008.1.3.10", "directory of DICOM files"),
    ("1.2.840.10008.5.1.4.1.1.9.", "waveform"),
    ("1.2.840.10008.5.1.4.1.1.11.", "presentation state"),
    ("1.2.840.10008.5.1.4.1.1.66", "raw data"),
    ("1.2.840.10008.5.1.4.1.1.66.1", "registration"),
    ("1.2.840.10008.5.1.4.1.1.66.2", "fiducials"),
    ("1.2.840.10008.5.1.4.1.1.66.3", "registration"),
    ("1.2.840.10008.5.1.4.1.1.66.", "segmentation object"),
    ("1.2.840.10008.5.1.4.1.1.67", "value mapping"),
    ("1.2.840.10008.5.1.4.1.1.68.", "surface"),
    ("1.2.840.10008.5.1.4.1.1.88.", "structured report"),
    ("1.2.840.10008.5.1.4.1.1.90.", "assessment"),
    ("1.2.840.10008.5.1.4.1.1.104.", "document"),
    ("1.2.840.10008.5.1.4.1.1.481.", "radiotherapy object"),
    ("1.2.840.10008.5.1.4.34.", "radiotherapy object"),
];

/// The same where a file names no class.
const OTHER_MODALITIES: [(&str, &str); 11] = [
    ("DOC", "document"),
    ("ECG", "waveform"),
    ("KO", "structured report"),
    ("PR", "presentation state"),
    ("REG", "registration"),
    ("RTDOSE", "radiotherapy object"),
    ("RTPLAN", "radiotherapy object"),
    ("RTRECORD", "radiotherapy object"),
    ("RTSTRUCT", "radiotherapy object"),
    ("SEG", "segmentation object"),
    ("SR", "structured report"),
];

/// First bytes that only other formats have.
const FOREIGN: [(&[u8], &str); 11] = [
    (b"%PDF-", "PDF"),
    (b"\x89PNG\r\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"II*\0", "picture"),
    (b"MM\0*", "picture"),
    (b"NRRD", "NRRD"),
    (b"ObjectType", "MetaImage"),
    (b"# vtk", "VTK"),
    // Microsoft's documents and Thumbs.db.
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "document"),
    (b"SQLite format 3\0", "database"),
];

const SLICE_EXTENSIONS: [&str; 4] = ["dcm", "dicom", "dic", "ima"];

/// Hexadecimal digits in a row that are a hash and no word.
const HASH_DIGITS: usize = 8;

/// What a DICOM file is by its own word, if that is no slice. All its words have to agree.
pub(super) fn by_class(object: &ObjectClass) -> Option<&'static str> {
    if object.classes.is_empty() {
        let own = object.modality.as_deref()?;
        let (_, kind) = OTHER_MODALITIES.iter().find(|(other, _)| *other == own)?;
        return Some(kind);
    }
    let kinds: Option<Vec<&str>> = object.classes.iter().map(|class| of_class(class)).collect();
    kinds?.first().copied()
}

fn of_class(class: &str) -> Option<&'static str> {
    let is_of = |known: &str| match known.ends_with('.') {
        true => class.starts_with(known),
        false => class == known,
    };
    OTHER_CLASSES
        .iter()
        .find_map(|&(known, kind)| is_of(known).then_some(kind))
}

/// What a file that is no DICOM is by its first bytes, if they show it. An empty file and one of
/// zeros show nothing: so do damaged slices begin.
pub(super) fn by_content(name: &str, start: &[u8]) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if let Some((_, kind)) = FOREIGN.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Some(kind);
    }
    match start {
        [b'P', b'K', 3, 4, ..] if ends(&[".xlsx", ".docx", ".pptx", ".ods", ".odt"]) => {
            Some("document")
        }
        [0x1f, 0x8b, ..] if ends(&[".nii.gz"]) => Some("NIfTI"),
        _ if start
            .get(344..347)
            .is_some_and(|m| m == b"n+1" || m == b"ni1") =>
        {
            Some("NIfTI")
        }
        _ => is_text(start).then_some("text"),
    }
}

/// Text in UTF-8 and its relatives of one byte a letter, or in UTF-16 with its mark.
fn is_text(start: &[u8]) -> bool {
    let start = &start[..start.len().min(4096)];
    let is_control = |&byte: &u8| byte == 0x7f || (byte < b' ' && !byte.is_ascii_whitespace());
    match start {
        [] => false,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        _ => !start.iter().any(is_control),
    }
}

/// Names that slices of a series have.
#[derive(Default)]
pub(super) struct SliceNames(BTreeSet<String>);

impl SliceNames {
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self(names.map(pattern).collect())
    }

    /// Whether a file is named like a slice, and is one that was damaged, whatever it holds.
    pub fn include(&self, name: &str) -> bool {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        let is_known = |known: &str| extension.is_some_and(|e| e.eq_ignore_ascii_case(known));
        SLICE_EXTENSIONS.iter().any(|known| is_known(known)) || self.0.contains(&pattern(name))
    }
}

/// A name with each number, and each hash, as one `0`.
fn pattern(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let mut pattern = String::new();
    let mut rest = name.as_str();
    while let Some(first) = rest.chars().next() {
        let run = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let digits = run(|c| c.is_ascii_digit());
        let hash = run(|c| c.is_ascii_hexdigit());
        let number = if hash >= HASH_DIGITS { hash } else { digits };
        if number > 0 {
            pattern.push('0');
            rest = &rest[number..];
        } else {
            pattern.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    pattern
}

/// `LICENSE (text), report (structured report)`, with the first five of them.
pub(super) fn listed(passed: &[(String, &'static str)]) -> String {
    const NAMED: usize = 5;
    let mut names: Vec<String> = passed
        .iter()
        .take(NAMED)
        .map(|(name, kind)| format!("{name} ({kind})"))
        .collect();
    if passed.len() > NAMED {
        names.push(format!("and {} more", passed.len() - NAMED));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(classes: &[&str], modality: &str) -> ObjectClass {
        ObjectClass {
            classes: classes.iter().map(|&class| class.to_owned()).collect(),
            modality: Some(modality.to_owned()),
        }
    }

    #[test]
    fn objects_without_a_slice_are_known_by_their_class() {
        const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
        const REPORT: &str = "1.2.840.10008.5.1.4.1.1.88.11";
        for (class, kind) in [
            ("1.2.840.10008.1.3.10", "directory of DICOM files"),
            ("1.2.840.10008.5.1.4.1.1.481.3", "radiotherapy object"),
            ("1.2.840.10008.5.1.4.1.1.66", "raw data"),
            ("1.2.840.10008.5.1.4.1.1.66.1", "registration"),
            ("1.2.840.10008.5.1.4.1.1.66.4", "segmentation object"),
            (REPORT, "structured report"),
        ] {
            assert_eq!(by_class(&object(&[class], "CT")), Some(kind), "{class}");
            assert_eq!(by_class(&object(&[class, class], "CT")), Some(kind));
        }
        // CT, its enhanced form, secondary captures and magnetic resonance are images.
        for class in [
            CT,
            "1.2.840.10008.5.1.4.1.1.2.1",
            "1.2.840.10008.5.1.4.1.1.7",
            "1.2.840.10008.5.1.4.1.1.4",
        ] {
            assert_eq!(by_class(&object(&[class], "SR")), None, "{class}");
        }
        assert_eq!(by_class(&object(&[REPORT, CT], "SR")), None);
        assert_eq!(
            by_class(&object(&[], "RTSTRUCT")),
            Some("radiotherapy object")
        );
        assert_eq!(by_class(&object(&[], "CT")), None);
        assert_eq!(by_class(&ObjectClass::default()), None);
    }

    #[test]
    fn foreign_content_is_known_and_damage_is_not() {
        for (name, start, kind) in [
            ("LICENSE", &b"Creative Commons\r\n"[..], Some("text")),
            ("metadata.csv", b"Patient;Gr\xf6\xdfe\n", Some("text")),
            ("metadata.txt", b"\xff\xfea\0b\0", Some("text")),
            ("report.pdf", b"%PDF-1.7\n%\xe2\0\0", Some("PDF")),
            ("liver.nii.gz", &[0x1f, 0x8b, 8, 0], Some("NIfTI")),
            ("sheet.xlsx", b"PK\x03\x04\0\0", Some("document")),
            // It may hold slices.
            ("more.zip", b"PK\x03\x04\0\0", None),
            ("image_3.gz", &[0x1f, 0x8b, 8, 0], None),
            ("image_3", b"", None),
            ("image_3", &[0; 132], None),
            ("image_3", &[0x08, 0, 0x05, 0, b'C', b'S'], None),
        ] {
            assert_eq!(by_content(name, start), kind, "{name}");
        }
    }

    #[test]
    fn a_file_named_like_a_slice_is_one() {
        let names =
            SliceNames::of(["image_3", "image_10", "1.2.840.1.77", "3F2A9C0e11"].into_iter());
        for name in [
            "image_4",
            "IMAGE_200",
            "1.2.840.2.8",
            "00ff9c0e1122",
            "any.DCM",
            "x.ima",
        ] {
            assert!(names.include(name), "{name}");
        }
        for name in [
            "LICENSE",
            "metadata.csv",
            "image_3.png",
            "image",
            "readme",
            "facade",
        ] {
            assert!(!names.include(name), "{name}");
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        let passed: Vec<_> = (0..7).map(|i| (format!("f{i}"), "text")).collect();
        assert_eq!(listed(&passed[..1]), "f0 (text)");
        assert!(listed(&passed).ends_with("f4 (text), and 2 more"));
    }
}
