//! JPEG Lossless: predicted samples, Huffman-coded (ITU-T T.81, annex H; DICOM's process 14).
//!
//! Our own, because jpeg-decoder 0.3 forgets what restart markers and point transforms do to the
//! prediction and gives other numbers without a word.

use super::header::{Header, cut_off};
use crate::dicom::decoded::{Collector, Decoded, Undecoded};

/// Codes up to this length are looked up at once.
const FAST_BITS: u32 = 9;

/// What the scan's header says of the only component.
struct Scan {
    table: usize,
    /// Which of the predictors of table H.1.
    selection: u8,
    /// Samples are coded without this many of their lowest bits.
    point_transform: u8,
}

/// Decodes all samples, row by row. The header's frame has one component.
pub(super) fn decode(header: &Header<'_>, out: &mut Collector) -> Decoded<()> {
    let frame = header.frame;
    let scan = Scan::of(header)?;
    let table = table(&header.tables, scan.table)?;
    let rows_together = match header.restart_interval {
        0 => frame.rows,
        interval if interval >= frame.rows * frame.columns => frame.rows,
        interval if interval.is_multiple_of(frame.columns) => interval / frame.columns,
        // T.81, H.1.1 demands whole rows, and does not say how to predict after others.
        interval => {
            return Err(Undecoded::Unsupported(format!(
                "JPEG Lossless that restarts after {interval} samples in rows of {}",
                frame.columns
            )));
        }
    };
    let first = 1u16 << (frame.precision - scan.point_transform - 1);
    let mut above = vec![0u16; frame.columns];
    let mut row = vec![0u16; frame.columns];
    let mut intervals = Intervals {
        rest: header.coded,
        expected: 0,
    };
    let mut bits = intervals.stretch();
    for y in 0..frame.rows {
        let starts = y % rows_together == 0;
        if starts && y > 0 {
            bits.end()?;
            bits = intervals.restart()?;
        }
        decode_row(&mut bits, &table, &mut row, |x, left| match x {
            0 if starts => first,
            0 => above[0],
            _ if starts => left,
            _ => predict(scan.selection, left, above[x], above[x - 1]),
        })
        .map_err(|problem| problem.named(y))?;
        row.iter()
            .try_for_each(|&sample| out.put(sample << scan.point_transform))?;
        std::mem::swap(&mut above, &mut row);
    }
    bits.end()
}

fn decode_row(
    bits: &mut Bits<'_>,
    table: &Table,
    row: &mut [u16],
    predicted: impl Fn(usize, u16) -> u16,
) -> Result<(), Fault> {
    let mut left = 0;
    for (x, sample) in row.iter_mut().enumerate() {
        // Modulo 2^16: H.1.2.1.
        left = predicted(x, left).wrapping_add(bits.difference(table)?);
        *sample = left;
    }
    Ok(())
}

/// Table H.1, of the samples to the left, above, and above to the left.
fn predict(selection: u8, a: u16, b: u16, c: u16) -> u16 {
    let [a, b, c] = [a, b, c].map(i32::from);
    let predicted = match selection {
        1 => a,
        2 => b,
        3 => c,
        4 => a + b - c,
        5 => a + ((b - c) >> 1),
        6 => b + ((a - c) >> 1),
        _ => (a + b) >> 1,
    };
    predicted as u16
}

impl Scan {
    fn of(header: &Header<'_>) -> Decoded<Self> {
        let &[components, _, tables, selection, _, low] = header
            .scan
            .first_chunk::<6>()
            .ok_or_else(|| cut_off("the scan's header"))?;
        let point_transform = low & 0x0f;
        let is_sound = components == 1
            && (1..=7).contains(&selection)
            && point_transform < header.frame.precision;
        if !is_sound {
            return Err(Undecoded::Damaged(format!(
                "its scan has {components} components, the predictor {selection} and the point transform \
                 {point_transform}"
            )));
        }
        Ok(Self {
            table: usize::from(tables >> 4),
            selection,
            point_transform,
        })
    }
}

/// Why a row has no samples.
enum Fault {
    CutOff,
    NoCode,
}

impl Fault {
    fn named(&self, row: usize) -> Undecoded {
        match self {
            Self::CutOff => cut_off(&format!("row {row}")),
            Self::NoCode => Undecoded::Damaged(format!("row {row} has a code that means nothing")),
        }
    }
}

/// The Huffman table that a scan names; the last definition counts.
fn table(segments: &[&[u8]], wanted: usize) -> Decoded<Table> {
    let mut found = None;
    for segment in segments {
        let mut rest = *segment;
        while let Some((&name, behind)) = rest.split_first() {
            let (counts, values) = behind
                .split_first_chunk::<16>()
                .ok_or_else(|| cut_off("a Huffman table"))?;
            let count = counts.iter().map(|&count| usize::from(count)).sum();
            let (values, behind) = values
                .split_at_checked(count)
                .ok_or_else(|| cut_off("a Huffman table"))?;
            // The upper half is 1 for tables that only lossy processes use.
            if usize::from(name) == wanted {
                found = Some(Table::of(counts, values)?);
            }
            rest = behind;
        }
    }
    found.ok_or_else(|| Undecoded::Damaged("its Huffman table is missing".into()))
}

/// Canonical codes: T.81, annex C.
struct Table {
    /// Length and value by the first bits; length 0 for codes that are longer.
    fast: Vec<(u8, u8)>,
    /// By length: what codes of it are below, as the top of 16 bits.
    limits: [u32; 17],
    /// By length: what to add to a code for the place of its value.
    offsets: [i32; 17],
    values: Vec<u8>,
}

impl Table {
    fn of(counts: &[u8; 16], values: &[u8]) -> Decoded<Self> {
        let mut table = Self {
            fast: vec![(0, 0); 1 << FAST_BITS],
            limits: [0; 17],
            offsets: [0; 17],
            values: values.to_vec(),
        };
        let mut code = 0u32;
        let mut place = 0usize;
        for (length, &count) in (1u32..).zip(counts) {
            table.offsets[length as usize] = place as i32 - code as i32;
            for _ in 0..count {
                if code >> length != 0 {
                    return Err(Undecoded::Damaged(
                        "its Huffman table has too many codes".into(),
                    ));
                }
                if length <= FAST_BITS {
                    let spare = FAST_BITS - length;
                    let begin = (code << spare) as usize;
                    table.fast[begin..begin + (1 << spare)].fill((length as u8, values[place]));
                }
                code += 1;
                place += 1;
            }
            table.limits[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }

    /// Length and value of the code that 16 bits begin with.
    fn look_up(&self, bits: u32) -> Option<(u32, u8)> {
        let (length, value) = self.fast[(bits >> (16 - FAST_BITS)) as usize];
        if length > 0 {
            return Some((length.into(), value));
        }
        let length = (FAST_BITS + 1..=16).find(|&length| bits < self.limits[length as usize])?;
        let place = (bits >> (16 - length)) as i32 + self.offsets[length as usize];
        let value = self.values.get(usize::try_from(place).ok()?)?;
        Some((length, *value))
    }
}

/// The stretches of coded bytes between restart markers.
struct Intervals<'a> {
    rest: &'a [u8],
    /// The number of the next restart marker.
    expected: u8,
}

impl<'a> Intervals<'a> {
    /// The coded bytes up to the next marker or to the end of all bytes.
    fn stretch(&mut self) -> Bits<'a> {
        let is_marker = |pair: &[u8]| pair[0] == 0xff && pair[1] != 0;
        let end = self.rest.windows(2).position(is_marker);
        let (coded, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Bits {
            coded,
            held: 0,
            count: 0,
        }
    }

    fn restart(&mut self) -> Decoded<Bits<'a>> {
        let fill = self.rest.iter().take_while(|&&byte| byte == 0xff).count();
        let expected = 0xd0 + self.expected;
        match self.rest.get(fill) {
            Some(&marker) if marker == expected && fill > 0 => {
                self.rest = &self.rest[fill + 1..];
                self.expected = (self.expected + 1) % 8;
                Ok(self.stretch())
            }
            Some(_) => Err(Undecoded::Damaged(format!(
                "a restart marker is missing, RST{}",
                self.expected
            ))),
            None => Err(cut_off("a restart interval")),
        }
    }
}

/// Bits of one interval, the most significant first.
struct Bits<'a> {
    coded: &'a [u8],
    /// The next `count` bits at the top; zeros below them.
    held: u64,
    count: u32,
}

impl Bits<'_> {
    /// A coded difference to the prediction, modulo 2^16.
    fn difference(&mut self, table: &Table) -> Result<u16, Fault> {
        self.fill();
        let (length, size) = table
            .look_up((self.held >> 48) as u32)
            .ok_or(Fault::NoCode)?;
        self.take(length)?;
        match size {
            0 => Ok(0),
            1..=15 => {
                let size = u32::from(size);
                let bits = (self.held >> (64 - size)) as u32;
                self.take(size)?;
                // Half of the numbers are negative: T.81, F.2.2.1.
                let negative = bits >> (size - 1) == 0;
                let value = if negative {
                    bits.wrapping_sub((1 << size) - 1)
                } else {
                    bits
                };
                Ok(value as u16)
            }
            // Table H.2: no bits follow.
            16 => Ok(1 << 15),
            _ => Err(Fault::NoCode),
        }
    }

    /// At least 32 bits, or all that are left.
    fn fill(&mut self) {
        while self.count <= 32
            && let Some((&byte, rest)) = self.coded.split_first()
        {
            // A zero is stuffed behind 0xff, which no marker is.
            self.coded = match rest {
                [0, behind @ ..] if byte == 0xff => behind,
                _ => rest,
            };
            self.held |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    fn take(&mut self, count: u32) -> Result<(), Fault> {
        if count > self.count {
            return Err(Fault::CutOff);
        }
        self.held <<= count;
        self.count -= count;
        Ok(())
    }

    /// Coded bytes that no sample took are a sign of damage; some encoders fill up with zeros.
    fn end(&self) -> Decoded<()> {
        let whole_bytes = self.held << (self.count % 8);
        if whole_bytes != 0 || self.coded.iter().any(|&byte| byte != 0) {
            return Err(Undecoded::Damaged(
                "bytes are left over behind the last sample of an interval".into(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: [u8; 16] = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

    #[test]
    fn codes_are_canonical_at_every_length() {
        let table = Table::of(&COUNTS, &[3, 1, 16, 7]).unwrap();
        for (bits, code) in [
            (0b0000_0000_0000_0000, Some((1, 3))),
            (0b0111_1111_1111_1111, Some((1, 3))),
            (0b1000_0000_0000_0001, Some((2, 1))),
            (0b1101_0000_0000_0000, Some((3, 16))),
            (0b1110_0000_0000_1111, Some((12, 7))),
            (0b1110_0000_0001_0000, None),
            (0b1111_1111_1111_1111, None),
        ] {
            assert_eq!(table.look_up(bits), code, "{bits:016b}");
        }
        let mut counts = COUNTS;
        counts[2] = 3;
        assert!(Table::of(&counts, &[0; 6]).is_err());
        assert!(Table::of(&[0; 16], &[]).unwrap().look_up(0).is_none());
    }

    #[test]
    fn differences_are_signed_and_stuffed_zeros_are_none_of_them() {
        let table = Table::of(&COUNTS, &[3, 1, 16, 7]).unwrap();
        // 0 100, 0 011, 10 1, 10 0, 110, then bits of 1.
        let coded = [0b0100_0011, 0b1011_0011, 0b0111_1111, 0xff, 0];
        let mut bits = Bits {
            coded: &coded,
            held: 0,
            count: 0,
        };
        let mut next = || bits.difference(&table).ok();
        for expected in [4, 0u16.wrapping_sub(4), 1, u16::MAX, 1 << 15] {
            assert_eq!(next(), Some(expected));
        }
        assert_eq!(next(), None);
    }

    #[test]
    fn predictors_round_down() {
        let found = [1, 2, 3, 4, 5, 6, 7].map(|selection| predict(selection, 7, 2, 5));
        // 7 + (-3 >> 1) = 5, 2 + (2 >> 1) = 3, 9 >> 1 = 4.
        assert_eq!(found, [7, 2, 5, 4, 5, 3, 4]);
        assert_eq!(predict(4, 0, 0, 1), u16::MAX);
    }
}
