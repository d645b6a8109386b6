//! What is refused before anything runs.

use std::collections::BTreeMap;

use hdbench_ground::range::Fault;
use hdbench_ground::text::shown;

use super::algorithm::{Algorithm, Per};
use super::placeholder::{Piece, Placeholder, pieces};
use super::runtime::Runtime;

/// Names of the environment that the harness sets.
pub(crate) const OWN_VARIABLES: [&str; 2] = ["HDBENCH_JOB", "TMPDIR"];

impl Algorithm {
    /// Refuses what could not run or would not mean what it says; nothing is started. `taken` are names that rows
    /// have already.
    ///
    /// # Errors
    /// A [`Fault`] that names `[algorithm.ID]`.
    pub fn check(&self, id: &str, taken: &[&str]) -> Result<(), Fault> {
        check_id(id, taken)?;
        let here =
            |fault: Fault| Fault::new(format!("[algorithm.{id}] {}", fault.problem), fault.hint);
        self.check_words().map_err(here)?;
        if self.predictions.is_some() {
            return self.check_predictions().map_err(here);
        }
        self.check_commands().map_err(here)?;
        self.check_environment().map_err(here)?;
        self.check_container().map_err(here)
    }

    /// Refuses what [`Self::check`] refuses in any table of a file, and two tables whose rows would have one folder where
    /// the file system knows no capitals. `taken` are names that other rows have.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_together(tables: &BTreeMap<String, Self>, taken: &[&str]) -> Result<(), Fault> {
        let mut taken = taken.to_vec();
        for (id, algorithm) in tables {
            algorithm.check(id, &taken)?;
            taken.push(id);
        }
        Ok(())
    }

    /// What stands beside its row is a word, or is left out.
    fn check_words(&self) -> Result<(), Fault> {
        let words = [
            ("name", self.name.as_deref(), "the row has its key then"),
            (
                "trained_on",
                Some(self.trained_on.as_str()),
                "it is unknown then; \"nothing\" says that it was not trained",
            ),
        ];
        match words
            .iter()
            .find(|(_, text, _)| text.is_some_and(|text| text.trim().is_empty()))
        {
            None => Ok(()),
            Some((key, _, then)) => Err(Fault::new(
                format!("{key} is empty"),
                format!("leave it out ({then})"),
            )),
        }
    }

    /// Predictions are taken as they are.
    fn check_predictions(&self) -> Result<(), Fault> {
        let set = [
            ("run", !self.run.is_empty()),
            ("train", !self.train.is_empty()),
            ("version", !self.version.is_empty()),
            ("image", self.image.is_some()),
            ("runtime", self.runtime.is_some()),
            ("env", !self.env.is_empty()),
            ("gpus", self.gpus > 0),
            ("timeout", self.timeout.is_some()),
        ];
        match set.iter().find(|(_, is_set)| *is_set) {
            None => Ok(()),
            Some((key, _)) => Err(Fault::new(
                format!("has predictions and {key}: what was made elsewhere is not run"),
                format!("leave {key} or predictions out"),
            )),
        }
    }

    /// What `run` may ask for.
    pub(crate) fn allowed_in_run(&self) -> Vec<Placeholder> {
        use Placeholder as P;
        let mut allowed = vec![P::Input, P::Output, P::Fold, P::Seed, P::Threads, P::Device];
        if self.per == Per::Case {
            allowed.insert(2, P::Case);
        }
        if !self.train.is_empty() {
            allowed.push(P::Model);
        }
        allowed
    }

    /// What `train` may ask for.
    pub(crate) fn allowed_in_train() -> [Placeholder; 6] {
        use Placeholder as P;
        [P::Data, P::Model, P::Fold, P::Seed, P::Threads, P::Device]
    }

    /// What the values of `env` may ask for: what is there whenever something of it is started.
    pub(crate) fn allowed_in_env(&self) -> Vec<Placeholder> {
        use Placeholder as P;
        let mut allowed = vec![P::Fold, P::Seed, P::Threads, P::Device];
        if !self.train.is_empty() {
            allowed.push(P::Model);
        }
        allowed
    }

    fn check_commands(&self) -> Result<(), Fault> {
        check_program("run", &self.run)?;
        let asked = check_arguments("run", &self.run, &self.allowed_in_run())
            .map_err(|fault| self.of_case(fault))?;
        // In a container the folders have fixed names, which may be written out.
        if self.image.is_none() {
            for needed in [Placeholder::Input, Placeholder::Output] {
                if !asked.contains(&needed) {
                    return Err(Fault::new(
                        format!("run asks for no {{{}}}", needed.name()),
                        format!(
                            "give it the folder: \"{{{}}}\" as an argument, alone or in one",
                            needed.name()
                        ),
                    ));
                }
            }
        }
        if !self.train.is_empty() {
            check_program("train", &self.train)?;
            check_arguments("train", &self.train, &Self::allowed_in_train())?;
        }
        if !self.version.is_empty() {
            check_program("version", &self.version)?;
            check_arguments("version", &self.version, &[])?;
        }
        Ok(())
    }

    /// `{case}` is known, but not where a folder is asked for.
    fn of_case(&self, fault: Fault) -> Fault {
        match self.per == Per::Folder && fault.problem.contains("{case}") {
            true => Fault::new(
                format!("{}: it is started once for all cases", fault.problem),
                "say per = \"case\", or give it the folders alone",
            ),
            false => fault,
        }
    }

    fn check_environment(&self) -> Result<(), Fault> {
        for (name, value) in &self.env {
            let sound = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let is_name = !name.is_empty()
                && name.chars().all(sound)
                && !name.starts_with(|c: char| c.is_ascii_digit());
            if !is_name {
                return Err(Fault::new(
                    format!("env: {name:?} is no name of a variable"),
                    "letters, digits and _ make one, such as nnUNet_results",
                ));
            }
            if OWN_VARIABLES.contains(&name.as_str()) {
                return Err(Fault::new(
                    format!("env: {name} is set by the harness"),
                    "leave it out",
                ));
            }
            refuse_nul("env", value)?;
            pieces(&format!("env: {name}"), value, &self.allowed_in_env())?;
        }
        Ok(())
    }

    fn check_container(&self) -> Result<(), Fault> {
        let Some(image) = &self.image else {
            return match (self.runtime, &self.memory, self.processes) {
                (None, None, None) => Ok(()),
                (runtime, memory, _) => {
                    let key = match (runtime, memory) {
                        (Some(_), _) => "runtime",
                        (None, Some(_)) => "memory",
                        (None, None) => "processes",
                    };
                    Err(Fault::new(
                        format!("{key} is for images, and image is not set"),
                        format!("leave {key} out, or name the image"),
                    ))
                }
            };
        };
        // An engine would read it as an option.
        if image.is_empty() || image.starts_with('-') || image.chars().any(char::is_whitespace) {
            return Err(Fault::new(
                format!("image {image:?} is no name of an image"),
                "name it as the engine does: \"registry/team:1\"",
            ));
        }
        if self.processes == Some(0) {
            return Err(Fault::new(
                "processes is 0",
                "leave it out, or give at least 1",
            ));
        }
        if self.runtime == Some(Runtime::Bubblewrap)
            && (self.memory.is_some() || self.processes.is_some())
        {
            return Err(Fault::new(
                "bubblewrap bounds neither memory nor processes",
                "leave memory and processes out, or take docker, podman or apptainer",
            ));
        }
        Ok(())
    }
}

fn check_id(id: &str, taken: &[&str]) -> Result<(), Fault> {
    let sound = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if id.is_empty() || id.len() > 64 || !id.chars().all(sound) || id.starts_with(['_', '-']) {
        return Err(Fault::new(
            format!("[algorithm.{}] is no name of a row", shown(id)),
            "1 to 64 letters, digits, - and _ make one, and it begins with a letter or a digit",
        ));
    }
    // Folders are named so, and some file systems know no capitals.
    if let Some(other) = taken.iter().find(|other| other.eq_ignore_ascii_case(id)) {
        return Err(Fault::new(
            format!("[algorithm.{id}] has the name of the row {other}"),
            "give it another, in more than its capitals: a folder is named by it",
        ));
    }
    Ok(())
}

fn check_program(of: &str, command: &[String]) -> Result<(), Fault> {
    let Some(program) = command.first().filter(|program| !program.is_empty()) else {
        return Err(Fault::new(
            format!("{of} is empty"),
            format!("say what is started: {of} = [\"PROGRAM\", ...]"),
        ));
    };
    // One text with everything in it is no program.
    if command.len() == 1 && program.contains(char::is_whitespace) {
        let list: Vec<_> = program
            .split_whitespace()
            .map(|word| format!("{word:?}"))
            .collect();
        return Err(Fault::new(
            format!(
                "{of} has one text with blanks, expected a list of arguments: no shell reads it"
            ),
            format!("write {of} = [{}]", list.join(", ")),
        ));
    }
    command
        .iter()
        .try_for_each(|argument| refuse_nul(of, argument))
}

fn refuse_nul(of: &str, text: &str) -> Result<(), Fault> {
    match text.contains('\0') {
        true => Err(Fault::new(
            format!(
                "{of}: {} has a zero byte, which no program can be given",
                shown(text)
            ),
            "take it out",
        )),
        false => Ok(()),
    }
}

/// The placeholders that are asked for.
fn check_arguments(
    of: &str,
    command: &[String],
    allowed: &[Placeholder],
) -> Result<Vec<Placeholder>, Fault> {
    let mut asked = Vec::new();
    for argument in command {
        for piece in pieces(of, argument, allowed)? {
            if let Piece::Value(placeholder) = piece {
                asked.push(placeholder);
            }
        }
    }
    Ok(asked)
}
