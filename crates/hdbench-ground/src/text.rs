//! Text from outside on its way to a reader: names of files, entries of archives, what a header says.
//!
//! Such text is data to the user who names it and may be anything; a terminal and a CI log act on some of it.
//! Values keep it as it is. What is shown passes through here.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::Path;

use serde::Serializer;
use textwrap::{WordSeparator, WordSplitter, WrapAlgorithm};
use unicode_normalization::UnicodeNormalization as _;

/// Whether a character acts on what shows it, or hides, instead of being seen: control characters, marks
/// that turn the direction of writing, line separators, invisible ones, the two that are no characters.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// A name in one line, with `\n`, `\t` and `\u{1b}` for what would act.
pub fn shown(name: &str) -> Cow<'_, str> {
    escaped(name, acts)
}

/// A path in one line; bytes that are no UTF-8 as `\xff`.
pub fn shown_path(path: &Path) -> Cow<'_, str> {
    match name_of(path.as_os_str()) {
        Cow::Borrowed(name) => shown(name),
        Cow::Owned(name) => Cow::Owned(shown(&name).into_owned()),
    }
}

/// Text in lines of at most `width` columns, broken between words alone: a longer word has a line of its own.
/// Whatever white space is between two words counts as one space; an empty text is an empty line.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let options = textwrap::Options::new(width)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(&text, options)
        .into_iter()
        .map(Cow::into_owned)
        .collect()
}

/// Columns of a terminal that a text takes: two for a letter of Chinese, Japanese or Korean.
pub fn width_of(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// Paths in messages.
pub trait Shown {
    /// As [`shown_path`].
    fn shown(&self) -> Cow<'_, str>;
}

impl Shown for Path {
    fn shown(&self) -> Cow<'_, str> {
        shown_path(self)
    }
}

/// A name with its accents composed (NFC): file systems of macOS keep letter and accent apart, and the same name
/// looks alike in both ways.
pub fn composed(name: &str) -> String {
    name.nfc().collect()
}

/// A file's name as text, whatever its bytes: what is no UTF-8 becomes `\xff`, so that two names stay two.
pub fn name_of(name: &OsStr) -> Cow<'_, str> {
    let bytes = name.as_encoded_bytes();
    if let Ok(name) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(name);
    }
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out += chunk.valid();
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

/// For `#[serde(serialize_with)]`: a path as [`name_of`] has it, whatever its bytes.
pub fn path_as_text<S: Serializer>(path: &impl AsRef<Path>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&name_of(path.as_ref().as_os_str()))
}

/// The same for one that may be absent.
pub fn optional_path_as_text<S: Serializer>(
    path: &Option<impl AsRef<Path>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => path_as_text(path, to),
        None => to.serialize_none(),
    }
}

/// A message of one or more lines of ours for a terminal or a log: nothing in it acts, and none of its
/// lines is a command to a CI system (`::error::`, `##[error]`, `##vso[`), whatever names are in it.
pub fn message(text: &str) -> Cow<'_, str> {
    let calm = escaped(text, |c| acts(c) && c != '\n' && c != '\t');
    if !calm
        .lines()
        .any(|line| is_command(line) || names_command(line))
    {
        return calm;
    }
    let lines = calm.split('\n').map(|line| {
        let line = match is_command(line) {
            true => line.replacen("::", "\\u{3a}:", 1),
            false => line.to_owned(),
        };
        match names_command(&line) {
            true => line.replace("##", "\\u{23}#"),
            false => line,
        }
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

/// GitHub's runner looks for `::` behind blanks at a line's beginning ...
fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("::")
}

/// ... and for `##[` anywhere, Azure's and TeamCity's for `##name[`.
fn names_command(line: &str) -> bool {
    let named = |rest: &str| {
        let name = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        name.starts_with('[')
    };
    line.split("##").skip(1).any(named)
}

fn escaped(text: &str, escapes: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&escapes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match escapes(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// JSON as it was, with what would act on a terminal in JSON's own notation. Outside of its strings JSON has no
/// such character but line ends and blanks.
pub fn calm_json(json: &str) -> Cow<'_, str> {
    let acting = |c: char| acts(c) && !c.is_ascii_control() || c == '\u{7f}';
    if !json.chars().any(acting) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if acting(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A cell of a CSV file that holds words: one that a spreadsheet would take for a formula gets an
/// apostrophe before it (`'=1+1`), as people write text into a spreadsheet. [`cell_words`] takes it away. Cells
/// of numbers do not come here.
pub fn words_cell(words: &str) -> Cow<'_, str> {
    match begins_formula(words) {
        true => Cow::Owned(format!("'{words}")),
        false => Cow::Borrowed(words),
    }
}

/// The words of a cell that [`words_cell`] made.
pub fn cell_words(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(words) if begins_formula(words) => words,
        _ => cell,
    }
}

/// Behind apostrophes as well: what is guarded stays told from what was written so. A sign alone begins
/// nothing.
fn begins_formula(words: &str) -> bool {
    let words = words.trim_start_matches('\'');
    words.len() > 1 && words.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn lines_are_broken_between_words_alone() {
        let text = "2D DenseUNet without  pre-trained\nmodel";
        assert_eq!(
            wrapped(text, 20),
            ["2D DenseUNet without", "pre-trained model"]
        );
        assert_eq!(
            wrapped(text, 5),
            ["2D", "DenseUNet", "without", "pre-trained", "model"]
        );
        assert_eq!(wrapped("", 5), [""]);
        // Two columns a letter.
        assert_eq!(wrapped("肝臓 腫瘍", 9), ["肝臓 腫瘍"]);
        assert_eq!(wrapped("肝臓 腫瘍", 8), ["肝臓", "腫瘍"]);
    }

    #[test]
    fn names_are_shown_in_one_line_and_do_nothing() {
        assert_eq!(shown("Leber Größe 3"), "Leber Größe 3");
        assert_eq!(shown("a\n::error::x"), "a\\n::error::x");
        assert_eq!(shown("\u{1b}]0;x\u{7}"), "\\u{1b}]0;x\\u{7}");
        assert_eq!(shown("a\u{202e}iin.x"), "a\\u{202e}iin.x");
        assert_eq!(shown("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        let path = |bytes: &'static [u8]| Path::new(OsStr::from_bytes(bytes));
        assert_eq!(shown_path(path(b"a/\xff\x1b.nii")), "a/\\xff\\u{1b}.nii");
        assert_ne!(shown_path(path(b"\xff")), shown_path(path(b"\xfe")));
    }

    #[test]
    fn no_line_of_a_message_is_a_command_to_a_ci() {
        assert_eq!(
            message("error: a\n\thint: b::c ## d [e]"),
            "error: a\n\thint: b::c ## d [e]"
        );
        for (text, expected) in [
            ("::error::x", "\\u{3a}:error::x"),
            ("a\n  ::set-env name=x::y", "a\n  \\u{3a}:set-env name=x::y"),
            ("a ##[error]b", "a \\u{23}#[error]b"),
            ("##vso[task.x]b", "\\u{23}#vso[task.x]b"),
            ("a\r::error::x", "a\\r::error::x"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
        ] {
            assert_eq!(message(text), expected);
        }
    }

    #[test]
    fn json_means_the_same_and_does_nothing() {
        let value = serde_json::json!({ "name": "a\u{1b}\u{7f}\u{202e}\u{9b}\u{e0041}ä" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let calm = calm_json(&text);
        assert!(!calm.chars().any(|c| acts(c) && c != '\n'), "{calm}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&calm).unwrap(),
            value
        );
    }

    #[test]
    fn cells_that_begin_a_formula_are_guarded_and_read_back() {
        for (words, cell) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("@SUM", "'@SUM"),
            ("-2+3+cmd|x", "'-2+3+cmd|x"),
            ("\tx", "'\tx"),
            ("'=x", "''=x"),
            ("'x", "'x"),
            ("+1", "'+1"),
            ("-inf", "'-inf"),
            ("-", "-"),
            ("volume-3", "volume-3"),
            ("", ""),
        ] {
            assert_eq!(words_cell(words), cell);
            assert_eq!(cell_words(cell), words);
        }
    }
}
