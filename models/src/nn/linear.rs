//! Linear layers, with what follows them.

use super::{Regime, fused, gelu};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

/// `y = x W^T + b`; `weight` `[out, in]`, `bias` `[out]`.
#[derive(Clone, Debug)]
pub struct Linear {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

impl Linear {
    /// Reads `weight` and `bias` below `vb`.
    ///
    /// # Errors
    /// A missing or misshapen tensor, named.
    pub fn load(vb: &VarBuilder, inputs: usize, outputs: usize) -> Result<Self> {
        Ok(Linear { weight: vb.get((outputs, inputs), "weight")?, bias: vb.get(outputs, "bias")? })
    }

    /// `[.., in] -> [.., out]`.
    ///
    /// # Errors
    /// A last axis other than `in`.
    pub fn forward(&self, x: &Tensor, regime: &Regime) -> Result<Tensor> {
        let product = self.product(x, regime)?;
        match product.device().is_cpu() {
            true => product.apply_op2(&self.bias, fused::Bias),
            false => product.broadcast_add(&self.bias),
        }
    }

    /// [`gelu`] of [`Linear::forward`].
    ///
    /// # Errors
    /// A last axis other than `in`.
    pub fn forward_gelu(&self, x: &Tensor, regime: &Regime) -> Result<Tensor> {
        let product = self.product(x, regime)?;
        match product.device().is_cpu() {
            true => product.apply_op2(&self.bias, fused::BiasGelu),
            false => gelu(&product.broadcast_add(&self.bias)?),
        }
    }

    /// `residual` + dropout of [`Linear::forward`].
    ///
    /// # Errors
    /// A last axis other than `in`, a residual of another shape than the result.
    pub fn forward_onto(&self, x: &Tensor, residual: &Tensor, regime: &Regime) -> Result<Tensor> {
        let product = self.product(x, regime)?;
        if !product.device().is_cpu() {
            return residual + regime.dropout(&product.broadcast_add(&self.bias)?)?;
        }
        let keep = regime.keep(product.elem_count());
        product.apply_op3(&self.bias, &residual.contiguous()?, fused::BiasOnto(keep))
    }

    /// x W^T.
    fn product(&self, x: &Tensor, regime: &Regime) -> Result<Tensor> {
        let (outputs, inputs) = self.weight.dims2()?;
        let mut dims = x.dims().to_vec();
        let flat = regime.precision().product_t(&x.reshape(((), inputs))?, &self.weight)?;
        if let Some(last) = dims.last_mut() {
            *last = outputs;
        }
        flat.reshape(dims)
    }
}
