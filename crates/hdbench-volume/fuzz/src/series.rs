//! A series of one slice, read; and a slice that promises what its bytes do not hold.

use std::path::Path;

use hdbench_volume::artifact::Tree;
use crate::input;
use hdbench_volume::{DicomSeries, read_dicom_mask};

/// Pixels of one input, decoded: compressed ones may promise a volume that is sound and slow.
const MOST_PIXELS: usize = 1 << 22;

/// Reads the bytes as the only file of a series, and as a mask of itself.
pub fn read_only_slice(bytes: &[u8]) {
    let folder = std::env::temp_dir().join(format!("hdbench-fuzz-{}-series", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    std::fs::write(folder.join("slice"), bytes).expect("the temporary folder can be written");
    read(&folder);
}

fn read(folder: &Path) {
    let tree = Tree::open(folder).expect("the folder can be listed");
    let Some(series) = input::answer(folder, DicomSeries::open(&tree)) else {
        return;
    };
    let geometry = series.geometry();
    assert_eq!(geometry.shape[0], 1);
    assert!(geometry.spacing_mm.iter().all(|&mm| mm > 0.0));
    assert!(geometry.affine.iter().flatten().all(|v| v.is_finite()));
    if geometry.len() > MOST_PIXELS {
        return;
    }
    let image = input::answer(folder, series.read());
    let mask = input::answer(folder, read_dicom_mask(&tree, &series));
    assert_eq!(image.is_some(), mask.is_some());
    if let (Some(image), Some((mask, _))) = (image, mask) {
        assert_eq!(image.geometry, *geometry);
        assert_eq!(mask.geometry, *geometry);
        assert_eq!(<[usize; 3]>::from(image.voxels.dim()), geometry.shape);
        assert!(image.voxels.iter().all(|hu| hu.is_finite()));
        assert!(mask.voxels.iter().all(|&set| set <= 1));
    }
}

/// What a slice's header says of its pixels.
pub struct Promise {
    rows: u16,
    columns: u16,
    /// None: the header does not speak of frames.
    frames: Option<i32>,
    samples: u16,
    allocated: u16,
    stored: u16,
    high: u16,
    signed: u16,
    syntax: &'static str,
    /// Bytes of the first fragment, if the pixels are packed.
    fragment: usize,
}

const SYNTAXES: [&str; 6] = [
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
];

impl Promise {
    /// The first 20 bytes of an input as a promise, and the pixels behind them.
    pub fn of(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, pixels) = bytes.split_at_checked(20)?;
        let word = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let frames = i32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        Some((
            Self {
                rows: word(0),
                columns: word(2),
                frames: (frames != 0).then_some(frames),
                samples: u16::from(head[8]),
                allocated: word(10),
                stored: word(12),
                high: word(14),
                signed: u16::from(head[9] & 1),
                syntax: SYNTAXES[usize::from(head[16]) % SYNTAXES.len()],
                fragment: usize::from(word(18)),
            },
            pixels,
        ))
    }

    /// The file.
    pub fn file(&self, pixels: &[u8]) -> Vec<u8> {
        let mut meta = element(0x0002, 0x0010, b"UI", self.syntax.as_bytes());
        meta.splice(0..0, element(0x0002, 0x0003, b"UI", b"1.2.3.1"));
        meta.splice(
            0..0,
            element(0x0002, 0x0002, b"UI", b"1.2.840.10008.5.1.4.1.1.2"),
        );
        let length = u32::try_from(meta.len()).unwrap_or_default();
        let mut file = vec![0; 128];
        file.extend_from_slice(b"DICM");
        file.extend(element(0x0002, 0x0000, b"UL", &length.to_le_bytes()));
        file.extend(meta);
        for (group, tag, kind, value) in [
            (0x0008, 0x0016, b"UI", &b"1.2.840.10008.5.1.4.1.1.2"[..]),
            (0x0008, 0x0018, b"UI", b"1.2.3.1"),
            (0x0008, 0x0060, b"CS", b"CT"),
            (0x0018, 0x0050, b"DS", b"1"),
            (0x0020, 0x000e, b"UI", b"1.2.3"),
            (0x0020, 0x0013, b"IS", b"1"),
            (0x0020, 0x0032, b"DS", b"0\\0\\0"),
            (0x0020, 0x0037, b"DS", b"1\\0\\0\\0\\1\\0"),
        ] {
            file.extend(element(group, tag, kind, value));
        }
        file.extend(element(0x0028, 0x0002, b"US", &self.samples.to_le_bytes()));
        file.extend(element(0x0028, 0x0004, b"CS", b"MONOCHROME2"));
        if let Some(frames) = self.frames {
            file.extend(element(
                0x0028,
                0x0008,
                b"IS",
                frames.to_string().as_bytes(),
            ));
        }
        for (tag, value) in [(0x0010, self.rows), (0x0011, self.columns)] {
            file.extend(element(0x0028, tag, b"US", &value.to_le_bytes()));
        }
        file.extend(element(0x0028, 0x0030, b"DS", b"1\\1"));
        for (tag, value) in [
            (0x0100, self.allocated),
            (0x0101, self.stored),
            (0x0102, self.high),
            (0x0103, self.signed),
        ] {
            file.extend(element(0x0028, tag, b"US", &value.to_le_bytes()));
        }
        file.extend(element(0x0028, 0x1052, b"DS", b"-1024"));
        file.extend(element(0x0028, 0x1053, b"DS", b"1"));
        if self.syntax == SYNTAXES[0] {
            file.extend(element(0x7fe0, 0x0010, b"OW", pixels));
        } else {
            file.extend(self.fragments(pixels));
        }
        file
    }

    /// The pixels in two fragments behind an empty table of offsets.
    fn fragments(&self, pixels: &[u8]) -> Vec<u8> {
        let mut out = [&[0xe0, 0x7f, 0x10, 0x00], &b"OB\0\0"[..], &[0xff; 4]].concat();
        let (first, second) = pixels.split_at(self.fragment.min(pixels.len()) & !1);
        for item in [&[], first, second] {
            let length = u32::try_from(item.len().next_multiple_of(2)).unwrap_or_default();
            out.extend([0xfe, 0xff, 0x00, 0xe0]);
            out.extend(length.to_le_bytes());
            out.extend(item);
            out.extend(vec![0; item.len() % 2]);
        }
        out.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        out
    }
}

/// An element with explicit length, its value filled up to an even one.
fn element(group: u16, tag: u16, kind: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(if kind == b"UI" || kind == b"OW" {
            0
        } else {
            b' '
        });
    }
    let mut out = [&group.to_le_bytes()[..], &tag.to_le_bytes(), kind].concat();
    if kind == b"OW" {
        out.extend([0, 0]);
        out.extend(u32::try_from(value.len()).unwrap_or_default().to_le_bytes());
    } else {
        out.extend(u16::try_from(value.len()).unwrap_or_default().to_le_bytes());
    }
    out.extend(value);
    out
}
