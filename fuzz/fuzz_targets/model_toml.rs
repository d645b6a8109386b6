//! Any text as a `model.toml`: an error by file and key, or settings that a network can be built from.
#![no_main]

use std::path::Path;

use handed_over::answer;
use hdbench::network::{Bundle, summarise};
use hdbench::recipe::Settings;
use libfuzzer_sys::fuzz_target;

/// Weights of a network that is summarised: counting them takes no time, walking a large one does.
const MOST_CHANNELS: usize = 64;

fuzz_target!(|text: &str| {
    let path = Path::new("m/model.toml");
    let Some(bundle) = answer(path, Bundle::parse(text, path)) else {
        return;
    };
    let settings = Settings {
        recipe: bundle.recipe.clone(),
        scale: bundle.scale.clone(),
    };
    settings.check().expect("what a file may hold, a flag may");
    let scale = &bundle.scale;
    let small = [&scale.dense_2d, &scale.dense_3d]
        .iter()
        .all(|widths| widths.blocks.iter().all(|&n| n <= 4) && widths.stem <= MOST_CHANNELS)
        && [scale.unet, scale.residual, scale.coarse]
            .iter()
            .flatten()
            .all(|&n| n <= MOST_CHANNELS);
    if small {
        let summary = summarise(bundle.part, &bundle.recipe, scale);
        assert!(summary.parameters.trainable > 0);
    }
});
