//! The rules of the fields of recipe and scale.

use hdbench_ground::range::{Count, Rule};

const SHARE: &str = "it is a share of the whole";
const DROPOUT: &str = "a share of the values; at 1 nothing would be left";
const EPSILON: &str =
    "it keeps a division from zero in 32-bit numbers, and is small beside a variance";
const MOMENTUM_OF_NORMS: &str = "at 0 running statistics never move, above 1 they swing";
const RATE: &str = "at 0 nothing is learned, above a step leaves 32-bit numbers";
const THRESHOLD: &str = "a probability; at 0 every voxel would pass";
const HU: &str = "HU are kept as 16-bit numbers";
const WIDTH: &str =
    "a layer without channels carries nothing; four times the paper's widest is enough";
const DEPTH: &str = "the networks halve it twice; a patch has to fit into memory";
const PATCH: &str = "a patch has to fit into memory";
const ITERATIONS: &str =
    "a network that is not trained answers noise; the paper's is a thousandth of the most";

const LAYERS: &str = "a block without layers is none; the paper's deepest has 36";

const LEVELS: Count = Count::Exactly(5);
const BLOCKS: Count = Count::Exactly(4);

/// Every field of a recipe but its name.
pub const RECIPE: &[Rule] = &[
    Rule::whole("patch_depth", 4, 512, DEPTH)
        .in_steps(4)
        .in_unit("slices"),
    Rule::whole(
        "outer_slices_dropped",
        0,
        255,
        "some slices have to be left",
    )
    .in_unit("slices"),
    Rule::one_of("upsampling", &["linear", "nearest"]),
    Rule::one_of("decoder_order", ORDERS),
    Rule::yes_no("classifier_norm"),
    Rule::yes_no("encoder_final_norm"),
    Rule::number("encoder_norm_epsilon", 1e-12, 1.0, EPSILON),
    Rule::number("decoder_norm_epsilon", 1e-12, 1.0, EPSILON),
    Rule::number("norm_momentum", 1e-6, 1.0, MOMENTUM_OF_NORMS),
    Rule::yes_no("scale_layers_counted"),
    Rule::yes_no("skips_2d"),
    Rule::yes_no("hybrid_skips"),
    Rule::one_of("hybrid_starts_from", &["denseunet2d", "densenet2d"]),
    Rule::one_of("hybrid_input.kind", &["probabilities", "logits"]),
    Rule::number(
        "hybrid_input.factor",
        1e-3,
        1e6,
        "HU are divided by it, or logits multiplied with it; neither may vanish",
    ),
    Rule::one_of("slice_border", &["replicated", "zero"]),
    Rule::one_of("fusion_order", ORDERS),
    Rule::number("dropout_2d", 0.0, 0.99, DROPOUT),
    Rule::number("dropout_fusion_volume_stage", 0.0, 0.99, DROPOUT),
    Rule::number("dropout_fusion_joint_stage", 0.0, 0.99, DROPOUT),
    Rule::number(
        "joint_loss_2d_weight",
        0.0,
        1000.0,
        "a loss of negative weight is driven up; one so heavy hides the other",
    ),
    Rule::number(
        "class_weights",
        1e-6,
        1e4,
        "a class without weight is not learned, one of negative weight is unlearned",
    )
    .times(Count::Exactly(3)),
    Rule::number("learning_rate", 1e-12, 1e30, RATE),
    Rule::one_of("schedule.kind", &["polynomial", "constant"]),
    Rule::number(
        "schedule.power",
        0.0,
        10.0,
        "the rate falls with it, to nothing where it is large",
    ),
    Rule::number(
        "momentum",
        0.0,
        0.9999,
        "at 1 no gradient is ever forgotten",
    ),
    Rule::yes_no("nesterov"),
    Rule::number(
        "dampening",
        0.0,
        0.9999,
        "at 1 only the first gradient counts",
    ),
    Rule::one_of("frozen_norms", &["none", "released"]),
    Rule::number(
        "joint_rate",
        1e-6,
        1000.0,
        "a share of the other stages' rate; at 0 the joint stage learns nothing",
    ),
    Rule::one_of("stage_momentum", &["zero", "kept"]),
    Rule::one_of("augmentation", &["mirror", "dihedral"]),
    Rule::number(
        "zoom",
        0.1,
        10.0,
        "a patch is cut from this multiple of its own size",
    )
    .times(Count::Exactly(2)),
    Rule::number("lesion_centres", 0.0, 1.0, SHARE),
    Rule::yes_no("only_patches_with_all_classes"),
    Rule::number("warm_up", 0.0, 1.0, SHARE),
    Rule::one_of("liver_rule", &["organ", "liver-or-lesion"]),
    Rule::number("liver_threshold", 1e-6, 1.0, THRESHOLD),
    Rule::number("lesion_threshold", 1e-6, 1.0, THRESHOLD),
    Rule::one_of("lesions_inside", &["final-liver", "dilated-coarse"]),
    Rule::one_of("test_windows", &["liver-box", "full-plane"]),
    Rule::number(
        "window_step",
        0.05,
        1.0,
        "a share of the window; above 1 voxels would be left out, and at 0.05 each is answered 8000 times",
    )
    .times(Count::Exactly(2)),
    Rule::one_of("window_weights.kind", &["flat", "tent", "gaussian"]),
    Rule::number(
        "window_weights.sigma",
        0.05,
        10.0,
        "a share of the window; below, its ends count for nothing in 32-bit numbers",
    ),
    Rule::number("hu_window", -32_000.0, 32_000.0, HU)
        .times(Count::Exactly(2))
        .in_unit("HU"),
    Rule::number("hu_mean", -32_000.0, 32_000.0, HU).in_unit("HU"),
];

const ORDERS: &[&str] = &["norm-first", "conv-first"];

/// Every field of a scale but its name.
pub const SCALE: &[Rule] = &[
    Rule::whole("dense_2d.stem", 1, 1024, WIDTH).in_unit("channels"),
    Rule::whole("dense_2d.growth", 1, 512, WIDTH).in_unit("channels"),
    Rule::whole("dense_2d.blocks", 1, 64, LAYERS).times(BLOCKS),
    Rule::whole("dense_2d.decoder", 1, 4096, WIDTH)
        .times(LEVELS)
        .in_unit("channels"),
    Rule::whole("dense_3d.stem", 1, 1024, WIDTH).in_unit("channels"),
    Rule::whole("dense_3d.growth", 1, 512, WIDTH).in_unit("channels"),
    Rule::whole("dense_3d.blocks", 1, 64, LAYERS).times(BLOCKS),
    Rule::whole("dense_3d.decoder", 1, 4096, WIDTH)
        .times(LEVELS)
        .in_unit("channels"),
    Rule::whole("unet", 1, 4096, WIDTH)
        .times(LEVELS)
        .in_unit("channels"),
    Rule::whole("residual", 1, 4096, WIDTH)
        .times(LEVELS)
        .in_unit("channels"),
    Rule::whole("coarse", 1, 4096, WIDTH)
        .times(LEVELS)
        .in_unit("channels"),
    Rule::whole("patch", 32, 4096, PATCH)
        .in_steps(32)
        .in_unit("pixels"),
    Rule::whole(
        "working_matrix",
        32,
        4096,
        "no CT has more pixels, and on fewer a liver is a few",
    )
    .in_unit("pixels"),
    Rule::whole("depth", 4, 512, DEPTH)
        .in_steps(4)
        .in_unit("slices"),
    Rule::whole("batch", 1, 4096, "a batch has to fit into memory").in_unit("slices"),
    Rule::whole("iterations", 1, 100_000_000, ITERATIONS),
    Rule::number("volume_stage", 0.0, 1.0, SHARE),
    Rule::whole(
        "encoder_cases",
        1,
        10_000,
        "phantoms are drawn and kept in the cache",
    ),
    Rule::whole("encoder_iterations", 1, 100_000_000, ITERATIONS),
    Rule::whole("coarse_iterations", 1, 100_000_000, ITERATIONS),
    Rule::number(
        "coarse_spacing_mm",
        0.5,
        20.0,
        "finer grids do not fit into memory, on coarser ones a liver is a few voxels",
    )
    .times(Count::Exactly(3))
    .in_unit("mm"),
    Rule::whole("coarse_patch", 16, 4096, PATCH)
        .in_steps(16)
        .in_unit("pixels"),
    Rule::number("learning_rate", 1e-12, 1e30, RATE),
    Rule::number("norm_momentum", 1e-6, 1.0, MOMENTUM_OF_NORMS),
    Rule::number("lesion_threshold", 1e-6, 1.0, THRESHOLD),
    Rule::number(
        "margin_mm",
        0.0,
        500.0,
        "room around the liver; no body is wider",
    )
    .in_unit("mm"),
];
