use std::io::IsTerminal;

use clap::Args;
use serde_json::json;

use super::output::{print, print_json};
use super::study_options::cores;
use crate::error::Result;
use crate::network::{Availability, survey};
use crate::study::Machine;

/// Say what this binary and this machine can do: devices that work, and why others do not.
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
        if self.json || !std::io::stdout().is_terminal() {
            let value = json!({
                "hdbench": machine.hdbench,
                "commit": machine.commit,
                "os": machine.os,
                "processor": machine.processor,
                "cores": machine.cores,
                "memory_gb": machine.memory_gb,
                "devices": devices.iter().map(entry).collect::<Vec<_>>(),
            });
            return print_json(&value);
        }
        let mut text = format!("hdbench {} {}\n", machine.hdbench, machine.commit);
        let memory = machine
            .memory_gb
            .map_or(String::new(), |gb| format!(", {gb:.0} GB memory"));
        text += &format!("{}, {} cores{memory}\n\n", machine.processor, machine.cores);
        for device in &devices {
            let name = device.place.to_string();
            match &device.works {
                Ok(()) => text += &format!("  {name:<11} works\n"),
                Err(reason) => text += &format!("  {name:<11} no: {reason}\n"),
            }
        }
        print(&text)
    }
}

fn entry(device: &Availability) -> serde_json::Value {
    json!({
        "device": device.place.to_string(),
        "feature": device.place.feature(),
        "built_in": device.place.is_built_in(),
        "works": device.works.is_ok(),
        "reason": device.works.as_ref().err(),
    })
}
