use crate::{ConfigError, ModelConfig, slots};
use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempest_contract::{Contract, ContractError};
use thiserror::Error;

/// The one key of a checkpoint's `__metadata__`.
pub const METADATA_KEY: &str = "tempest";

/// Largest checkpoint that is read; a `base` model is 23 MB.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// A trained model: what it promises, its sizes, how it was trained, its tensors.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Labels, codec, view, window.
    pub contract: Contract,
    /// Sizes.
    pub config: ModelConfig,
    /// The training record: data set, split, seed, epochs, metrics.
    pub training: serde_json::Value,
    /// Every tensor by name, float32 on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
}

/// Why a file is not a usable checkpoint. The path is left to the caller's message.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Reading or writing failed.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Larger than any checkpoint.
    #[error("{bytes} bytes is more than a checkpoint may have ({MAX_FILE_BYTES})")]
    TooLarge {
        /// Size of the file.
        bytes: u64,
    },
    /// Not a safetensors file, or a damaged one.
    #[error("not a safetensors file, or a damaged one ({0}); give the model.safetensors that tempest-train wrote")]
    Format(#[from] safetensors::SafeTensorError),
    /// A safetensors file of another tool.
    #[error("no '{METADATA_KEY}' metadata: not written by tempest-train; retrain with `tempest-train fit`")]
    Foreign,
    /// The metadata is no contract, config and training record.
    #[error("metadata: {0}")]
    Metadata(#[from] serde_json::Error),
    /// The contract is unusable.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The sizes are unusable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A tensor that the model needs is absent.
    #[error("tensor '{name}' is missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A tensor that no model of this config has.
    #[error("tensor '{name}' does not belong to a model of this config")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A tensor of another shape than the config says.
    #[error("tensor '{name}' has shape {found:?}, the config says {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape by the config.
        expected: Vec<usize>,
    },
    /// A tensor of another type than float32.
    #[error("tensor '{name}' is {found:?}, checkpoints are F32")]
    Dtype {
        /// Its name.
        name: String,
        /// Type in the file.
        found: safetensors::Dtype,
    },
    /// NaN or infinity among the weights.
    #[error("tensor '{name}' holds a value that is not finite; training diverged, use an earlier checkpoint")]
    NotFinite {
        /// Its name.
        name: String,
    },
    /// Candle refused.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    contract: Contract,
    config: ModelConfig,
    training: serde_json::Value,
}

impl Checkpoint {
    /// Reads a checkpoint and checks it: contract, sizes, every tensor's name, shape, type and values.
    /// The decoder's tensors may be absent as a whole.
    ///
    /// # Errors
    /// [`CheckpointError`] names the field or the tensor.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        Self::from_bytes(&Self::read(path)?)
    }

    /// The bytes of a checkpoint's file, which must be a regular file of bounded size.
    ///
    /// # Errors
    /// [`CheckpointError::Io`] or [`CheckpointError::TooLarge`].
    pub fn read(path: &Path) -> Result<Vec<u8>, CheckpointError> {
        let io = |source| CheckpointError::Io { action: "cannot read", path: path.into(), source };
        let metadata = std::fs::metadata(path).map_err(io)?;
        if !metadata.is_file() {
            return Err(io(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a file")));
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(CheckpointError::TooLarge { bytes: metadata.len() });
        }
        std::fs::read(path).map_err(io)
    }

    /// [`Checkpoint::open`] on the bytes of a file.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let json = header.metadata().as_ref().and_then(|m| m.get(METADATA_KEY)).ok_or(CheckpointError::Foreign)?;
        let Metadata { contract, config, training } = serde_json::from_str(json)?;
        contract.check()?;
        let file = SafeTensors::deserialize(bytes)?;
        let tensors = read_tensors(&file, &contract, &config)?;
        Ok(Checkpoint { contract, config, training, tensors })
    }

    /// Writes the checkpoint under a temporary name and renames it, so that `path` is never half a file.
    /// The same checkpoint gives the same bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Io`], or a tensor that is not float32.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let io = |source| CheckpointError::Io { action: "cannot write", path: path.into(), source };
        let temporary = path.with_extension("safetensors.tmp");
        let mut file = std::fs::File::create(&temporary).map_err(io)?;
        file.write_all(&self.to_bytes()?).and_then(|()| file.sync_all()).map_err(io)?;
        std::fs::rename(&temporary, path).map_err(io)
    }

    /// The bytes that [`Checkpoint::write`] writes.
    ///
    /// # Errors
    /// A tensor that is not float32.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CheckpointError> {
        let metadata =
            Metadata { contract: self.contract.clone(), config: self.config, training: self.training.clone() };
        let mut raw = BTreeMap::new();
        for (name, tensor) in &self.tensors {
            let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            raw.insert(name.as_str(), (tensor.dims().to_vec(), bytes));
        }
        let mut views = Vec::new();
        for (name, (shape, bytes)) in &raw {
            views.push((*name, TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes)?));
        }
        let metadata = [(METADATA_KEY.to_string(), serde_json::to_string(&metadata)?)].into();
        Ok(safetensors::serialize(views, Some(metadata))?)
    }

    /// Number of trained values: `(inference, decoder)`.
    #[must_use]
    pub fn parameters(&self) -> (usize, usize) {
        let count = |decoder: bool| {
            let of = self.tensors.iter().filter(|(name, _)| name.starts_with("decoder.") == decoder);
            of.map(|(_, tensor)| tensor.elem_count()).sum()
        };
        (count(false), count(true))
    }
}

fn read_tensors(
    file: &SafeTensors,
    contract: &Contract,
    config: &ModelConfig,
) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    let slots = slots(contract, config)?;
    if let Some(name) = file.names().iter().find(|name| !slots.contains_key(**name)) {
        return Err(CheckpointError::Unknown { name: (*name).to_string() });
    }
    let with_decoder = file.names().iter().any(|name| name.starts_with("decoder."));
    let wanted = slots.iter().filter(|(_, slot)| with_decoder || !slot.decoder);
    wanted
        .map(|(name, slot)| {
            let view = file.tensor(name).map_err(|_| CheckpointError::Missing { name: name.clone() })?;
            Ok((name.clone(), read_tensor(name, &view, &slot.shape)?))
        })
        .collect()
}

fn read_tensor(name: &str, view: &TensorView, expected: &[usize]) -> Result<Tensor, CheckpointError> {
    let name = name.to_string();
    if view.dtype() != safetensors::Dtype::F32 {
        return Err(CheckpointError::Dtype { name, found: view.dtype() });
    }
    if view.shape() != expected {
        return Err(CheckpointError::Shape { name, found: view.shape().to_vec(), expected: expected.to_vec() });
    }
    let finite = view.data().as_chunks::<4>().0.iter().all(|bytes| f32::from_le_bytes(*bytes).is_finite());
    if !finite {
        return Err(CheckpointError::NotFinite { name });
    }
    Ok(Tensor::from_raw_buffer(view.data(), DType::F32, expected, &Device::Cpu)?)
}
