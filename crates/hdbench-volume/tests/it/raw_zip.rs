//! Archives as other programs write them, and as none should.

use flate2::Crc;

/// An entry as a program writes it that is no friend of ours; stored, unless told otherwise.
pub struct Raw<'a> {
    pub name: &'a str,
    pub content: &'a [u8],
    pub flags: u16,
    pub method: u16,
    pub mode: u32,
    /// What the directory promises.
    pub size: u64,
    pub zip64: bool,
    pub descriptor: bool,
}

impl<'a> Raw<'a> {
    pub fn new(name: &'a str, content: &'a [u8]) -> Self {
        Self {
            name,
            content,
            flags: 0,
            method: 0,
            mode: 0o100_644,
            size: content.len() as u64,
            zip64: false,
            descriptor: false,
        }
    }

    /// The fields from the version that is needed to the length of the extra field, and the latter
    /// (APPNOTE.TXT 4.3.7, 4.5.3). In front of streamed content its size is not known yet.
    fn fields(&self, in_front: bool) -> (Vec<u8>, Vec<u8>) {
        let mut crc = Crc::new();
        crc.update(self.content);
        let unknown = in_front && self.descriptor;
        let known = |value: u64| if unknown { 0 } else { value };
        let sizes = [known(self.content.len() as u64), known(self.size)];
        let (shown, extra) = if self.zip64 {
            let values = [sizes[1], sizes[0]].map(u64::to_le_bytes).concat();
            ([u32::MAX; 2], [&[1, 0, 16, 0], &values[..]].concat())
        } else {
            (sizes.map(|size| size as u32), Vec::new())
        };
        let flags = self.flags | u16::from(self.descriptor) << 3;
        let mut out = [45, flags, self.method, 0, 33]
            .map(u16::to_le_bytes)
            .concat();
        let sum = known(u64::from(crc.sum())) as u32;
        out.extend([sum, shown[0], shown[1]].map(u32::to_le_bytes).concat());
        let lengths = [self.name.len() as u16, extra.len() as u16];
        out.extend(lengths.map(u16::to_le_bytes).concat());
        (out, extra)
    }

    fn descriptor(&self) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.update(self.content);
        let mut out = b"PK\x07\x08".to_vec();
        out.extend(crc.sum().to_le_bytes());
        let sizes = [self.content.len() as u64, self.size];
        for size in sizes {
            let bytes = size.to_le_bytes();
            out.extend(&bytes[..if self.zip64 { 8 } else { 4 }]);
        }
        out
    }
}

/// Where an archive's directory begins, how long it is, and its number of entries.
pub struct Directory(pub [u64; 3]);

pub fn raw_zip(entries: &[Raw]) -> Vec<u8> {
    let (mut bytes, directory) = without_end(entries);
    let Directory([start, len, count]) = directory;
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count as u16; 2].map(u16::to_le_bytes).concat());
    bytes.extend([len as u32, start as u32].map(u32::to_le_bytes).concat());
    bytes.extend([0, 0]);
    bytes
}

pub fn without_end(entries: &[Raw]) -> (Vec<u8>, Directory) {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let start = bytes.len() as u32;
        let (fields, extra) = entry.fields(true);
        for part in [
            b"PK\x03\x04",
            &fields[..],
            entry.name.as_bytes(),
            &extra,
            entry.content,
        ] {
            bytes.extend(part);
        }
        if entry.descriptor {
            bytes.extend(entry.descriptor());
        }
        let (fields, extra) = entry.fields(false);
        directory.extend(b"PK\x01\x02\x2d\x03");
        directory.extend(fields);
        directory.extend([0; 6]);
        directory.extend([entry.mode << 16, start].map(u32::to_le_bytes).concat());
        directory.extend(entry.name.as_bytes());
        directory.extend(extra);
    }
    let ends = [bytes.len(), directory.len(), entries.len()].map(|n| n as u64);
    bytes.extend(directory);
    (bytes, Directory(ends))
}
