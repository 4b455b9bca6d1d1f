//! View `bytes`: the paper's encoder.

use crate::ModelConfig;
use crate::layer::Layer;
use crate::nn::{Linear, MASKED, Norm, Regime, gelu, sinusoids};
use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;
use std::collections::BTreeMap;
use tempest_blocks::mp3::bytes::PAD;

/// Values of a byte in view `bytes`: 0..=255 and PAD.
pub(crate) const BYTE_VALUES: usize = PAD as usize + 1;

const EMBED: &str = "embed.weight";

/// The embedding of a format, D values: a tensor of a model that is learning several formats at once, in the view `bytes`. No
/// checkpoint has it: see [`fold_format`].
pub const FORMAT: &str = "format.weight";

/// Adds the embedding of the format to the bytes at the first place of every patch, and takes it away: every token has one
/// such byte, so the model is the same, and reads its one format at no cost. Without [`FORMAT`] nothing changes.
///
/// # Errors
/// An embedding of another width than the bytes'.
pub fn fold_format(tensors: &mut BTreeMap<String, Tensor>) -> Result<()> {
    let (Some(format), Some(embed)) = (tensors.remove(FORMAT), tensors.get(EMBED)) else { return Ok(()) };
    let (rows, dim) = embed.dims2()?;
    let of_first = format.unsqueeze(0)?.broadcast_as((BYTE_VALUES, dim))?.pad_with_zeros(0, 0, rows - BYTE_VALUES)?;
    let folded = (embed + of_first)?;
    tensors.insert(EMBED.into(), folded);
    Ok(())
}

/// The paper's encoder M(E_t(block)): a small transformer over the block's bytes, P of them a token, then a token mixer.
#[derive(Clone, Debug)]
pub(crate) struct ByteEncoder {
    embed: Tensor,
    /// Added to every token: while one model learns several formats, what tells them apart.
    format: Option<Tensor>,
    positions: Tensor,
    patch: usize,
    layers: Vec<Layer>,
    mix: Linear,
    norm: Norm,
    out: Linear,
}

impl ByteEncoder {
    pub(crate) fn load(vb: &VarBuilder, config: &ModelConfig, row: usize) -> Result<Self> {
        let (mixer, tokens) = (vb.pp("mixer"), config.patches(row));
        Ok(ByteEncoder {
            embed: vb.get((config.byte_patch * BYTE_VALUES, config.dim), EMBED)?,
            format: vb.contains_tensor(FORMAT).then(|| vb.get(config.dim, FORMAT)).transpose()?,
            positions: Tensor::from_vec(sinusoids(tokens, config.dim), (tokens, config.dim), vb.device())?,
            patch: config.byte_patch,
            layers: Layer::load_stack(&vb.pp("encoder.layers"), config.block_layers, config)?,
            mix: Linear::load(&mixer.pp("mix"), tokens, config.mixer)?,
            norm: Norm::load(&mixer.pp("norm"), config.dim)?,
            out: Linear::load(&mixer.pp("out"), config.mixer, config.tokens_per_block)?,
        })
    }

    pub(super) fn forward(&self, rows: &Tensor, regime: &Regime) -> Result<Tensor> {
        let places = self.places(rows)?;
        let (n, tokens) = places[0].dims2()?;
        let real = least(&places)?.ne(i64::from(PAD))?.to_dtype(DType::F32)?;
        let mask = ((1.0 - &real)? * f64::from(MASKED))?.reshape((n, 1, 1, tokens))?;
        let mut x = self.embed(&places)?.broadcast_add(&self.positions)?;
        if let Some(format) = &self.format {
            x = x.broadcast_add(format)?;
        }
        for layer in &self.layers {
            x = layer.forward(&x, Some(&mask), regime)?;
        }
        // Rows of padding are zero before mixing, so that a block gives the same embedding at any L that holds it.
        let x = x.broadcast_mul(&real.unsqueeze(2)?)?;
        let mixed = self.mix.forward(&x.transpose(1, 2)?.contiguous()?, regime)?.transpose(1, 2)?.contiguous()?;
        let mixed = gelu(&self.norm.forward(&mixed)?)?;
        self.out.forward(&mixed.transpose(1, 2)?.contiguous()?, regime)?.transpose(1, 2)?.contiguous()
    }

    /// The bytes at each place of the patches: P times [N, ceil(L / P)], the last patch filled up with PAD.
    fn places(&self, rows: &Tensor) -> Result<Vec<Tensor>> {
        let (n, length) = rows.dims2()?;
        let tokens = length.div_ceil(self.patch);
        let rows = match tokens * self.patch - length {
            0 => rows.clone(),
            missing => {
                let pad = Tensor::full(i64::from(PAD), (n, missing), rows.device())?;
                Tensor::cat(&[rows, &pad], 1)?
            }
        };
        let patches = rows.reshape((n, tokens, self.patch))?;
        (0..self.patch).map(|place| patches.narrow(2, place, 1)?.squeeze(2)?.contiguous()).collect()
    }

    /// The sum of a row of each place's table: [N, tokens, D].
    fn embed(&self, places: &[Tensor]) -> Result<Tensor> {
        let (n, tokens) = places[0].dims2()?;
        let index = |(place, bytes): (usize, &Tensor)| bytes.flatten_all()?.affine(1.0, (place * BYTE_VALUES) as f64);
        let indices: Vec<Tensor> = places.iter().enumerate().map(index).collect::<Result<_>>()?;
        let rows = match self.embed.device().is_cpu() {
            true => sum_of_rows(&self.embed, &indices)?,
            false => composed_sum_of_rows(&self.embed, &indices)?,
        };
        rows.reshape((n, tokens, ()))
    }
}

/// Sum of the rows of `table` that each of `indices` selects: P times int64 [N] -> [N, D].
fn sum_of_rows(table: &Tensor, indices: &[Tensor]) -> Result<Tensor> {
    let mut rows = indices.iter().map(|index| table.index_select(index, 0));
    let first = rows.next().unwrap_or_else(|| candle_core::bail!("a patch of no bytes"))?;
    rows.try_fold(first, |sum, row| sum + row?)
}

/// [`sum_of_rows`] as a product: on a card, the gradients of selected rows are added one after another by candle, and a
/// product is not.
fn composed_sum_of_rows(table: &Tensor, indices: &[Tensor]) -> Result<Tensor> {
    let (ids, device) = (Tensor::stack(indices, 1)?, table.device());
    let ones = Tensor::ones(ids.shape(), DType::F32, device)?;
    let multi_hot = Tensor::zeros((ids.dim(0)?, table.dim(0)?), DType::F32, device)?;
    multi_hot.scatter_add(&ids, &ones, 1)?.matmul(table)
}

/// The least byte of each patch: PAD only where all are.
fn least(places: &[Tensor]) -> Result<Tensor> {
    places[1..].iter().try_fold(places[0].clone(), |least, bytes| least.minimum(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn selected_rows_equal_a_product() {
        let values: Vec<f32> = (0..30).map(|i| ((i * 7) % 11) as f32).collect();
        let table = Var::from_vec(values, (10, 3), &Device::Cpu).unwrap();
        let indices = [[0i64, 4, 4, 1], [9, 5, 9, 5]].map(|ids| Tensor::new(&ids, &Device::Cpu).unwrap());
        let both = [sum_of_rows(&table, &indices), composed_sum_of_rows(&table, &indices)].map(|rows| {
            let rows = rows.unwrap();
            let gradients = rows.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            [rows, gradients.get(&table).unwrap().clone()].map(|x| x.to_vec2::<f32>().unwrap())
        });
        assert_eq!(both[0], both[1]);
    }
}
