use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::store::{
    ApplyError, BurnToPyTorchAdapter, ModuleRecord, ModuleSnapshot, ModuleStore,
    PyTorchToBurnAdapter, PytorchStore, SafetensorsStore,
};
use burn::tensor::{FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use super::{Network, torch_values, values};
use crate::artifact::{hash_file, open_file, replace_file};
use crate::error::{Error, Result};
use crate::text::Shown as _;

/// How torchvision and timm name the parameters of DenseNet-161, and how we do.
const TORCHVISION: [(&str, &str); 3] = [
    (
        r"^features\.denseblock(\d+)\.denselayer(\d+)\.(norm|conv)\.?([12])\.",
        "blocks.$1.layers.$2.$3$4.",
    ),
    (r"^features\.transition(\d+)\.", "transitions.$1."),
    (r"^features\.", ""),
];

/// What training scripts put around a state dict's names.
const WRAPPED: &str = r"^(?:(?:state_dict|model|module)\.)+";

/// PyTorch's counters of batches, which no network here has.
const COUNTER: &str = "num_batches_tracked";

/// What loading foreign weights did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadReport {
    /// The file, as it was named.
    pub file: String,
    /// Its BLAKE3.
    pub hash: String,
    /// Tensors that found their parameter.
    pub loaded: usize,
    /// Parameters of the network that the file does not have; they keep their initial values.
    pub missing: Vec<String>,
    /// Tensors of the file that no parameter took.
    pub unexpected: Vec<String>,
}

/// A file of weights by its name's ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Safetensors,
    /// What `torch.save` writes, with and without the zip around it.
    Pickle,
    /// Burn's own record.
    Burnpack,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|ext| ext.to_str()) {
            Some("safetensors") => Ok(Self::Safetensors),
            Some("pth" | "pt" | "bin") => Ok(Self::Pickle),
            Some("bpk") => Ok(Self::Burnpack),
            _ => Err(Error::usage(
                format!("{}: no known file of weights", path.shown()),
                "weights are .safetensors, .pth, .pt, .bin (PyTorch) or .bpk (Burn)",
            )),
        }
    }
}

/// Writes a network's parameters and running statistics: `.safetensors` with PyTorch's names and
/// layouts (a `state_dict` of modules named like ours), or `.bpk`, Burn's own record.
pub fn export_weights(network: &Network, path: &Path) -> Result<()> {
    // The validation snapshot brings the running statistics up to date.
    let network = network.valid();
    match Format::of(path)? {
        Format::Safetensors => replace_file(path, |temporary| {
            let mut store = SafetensorsStore::from_file(temporary)
                .clear_metadata()
                .skip_enum_variants(true)
                .with_to_adapter(BurnToPyTorchAdapter);
            network.save_into(&mut store).map_err(Error::saving(path))
        }),
        Format::Burnpack => replace_file(path, |temporary| {
            let record = network.into_record();
            record.save(temporary).map_err(Error::saving(path))
        }),
        Format::Pickle => Err(Error::usage(
            "PyTorch's pickled files are read, not written",
            "export .safetensors; safetensors.torch.load_file reads it",
        )),
    }
}

/// Loads a whole network's weights as [`export_weights`] or PyTorch wrote them. Every tensor of
/// the network has to be in the file.
pub fn import_weights(network: Network, path: &Path) -> Result<(Network, LoadReport)> {
    let refuse = |problem: String| {
        Error::malformed(
            path,
            problem,
            "the same part, recipe and scale are expected, named as `hdbench model export MODEL --out FILE` does",
        )
    };
    look(path)?;
    let mut network = network;
    let report = match Format::of(path)? {
        Format::Burnpack => {
            let hash = hash_file(path)?;
            let record = ModuleRecord::load(path).map_err(|e| refuse(e.to_string()))?;
            network = network
                .try_load_record(record)
                .map_err(|e| refuse(unfit_record(&e.to_string())))?;
            LoadReport {
                file: path.display().to_string(),
                hash,
                loaded: values(&network).len(),
                missing: Vec::new(),
                unexpected: Vec::new(),
            }
        }
        format => load(&mut network, path, format, &[]).map_err(refuse)?,
    };
    let report = complete(report, &refuse)?;
    finite(&network).map_err(refuse)?;
    Ok((network, report))
}

/// Loads torchvision's or timm's DenseNet-161 (`.pth`, `.pt`, `.bin`, `.safetensors`) into the
/// encoder of a slice classifier. Every tensor of the encoder has to be in the file; the
/// classifier's are left.
pub fn load_encoder(network: &mut Network, path: &Path) -> Result<LoadReport> {
    let Network::Classifier(classifier) = network else {
        return Err(Error::Internal(
            "only a slice classifier has an encoder to load".into(),
        ));
    };
    let refuse = |problem: String| {
        Error::malformed(
            path,
            problem,
            "a state dict of torchvision's or timm's densenet161 is expected, at scale full",
        )
    };
    let format = Format::of(path)?;
    look(path)?;
    let report = match format {
        Format::Burnpack => {
            return Err(refuse("Burn's records hold whole networks".into()));
        }
        _ => load(&mut classifier.encoder, path, format, &TORCHVISION).map_err(refuse)?,
    };
    let report = complete(report, &refuse)?;
    finite(&classifier.encoder).map_err(refuse)?;
    Ok(report)
}

/// Whether a file names its tensors as torchvision does.
pub fn is_torchvision(path: &Path) -> Result<bool> {
    let has_features = |names: Vec<String>| names.iter().any(|name| name.contains("features."));
    let unreadable = |e: String| Error::malformed(path, e, "a file of weights is expected");
    look(path)?;
    match Format::of(path)? {
        Format::Burnpack => Ok(false),
        Format::Safetensors => {
            let names = SafetensorsStore::from_file(path).keys();
            names
                .map(has_features)
                .map_err(|e| unreadable(e.to_string()))
        }
        Format::Pickle => {
            let names = PytorchStore::from_file(path).keys();
            names
                .map(has_features)
                .map_err(|e| unreadable(e.to_string()))
        }
    }
}

/// Refuses what is no file, before a library opens it.
fn look(path: &Path) -> Result<()> {
    open_file(path).map(drop).map_err(Error::read(path))
}

fn complete(report: LoadReport, refuse: &dyn Fn(String) -> Error) -> Result<LoadReport> {
    match report.missing.first() {
        Some(first) => Err(refuse(format!(
            "{} tensors of the network are not in the file, the first is {first}",
            report.missing.len()
        ))),
        None => Ok(report),
    }
}

/// Tensors of another shape that are listed one by one.
const LISTED: usize = 5;

/// What is wrong with tensors that a module could not take: a line each for the first of them.
pub(super) fn unfitting(errors: &[ApplyError]) -> Result<(), String> {
    if errors.is_empty() {
        return Ok(());
    }
    let shape = |shape: &[usize]| {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        sizes.join(" x ")
    };
    let line = |error: &ApplyError| match error {
        ApplyError::ShapeMismatch {
            path,
            expected,
            found,
        } => format!(
            "  {path}: expected {}, found {}",
            shape(expected),
            shape(found)
        ),
        ApplyError::DTypeMismatch {
            path,
            expected,
            found,
        } => format!("  {path}: expected numbers like {expected:?}, found {found:?}"),
        ApplyError::AdapterError { path, message } | ApplyError::LoadError { path, message } => {
            format!("  {path}: {message}")
        }
    };
    let mut lines: Vec<String> = errors.iter().map(line).collect();
    // The store keeps its tensors in a hash map.
    lines.sort_unstable();
    Err(first_lines(&format!(
        "{} tensors do not fit the network:\n{}",
        errors.len(),
        lines.join("\n")
    )))
}

/// What Burn says of a record that a network could not take, which is the same list in one line.
fn unfit_record(text: &str) -> String {
    let listed = text
        .split_once(": [\"")
        .and_then(|(_, list)| list.strip_suffix("\"]"));
    let Some(list) = listed else {
        return first_lines(text);
    };
    let lines: Vec<String> = list
        .split("\", \"")
        .map(|line| format!("  {}", line.replace("Shape { dims: ", "").replace(" }", "")))
        .collect();
    first_lines(&format!(
        "{} tensors do not fit the network:\n{}",
        lines.len(),
        lines.join("\n")
    ))
}

/// The first lines of a long text, and how many more there are.
fn first_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines.len().min(LISTED + 1);
    let mut first = lines[..shown].join("\n");
    if lines.len() > shown {
        first += &format!("\n  and {} more", lines.len() - shown);
    }
    first
}

/// Refuses weights that are no numbers, naming the first of them: a network with such answers nothing.
pub(crate) fn finite<M: Module>(module: &M) -> Result<(), String> {
    for (name, (_, numbers)) in torch_values(module) {
        let wrong: Vec<f32> = numbers.iter().copied().filter(|x| !x.is_finite()).collect();
        if let Some(first) = wrong.first() {
            return Err(format!(
                "{name} holds {first}; {} of its {} values are no finite numbers",
                wrong.len(),
                numbers.len()
            ));
        }
    }
    Ok(())
}

struct SinglePrecision;

impl ModuleMapper for SinglePrecision {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        Param::from_mapped_value(id, value.cast(FloatDType::F32), mapper)
    }
}

/// Fills a module from PyTorch's names, after renaming them.
fn load<M: ModuleSnapshot>(
    module: &mut M,
    path: &Path,
    format: Format,
    renamed: &[(&str, &str)],
) -> Result<LoadReport, String> {
    // Only names counted from 1 need new numbers; in ours a gap is an error.
    let renumber = !renamed.is_empty();
    let renamed = || std::iter::once(&(WRAPPED, "")).chain(renamed);
    let hash = hash_file(path).map_err(|e| e.to_string())?;
    let result = if format == Format::Safetensors {
        let mut store = SafetensorsStore::from_file(path)
            .with_from_adapter(PyTorchToBurnAdapter)
            .skip_enum_variants(true)
            .map_indices_contiguous(renumber)
            .validate(false)
            .allow_partial(true);
        for (from, to) in renamed() {
            store = store.with_key_remapping(from, *to);
        }
        module.load_from(&mut store).map_err(|e| e.to_string())?
    } else {
        let mut store = PytorchStore::from_file(path)
            .map_indices_contiguous(renumber)
            .validate(false)
            .allow_partial(true);
        for (from, to) in renamed() {
            store = store.with_key_remapping(from, *to);
        }
        module.load_from(&mut store).map_err(|e| e.to_string())?
    };
    unfitting(&result.errors)?;
    // A parameter keeps the precision of its file; networks run in 32 bits.
    *module = module.clone().map(&mut SinglePrecision);
    Ok(LoadReport {
        file: path.display().to_string(),
        hash,
        loaded: result.applied.len(),
        missing: result.missing.into_iter().map(|(name, _)| name).collect(),
        unexpected: result
            .unused
            .into_iter()
            .filter(|name| !name.ends_with(COUNTER))
            .collect(),
    })
}
