//! Numbers in words, as the bytes that hold them.

use std::io::{self, BufRead, ErrorKind, Read};

/// No number of 64 bits needs more letters, not even one with a hundred digits behind the point.
const LONGEST: usize = 512;

/// A text of so many numbers with white space between them, read as little-endian `f64`.
pub(super) struct NumberText<R> {
    text: R,
    count: u64,
    given: u64,
    /// The last number's bytes that were not read yet.
    bytes: [u8; 8],
    left: usize,
}

impl<R: BufRead> NumberText<R> {
    pub fn new(text: R, count: u64) -> Self {
        Self {
            text,
            count,
            given: 0,
            bytes: [0; 8],
            left: 0,
        }
    }

    /// The next word; an empty one at the end.
    fn word(&mut self) -> io::Result<Vec<u8>> {
        let mut word = Vec::new();
        loop {
            let text = self.text.fill_buf()?;
            if text.is_empty() {
                return Ok(word);
            }
            let mut used = 0;
            for &byte in text {
                used += 1;
                match (byte.is_ascii_whitespace(), word.is_empty()) {
                    (true, true) => {}
                    (true, false) => {
                        self.text.consume(used);
                        return Ok(word);
                    }
                    (false, _) if word.len() == LONGEST => return Err(self.no_number(&word)),
                    (false, _) => word.push(byte),
                }
            }
            self.text.consume(used);
        }
    }

    fn next(&mut self) -> io::Result<bool> {
        let word = self.word()?;
        if word.is_empty() && self.given == self.count {
            return Ok(false);
        }
        let problem = |problem: String| Err(io::Error::new(ErrorKind::InvalidData, problem));
        if word.is_empty() {
            return problem(format!(
                "the voxels are truncated: expected {} numbers, found {}",
                self.count, self.given
            ));
        }
        if self.given == self.count {
            return problem(format!(
                "the text goes on after the {} numbers its header describes",
                self.count
            ));
        }
        let number = str::from_utf8(&word)
            .ok()
            .and_then(|text| text.parse().ok());
        let Some(number) = number else {
            return Err(self.no_number(&word));
        };
        self.bytes = f64::to_le_bytes(number);
        self.left = self.bytes.len();
        self.given += 1;
        Ok(true)
    }

    fn no_number(&self, word: &[u8]) -> io::Error {
        let shown = word[..word.len().min(16)].escape_ascii();
        let problem = format!("number {} of the voxels reads {shown}", self.given + 1);
        io::Error::new(ErrorKind::InvalidData, problem)
    }
}

impl<R: BufRead> Read for NumberText<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.left == 0 && !self.next()? {
                break;
            }
            let count = self.left.min(buffer.len() - filled);
            let from = self.bytes.len() - self.left;
            buffer[filled..filled + count].copy_from_slice(&self.bytes[from..from + count]);
            filled += count;
            self.left -= count;
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, count: u64) -> io::Result<Vec<f64>> {
        // A buffer of three bytes: words and numbers are cut everywhere.
        let text = io::BufReader::with_capacity(3, text.as_bytes());
        let mut bytes = Vec::new();
        NumberText::new(text, count).read_to_end(&mut bytes)?;
        let (numbers, rest) = bytes.as_chunks();
        assert!(rest.is_empty());
        Ok(numbers.iter().copied().map(f64::from_le_bytes).collect())
    }

    #[test]
    fn words_are_numbers_whatever_parts_them() {
        let found = read(" 1\t-2.5\r\n3e2\n\n0007 ", 4).unwrap();
        assert_eq!(found, [1.0, -2.5, 300.0, 7.0]);
        assert!(read("", 0).unwrap().is_empty());
        assert!(read("nan", 1).unwrap()[0].is_nan());
    }

    #[test]
    fn what_is_missing_too_much_or_no_number_is_named() {
        let long = "1".repeat(600);
        for (text, says) in [
            ("1 2 3", "expected 4 numbers, found 3"),
            ("1 2 3 4 5", "goes on after the 4 numbers"),
            ("1,2 3 4 5", "number 1 of the voxels reads 1,2"),
            ("1 2 liver 4", "number 3 of the voxels reads liver"),
            (&long, "number 1 of the voxels reads 1111111111111111"),
        ] {
            let error = read(text, 4).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
