//! What is scored: named sets of label values, how they fall into instances, and where they are read from.
//!
//! Plain data and its readers; nothing here looks at a voxel. A module uses only modules above it in this list.

mod problem;
mod word;
mod values;
mod name;
mod instances;
mod empty;
mod metric_word;
mod set;
mod argument;
mod toml;
mod import;
mod built_in;
mod find;

pub use built_in::{built_in, built_in_names, built_in_text};
pub use empty::{Becomes, EmptyRule, Situation};
pub use find::{above, beside, find, is_of_liver_and_tumour, read};
pub use instances::{
    Agreement, Assignment, Bound, Dilation, Instances, InstancesBy, Matching, MinVolume, Score,
};
pub use metric_word::is_instance_metric;
pub use name::check_name;
pub use set::{Structure, StructureSet};
pub use values::Values;
pub use word::Word;
