//! Statistics against independent tools, and scores as other programs leave them.

mod statistics;
mod trainer_folder;
