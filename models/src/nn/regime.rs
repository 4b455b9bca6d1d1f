//! What a forward pass is for: training, or answers.

use super::Precision;
use super::fused::{self, Keep};
use candle_core::{DType, Result, Tensor};
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;

/// Whether a forward pass trains (dropout drawn from a seeded generator) or infers.
#[derive(Debug)]
pub enum Regime {
    /// No dropout: the same input gives the same output.
    Infer,
    /// Dropout with probability `p`, drawn from `random`; on a card by the card.
    Train {
        /// Probability that an activation is dropped, 0..1.
        p: f32,
        /// Seeded generator; one per thread and step makes a run reproducible.
        random: Box<RefCell<ChaCha8Rng>>,
        /// What products are computed in.
        precision: Precision,
    },
}

impl Regime {
    /// What products are computed in: float32 where nothing is trained.
    pub(crate) fn precision(&self) -> Precision {
        match self {
            Regime::Infer => Precision::F32,
            Regime::Train { precision, .. } => *precision,
        }
    }

    /// Which of `count` activations stay.
    pub(super) fn keep(&self, count: usize) -> Keep {
        match self {
            Regime::Train { p, random, .. } if *p > 0.0 => Keep::draw(count, *p, &mut *random.borrow_mut()),
            _ => Keep::all(),
        }
    }

    /// Drops activations with probability p and scales the rest by 1/(1-p), or returns `x` as it is.
    ///
    /// # Errors
    /// Only candle's own (out of memory on a device).
    pub fn dropout(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Regime::Train { p, .. } if *p > 0.0 => match x.device().is_cpu() {
                true => x.contiguous()?.apply_op1(fused::Dropout(self.keep(x.elem_count()))),
                false => composed_dropout(x, *p),
            },
            _ => Ok(x.clone()),
        }
    }
}

/// Dropout with the device's own generator: a card would wait for what a CPU draws and sends, a number for each activation.
pub(super) fn composed_dropout(x: &Tensor, p: f32) -> Result<Tensor> {
    let kept = Tensor::rand(0f32, 1f32, x.shape(), x.device())?.ge(p)?.to_dtype(DType::F32)?;
    x.mul(&(kept / (1.0 - f64::from(p)))?)
}
