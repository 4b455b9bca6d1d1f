//! The arithmetic of a layer, written so that gradients reach every variable.
//!
//! `candle_nn::LayerNorm` and `candle_nn::ops::softmax_last_dim` are fused kernels without a backward pass:
//! training through them freezes everything upstream in silence. Here everything is differentiable: compositions of
//! candle's ops on any device, kernels with their own backward pass (`fused`) on the CPU.

mod fused;
mod linear;
mod precision;
mod regime;

pub use linear::Linear;
pub use precision::Precision;
pub use regime::Regime;

use candle_core::{D, Result, Tensor};
use candle_nn::VarBuilder;

/// Added to the attention scores of padding; exp(-1e4) is 0 in float32 and finite in float16.
pub const MASKED: f32 = -1e4;

/// Epsilon of every LayerNorm.
pub const NORM_EPS: f64 = 1e-5;

/// LayerNorm over the last axis: biased variance, [`NORM_EPS`]; `weight` `[n]`, `bias` `[n]`.
#[derive(Clone, Debug)]
pub struct Norm {
    weight: Tensor,
    bias: Tensor,
}

impl Norm {
    /// Reads `weight` and `bias` below `vb`.
    ///
    /// # Errors
    /// A missing or misshapen tensor, named.
    pub fn load(vb: &VarBuilder, size: usize) -> Result<Self> {
        Ok(Norm { weight: vb.get(size, "weight")?, bias: vb.get(size, "bias")? })
    }

    /// `[.., n] -> [.., n]`.
    ///
    /// # Errors
    /// A last axis other than n.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if x.device().is_cpu() {
            return x.contiguous()?.apply_op3(&self.weight, &self.bias, fused::Norm);
        }
        self.composed(x)
    }

    fn composed(&self, x: &Tensor) -> Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normed = centred.broadcast_div(&(variance + NORM_EPS)?.sqrt()?)?;
        normed.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)
    }
}

/// Softmax over the last axis. The maximum is subtracted as a constant: it changes no value and no gradient.
///
/// # Errors
/// Only candle's own.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    attention_shares(x, 1.0, None)
}

/// Softmax over the last axis of `scale` x + `mask`: x [N, heads, Q, K], mask [N, 1, 1, K], which no gradient reaches.
///
/// # Errors
/// Only candle's own.
pub fn attention_shares(x: &Tensor, scale: f64, mask: Option<&Tensor>) -> Result<Tensor> {
    let factor = scale as f32;
    match (x.device().is_cpu(), mask) {
        (true, None) => x.contiguous()?.apply_op1(fused::Softmax { scale: factor }),
        (true, Some(mask)) => x.contiguous()?.apply_op2(&mask.contiguous()?, fused::MaskedSoftmax { scale: factor }),
        (false, None) => composed_softmax(&(x * scale)?),
        (false, Some(mask)) => composed_softmax(&(x * scale)?.broadcast_add(mask)?),
    }
}

fn composed_softmax(x: &Tensor) -> Result<Tensor> {
    let exp = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?.exp()?;
    exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)
}

/// Logarithm of [`softmax`], computed without leaving the log domain.
///
/// # Errors
/// Only candle's own.
pub fn log_softmax(x: &Tensor) -> Result<Tensor> {
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?;
    let sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    shifted.broadcast_sub(&sum)
}

/// `0.5 x (1 + erf(x / sqrt 2))`.
///
/// # Errors
/// Only candle's own.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { x.contiguous()?.apply_op1(fused::Gelu) } else { x.gelu_erf() }
}

/// Sinusoidal positions, row-major [n, dim], computed in float64:
/// `[p, 2i] = sin(p / 10000^(2i/dim))`, `[p, 2i+1] = cos(..)`.
#[must_use]
pub fn sinusoids(n: usize, dim: usize) -> Vec<f32> {
    let angle = |p: usize, c: usize| p as f64 / 10_000f64.powf((c - c % 2) as f64 / dim as f64);
    (0..n)
        .flat_map(|p| (0..dim).map(move |c| if c % 2 == 0 { angle(p, c).sin() } else { angle(p, c).cos() } as f32))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::regime::composed_dropout;
    use super::*;
    use candle_core::{DType, Device, Var};
    use rand_chacha::ChaCha8Rng;
    use std::cell::RefCell;

    fn var(seed: usize, shape: &[usize]) -> Var {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|i| ((i * 37 + seed * 101) % 97) as f32 / 16.0 - 3.0).collect();
        Var::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    /// Values and gradients of two ways to compute the same agree.
    fn agree(vars: &[&Var], fused: Tensor, composed: Tensor) {
        let weights = var(9, fused.dims());
        let close = |a: &Tensor, b: &Tensor, what: &str| {
            let (a, b): (Vec<f32>, Vec<f32>) =
                (a.flatten_all().unwrap().to_vec1().unwrap(), b.flatten_all().unwrap().to_vec1().unwrap());
            let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f32::max);
            assert!(worst < 2e-5, "{what} differ by {worst}");
        };
        close(&fused, &composed, "values");
        let gradients = |y: &Tensor| (y * weights.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
        let (a, b) = (gradients(&fused), gradients(&composed));
        for (i, var) in vars.iter().enumerate() {
            close(a.get(var).unwrap(), b.get(var).unwrap(), &format!("gradients of argument {i}"));
        }
    }

    #[test]
    fn fused_norm_equals_the_composition() {
        let (x, weight, bias) = (var(1, &[3, 4, 7]), var(2, &[7]), var(3, &[7]));
        let norm = Norm { weight: weight.as_tensor().clone(), bias: bias.as_tensor().clone() };
        agree(&[&x, &weight, &bias], norm.forward(&x).unwrap(), norm.composed(&x).unwrap());
    }

    #[test]
    fn fused_softmax_equals_the_composition() {
        let x = var(4, &[2, 3, 5]);
        agree(&[&x], softmax(&x).unwrap(), composed_softmax(&x).unwrap());
    }

    #[test]
    fn a_masked_softmax_equals_the_composition() {
        let x = var(4, &[2, 3, 4, 5]);
        let mask = Tensor::from_vec(
            (0..10).map(|i| if i % 4 == 3 { MASKED } else { 0.0 }).collect(),
            (2, 1, 1, 5),
            &Device::Cpu,
        );
        let mask = mask.unwrap();
        let composed = composed_softmax(&(x.as_tensor() * 0.3).unwrap().broadcast_add(&mask).unwrap()).unwrap();
        agree(&[&x], attention_shares(&x, 0.3, Some(&mask)).unwrap(), composed);
    }

    #[test]
    fn fused_gelu_equals_candles() {
        let x = var(5, &[6, 33]);
        agree(&[&x], gelu(&x).unwrap(), x.gelu_erf().unwrap());
    }

    #[test]
    fn fused_bias_equals_a_broadcast() {
        let (x, weight, bias) = (var(6, &[4, 3]), var(7, &[5, 3]), var(8, &[5]));
        let linear = Linear { weight: weight.as_tensor().clone(), bias: bias.as_tensor().clone() };
        let composed = x.matmul(&weight.t().unwrap()).unwrap().broadcast_add(&bias).unwrap();
        agree(&[&x, &weight, &bias], linear.forward(&x, &Regime::Infer).unwrap(), composed.clone());
        agree(&[&x, &weight, &bias], linear.forward_gelu(&x, &Regime::Infer).unwrap(), composed.gelu_erf().unwrap());
        let residual = var(10, &[4, 5]);
        let sum = (residual.as_tensor() + composed).unwrap();
        let onto = linear.forward_onto(&x, &residual, &Regime::Infer).unwrap();
        agree(&[&x, &weight, &bias, &residual], onto, sum);
    }

    #[test]
    fn dropout_onto_a_residual_equals_its_parts() {
        use rand::SeedableRng;
        let regime = || {
            let random = Box::new(RefCell::new(ChaCha8Rng::seed_from_u64(3)));
            Regime::Train { p: 0.4, random, precision: Precision::F32 }
        };
        let (x, weight, bias, residual) = (var(6, &[4, 3]), var(7, &[5, 3]), var(8, &[5]), var(10, &[4, 5]));
        let linear = Linear { weight: weight.as_tensor().clone(), bias: bias.as_tensor().clone() };
        let parts = regime().dropout(&linear.forward(&x, &Regime::Infer).unwrap()).unwrap();
        let onto = linear.forward_onto(&x, &residual, &regime()).unwrap();
        agree(&[&x, &weight, &bias, &residual], onto, (residual.as_tensor() + parts).unwrap());
    }

    #[test]
    fn dropout_keeps_the_mean_and_follows_its_seed() {
        use rand::SeedableRng;
        let x = Tensor::ones((100, 100), DType::F32, &Device::Cpu).unwrap();
        let drop = |seed| {
            let random = Box::new(RefCell::new(ChaCha8Rng::seed_from_u64(seed)));
            let y = Regime::Train { p: 0.25, random, precision: Precision::F32 }.dropout(&x).unwrap();
            y.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_eq!(drop(1), drop(1));
        assert_ne!(drop(1), drop(2));
        let composed = composed_dropout(&x, 0.25).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for y in [drop(1), composed] {
            let mean = y.iter().sum::<f32>() / 1e4;
            assert!((mean - 1.0).abs() < 0.03, "{mean}");
            assert!(y.iter().all(|&y| y == 0.0 || (y - 4.0 / 3.0).abs() < 1e-6));
        }
    }
}
