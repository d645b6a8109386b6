//! The header of a MetaImage: `.mha`, or `.mhd` with the voxels in a file beside it.
//!
//! Source: the MetaIO documentation (<https://itk.org/Wiki/MetaIO/Documentation>); where it leaves a choice, what ITK
//! does, as `tests/data/volume_formats` records it.

use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::text::shown;

use super::fields::{Fields, Problem, numbers, sizes};
use super::grid::{Grid, Storage, first_three};
use super::lines::HeaderLines;
use crate::Orientation;
use crate::artifact::{MaybeGzip, Packing};
use crate::image_name::format_by_name;
use crate::layout::{Encoding, HeaderNote, ImageFormat, Layout, Place, Skip, Stored};

/// Every key that says where the voxels lie and how; all others are the writer's own.
const KEYS: [&str; 25] = [
    "ObjectType",
    "NDims",
    "BinaryData",
    "BinaryDataByteOrderMSB",
    "ElementByteOrderMSB",
    "CompressedData",
    "CompressedDataSize",
    "TransformMatrix",
    "Rotation",
    "Orientation",
    "Offset",
    "Position",
    "Origin",
    "CenterOfRotation",
    "AnatomicalOrientation",
    "DistanceUnits",
    "ElementSpacing",
    "ElementSize",
    "DimSize",
    "HeaderSize",
    "ElementType",
    "ElementNumberOfChannels",
    "ElementToIntensityFunctionSlope",
    "ElementToIntensityFunctionOffset",
    LAST_KEY,
];

/// The header ends with it.
const LAST_KEY: &str = "ElementDataFile";

/// The most axes that anything is known to write.
const MOST_AXES: i64 = 10;

/// Whether a file that begins like this is a MetaImage: lines of keys, among them one of the first two;
/// where its name promises one, any key.
pub(crate) fn is_metaimage(path: &Path, start: &[u8]) -> bool {
    let is_named = format_by_name(path) == Some(ImageFormat::MetaImage);
    let key = |line: &[u8]| split(&String::from_utf8_lossy(line)).map(|(key, _)| key.to_owned());
    start
        .split(|&byte| byte == b'\n')
        .map_while(key)
        .any(|key| is_named || key == "ObjectType" || key == "NDims")
}

/// `KEY = VALUE`; a colon serves as well.
fn split(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(['=', ':'])?;
    let key = key.trim();
    let is_key = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    is_key.then_some((key, value.trim()))
}

/// Reads and checks a header, of which `start` was read already.
pub(crate) fn read_metaimage(path: &Path, content: &mut MaybeGzip, start: &[u8]) -> Result<Layout> {
    let mut lines = HeaderLines::new(path, content, start);
    let mut fields = Fields::default();
    while fields.get(LAST_KEY).is_none() {
        let ended = || Problem::from(format!("the header ends without {LAST_KEY}")).of(path);
        let line = lines.next()?.ok_or_else(ended)?;
        add(&mut fields, &line, lines.count()).map_err(|problem| problem.of(path))?;
    }
    layout(&fields, lines.end()).map_err(|problem| problem.of(path))
}

fn add(fields: &mut Fields, line: &str, number: usize) -> Result<(), Problem> {
    if line.trim().is_empty() {
        return Ok(());
    }
    let Some((key, value)) = split(line) else {
        let mut line: String = line.chars().take(40).collect();
        line = shown(&line).into_owned();
        return Err(format!("line {number} of the header is {line}, expected KEY = VALUE").into());
    };
    match KEYS.iter().find(|&&known| known == key) {
        Some(key) => fields.add(key, value),
        None => Ok(()),
    }
}

fn layout(fields: &Fields, header_bytes: u64) -> Result<Layout, Problem> {
    if let Some(kind) = fields.get("ObjectType").filter(|&kind| kind != "Image") {
        return Err(format!("ObjectType is {}, expected Image", shown(kind)).into());
    }
    fields.need("NDims")?;
    let dimensions = fields.whole("NDims", 2..=MOST_AXES)?.unwrap_or_default() as usize;
    if let Some(channels) = fields.get("ElementNumberOfChannels").filter(|&n| n != "1") {
        return Err(Problem::new(
            format!(
                "ElementNumberOfChannels is {}, expected 1 value a voxel",
                shown(channels)
            ),
            "save the channel that is meant as an image of its own",
        ));
    }
    let mut notes = Vec::new();
    let stored = stored(fields.need("ElementType")?)?;
    let encoding = encoding(fields)?;
    let storage = Storage {
        stored,
        big_endian: big_endian(fields, stored, encoding, &mut notes)?,
        place: place(fields, header_bytes, encoding)?,
    };
    let grid = grid(fields, dimensions, &mut notes)?;
    notes.extend(without_effect(fields));
    let mut layout = grid.layout(
        ["TransformMatrix", "ElementSpacing"],
        dimensions,
        storage,
        notes,
    )?;
    let contradiction = contradicts(fields, &layout);
    layout.header.notes.extend(contradiction);
    Ok(layout)
}

fn stored(name: &str) -> Result<Stored, Problem> {
    Ok(match name {
        "MET_CHAR" => Stored::I8,
        "MET_UCHAR" => Stored::U8,
        "MET_SHORT" => Stored::I16,
        "MET_USHORT" => Stored::U16,
        // Of four bytes, whatever a long has on the machine that wrote it.
        "MET_INT" | "MET_LONG" => Stored::I32,
        "MET_UINT" | "MET_ULONG" => Stored::U32,
        "MET_LONG_LONG" => Stored::I64,
        "MET_ULONG_LONG" => Stored::U64,
        "MET_FLOAT" => Stored::F32,
        "MET_DOUBLE" => Stored::F64,
        other => {
            return Err(format!(
                "ElementType is {}, expected one real number, MET_UCHAR to MET_DOUBLE",
                shown(other)
            )
            .into());
        }
    })
}

fn truth(fields: &Fields, key: &'static str) -> Result<Option<bool>, Problem> {
    match fields.get(key) {
        None => Ok(None),
        Some("True" | "true" | "TRUE" | "T" | "1") => Ok(Some(true)),
        Some("False" | "false" | "FALSE" | "F" | "0") => Ok(Some(false)),
        Some(other) => Err(format!("{key} is {}, expected True or False", shown(other)).into()),
    }
}

fn encoding(fields: &Fields) -> Result<Encoding, Problem> {
    let packed = truth(fields, "CompressedData")?.unwrap_or(false);
    // Older writers do not say it, and ITK takes it for granted.
    let binary = truth(fields, "BinaryData")?.unwrap_or(true);
    match (binary, packed) {
        (true, false) => Ok(Encoding::Raw),
        (true, true) => Ok(Encoding::Packed(Packing::Zlib)),
        (false, false) => Ok(Encoding::Text),
        (false, true) => Err("the header asks for text that is compressed".into()),
    }
}

fn big_endian(
    fields: &Fields,
    stored: Stored,
    encoding: Encoding,
    notes: &mut Vec<HeaderNote>,
) -> Result<bool, Problem> {
    let element = truth(fields, "ElementByteOrderMSB")?;
    let data = truth(fields, "BinaryDataByteOrderMSB")?;
    if element.is_some() && data.is_some() && element != data {
        return Err("the header contradicts itself about its byte order".into());
    }
    if element.or(data).is_none() && stored.bytes() > 1 && encoding != Encoding::Text {
        notes.push(HeaderNote::plain(
            "the header does not say its byte order; taken as the lowest byte first",
        ));
    }
    Ok(element.or(data).unwrap_or(false))
}

fn place(fields: &Fields, header_bytes: u64, encoding: Encoding) -> Result<Place, Problem> {
    let name = fields.need(LAST_KEY)?;
    let mut words = name.split_whitespace();
    let is_list = words.next() == Some("LIST");
    if is_list || name.contains('%') || name.is_empty() {
        return Err(Problem::new(
            format!(
                "{LAST_KEY} is {}, expected LOCAL or the name of one file",
                shown(name)
            ),
            "hdbench reads one file of voxels: re-save the image as .mha",
        ));
    }
    let is_local = ["LOCAL", "Local", "local"].contains(&name);
    // Of the whole file, header and all.
    let skip = match fields.whole("HeaderSize", -1..=i64::MAX)?.unwrap_or(0) {
        -1 if encoding != Encoding::Raw => {
            return Err("HeaderSize is -1, which only bare voxels can have".into());
        }
        -1 => Skip::UpToLast,
        0 => Skip::Bytes(0),
        size if !is_local => Skip::Bytes(size as u64),
        size => match (size as u64).checked_sub(header_bytes) {
            Some(gap) => Skip::Bytes(gap),
            None => {
                return Err(format!(
                    "HeaderSize is {size} where the header alone has {header_bytes} bytes"
                )
                .into());
            }
        },
    };
    if encoding != Encoding::Raw && !matches!(skip, Skip::Bytes(0)) {
        return Err("HeaderSize before voxels that are not bare is not supported".into());
    }
    fields.whole("CompressedDataSize", 0..=i64::MAX)?;
    Ok(Place {
        file: (!is_local).then(|| name.to_owned()),
        skip,
        encoding,
        ..Place::behind_header(header_bytes)
    })
}

fn grid(fields: &Fields, dimensions: usize, notes: &mut Vec<HeaderNote>) -> Result<Grid, Problem> {
    let all = sizes("DimSize", fields.need("DimSize")?, dimensions)?;
    let rank = dimensions.min(3);
    let mut spacing_mm = [1.0; 3];
    // ElementSize is that of a detector, and serves where nothing else does.
    match ["ElementSpacing", "ElementSize"]
        .iter()
        .find_map(|key| Some((key, fields.get(key)?)))
    {
        Some((key, text)) => {
            let found = numbers(key, text, dimensions)?;
            if let Some(axis) = found[..rank]
                .iter()
                .position(|mm| !mm.is_finite() || *mm == 0.0)
            {
                return Err(format!(
                    "{key} is {} along axis {}, expected a voxel size above 0",
                    found[axis],
                    axis + 1
                )
                .into());
            }
            spacing_mm[..rank].copy_from_slice(&found[..rank]);
        }
        None => notes.push(HeaderNote {
            code: HeaderNote::SPACING,
            text: "the header gives no ElementSpacing; taken as 1 mm".to_owned(),
        }),
    }
    let mut steps_lps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    match fields.one_of(&["TransformMatrix", "Rotation", "Orientation"])? {
        Some((key, text)) => {
            // Row after row, each the direction of an axis.
            let matrix = numbers(key, text, dimensions * dimensions)?;
            for (axis, step) in steps_lps.iter_mut().enumerate().take(rank) {
                step[..rank].copy_from_slice(&matrix[axis * dimensions..][..rank]);
            }
        }
        None => notes.push(HeaderNote::plain(
            "the header stores no orientation; the axes are taken as left, posterior, superior, as ITK does",
        )),
    }
    for (step, mm) in steps_lps.iter_mut().zip(spacing_mm) {
        *step = step.map(|part| part * mm);
    }
    let mut origin_lps = [0.0; 3];
    if let Some((key, text)) = fields.one_of(&["Offset", "Position", "Origin"])? {
        origin_lps[..rank].copy_from_slice(&numbers(key, text, dimensions)?[..rank]);
    }
    Ok(Grid {
        format: ImageFormat::MetaImage,
        sizes: first_three("DimSize", &all)?,
        rank,
        steps_lps,
        origin_lps,
        spacing_mm,
    })
}

/// What a header may say and ITK does not act on.
fn without_effect(fields: &Fields) -> Vec<HeaderNote> {
    let is = |key: &str, usual: f64| {
        fields.get(key).is_none_or(|text| {
            let mut numbers = text.split_whitespace().map(str::parse::<f64>);
            numbers.all(|number| number == Ok(usual))
        })
    };
    let mut notes = Vec::new();
    if !is("CenterOfRotation", 0.0) {
        notes.push(HeaderNote::plain(
            "CenterOfRotation is not 0; the place of the voxels does not depend on it, as in ITK",
        ));
    }
    for (key, usual) in [
        ("ElementToIntensityFunctionSlope", 1.0),
        ("ElementToIntensityFunctionOffset", 0.0),
    ] {
        if !is(key, usual) {
            notes.push(HeaderNote::plain(format!(
                "{key} is {}, which ITK does not apply; the stored values are taken",
                shown(fields.get(key).unwrap_or_default())
            )));
        }
    }
    if let Some(unit) = fields
        .get("DistanceUnits")
        .filter(|&unit| unit != "mm" && unit != "?")
    {
        notes.push(HeaderNote {
            code: HeaderNote::UNITS,
            text: format!(
                "DistanceUnits is {}, which ITK does not convert; taken as millimetres",
                shown(unit)
            ),
        });
    }
    notes
}

/// A note where AnatomicalOrientation says something else than the matrix. Its letters name the sides
/// from which the axes run.
fn contradicts(fields: &Fields, layout: &Layout) -> Option<HeaderNote> {
    let said = fields.get("AnatomicalOrientation")?;
    let is_known = said.len() == 3 && said.bytes().all(|letter| b"RLAPIS".contains(&letter));
    let runs_to = Orientation::of(&layout.header.geometry).to_string();
    let runs_from: String = runs_to
        .chars()
        .map(|side| match side {
            'R' => 'L',
            'L' => 'R',
            'A' => 'P',
            'P' => 'A',
            'S' => 'I',
            _ => 'S',
        })
        .collect();
    (is_known && said != runs_from).then(|| {
        HeaderNote::plain(format!(
            "AnatomicalOrientation is {said} where the matrix means {runs_from}; the matrix counts"
        ))
    })
}
