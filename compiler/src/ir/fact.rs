use std::fmt;

/// Element type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// 32-bit float.
    F32,
    /// 16-bit float (IEEE 754 binary16): operands of products on accelerators.
    F16,
    /// 16-bit float with the exponents of a 32-bit one (bfloat16): operands of products on accelerators.
    BF16,
    /// 8-bit integer: quantised weights.
    I8,
    /// 32-bit integer: ids, lengths, indices.
    I32,
    /// Truth value.
    Bool,
}

/// One axis of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dim {
    /// A known size.
    Fixed(usize),
    /// A known multiple of the one symbolic batch size: `Batch(1)` is the batch itself.
    Batch(usize),
}

/// What is known of a value before anything runs: its element type and its shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fact {
    /// Element type.
    pub dtype: Dtype,
    /// Axes, outermost first; empty for a scalar.
    pub shape: Vec<Dim>,
}

impl Dim {
    /// `factor` times this axis.
    #[must_use]
    pub fn times(self, factor: usize) -> Self {
        match self {
            Dim::Fixed(size) => Dim::Fixed(size * factor),
            Dim::Batch(size) => Dim::Batch(size * factor),
        }
    }
}

impl Fact {
    /// A fact of any dims, symbolic or not.
    #[must_use]
    pub fn new(dtype: Dtype, shape: Vec<Dim>) -> Self {
        Self { dtype, shape }
    }

    /// A fact whose every axis is known.
    #[must_use]
    pub fn fixed(dtype: Dtype, shape: &[usize]) -> Self {
        Self { dtype, shape: shape.iter().copied().map(Dim::Fixed).collect() }
    }

    /// The shape in numbers, or `None` where an axis is symbolic.
    #[must_use]
    pub fn sizes(&self) -> Option<Vec<usize>> {
        let size = |dim: &Dim| match dim {
            Dim::Fixed(size) => Some(*size),
            Dim::Batch(_) => None,
        };
        self.shape.iter().map(size).collect()
    }
}

/// Number of elements as (known factor, power of the batch symbol); equal volumes can be reshaped into each other.
#[must_use]
pub fn volume(shape: &[Dim]) -> (usize, usize) {
    shape.iter().fold((1, 0), |(size, symbols), dim| match dim {
        Dim::Fixed(factor) => (size * factor, symbols),
        Dim::Batch(factor) => (size * factor, symbols + 1),
    })
}

/// NumPy broadcasting of two shapes, or `None` where they do not fit.
#[must_use]
pub fn broadcast(left: &[Dim], right: &[Dim]) -> Option<Vec<Dim>> {
    let rank = left.len().max(right.len());
    let axis = |shape: &[Dim], index: usize| match (index + shape.len()).checked_sub(rank) {
        Some(own) => shape[own],
        None => Dim::Fixed(1),
    };
    let join = |index| match (axis(left, index), axis(right, index)) {
        (one, other) if one == other => Some(one),
        (Dim::Fixed(1), other) | (other, Dim::Fixed(1)) => Some(other),
        _ => None,
    };
    (0..rank).map(join).collect()
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dtype::F32 => "f32",
            Dtype::F16 => "f16",
            Dtype::BF16 => "bf16",
            Dtype::I8 => "i8",
            Dtype::I32 => "i32",
            Dtype::Bool => "bool",
        })
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Fixed(size) => write!(f, "{size}"),
            Dim::Batch(1) => f.write_str("batch"),
            Dim::Batch(factor) => write!(f, "{factor}*batch"),
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.shape.iter().map(Dim::to_string).collect();
        write!(f, "{}[{}]", self.dtype, dims.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::{Dim, broadcast, volume};

    #[test]
    fn broadcasts_as_numpy_does() {
        let (batch, one, three) = (Dim::Batch(1), Dim::Fixed(1), Dim::Fixed(3));
        assert_eq!(broadcast(&[batch, one], &[three]), Some(vec![batch, three]));
        assert_eq!(broadcast(&[], &[batch]), Some(vec![batch]));
        assert_eq!(broadcast(&[batch], &[three]), None);
        assert_eq!(broadcast(&[Dim::Batch(2)], &[batch]), None);
    }

    #[test]
    fn volumes_keep_the_symbol() {
        assert_eq!(volume(&[Dim::Batch(1), Dim::Fixed(6)]), volume(&[Dim::Batch(2), Dim::Fixed(3)]));
        assert_ne!(volume(&[Dim::Batch(1), Dim::Fixed(6)]), volume(&[Dim::Fixed(6)]));
    }
}
