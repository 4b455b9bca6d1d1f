use crate::ModelConfig;
use crate::nn::{Linear, Norm, Regime, gelu, softmax};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

/// Multi-head attention; queries may come from other tokens than keys and values.
#[derive(Clone, Debug)]
pub(crate) struct Attention {
    heads: usize,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
}

impl Attention {
    pub(crate) fn load(vb: &VarBuilder, config: &ModelConfig) -> Result<Self> {
        let dim = config.dim;
        Ok(Attention {
            heads: config.heads,
            query: Linear::load(&vb.pp("query"), dim, dim)?,
            key: Linear::load(&vb.pp("key"), dim, dim)?,
            value: Linear::load(&vb.pp("value"), dim, dim)?,
            out: Linear::load(&vb.pp("out"), dim, dim)?,
        })
    }

    /// `x` [N, Q, D] attends to `memory` [N, K, D]; `mask` [N, 1, 1, K] is added to the scores.
    pub(crate) fn forward(
        &self,
        x: &Tensor,
        memory: &Tensor,
        mask: Option<&Tensor>,
        regime: &Regime,
    ) -> Result<Tensor> {
        let (n, queries, dim) = x.dims3()?;
        let scale = 1.0 / ((dim / self.heads) as f64).sqrt();
        let q = (self.split(&self.query.forward(x)?)? * scale)?;
        let k = self.split(&self.key.forward(memory)?)?;
        let v = self.split(&self.value.forward(memory)?)?;
        let mut scores = q.matmul(&k.t()?)?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(mask)?;
        }
        let mixed = regime.dropout(&softmax(&scores)?)?.matmul(&v)?;
        self.out.forward(&mixed.transpose(1, 2)?.reshape((n, queries, dim))?)
    }

    /// [N, S, D] -> [N, heads, S, D / heads], contiguous.
    fn split(&self, x: &Tensor) -> Result<Tensor> {
        let (n, tokens, dim) = x.dims3()?;
        x.reshape((n, tokens, self.heads, dim / self.heads))?.transpose(1, 2)?.contiguous()
    }
}

/// linear, GELU, linear.
#[derive(Clone, Debug)]
pub(crate) struct FeedForward {
    up: Linear,
    down: Linear,
}

impl FeedForward {
    pub(crate) fn load(vb: &VarBuilder, config: &ModelConfig) -> Result<Self> {
        Ok(FeedForward {
            up: Linear::load(&vb.pp("up"), config.dim, config.ff)?,
            down: Linear::load(&vb.pp("down"), config.ff, config.dim)?,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.down.forward(&gelu(&self.up.forward(x)?)?)
    }
}

/// Pre-norm transformer encoder layer.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    norm1: Norm,
    attn: Attention,
    norm2: Norm,
    ff: FeedForward,
}

impl Layer {
    pub(crate) fn load(vb: &VarBuilder, config: &ModelConfig) -> Result<Self> {
        Ok(Layer {
            norm1: Norm::load(&vb.pp("norm1"), config.dim)?,
            attn: Attention::load(&vb.pp("attn"), config)?,
            norm2: Norm::load(&vb.pp("norm2"), config.dim)?,
            ff: FeedForward::load(&vb.pp("ff"), config)?,
        })
    }

    /// The layers `vb.0`, `vb.1`, ...
    pub(crate) fn load_stack(vb: &VarBuilder, count: usize, config: &ModelConfig) -> Result<Vec<Self>> {
        (0..count).map(|i| Layer::load(&vb.pp(i), config)).collect()
    }

    /// [N, S, D] -> [N, S, D].
    pub(crate) fn forward(&self, x: &Tensor, mask: Option<&Tensor>, regime: &Regime) -> Result<Tensor> {
        let normed = self.norm1.forward(x)?;
        let attended = self.attn.forward(&normed, &normed, mask, regime)?;
        let x = (x + regime.dropout(&attended)?)?;
        let fed = self.ff.forward(&self.norm2.forward(&x)?)?;
        x + regime.dropout(&fed)?
    }
}
