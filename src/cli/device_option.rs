//! `--device`, which takes `auto` beside the names of devices.

use super::output::tell;
use crate::error::Result;
use crate::network::{DeviceSpec, DeviceSpecs};

/// A device by its name, or the one that `auto` finds, which is told.
///
/// # Errors
/// `Error::Usage` for what is no device.
pub fn device(name: &str) -> Result<DeviceSpec> {
    if name != "auto" {
        return name.parse();
    }
    let (place, reason) = DeviceSpec::automatic();
    tell(&format!("note: --device auto takes {place}: {reason}"));
    Ok(place)
}

/// Some devices of one kind, or the one that `auto` finds.
///
/// # Errors
/// `Error::Usage` for what is no list of devices.
pub fn devices(list: &str) -> Result<DeviceSpecs> {
    match list {
        "auto" => device(list).map(DeviceSpecs::from),
        list => list.parse(),
    }
}
