use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

/// How many numbers a network holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParameterCount {
    /// Kernels, biases, affine parts of batch norms.
    pub trainable: usize,
    /// Running statistics of batch norms.
    pub buffers: usize,
    /// The part of `trainable` that affine batch norms of DenseNet encoders hold: as many again
    /// stand in the Scale layers of the released Keras code.
    pub encoder_affine: usize,
}

impl ParameterCount {
    /// Trainable parameters and buffers.
    pub fn total(self) -> usize {
        self.trainable + self.buffers
    }

    /// The count as the released code has it, with a Scale layer after each encoder BN.
    pub fn with_scale_layers(mut self) -> Self {
        self.trainable += self.encoder_affine;
        self
    }
}

/// Counts without initialising anything.
pub fn count_parameters<M: Module>(module: &M) -> ParameterCount {
    let mut counter = Counter::default();
    module.visit(&mut counter);
    counter.count
}

#[derive(Default)]
struct Counter {
    path: Vec<String>,
    count: ParameterCount,
}

impl ModuleVisitor for Counter {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let elements = param.lazy_shape().num_elements();
        match self.path.last().map(String::as_str) {
            Some("running_mean" | "running_var") => self.count.buffers += elements,
            Some("gamma" | "beta") if self.path.iter().any(|name| name == "encoder") => {
                self.count.trainable += elements;
                self.count.encoder_affine += elements;
            }
            _ => self.count.trainable += elements,
        }
    }
}

/// Every parameter and buffer by its path: its shape and its values.
pub type Values = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Reads all values of a module; take a training module's [`Module::valid`] first, which brings
/// the running statistics up to date.
pub fn values<M: Module>(module: &M) -> Values {
    let mut reader = Reader::default();
    module.visit(&mut reader);
    reader.values
}

/// The same under the names and in the layouts that PyTorch has for them.
pub fn torch_values<M: Module>(module: &M) -> Values {
    let mut reader = Reader {
        torch: true,
        ..Reader::default()
    };
    module.visit(&mut reader);
    reader.values
}

/// The gradient of every parameter that has one, named and laid out as by [`torch_values`].
pub fn torch_gradients<M: Module>(module: &M, gradients: &Gradients) -> Values {
    let mut reader = Reader {
        torch: true,
        gradients: Some(gradients),
        ..Reader::default()
    };
    module.visit(&mut reader);
    reader.values
}

/// Shape and values of a tensor.
pub fn read<const D: usize>(tensor: Tensor<D>) -> (Vec<usize>, Vec<f32>) {
    let shape = tensor.dims().to_vec();
    let values = tensor.into_data().try_to_vec::<f32>();
    (shape, values.expect("networks run in f32"))
}

#[derive(Default)]
struct Reader<'a> {
    path: Vec<String>,
    containers: Vec<String>,
    torch: bool,
    gradients: Option<&'a Gradients>,
    values: Values,
}

impl Reader<'_> {
    /// As `BurnToPyTorchAdapter` renames on the way to a file.
    fn name(&self) -> String {
        if !self.torch {
            return self.path.join(".");
        }
        let named = self.path.iter().zip(&self.containers);
        let named = named.filter(|(_, container)| !container.starts_with("Enum:"));
        let pieces: Vec<&str> = named
            .map(
                |(name, container)| match (name.as_str(), container.as_str()) {
                    ("gamma", "Struct:BatchNorm") => "weight",
                    ("beta", "Struct:BatchNorm") => "bias",
                    (name, _) => name,
                },
            )
            .collect();
        pieces.join(".")
    }
}

impl ModuleVisitor for Reader<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = match self.gradients {
            None => Some(param.val()),
            Some(gradients) => param.val().grad(gradients),
        };
        let Some(tensor) = tensor else {
            return;
        };
        let linear = self.containers.last().is_some_and(|c| c == "Struct:Linear");
        // Burn's linear layer is [in, out], PyTorch's [out, in].
        let tensor = if self.torch && linear && D == 2 {
            tensor.swap_dims(0, 1)
        } else {
            tensor
        };
        self.values.insert(self.name(), read(tensor));
    }
}
