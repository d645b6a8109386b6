//! Times and sizes as a study's file writes them: `30min`, `16GB`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A time: `45s`, `30min`, `2h`, `1.5h`, `1d`. Kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    text: String,
    duration: Duration,
}

/// A size in bytes: `500MB`, `16GB` (powers of ten), `16GiB` (powers of two). Kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize {
    text: String,
    bytes: u64,
}

/// Longer than this, a time is taken for a slip: a month.
const LONGEST_SECONDS: f64 = 31.0 * 86_400.0;

impl Span {
    /// How long.
    pub fn duration(&self) -> Duration {
        self.duration
    }
}

impl ByteSize {
    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A positive number and the unit behind it.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    (number > 0.0 && number.is_finite()).then(|| (number, text[end..].trim_start()))
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let seconds = number_and_unit(&text).and_then(|(number, unit)| {
            let unit = match unit {
                "s" => 1.0,
                "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
            Some(number * unit).filter(|seconds| *seconds <= LONGEST_SECONDS)
        });
        match seconds {
            Some(seconds) => Ok(Self {
                text,
                duration: Duration::from_secs_f64(seconds),
            }),
            None => Err(format!(
                "{text:?} is no time, expected a number above 0 with s, min, h or d, such as 30min, up to 31d"
            )),
        }
    }
}

impl TryFrom<String> for ByteSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = number_and_unit(&text).and_then(|(number, unit)| {
            let unit = match unit.to_ascii_uppercase().as_str() {
                "MB" | "M" => 1e6,
                "GB" | "G" => 1e9,
                "TB" | "T" => 1e12,
                "MIB" => (1_u64 << 20) as f64,
                "GIB" => (1_u64 << 30) as f64,
                "TIB" => (1_u64 << 40) as f64,
                _ => return None,
            };
            // No machine has more than the petabyte that this leaves exact.
            Some(number * unit).filter(|bytes| (1e6..=1e15).contains(bytes))
        });
        match bytes {
            Some(bytes) => Ok(Self {
                text,
                bytes: bytes as u64,
            }),
            None => Err(format!(
                "{text:?} is no size, expected a number with MB, GB or TB from 1MB on, such as 16GB"
            )),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.text
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.text
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A time in words, as a message has it: `45 s`, `30 min`, `1.5 h`.
pub(crate) fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let (number, unit) = match seconds {
        s if s < 60.0 => (s, "s"),
        s if s < 3600.0 => (s / 60.0, "min"),
        s => (s / 3600.0, "h"),
    };
    let text = format!("{number:.1}");
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_numbers_with_a_unit() {
        let seconds =
            |text: &str| Span::try_from(text.to_owned()).map(|span| span.duration().as_secs_f64());
        assert_eq!(seconds("45s"), Ok(45.0));
        assert_eq!(seconds("30min"), Ok(1800.0));
        assert_eq!(seconds("1.5 h"), Ok(5400.0));
        for wrong in [
            "30",
            "min",
            "-1s",
            "0s",
            "1e3s",
            "30 minutes",
            "99d",
            "",
            "1.2.3s",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        let bytes = |text: &str| ByteSize::try_from(text.to_owned()).map(|size| size.bytes());
        assert_eq!(bytes("16GB"), Ok(16_000_000_000));
        assert_eq!(bytes("1 GiB"), Ok(1 << 30));
        assert_eq!(bytes("512m"), Ok(512_000_000));
        for wrong in ["16", "GB", "0GB", "1KB", "9999999TB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_have_the_unit_that_fits() {
        for (seconds, words) in [
            (0.5, "0.5 s"),
            (45.0, "45 s"),
            (1800.0, "30 min"),
            (5400.0, "1.5 h"),
        ] {
            assert_eq!(in_words(Duration::from_secs_f64(seconds)), words);
        }
    }
}
