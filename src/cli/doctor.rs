use std::io::IsTerminal;

use clap::Args;
use serde_json::json;

use super::output::{print, print_json};
use super::study_options::cores;
use crate::error::Result;
use crate::network::{
    AGREEMENT_BOUND, Adapter, Availability, DeviceSpec, nvidia_cards, survey, wgpu_adapters,
};
use crate::study::Machine;

/// Say what this binary and this machine can do: devices that work, and why others do not.
///
/// Every device that works computes a small step, which is held against flex. A card that no device of this binary can
/// use is named as well.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hdbench doctor --json | jq .devices")]
pub struct Doctor {
    /// JSON instead of text (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub fn exec(self) -> Result<()> {
        let machine = Machine::here();
        let devices = survey(cores());
        let mut adapters = nvidia_cards();
        adapters.extend(wgpu_adapters());
        if self.json || !std::io::stdout().is_terminal() {
            let value = json!({
                "hdbench": machine.hdbench,
                "commit": machine.commit,
                "os": machine.os,
                "processor": machine.processor,
                "cores": machine.cores,
                "memory_gb": machine.memory_gb,
                "devices": devices.iter().map(entry).collect::<Vec<_>>(),
                "adapters": adapters,
            });
            return print_json(&value);
        }
        let mut text = format!("hdbench {} {}\n", machine.hdbench, machine.commit);
        let memory = machine
            .memory_gb
            .map_or(String::new(), |gb| format!(", {gb:.0} GB memory"));
        text += &format!("{}, {} cores{memory}\n\n", machine.processor, machine.cores);
        for device in &devices {
            text += &format!("  {:<11} {}\n", device.place.to_string(), said(device));
        }
        text += "\n";
        if adapters.is_empty() {
            text += "No GPU is seen here: nvidia-smi lists none";
            text += if DeviceSpec::Wgpu.is_built_in() {
                ", and neither does Vulkan or another graphics API.\n"
            } else {
                "; the graphics APIs are asked by a binary with the feature wgpu.\n"
            };
        }
        for adapter in &adapters {
            text += &format!("  {}\n", line(adapter));
            if let Some(caution) = adapter.caution() {
                text += &format!("    note: {caution}\n");
            }
        }
        print(&text)
    }
}

fn said(device: &Availability) -> String {
    match &device.works {
        Ok(0.0) => "works".into(),
        Ok(apart) if *apart <= AGREEMENT_BOUND => {
            format!("works; a small step is {apart:.0e} from flex")
        }
        Ok(apart) => format!(
            "computes something else than flex ({apart:.0e} apart): do not use it; `hdbench model parity` says where"
        ),
        Err(reason) => format!("no: {reason}"),
    }
}

fn entry(device: &Availability) -> serde_json::Value {
    let apart = device.works.as_ref().ok().copied();
    json!({
        "device": device.place.to_string(),
        "feature": device.place.feature(),
        "built_in": device.place.is_built_in(),
        "works": device.works.is_ok(),
        "apart_from_flex": apart,
        "agrees_with_flex": apart.map(|apart| apart <= AGREEMENT_BOUND),
        "reason": device.works.as_ref().err(),
    })
}

/// An adapter in a line: `NVIDIA H200 (discrete GPU, CUDA, driver NVIDIA 570.1), 151 GB memory`.
fn line(adapter: &Adapter) -> String {
    let Adapter {
        name,
        kind,
        api,
        driver,
        ..
    } = adapter;
    let gigabytes = |what: &str, bytes: Option<u64>| {
        bytes.map_or(String::new(), |bytes| {
            format!(", {what} {:.1} GB", bytes as f64 / 1e9)
        })
    };
    format!(
        "{name} ({}, {api}, driver {driver}){}{}{}",
        kind.name(),
        gigabytes("memory", adapter.memory_bytes),
        gigabytes("largest buffer", adapter.buffer_bytes),
        gigabytes("largest tensor", adapter.binding_bytes),
    )
}
