use std::fmt;
use std::str::FromStr;

use super::device::DeviceSpec;
use crate::error::{Error, Result};

/// More devices than any machine has: a list or range of more is a slip, and was tried one by one.
const MOST_DEVICES: usize = 64;

/// Devices of one kind, as `--device` lists them: `cuda:0`, `cuda:0-3`, `flex,flex`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSpecs(Vec<DeviceSpec>);

impl DeviceSpecs {
    /// At least one, all of the same kind.
    pub fn all(&self) -> &[DeviceSpec] {
        &self.0
    }

    /// The first.
    pub fn first(&self) -> DeviceSpec {
        self.0[0]
    }

    /// Groups of devices that each work on a cell of their own, a shard of its mini-batches a device.
    /// Where there are fewer devices than shards, all work on one cell, each on several shards.
    ///
    /// # Errors
    /// `Error::Usage` where the devices do not make whole groups.
    pub fn slots(&self, shards: usize) -> Result<Vec<Self>> {
        let (devices, shards) = (self.0.len(), shards.max(1));
        if devices > shards && !devices.is_multiple_of(shards) {
            return Err(Error::usage(
                format!("{devices} devices cannot be divided into groups of {shards}"),
                "give --device a multiple of --shards devices",
            ));
        }
        let groups = self.0.chunks(shards.min(devices));
        Ok(groups.map(|group| Self(group.to_vec())).collect())
    }

    /// The GPUs that a job needs for one cell, as it sees those that it is given: numbered from 0. None where all
    /// is computed on processors.
    ///
    /// # Errors
    /// As [`Self::slots`].
    pub fn of_job(&self, shards: usize) -> Result<Option<Self>> {
        if self.first().is_processor() {
            return Ok(None);
        }
        let mut slot = self.slots(shards)?.swap_remove(0);
        for (number, place) in slot.0.iter_mut().enumerate() {
            *place = place.numbered(number);
        }
        Ok(Some(slot))
    }
}

impl From<DeviceSpec> for DeviceSpecs {
    fn from(place: DeviceSpec) -> Self {
        Self(vec![place])
    }
}

impl fmt::Display for DeviceSpecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(DeviceSpec::to_string).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for DeviceSpecs {
    type Err = Error;

    fn from_str(list: &str) -> Result<Self> {
        let mut places = Vec::new();
        let too_many = |count: usize| {
            Error::usage(
                format!("--device lists {count} devices, expected at most {MOST_DEVICES}"),
                "each takes a cell or a shard of its own: list those that the machine has, which \
                 `hdbench doctor` names",
            )
        };
        for name in list.split(',') {
            match range(name) {
                Some((kind, first, last)) => {
                    let count = (last.saturating_add(1)).saturating_sub(first);
                    if count > MOST_DEVICES {
                        return Err(too_many(count));
                    }
                    for index in first..=last {
                        places.push(format!("{kind}:{index}").parse()?);
                    }
                }
                None => places.push(name.parse::<DeviceSpec>()?),
            }
        }
        if places.len() > MOST_DEVICES {
            return Err(too_many(places.len()));
        }
        let Some(first) = places.first() else {
            return Err(Error::usage(
                format!("{list:?} holds no device"),
                "the first number of a range comes before its last, e.g. cuda:0-3",
            ));
        };
        if places.iter().any(|place| place.kind() != first.kind()) {
            return Err(Error::usage(
                format!("{list:?} mixes kinds of devices"),
                "results depend on the kind: a study runs on one",
            ));
        }
        Ok(Self(places))
    }
}

/// `cuda:0-3` in its parts.
fn range(name: &str) -> Option<(&str, usize, usize)> {
    let (kind, numbers) = name.rsplit_once(':')?;
    let (first, last) = numbers.split_once('-')?;
    Some((kind, first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(list: &str) -> Result<DeviceSpecs> {
        list.parse()
    }

    #[test]
    fn devices_are_listed_one_by_one_and_as_ranges() {
        for (list, all) in [
            ("flex", "flex"),
            ("flex,flex", "flex,flex"),
            ("cuda", "cuda:0"),
            ("cuda:0-3", "cuda:0,cuda:1,cuda:2,cuda:3"),
            (
                "tch:cuda:2,tch:cuda:4-5",
                "tch:cuda:2,tch:cuda:4,tch:cuda:5",
            ),
        ] {
            assert_eq!(places(list).unwrap().to_string(), all);
        }
        for (list, told) in [
            ("", "is no device"),
            ("cuda:3-1", "holds no device"),
            ("flex,cuda:0", "mixes kinds"),
            ("flex:0-1", "is no device"),
            ("cuda:0-", "is no device"),
            (
                "cuda:0-99999999",
                "lists 100000000 devices, expected at most 64",
            ),
            (
                "cuda:0-18446744073709551615",
                "devices, expected at most 64",
            ),
            (
                &["flex"; 10_000].join(","),
                "lists 10000 devices, expected at most 64",
            ),
        ] {
            let error = places(list).unwrap_err().to_string();
            assert!(error.contains(told), "{list}: {error}");
        }
    }

    #[test]
    fn slots_are_groups_of_as_many_devices_as_shards() {
        let slots = |list: &str, shards| -> Vec<String> {
            let slots = places(list).unwrap().slots(shards).unwrap();
            slots.iter().map(DeviceSpecs::to_string).collect()
        };
        assert_eq!(slots("cuda:0-3", 1).len(), 4);
        assert_eq!(slots("cuda:0-3", 2), ["cuda:0,cuda:1", "cuda:2,cuda:3"]);
        assert_eq!(slots("flex", 2), ["flex"]);
        assert!(places("cuda:0-2").unwrap().slots(2).is_err());
    }

    #[test]
    fn a_job_asks_for_the_gpus_of_one_cell() {
        let of_job = |list: &str, shards: usize| {
            let asked = places(list).unwrap().of_job(shards).unwrap();
            asked.map(|asked| (asked.all().len(), asked.to_string()))
        };
        assert_eq!(of_job("flex,flex", 1), None);
        assert_eq!(of_job("cuda:2", 1), Some((1, "cuda:0".into())));
        assert_eq!(of_job("cuda:2-5", 2), Some((2, "cuda:0,cuda:1".into())));
        assert_eq!(of_job("wgpu", 1), Some((1, "wgpu".into())));
    }
}
