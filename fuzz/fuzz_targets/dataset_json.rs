//! Any bytes as the `dataset.json` of a folder in nnU-Net's layout with two cases: cases, or an error by
//! file or folder.
#![no_main]

use handed_over::file;
use hdbench::dataset;
use hdbench::error::ExitCode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("dataset.json", bytes);
    let folder = path.parent().expect("a file lies in a folder");
    for (below, names) in [
        ("imagesTr", ["a_0000.nii.gz", "b_0000.nii.gz"]),
        ("labelsTr", ["a.nii.gz", "b.nii.gz"]),
    ] {
        let below = folder.join(below);
        if !below.is_dir() {
            std::fs::create_dir_all(&below).expect("the temporary folder can be written");
            for name in names {
                std::fs::write(below.join(name), b"").expect("the temporary folder can be written");
            }
        }
    }
    match dataset::find(folder) {
        Ok(found) => {
            let names: Vec<&str> = found.all_cases().map(|case| case.name.as_str()).collect();
            assert!(names.iter().all(|name| !name.is_empty()));
        }
        Err(error) => {
            assert!(
                matches!(error.exit_code(), ExitCode::BadInput | ExitCode::Usage),
                "{error:?}"
            );
            let text = error.to_string();
            assert!(text.contains(&*folder.to_string_lossy()), "{text}");
            assert!(text.len() < 16_384, "{} bytes of an error", text.len());
        }
    }
});
