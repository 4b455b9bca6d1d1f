//! The numeric views: one hidden layer over numbers and categories.

use crate::nn::{Linear, Norm, Regime, gelu};
use crate::{Columns, ModelConfig};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;

/// The encoder of a numeric view: normalised numbers and embedded categories through one hidden layer.
#[derive(Clone, Debug)]
pub(crate) struct NumericEncoder {
    inputs: NumericInputs,
    squared: usize,
    project: Linear,
    /// `None` where every column is a number.
    table: Option<Tensor>,
    norm: Norm,
    out: Linear,
    tokens_per_block: usize,
    dim: usize,
}

impl NumericEncoder {
    pub(crate) fn load(vb: &VarBuilder, config: &ModelConfig, columns: &Columns) -> Result<Self> {
        let hidden = config.field_hidden;
        let (fields, rows) = (vb.pp("fields"), columns.total_cardinality());
        let table = || vb.get((rows, hidden), "category.table.weight");
        Ok(NumericEncoder {
            inputs: NumericInputs::load(vb, columns)?,
            squared: columns.squared,
            project: Linear::load(&vb.pp("numeric.project"), columns.numbers.len() + columns.squared, hidden)?,
            table: (rows > 0).then(table).transpose()?,
            norm: Norm::load(&fields.pp("norm"), hidden)?,
            out: Linear::load(&fields.pp("out"), hidden, config.tokens_per_block * config.dim)?,
            tokens_per_block: config.tokens_per_block,
            dim: config.dim,
        })
    }

    pub(super) fn forward(&self, rows: &Tensor, regime: &Regime) -> Result<Tensor> {
        let z = self.inputs.numbers(rows)?;
        let squares = z.narrow(1, 0, self.squared)?.sqr()?;
        let numeric = self.project.forward(&Tensor::cat(&[&z, &squares], 1)?, regime)?;
        let sum = match &self.table {
            Some(table) => (numeric + self.inputs.multi_hot(rows)?.matmul(table)?)?,
            None => numeric,
        };
        let hidden = self.norm.forward(&gelu(&sum)?)?;
        self.out.forward(&regime.dropout(&hidden)?, regime)?.reshape(((), self.tokens_per_block, self.dim))
    }
}

/// What a numeric view feeds the model: normalised numbers, and rows of the category table.
#[derive(Clone, Debug)]
pub(crate) struct NumericInputs {
    numbers: Tensor,
    categories: Tensor,
    offsets: Tensor,
    last: Tensor,
    mean: Tensor,
    std: Tensor,
    total: usize,
}

impl NumericInputs {
    pub(crate) fn load(vb: &VarBuilder, columns: &Columns) -> Result<Self> {
        let ints = |values: &[usize], device: &Device| Tensor::from_iter(values.iter().map(|&v| v as i64), device);
        let device = vb.device();
        let last: Vec<usize> = columns.cardinalities.iter().map(|c| c - 1).collect();
        Ok(NumericInputs {
            numbers: ints(&columns.numbers, device)?,
            categories: ints(&columns.categories, device)?,
            offsets: ints(&columns.offsets, device)?.unsqueeze(0)?,
            last: ints(&last, device)?.unsqueeze(0)?,
            mean: vb.get(columns.numbers.len(), "numeric.mean")?,
            std: vb.get(columns.numbers.len(), "numeric.std")?,
            total: columns.total_cardinality(),
        })
    }

    /// z: [N, F] -> float32 [N, numbers].
    pub(crate) fn numbers(&self, rows: &Tensor) -> Result<Tensor> {
        let numbers = rows.index_select(&self.numbers, 1)?.to_dtype(DType::F32)?;
        numbers.broadcast_sub(&self.mean)?.broadcast_div(&self.std)
    }

    /// 1 at the row of `category.table` that each category's value selects, 0 elsewhere:
    /// [N, F] -> float32 [N, sum of cardinalities]. Its product with the table is the sum of the selected rows, and both
    /// that and its gradient are matrix products.
    pub(crate) fn multi_hot(&self, rows: &Tensor) -> Result<Tensor> {
        let values = rows.index_select(&self.categories, 1)?;
        let values = values.broadcast_minimum(&self.last)?.broadcast_maximum(&self.last.zeros_like()?)?;
        let ids = values.broadcast_add(&self.offsets)?.contiguous()?;
        let ones = Tensor::ones(ids.shape(), DType::F32, rows.device())?;
        Tensor::zeros((rows.dim(0)?, self.total), DType::F32, rows.device())?.scatter_add(&ids, &ones, 1)
    }
}
