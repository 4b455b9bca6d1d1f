use super::{Dim, Dtype, Graph};
use std::fmt;

/// What a node computes. Every op is an ONNX operator of opset 17 with one output, but for
/// [`QuantizedMatMul`](Op::QuantizedMatMul), which is emitted as several; arguments that ONNX passes as
/// constant tensors (shapes, pads, axes) are fields here and become tensors only when emitted.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `a + b`, broadcast.
    Add,
    /// `a - b`, broadcast.
    Sub,
    /// `a * b`, broadcast.
    Mul,
    /// `a / b`, broadcast.
    Div,
    /// The smaller of `a` and `b`, broadcast.
    Min,
    /// The larger of `a` and `b`, broadcast.
    Max,
    /// `a == b`, broadcast, to bool.
    Equal,
    /// `a < b`, broadcast, to bool.
    Less,
    /// `condition ? a : b`, broadcast.
    Where,
    /// The error function.
    Erf,
    /// Conversion of the element type.
    Cast {
        /// The new type.
        to: Dtype,
    },
    /// Matrix product of the last two axes, the others broadcast; floats of 32 or 16 bits.
    MatMul,
    /// `x W` with W quantised: inputs x, the integers of W [K, N] (int8) and one scale for each of its N columns. x is
    /// quantised as it comes, one scale and zero point for the whole tensor; the products are summed in integers.
    QuantizedMatMul,
    /// `round(x / scale)` in -128..=127: inputs x, scale (a float) and zero point (int8, 0).
    Quantize,
    /// `x scale`: inputs x (int8), scale and zero point (int8, 0), one of each for all elements or for each along `axis`.
    Dequantize {
        /// The axis whose elements have scales of their own.
        axis: Option<usize>,
    },
    /// Softmax over the last axis.
    Softmax,
    /// Layer normalisation over the last axis: inputs x, scale, bias.
    LayerNormalization {
        /// Added to the variance.
        epsilon: f32,
    },
    /// Rows of the first input along `axis`, picked by the second input (int32, in range).
    Gather {
        /// The axis that is indexed.
        axis: usize,
    },
    /// Axes in the order of `perm`.
    Transpose {
        /// `perm[i]` is the axis of the input that becomes axis i.
        perm: Vec<usize>,
    },
    /// The same elements in another shape.
    Reshape {
        /// The new shape; at most one axis is symbolic.
        shape: Vec<Dim>,
    },
    /// All inputs one after the other along `axis`.
    Concat {
        /// The axis along which they are joined.
        axis: usize,
    },
    /// Zeros before the first element of `axis`.
    Pad {
        /// The axis that grows.
        axis: usize,
        /// Number of zeros.
        before: usize,
    },
    /// Sum over `axis`, which disappears.
    ReduceSum {
        /// The axis that is summed.
        axis: usize,
    },
    /// The body's output for each element along the first axis of the input, one after the other.
    Scan {
        /// A graph of one input: an element. It reads nothing else.
        body: Box<Graph>,
    },
}

impl Op {
    /// Its name: that of the ONNX operator, where it is one.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Op::Add => "Add",
            Op::Sub => "Sub",
            Op::Mul => "Mul",
            Op::Div => "Div",
            Op::Min => "Min",
            Op::Max => "Max",
            Op::Equal => "Equal",
            Op::Less => "Less",
            Op::Where => "Where",
            Op::Erf => "Erf",
            Op::Cast { .. } => "Cast",
            Op::MatMul => "MatMul",
            Op::QuantizedMatMul => "QuantizedMatMul",
            Op::Quantize => "QuantizeLinear",
            Op::Dequantize { .. } => "DequantizeLinear",
            Op::Softmax => "Softmax",
            Op::LayerNormalization { .. } => "LayerNormalization",
            Op::Gather { .. } => "Gather",
            Op::Transpose { .. } => "Transpose",
            Op::Reshape { .. } => "Reshape",
            Op::Concat { .. } => "Concat",
            Op::Pad { .. } => "Pad",
            Op::ReduceSum { .. } => "ReduceSum",
            Op::Scan { .. } => "Scan",
        }
    }

    /// The ONNX operators that it is emitted as.
    #[must_use]
    pub fn operators(&self) -> Vec<&'static str> {
        match self {
            Op::QuantizedMatMul => vec!["DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul"],
            Op::Scan { body } => {
                let inside = body.nodes.iter().flat_map(|node| node.op.operators());
                inside.chain([self.name()]).collect()
            }
            other => vec![other.name()],
        }
    }

    /// How many inputs it takes; `None` for one or more.
    #[must_use]
    pub fn arity(&self) -> Option<usize> {
        match self {
            Op::Erf
            | Op::Cast { .. }
            | Op::Softmax
            | Op::Transpose { .. }
            | Op::Reshape { .. }
            | Op::Pad { .. }
            | Op::ReduceSum { .. }
            | Op::Scan { .. } => Some(1),
            Op::Where | Op::LayerNormalization { .. } | Op::QuantizedMatMul | Op::Quantize | Op::Dequantize { .. } => {
                Some(3)
            }
            Op::Concat { .. } => None,
            _ => Some(2),
        }
    }
}

/// The op as the text form shows it: `Transpose{perm=[0,2,1,3]}`.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Op::Cast { to } => write!(f, "{{to={to}}}"),
            Op::LayerNormalization { epsilon } => write!(f, "{{epsilon={epsilon:e}}}"),
            Op::Gather { axis } | Op::Concat { axis } | Op::ReduceSum { axis } => write!(f, "{{axis={axis}}}"),
            Op::Transpose { perm } => write!(f, "{{perm={}}}", list(perm)),
            Op::Reshape { shape } => write!(f, "{{shape={}}}", list(shape)),
            Op::Scan { body } => write!(f, "{{body={}}}", body.name),
            Op::Dequantize { axis: Some(axis) } => write!(f, "{{axis={axis}}}"),
            Op::Pad { axis, before } => write!(f, "{{axis={axis},before={before}}}"),
            _ => Ok(()),
        }
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    format!("[{}]", items.join(","))
}
