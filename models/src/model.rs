use crate::classifier::Classifier;
use crate::decoder::{ByteDecoder, NumericDecoder, Reconstruction};
use crate::encoder::{ByteEncoder, Encoder, NumericEncoder};
use crate::nn::Regime;
use crate::{Checkpoint, Columns, ModelConfig};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use std::collections::BTreeMap;
use tempest_contract::{Contract, ViewKind};

/// The whole model: block encoder, classifier and, where its tensors are given, the decoder.
#[derive(Clone, Debug)]
pub struct Model {
    encoder: Encoder,
    classifier: Classifier,
    decoder: Option<Reconstruction>,
}

impl Model {
    /// Builds the model on `tensors`, which are shared, not copied: a `Var`'s tensor stays the variable.
    ///
    /// # Errors
    /// A missing or misshapen tensor, named; a view layout of another build.
    pub fn new(contract: &Contract, config: &ModelConfig, tensors: &BTreeMap<String, Tensor>) -> Result<Self> {
        let device = tensors.values().next().map_or(Device::Cpu, |tensor| tensor.device().clone());
        let with_decoder = tensors.keys().any(|name| name.starts_with("decoder."));
        let map = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
        let vb = VarBuilder::from_tensors(map, DType::F32, &device);
        let row = contract.view.row;
        let (encoder, decoder) = match contract.view.kind {
            ViewKind::Bytes => {
                let encoder = Encoder::Bytes(Box::new(ByteEncoder::load(&vb, config, row)?));
                let load = || ByteDecoder::load(&vb, config, row).map(|d| Reconstruction::Bytes(Box::new(d)));
                (encoder, with_decoder.then(load).transpose()?)
            }
            ViewKind::Fields | ViewKind::Scalefactors | ViewKind::Symbols => {
                let columns = Columns::of(contract).map_err(candle_core::Error::wrap)?;
                let encoder = Encoder::Numeric(Box::new(NumericEncoder::load(&vb, config, &columns)?));
                let load = || NumericDecoder::load(&vb, config, &columns).map(|d| Reconstruction::Numeric(Box::new(d)));
                (encoder, with_decoder.then(load).transpose()?)
            }
        };
        let max_tokens = contract.window.blocks * config.tokens_per_block;
        let classifier = Classifier::load(&vb, config, max_tokens, contract.labels.len())?;
        Ok(Model { encoder, classifier, decoder })
    }

    /// The model of a checkpoint, on `device`.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn load(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let tensors: Result<BTreeMap<_, _>> =
            checkpoint.tensors.iter().map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?))).collect();
        Self::new(&checkpoint.contract, &checkpoint.config, &tensors?)
    }

    /// Encodes blocks: int64 rows [N, F] -> float32 [N, L', D]. Every block on its own.
    ///
    /// # Errors
    /// Rows of another length.
    pub fn encode(&self, rows: &Tensor) -> Result<Tensor> {
        self.encode_with(rows, &Regime::Infer)
    }

    /// [`Model::encode`] under a regime.
    ///
    /// # Errors
    /// Rows of another length.
    pub fn encode_with(&self, rows: &Tensor, regime: &Regime) -> Result<Tensor> {
        self.encoder.forward(rows, regime)
    }

    /// Classifies windows: float32 tokens [N, S, D], S <= T L', of which row i has `lengths[i]` real ones -> [N, C].
    ///
    /// # Errors
    /// More tokens than a window holds.
    pub fn classify(&self, tokens: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        self.classify_with(tokens, lengths, &Regime::Infer)
    }

    /// [`Model::classify`] under a regime.
    ///
    /// # Errors
    /// More tokens than a window holds.
    pub fn classify_with(&self, tokens: &Tensor, lengths: &[usize], regime: &Regime) -> Result<Tensor> {
        self.classifier.forward(tokens, lengths, regime)
    }

    /// The decoder, where the tensors held one.
    #[must_use]
    pub fn decoder(&self) -> Option<&Reconstruction> {
        self.decoder.as_ref()
    }
}
