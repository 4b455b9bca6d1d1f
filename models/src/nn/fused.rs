//! CPU kernels with a backward pass for what a training step spends its time on between matrix products.
//!
//! Each equals the composition of candle's ops in [`super`], which other devices use, and is tested against it. The
//! compositions read and write every activation about thirty times in a step; these do so three times.

use super::NORM_EPS;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor};

/// The contiguous float32 values of a tensor on the CPU.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => storage.as_slice::<f32>()?.get(start..end).ok_or_else(|| Error::msg("layout").bt()),
        None => Err(Error::RequiresContiguous { op: "fused" }.bt()),
    }
}

fn to_vec(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

fn like(values: Vec<f32>, tensor: &Tensor) -> Result<Option<Tensor>> {
    Tensor::from_vec(values, tensor.shape(), tensor.device()).map(Some)
}

/// LayerNorm over the last axis: x, weight, bias.
pub(super) struct Norm;

/// Mean and 1 / standard deviation of a row.
fn moments(row: &[f32]) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = row.iter().sum::<f32>() / n;
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n;
    (mean, 1.0 / (variance + NORM_EPS as f32).sqrt())
}

impl CustomOp3 for Norm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight) = (values(x, x_layout)?, values(weight, weight_layout)?);
        let bias = values(bias, bias_layout)?;
        let mut y = Vec::with_capacity(x.len());
        for row in x.chunks_exact(weight.len()) {
            let (mean, scale) = moments(row);
            y.extend(row.iter().zip(weight).zip(bias).map(|((x, w), b)| (x - mean) * scale * w + b));
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    /// With z = (x - mean) / std and g = dy * weight: dx = (g - mean(g) - z mean(g z)) / std.
    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (x_values, w, dy) = (to_vec(x)?, to_vec(weight)?, to_vec(dy)?);
        let n = w.len();
        let (mut dx, mut dw, mut db) = (vec![0.0; x_values.len()], vec![0.0; n], vec![0.0; n]);
        let rows = x_values.chunks_exact(n).zip(dy.chunks_exact(n)).zip(dx.chunks_exact_mut(n));
        for ((row, dy), dx) in rows {
            let (mean, scale) = moments(row);
            let (mut sum_g, mut sum_gz) = (0.0, 0.0);
            for i in 0..n {
                let (z, g) = ((row[i] - mean) * scale, dy[i] * w[i]);
                sum_g += g;
                sum_gz += g * z;
                dw[i] += dy[i] * z;
                db[i] += dy[i];
            }
            let (mean_g, mean_gz) = (sum_g / n as f32, sum_gz / n as f32);
            for i in 0..n {
                let z = (row[i] - mean) * scale;
                dx[i] = (dy[i] * w[i] - mean_g - z * mean_gz) * scale;
            }
        }
        Ok((like(dx, x)?, like(dw, weight)?, like(db, bias)?))
    }
}

/// Softmax over the last axis.
pub(super) struct Softmax;

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = values(x, layout)?.to_vec();
        let n = layout.dims().last().copied().unwrap_or(1);
        for row in y.chunks_exact_mut(n) {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            row.iter_mut().for_each(|x| *x = (*x - largest).exp());
            let scale = 1.0 / row.iter().sum::<f32>();
            row.iter_mut().for_each(|x| *x *= scale);
        }
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// dx = y (dy - sum(y dy)).
    fn bwd(&self, x: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (y, mut dx) = (to_vec(y)?, to_vec(dy)?);
        let n = x.dims().last().copied().unwrap_or(1);
        for (y, dx) in y.chunks_exact(n).zip(dx.chunks_exact_mut(n)) {
            let sum: f32 = y.iter().zip(dx.iter()).map(|(y, dy)| y * dy).sum();
            dx.iter_mut().zip(y).for_each(|(dx, y)| *dx = y * (*dx - sum));
        }
        like(dx, x)
    }
}

/// `0.5 x (1 + erf(x / sqrt 2))`.
pub(super) struct Gelu;

/// (Phi(x), phi(x)): distribution and density of the standard normal. erf by Abramowitz and Stegun 7.1.26, whose error
/// is at most 1.5e-7: about one unit in the last place of a float32 near 1. Both share one exponential.
fn normal(x: f32) -> (f32, f32) {
    const P: f32 = 0.327_591_1;
    const A: [f32; 5] = [0.254_829_6, -0.284_496_74, 1.421_413_7, -1.453_152, 1.061_405_4];
    let exp = (-0.5 * x * x).exp();
    let t = 1.0 / (1.0 + P * x.abs() * std::f32::consts::FRAC_1_SQRT_2);
    let tail = 0.5 * exp * t * (A[0] + t * (A[1] + t * (A[2] + t * (A[3] + t * A[4]))));
    (if x < 0.0 { tail } else { 1.0 - tail }, exp * 0.398_942_3)
}

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = values(x, layout)?.iter().map(|&x| x * normal(x).0).collect();
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// dx = dy (Phi(x) + x phi(x)).
    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (values, mut dx) = (to_vec(x)?, to_vec(dy)?);
        dx.iter_mut().zip(values).for_each(|(dx, x)| {
            let (distribution, density) = normal(x);
            *dx *= distribution + x * density;
        });
        like(dx, x)
    }
}

/// Adds a vector [n] to every row [.., n].
pub(super) struct Bias;

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
        let bias = values(bias, bias_layout)?;
        let mut y = Vec::with_capacity(x_layout.shape().elem_count());
        for row in values(x, x_layout)?.chunks_exact(bias.len()) {
            y.extend(row.iter().zip(bias).map(|(x, b)| x + b));
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(&self, _x: &Tensor, bias: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut sums = vec![0.0f32; bias.elem_count()];
        for row in to_vec(dy)?.chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, dy)| *sum += dy);
        }
        Ok((Some(dy.clone()), like(sums, bias)?))
    }
}
