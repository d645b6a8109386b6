use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

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

#[derive(Default)]
struct Reader {
    path: Vec<String>,
    values: Values,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let values = tensor
            .into_data()
            .try_to_vec::<f32>()
            .expect("networks run in f32");
        self.values.insert(self.path.join("."), (shape, values));
    }
}
