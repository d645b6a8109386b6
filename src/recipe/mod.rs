//! What is trained and how, as plain data: variants, the method (recipe) and the amount of work (scale).

mod explain;
mod fit;
mod method;
mod rules;
mod scale;
mod settings;
mod variant;

pub use explain::explain_recipes;
pub use hdbench_ground::range::{Count, Fault, Rule, Takes, first_fault};
pub use method::{
    Augmentation, BlockOrder, FrozenNorms, HybridInput, LesionRule, LiverRule, Recipe, RecipeName,
    Schedule, SliceBorder, StageMomentum, TestWindows, Upsampling, WindowWeights,
};
pub use rules::{RECIPE as RECIPE_RULES, SCALE as SCALE_RULES};
pub use scale::{DenseWidths, Scale, ScaleName};
pub use settings::{Arm, Settings, sweep};
pub use variant::Variant;
