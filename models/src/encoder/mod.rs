//! The block encoder: one block in, L' tokens out, blocks independent of each other.

mod bytes;
mod numeric;

pub(crate) use bytes::{BYTE_VALUES, ByteEncoder};
pub use bytes::{FORMAT, fold_format};
pub(crate) use numeric::{NumericEncoder, NumericInputs};

use crate::nn::Regime;
use candle_core::{Result, Tensor};

/// Reads rows of any view.
#[derive(Clone, Debug)]
pub(crate) enum Encoder {
    Bytes(Box<ByteEncoder>),
    Numeric(Box<NumericEncoder>),
}

impl Encoder {
    /// [N, F] -> [N, L', D].
    pub(crate) fn forward(&self, rows: &Tensor, regime: &Regime) -> Result<Tensor> {
        match self {
            Encoder::Bytes(encoder) => encoder.forward(rows, regime),
            Encoder::Numeric(encoder) => encoder.forward(rows, regime),
        }
    }
}
