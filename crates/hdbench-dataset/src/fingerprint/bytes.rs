use std::path::Path;

use hdbench_ground::error::{Error, Result};

use super::marks::Mark;
use super::scan::Fingerprint;

/// Bytes of a mark in [`Fingerprint::to_bytes`].
const MARK_BYTES: usize = 16;

const MAGIC: [u8; 4] = *b"HDFP";
/// Raised whenever the same voxels give other marks.
const VERSION: u32 = 1;

impl Fingerprint {
    /// A compact form: magic and version, shape, bound, marks; all little endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32 + MARK_BYTES * self.marks.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        for size in self.shape {
            bytes.extend((size as u64).to_le_bytes());
        }
        bytes.extend(self.bound.to_le_bytes());
        for mark in &self.marks {
            bytes.extend(mark.hash.to_le_bytes());
            for at in mark.at {
                bytes.extend(at.to_le_bytes());
            }
            bytes.extend(mark.hu.to_le_bytes());
        }
        bytes
    }

    /// Reads [`Self::to_bytes`]; `path` is how errors name them.
    ///
    /// # Errors
    /// `Error::Malformed` for anything else, and for another version.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let wrong = |problem: &str| {
            Error::malformed(path, problem, "delete it; it is made again from the scan")
        };
        let mut rest = bytes;
        let magic: [u8; 4] = take(&mut rest).ok_or_else(|| wrong("is too short"))?;
        let version: [u8; 4] = take(&mut rest).ok_or_else(|| wrong("is too short"))?;
        if magic != MAGIC {
            return Err(wrong("is no fingerprint of a scan"));
        }
        if u32::from_le_bytes(version) != VERSION {
            return Err(wrong("is a fingerprint of another version"));
        }
        let mut head = [0; 4];
        for number in &mut head {
            *number = u64::from_le_bytes(take(&mut rest).ok_or_else(|| wrong("is too short"))?);
        }
        let [z, y, x, bound] = head;
        let (marks, []) = rest.as_chunks::<MARK_BYTES>() else {
            return Err(wrong("ends within a mark"));
        };
        let marks: Vec<Mark> = marks.iter().map(mark_of).collect();
        if !marks.is_sorted_by(|a, b| a.hash < b.hash) {
            return Err(wrong("its marks are not in order"));
        }
        let shape = [z, y, x].map(|size| size as usize);
        let inside = |mark: &Mark| (0..3).all(|axis| usize::from(mark.at[axis]) < shape[axis]);
        if !marks.iter().all(inside) {
            return Err(wrong("has marks outside the scan"));
        }
        Ok(Self {
            shape,
            bound,
            marks,
        })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn mark_of(bytes: &[u8; MARK_BYTES]) -> Mark {
    let [
        h0,
        h1,
        h2,
        h3,
        h4,
        h5,
        h6,
        h7,
        z0,
        z1,
        y0,
        y1,
        x0,
        x1,
        v0,
        v1,
    ] = *bytes;
    Mark {
        hash: u64::from_le_bytes([h0, h1, h2, h3, h4, h5, h6, h7]),
        at: [[z0, z1], [y0, y1], [x0, x1]].map(u16::from_le_bytes),
        hu: i16::from_le_bytes([v0, v1]),
    }
}
