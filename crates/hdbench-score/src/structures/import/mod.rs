//! Other programs' files: what is scored becomes ours, and what could not be taken over a note.

mod json;
mod yaml;
mod draft;
mod dataset;
mod mist;
mod panoptica_metric;
mod panoptica_instances;
mod panoptica;
mod recognise;

pub(super) use recognise::{Format, dataset as read_dataset, read};
