//! Where a model is trained and evaluated.

use anyhow::{Context, Result};
use candle_core::Device;

/// Shards of a batch unless told otherwise: a thread for each of two cores, or one whose products fill a card.
pub(super) const SHARDS: usize = if cfg!(feature = "cuda") { 1 } else { 2 };

/// The first card in builds with the feature `cuda`, the CPU otherwise.
pub(super) fn device() -> Result<Device> {
    if cfg!(feature = "cuda") {
        // One stream for all threads. candle's other device has one for each thread, and no thread's waits for another's:
        // a shard would read weights that the optimiser is still writing.
        return Device::new_cuda_with_stream(0).context("this build computes on CUDA, and no card can be used");
    }
    Ok(Device::Cpu)
}
