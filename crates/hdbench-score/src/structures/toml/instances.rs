//! `[structures.NAME.instances]`.

use super::super::instances::{
    Agreement, Bound, ByWord, Dilation, Instances, InstancesBy, MOST_STEPS, MatchWord, Matching,
    MinVolume, connectivity,
};
use super::super::problem::Problem;
use super::super::word::{Word, read_word};
use super::table::{Field, Section};

const KEYS: [&str; 14] = [
    "by",
    "neighbours",
    "match",
    "score",
    "above",
    "at-least",
    "dilation",
    "dilation-mm",
    "counts-if",
    "consolidation",
    "consolidation-mm",
    "min-volume-mm3",
    "volume-above-mm3",
    "excuse-small",
];

/// Reads the table.
pub(super) fn read(section: &Section<'_>) -> Result<Instances, Problem> {
    section.only(&KEYS)?;
    let matching = matching(section)?;
    let counts_if = section
        .get("counts-if")
        .map(|field| {
            let what = "counts-if".to_owned();
            let section = field.table(what)?;
            section.only(&["score", "above", "at-least"])?;
            agreement(&section)
        })
        .transpose()?;
    Ok(Instances {
        by: by(section)?,
        matching,
        counts_if,
        consolidation: dilation(section, "consolidation", "consolidation-mm")?,
        min_volume: min_volume(section)?,
    })
}

/// A value that has a word.
fn word<T: Word>(field: &Field<'_>, what: &str) -> Result<T, Problem> {
    read_word(what, field.text()?).map_err(|problem| field.wrong(problem.text, problem.hint))
}

fn by(section: &Section<'_>) -> Result<InstancesBy, Problem> {
    let field = section.need(
        "by",
        "by = \"components\", \"components-of-each-value\" or \"values\"",
    )?;
    let by: ByWord = word(&field, "kind of instance")?;
    let made: fn(_) -> _ = match by {
        ByWord::Values => {
            refuse(section, &["neighbours"], "values need no neighbours")?;
            return Ok(InstancesBy::Values);
        }
        ByWord::Components => InstancesBy::Components,
        ByWord::ComponentsOfEachValue => InstancesBy::ComponentsOfEachValue,
    };
    const NEIGHBOURS: &str = "neighbours = 6, 18 or 26";
    let field = section.need("neighbours", NEIGHBOURS)?;
    let number = field.integer()?;
    let found = connectivity(number).ok_or_else(|| {
        field.wrong(
            format!("a voxel has 6, 18 or 26 neighbours, not {number}"),
            NEIGHBOURS,
        )
    })?;
    Ok(made(found))
}

/// Refuses keys that say nothing here.
fn refuse(section: &Section<'_>, keys: &[&str], why: &str) -> Result<(), Problem> {
    let found = keys.iter().find_map(|key| section.get(key));
    match found {
        Some(field) => Err(field.wrong(
            format!("{} means nothing here: {why}", field.key),
            format!("remove {}", field.key),
        )),
        None => Ok(()),
    }
}

fn matching(section: &Section<'_>) -> Result<Matching, Problem> {
    let known: Vec<String> = MatchWord::WORDS
        .iter()
        .map(|(word, _)| format!("{word:?}"))
        .collect();
    let field = section.need("match", &format!("match = {}", known.join(", ")))?;
    let way: MatchWord = word(&field, "way to match")?;
    if !matches!(way, MatchWord::Scored(_)) {
        let why = format!("match = {:?} asks for no score", field.text()?);
        refuse(section, &["score", "above", "at-least"], &why)?;
    }
    if way != MatchWord::Touching {
        let why = "only match = \"touching\" dilates";
        refuse(section, &["dilation", "dilation-mm"], why)?;
    }
    Ok(match way {
        MatchWord::OverlapGroups => Matching::OverlapGroups,
        MatchWord::SameValue => Matching::SameValue,
        MatchWord::Touching => Matching::Touching(dilation(section, "dilation", "dilation-mm")?),
        MatchWord::Scored(assignment) => Matching::Scored(assignment, agreement(section)?),
    })
}

fn agreement(section: &Section<'_>) -> Result<Agreement, Problem> {
    const HOW: &str = "score = \"iou\" or \"dice\", and above or at-least = a share from 0 to 1";
    let score = word(&section.need("score", HOW)?, "score")?;
    let share = |field: Field<'_>| field.number_in(0.0..=1.0, "a share from 0 to 1");
    let bound = match one_of(section, "above", "at-least")? {
        Some((true, field)) => Bound::Above(share(field)?),
        Some((false, field)) => Bound::AtLeast(share(field)?),
        None => return Err(section.problem("says neither above nor at-least", HOW)),
    };
    Ok(Agreement { score, bound })
}

/// One of two keys that exclude each other, and whether it is the first.
fn one_of<'t>(
    section: &Section<'t>,
    first: &str,
    second: &str,
) -> Result<Option<(bool, Field<'t>)>, Problem> {
    match (section.get(first), section.get(second)) {
        (Some(_), Some(field)) => Err(field.wrong(
            format!("says {first} and {second}"),
            "remove one of the two",
        )),
        (Some(field), None) => Ok(Some((true, field))),
        (None, Some(field)) => Ok(Some((false, field))),
        (None, None) => Ok(None),
    }
}

fn dilation(section: &Section<'_>, steps: &str, mm: &str) -> Result<Option<Dilation>, Problem> {
    let Some((by_steps, field)) = one_of(section, steps, mm)? else {
        return Ok(None);
    };
    if !by_steps {
        let mm = field.number_in(f64::MIN_POSITIVE..=1e4, "millimetres above 0")?;
        return Ok(Some(Dilation::Mm(mm)));
    }
    let number = field.integer()?;
    let steps = u32::try_from(number)
        .ok()
        .filter(|steps| (1..=MOST_STEPS).contains(steps));
    let steps = steps.ok_or_else(|| {
        field.wrong(
            format!("{} takes 1 to {MOST_STEPS} steps, not {number}", field.key),
            format!("remove {} where nothing is dilated", field.key),
        )
    })?;
    Ok(Some(Dilation::Steps(steps)))
}

fn min_volume(section: &Section<'_>) -> Result<Option<MinVolume>, Problem> {
    let excuses = section.get("excuse-small");
    let Some((at_least, field)) = one_of(section, "min-volume-mm3", "volume-above-mm3")? else {
        refuse(section, &["excuse-small"], "no volume is too small")?;
        return Ok(None);
    };
    let mm3 = field.number_in(0.0..=1e12, "cubic millimetres")?;
    let bound = if at_least {
        Bound::AtLeast
    } else {
        Bound::Above
    };
    Ok(Some(MinVolume {
        mm3: bound(mm3),
        excuses: excuses
            .map(|field| field.truth())
            .transpose()?
            .unwrap_or(false),
    }))
}
