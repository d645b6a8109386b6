//! What is trained and how, as plain data: variants, the method (recipe) and the amount of work (scale).

mod explain;
mod method;
mod scale;
mod settings;
mod variant;

pub use explain::explain_recipes;
pub use method::{
    Augmentation, BlockOrder, FrozenNorms, HybridInput, LesionRule, LiverRule, Recipe, RecipeName,
    Schedule, SliceBorder, TestWindows, Upsampling,
};
pub use scale::{DenseWidths, Scale, ScaleName};
pub use settings::{Arm, Settings, sweep};
pub use variant::Variant;
