/// In the study's folder: the GPU kernels that were measured as the fastest, so that a cell that goes on takes the same.
pub const KERNELS: &str = "kernels";
