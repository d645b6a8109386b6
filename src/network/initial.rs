use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

use crate::seed::Seed;

/// The same module with initial values from our own streams, one a parameter, named after its
/// path: kernels normal with variance 2 / fan-in (He et al. 2015, as DenseNet's authors do),
/// biases 0, batch norms the identity.
///
/// The parameters' ids follow from their paths too, because an optimiser keys its momentum by
/// them and a resumed run has to find it again.
pub fn initialise<M: Module>(module: M, seed: Seed) -> M {
    module.map(&mut Initialiser {
        seed,
        path: Vec::new(),
    })
}

/// The same module with parameter ids that follow from the paths, after parts of different origin
/// were put together.
pub fn identify<M: Module>(module: M) -> M {
    module.map(&mut Identifier { path: Vec::new() })
}

struct Identifier {
    path: Vec<String>,
}

impl ModuleMapper for Identifier {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (_, value, mapper) = param.consume();
        Param::from_mapped_value(id_of(&self.path.join(".")), value, mapper)
    }
}

struct Initialiser {
    seed: Seed,
    path: Vec<String>,
}

impl ModuleMapper for Initialiser {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.join(".");
        let shape: [usize; D] = param.lazy_shape().dims();
        let device = param.lazy_device();
        let name = self.path.last().map_or("", String::as_str);
        let values = match name {
            "gamma" | "running_var" => vec![1.0; shape.iter().product()],
            "weight" => kernel(self.seed, &path, &shape),
            _ => vec![0.0; shape.iter().product()],
        };
        let mut param = Param::<Tensor<D>>::from_data(TensorData::new(values, shape), &device);
        param.id = id_of(&path);
        param
    }
}

fn kernel(seed: Seed, path: &str, shape: &[usize]) -> Vec<f32> {
    // Convolutions are [out, in, kernel...]; Burn's linear layer is [in, out], its transposed
    // convolution [in, out, kernel...], and both see each input channel once an output value.
    let transposed = path.contains("rise") || shape.len() == 2;
    let fan_in: usize = if transposed {
        shape[0]
    } else {
        shape[1..].iter().product()
    };
    let deviation = (2.0 / fan_in as f64).sqrt();
    let mut stream = seed.stream(&format!("initial/{path}"));
    (0..shape.iter().product())
        .map(|_| (deviation * stream.normal()) as f32)
        .collect()
}

/// An id that depends on the path alone.
fn id_of(path: &str) -> ParamId {
    let hash = blake3::hash(path.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    ParamId::from(u64::from_le_bytes(bytes))
}
