//! Where CubeCL keeps which kernels it measured as the fastest.

use std::path::Path;

/// Keeps the kernels that are measured from now on in a folder, or with `None` in the user's cache. Before a device is
/// opened; the first call of a process counts, and what the user has set in CubeCL's own file or environment goes before.
#[cfg(feature = "cubecl")]
pub fn keep_kernels_in(folder: Option<&Path>) {
    use burn::cubecl::config::cache::CacheConfig;
    use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig as _};

    let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
    if matches!(config.environment.path, CacheConfig::Target) {
        config.environment.path = match folder {
            Some(folder) => CacheConfig::Directory(folder.to_path_buf()),
            None => CacheConfig::Global,
        };
    }
    CubeClRuntimeConfig::try_set(config);
}

/// Nothing: this binary has no device of CubeCL.
#[cfg(not(feature = "cubecl"))]
pub fn keep_kernels_in(_folder: Option<&Path>) {}
