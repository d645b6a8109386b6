use std::process::Command;

use serde::Serialize;

/// A graphics card, or what stands for one, as a driver shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Adapter {
    pub name: String,
    pub kind: AdapterKind,
    /// Vulkan, Metal, Dx12, Gl or CUDA.
    pub api: String,
    /// With its version.
    pub driver: String,
    /// Of the whole card, bytes, where the driver says.
    pub memory_bytes: Option<u64>,
    /// Largest buffer, bytes, where the API has a limit.
    pub buffer_bytes: Option<u64>,
    /// Most of a buffer that a kernel sees at a time, bytes: no tensor may be larger.
    pub binding_bytes: Option<u64>,
}

/// What an adapter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdapterKind {
    DiscreteGpu,
    IntegratedGpu,
    VirtualGpu,
    /// A driver that computes on the processor, such as Mesa's llvmpipe.
    Software,
    Other,
}

impl AdapterKind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::DiscreteGpu => "discrete GPU",
            Self::IntegratedGpu => "integrated GPU",
            Self::VirtualGpu => "virtual GPU",
            Self::Software => "software on the processor",
            Self::Other => "other",
        }
    }
}

impl Adapter {
    /// What results of it are not to be trusted for.
    pub fn caution(&self) -> Option<&'static str> {
        (self.kind == AdapterKind::Software).then_some(
            "computes on the processor, for trying; Mesa's llvmpipe ends a kernel's loops after some 65,000 rounds without a \
             word, so that gradients of large maps are wrong (hdbench model parity shows it): train with --device flex",
        )
    }
}

/// NVIDIA's cards, as `nvidia-smi` lists them; none where it isn't there.
pub fn nvidia_cards() -> Vec<Adapter> {
    let mut command = Command::new("nvidia-smi");
    command.args([
        "--query-gpu=name,memory.total,driver_version",
        "--format=csv,noheader,nounits",
    ]);
    match command.output() {
        Ok(output) if output.status.success() => cards_of(&String::from_utf8_lossy(&output.stdout)),
        _ => Vec::new(),
    }
}

/// Cards of `nvidia-smi`'s lines: name, MiB, version of the driver.
fn cards_of(lines: &str) -> Vec<Adapter> {
    let card = |line: &str| {
        let mut parts = line.rsplitn(3, ',').map(str::trim);
        let (driver, memory, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Adapter {
            name: name.to_owned(),
            kind: AdapterKind::DiscreteGpu,
            api: "CUDA".into(),
            driver: format!("NVIDIA {driver}"),
            memory_bytes: memory.parse::<u64>().ok().map(|mebibytes| mebibytes << 20),
            buffer_bytes: None,
            binding_bytes: None,
        })
    };
    lines.lines().filter_map(card).collect()
}

/// The adapters that `--device wgpu` can take, best first; none in a binary without the feature.
#[cfg(not(feature = "wgpu"))]
pub fn wgpu_adapters() -> Vec<Adapter> {
    Vec::new()
}

/// The adapters that `--device wgpu` can take.
#[cfg(feature = "wgpu")]
pub fn wgpu_adapters() -> Vec<Adapter> {
    use burn::tensor::wgpu::wgpu::{Backends, DeviceType, Instance, InstanceDescriptor};

    let instance = Instance::new(InstanceDescriptor {
        backends: Backends::all(),
        ..InstanceDescriptor::new_without_display_handle()
    });
    let found = burn::cubecl::future::block_on(instance.enumerate_adapters(Backends::all()));
    let adapter = |adapter: &burn::tensor::wgpu::wgpu::Adapter| {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        Adapter {
            name: info.name,
            kind: match info.device_type {
                DeviceType::DiscreteGpu => AdapterKind::DiscreteGpu,
                DeviceType::IntegratedGpu => AdapterKind::IntegratedGpu,
                DeviceType::VirtualGpu => AdapterKind::VirtualGpu,
                DeviceType::Cpu => AdapterKind::Software,
                DeviceType::Other => AdapterKind::Other,
            },
            api: format!("{:?}", info.backend),
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .to_owned(),
            memory_bytes: None,
            buffer_bytes: Some(limits.max_buffer_size),
            binding_bytes: Some(limits.max_storage_buffer_binding_size),
        }
    };
    found.iter().map(adapter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_read_off_the_lines_of_nvidia_smi() {
        let cards =
            cards_of("NVIDIA H200, 143771, 570.124.06\nTesla, of old, 11441, 450.1\nnothing\n");
        assert_eq!(cards.len(), 2);
        assert_eq!(cards[0].name, "NVIDIA H200");
        assert_eq!(cards[0].memory_bytes, Some(143_771 << 20));
        assert_eq!(cards[0].driver, "NVIDIA 570.124.06");
        assert_eq!(cards[1].name, "Tesla, of old");
        assert!(cards_of("").is_empty());
        assert_eq!(cards[0].caution(), None);
        let software = Adapter {
            kind: AdapterKind::Software,
            ..cards[0].clone()
        };
        assert!(
            software
                .caution()
                .is_some_and(|text| text.contains("--device flex"))
        );
    }
}
