use super::deflate::Packed;

/// 1 January 1980, 00:00: the earliest that the format knows, so that the bytes tell no time.
const DOS_DATE: u16 = 1 << 5 | 1;
const DOS_TIME: u16 = 0;

/// A regular file, `rw-r--r--`, as Unix writes it into the upper half.
const ATTRIBUTES: u32 = 0o100_644 << 16;

/// Unix, so that readers believe the permissions.
const MADE_ON: u16 = 3 << 8;

const DEFLATED: u16 = 8;
const UTF8_NAME: u16 = 1 << 11;

/// What a reader must know: DEFLATE, or zip64 too.
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;

/// From here on a field holds all ones, and its value stands in the zip64 record.
const TOO_LARGE: u64 = 0xffff_ffff;
const TOO_MANY: u64 = 0xffff;

/// What the archive's records say of an entry.
pub(super) struct Record<'a> {
    pub name: &'a str,
    pub crc32: u32,
    pub size: u64,
    pub packed: u64,
    /// Where its local header begins.
    pub start: u64,
}

impl<'a> Record<'a> {
    pub fn new(name: &'a str, packed: &Packed, start: u64) -> Self {
        Self {
            name,
            crc32: packed.crc32,
            size: packed.size,
            packed: packed.bytes.len() as u64,
            start,
        }
    }

    /// What stands before the packed bytes (APPNOTE.TXT 4.3.7).
    pub fn local_header(&self) -> Vec<u8> {
        // Here zip64 has both sizes or none.
        let large = self.size >= TOO_LARGE || self.packed >= TOO_LARGE;
        let extra = if large {
            zip64_extra(&[self.size, self.packed])
        } else {
            Vec::new()
        };
        let mut out = b"PK\x03\x04".to_vec();
        put16(&mut out, &[if large { VERSION_ZIP64 } else { VERSION }]);
        self.put_common(&mut out, large, large, extra.len());
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(&extra);
        out
    }

    /// What stands in the directory at the end (APPNOTE.TXT 4.3.12).
    pub fn directory_header(&self) -> Vec<u8> {
        let values = [self.size, self.packed, self.start];
        let large = values.map(|value| value >= TOO_LARGE);
        let beyond: Vec<u64> = values.into_iter().filter(|&v| v >= TOO_LARGE).collect();
        let (version, extra) = if beyond.is_empty() {
            (VERSION, Vec::new())
        } else {
            (VERSION_ZIP64, zip64_extra(&beyond))
        };
        let mut out = b"PK\x01\x02".to_vec();
        put16(&mut out, &[MADE_ON | version, version]);
        self.put_common(&mut out, large[0], large[1], extra.len());
        // No comment, disk 0, no internal attributes.
        put16(&mut out, &[0, 0, 0]);
        put32(&mut out, &[ATTRIBUTES, clipped(self.start)]);
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(&extra);
        out
    }

    /// The fields that both headers have, from the flags to the length of the extra field.
    fn put_common(&self, out: &mut Vec<u8>, large_size: bool, large_packed: bool, extra: usize) {
        let flags = if self.name.is_ascii() { 0 } else { UTF8_NAME };
        put16(out, &[flags, DEFLATED, DOS_TIME, DOS_DATE]);
        let size = if large_size { TOO_LARGE } else { self.size };
        let packed = if large_packed { TOO_LARGE } else { self.packed };
        put32(out, &[self.crc32, clipped(packed), clipped(size)]);
        put16(out, &[self.name.len() as u16, extra as u16]);
    }
}

/// What stands behind the directory (APPNOTE.TXT 4.3.14 to 4.3.16).
pub(super) fn end_of_directory(entries: u64, start: u64, len: u64) -> Vec<u8> {
    let mut out = Vec::new();
    if entries >= TOO_MANY || start >= TOO_LARGE || len >= TOO_LARGE {
        out.extend_from_slice(b"PK\x06\x06");
        // Its length behind this field.
        put64(&mut out, &[44]);
        put16(&mut out, &[MADE_ON | VERSION_ZIP64, VERSION_ZIP64]);
        put32(&mut out, &[0, 0]);
        put64(&mut out, &[entries, entries, len, start]);
        out.extend_from_slice(b"PK\x06\x07");
        put32(&mut out, &[0]);
        put64(&mut out, &[start + len]);
        put32(&mut out, &[1]);
    }
    out.extend_from_slice(b"PK\x05\x06");
    let entries = entries.min(TOO_MANY) as u16;
    put16(&mut out, &[0, 0, entries, entries]);
    put32(&mut out, &[clipped(len), clipped(start)]);
    put16(&mut out, &[0]);
    out
}

/// The values that do not fit elsewhere (APPNOTE.TXT 4.5.3).
fn zip64_extra(values: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    put16(&mut out, &[1, 8 * values.len() as u16]);
    put64(&mut out, values);
    out
}

fn clipped(value: u64) -> u32 {
    value.min(TOO_LARGE) as u32
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    values
        .iter()
        .for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    values
        .iter()
        .for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn put64(out: &mut Vec<u8>, values: &[u64]) {
    values
        .iter()
        .for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB5: u64 = 5 << 30;

    fn record(size: u64, packed: u64, start: u64) -> Record<'static> {
        Record {
            name: "a.nii",
            crc32: 0x0102_0304,
            size,
            packed,
            start,
        }
    }

    fn at<const N: usize>(bytes: &[u8], place: usize) -> u64 {
        let mut value = [0; 8];
        value[..N].copy_from_slice(&bytes[place..place + N]);
        u64::from_le_bytes(value)
    }

    #[test]
    fn small_entries_have_no_extra_field() {
        let record = record(1000, 10, 70);
        let local = record.local_header();
        assert_eq!(local.len(), 30 + 5);
        assert_eq!((at::<2>(&local, 4), at::<2>(&local, 6)), (20, 0));
        assert_eq!((at::<4>(&local, 18), at::<4>(&local, 22)), (10, 1000));
        let central = record.directory_header();
        assert_eq!(central.len(), 46 + 5);
        assert_eq!(at::<4>(&central, 42), 70);
        assert_eq!(at::<4>(&central, 38) >> 16, 0o100_644);
        assert_eq!(end_of_directory(70, 5000, 3000).len(), 22);
    }

    #[test]
    fn the_last_values_that_fit_need_no_zip64() {
        let record = record(TOO_LARGE - 1, TOO_LARGE - 1, TOO_LARGE - 1);
        assert_eq!(record.local_header().len(), 30 + 5);
        assert_eq!(record.directory_header().len(), 46 + 5);
        let end = end_of_directory(TOO_MANY - 1, TOO_LARGE - 1, TOO_LARGE - 1);
        assert_eq!(end.len(), 22);
    }

    #[test]
    fn a_large_size_is_in_both_headers_with_its_own_fields_full() {
        let record = record(GB5, 77, 99);
        let local = record.local_header();
        assert_eq!(at::<2>(&local, 4), 45);
        assert_eq!(
            (at::<4>(&local, 18), at::<4>(&local, 22)),
            (TOO_LARGE, TOO_LARGE)
        );
        assert_eq!((at::<2>(&local, 28), at::<2>(&local, 35)), (20, 1));
        assert_eq!((at::<8>(&local, 39), at::<8>(&local, 47)), (GB5, 77));
        // The directory has only what does not fit.
        let central = record.directory_header();
        assert_eq!(
            (at::<4>(&central, 20), at::<4>(&central, 24)),
            (77, TOO_LARGE)
        );
        assert_eq!((at::<2>(&central, 30), at::<4>(&central, 42)), (12, 99));
        assert_eq!((at::<2>(&central, 53), at::<8>(&central, 55)), (8, GB5));
    }

    #[test]
    fn a_far_entry_needs_zip64_in_the_directory_alone() {
        let record = record(1000, 10, GB5);
        assert_eq!(record.local_header().len(), 30 + 5);
        let central = record.directory_header();
        assert_eq!(
            (at::<2>(&central, 6), at::<4>(&central, 42)),
            (45, TOO_LARGE)
        );
        assert_eq!(at::<8>(&central, 55), GB5);
    }

    #[test]
    fn a_far_or_long_directory_has_a_second_end() {
        for (entries, start, len) in [(70, GB5, 10), (70, 10, GB5), (70_000, 10, 10)] {
            let end = end_of_directory(entries, start, len);
            assert_eq!(end.len(), 56 + 20 + 22);
            assert_eq!((at::<8>(&end, 24), at::<8>(&end, 32)), (entries, entries));
            assert_eq!((at::<8>(&end, 40), at::<8>(&end, 48)), (len, start));
            assert_eq!(at::<8>(&end, 64), start + len);
            assert_eq!(at::<2>(&end, 86), entries.min(TOO_MANY));
            assert_eq!(at::<4>(&end, 92), start.min(TOO_LARGE));
        }
    }

    #[test]
    fn only_names_beyond_ascii_say_that_they_are_utf8() {
        let mut record = record(1, 1, 0);
        assert_eq!(at::<2>(&record.local_header(), 6), 0);
        record.name = "leber-müller.nii";
        assert_eq!(at::<2>(&record.local_header(), 6), 1 << 11);
        assert_eq!(at::<2>(&record.directory_header(), 8), 1 << 11);
    }
}
