use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use burn::tensor::{Device, Tensor};

use crate::error::{Error, Result};

/// Where a network runs, as `--device` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceSpec {
    /// Pure Rust on the processor; in every binary.
    Flex,
    /// LibTorch on the processor (feature `tch`).
    Tch,
    /// LibTorch on an NVIDIA GPU (feature `tch`).
    TchCuda(usize),
    /// CubeCL on an NVIDIA GPU (feature `cuda`).
    Cuda(usize),
    /// CubeCL on any GPU that speaks Vulkan, Metal or WebGPU (feature `wgpu`).
    Wgpu,
}

impl DeviceSpec {
    /// The Cargo feature that builds it in; none for the one that is always there.
    pub fn feature(self) -> Option<&'static str> {
        match self {
            Self::Flex => None,
            Self::Tch | Self::TchCuda(_) => Some("tch"),
            Self::Cuda(_) => Some("cuda"),
            Self::Wgpu => Some("wgpu"),
        }
    }

    /// Whether this binary has it.
    pub fn is_built_in(self) -> bool {
        match self {
            Self::Flex => true,
            Self::Tch | Self::TchCuda(_) => cfg!(feature = "tch"),
            Self::Cuda(_) => cfg!(feature = "cuda"),
            Self::Wgpu => cfg!(feature = "wgpu"),
        }
    }

    /// What all devices of its kind have in common, as `--device` names the first of them without
    /// its number: `cuda` for `cuda:3`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Tch => "tch",
            Self::TchCuda(_) => "tch:cuda",
            Self::Cuda(_) => "cuda",
            Self::Wgpu => "wgpu",
        }
    }

    /// The number of its NVIDIA card.
    pub fn card(self) -> Option<usize> {
        match self {
            Self::TchCuda(card) | Self::Cuda(card) => Some(card),
            Self::Flex | Self::Tch | Self::Wgpu => None,
        }
    }

    /// Whether it computes on the processor, where threads do the work.
    pub fn is_processor(self) -> bool {
        matches!(self, Self::Flex | Self::Tch)
    }

    /// The device, without autodiff, once it has computed something. `threads` is what LibTorch
    /// may use on the processor; `flex` takes the pool it is called in.
    pub fn open(self, threads: usize) -> Result<Device> {
        self.try_open(threads).map_err(|reason| {
            Error::usage(
                format!("device {self} is not to be had: {reason}"),
                "`hdbench doctor` lists the devices that work here; --device flex always does",
            )
        })
    }

    fn try_open(self, threads: usize) -> Result<Device, String> {
        if let Some(feature) = self.feature().filter(|_| !self.is_built_in()) {
            return Err(format!(
                "this binary was built without the feature {feature}"
            ));
        }
        quietly(|| {
            let device = self.device(threads)?;
            let sum = Tensor::<1>::ones([4], &device).sum();
            match sum.try_into_scalar::<f32>() {
                Ok(4.0) => Ok(device),
                Ok(other) => Err(format!("it says that four ones make {other}")),
                Err(e) => Err(e.to_string()),
            }
        })
    }

    #[cfg_attr(
        not(feature = "tch"),
        expect(unused_variables, reason = "only LibTorch counts its own threads")
    )]
    #[cfg_attr(
        feature = "tch",
        expect(deprecated, reason = "Burn 0.22 is the last to have LibTorch")
    )]
    fn device(self, threads: usize) -> Result<Device, String> {
        match self {
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "tch")]
            Self::Tch => {
                tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
                Ok(Device::new(burn::backend::LibTorchDevice::Cpu))
            }
            #[cfg(feature = "tch")]
            Self::TchCuda(index) => {
                let found = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
                if index < found {
                    Ok(Device::new(burn::backend::LibTorchDevice::Cuda(index)))
                } else {
                    Err(format!("LibTorch sees {found} CUDA devices"))
                }
            }
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => {
                let found = Device::enumerate(burn::tensor::DeviceType::Cuda)
                    .into_vec()
                    .len();
                if index < found {
                    Ok(Device::cuda(index))
                } else {
                    Err(format!("{found} CUDA devices were found"))
                }
            }
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(not(all(feature = "tch", feature = "cuda", feature = "wgpu")))]
            other => Err(format!("{other} is not built in")),
        }
    }
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flex => f.write_str("flex"),
            Self::Tch => f.write_str("tch"),
            Self::TchCuda(index) => write!(f, "tch:cuda:{index}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Wgpu => f.write_str("wgpu"),
        }
    }
}

impl FromStr for DeviceSpec {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let index = |digits: &str| digits.parse().ok();
        let place = match name {
            "flex" => Some(Self::Flex),
            "tch" => Some(Self::Tch),
            "wgpu" => Some(Self::Wgpu),
            "cuda" => Some(Self::Cuda(0)),
            "tch:cuda" => Some(Self::TchCuda(0)),
            other => match other.strip_prefix("tch:cuda:") {
                Some(digits) => index(digits).map(Self::TchCuda),
                None => other.strip_prefix("cuda:").and_then(index).map(Self::Cuda),
            },
        };
        place.ok_or_else(|| {
            Error::usage(
                format!("{name:?} is no device"),
                "--device takes flex, tch, tch:cuda:0, cuda:0 or wgpu",
            )
        })
    }
}

/// A device and whether it works here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    pub place: DeviceSpec,
    /// Why it does not, if so.
    pub works: Result<(), String>,
}

/// All kinds of devices with the first of each, and further GPUs where they are.
pub fn survey(threads: usize) -> Vec<Availability> {
    let check = |place: DeviceSpec| Availability {
        place,
        works: place.try_open(threads).map(drop),
    };
    let mut found = vec![check(DeviceSpec::Flex), check(DeviceSpec::Tch)];
    for kind in [
        DeviceSpec::TchCuda as fn(usize) -> DeviceSpec,
        DeviceSpec::Cuda,
    ] {
        for index in 0.. {
            let next = check(kind(index));
            let works = next.works.is_ok();
            if works || index == 0 {
                found.push(next);
            }
            if !works {
                break;
            }
        }
    }
    found.push(check(DeviceSpec::Wgpu));
    found
}

/// Runs what may panic, as drivers that are missing make the GPU libraries do, and turns the
/// panic's words into a reason.
fn quietly<T>(of: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(of));
    std::panic::set_hook(hook);
    result.unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("it failed without a word");
        Err(words.lines().next().unwrap_or_default().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_found_by_their_names() {
        for name in ["flex", "tch", "tch:cuda:1", "cuda:0", "wgpu"] {
            assert_eq!(name.parse::<DeviceSpec>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse::<DeviceSpec>().unwrap(), DeviceSpec::Cuda(0));
        for name in ["", "gpu", "cuda:x", "cuda:-1", "tch:0", "tch:cuda:"] {
            let error = name.parse::<DeviceSpec>().unwrap_err().to_string();
            assert!(error.contains("--device takes"), "{error}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_refused_with_a_way_out() {
        DeviceSpec::Flex.open(1).unwrap();
        // A GPU no machine has, or a feature this binary was built without.
        let error = DeviceSpec::Cuda(999).open(1).unwrap_err().to_string();
        assert!(error.contains("cuda:999 is not to be had"), "{error}");
        assert!(error.contains("hdbench doctor"), "{error}");
    }

    #[test]
    fn a_panic_becomes_a_reason() {
        let reason = quietly::<()>(|| panic!("no driver {}\nbacktrace", 7)).unwrap_err();
        assert_eq!(reason, "no driver 7");
    }
}
