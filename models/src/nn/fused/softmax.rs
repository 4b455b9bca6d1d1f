use super::lanes::{exp, largest, sum, wide};
use super::{borrow, like, values};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

/// Softmax over the last axis of `scale` x.
pub(in crate::nn) struct Softmax {
    pub scale: f32,
}

/// Softmax over the last axis of `scale` x + mask: x [N, .., K], mask [N, .., K] with 1 between, not trained.
pub(in crate::nn) struct MaskedSoftmax {
    pub scale: f32,
}

/// `mask(row)` is added to a row, or nothing is.
#[inline(always)]
fn forward(x: &[f32], n: usize, scale: f32, mask: Option<(&[f32], usize)>) -> Vec<f32> {
    let mut y: Vec<f32> = x.to_vec();
    for (index, row) in y.chunks_exact_mut(n).enumerate() {
        row.iter_mut().for_each(|x| *x *= scale);
        if let Some((mask, rows)) = mask {
            let mask = &mask[index / rows * n..][..n];
            row.iter_mut().zip(mask).for_each(|(x, mask)| *x += mask);
        }
        let largest = largest(row);
        row.iter_mut().for_each(|x| *x = exp(*x - largest));
        let scale = 1.0 / sum(n, |i| row[i]);
        row.iter_mut().for_each(|x| *x *= scale);
    }
    y
}

/// dx = scale y (dy - sum(y dy)).
#[inline(always)]
fn backward(y: &[f32], dy: &[f32], n: usize, scale: f32) -> Vec<f32> {
    let mut dx = Vec::with_capacity(y.len());
    for (y, dy) in y.chunks_exact(n).zip(dy.chunks_exact(n)) {
        let sum = sum(n, |i| y[i] * dy[i]);
        dx.extend(y.iter().zip(dy).map(|(y, dy)| scale * y * (dy - sum)));
    }
    dx
}

fn gradient(x: &Tensor, y: &Tensor, dy: &Tensor, scale: f32) -> Result<Option<Tensor>> {
    let n = last(x.shape());
    let dy = dy.contiguous()?;
    let dx = {
        let (y, dy) = (borrow(y)?, borrow(&dy)?);
        wide(|| backward(&y, &dy, n, scale))
    };
    like(dx, x)
}

fn last(shape: &Shape) -> usize {
    shape.dims().last().copied().unwrap_or(1).max(1)
}

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, n) = (values(x, layout)?, last(layout.shape()));
        let y = wide(|| forward(x, n, self.scale, None));
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        gradient(x, y, dy, self.scale)
    }
}

impl CustomOp2 for MaskedSoftmax {
    fn name(&self) -> &'static str {
        "masked-softmax"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        mask: &CpuStorage,
        mask_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, mask, n) = (values(x, layout)?, values(mask, mask_layout)?, last(layout.shape()));
        let rows = (x.len() / mask.len().max(1)).max(1);
        let y = wide(|| forward(x, n, self.scale, Some((mask, rows))));
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _mask: &Tensor, y: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((gradient(x, y, dy, self.scale)?, None))
    }
}
