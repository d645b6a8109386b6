//! RLE Lossless (DICOM PS3.5, annex G): a segment for each byte of a sample, the most significant
//! first, packed by PackBits.
//!
//! Our own, because the decoder of dicom-rs panics on segments that are too short.

use std::ops::Range;

/// Offsets of up to 15 segments follow their number.
const HEADER_BYTES: usize = 64;

/// PackBits makes at most 128 bytes of two.
pub(super) const LARGEST_RATIO: u64 = 64;

/// Decodes one frame of `count` samples to little-endian bytes, or says what is wrong.
pub(super) fn decode(
    fragments: &[&[u8]],
    count: usize,
    bytes_per_sample: usize,
) -> Result<Vec<u8>, String> {
    let joined;
    let frame = match fragments {
        [frame] => *frame,
        several => {
            joined = several.concat();
            joined.as_slice()
        }
    };
    let segments = segments(frame, bytes_per_sample)?;
    let mut decoded = vec![0; count * bytes_per_sample];
    let mut plane = Vec::with_capacity(count);
    for (significance, segment) in segments.into_iter().rev().enumerate() {
        plane.clear();
        unpack(&frame[segment], count, &mut plane);
        if plane.len() < count {
            return Err(format!("a segment has {} of {count} samples", plane.len()));
        }
        let places = decoded[significance..].iter_mut().step_by(bytes_per_sample);
        for (place, byte) in places.zip(&plane) {
            *place = *byte;
        }
    }
    Ok(decoded)
}

fn segments(frame: &[u8], expected: usize) -> Result<Vec<Range<usize>>, String> {
    let word = |index: usize| {
        frame
            .get(4 * index..)
            .and_then(|rest| rest.first_chunk::<4>())
            .map(|&bytes| u32::from_le_bytes(bytes) as usize)
            .ok_or("the segments' header is cut off")
    };
    let found = word(0)?;
    if found != expected {
        return Err(format!("has {found} segments, expected {expected}"));
    }
    (1..=found)
        .map(|index| {
            let begin = word(index)?;
            let end = if index == found {
                frame.len()
            } else {
                word(index + 1)?
            };
            if begin < HEADER_BYTES || begin > end || end > frame.len() {
                return Err(format!(
                    "a segment lies at {begin}..{end} of {}",
                    frame.len()
                ));
            }
            Ok(begin..end)
        })
        .collect()
}

/// PackBits until there are `count` bytes or no more input.
fn unpack(mut packed: &[u8], count: usize, out: &mut Vec<u8>) {
    while out.len() < count
        && let Some((&control, rest)) = packed.split_first()
    {
        packed = rest;
        let left = count - out.len();
        match control {
            0..=127 => {
                let length = (usize::from(control) + 1).min(packed.len());
                out.extend_from_slice(&packed[..length.min(left)]);
                packed = &packed[length..];
            }
            128 => {}
            129..=255 => {
                let Some((&byte, rest)) = packed.split_first() else {
                    return;
                };
                packed = rest;
                out.extend(std::iter::repeat_n(
                    byte,
                    (257 - usize::from(control)).min(left),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(segments: &[&[u8]]) -> Vec<u8> {
        let mut words = [0u32; 16];
        words[0] = segments.len() as u32;
        let mut at = HEADER_BYTES as u32;
        for (word, segment) in words[1..].iter_mut().zip(segments) {
            *word = at;
            at += segment.len() as u32;
        }
        let mut frame: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        frame.extend(segments.concat());
        frame
    }

    #[test]
    fn runs_and_literals_make_samples() {
        // Three times 1, then 2, 3; all with the low byte 9.
        let frame = frame(&[&[254, 1, 1, 2, 3], &[252, 9]]);
        let decoded = decode(&[&frame], 5, 2).unwrap();
        assert_eq!(decoded, [9, 1, 9, 1, 9, 1, 9, 2, 9, 3]);
        let (a, b) = frame.split_at(70);
        assert_eq!(decode(&[a, b], 5, 2).unwrap(), decoded);
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let sound = frame(&[&[254, 1, 1, 2, 3], &[252, 9]]);
        assert!(decode(&[&sound], 6, 2).unwrap_err().contains("5 of 6"));
        assert!(decode(&[&sound], 5, 1).unwrap_err().contains("2 segments"));
        for length in 0..sound.len() {
            assert!(decode(&[&sound[..length]], 5, 2).is_err(), "{length}");
        }
        for at in 0..sound.len() {
            for value in [0, 63, 127, 128, 129, 255] {
                let mut changed = sound.clone();
                changed[at] = value;
                let _ = decode(&[&changed], 5, 2);
            }
        }
    }
}
