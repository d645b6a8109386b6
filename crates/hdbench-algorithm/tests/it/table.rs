//! The table of an algorithm: what it takes, what is refused and how, what predictions follow from.

use std::collections::BTreeMap;

use hdbench_algorithm::{
    Algorithm, InputLayout, Missing, OtherLabels, Per, Runtime, find_prediction,
};
use hdbench_ground::range::Fault;

fn read(text: &str) -> Result<Algorithm, Fault> {
    Algorithm::of_table("theirs", &text.parse().unwrap())
}

/// Why a table is refused, when it is read or when it is checked; problem and hint.
fn refused(text: &str) -> (String, String) {
    let fault = read(text)
        .and_then(|read| read.check("theirs", &["unet"]))
        .unwrap_err();
    (fault.problem, fault.hint)
}

const RUN: &str = "run = [\"p\", \"{input}\", \"{output}\"]\n";

#[test]
fn every_key_is_read_and_written_again() {
    let text = r#"
        name = "nnU-Net 2d, fold 0"
        run = ["nnUNetv2_predict", "-i", "{input}", "-o", "{output}", "-f", "{fold}"]
        train = ["nnUNetv2_train", "{data}", "{model}"]
        image = "registry/team:1"
        runtime = "podman"
        input = "nnunet"
        labels = { 1 = "liver", 2 = "tumor" }
        other_labels = "background"
        version = ["nnUNetv2_predict", "--version"]
        trained_on = "LiTS/training"
        gpus = 1
        per = "folder"
        timeout = "30min"
        missing = "empty"
        memory = "16GB"
        processes = 500
        env = { nnUNet_results = "{model}" }
    "#;
    let algorithm = read(text).unwrap();
    algorithm.check("nnunet", &["unet"]).unwrap();
    assert_eq!(algorithm.title("nnunet"), "nnU-Net 2d, fold 0");
    assert_eq!(algorithm.input, InputLayout::Nnunet);
    assert_eq!(algorithm.runtime, Some(Runtime::Podman));
    assert_eq!(
        (algorithm.other_labels, algorithm.missing),
        (OtherLabels::Background, Missing::Empty)
    );
    assert_eq!(
        algorithm.timeout.as_ref().unwrap().duration().as_secs(),
        1800
    );
    let written = toml::to_string(&algorithm).unwrap();
    assert_eq!(
        toml::from_str::<Algorithm>(&written).unwrap(),
        algorithm,
        "{written}"
    );
    // All but `predictions`, which stands in the place of `run`.
    assert_eq!(
        text.parse::<toml::Table>().unwrap().len() + 1,
        Algorithm::KEYS.len()
    );
    let short = read(RUN).unwrap();
    assert_eq!(short.title("theirs"), "theirs");
    assert_eq!(
        (short.per, short.trained_on.as_str(), short.gpus),
        (Per::Folder, "unknown", 0)
    );
}

#[test]
fn predictions_that_were_made_elsewhere_stand_alone() {
    let elsewhere = read("predictions = \"/data/theirs\"\nmissing = \"empty\"").unwrap();
    elsewhere.check("theirs", &[]).unwrap();
    let written = toml::to_string(&elsewhere).unwrap();
    assert!(!written.contains("run"), "{written}");
    assert_eq!(toml::from_str::<Algorithm>(&written).unwrap(), elsewhere);
    let both =
        read("predictions = \"/data/theirs\"\nrun = [\"x\", \"{input}\", \"{output}\"]").unwrap();
    let fault = both.check("theirs", &[]).unwrap_err();
    assert!(
        fault.problem.contains("predictions and run"),
        "{}",
        fault.problem
    );
    let dir = tempfile::tempdir().unwrap();
    for name in ["segmentation-3.nii", "volume-4_0000.nii.gz"] {
        std::fs::write(dir.path().join(name), b"x").unwrap();
    }
    let found = |case: &str| {
        let path = find_prediction(dir.path(), case).ok()?;
        Some(path.file_name()?.to_string_lossy().into_owned())
    };
    assert_eq!(found("volume-3").as_deref(), Some("segmentation-3.nii"));
    assert_eq!(found("volume-4").as_deref(), Some("volume-4_0000.nii.gz"));
    assert_eq!(found("volume-5"), None);
}

#[test]
fn a_slip_is_told_with_what_may_have_been_meant() {
    for (text, problem, hint) in [
        (
            "lables = { 1 = \"liver\" }",
            "has a key \"lables\" that is not known",
            "did you mean labels?",
        ),
        (
            "runs = []",
            "has a key \"runs\" that is not known",
            "did you mean run?",
        ),
        (
            "",
            "has no run",
            "say what is started: run = [\"PROGRAM\", \"{input}\", \"{output}\"]",
        ),
        (
            "run = \"predict {input} {output}\"",
            "run is a text, expected a list of arguments: no shell reads it",
            "write run = [\"predict\", \"{input}\", \"{output}\"]",
        ),
        (
            "run = []",
            "run is empty",
            "say what is started: run = [\"PROGRAM\", ...]",
        ),
        (
            "run = [\"predict {input} {output}\"]",
            "run has one text with blanks, expected a list of arguments: no shell reads it",
            "write run = [\"predict\", \"{input}\", \"{output}\"]",
        ),
        (
            "run = [\"p\", \"{input}\"]",
            "run asks for no {output}",
            "give it the folder: \"{output}\" as an argument, alone or in one",
        ),
        (
            "run = [\"p\", \"{inptu}\", \"{output}\"]",
            "run: {inptu} in \"{inptu}\" is no placeholder here",
            "did you mean {input}?; braces themselves are written {{ and }}",
        ),
        (
            "run = [\"p\", \"{input}\", \"{output}/{case}.nii\"]",
            "run: {case} in \"{output}/{case}.nii\" is no placeholder here: it is started once for all cases",
            "say per = \"case\", or give it the folders alone",
        ),
        (
            "run = [\"p\", \"{input}\", \"{output}\"]\nversion = [\"p\", \"{inptu}\"]",
            "version: {inptu} in \"{inptu}\" is no placeholder here",
            "it takes none: nothing is laid out when it is started; braces themselves are written {{ and }}",
        ),
    ] {
        let found = refused(text);
        assert_eq!(
            found,
            (format!("[algorithm.theirs] {problem}"), hint.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn values_that_mean_nothing_are_refused() {
    for (text, problem) in [
        (
            "per = \"slice\"",
            "unknown variant `slice`, expected `folder` or `case`",
        ),
        ("labels = { 1 = \"kidney\" }", "unknown variant `kidney`"),
        (
            "labels = { 0 = \"liver\" }",
            "\"0\" is no number of a label, expected 1 to 65535 (0 is background)",
        ),
        ("labels = { }", "labels is empty"),
        (
            "timeout = \"30\"",
            "\"30\" is no time, expected a number above 0 with s, min, h or d",
        ),
        ("memory = \"many\"\nimage = \"x\"", "\"many\" is no size"),
        (
            "memory = \"1GB\"",
            "memory is for images, and image is not set",
        ),
        (
            "runtime = \"docker\"",
            "runtime is for images, and image is not set",
        ),
        (
            "image = \"--privileged\"",
            "image \"--privileged\" is no name of an image",
        ),
        (
            "image = \"/r\"\nruntime = \"bubblewrap\"\nmemory = \"1GB\"",
            "bubblewrap bounds neither memory",
        ),
        (
            "env = { \"A=B\" = \"\" }",
            "env: \"A=B\" is no name of a variable",
        ),
        (
            "env = { TMPDIR = \"/x\" }",
            "env: TMPDIR is set by the harness",
        ),
        (
            "env = { A = \"{model}\" }",
            "env: A: {model} in \"{model}\" is no placeholder here",
        ),
        (
            "train = [\"t\", \"{input}\"]",
            "train: {input} in \"{input}\" is no placeholder here",
        ),
        ("trained_on = \"\"", "trained_on is empty"),
        ("trained_on = \" \"", "trained_on is empty"),
        ("name = \"\"", "name is empty"),
        (
            "version = [\"t\", \"{fold}\"]",
            "version: {fold} in \"{fold}\" is no placeholder here",
        ),
    ] {
        let (found, _) = refused(&format!("{RUN}{text}"));
        assert!(
            found.starts_with("[algorithm.theirs] ") && found.contains(problem),
            "{text}: {found}"
        );
    }
    // In a container the folders have names that can be written out.
    read("run = [\"p\", \"/input\", \"/output\"]\nimage = \"x\"")
        .unwrap()
        .check("theirs", &[])
        .unwrap();
}

#[test]
fn a_name_of_a_row_is_a_folder_that_nobody_has() {
    let algorithm = read(RUN).unwrap();
    for (id, problem) in [
        ("", "is no name of a row"),
        ("_encoder", "is no name of a row"),
        ("a/b", "is no name of a row"),
        ("a.b", "is no name of a row"),
        ("UNet", "has the name of the row unet"),
    ] {
        let fault = algorithm.check(id, &["unet"]).unwrap_err();
        assert!(fault.problem.contains(problem), "{id}: {}", fault.problem);
    }
    algorithm.check("nnunet-2d_x", &["unet"]).unwrap();
}

#[test]
fn two_rows_of_a_file_are_two_folders_everywhere() {
    let tables = |names: &[&str]| {
        let table = |name: &&str| ((*name).to_owned(), read(RUN).unwrap());
        names.iter().map(table).collect::<BTreeMap<_, _>>()
    };
    Algorithm::check_together(&tables(&["a", "b", "c"]), &["unet"]).unwrap();
    for (names, problem) in [
        (
            &["a", "A", "b"][..],
            "[algorithm.a] has the name of the row A",
        ),
        (
            &["b", "nnUNet", "nnunet"],
            "[algorithm.nnunet] has the name of the row nnUNet",
        ),
        (
            &["a", "UNET"],
            "[algorithm.UNET] has the name of the row unet",
        ),
    ] {
        let fault = Algorithm::check_together(&tables(names), &["unet"]).unwrap_err();
        assert_eq!(fault.problem, problem);
        assert!(fault.hint.starts_with("give it another"), "{}", fault.hint);
    }
    // What is wrong with any of them is told as well.
    let mut wrong = tables(&["a", "b"]);
    wrong.get_mut("b").unwrap().trained_on = String::new();
    let fault = Algorithm::check_together(&wrong, &[]).unwrap_err();
    assert_eq!(fault.problem, "[algorithm.b] trained_on is empty");
}

#[test]
fn unknown_keys_are_told_through_a_larger_file_too() {
    #[derive(serde::Deserialize, Debug)]
    struct Study {
        #[allow(dead_code, reason = "read for its error")]
        algorithm: BTreeMap<String, Algorithm>,
    }
    let error = toml::from_str::<Study>("[algorithm.a]\nrun = [\"x\"]\nlables = 1\n").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("\"lables\" that is not known; did you mean labels?"),
        "{error}"
    );
}

#[test]
fn a_hash_holds_what_predictions_follow_from_and_nothing_else() {
    let plain = read(RUN).unwrap().hash_text();
    assert_eq!(
        plain,
        r#"{"run":["p","{input}","{output}"],"labels":{"1":"liver","2":"lesion"}}"#
    );
    for same in [
        "name = \"x\"",
        "timeout = \"1h\"",
        "trained_on = \"LiTS\"",
        "labels = { 2 = \"tumour\", 1 = \"liver\" }",
        "input = \"nifti\"",
        "gpus = 1",
        "version = [\"v\"]",
    ] {
        assert_eq!(
            read(&format!("{RUN}{same}")).unwrap().hash_text(),
            plain,
            "{same}"
        );
    }
    for other in [
        "train = [\"t\"]",
        "image = \"x\"",
        "input = \"mha\"",
        "labels = { 1 = \"liver\" }",
        "other_labels = \"background\"",
        "per = \"case\"",
        "missing = \"empty\"",
        "env = { A = \"b\" }",
    ] {
        assert_ne!(
            read(&format!("{RUN}{other}")).unwrap().hash_text(),
            plain,
            "{other}"
        );
    }
}
