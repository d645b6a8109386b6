//! Statistics over cases: intervals by the bootstrap, paired tests, corrections, rank agreement. Pure
//! functions of numbers; what is random comes from a named stream of a seed.

mod bootstrap;
mod bootstrap_t;
mod friedman;
mod holm;
mod kendall;
mod kruskal;
mod median_interval;
mod moments;
mod rounding;
mod student;
mod wilcoxon;

pub use bootstrap::{
    BootstrapMeans, RESAMPLES, Resampling, bca, bootstrap_mean, bootstrap_means, mean_interval,
    mean_intervals,
};
pub use bootstrap_t::{BootstrapT, COUNTED};
pub use friedman::{Friedman, mean_ranks};
pub use hdbench_score::{median, quantile};
pub use holm::holm;
pub use kendall::kendall_tau;
pub use kruskal::kruskal;
pub use median_interval::median_interval;
pub use moments::{mean, sample_sd};
pub use rounding::rounding;
pub use student::{ACCEPTED, Claim, claim, t_interval};
pub use wilcoxon::{SignedDifferences, SignedRank, wilcoxon};
