use candle_core::{DType, Result, Tensor};
use serde::Serialize;

/// What the products of linear layers and of attention are computed in while training. All else, the weights too, is float32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// float32.
    #[default]
    F32,
    /// Operands and results are rounded to bfloat16, sums are float32; in the backward pass too. A CPU widens the rounded
    /// operands again to multiply them: the numbers are those of a card but for the order of the sums, and no faster.
    Bf16,
}

impl Precision {
    /// a b, float32 as both are.
    pub(crate) fn product(self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        self.round(a)?.matmul(&self.round(b)?)?.to_dtype(DType::F32)
    }

    /// a b^T over the last two axes, float32 as both are.
    pub(crate) fn product_t(self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        // Rounded, then turned: a cast reads what is contiguous, and a product takes either.
        self.round(a)?.matmul(&self.round(b)?.t()?)?.to_dtype(DType::F32)
    }

    /// The gradient of a rounded tensor is bfloat16 as it is; it becomes float32 here, before it is added to any other.
    fn round(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Precision::F32 => Ok(x.clone()),
            Precision::Bf16 => x.to_dtype(DType::BF16),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    fn var(shape: &[usize], step: usize) -> Var {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|i| ((i * step) % 89) as f32 / 40.0 - 1.0).collect();
        Var::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn flat(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// Largest difference, relative to the largest value.
    fn difference(a: &Tensor, b: &Tensor) -> f32 {
        let (a, b) = (flat(a), flat(b));
        let largest = b.iter().fold(0.0, |most: f32, b| most.max(b.abs()));
        a.iter().zip(&b).map(|(a, b)| (a - b).abs() / largest).fold(0.0, f32::max)
    }

    #[test]
    fn a_rounded_product_and_its_gradients_are_float32_and_close() {
        // b is used twice: two gradients are summed.
        let (a, b) = (var(&[2, 3, 7, 5], 31), var(&[2, 3, 6, 5], 17));
        let both = |precision: Precision| {
            let scores = precision.product_t(&a, &b).unwrap();
            let mixed = precision.product(&scores, &b).unwrap();
            let gradients = mixed.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            [scores, mixed, gradients.get(&a).unwrap().clone(), gradients.get(&b).unwrap().clone()]
        };
        for (rounded, exact) in both(Precision::Bf16).iter().zip(both(Precision::F32)) {
            assert_eq!(rounded.dtype(), DType::F32);
            let difference = difference(rounded, &exact);
            assert!(difference > 0.0 && difference < 0.02, "{difference}");
        }
    }

    #[test]
    fn sums_are_longer_than_what_is_summed() {
        // In bfloat16 256 + 1 is 256: a sum of ones would never grow beyond it.
        let ones = Tensor::ones((1, 4096), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(flat(&Precision::Bf16.product_t(&ones, &ones).unwrap()), [4096.0]);
    }
}
