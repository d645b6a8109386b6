//! What stands in braces in a command's arguments: `{input}`, `{case}`; `{{` and `}}` are the braces themselves.

use hdbench_ground::near::meant;
use hdbench_ground::range::Fault;

/// A value that an argument may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The folder with the cases, laid out as `input` says.
    Input,
    /// The empty folder for what it predicts.
    Output,
    /// The name of the case as its file in the input folder has it, without ending; for `per = "case"` alone.
    Case,
    /// The number of the fold.
    Fold,
    /// The number of the replicate.
    Seed,
    /// How many threads it may use.
    Threads,
    /// The study's device: `cpu`, `cuda:0`.
    Device,
    /// The folder that `train` leaves its model in and `run` finds it in.
    Model,
    /// The training set, in nnU-Net's layout; for `train` alone.
    Data,
}

impl Placeholder {
    /// All, in the order of messages.
    pub const ALL: [Self; 9] = [
        Self::Input,
        Self::Output,
        Self::Case,
        Self::Fold,
        Self::Seed,
        Self::Threads,
        Self::Device,
        Self::Model,
        Self::Data,
    ];

    /// What stands between the braces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Case => "case",
            Self::Fold => "fold",
            Self::Seed => "seed",
            Self::Threads => "threads",
            Self::Device => "device",
            Self::Model => "model",
            Self::Data => "data",
        }
    }
}

/// An argument in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Value(Placeholder),
}

/// An argument's pieces; `allowed` are the placeholders that it may have, `of` is how messages name it (`run`).
///
/// # Errors
/// A [`Fault`] for another name between braces and for a brace that stands alone.
pub(crate) fn pieces(
    of: &str,
    argument: &str,
    allowed: &[Placeholder],
) -> Result<Vec<Piece>, Fault> {
    let alone = |brace: char| {
        Fault::new(
            format!("{of}: {argument:?} has a {brace} that stands alone"),
            format!("a brace itself is written twice: {brace}{brace}"),
        )
    };
    let (mut pieces, mut text) = (Vec::new(), String::new());
    let mut rest = argument;
    while let Some(at) = rest.find(['{', '}']) {
        text += &rest[..at];
        let braces = &rest[at..];
        if braces.starts_with("{{") || braces.starts_with("}}") {
            text += &braces[..1];
            rest = &braces[2..];
            continue;
        }
        let Some(inside) = braces.strip_prefix('{') else {
            return Err(alone('}'));
        };
        let Some(end) = inside.find('}') else {
            return Err(alone('{'));
        };
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(Piece::Value(named(of, argument, &inside[..end], allowed)?));
        rest = &inside[end + 1..];
    }
    text += rest;
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

fn named(
    of: &str,
    argument: &str,
    name: &str,
    allowed: &[Placeholder],
) -> Result<Placeholder, Fault> {
    if let Some(found) = allowed
        .iter()
        .find(|placeholder| placeholder.name() == name)
    {
        return Ok(*found);
    }
    let instead = instead(name, allowed);
    Err(Fault::new(
        format!("{of}: {{{name}}} in {argument:?} is no placeholder here"),
        format!("{instead}; braces themselves are written {{{{ and }}}}"),
    ))
}

/// What may have been meant by a name, of what is allowed.
fn instead(name: &str, allowed: &[Placeholder]) -> String {
    if allowed.is_empty() {
        return "it takes none: nothing is laid out when it is started".to_owned();
    }
    let names: Vec<String> = allowed
        .iter()
        .map(|one| format!("{{{}}}", one.name()))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    meant(&format!("{{{name}}}"), &names)
}

/// The argument with its values.
pub(crate) fn filled(pieces: &[Piece], value: impl Fn(Placeholder) -> String) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(placeholder) => value(*placeholder),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: [Placeholder; 3] = [Placeholder::Input, Placeholder::Output, Placeholder::Case];

    fn fill(argument: &str) -> Result<String, Fault> {
        let pieces = pieces("run", argument, &SOME)?;
        Ok(filled(&pieces, |placeholder| {
            format!("<{}>", placeholder.name())
        }))
    }

    #[test]
    fn values_take_the_place_of_their_names() {
        for (argument, text) in [
            ("", ""),
            ("-i", "-i"),
            ("{input}", "<input>"),
            ("{input}/{case}.nii.gz", "<input>/<case>.nii.gz"),
            ("{{input}}", "{input}"),
            ("{{{case}}}", "{<case>}"),
            ("L\u{f6}we {{", "L\u{f6}we {"),
        ] {
            assert_eq!(fill(argument).as_deref(), Ok(text), "{argument}");
        }
    }

    #[test]
    fn unknown_names_and_lonely_braces_are_refused_with_a_way_out() {
        let fault = fill("{inptu}").unwrap_err();
        assert_eq!(
            fault.problem,
            "run: {inptu} in \"{inptu}\" is no placeholder here"
        );
        assert_eq!(
            fault.hint,
            "did you mean {input}?; braces themselves are written {{ and }}"
        );
        let fault = fill("${HOME}").unwrap_err();
        assert!(
            fault.hint.starts_with("one of {input}, {output}, {case};"),
            "{}",
            fault.hint
        );
        for lonely in ["{", "}", "a{b", "a}b", "{input}}"] {
            let fault = fill(lonely).unwrap_err();
            assert!(
                fault.problem.contains("stands alone"),
                "{lonely}: {}",
                fault.problem
            );
        }
        assert!(fill("{}").unwrap_err().problem.contains("{}"));
    }
}
