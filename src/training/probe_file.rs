use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::batch::{Batch, IGNORED};
use super::probe::Probe;
use crate::artifact::{read_file, write_atomic};
use crate::error::{Error, Result};
use crate::network::{Input, NetworkKind, ORGANS};

const HINT: &str = "a .safetensors file with `input`, f32 [n, 1, slices, y, x], and `labels`, u8 [n, z, y, x], is \
     expected; the encoder takes which organs a slice shows, [n, 14, 1, 1]";

/// Reads a batch for [`super::probe`] from a `.safetensors` file: `input`, f32 `[n, 1, s, y, x]`, HU
/// minus the mean, and `labels`, u8 `[n, z, y, x]`.
pub fn read_batch(path: &Path, part: NetworkKind, input: Input) -> Result<Batch> {
    let bytes = read_file(path).map_err(Error::read(path))?;
    let refuse = |problem: String| Error::malformed(path, problem, HINT);
    let file = SafeTensors::deserialize(&bytes).map_err(|e| refuse(e.to_string()))?;
    let tensor = |name: &str, dtype: Dtype| {
        let tensor = file.tensor(name).map_err(|e| refuse(e.to_string()))?;
        if tensor.dtype() == dtype {
            Ok(tensor)
        } else {
            Err(refuse(format!(
                "{name} holds {:?}, not {dtype:?}",
                tensor.dtype()
            )))
        }
    };
    let image = tensor("input", Dtype::F32)?;
    let labels = tensor("labels", Dtype::U8)?;
    let image_shape: [usize; 5] = image
        .shape()
        .try_into()
        .map_err(|_| refuse(format!("input has the shape {:?}", image.shape())))?;
    let labels_shape: [usize; 4] = labels
        .shape()
        .try_into()
        .map_err(|_| refuse(format!("labels have the shape {:?}", labels.shape())))?;
    let [n, channels, slices, y, x] = image_shape;
    let fits = match input {
        Input::Slices { neighbours } => slices == 2 * neighbours + 1,
        Input::Volume => n == 1 && slices > 0 && slices.is_multiple_of(4),
    };
    let plane_fits = |size: usize| size > 0 && size.is_multiple_of(32);
    if !(fits && n > 0 && channels == 1 && plane_fits(y) && plane_fits(x)) {
        return Err(refuse(format!(
            "input has the shape {image_shape:?}, which {part} does not take (planes are multiples of 32)"
        )));
    }
    let (depth, plane) = match (part, input) {
        (NetworkKind::Encoder, _) => (ORGANS, [1, 1]),
        (_, Input::Slices { .. }) => (1, [y, x]),
        (_, Input::Volume) => (slices, [y, x]),
    };
    if labels_shape != [n, depth, plane[0], plane[1]] {
        return Err(refuse(format!(
            "labels have the shape {labels_shape:?}, which does not fit input {image_shape:?}"
        )));
    }
    let classes = match part {
        NetworkKind::Coarse | NetworkKind::Encoder => 2,
        NetworkKind::Variant(_) => 3,
    };
    let strange = |&&label: &&u8| label >= classes && label != IGNORED;
    if let Some(label) = labels.data().iter().find(strange) {
        return Err(refuse(format!("{label} is no label of {part}")));
    }
    let (values, _) = image.data().as_chunks::<4>();
    Ok(Batch {
        image: values
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect(),
        image_shape,
        labels: labels.data().to_vec(),
        labels_shape,
    })
}

/// Writes a probe as `.safetensors`: its answers, `gradient.<parameter>` and `after.<tensor>`.
pub fn write_probe(path: &Path, probe: &Probe) -> Result<()> {
    let parts = [
        ("", &probe.answers),
        ("gradient.", &probe.gradients),
        ("after.", &probe.after),
    ];
    let mut tensors = Vec::new();
    for (prefix, values) in parts {
        for (key, (shape, values)) in values {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            tensors.push((format!("{prefix}{key}"), shape.clone(), bytes));
        }
    }
    let failed = |e: safetensors::SafeTensorError| Error::Internal(e.to_string());
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(failed)?;
            Ok((name.as_str(), view))
        })
        .collect::<Result<Vec<_>>>()?;
    let bytes = safetensors::serialize(views, None).map_err(failed)?;
    write_atomic(path, &bytes)
}
