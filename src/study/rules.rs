//! What the keys of a `study.toml` take, beside those of its recipe and scale.

use std::collections::BTreeMap;

use hdbench_algorithm::Algorithm as External;
use toml::Table;

use super::algorithm::AlgorithmId;
use crate::recipe::{Count, Fault, Rule, Settings, Variant, first_fault};

const SEED: &str = "TOML has no larger number";
const THREADS: &str = "nobody works with 0; no machine here has more cores";

const RULES: &[Rule] = &[
    Rule::whole("seed", 0, i64::MAX, SEED),
    Rule::whole("threads", 1, 1024, THREADS),
    Rule::whole("shards", 1, 64, "a batch is divided into them"),
    Rule::whole("folds", 0, u32::MAX as i64, "they are counted from 0").times(Count::AtLeast(0)),
    Rule::whole("seeds", 0, u32::MAX as i64, "a study has a replicate").times(Count::AtLeast(1)),
    Rule::yes_no("allow_leakage"),
    Rule::whole(
        "saving.iterations",
        1,
        u32::MAX as i64,
        "a training is saved after this number",
    ),
    Rule::number(
        "saving.seconds",
        0.0,
        4_294_967_295.0,
        "a training is saved after this number",
    )
    .in_unit("s"),
    Rule::whole("data.phantoms.cases", 1, 100_000, "a set has a case"),
    Rule::whole("data.phantoms.seed", 0, i64::MAX, SEED),
    Rule::whole(
        "data.phantoms.matrix",
        64,
        1024,
        "an abdomen is drawn into it",
    )
    .in_unit("pixels"),
    Rule::whole(
        "transfer.data.phantoms.cases",
        1,
        100_000,
        "a set has a case",
    ),
    Rule::whole("transfer.data.phantoms.seed", 0, i64::MAX, SEED),
    Rule::whole(
        "transfer.data.phantoms.matrix",
        64,
        1024,
        "an abdomen is drawn into it",
    )
    .in_unit("pixels"),
];

/// What is wrong with a key of a study's file.
pub fn fault(file: &Table) -> Option<Fault> {
    let own = first_fault(file, RULES, "").map(|problem| Fault::new(problem, WAY_OUT));
    own.or_else(|| Settings::field_fault_of(file))
}

/// What is wrong with a seed, which no file could hold.
pub fn fault_of_seed(seed: u64) -> Option<Fault> {
    let problem = format!(
        "seed takes a whole number from 0 to {}, not {seed}: {SEED}",
        i64::MAX
    );
    (i64::try_from(seed).is_err()).then(|| Fault::new(problem, WAY_OUT))
}

/// What is wrong with a study's number of shards.
pub fn fault_of_shards(shards: usize, batch: usize) -> Option<Fault> {
    let problem =
        format!("shards are parts of a batch: {shards} of them are more than its {batch} slices");
    (shards > batch).then(|| Fault::new(problem, "give fewer --shards, or a larger scale.batch"))
}

/// What is wrong with an algorithm of a study's file.
pub fn fault_of_algorithms(algorithms: &BTreeMap<String, External>) -> Option<Fault> {
    if let Err(fault) = External::check_together(algorithms, &AlgorithmId::taken()) {
        return Some(fault);
    }
    let mut titles: Vec<&str> = Variant::ALL.iter().map(|of| of.title()).collect();
    for (id, algorithm) in algorithms {
        // Comparisons name rows by their titles.
        let title = algorithm.title(id);
        if title.trim().is_empty() || titles.contains(&title) {
            return Some(Fault::new(
                format!(
                    "[algorithm.{id}] has the title {title:?}, which is empty or that of another row"
                ),
                "give it a name of its own",
            ));
        }
        titles.push(title);
    }
    None
}

/// What is wrong with a study without a row.
pub fn fault_of_rows(rows: usize) -> Option<Fault> {
    let problem = "the study has no row: no variant and no algorithm".to_owned();
    (rows == 0).then(|| Fault::new(problem, "name a --variant, or --algorithms FILE"))
}

const WAY_OUT: &str = "`hdbench ablation --help` says what each flag takes";
