use std::io::{self, Write};
use std::sync::LazyLock;

use flate2::{Compress, Compression, Crc, FlushCompress};

/// Content is looked at in pieces of this size, counted from its start, so that the packed bytes
/// never depend on how it was handed over.
const PIECE_BYTES: usize = 16 * 1024;

static ZEROS: [u8; PIECE_BYTES] = [0; PIECE_BYTES];

/// From this many zero bytes on a block of their own costs less time and hardly any room: it ends
/// the packer's block before and begins another behind.
const QUIET_BYTES: u64 = 4 * PIECE_BYTES as u64;

/// zlib's effort for what is left when the long runs of zeros are gone. 9 takes 3.5 times as long as
/// 6 and saves 18 %; 5 takes half as long and loses 2 % (20 label maps of 512 x 512 x 300 with rough
/// outlines, `scripts/bench_packing.py`).
const EFFORT: u32 = 6;

/// What a content came to.
pub(super) struct Packed {
    /// A whole raw DEFLATE stream (RFC 1951).
    pub bytes: Vec<u8>,
    /// Of the content.
    pub crc32: u32,
    /// Bytes of the content.
    pub size: u64,
}

/// Takes the content of one entry of an archive piece by piece and packs it at once; only the
/// packed bytes are kept.
///
/// Made for label maps, which are mostly zero: long runs of zeros are neither packed nor summed up,
/// only counted. They come out as DEFLATE blocks of their own, whose bits are known beforehand;
/// zlib packs the rest. The packed bytes depend on the content alone.
pub struct EntryWriter {
    /// The last piece, as far as it is known.
    piece: Vec<u8>,
    /// Whole pieces of zeros, in bytes, that came since and are not yet packed.
    zeros: u64,
    zlib: Compress,
    /// Whether zlib holds bytes back, or knows some that lie before a quiet block.
    zlib_began: bool,
    packed: Packed,
    crc: Crc,
}

impl EntryWriter {
    pub(super) fn new() -> Self {
        Self {
            piece: Vec::with_capacity(PIECE_BYTES),
            zeros: 0,
            zlib: Compress::new(Compression::new(EFFORT), false),
            zlib_began: false,
            packed: Packed {
                bytes: Vec::new(),
                crc32: 0,
                size: 0,
            },
            crc: Crc::new(),
        }
    }

    /// Further bytes of the content.
    pub fn put(&mut self, mut bytes: &[u8]) {
        self.packed.size += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.piece.is_empty()
                && let Some((piece, rest)) = bytes.split_at_checked(PIECE_BYTES)
            {
                self.take(piece);
                bytes = rest;
                continue;
            }
            let room = PIECE_BYTES - self.piece.len();
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.piece.extend_from_slice(now);
            bytes = rest;
            if self.piece.len() == PIECE_BYTES {
                let mut piece = std::mem::take(&mut self.piece);
                self.take(&piece);
                piece.clear();
                self.piece = piece;
            }
        }
    }

    /// So many zero bytes, which nobody has to keep: the same as [`EntryWriter::put`] of them.
    pub fn put_zeros(&mut self, count: u64) {
        let piece = PIECE_BYTES as u64;
        let filled = self.piece.len() as u64;
        let begun = count.min((piece - filled) % piece);
        let whole = (count - begun) / piece * piece;
        self.put(&ZEROS[..begun as usize]);
        self.zeros += whole;
        self.packed.size += whole;
        self.put(&ZEROS[..(count - begun - whole) as usize]);
    }

    pub(super) fn finish(mut self) -> Packed {
        let last = std::mem::take(&mut self.piece);
        self.settle_zeros();
        self.crc.update(&last);
        self.pack(&last, FlushCompress::Finish);
        self.packed.crc32 = self.crc.sum();
        self.packed
    }

    fn take(&mut self, piece: &[u8]) {
        if piece == ZEROS {
            self.zeros += piece.len() as u64;
            return;
        }
        self.settle_zeros();
        self.crc.update(piece);
        self.pack(piece, FlushCompress::None);
    }

    /// Packs the zeros that have been counted.
    fn settle_zeros(&mut self) {
        let mut left = std::mem::take(&mut self.zeros);
        add_zeros(&mut self.crc, left);
        if left >= QUIET_BYTES {
            if self.zlib_began {
                // Ends on a whole byte, and zlib forgets what it saw: distances would be wrong.
                self.pack(&[], FlushCompress::Full);
                self.zlib_began = false;
            }
            left -= quiet_block(left, &mut self.packed.bytes);
        }
        while left > 0 {
            let now = left.min(PIECE_BYTES as u64);
            self.pack(&ZEROS[..now as usize], FlushCompress::None);
            left -= now;
        }
    }

    fn pack(&mut self, mut bytes: &[u8], flush: FlushCompress) {
        self.zlib_began = true;
        loop {
            self.packed.bytes.reserve(PIECE_BYTES / 4);
            let before = self.zlib.total_in();
            self.zlib
                .compress_vec(bytes, &mut self.packed.bytes, flush)
                .expect("zlib packs whatever it is given");
            bytes = &bytes[(self.zlib.total_in() - before) as usize..];
            // Room that is left means that zlib has nothing more to say for now.
            if bytes.is_empty() && self.packed.bytes.len() < self.packed.bytes.capacity() {
                break;
            }
        }
    }
}

impl Write for EntryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The block's header and its first zero, from the lowest bit: `0` not the last block, `10` with
/// codes of its own; 286 codes of bytes and lengths, 2 of distances, 19 of the lengths of codes;
/// those lengths, of which `18` takes one bit and `1` and `2` two; then by them two bits for the
/// byte 0 and for the end, one for the length 258 and for either distance; the byte.
const QUIET_HEAD: [u8; 14] = [
    0xec, 0xe1, 0x81, 0, 0, 0, 0, 0x80, 0x20, 0xec, 0x4f, 0xbd, 0x48, 0x15,
];

/// The end of the block, behind six bits of matches.
const QUIET_END: u8 = 0xc0;

/// What a byte between the two stands for: four of the longest matches.
const QUIET_STEP: u64 = 4 * 258;

/// Appends a DEFLATE block (RFC 1951, 3.2.7) of zeros, as many as make whole bytes, and returns their
/// number: at most [`QUIET_STEP`] - 1 fewer than `zeros`, which are more than one step.
///
/// Its codes are chosen so that a match of 258 bytes at distance 1 is two zero bits, the least that
/// the format allows, and a run of them is a run of zero bytes.
fn quiet_block(zeros: u64, out: &mut Vec<u8>) -> u64 {
    let steps = (zeros - 1) / QUIET_STEP;
    out.extend_from_slice(&QUIET_HEAD);
    // The head's last two bits and the end's first six are the matches of the first step.
    out.resize(out.len() + steps as usize - 1, 0);
    out.push(QUIET_END);
    1 + steps * QUIET_STEP
}

/// The checksums of 1, 2, 4, 8 … zeros.
static CRC_OF_ZEROS: LazyLock<[Crc; 64]> = LazyLock::new(|| {
    let mut run = Crc::new();
    run.update(&[0]);
    std::array::from_fn(|_| {
        let mut twice = Crc::new();
        twice.combine(&run);
        twice.combine(&run);
        std::mem::replace(&mut run, twice)
    })
});

/// Continues a checksum by so many zeros, which nobody looks at.
fn add_zeros(crc: &mut Crc, count: u64) {
    for (bit, run) in CRC_OF_ZEROS.iter().enumerate() {
        if count >> bit & 1 == 1 {
            crc.combine(run);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::DeflateDecoder;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn packed(pieces: &[&[u8]]) -> Packed {
        let mut entry = EntryWriter::new();
        pieces.iter().for_each(|piece| entry.put(piece));
        entry.finish()
    }

    #[track_caller]
    fn assert_holds(packed: &Packed, content: &[u8]) {
        let mut read = Vec::new();
        let mut decoder = DeflateDecoder::new(&packed.bytes[..]);
        decoder.read_to_end(&mut read).unwrap();
        assert!(read == content, "{} bytes", content.len());
        assert_eq!(decoder.total_in(), packed.bytes.len() as u64);
        assert_eq!(packed.size, content.len() as u64);
        let mut crc = Crc::new();
        crc.update(content);
        assert_eq!(packed.crc32, crc.sum());
    }

    #[test]
    fn runs_of_zeros_of_any_length_come_back() {
        let quiet = QUIET_BYTES as usize;
        let around = [
            1,
            2,
            1032,
            1033,
            PIECE_BYTES,
            quiet,
            2 * quiet,
            70_000,
            5_000_000,
        ];
        for zeros in around.iter().flat_map(|&n| [n - 1, n, n + 1]) {
            for (before, after) in [(0, 0), (1, 0), (0, 1), (5, PIECE_BYTES - 5)] {
                let mut content = vec![7; before];
                content.resize(before + zeros, 0);
                content.resize(before + zeros + after, 9);
                assert_holds(&packed(&[&content]), &content);
            }
        }
    }

    /// Two bits for 258 bytes, and the few that a stream takes anyway.
    #[test]
    fn zeros_take_no_more_room_than_the_format_needs() {
        let zeros = vec![0; 100_000_000];
        let least = zeros.len().div_ceil(4 * 258);
        let packed = packed(&[&zeros]);
        assert_holds(&packed, &zeros);
        assert!(packed.bytes.len() < least + 40, "{}", packed.bytes.len());
    }

    #[test]
    fn noise_grows_by_less_than_a_thousandth() {
        let mut state = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(1_000_000)
        .collect();
        let packed = packed(&[&noise]);
        assert_holds(&packed, &noise);
        assert!(packed.bytes.len() < 1_001_000);
    }

    /// Runs of one value, of lengths around the borders of pieces, or arbitrary bytes.
    fn part() -> impl Strategy<Value = Vec<u8>> {
        let borders = [0, 1, 258, PIECE_BYTES, QUIET_BYTES as usize, 200_000];
        let length = (proptest::sample::select(borders.to_vec()), 0_usize..3)
            .prop_map(|(border, more)| (border + more).saturating_sub(1));
        let value = prop_oneof![3 => Just(0_u8), 1 => 1_u8..3];
        prop_oneof![
            3 => (value, length).prop_map(|(value, length)| vec![value; length]),
            1 => vec(0_u8..3, 0..2000),
            1 => vec(any::<u8>(), 0..40_000),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_comes_back_is_what_went_in_however_it_was_handed_over(
            parts in vec(part(), 0..8),
            step in 1_usize..100_000,
        ) {
            let content = parts.concat();
            let whole = packed(&[&content]);
            assert_holds(&whole, &content);
            let steps = packed(&content.chunks(step).collect::<Vec<_>>());
            prop_assert!(whole.bytes == steps.bytes, "in steps of {}", step);
            let mut counted = EntryWriter::new();
            for part in &parts {
                if part.iter().all(|&byte| byte == 0) {
                    counted.put_zeros(part.len() as u64);
                } else {
                    counted.write_all(part).unwrap();
                }
            }
            let counted = counted.finish();
            prop_assert!(whole.bytes == counted.bytes, "zeros counted");
            prop_assert_eq!((whole.crc32, whole.size), (counted.crc32, counted.size));
        }
    }
}
