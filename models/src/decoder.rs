//! D_t, for training only: predicts a block's row from its tokens, which keeps the tokens informative (L_r).

use crate::encoder::{BYTE_VALUES, NumericInputs};
use crate::layer::{Attention, FeedForward};
use crate::nn::{Linear, Norm, Regime, log_softmax};
use crate::{Columns, ModelConfig};
use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use serde::Serialize;
use tempest_blocks::mp3::bytes::PAD;

/// Whether L_r of the view `bytes` asks for PAD where a block is shorter than L; the paper does not say. Numeric rows have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReconPadding {
    /// Every place of the row counts alike.
    #[default]
    Counted,
    /// Only the block's own bytes count.
    Masked,
}

/// The decoder of a view.
#[derive(Clone, Debug)]
pub enum Reconstruction {
    /// Every byte through a 257-way head.
    #[doc(hidden)]
    Bytes(Box<ByteDecoder>),
    /// Every number and every category.
    #[doc(hidden)]
    Numeric(Box<NumericDecoder>),
}

impl Reconstruction {
    /// L_r of `tokens` [N, L', D] against the rows [N, F] they came from: a scalar, averaged over what is predicted.
    ///
    /// # Errors
    /// Shapes that do not fit each other.
    pub fn loss(&self, tokens: &Tensor, rows: &Tensor, padding: ReconPadding, regime: &Regime) -> Result<Tensor> {
        match self {
            Reconstruction::Bytes(decoder) => decoder.loss(tokens, rows, padding, regime),
            Reconstruction::Numeric(decoder) => decoder.loss(tokens, rows, regime),
        }
    }
}

/// One transformer decoder layer: L position queries attend to the block's tokens.
#[derive(Clone, Debug)]
pub struct ByteDecoder {
    queries: Tensor,
    norm1: Norm,
    memory_norm: Norm,
    attn: Attention,
    norm2: Norm,
    ff: FeedForward,
    norm: Norm,
    head: Linear,
}

impl ByteDecoder {
    pub(crate) fn load(vb: &VarBuilder, config: &ModelConfig, tokens: usize) -> Result<Self> {
        let vb = vb.pp("decoder");
        let norm = |name: &str| Norm::load(&vb.pp(name), config.dim);
        Ok(ByteDecoder {
            queries: vb.get((tokens, config.dim), "queries")?,
            norm1: norm("norm1")?,
            memory_norm: norm("memory_norm")?,
            attn: Attention::load(&vb.pp("attn"), config)?,
            norm2: norm("norm2")?,
            ff: FeedForward::load(&vb.pp("ff"), config)?,
            norm: norm("norm")?,
            head: Linear::load(&vb.pp("head"), config.dim, BYTE_VALUES)?,
        })
    }

    fn loss(&self, tokens: &Tensor, rows: &Tensor, padding: ReconPadding, regime: &Regime) -> Result<Tensor> {
        let (n, length) = rows.dims2()?;
        let queries = self.queries.unsqueeze(0)?.broadcast_as((n, length, self.queries.dim(1)?))?.contiguous()?;
        let memory = self.memory_norm.forward(tokens)?;
        let x = self.attn.onto(&queries, &self.norm1.forward(&queries)?, &memory, None, regime)?;
        let x = self.ff.onto(&x, &self.norm2.forward(&x)?, regime)?;
        let logits = self.head.forward(&self.norm.forward(&x)?, regime)?.flatten(0, 1)?;
        let losses = cross_entropy(&logits, &rows.flatten_all()?)?;
        match padding {
            ReconPadding::Counted => losses.mean_all(),
            ReconPadding::Masked => mean_of_bytes(&losses, rows),
        }
    }
}

/// A hidden layer and one linear head for numbers, one for all categories together.
#[derive(Clone, Debug)]
pub struct NumericDecoder {
    inputs: NumericInputs,
    segments: Tensor,
    numbers: usize,
    hidden: Linear,
    numeric: Linear,
    /// `None` where every column is a number.
    category: Option<Linear>,
}

impl NumericDecoder {
    pub(crate) fn load(vb: &VarBuilder, config: &ModelConfig, columns: &Columns) -> Result<Self> {
        let hidden = config.field_hidden;
        let inputs = NumericInputs::load(vb, columns)?;
        let (vb, rows) = (vb.pp("decoder"), columns.total_cardinality());
        let category = || Linear::load(&vb.pp("category"), hidden, rows);
        Ok(NumericDecoder {
            inputs,
            hidden: Linear::load(&vb.pp("hidden"), config.tokens_per_block * config.dim, hidden)?,
            numeric: Linear::load(&vb.pp("numeric"), hidden, columns.numbers.len())?,
            category: (rows > 0).then(category).transpose()?,
            segments: segments(columns, vb.device())?,
            numbers: columns.numbers.len(),
        })
    }

    fn loss(&self, tokens: &Tensor, rows: &Tensor, regime: &Regime) -> Result<Tensor> {
        let hidden = self.hidden.forward_gelu(&tokens.flatten_from(1)?, regime)?;
        let error = (self.numeric.forward(&hidden, regime)? - self.inputs.numbers(rows)?)?.sqr()?;
        let mut loss = error.mean(0)?.sum_all()?;
        if let Some(category) = &self.category {
            let logits = category.forward(&hidden, regime)?;
            loss = (loss + self.cross_entropy(&logits, &self.inputs.multi_hot(rows)?)?)?;
        }
        loss / (self.numbers + self.segments.dim(1)?) as f64
    }

    /// Sum over the categories of the mean of -log softmax(logits of the category)[value]: all softmaxes at once, their
    /// sums by a product with the categories' indicator.
    fn cross_entropy(&self, logits: &Tensor, multi_hot: &Tensor) -> Result<Tensor> {
        let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
        // The maximum is of the whole row: where a category lies far below it, its sum may underflow to 0.
        let sums = (shifted.exp()?.matmul(&self.segments)? + 1e-20)?.log()?.sum(D::Minus1)?;
        (sums - (shifted * multi_hot)?.sum(D::Minus1)?)?.mean_all()
    }
}

/// 1 where a row of the category table belongs to a category: [sum of cardinalities, categories].
fn segments(columns: &Columns, device: &Device) -> Result<Tensor> {
    let (rows, count) = (columns.total_cardinality(), columns.categories.len());
    let mut values = vec![0.0f32; rows * count];
    for (category, (&offset, &cardinality)) in columns.offsets.iter().zip(&columns.cardinalities).enumerate() {
        (offset..offset + cardinality).for_each(|row| values[row * count + category] = 1.0);
    }
    Tensor::from_vec(values, (rows, count), device)
}

/// -log softmax(logits)[target]: `logits` [N, K], `targets` int64 [N] -> [N, 1].
fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    log_softmax(logits)?.gather(&targets.contiguous()?.unsqueeze(1)?, D::Minus1)?.neg()
}

/// Mean of the losses [N L, 1] at the places of `rows` [N, L] that are not PAD; 0 where all are.
fn mean_of_bytes(losses: &Tensor, rows: &Tensor) -> Result<Tensor> {
    let real = rows.ne(i64::from(PAD))?.to_dtype(DType::F32)?.reshape(losses.shape())?;
    (losses * &real)?.sum_all()? / real.sum_all()?.maximum(1.0)?
}
