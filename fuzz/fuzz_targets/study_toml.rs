//! Any text as a `study.toml`: an error by file and key, or a study that a start would take, and that is the
//! same once written and read again.
#![no_main]

use std::path::Path;

use handed_over::answer;
use hdbench::study::Study;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let path = Path::new("run/study.toml");
    let Some(study) = answer(path, Study::parse(text, path)) else {
        return;
    };
    study.check().expect("what a file may hold, a start takes");
    study.settings().check().expect("and so its settings");
    let scale = &study.scale;
    assert!(scale.patch.is_multiple_of(32) && scale.coarse_patch.is_multiple_of(16));
    assert!(
        scale
            .coarse_spacing_mm
            .iter()
            .all(|mm| (0.1..100.0).contains(mm))
    );
    assert!(scale.margin_mm.is_finite() && study.recipe.hu_mean.is_finite());
    assert!(study.recipe.hu_window[0] < study.recipe.hu_window[1]);
    let written = toml::to_string(&study).expect("what was read can be written");
    assert_eq!(Study::parse(&written, path).expect("and read again"), study);
});
