//! What follows a product: a bias, alone, with GELU, or dropped out and added to a residual.

use super::dropout::Keep;
use super::lanes::{exp, wide};
use super::{borrow, like, values};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

/// (Phi(x), phi(x)): distribution and density of the standard normal. erf by Abramowitz and Stegun 7.1.26, whose error
/// is at most 1.5e-7: about one unit in the last place of a float32 near 1. Both share one exponential.
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    const P: f32 = 0.327_591_1;
    const A: [f32; 5] = [0.254_829_6, -0.284_496_74, 1.421_413_7, -1.453_152, 1.061_405_4];
    let exp = exp(-0.5 * x * x);
    let t = 1.0 / (1.0 + P * x.abs() * std::f32::consts::FRAC_1_SQRT_2);
    let tail = 0.5 * exp * t * (A[0] + t * (A[1] + t * (A[2] + t * (A[3] + t * A[4]))));
    (if x < 0.0 { tail } else { 1.0 - tail }, exp * 0.398_942_3)
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    x * normal(x).0
}

/// Phi(x) + x phi(x).
#[inline(always)]
fn gelu_slope(x: f32) -> f32 {
    let (distribution, density) = normal(x);
    distribution + x * density
}

/// Sum of the rows of `dy`, n columns.
#[inline(always)]
fn column_sums(dy: &[f32], n: usize) -> Vec<f32> {
    let mut sums = vec![0.0; n];
    for row in dy.chunks_exact(n) {
        sums.iter_mut().zip(row).for_each(|(sum, dy)| *sum += dy);
    }
    sums
}

/// `0.5 x (1 + erf(x / sqrt 2))`.
pub(in crate::nn) struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(x, layout)?;
        let y = wide(|| x.iter().map(|&x| gelu(x)).collect());
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let dy = dy.contiguous()?;
        let dx = {
            let (x, dy) = (borrow(x)?, borrow(&dy)?);
            wide(|| x.iter().zip(dy.iter()).map(|(&x, dy)| dy * gelu_slope(x)).collect())
        };
        like(dx, x)
    }
}

/// Adds a vector [n] to every row [.., n].
pub(in crate::nn) struct Bias;

impl CustomOp2 for Bias {
    fn name(&self) -> &'static str {
        "bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, bias) = (values(x, x_layout)?, values(bias, bias_layout)?);
        let y = wide(|| by_rows(x, bias, |x, b| x + b));
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(&self, _x: &Tensor, bias: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let sums = {
            let dy = borrow(&dy)?;
            wide(|| column_sums(&dy, bias.elem_count()))
        };
        Ok((Some(dy), like(sums, bias)?))
    }
}

#[inline(always)]
fn by_rows(x: &[f32], bias: &[f32], f: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks_exact(bias.len()) {
        y.extend(row.iter().zip(bias).map(|(&x, &b)| f(x, b)));
    }
    y
}

/// GELU of x + bias.
pub(in crate::nn) struct BiasGelu;

impl CustomOp2 for BiasGelu {
    fn name(&self) -> &'static str {
        "bias-gelu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, bias) = (values(x, x_layout)?, values(bias, bias_layout)?);
        let y = wide(|| by_rows(x, bias, |x, b| gelu(x + b)));
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, bias: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let (dx, db) = {
            let (x, b, dy) = (borrow(x)?, borrow(bias)?, borrow(&dy)?);
            wide(|| {
                let mut dx = by_rows(&x, &b, |x, b| gelu_slope(x + b));
                dx.iter_mut().zip(dy.iter()).for_each(|(dx, dy)| *dx *= dy);
                let db = column_sums(&dx, b.len());
                (dx, db)
            })
        };
        Ok((like(dx, x)?, like(db, bias)?))
    }
}

/// residual + dropout(x + bias).
pub(in crate::nn) struct BiasOnto(pub Keep);

impl BiasOnto {
    #[inline(always)]
    fn forward(&self, x: &[f32], bias: &[f32], residual: &[f32]) -> Vec<f32> {
        let n = bias.len();
        let mut y = Vec::with_capacity(x.len());
        for (index, (row, residual)) in x.chunks_exact(n).zip(residual.chunks_exact(n)).enumerate() {
            let sums = row.iter().zip(bias).map(|(x, b)| x + b).zip(residual);
            match self.0.row(index * n, n) {
                Some(draws) => y.extend(sums.zip(draws).map(|((x, r), &draw)| r + x * self.0.factor(draw))),
                None => y.extend(sums.map(|(x, r)| r + x)),
            }
        }
        y
    }

    #[inline(always)]
    fn backward(&self, dy: &[f32], n: usize) -> (Vec<f32>, Vec<f32>) {
        let mut dx = Vec::with_capacity(dy.len());
        for (index, row) in dy.chunks_exact(n).enumerate() {
            match self.0.row(index * n, n) {
                Some(draws) => dx.extend(row.iter().zip(draws).map(|(dy, &draw)| dy * self.0.factor(draw))),
                None => dx.extend_from_slice(row),
            }
        }
        let db = column_sums(&dx, n);
        (dx, db)
    }
}

impl CustomOp3 for BiasOnto {
    fn name(&self) -> &'static str {
        "bias-onto"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, bias) = (values(x, x_layout)?, values(bias, bias_layout)?);
        let residual = values(residual, residual_layout)?;
        let y = wide(|| self.forward(x, bias, residual));
        Ok((CpuStorage::F32(y), residual_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        bias: &Tensor,
        _residual: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let (dx, db) = {
            let dy = borrow(&dy)?;
            wide(|| self.backward(&dy, bias.elem_count()))
        };
        Ok((like(dx, x)?, like(db, bias)?, Some(dy)))
    }
}
