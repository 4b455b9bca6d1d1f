use super::{Dim, Dtype, Fact};
use half::{bf16, f16};
use std::sync::Arc;

/// A tensor known at compile time. Cloning shares the elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    shape: Vec<usize>,
    data: Data,
}

/// The elements of a [`Constant`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Floats.
    F32(Arc<[f32]>),
    /// Half floats.
    F16(Arc<[f16]>),
    /// Floats of 16 bits with the exponents of 32-bit ones.
    BF16(Arc<[bf16]>),
    /// Small integers.
    I8(Arc<[i8]>),
    /// Integers.
    I32(Arc<[i32]>),
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Data::F32(data) => data.len(),
            Data::F16(data) => data.len(),
            Data::BF16(data) => data.len(),
            Data::I8(data) => data.len(),
            Data::I32(data) => data.len(),
        }
    }
}

impl Constant {
    /// A float tensor; `None` where the number of elements is not the product of `shape`.
    #[must_use]
    pub fn f32(shape: &[usize], data: impl Into<Arc<[f32]>>) -> Option<Self> {
        let data = data.into();
        (shape.iter().product::<usize>() == data.len()).then(|| Self { shape: shape.to_vec(), data: Data::F32(data) })
    }

    /// A tensor of small integers; `None` where the number of elements is not the product of `shape`.
    #[must_use]
    pub fn i8(shape: &[usize], data: Vec<i8>) -> Option<Self> {
        let data = Data::I8(data.into());
        (shape.iter().product::<usize>() == data.len()).then(|| Self { shape: shape.to_vec(), data })
    }

    /// Floats rounded to floats of 16 bits; `None` where it holds something else, or `to` is another type.
    #[must_use]
    pub fn to_half(&self, to: Dtype) -> Option<Self> {
        let floats = self.as_f32()?.iter().copied();
        let data = match to {
            Dtype::F16 => Data::F16(floats.map(f16::from_f32).collect()),
            Dtype::BF16 => Data::BF16(floats.map(bf16::from_f32).collect()),
            Dtype::F32 | Dtype::I8 | Dtype::I32 | Dtype::Bool => return None,
        };
        Some(Self { shape: self.shape.clone(), data })
    }

    /// A list of floats.
    #[must_use]
    pub fn floats(data: Vec<f32>) -> Self {
        Self { shape: vec![data.len()], data: Data::F32(data.into()) }
    }

    /// A list of integers.
    #[must_use]
    pub fn ints(data: Vec<i32>) -> Self {
        Self { shape: vec![data.len()], data: Data::I32(data.into()) }
    }

    /// One float, rank 0.
    #[must_use]
    pub fn scalar(value: f32) -> Self {
        Self { shape: vec![], data: Data::F32([value].into()) }
    }

    /// One integer, rank 0.
    #[must_use]
    pub fn int(value: i32) -> Self {
        Self { shape: vec![], data: Data::I32([value].into()) }
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its elements, row-major.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Its elements where they are floats.
    #[must_use]
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.data {
            Data::F32(data) => Some(data),
            _ => None,
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether it has no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether type, shape and every bit of every element are equal; unlike `==`, tells 0 from -0.
    #[must_use]
    pub fn same_bits(&self, other: &Self) -> bool {
        self.shape == other.shape
            && match (&self.data, &other.data) {
                (Data::F32(a), Data::F32(b)) => a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits())),
                (a, b) => a == b,
            }
    }

    /// Its elements as little-endian bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match &self.data {
            Data::F32(data) => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::F16(data) => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::BF16(data) => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I8(data) => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Data::I32(data) => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    /// Its fact.
    #[must_use]
    pub fn fact(&self) -> Fact {
        let dtype = match &self.data {
            Data::F32(_) => Dtype::F32,
            Data::F16(_) => Dtype::F16,
            Data::BF16(_) => Dtype::BF16,
            Data::I8(_) => Dtype::I8,
            Data::I32(_) => Dtype::I32,
        };
        Fact { dtype, shape: self.shape.iter().copied().map(Dim::Fixed).collect() }
    }
}
