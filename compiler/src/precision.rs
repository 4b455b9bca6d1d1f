//! The arithmetic inside a bundle's graphs.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The arithmetic of matrix products; norms, softmax, GELU, the residual stream and the logits are float32 in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32-bit floats: the checkpoint's own.
    #[default]
    Fp32,
    /// 16-bit floats, for accelerators.
    Fp16,
    /// 16-bit floats with the range of 32-bit ones, for accelerators.
    Bf16,
    /// Weights of linear layers in 8 bits, one scale for each output; activations as the target's [`Quantisation`] says.
    Int8,
}

impl Precision {
    /// All, the most exact first.
    pub const ALL: [Self; 4] = [Self::Fp32, Self::Fp16, Self::Bf16, Self::Int8];

    /// As written into bundles and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// What an output may differ from the checkpoint's, where float32 may differ by `fp32`.
    #[must_use]
    pub fn gate(self, fp32: f32) -> Gate {
        match self {
            Self::Fp32 => Gate { max_abs: fp32, min_cosine: -1.0 },
            Self::Fp16 => Gate { max_abs: 1e3 * fp32, min_cosine: 0.9999 },
            Self::Bf16 => Gate { max_abs: 1e4 * fp32, min_cosine: 0.999 },
            Self::Int8 => Gate { max_abs: 1e4 * fp32, min_cosine: 0.98 },
        }
    }
}

/// How precision `int8` treats what its weights multiply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantisation {
    /// Quantised as it comes, in operators that take integers: for processors with 8-bit dot products (AVX-512 VNNI,
    /// NEON dotprod).
    #[default]
    Dynamic,
    /// By scales measured beforehand, as pairs of `QuantizeLinear` and `DequantizeLinear` of zero point 0: for
    /// TensorRT.
    Static,
}

/// What every output of every graph must keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Largest absolute difference of any element.
    pub max_abs: f32,
    /// Smallest cosine between an output vector and its reference.
    pub min_cosine: f64,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|precision| precision.name() == text)
            .ok_or_else(|| format!("precision '{text}' is unknown; known: {}", known()))
    }
}
