//! How is somebody else's algorithm run, measured, and its output taken?
//!
//! An [`Algorithm`] is a table `[algorithm.ID]` of a study's file: a list of arguments, never a shell. [`run()`] lays its
//! input out, starts it (or its container), watches the tree of its processes and tells of every output;
//! [`take()`] reads one, checks it against its CT and maps its numbers to liver and lesion.
//!
//! ```no_run
//! use std::path::{Path, PathBuf};
//!
//! use hdbench_algorithm::{Algorithm, CaseInput, Container, Job, Output, Watch, run, take};
//! use hdbench_ground::error::Result;
//!
//! struct Cell {
//!     algorithm: Algorithm,
//! }
//!
//! impl Watch for Cell {
//!     fn output(&self, output: &Output<'_>) -> Result<bool> {
//!         match take(output.path, output.image, &self.algorithm) {
//!             // Here it would be written to the cell's predictions.
//!             Ok(taken) => println!("{}: {:?}", output.case, taken.labels.voxels.dim()),
//!             Err(_) if output.early => return Ok(false),
//!             Err(error) => println!("{}: {error}", output.case),
//!         }
//!         Ok(true)
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let table: toml::Table = r#"
//!     name = "Threshold"
//!     run = ["sh", "/opt/threshold.sh", "{input}/{case}.nii.gz", "{output}/{case}.nii.gz"]
//!     per = "case"
//!     timeout = "5min"
//! "#
//! .parse()
//! .expect("TOML");
//! let algorithm = Algorithm::of_table("threshold", &table).map_err(|fault| fault.of_flag())?;
//! algorithm.check("threshold", &["unet", "hdenseunet"]).map_err(|fault| fault.of_flag())?;
//! let container = Container::find(&algorithm)?;
//! let cell = Cell { algorithm };
//! let ran = run(
//!     &Job {
//!         id: "threshold",
//!         algorithm: &cell.algorithm,
//!         container: container.as_ref(),
//!         cases: &[CaseInput { name: "volume-3".into(), image: PathBuf::from("LiTS/volume-3.nii") }],
//!         scratch: Path::new("RUN/threshold/fold_0/seed_0/scratch"),
//!         log: Path::new("RUN/threshold/fold_0/seed_0/algorithm.log"),
//!         model: None,
//!         fold: 0,
//!         seed: 0,
//!         threads: 2,
//!         device: "cpu",
//!         gpus: &[],
//!     },
//!     &cell,
//! )?;
//! for case in &ran.cases {
//!     match &case.failure {
//!         Some(failure) => println!("{}: {failure}", case.case),
//!         None => println!("{}: {:?}", case.case, case.measured),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A module uses only modules above it in this list.

mod system;
mod table;
mod measured;
mod failure;
mod container;
mod job;
mod input;
mod watch;
mod run;
mod take;

pub use container::image::Container;
pub use failure::{Failure, FailureCause, grouped};
pub use input::staged::{refuse_inputs, staged_names};
pub use input::training::{TrainingCase, stage_training};
pub use job::{CaseInput, CaseRan, Job, Output, Ran, Watch};
pub use measured::Measured;
pub use run::cases::run;
pub use run::outputs::find_prediction;
pub use run::train::train;
pub use run::version::version_of;
pub use table::algorithm::{Algorithm, InputLayout, Missing, OtherLabels, Per};
pub use table::labels::{LabelTable, Tissue};
pub use table::placeholder::Placeholder;
pub use table::quantity::{ByteSize, Span};
pub use table::runtime::Runtime;
pub use take::{Taken, take};
