use std::collections::BTreeMap;
use std::path::Path;

use hdbench_ground::error::{Error, Result};

use super::metric_names::METRIC_NAMES;

/// Number of names that are listed in a message.
const LISTED: usize = 6;

/// Other names of metrics: those of our own tables.
const ALIASES: [(&str, &str); 2] = [
    ("tumour_burden_rmse", "RMSE_Tumorburden"),
    ("tumour_burden_max_error", "MAXERROR_Tumorburden"),
];

/// Reads the metrics of the official scorer as its server gives them: the lines `name: value` of
/// `scores.txt`, a CSV table of `name,value` lines, or one with a head of names above the single row
/// of a submission. Names are those of [`METRIC_NAMES`], the case of letters and separators apart;
/// what has another name is passed over.
///
/// # Errors
/// `Error::Malformed` naming `path`: no metric is known, a value is no number, a Dice is no fraction,
/// a metric occurs twice, or a table has several rows.
pub fn read_scores(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, f64>> {
    let refuse = |problem: String, hint: &str| Error::malformed(path, problem, hint);
    let text = std::str::from_utf8(bytes).map_err(|e| refuse(e.to_string(), EXPECTED))?;
    let text = text.trim_start_matches('\u{feff}');
    let records = match lines(text) {
        Some(pairs) => pairs,
        None => table(text).map_err(|problem| refuse(problem, EXPECTED))?,
    };
    let mut metrics = BTreeMap::new();
    for (name, value) in &records {
        let Some(known) = known(name) else {
            continue;
        };
        let number: f64 = value
            .trim()
            .parse()
            .map_err(|_| refuse(format!("{name} is {value:?}, no number"), EXPECTED))?;
        if known.contains("dice") && !(0.0..=1.0).contains(&number) {
            return Err(refuse(
                format!("{name} is {number}, expected a fraction in 0..=1"),
                "import what the server wrote, not a table in percent",
            ));
        }
        if metrics.insert(known.to_owned(), number).is_some() {
            return Err(refuse(format!("{name} occurs twice"), EXPECTED));
        }
    }
    if metrics.is_empty() {
        let found: Vec<&str> = records.iter().map(|(name, _)| name.as_str()).collect();
        let found = found[..found.len().min(LISTED)].join(", ");
        return Err(refuse(
            format!("holds no metric of the LiTS scorer; it has: {found}"),
            EXPECTED,
        ));
    }
    Ok(metrics)
}

const EXPECTED: &str = "expected scores.txt as the challenge's server gives it (lines such as \
     lesion_dice_per_case: 0.722), or a CSV table with those names and one row";

fn known(name: &str) -> Option<&'static str> {
    let plain = plain(name);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == plain);
    let wanted = alias.map_or(plain.as_str(), |(_, name)| name);
    METRIC_NAMES
        .into_iter()
        .find(|metric| metric.eq_ignore_ascii_case(wanted))
}

/// Lower case, words joined by `_`.
fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("_")
}

/// `name: value` in every line that is not empty.
fn lines(text: &str) -> Option<Vec<(String, String)>> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    if lines.is_empty() {
        return None;
    }
    lines
        .into_iter()
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

fn table(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader
        .records()
        .collect::<Result<_, _>>()
        .map_err(|e| e.to_string())?;
    let pairs = rows
        .iter()
        .all(|row| row.len() == 2 && (known(&row[0]).is_some() || row[1].parse::<f64>().is_err()));
    if pairs && rows.iter().any(|row| known(&row[0]).is_some()) {
        let pair = |row: &csv::StringRecord| (row[0].to_owned(), row[1].to_owned());
        let values = rows.iter().filter(|row| known(&row[0]).is_some());
        return Ok(values.map(pair).collect());
    }
    match &rows[..] {
        [head, values] if head.len() == values.len() => Ok(head
            .iter()
            .zip(values)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()),
        [_, _] => Err("its row has not as many fields as its head".into()),
        [] => Err("is empty".into()),
        [_] => Err("has a single line".into()),
        rows => Err(format!(
            "has {} rows below its head; which is the submission's is not known",
            rows.len() - 1
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, f64>, String> {
        read_scores(Path::new("scores.txt"), text.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn what_servers_and_people_write_is_read() {
        let lines = "lesion_dice_per_case: 0.722\nliver_dice_global: 0.965\nDuration: 12\n";
        let expected = BTreeMap::from([
            ("lesion_dice_per_case".to_owned(), 0.722),
            ("liver_dice_global".to_owned(), 0.965),
        ]);
        assert_eq!(read(lines).unwrap(), expected);
        let wide = "\u{feff}User,Lesion Dice per case,liver dice global\nme,0.722,0.965\n";
        assert_eq!(read(wide).unwrap(), expected);
        let long = "metric,value\nlesion_dice_per_case,0.722\nliver_dice_global,0.965\n";
        assert_eq!(read(long).unwrap(), expected);
        let burden = read("RMSE_Tumorburden: 0.015\n").unwrap();
        assert_eq!(burden, read("tumour_burden_rmse\n0.015\n").unwrap());
        assert_eq!(burden["RMSE_Tumorburden"], 0.015);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for (text, says) in [
            ("", "is empty"),
            (
                "user: me\n",
                "holds no metric of the LiTS scorer; it has: user",
            ),
            ("lesion_dice_per_case: 72.2\n", "expected a fraction"),
            ("lesion_dice_per_case: n/a\n", "no number"),
            (
                "lesion_dice_per_case: 0.1\nLesion_Dice_Per_Case: 0.2\n",
                "occurs twice",
            ),
            (
                "team,lesion_dice_per_case\na,0.1\nb,0.2\n",
                "has 2 rows below its head",
            ),
        ] {
            let message = read(text).unwrap_err();
            assert!(
                message.contains(says) && message.contains("hint:"),
                "{message}"
            );
        }
    }

    #[test]
    fn our_own_scores_are_read_back() {
        let values: [f64; 24] = std::array::from_fn(|i| i as f64 / 32.0);
        let text: String = METRIC_NAMES
            .iter()
            .zip(values)
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        let read = read(&text).unwrap();
        assert_eq!(read.len(), 24);
        assert!(
            METRIC_NAMES
                .iter()
                .zip(values)
                .all(|(name, v)| read[*name] == v)
        );
    }
}
