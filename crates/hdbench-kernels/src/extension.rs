use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, TensorMetadata, backend_extension};
use burn::tensor::Slice;

use super::block::Block;
use super::descent::Descent;
use super::origin::{Doubled, Origin};
use super::parity::Parity;
use super::pool::Window;

/// Operations of our own on a backend's tensors. Burn composes batch norms of eight passes over
/// the data and convolves by copying every patch.
#[backend_extension(Flex, Autodiff)]
pub trait Kernels: Backend {
    /// See [`super::convolve`].
    fn convolution(
        x: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// See [`super::normalise`]. Also the batch's mean and biased variance of each channel, which
    /// carry no gradient.
    fn normalisation(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// See [`super::normed_convolution`].
    fn normed_convolution(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        kernels: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        origin: Origin,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// See [`super::affine_convolution`].
    fn affine_convolution(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        doubled: Option<Doubled>,
    ) -> FloatTensor<Self>;

    /// See [`super::double`].
    fn double(x: FloatTensor<Self>, how: Doubled) -> FloatTensor<Self>;

    /// See [`super::finish_block`].
    fn finish_block(output: FloatTensor<Self>, block: Block) -> FloatTensor<Self>;

    /// See [`super::affine`].
    fn affine(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        relu: bool,
    ) -> FloatTensor<Self>;

    /// See [`super::add_convolved_doubled`].
    fn add_convolved_doubled(
        onto: FloatTensor<Self>,
        x: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// See [`super::parities`].
    fn parities(x: FloatTensor<Self>, parity: Parity) -> FloatTensor<Self>;

    /// See [`super::max_pool`]. Also where in its window each value lies, which carries no gradient.
    fn max_pool(x: FloatTensor<Self>, window: Window) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// See [`super::descend`].
    fn descend(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        step: Descent,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

/// The backward passes of [`Kernels`].
pub trait KernelGradients: Backend {
    /// Of the input of a convolution.
    fn convolution_input_gradient(
        gradient: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Of the kernels of a convolution, and of its bias.
    fn convolution_kernel_gradient(
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];

    /// Of input, gamma and beta.
    fn normalisation_gradient(
        state: Normalised<FloatTensor<Self>>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];

    /// Of the input of a doubling.
    fn doubling_gradient(gradient: FloatTensor<Self>, how: Doubled) -> FloatTensor<Self>;

    /// Of the input of a convolution of what is doubled, and of its kernels.
    fn doubled_convolution_gradient(
        x: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];

    /// Of the input of a pooling, of this shape.
    fn max_pool_gradient(
        gradient: FloatTensor<Self>,
        places: FloatTensor<Self>,
        shape: Vec<usize>,
        window: Window,
    ) -> FloatTensor<Self>;

    /// Of a convolution of a normalisation's positive part: of input, gamma, beta, kernels and bias. What
    /// the convolution saw is computed again.
    fn normed_convolution_gradient(
        state: Normalised<FloatTensor<Self>>,
        doubled: Option<Doubled>,
        kernels: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 5];

    /// Of input, scale and shift.
    fn affine_gradient(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        relu: bool,
        gradient: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];
}

/// What the backward pass of a normalisation needs.
#[derive(Clone, Debug)]
pub struct Normalised<T> {
    pub x: T,
    pub gamma: T,
    pub beta: T,
    pub mean: T,
    pub variance: T,
    pub epsilon: f64,
    pub relu: bool,
}

/// Where the backward pass of a layer finds the layer's input.
#[derive(Clone, Debug)]
enum Input<T> {
    Kept(T),
    /// The first channels of a block's output; with the input's shape.
    Within(Block, Vec<usize>),
    /// What was doubled.
    Small(T, Doubled),
}

/// A normalisation without its input.
#[derive(Clone, Debug)]
struct Passed<T> {
    gamma: T,
    beta: T,
    mean: T,
    variance: T,
    epsilon: f64,
}

impl<T> Passed<T> {
    /// The normalisation of this input, and the positive part of its result.
    fn of(self, x: T) -> Normalised<T> {
        Normalised {
            x,
            gamma: self.gamma,
            beta: self.beta,
            mean: self.mean,
            variance: self.variance,
            epsilon: self.epsilon,
            relu: true,
        }
    }
}

/// Hands gradients to those of an operation's inputs that take part.
fn register<B: Backend, const N: usize>(
    gradients: &mut Gradients,
    inputs: [Option<NodeId>; N],
    results: [FloatTensor<B>; N],
) {
    for (input, result) in inputs.into_iter().zip(results) {
        if let Some(input) = input {
            gradients.register::<B>(input, result);
        }
    }
}

impl<B: Kernels + KernelGradients, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn double(x: FloatTensor<Self>, how: Doubled) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Double;

        impl<B: KernelGradients> Backward<B, 1> for Double {
            type State = Doubled;

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                gradients: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let of_x = B::doubling_gradient(gradients.consume::<B>(&ops.node), ops.state);
                register::<B, 1>(gradients, ops.parents.map(|node| Some(node?.id)), [of_x]);
            }
        }

        let (x, x_guard) = x.into_parts();
        let y = B::double(x, how);
        match Double.prepare::<C>([x_guard]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(how, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn add_convolved_doubled(
        onto: FloatTensor<Self>,
        x: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct AddConvolvedDoubled;

        impl<B: KernelGradients> Backward<B, 3> for AddConvolvedDoubled {
            type State = [FloatTensor<B>; 2];

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                gradients: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let [x, kernels] = ops.state;
                let of_onto = gradients.consume::<B>(&ops.node);
                let [of_x, of_kernels] =
                    B::doubled_convolution_gradient(x, kernels, of_onto.clone());
                let results = [of_onto, of_x, of_kernels];
                register::<B, 3>(gradients, ops.parents.map(|node| Some(node?.id)), results);
            }
        }

        let (onto, onto_guard) = onto.into_parts();
        let (x, x_guard) = x.into_parts();
        let (kernels, kernels_guard) = kernels.into_parts();
        let y = B::add_convolved_doubled(onto, x.clone(), kernels.clone());
        match AddConvolvedDoubled
            .prepare::<C>([onto_guard, x_guard, kernels_guard])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish([x, kernels], y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn parities(x: FloatTensor<Self>, parity: Parity) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Parities;

        impl<B: Kernels> Backward<B, 1> for Parities {
            type State = Parity;

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                gradients: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let of_x = B::parities(gradient, ops.state.inverse());
                register::<B, 1>(gradients, ops.parents.map(|node| Some(node?.id)), [of_x]);
            }
        }

        let (x, x_guard) = x.into_parts();
        let y = B::parities(x, parity);
        match Parities.prepare::<C>([x_guard]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(parity, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn max_pool(x: FloatTensor<Self>, window: Window) -> (FloatTensor<Self>, FloatTensor<Self>) {
        #[derive(Debug)]
        struct MaxPool;

        impl<B: KernelGradients> Backward<B, 1> for MaxPool {
            type State = (FloatTensor<B>, Vec<usize>, Window);

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                gradients: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (places, shape, window) = ops.state;
                let gradient = gradients.consume::<B>(&ops.node);
                let of_x = B::max_pool_gradient(gradient, places, shape, window);
                register::<B, 1>(gradients, ops.parents.map(|node| Some(node?.id)), [of_x]);
            }
        }

        let (x, x_guard) = x.into_parts();
        let shape = x.shape().to_vec();
        let (y, places) = B::max_pool(x, window);
        let y = match MaxPool.prepare::<C>([x_guard]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((places.clone(), shape, window), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, Self::from_inner(places))
    }

    fn finish_block(output: FloatTensor<Self>, block: Block) -> FloatTensor<Self> {
        block.keep(output.primitive().clone());
        output
    }

    fn convolution(
        x: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Convolution;

        impl<B: KernelGradients> Backward<B, 3> for Convolution {
            type State = [FloatTensor<B>; 2];

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                gradients: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let [x_node, kernels_node, bias_node] = ops.parents;
                let [x, kernels] = ops.state;
                let gradient = gradients.consume::<B>(&ops.node);
                if let Some(node) = x_node {
                    let of_x = B::convolution_input_gradient(gradient.clone(), kernels.clone());
                    gradients.register::<B>(node.id, of_x);
                }
                if kernels_node.is_none() && bias_node.is_none() {
                    return;
                }
                let [of_kernels, of_bias] = B::convolution_kernel_gradient(x, gradient, kernels);
                if let Some(node) = kernels_node {
                    gradients.register::<B>(node.id, of_kernels);
                }
                if let Some(node) = bias_node {
                    gradients.register::<B>(node.id, of_bias);
                }
            }
        }

        let (x, x_guard) = x.into_parts();
        let (kernels, kernels_guard) = kernels.into_parts();
        let (bias, bias_guard) = bias.into_parts();
        let y = B::convolution(x.clone(), kernels.clone(), bias);
        match Convolution
            .prepare::<C>([x_guard, kernels_guard, bias_guard])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish([x, kernels], y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn normalisation(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        #[derive(Debug)]
        struct Normalisation;

        impl<B: KernelGradients> Backward<B, 3> for Normalisation {
            type State = Normalised<FloatTensor<B>>;

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                gradients: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let results = B::normalisation_gradient(ops.state, gradient);
                register::<B, 3>(gradients, ops.parents.map(|node| Some(node?.id)), results);
            }
        }

        let (x, x_guard) = x.into_parts();
        let (gamma, gamma_guard) = gamma.into_parts();
        let (beta, beta_guard) = beta.into_parts();
        let (y, mean, variance) =
            B::normalisation(x.clone(), gamma.clone(), beta.clone(), epsilon, relu);
        let state = Normalised {
            x,
            gamma,
            beta,
            mean: mean.clone(),
            variance: variance.clone(),
            epsilon,
            relu,
        };
        let y = match Normalisation
            .prepare::<C>([x_guard, gamma_guard, beta_guard])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(state, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn normed_convolution(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        kernels: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        origin: Origin,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        #[derive(Debug)]
        struct NormedConvolution;

        impl<B: KernelGradients> Backward<B, 5> for NormedConvolution {
            type State = (
                Input<FloatTensor<B>>,
                Passed<FloatTensor<B>>,
                FloatTensor<B>,
            );

            fn backward(
                self,
                ops: Ops<Self::State, 5>,
                gradients: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let gradient = gradients.consume::<B>(&ops.node);
                let (input, passed, kernels) = ops.state;
                let (x, doubled) = match input {
                    Input::Kept(x) => (x, None),
                    Input::Within(block, shape) => {
                        let output = block.output::<FloatTensor<B>>();
                        let all: Vec<Slice> = shape.iter().map(|&n| Slice::from(0..n)).collect();
                        (B::float_slice(output, &all), None)
                    }
                    Input::Small(x, how) => (x, Some(how)),
                };
                let state = passed.of(x);
                let results = B::normed_convolution_gradient(state, doubled, kernels, gradient);
                register::<B, 5>(gradients, ops.parents.map(|node| Some(node?.id)), results);
            }
        }

        let (x, x_guard) = x.into_parts();
        let (gamma, gamma_guard) = gamma.into_parts();
        let (beta, beta_guard) = beta.into_parts();
        let (kernels, kernels_guard) = kernels.into_parts();
        let (bias, bias_guard) = bias.into_parts();
        let (y, mean, variance) = B::normed_convolution(
            x.clone(),
            gamma.clone(),
            beta.clone(),
            epsilon,
            kernels.clone(),
            bias,
            origin.clone(),
        );
        let input = match origin {
            Origin::Input => Input::Kept(x),
            Origin::Block(block) => Input::Within(block, x.shape().to_vec()),
            Origin::Doubled(how) => Input::Small(x, how),
        };
        let passed = Passed {
            gamma,
            beta,
            mean: mean.clone(),
            variance: variance.clone(),
            epsilon,
        };
        let y = match NormedConvolution
            .prepare::<C>([x_guard, gamma_guard, beta_guard, kernels_guard, bias_guard])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish((input, passed, kernels), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        (y, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn affine_convolution(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        kernels: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        doubled: Option<Doubled>,
    ) -> FloatTensor<Self> {
        let x = match doubled {
            Some(how) => Self::double(x, how),
            None => x,
        };
        Self::convolution(Self::affine(x, scale, shift, true), kernels, bias)
    }

    fn affine(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        relu: bool,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Affine;

        impl<B: KernelGradients> Backward<B, 3> for Affine {
            type State = ([FloatTensor<B>; 3], bool);

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                gradients: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let ([x, scale, shift], relu) = ops.state;
                let gradient = gradients.consume::<B>(&ops.node);
                let results = B::affine_gradient(x, scale, shift, relu, gradient);
                register::<B, 3>(gradients, ops.parents.map(|node| Some(node?.id)), results);
            }
        }

        let (x, x_guard) = x.into_parts();
        let (scale, scale_guard) = scale.into_parts();
        let (shift, shift_guard) = shift.into_parts();
        let y = B::affine(x.clone(), scale.clone(), shift.clone(), relu);
        match Affine
            .prepare::<C>([x_guard, scale_guard, shift_guard])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(([x, scale, shift], relu), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn descend(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        step: Descent,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let inner = Self::inner;
        let (parameter, velocity) =
            B::descend(inner(parameter), inner(gradient), inner(velocity), step);
        (Self::from_inner(parameter), Self::from_inner(velocity))
    }
}
