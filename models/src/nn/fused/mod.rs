//! CPU kernels with a backward pass for what a training step spends its time on between matrix products.
//!
//! Each equals the composition of candle's ops in [`super`], which other devices use, and is tested against it. candle's
//! backward pass fills a tensor with zeros, adds to it and allocates the sum for every operand of every op, constants too: a
//! bias, an activation, a mask and a residual in one op save more than their arithmetic.

mod bias;
mod dropout;
mod lanes;
mod norm;
mod softmax;

pub(super) use bias::{Bias, BiasGelu, BiasOnto, Gelu};
pub(super) use dropout::{Dropout, Keep};
pub(super) use norm::Norm;
pub(super) use softmax::{MaskedSoftmax, Softmax};

use candle_core::{CpuStorage, Error, Layout, Result, Storage, Tensor};
use std::ops::{Deref, Range};

/// The contiguous float32 values of a tensor on the CPU.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = layout.contiguous_offsets().ok_or(Error::RequiresContiguous { op: "fused" })?;
    storage.as_slice::<f32>()?.get(start..end).ok_or_else(|| Error::msg("layout").bt())
}

/// The values of a tensor on the CPU, where they are.
struct Values<S> {
    storage: S,
    range: Range<usize>,
}

/// Borrows the values of a contiguous float32 tensor on the CPU.
fn borrow(tensor: &Tensor) -> Result<Values<impl Deref<Target = Storage>>> {
    let (storage, layout) = tensor.storage_and_layout();
    let (start, end) = layout.contiguous_offsets().ok_or(Error::RequiresContiguous { op: "fused" })?;
    match &*storage {
        Storage::Cpu(cpu) if cpu.as_slice::<f32>()?.len() >= end => {}
        _ => return Err(Error::msg("a kernel of the CPU on another device's tensor").bt()),
    }
    Ok(Values { storage, range: start..end })
}

impl<S: Deref<Target = Storage>> Deref for Values<S> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            _ => &[],
        }
    }
}

fn like(values: Vec<f32>, tensor: &Tensor) -> Result<Option<Tensor>> {
    Tensor::from_vec(values, tensor.shape(), tensor.device()).map(Some)
}
