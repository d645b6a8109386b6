use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::Pass;
use super::dense::NormSpec;
use super::spatial::{ConvSpec, Convolution, Spatial, convolve_joined, max_pool2};
use super::unet::{ConvNorm, in_a_row};

/// Convolutions of the five levels, finest first (Han 2017, metric; spec section 4.1).
const CONVOLUTIONS: [usize; 5] = [2, 2, 3, 3, 3];

/// Convolutions in a row; where residual, the group's input is added before the last ReLU,
/// through a 1x1 projection where the channels differ.
#[derive(Module, Debug)]
struct Group {
    layers: Vec<ConvNorm>,
    projection: Option<Conv2d>,
    residual: bool,
}

impl Group {
    fn build(
        [from, to]: [usize; 2],
        layers: usize,
        residual: bool,
        norm: NormSpec,
        device: &Device,
    ) -> Self {
        Self {
            layers: (0..layers)
                .map(|i| ConvNorm::build(if i == 0 { from } else { to }, to, norm, device))
                .collect(),
            projection: (residual && from != to)
                .then(|| Conv2d::build(ConvSpec::biased(from, to, 1), device)),
            residual,
        }
    }

    fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        self.run(|conv| conv.convolve(x.clone()), Some(x.clone()), pass)
    }

    /// Of a map and a small one, which is doubled and put behind it.
    fn forward_joined(&self, large: Tensor<4>, small: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let convolve = |conv: &Conv2d| convolve_joined(conv, large.clone(), small.clone());
        self.run(convolve, None, pass)
    }

    /// Given the convolutions of the input, and the input where it may have as many channels as the result.
    fn run(
        &self,
        convolve: impl Fn(&Conv2d) -> Tensor<4>,
        input: Option<Tensor<4>>,
        pass: &mut Pass,
    ) -> Tensor<4> {
        let first = convolve(self.layers[0].conv());
        let y = in_a_row(&self.layers, first, self.residual, pass);
        if !self.residual {
            return y;
        }
        let shortcut = self.projection.as_ref().map(convolve).or(input);
        relu(y + shortcut.expect("two maps joined have more channels than the result"))
    }
}

/// Han's 2.5-D net: five slices in, the centre slice out; long concatenations and short residual
/// connections.
#[derive(Module, Debug)]
pub struct ResidualNet {
    down: Vec<Group>,
    up: Vec<Group>,
    classifier: Conv2d,
}

impl ResidualNet {
    /// How often the plane is halved, and doubled again.
    pub const HALVINGS: usize = CONVOLUTIONS.len() - 1;

    /// Random weights; `levels` are channels, finest first.
    pub fn build(
        channels: usize,
        classes: usize,
        levels: &[usize; 5],
        norm: NormSpec,
        device: &Device,
    ) -> Self {
        let inputs = std::iter::once(channels).chain(levels.iter().copied());
        let down = inputs
            .zip(levels)
            .enumerate()
            .map(|(index, (from, &to))| {
                Group::build([from, to], CONVOLUTIONS[index], index > 0, norm, device)
            })
            .collect();
        let up = (0..Self::HALVINGS)
            .rev()
            .map(|index| {
                let joined = levels[index] + levels[index + 1];
                let channels = [joined, levels[index]];
                Group::build(channels, CONVOLUTIONS[index], true, norm, device)
            })
            .collect();
        Self {
            down,
            up,
            classifier: Conv2d::build(ConvSpec::biased(levels[0], classes, 1), device),
        }
    }

    /// Logits `[n, classes, y, x]` of slices `[n, channels, y, x]`; y and x divisible by 16.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let mut skips = Vec::new();
        let mut x = x;
        for (index, group) in self.down.iter().enumerate() {
            if index > 0 {
                skips.push(x.clone());
                x = max_pool2(x);
            }
            x = group.forward(x, pass);
        }
        for group in &self.up {
            let skip = skips.pop().expect("as many skips as levels to rise");
            x = group.forward_joined(skip, x, pass);
        }
        self.classifier.convolve(x)
    }
}
