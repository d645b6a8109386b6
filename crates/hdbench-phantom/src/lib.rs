//! Deterministic abdominal CT phantoms in Hounsfield units, written in the LiTS layout.
//!
//! They exist to train and test real networks where no patient data may be had: the anatomy is
//! drawn from implicit shapes bent by noise fields, never copied from a scan, and scores on them
//! say nothing about patients.
//!
//! Anatomy lives in its own frame: the unit is half the body's width; x points to the patient's
//! left, y to the back, z to the head. The in-plane unit follows from the field of view
//! (`matrix * spacing`), so that 512 pixels of 0.55 to 1.0 mm hold a life-size abdomen and
//! 128 pixels one of a quarter of that size. Along z the abdomen is stretched or squeezed where
//! the slice spacing would otherwise leave fewer than [`Spec::min_slices`] or more than
//! [`Spec::max_slices`] slices.
//!
//! Every number comes from a stream named after the organ and indexed by the case, so case `i` is
//! the same bytes whatever the number of cases or threads.

mod spec;
mod field;
mod shape;
mod acquisition;
mod plane;
mod body;
mod tissue;
mod liver;
mod gut;
mod viscera;
mod vessel;
mod lesion;
mod render;
mod dicom;
mod store;
mod preview;

pub use acquisition::{Orientation, Phase};
pub use lesion::LesionKind;
pub use plane::Organ;
pub use preview::preview_png;
pub use render::{LesionFacts, Phantom, generate};
pub use spec::{PhantomKind, Spec};
pub use store::{CaseFacts, RECORD_FILE, Summary, is_complete, write};
