use super::lanes::{sum, wide};
use super::{borrow, like, values};
use crate::nn::NORM_EPS;
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

/// LayerNorm over the last axis: x, weight, bias.
pub(in crate::nn) struct Norm;

/// Mean and 1 / standard deviation of a row.
#[inline(always)]
fn moments(row: &[f32]) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = sum(row.len(), |i| row[i]) / n;
    let variance = sum(row.len(), |i| (row[i] - mean) * (row[i] - mean)) / n;
    (mean, 1.0 / (variance + NORM_EPS as f32).sqrt())
}

#[inline(always)]
fn forward(x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks_exact(weight.len()) {
        let (mean, scale) = moments(row);
        y.extend(row.iter().zip(weight).zip(bias).map(|((x, w), b)| (x - mean) * scale * w + b));
    }
    y
}

/// With z = (x - mean) / std and g = dy * weight: dx = (g - mean(g) - z mean(g z)) / std.
#[inline(always)]
fn backward(x: &[f32], weight: &[f32], dy: &[f32]) -> [Vec<f32>; 3] {
    let n = weight.len();
    let (mut dx, mut dw, mut db) = (Vec::with_capacity(x.len()), vec![0.0; n], vec![0.0; n]);
    for (row, dy) in x.chunks_exact(n).zip(dy.chunks_exact(n)) {
        let (mean, scale) = moments(row);
        let mean_g = sum(n, |i| dy[i] * weight[i]) / n as f32;
        let mean_gz = sum(n, |i| dy[i] * weight[i] * (row[i] - mean)) * scale / n as f32;
        for ((((dw, db), x), dy), _) in dw.iter_mut().zip(&mut db).zip(row).zip(dy).zip(weight) {
            *dw += dy * (x - mean) * scale;
            *db += dy;
        }
        let terms = row.iter().zip(dy).zip(weight);
        dx.extend(terms.map(|((x, dy), w)| (dy * w - mean_g - (x - mean) * scale * mean_gz) * scale));
    }
    [dx, dw, db]
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
        let y = wide(|| forward(x, weight, bias));
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let [dx, dw, db] = {
            let (x, w, dy) = (borrow(x)?, borrow(weight)?, borrow(&dy)?);
            wide(|| backward(&x, &w, &dy))
        };
        Ok((like(dx, x)?, like(dw, weight)?, like(db, bias)?))
    }
}
