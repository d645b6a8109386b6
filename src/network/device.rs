use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use burn::tensor::{Device, Tensor};

use super::adapters::{Adapter, AdapterKind, nvidia_cards, wgpu_adapters};
use super::check::agreement;
use super::kernels::keep_kernels_in;
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
    /// CubeCL on the best adapter that speaks Vulkan, Metal or DirectX 12 (feature `wgpu`).
    Wgpu,
    /// The same on one of the discrete GPUs.
    WgpuGpu(usize),
    /// CubeCL's kernels compiled for the processor (feature `cubecl-cpu`): slow, for holding kernels against `flex`.
    CubeCpu,
}

impl DeviceSpec {
    /// The Cargo feature that builds it in; none for the one that is always there.
    pub fn feature(self) -> Option<&'static str> {
        match self {
            Self::Flex => None,
            Self::Tch | Self::TchCuda(_) => Some("tch"),
            Self::Cuda(_) => Some("cuda"),
            Self::Wgpu | Self::WgpuGpu(_) => Some("wgpu"),
            Self::CubeCpu => Some("cubecl-cpu"),
        }
    }

    /// Whether this binary has it.
    pub fn is_built_in(self) -> bool {
        match self {
            Self::Flex => true,
            Self::Tch | Self::TchCuda(_) => cfg!(feature = "tch"),
            Self::Cuda(_) => cfg!(feature = "cuda"),
            Self::Wgpu | Self::WgpuGpu(_) => cfg!(feature = "wgpu"),
            Self::CubeCpu => cfg!(feature = "cubecl-cpu"),
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
            Self::Wgpu | Self::WgpuGpu(_) => "wgpu",
            Self::CubeCpu => "cubecl-cpu",
        }
    }

    /// The number of its NVIDIA card.
    pub fn card(self) -> Option<usize> {
        match self {
            Self::TchCuda(card) | Self::Cuda(card) => Some(card),
            Self::Flex | Self::Tch | Self::Wgpu | Self::WgpuGpu(_) | Self::CubeCpu => None,
        }
    }

    /// The GPU of this number, of the same kind; a processor is what it is.
    pub fn numbered(self, number: usize) -> Self {
        match self {
            Self::TchCuda(_) => Self::TchCuda(number),
            Self::Cuda(_) => Self::Cuda(number),
            Self::WgpuGpu(_) => Self::WgpuGpu(number),
            Self::Flex | Self::Tch | Self::Wgpu | Self::CubeCpu => self,
        }
    }

    /// Whether it computes on the processor, where threads do the work.
    pub fn is_processor(self) -> bool {
        matches!(self, Self::Flex | Self::Tch | Self::CubeCpu)
    }

    /// Whether the same inputs give the same bytes each time. CubeCL takes the kernels that it measures as the fastest,
    /// and a GPU may add in any order.
    pub fn repeats_exactly(self) -> bool {
        matches!(self, Self::Flex | Self::Tch)
    }

    /// What is not promised where [`Self::repeats_exactly`] says no.
    pub fn inexact(self) -> String {
        format!(
            "{} adds up in another order each time: results of the same seed are near each other, not equal to the last \
             bit; hdbench reproduce compares them within bounds",
            self.kind()
        )
    }

    /// The device that is fastest here and why: a GPU that works, else `flex`.
    pub fn automatic() -> (Self, String) {
        for place in [Self::TchCuda(0), Self::Cuda(0)] {
            if place.is_built_in() && place.try_open(1).is_ok() {
                let card = nvidia_cards().into_iter().next();
                return (place, card.map_or("CUDA works".into(), |card| card.name));
            }
        }
        let is_discrete = |adapter: &Adapter| adapter.kind == AdapterKind::DiscreteGpu;
        let discrete = wgpu_adapters().into_iter().find(is_discrete);
        match discrete {
            Some(card) if Self::Wgpu.try_open(1).is_ok() => (Self::Wgpu, card.name),
            _ => (Self::Flex, "no discrete GPU works with this binary".into()),
        }
    }

    /// The device, without autodiff, once it has computed something. `threads` is what LibTorch
    /// may use on the processor; `flex` takes the pool it is called in.
    pub fn open(self, threads: usize) -> Result<Device> {
        self.try_open(threads)
            .map_err(|reason| self.missing(&reason))
    }

    /// What results of it are not to be trusted for.
    pub fn caution(self) -> Option<String> {
        if self != Self::Wgpu || !self.is_built_in() {
            return None;
        }
        let adapters = wgpu_adapters();
        let cautions: Option<Vec<_>> = adapters.iter().map(Adapter::caution).collect();
        let (adapter, caution) = adapters.first().zip(cautions?.first().copied())?;
        Some(format!("{self}: {} {caution}", adapter.name))
    }

    /// Whether this binary has it, wherever it is to run.
    ///
    /// # Errors
    /// `Error::Usage` naming the feature.
    pub fn check_built_in(self) -> Result<()> {
        self.built_in().map_err(|reason| self.missing(&reason))
    }

    fn built_in(self) -> Result<(), String> {
        match self.feature() {
            Some(feature) if !self.is_built_in() => Err(format!(
                "this binary was built without the feature {feature}"
            )),
            _ => Ok(()),
        }
    }

    fn missing(self, reason: &str) -> Error {
        Error::usage(
            format!("device {self} is not to be had: {reason}"),
            format!(
                "{}`hdbench doctor` lists the devices that work here; --device flex always does",
                self.remedy()
            ),
        )
    }

    /// What brings the device, as the beginning of a hint.
    fn remedy(self) -> String {
        match (self.feature(), self) {
            (Some(feature), _) if !self.is_built_in() => {
                format!("build with `cargo build --release --features {feature}`; ")
            }
            (_, Self::Cuda(_) | Self::TchCuda(_)) => {
                "install NVIDIA's driver, until nvidia-smi lists the card; ".into()
            }
            (_, Self::Wgpu | Self::WgpuGpu(_)) => {
                "install the card's driver with the Vulkan loader (Debian: libvulkan1 and \
                 mesa-vulkan-drivers); "
                    .into()
            }
            _ => String::new(),
        }
    }

    fn try_open(self, threads: usize) -> Result<Device, String> {
        self.built_in()?;
        keep_kernels_in(None);
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
            #[cfg(feature = "wgpu")]
            Self::WgpuGpu(index) => Ok(Device::wgpu(burn::tensor::DeviceKind::DiscreteGpu(index))),
            #[cfg(feature = "cubecl-cpu")]
            Self::CubeCpu => Ok(Device::cpu()),
            #[cfg(not(all(
                feature = "tch",
                feature = "cuda",
                feature = "wgpu",
                feature = "cubecl-cpu"
            )))]
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
            Self::WgpuGpu(index) => write!(f, "wgpu:{index}"),
            Self::CubeCpu => f.write_str("cubecl-cpu"),
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
            "cubecl-cpu" => Some(Self::CubeCpu),
            "cuda" => Some(Self::Cuda(0)),
            "tch:cuda" => Some(Self::TchCuda(0)),
            other => other
                .rsplit_once(':')
                .and_then(|(kind, digits)| match kind {
                    "tch:cuda" => index(digits).map(Self::TchCuda),
                    "cuda" => index(digits).map(Self::Cuda),
                    "wgpu" => index(digits).map(Self::WgpuGpu),
                    _ => None,
                }),
        };
        place.ok_or_else(|| {
            Error::usage(
                format!("{name:?} is no device"),
                "--device takes flex, tch, tch:cuda:0, cuda:0, wgpu, wgpu:0 or cubecl-cpu, and auto on the command line",
            )
        })
    }
}

/// A device and whether it works here.
#[derive(Clone, Debug, PartialEq)]
pub struct Availability {
    pub place: DeviceSpec,
    /// How far it is from `flex` ([`agreement`]); why it does not work, if so.
    pub works: Result<f64, String>,
}

/// All kinds of devices with the first of each, and further GPUs where they are.
pub fn survey(threads: usize) -> Vec<Availability> {
    let check = |place: DeviceSpec| Availability {
        place,
        works: place
            .try_open(threads)
            .and_then(|device| quietly(|| agreement(&Device::flex(), &device))),
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
    if DeviceSpec::CubeCpu.is_built_in() {
        found.push(check(DeviceSpec::CubeCpu));
    }
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
        for name in [
            "flex",
            "tch",
            "tch:cuda:1",
            "cuda:0",
            "wgpu",
            "wgpu:1",
            "cubecl-cpu",
        ] {
            assert_eq!(name.parse::<DeviceSpec>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse::<DeviceSpec>().unwrap(), DeviceSpec::Cuda(0));
        for name in [
            "",
            "gpu",
            "cuda:x",
            "cuda:-1",
            "tch:0",
            "tch:cuda:",
            "wgpu:x",
            "auto",
        ] {
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
        if !DeviceSpec::Cuda(0).is_built_in() {
            assert!(error.contains("--features cuda"), "{error}");
        }
    }

    #[test]
    fn a_panic_becomes_a_reason() {
        let reason = quietly::<()>(|| panic!("no driver {}\nbacktrace", 7)).unwrap_err();
        assert_eq!(reason, "no driver 7");
    }
}
