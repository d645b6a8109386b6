//! What is wrong is said, each with its line and a way out.

use super::data::{formats, walkdir, written};

#[track_caller]
fn refused(name: &str, content: &str, message: &str) {
    let error = written(name, content).expect_err(content);
    assert_eq!(error.to_string(), format!("{name}: {message}"), "{content}");
}

#[test]
fn toml_that_is_wrong_is_named_with_its_line() {
    const LABELS: &str = "hint: labels = 4, [1, 2, 4], \"1-26\", or \"1-\" for 1 or more";
    let refused = |content: &str, message: &str| refused("x.toml", content, message);
    refused(
        "[structures]\na = [1,\n2, 1]",
        &format!("line 2: structure \"a\": holds 1 twice\n{LABELS}"),
    );
    refused(
        "[structures.a]\nlabels = [1, \"1-4\"]",
        &format!("line 2: structure \"a\": holds 1 twice\n{LABELS}"),
    );
    refused(
        "[structures.a]\nlabels = [\n  1,\n  70000,\n]",
        &format!(
            "line 4: structure \"a\": 70000 is no label value, which are whole numbers from 1 to 65535\n{LABELS}"
        ),
    );
    refused(
        "[structures.a]\nlabels = 0",
        &format!("line 2: structure \"a\": 0 is the background, no structure\n{LABELS}"),
    );
    refused(
        "[structures.a]\nlabels = 1\n\nmetrics = [\"dice\", \"instance_dice\"]",
        "line 4: structure \"a\": the metric \"instance_dice\" compares instances, and it has none\nhint: remove the \
         metric, or say what an instance is: instances = { by = \"components\", neighbours = 26, match = \
         \"one-to-one\", score = \"iou\", at-least = 0.5 }",
    );
    refused(
        "[structures.a]\nlabels = 1\nmetrics = [\"dise\"]",
        "line 3: structure \"a\": \"dise\" is no metric\nhint: did you mean dice?",
    );
    refused(
        "structure = 1",
        "line 1: unknown key \"structure\"\nhint: did you mean structures?",
    );
    refused(
        "[structures.a]\nlables = 1",
        "line 2: unknown key \"lables\" of structure \"a\"\nhint: did you mean labels?",
    );
    refused(
        "[structures.a]\nlabels = 1\n[structures.a.empty.hd95]\nempty = 0",
        "line 4: unknown key \"empty\" of empty.hd95\nhint: one of both-empty, reference-empty, prediction-empty, \
         no-match",
    );
    refused(
        "[structures]\nA = 1\na = 2",
        "line 3: the names \"A\" and \"a\" are the same but for their case\nhint: give one of them another name",
    );
    refused(
        "[structures]\n\"a/b\" = 1",
        "line 2: the name \"a/b\" has '/'; letters, digits, _, -, . and spaces can be in one\nhint: give it another \
         name",
    );
    refused(
        "name = \"x\"",
        "line 1: names no structure\nhint: [structures] holds them, such as liver = [1, 2]; or every-value = true \
         alone",
    );
    refused(
        "every-value = true\nmetrics = [\"dice\"]",
        "line 1: every value as it is found is scored by the profile alone\nhint: remove metrics, instances and empty, \
         or name the structures",
    );
    refused(
        "\n[structures\na = 1",
        "line 2: is no TOML: unclosed table, expected `]`\nhint: hdbench structures show lits prints a set of \
         structures",
    );
    refused(
        "[structures]\na = 1.5",
        &format!(
            "line 2: structure \"a\": a takes a whole number, not a value of the kind float\n{LABELS}"
        ),
    );
}

#[test]
fn instances_that_are_wrong_are_named_with_their_line() {
    let refused = |fields: &str, message: &str| {
        let content = format!("[structures.a]\nlabels = 1\n[structures.a.instances]\n{fields}");
        refused("x.toml", &content, message);
    };
    refused(
        "by = \"component\"\nmatch = \"same-value\"",
        "line 4: structure \"a\", instances: \"component\" is no kind of instance\nhint: did you mean components?",
    );
    refused(
        "by = \"components\"\nneighbours = 8\nmatch = \"same-value\"",
        "line 5: structure \"a\", instances: a voxel has 6, 18 or 26 neighbours, not 8\nhint: neighbours = 6, 18 or 26",
    );
    refused(
        "by = \"values\"\nmatch = \"greedy\"\nscore = \"iou\"",
        "line 3: structure \"a\", instances: says neither above nor at-least\nhint: score = \"iou\" or \"dice\", and above \
         or at-least = a share from 0 to 1",
    );
    refused(
        "by = \"values\"\nmatch = \"greedy\"\nscore = \"iou\"\nabove = 0.5\nat-least = 0.5",
        "line 8: structure \"a\", instances: says above and at-least\nhint: remove one of the two",
    );
    refused(
        "by = \"values\"\nmatch = \"greedy\"\nscore = \"iou\"\nabove = 50",
        "line 7: structure \"a\", instances: above takes a share from 0 to 1, not 50\nhint: above = ... with a share from \
         0 to 1",
    );
    refused(
        "by = \"values\"\nmatch = \"overlap-groups\"\nscore = \"iou\"",
        "line 6: structure \"a\", instances: score means nothing here: match = \"overlap-groups\" asks for no \
         score\nhint: remove score",
    );
    refused(
        "by = \"values\"\nmatch = \"touching\"\ndilation = 0",
        "line 6: structure \"a\", instances: dilation takes 1 to 100 steps, not 0\nhint: remove dilation where nothing is \
         dilated",
    );
    refused(
        "by = \"values\"\nmatch = \"touching\"\nmin_volume-mm3 = 5",
        "line 6: unknown key \"min_volume-mm3\" of structure \"a\", instances\nhint: did you mean min-volume-mm3?",
    );
    refused(
        "by = \"components\"\nneighbours = 6\nmatch = \"same-value\"",
        "line 1: structure \"a\": its instances are matched by equal value, and are no values\nhint: by = \"values\", or \
         another match",
    );
    refused(
        "by = \"values\"\nmatch = \"touching\"\nconsolidation = 2",
        "line 1: structure \"a\": its instances are told apart by their values, and those that touch once grown are to \
         be one\nhint: by = \"components\", or remove the consolidation",
    );
}

#[test]
fn yaml_that_is_wrong_is_named_with_its_line() {
    let good = std::fs::read_to_string(formats().join("panoptica/brats_mets.yaml")).unwrap();
    let refused = |from: &str, to: &str, message: &str| {
        assert!(good.contains(from));
        refused("x.yaml", &good.replacen(from, to, 1), message);
    };
    refused(
        "!LabelGroup",
        "!LabelGruop",
        "line 37: unknown tag !LabelGruop\nhint: did you mean !LabelGroup?",
    );
    refused(
        "!LabelGroup",
        "!!python/object:os.system",
        "line 37: unknown tag !tag:yaml.org,2002:python/object:os.system\nhint: none of panoptica's classes",
    );
    refused(
        "value_labels: [3]",
        "value_labels: [70000]",
        "line 38: label \"et\": 70000 is no label value, which are whole numbers from 1 to 65535\nhint: mend the file, or \
         write the structures as TOML: hdbench structures show lits is one",
    );
    refused(
        "value_labels: [3]",
        "value_labels: [3, 3]",
        "line 38: label \"et\": holds 3 twice\nhint: mend the file, or write the structures as TOML: hdbench structures \
         show lits is one",
    );
    refused(
        "value_labels: [3]",
        "value_labels: &a [3]",
        "line 38: has an anchor or an alias, which are not taken\nhint: write in full what & and * stand for",
    );
    refused(
        "SEMANTIC",
        "SEMANTICS",
        "line 3: \"SEMANTICS\" is no InputType\nhint: one of SEMANTIC, UNMATCHED_INSTANCE, MATCHED_INSTANCE",
    );
    refused(
        "!Metric DSC",
        "!Metric DCS",
        "line 7: \"DCS\" is no metric of panoptica\nhint: did you mean DSC?",
    );
    refused(
        "0.000001",
        "50",
        "line 8: matching_threshold has to be a share from 0 to 1\nhint: matching_threshold: 0.5",
    );
    refused(
        "!Panoptica_Evaluator\n",
        "",
        "line 2: is no configuration of panoptica\nhint: it begins with !Panoptica_Evaluator",
    );
    let deep = format!("!Panoptica_Evaluator\na: {}", "[".repeat(100));
    let error = written("x.yaml", &deep).unwrap_err().to_string();
    assert!(
        error.starts_with("x.yaml: line 2: is nested more than 32 deep"),
        "{error}"
    );
    let large = format!("!Panoptica_Evaluator\na: {}", "x".repeat(1 << 20));
    let error = written("x.yaml", &large).unwrap_err().to_string();
    assert_eq!(
        error,
        "x.yaml: has more than 1 MB, which no set of structures has\nhint: is it another file?"
    );
}

#[test]
fn json_that_is_wrong_is_named() {
    const MEND: &str =
        "hint: mend the file, or write the structures as TOML: hdbench structures show lits is one";
    let refused = |content: &str, message: &str| refused("dataset.json", content, message);
    refused(
        r#"{"labels": {"background": 0, "a": 70000}}"#,
        &format!(
            "label \"a\": 70000 is no label value, which are whole numbers from 1 to 65535\n{MEND}"
        ),
    );
    refused(
        r#"{"labels": {"background": 0, "a": [1, 1]}}"#,
        &format!("label \"a\": holds 1 twice\n{MEND}"),
    );
    refused(
        r#"{"labels": {"a": 1, "a": 2}}"#,
        "labels has \"a\" twice\nhint: remove one of the two",
    );
    refused(
        r#"{"labels": {"a": "one"}}"#,
        "labels: \"a\" has no label value or list of them\nhint: \"liver\": 1, \"whole tumour\": [1, 2, 3], or the \
         Decathlon's \"1\": \"liver\"",
    );
    refused(
        r#"{"name": "another program's"}"#,
        "is JSON, and neither a dataset.json of nnU-Net or the Decathlon nor one of MIST's files\nhint: those have \
         labels, final_classes, or classes with labels each",
    );
    let deep = "[".repeat(1000);
    let error = written("x.json", &format!("{{\"a\": {deep}"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("recursion limit"), "{error}");
}

#[test]
fn a_damaged_file_is_read_or_refused() {
    for path in walkdir(&formats()) {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for (at, _) in text.char_indices().step_by(211) {
            for with in [
                "", "\"", "[", "{", "&a ", "!", "\t", "-", ": ", "\n", "#", "ä",
            ] {
                let damaged = format!("{}{with}{}", &text[..at], &text[at + 1..]);
                // Nothing else is asked than that it ends.
                let _ = written(name, &damaged);
            }
        }
    }
}
