//! What fields of a recipe and a scale ask of each other: what the networks need to be built, and what keeps
//! them within a machine.

use hdbench_ground::range::Fault;

use super::{DenseWidths, Recipe, Scale, TestWindows, Variant};

/// Weights a network may have: twenty times the paper's largest.
const MOST_WEIGHTS: f64 = 1e9;

/// Values a feature map may have, because kernels count them in 32 bits.
const MOST_VALUES: f64 = (1_u64 << 31) as f64;

/// What is wrong with fields that are each what they should be.
pub fn fault(recipe: &Recipe, scale: &Scale) -> Option<Fault> {
    let needs = skips(recipe, scale)
        .into_iter()
        .chain(windows(recipe, scale));
    let broken = needs.into_iter().find(|(holds, ..)| !holds);
    let broken = broken.map(|(_, problem, hint)| Fault::new(problem, hint));
    broken.or_else(|| too_large(recipe, scale))
}

/// A need, whether it is met, and what helps where it is not.
type Need = (bool, &'static str, &'static str);

fn skips(recipe: &Recipe, scale: &Scale) -> [Need; 5] {
    let origin_has_skips = recipe.hybrid_starts_from == Variant::DenseUNet2d && recipe.skips_2d;
    [
        (
            origin_has_skips == recipe.hybrid_skips,
            "hybrid_skips has to be what the 2-D net has that the hybrid starts from",
            "set hybrid_starts_from to densenet2d for none, to denseunet2d (with skips_2d) for some",
        ),
        (
            matches!(
                recipe.hybrid_starts_from,
                Variant::DenseUNet2d | Variant::DenseNet2d
            ),
            "hybrid_starts_from takes a 2-D net that starts from the encoder",
            "denseunet2d or densenet2d",
        ),
        (
            scale.dense_2d.decoder[4] == scale.dense_3d.decoder[4],
            "the last decoder widths of dense_2d and dense_3d are summed and have to agree",
            "give both the same",
        ),
        (
            !recipe.skips_2d || scale.dense_2d.decoder[..3] == scale.dense_2d.skips(),
            "the first three decoder widths of dense_2d have to be those of its skip connections",
            "the channels after dense blocks 2 and 1, then the stem's",
        ),
        (
            scale.dense_3d.decoder[1..4] == scale.dense_3d.skips(),
            "decoder widths 2 to 4 of dense_3d have to be those of its skip connections",
            "the channels after dense blocks 2 and 1, then the stem's",
        ),
    ]
}

fn windows(recipe: &Recipe, scale: &Scale) -> [Need; 4] {
    let depth = scale.depth.unwrap_or(recipe.patch_depth);
    let left = depth.saturating_sub(2 * recipe.outer_slices_dropped);
    let [low, high] = recipe.hu_window;
    let [smallest, largest] = recipe.zoom;
    [
        (
            left > 0,
            "the depth of a patch has to be more than the slices dropped at its two ends",
            "set scale.depth, or recipe.patch_depth where the scale has none",
        ),
        (
            // Only windows of the whole plane leave slices out.
            recipe.test_windows != TestWindows::FullPlane
                || left >= ((depth as f64 * recipe.window_step[0]) as usize).max(1),
            "outer_slices_dropped leaves slices between two windows that no window answers for",
            "window_step of the patch's depth has to be left between its dropped slices",
        ),
        (
            low + 1.0 <= high,
            "hu_window has to begin at least 1 HU below its end",
            "write the lower end first, e.g. hu_window=[-200, 250]",
        ),
        (
            smallest <= largest,
            "zoom has to begin at or below its end",
            "write the smaller first, e.g. zoom=[0.8, 1.2]",
        ),
    ]
}

fn too_large(recipe: &Recipe, scale: &Scale) -> Option<Fault> {
    let (two, three) = (&scale.dense_2d, &scale.dense_3d);
    let weights = [
        ("dense_2d", dense_weights(two, 9.0)),
        ("dense_3d", dense_weights(three, 27.0)),
        ("unet", level_weights(&scale.unet)),
        ("residual", level_weights(&scale.residual)),
        ("coarse", level_weights(&scale.coarse)),
    ];
    if let Some((key, count)) = weights.iter().find(|(_, count)| *count > MOST_WEIGHTS) {
        return Some(Fault::new(
            format!(
                "{key} makes a network of about {:.0} million weights; at most {:.0} million are trained here",
                count / 1e6,
                MOST_WEIGHTS / 1e6
            ),
            "the widths of scale full are the paper's; `hdbench explain recipe` lists them",
        ));
    }
    let plane = |side: usize| (side * side) as f64;
    let slices = scale.batch as f64 * plane(scale.patch);
    let volume = scale.depth.unwrap_or(recipe.patch_depth) as f64 * plane(scale.patch);
    let coarse = scale.batch as f64 * plane(scale.coarse_patch);
    // Two maps are joined at the finest level of the nets of levels, at half the size of the others.
    let values = [
        ("batch, patch and unet", slices * joined(&scale.unet)),
        (
            "batch, patch and residual",
            slices * joined(&scale.residual),
        ),
        ("batch, patch and dense_2d", slices * finest(two)),
        ("depth, patch and dense_3d", volume * finest(three)),
        (
            "batch, coarse_patch and coarse",
            coarse * joined(&scale.coarse),
        ),
    ];
    let (keys, count) = values.iter().find(|(_, count)| *count > MOST_VALUES)?;
    Some(Fault::new(
        format!(
            "{keys} make a feature map of {:.0} million values; at most {:.0} million can be counted",
            count / 1e6,
            MOST_VALUES / 1e6
        ),
        "make one of them smaller",
    ))
}

/// Channels of the finest level, both maps that are joined there.
fn joined(levels: &[usize; 5]) -> f64 {
    (levels[0] + levels[0].max(levels[1])) as f64
}

/// Channels at the size of the patch, or what comes to as many.
fn finest(widths: &DenseWidths) -> f64 {
    let [first, ..] = widths.block_outputs();
    let [.., fourth, fifth] = widths.decoder;
    let quarter = widths.stem.max(first / 4) as f64 / 4.0;
    (fourth.max(fifth) as f64).max(quarter)
}

/// About as many weights as a DenseUNet has; `kernel` values in a small one.
fn dense_weights(widths: &DenseWidths, kernel: f64) -> f64 {
    let growth = widths.growth as f64;
    let mut channels = widths.stem as f64;
    let mut sum = 0.0;
    for &layers in &widths.blocks {
        for _ in 0..layers {
            sum += 4.0 * growth * (channels + growth * kernel);
            channels += growth;
        }
        sum += channels * channels / 2.0;
        channels = (channels / 2.0).floor();
    }
    let mut current = widths.block_outputs()[3] as f64;
    for &out in &widths.decoder {
        sum += current * out as f64 * kernel;
        current = out as f64;
    }
    sum
}

/// About as many weights as a net of five levels has, three convolutions each way.
fn level_weights(levels: &[usize; 5]) -> f64 {
    let levels = levels.map(|channels| channels as f64);
    let deeper = levels.windows(2).map(|pair| {
        let [fine, coarse] = [pair[0], pair[1]];
        let down = fine * coarse + 2.0 * coarse * coarse;
        let up = (fine + coarse) * fine + 2.0 * fine * fine;
        9.0 * (down + up)
    });
    deeper.sum::<f64>() + 18.0 * levels[0] * levels[0]
}
