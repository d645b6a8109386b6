//! The header of an NRRD file: `.nrrd`, or `.nhdr` with the voxels in a file beside it.
//!
//! Source: "Definition of NRRD File Format" (<https://teem.sourceforge.net/nrrd/format.html>).

use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::text::shown;

use super::fields::{Fields, Problem, sizes};
use super::grid::Storage;
use super::lines::HeaderLines;
use super::nrrd_space;
use crate::artifact::{MaybeGzip, Packing};
use crate::layout::{Encoding, HeaderNote, Layout, Place, Skip, Stored};

const MAGIC: &[u8] = b"NRRD";

/// Fields that say where the voxels lie and how.
const KEYS: [&str; 16] = [
    "dimension",
    "type",
    "encoding",
    "endian",
    "data file",
    "line skip",
    "byte skip",
    "sizes",
    "spacings",
    "axis mins",
    "centers",
    "kinds",
    "space",
    "space dimension",
    "space directions",
    "space origin",
];

/// Units, which ITK does not act on.
const SPACE_UNITS: &str = "space units";

/// The format's other fields.
const WITHOUT_EFFECT: [&str; 16] = [
    "content",
    "number",
    "block size",
    "blocksize",
    "min",
    "max",
    "old min",
    "oldmin",
    "old max",
    "oldmax",
    "sample units",
    "sampleunits",
    "thicknesses",
    "axis maxs",
    "labels",
    "measurement frame",
];

/// The most axes that the format has.
const MOST_AXES: i64 = 16;

/// Whether a file that begins like this is an NRRD file.
pub(crate) fn is_nrrd(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// Reads and checks a header, of which `start` was read already.
pub(crate) fn read_nrrd(path: &Path, content: &mut MaybeGzip, start: &[u8]) -> Result<Layout> {
    let mut lines = HeaderLines::new(path, content, start);
    let magic = lines.next()?.unwrap_or_default();
    check_version(&magic).map_err(|problem| problem.of(path))?;
    let mut fields = Fields::default();
    let mut notes = Vec::new();
    let mut is_ended = false;
    while let Some(line) = lines.next()? {
        if line.is_empty() {
            is_ended = true;
            break;
        }
        add(&mut fields, &line, lines.count(), &mut notes).map_err(|problem| problem.of(path))?;
    }
    if !is_ended && fields.get("data file").is_none() {
        let problem = "the header does not end: an empty line has to part it from the voxels";
        return Err(Problem::from(problem).of(path));
    }
    layout(&fields, lines.end(), notes).map_err(|problem| problem.of(path))
}

fn check_version(magic: &str) -> Result<(), Problem> {
    match magic.strip_prefix("NRRD000") {
        Some("1" | "2" | "3" | "4" | "5" | "6") => Ok(()),
        _ => Err(format!(
            "the NRRD header begins with {}, expected NRRD0001 to NRRD0006",
            shown(&magic.chars().take(16).collect::<String>())
        )
        .into()),
    }
}

fn add(
    fields: &mut Fields,
    line: &str,
    number: usize,
    notes: &mut Vec<HeaderNote>,
) -> Result<(), Problem> {
    if line.starts_with('#') {
        return Ok(());
    }
    let Some((name, value)) = line.split_once(':') else {
        let line: String = line.chars().take(40).collect();
        return Err(format!(
            "line {number} of the NRRD header is {}, expected FIELD: VALUE",
            shown(&line)
        )
        .into());
    };
    // KEY:=VALUE is the writer's own.
    if value.starts_with('=') {
        return Ok(());
    }
    let name = name.trim().to_ascii_lowercase();
    let name = match name.as_str() {
        "datafile" => "data file",
        "lineskip" => "line skip",
        "byteskip" => "byte skip",
        "axismins" => "axis mins",
        "axismaxs" => "axis maxs",
        "centerings" => "centers",
        name => name,
    };
    if let Some(key) = KEYS
        .iter()
        .chain([&SPACE_UNITS, &"units"])
        .find(|&&key| key == name)
    {
        fields.add(key, value)?;
        // Names of files may follow, a line each.
        return match *key {
            "data file" => one_file(value.trim()),
            _ => Ok(()),
        };
    }
    if !WITHOUT_EFFECT.contains(&name) {
        let name: String = name.chars().take(40).collect();
        notes.push(HeaderNote::plain(format!(
            "{} is no field of NRRD; passed over",
            shown(&name)
        )));
    }
    Ok(())
}

fn one_file(name: &str) -> Result<(), Problem> {
    let is_list = name.split_whitespace().next() == Some("LIST") || name.starts_with("SKIPLIST");
    if is_list || name.contains('%') || name.is_empty() {
        return Err(Problem::new(
            format!(
                "data file is {}, expected the name of one file",
                shown(name)
            ),
            "hdbench reads one file of voxels: re-save the image as .nrrd",
        ));
    }
    Ok(())
}

fn layout(
    fields: &Fields,
    header_bytes: u64,
    mut notes: Vec<HeaderNote>,
) -> Result<Layout, Problem> {
    fields.need("dimension")?;
    let dimensions = fields
        .whole("dimension", 1..=MOST_AXES)?
        .unwrap_or_default() as usize;
    let all = sizes("sizes", fields.need("sizes")?, dimensions)?;
    let stored = stored(fields.need("type")?)?;
    let encoding = encoding(fields.need("encoding")?)?;
    let storage = Storage {
        stored,
        big_endian: big_endian(fields, stored, encoding)?,
        place: place(fields, header_bytes, encoding)?,
    };
    for key in [SPACE_UNITS, "units"] {
        notes.extend(other_unit(key, fields));
    }
    let grid = nrrd_space::grid(fields, &all, &mut notes)?;
    grid.layout(
        ["matrix of space directions", "spacings"],
        dimensions,
        storage,
        notes,
    )
}

fn other_unit(key: &str, fields: &Fields) -> Option<HeaderNote> {
    let said = fields.get(key)?;
    let is_mm = |unit: &str| ["mm", "millimeter", "millimetre", "", "???", "none"].contains(&unit);
    let mut units = said.split('"').map(str::trim);
    (!units.all(is_mm)).then(|| HeaderNote {
        code: HeaderNote::UNITS,
        text: format!(
            "{key} is {}, which ITK does not convert; taken as millimetres",
            shown(said)
        ),
    })
}

fn stored(name: &str) -> Result<Stored, Problem> {
    let name = name.to_ascii_lowercase();
    Ok(match name.as_str() {
        "signed char" | "int8" | "int8_t" => Stored::I8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => Stored::U8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
            Stored::I16
        }
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Stored::U16,
        "int" | "signed int" | "int32" | "int32_t" => Stored::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => Stored::U32,
        "longlong"
        | "long long"
        | "long long int"
        | "signed long long"
        | "signed long long int"
        | "int64"
        | "int64_t" => Stored::I64,
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => {
            Stored::U64
        }
        "float" => Stored::F32,
        "double" => Stored::F64,
        other => {
            return Err(format!(
                "type is {}, expected one real number, such as uint8, short or float",
                shown(other)
            )
            .into());
        }
    })
}

fn encoding(name: &str) -> Result<Encoding, Problem> {
    match name.to_ascii_lowercase().as_str() {
        "raw" => Ok(Encoding::Raw),
        "gz" | "gzip" => Ok(Encoding::Packed(Packing::Gzip)),
        "txt" | "text" | "ascii" => Ok(Encoding::Text),
        other => Err(Problem::new(
            format!("encoding is {}, expected raw, gzip or ascii", shown(other)),
            "re-save it with gzip; in pynrrd: nrrd.write(FILE, data, {**header, 'encoding': 'gzip'})",
        )),
    }
}

fn big_endian(fields: &Fields, stored: Stored, encoding: Encoding) -> Result<bool, Problem> {
    match fields.get("endian").map(str::to_ascii_lowercase).as_deref() {
        Some("little") => Ok(false),
        Some("big") => Ok(true),
        None if stored.bytes() == 1 || encoding == Encoding::Text => Ok(false),
        None => Err("the header does not give endian, the byte order of its voxels".into()),
        Some(other) => Err(format!("endian is {}, expected little or big", shown(other)).into()),
    }
}

fn place(fields: &Fields, header_bytes: u64, encoding: Encoding) -> Result<Place, Problem> {
    let lines = fields.whole("line skip", 0..=i64::MAX)?.unwrap_or(0);
    let skip = match fields.whole("byte skip", -1..=i64::MAX)?.unwrap_or(0) {
        -1 if encoding == Encoding::Raw => Skip::UpToLast,
        -1 => return Err("byte skip is -1, which only encoding raw can have".into()),
        bytes => Skip::Bytes(bytes as u64),
    };
    if encoding == Encoding::Text && skip != Skip::Bytes(0) {
        return Err("byte skip before voxels in words is not supported".into());
    }
    let file = fields.get("data file").filter(|&name| name != "LOCAL");
    Ok(Place {
        file: file.map(str::to_owned),
        lines: lines as u64,
        skip,
        encoding,
        ..Place::behind_header(header_bytes)
    })
}
