//! 3DIRCADb-01 as it is downloaded: DICOM series and masks, in folders or in zip archives.

mod facts;
mod find;
mod layout;
mod load;

pub use facts::{PatientFacts, facts};
pub use find::{Patient, find};
