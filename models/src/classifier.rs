use crate::ModelConfig;
use crate::layer::Layer;
use crate::nn::{Linear, MASKED, Norm, Regime, sinusoids};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

/// Reads the tokens of a window and gives one logit per class.
#[derive(Clone, Debug)]
pub(crate) struct Classifier {
    cls: Tensor,
    positions: Tensor,
    layers: Vec<Layer>,
    norm: Norm,
    head: Linear,
}

impl Classifier {
    pub(crate) fn load(vb: &VarBuilder, config: &ModelConfig, max_tokens: usize, classes: usize) -> Result<Self> {
        let vb = vb.pp("classifier");
        Ok(Classifier {
            cls: vb.get(config.dim, "cls")?,
            positions: Tensor::from_vec(sinusoids(max_tokens, config.dim), (max_tokens, config.dim), vb.device())?,
            layers: Layer::load_stack(&vb.pp("layers"), config.clip_layers, config)?,
            norm: Norm::load(&vb.pp("norm"), config.dim)?,
            head: Linear::load(&vb.pp("head"), config.dim, classes)?,
        })
    }

    /// `tokens` [N, S, D] of which row i has `lengths[i]` real ones -> [N, C].
    pub(crate) fn forward(&self, tokens: &Tensor, lengths: &[usize], regime: &Regime) -> Result<Tensor> {
        let (n, count, dim) = tokens.dims3()?;
        let tokens = tokens.broadcast_add(&self.positions.narrow(0, 0, count)?)?;
        let cls = self.cls.reshape((1, 1, dim))?.broadcast_as((n, 1, dim))?;
        let mut x = regime.dropout(&Tensor::cat(&[&cls, &tokens], 1)?)?;
        let mask = key_mask(lengths, count, &x)?;
        for layer in &self.layers {
            x = layer.forward(&x, mask.as_ref(), regime)?;
        }
        self.head.forward(&self.norm.forward(&x.narrow(1, 0, 1)?.squeeze(1)?)?, regime)
    }
}

/// [N, 1, 1, 1 + S]: [`MASKED`] where the key is padding; none where every row is full.
fn key_mask(lengths: &[usize], count: usize, like: &Tensor) -> Result<Option<Tensor>> {
    if lengths.iter().all(|&length| length >= count) {
        return Ok(None);
    }
    let row = |length: usize| (0..=count).map(move |key| if key <= length { 0.0 } else { MASKED });
    let mask: Vec<f32> = lengths.iter().flat_map(|&length| row(length)).collect();
    Tensor::from_vec(mask, (lengths.len(), 1, 1, count + 1), like.device()).map(Some)
}
