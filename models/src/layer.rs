use crate::ModelConfig;
use crate::nn::{Linear, Norm, Regime, attention_shares};
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

    /// `residual` and what `x` [N, Q, D] finds in `memory` [N, K, D]; `mask` [N, 1, 1, K] is added to the scores.
    pub(crate) fn onto(
        &self,
        residual: &Tensor,
        x: &Tensor,
        memory: &Tensor,
        mask: Option<&Tensor>,
        regime: &Regime,
    ) -> Result<Tensor> {
        let (n, queries, dim) = x.dims3()?;
        let scale = 1.0 / ((dim / self.heads) as f64).sqrt();
        let q = self.split(&self.query.forward(x, regime)?)?;
        let k = self.split(&self.key.forward(memory, regime)?)?;
        let v = self.split(&self.value.forward(memory, regime)?)?;
        let shares = attention_shares(&regime.precision().product_t(&q, &k)?, scale, mask)?;
        let mixed = regime.precision().product(&regime.dropout(&shares)?, &v)?;
        self.out.forward_onto(&mixed.transpose(1, 2)?.reshape((n, queries, dim))?, residual, regime)
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

    /// `residual` and what the network makes of `x`.
    pub(crate) fn onto(&self, residual: &Tensor, x: &Tensor, regime: &Regime) -> Result<Tensor> {
        self.down.forward_onto(&self.up.forward_gelu(x, regime)?, residual, regime)
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
        let x = self.attn.onto(x, &normed, &normed, mask, regime)?;
        self.ff.onto(&x, &self.norm2.forward(&x)?, regime)
    }
}
