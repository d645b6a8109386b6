//! What a challenge takes, as a file says it.

use std::collections::BTreeMap;
use std::path::Path;

use hdbench_ground::near::meant;
use serde::Deserialize;

use super::naming::CaseNumbers;
use super::rule::Rule;
use crate::artifact::read_text;
use crate::dataset::{Case, lits};
use crate::error::{Error, Result};

/// The challenges that are known by name, and their files.
const BUILT_IN: [(&str, &str); 2] = [
    ("lits", include_str!("challenges/lits.toml")),
    ("msd-task03", include_str!("challenges/msd-task03.toml")),
];

const HINT: &str = "`hdbench explain submission` tells what is known by name; docs/submissions.md has a file of one's own";

/// A challenge of liver and lesions: how its archive is laid out, and what it is held against.
#[derive(Clone, Debug, PartialEq)]
pub struct Challenge {
    /// What `--challenge` calls it; of a file, its stem.
    pub id: String,
    /// For people.
    pub title: String,
    /// What 0, 1 and 2 are called.
    pub labels: [String; 3],
    /// Why nobody should wait for an answer.
    pub closed: Option<String>,
    volumes: Pattern,
    /// The folder that entries lie in; empty where the archive is flat.
    folder: String,
    /// An entry's name in that folder.
    entry: Pattern,
    numbers: CaseNumbers,
    unscored: CaseNumbers,
    beside: Vec<String>,
    rules: BTreeMap<Rule, Weight>,
}

/// What follows where a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The challenge would give no score, or a wrong one.
    Refused,
    /// The challenge takes the archive, and the author may not have meant it.
    Warned,
}

/// A name with a number in it.
#[derive(Clone, Debug, PartialEq)]
struct Pattern {
    before: String,
    after: String,
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once("{}")?;
        let plain = !after.contains("{}") && !before.is_empty();
        plain.then(|| Self {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    fn of(&self, number: impl std::fmt::Display) -> String {
        format!("{}{number}{}", self.before, self.after)
    }
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    volumes: String,
    entry: String,
    numbers: String,
    unscored: Option<String>,
    #[serde(default)]
    beside: Vec<String>,
    labels: [String; 3],
    closed: Option<String>,
    refused: Vec<String>,
    warned: Vec<String>,
}

impl Challenge {
    /// The LiTS challenge.
    pub fn lits() -> Self {
        let (id, text) = BUILT_IN[0];
        Self::parse(id, text).expect("a test reads it")
    }

    /// A challenge by its name, or the file that describes one.
    ///
    /// # Errors
    /// `Error::Usage` for a name that is neither; `Error::Read`; `Error::Malformed` for a file that is none.
    pub fn open(name: &str) -> Result<Self> {
        if let Some((id, text)) = BUILT_IN.iter().find(|(id, _)| *id == name) {
            return Self::parse(id, text).map_err(Error::Internal);
        }
        let path = Path::new(name);
        if !path.is_file() {
            let names = BUILT_IN.map(|(id, _)| id);
            return Err(Error::usage(
                format!("--challenge {name}: neither a challenge nor a file"),
                meant(name, &names),
            ));
        }
        let text = read_text(path).map_err(Error::read(path))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&stem, &text).map_err(|problem| Error::malformed(path, problem, HINT))
    }

    /// All that are known by name.
    pub fn built_in() -> impl Iterator<Item = Self> {
        BUILT_IN
            .iter()
            .map(|(id, text)| Self::parse(id, text).expect("a test reads them"))
    }

    fn parse(id: &str, text: &str) -> std::result::Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())?;
        let pattern = |key: &str, text: &str| {
            Pattern::parse(text).ok_or_else(|| {
                format!("{key} = {text:?}: expected a name with {{}} once, behind its beginning")
            })
        };
        let (folder, own) = file.entry.rsplit_once('/').unwrap_or(("", &file.entry));
        if folder.contains(['/', '\\']) || folder.starts_with('.') {
            return Err(format!(
                "entry = {:?}: lies in more than one folder",
                file.entry
            ));
        }
        let entry = pattern("entry", own)?;
        if !matches!(entry.after.as_str(), ".nii" | ".nii.gz") {
            return Err(format!(
                "entry = {:?}: expected an ending of .nii or .nii.gz right behind the number",
                file.entry
            ));
        }
        let volumes = pattern("volumes", &file.volumes)?;
        if !volumes.after.is_empty() {
            return Err(format!(
                "volumes = {:?}: expected the number at its end; .nii and .nii.gz are both read",
                file.volumes
            ));
        }
        let numbers = |key: &str, text: &str| {
            let found: Result<CaseNumbers> = text.parse();
            found.map_err(|_| format!("{key} = {text:?}: expected numbers such as 0-69 or 3,7-9"))
        };
        let unscored = match &file.unscored {
            Some(text) => numbers("unscored", text)?,
            None => CaseNumbers::default(),
        };
        let challenge = Self {
            id: id.to_owned(),
            title: file.title,
            labels: file.labels,
            closed: file.closed,
            volumes,
            folder: folder.to_owned(),
            entry,
            numbers: numbers("numbers", &file.numbers)?,
            unscored,
            beside: file.beside,
            rules: weighed(&file.refused, &file.warned)?,
        };
        challenge.fits_its_rules()?;
        Ok(challenge)
    }

    /// The rules of the layout are those that the entry's name asks for.
    fn fits_its_rules(&self) -> std::result::Result<(), String> {
        let wanted = [
            (Rule::Flat, self.folder.is_empty()),
            (Rule::InFolder, !self.folder.is_empty()),
            (Rule::NotGzipped, !self.is_gzipped()),
            (Rule::Gzipped, self.is_gzipped()),
        ];
        for (rule, wanted) in wanted {
            let held = self.rules.contains_key(&rule);
            if held != wanted {
                let verb = if wanted { "lacks" } else { "names" };
                let entry = self.entry_name_of("{}");
                return Err(format!("entry = {entry:?} {verb} the rule {}", rule.id()));
            }
        }
        Ok(())
    }

    /// The same where no number is left out: for cases of one's own.
    pub fn of_any_number(mut self) -> Self {
        self.unscored = CaseNumbers::default();
        self
    }

    /// Whether it is LiTS's own.
    pub fn is_lits(&self) -> bool {
        self.id == "lits"
    }

    /// Finds the test volumes below a folder; of a Decathlon's task folder, in its `imagesTs`.
    ///
    /// # Errors
    /// As [`lits::find_test`].
    pub fn find_test(&self, dir: &Path) -> Result<Vec<Case>> {
        if self.is_lits() {
            return lits::find_test(dir);
        }
        let inside = dir.join("imagesTs");
        let dir = if inside.is_dir() { &inside } else { dir };
        lits::find_named(dir, &self.volumes.before)
    }

    /// Its rules in the order of [`Rule::ALL`], and their weights.
    pub fn rules(&self) -> impl Iterator<Item = (Rule, Weight)> {
        self.rules.iter().map(|(&rule, &weight)| (rule, weight))
    }

    /// Whether a rule is one of its.
    pub fn holds(&self, rule: Rule) -> bool {
        self.rules.contains_key(&rule)
    }

    /// An entry's whole name in the archive.
    pub fn entry_name(&self, number: u32) -> String {
        self.entry_name_of(number)
    }

    /// The same with anything in the number's place.
    pub(super) fn entry_name_of(&self, number: impl std::fmt::Display) -> String {
        let own = self.entry.of(number);
        match self.folder.as_str() {
            "" => own,
            folder => format!("{folder}/{own}"),
        }
    }

    /// The same without its folder.
    pub(super) fn own_name(&self, number: u32) -> String {
        self.entry.of(number)
    }

    /// The same without ending.
    pub fn entry_stem(&self, number: u32) -> String {
        format!("{}{number}", self.entry.before)
    }

    /// The name of a test volume, without ending.
    pub fn volume_name(&self, number: u32) -> String {
        self.volumes.of(number)
    }

    /// The folder that entries lie in; empty where the archive is flat.
    pub(super) fn folder(&self) -> &str {
        &self.folder
    }

    /// Whether entries are packed by gzip.
    pub fn is_gzipped(&self) -> bool {
        self.entry.after == ".nii.gz"
    }

    /// Whether it has a number that it takes no segmentation of.
    pub(super) fn leaves_out(&self, number: u32) -> bool {
        self.unscored.contains(number)
    }

    /// Whether an entry is for another task that the same archive holds.
    pub(super) fn is_beside(&self, name: &str) -> bool {
        let folder = name.split('/').next().unwrap_or_default();
        name.contains('/') && self.beside.iter().any(|known| known == folder)
    }

    /// The numbers of its test volumes.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.numbers.iter()
    }

    /// The numbers of its test volumes that it takes a segmentation of.
    pub(super) fn scored(&self) -> impl Iterator<Item = u32> {
        self.numbers().filter(|&n| !self.leaves_out(n))
    }

    /// `0 to 69`, `60 of 132 to 201`.
    pub(super) fn span(&self) -> String {
        let count = self.scored().count();
        let ends = self.numbers().min().zip(self.numbers().max());
        let Some((first, last)) = ends else {
            return "none".to_owned();
        };
        let whole = (last - first) as usize + 1 == count;
        let part = if whole {
            String::new()
        } else {
            format!("{count} of ")
        };
        format!("{part}{first} to {last}")
    }

    /// What holds where a rule is kept.
    pub fn statement(&self, rule: Rule) -> String {
        match rule {
            Rule::InFolder => format!("every segmentation lies in the folder {}", self.folder),
            Rule::FileNames => format!("every segmentation is named {}", self.entry.of('N')),
            Rule::ChallengeSet => format!("the test volumes are the challenge's, {}", self.span()),
            other => other.statement().to_owned(),
        }
    }

    /// `0 background, 1 liver, 2 tumour`.
    pub(super) fn labels_text(&self) -> String {
        let [none, liver, lesion] = &self.labels;
        format!("0 {none}, 1 {liver}, 2 {lesion}")
    }

    /// What a command of it says beside `hdbench submit-lits`; nothing for LiTS.
    pub(super) fn flag(&self) -> String {
        if self.is_lits() {
            return String::new();
        }
        let known = BUILT_IN.iter().any(|(id, _)| *id == self.id);
        let name = if known { self.id.as_str() } else { "FILE" };
        format!(" --challenge {name}")
    }
}

fn weighed(
    refused: &[String],
    warned: &[String],
) -> std::result::Result<BTreeMap<Rule, Weight>, String> {
    let refused = refused.iter().map(|id| (id, Weight::Refused));
    let warned = warned.iter().map(|id| (id, Weight::Warned));
    let mut rules = BTreeMap::new();
    for (id, weight) in refused.chain(warned) {
        let ids = Rule::ALL.map(Rule::id);
        let rule = Rule::ALL.into_iter().find(|rule| rule.id() == id);
        let rule = rule.ok_or_else(|| format!("{id:?} is no rule: {}", meant(id, &ids)))?;
        if rules.insert(rule, weight).is_some() {
            return Err(format!("the rule {id} stands twice"));
        }
    }
    // Without these, nothing is known of an archive.
    let needed =
        Rule::OF_ARCHIVES
            .into_iter()
            .chain([Rule::NiftiReadable, Rule::Shape, Rule::OneEach]);
    for rule in needed {
        if rules.get(&rule) != Some(&Weight::Refused) {
            return Err(format!(
                "{:?} has to stand in `refused`: nothing is scored without it",
                rule.id()
            ));
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_ones_are_read() {
        let [lits, msd] = BUILT_IN.map(|(id, text)| Challenge::parse(id, text).unwrap());
        assert!(lits.is_lits() && lits.rules().count() == 27);
        assert_eq!(lits.entry_name(3), "test-segmentation-3.nii");
        assert_eq!(lits.span(), "0 to 69");
        assert_eq!(msd.entry_name(132), "Task03_Liver/liver_132.nii.gz");
        assert_eq!(msd.span(), "60 of 132 to 201");
        assert!(msd.leaves_out(161) && !msd.leaves_out(163));
        assert!(msd.is_beside("Task09_Spleen/spleen_7.nii.gz"));
        assert!(!msd.is_beside("Task09_Spleen.nii.gz") && !msd.is_beside("a/liver_132.nii.gz"));
        assert!(msd.is_gzipped() && !lits.is_gzipped());
        assert_eq!(Challenge::lits(), lits);
    }

    #[test]
    fn the_file_of_the_guide_is_one() {
        let guide = include_str!("../../docs/submissions.md");
        let (_, file) = guide.split_once("```toml\n").unwrap();
        let (file, _) = file.split_once("```").unwrap();
        let own = Challenge::parse("own", file).unwrap();
        assert_eq!(own.entry_name(3), "results/scan_3.nii.gz");
        assert!(own.leaves_out(13) && own.is_gzipped() && own.span() == "38 of 1 to 40");
    }

    #[test]
    fn a_file_that_contradicts_itself_is_refused_by_its_key() {
        let (_, lits) = BUILT_IN[0];
        let fault = |from: &str, to: &str| {
            let text = lits.replacen(from, to, 1);
            assert_ne!(text, lits, "{from}");
            Challenge::parse("mine", &text).unwrap_err()
        };
        for (from, to, said) in [
            ("\"flat\", ", "", "lacks the rule flat"),
            (
                "\"flat\"",
                "\"flat\", \"gzipped\"",
                "names the rule gzipped",
            ),
            ("-{}.nii", ".nii", "expected a name with {} once"),
            ("test-segmentation-{}", "a/b/{}", "more than one folder"),
            ("-{}.nii", "-{}.mha", "an ending of .nii or .nii.gz"),
            ("test-volume-{}", "test-{}-volume", "the number at its end"),
            ("\"0-69\"", "\"all\"", "expected numbers such as"),
            ("\"shape\"", "\"shap\"", "is no rule: did you mean shape?"),
            ("\"shape\", ", "", "nothing is scored without it"),
            ("\"shape\"", "\"shape\", \"shape\"", "stands twice"),
            ("title", "titel", "unknown field `titel`"),
        ] {
            let found = fault(from, to);
            assert!(found.contains(said), "{said}: {found}");
        }
    }
}
