use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Tensor};

use super::trace::{Step, traced};
use super::{Input, Mode, Network, NetworkKind, ParameterCount, Pass};
use crate::recipe::{Recipe, Scale};

/// The smallest plane that every network can halve as often as it wants to.
const SMALLEST_PLANE: usize = 32;

/// A convolution of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    /// Where it stands, e.g. `encoder.blocks.0.1.conv2`.
    pub path: String,
    /// `[(z,) y, x]`.
    pub kernel: Vec<usize>,
    /// Channels in and out.
    pub channels: [usize; 2],
    /// `[n, channels, (z,) y, x]` for the input of the summary.
    pub output: Vec<usize>,
    /// Kernels and biases.
    pub parameters: usize,
    /// Multiply-adds of its kernels, forward.
    pub multiply_adds: u64,
}

/// What a network is made of and costs.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkSummary {
    /// `[n, 1, slices, y, x]`.
    pub input: [usize; 5],
    /// Its convolutions in the order they run.
    pub layers: Vec<LayerSummary>,
    /// All of it, batch norms included.
    pub parameters: ParameterCount,
}

impl NetworkSummary {
    /// Multiply-adds of all convolutions, forward.
    pub fn multiply_adds(&self) -> u64 {
        self.layers.iter().map(|layer| layer.multiply_adds).sum()
    }
}

/// Summarises the network of a part for one patch of the scale: a slice with its neighbours, or a
/// volume.
///
/// The pass runs on a plane of 32 x 32 and is scaled up: every layer halves, doubles or keeps the
/// plane, so that sizes are proportional for every plane divisible by 32.
pub fn summarise(part: NetworkKind, recipe: &Recipe, scale: &Scale) -> NetworkSummary {
    let device = Device::flex();
    let network = Network::build(part, recipe, scale, &device);
    let slices = match network.input() {
        Input::Slices { neighbours } => 2 * neighbours + 1,
        Input::Volume => scale.depth.unwrap_or(recipe.patch_depth),
    };
    let plane = match part {
        NetworkKind::Coarse => scale.coarse_patch,
        _ => scale.patch,
    };
    let small = [1, 1, slices, SMALLEST_PLANE, SMALLEST_PLANE];
    let steps = traced(|| {
        let image = Tensor::<5>::zeros(small, &device);
        network.forward(image, Mode::TEST, &mut Pass::evaluation());
    });
    let mut layers = Layers::default();
    network.visit(&mut layers);
    NetworkSummary {
        input: [1, 1, slices, plane, plane],
        layers: steps
            .iter()
            .filter_map(|step| layers.summary(step, plane))
            .collect(),
        parameters: network.parameters(recipe),
    }
}

/// Kernels and biases by where they stand.
#[derive(Default)]
struct Layers {
    path: Vec<String>,
    paths: BTreeMap<ParamId, String>,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl Layers {
    fn summary(&self, step: &Step, plane: usize) -> Option<LayerSummary> {
        let path = self.paths.get(&step.kernels)?;
        let kernels = self.shapes.get(path)?;
        let layer = path.strip_suffix(".weight").unwrap_or(path);
        let values: usize = kernels.iter().product();
        let bias = self.shapes.get(&format!("{layer}.bias"));
        let mut output = step.output.clone();
        let plane_axes = output.len() - 2;
        for size in &mut output[plane_axes..] {
            *size = *size * plane / SMALLEST_PLANE;
        }
        // Burn keeps the kernels of a transposed convolution as [in, out, ...].
        let channels = if kernels[0] == output[1] {
            [kernels[1], kernels[0]]
        } else {
            [kernels[0], kernels[1]]
        };
        let area = (plane * plane) as u64;
        Some(LayerSummary {
            path: layer.to_owned(),
            kernel: kernels[2..].to_vec(),
            channels,
            output,
            parameters: values + bias.map_or(0, |bias| bias.iter().product()),
            multiply_adds: step.places * values as u64 * area
                / (SMALLEST_PLANE * SMALLEST_PLANE) as u64,
        })
    }
}

impl ModuleVisitor for Layers {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        self.shapes
            .insert(path.clone(), param.lazy_shape().as_slice().to_vec());
        self.paths.insert(param.id, path);
    }
}
