//! AdamW with decay groups, its schedule and gradient clipping. Candle's own keeps its moments private, so a run could
//! not resume exactly.

use candle_core::{Result, Tensor, Var};
use std::collections::BTreeMap;

/// First and second moment decay, epsilon (Loshchilov and Hutter 2019).
const BETAS: (f64, f64) = (0.9, 0.98);
const EPS: f64 = 1e-8;

/// One trained variable with its moments.
#[derive(Debug)]
pub struct Slot {
    /// The variable, shared with the model.
    pub var: Var,
    /// Mean of the gradients.
    pub first: Tensor,
    /// Mean of the squared gradients.
    pub second: Tensor,
}

/// AdamW: decoupled weight decay on matrices, none on biases, norms and single vectors.
#[derive(Debug)]
pub struct AdamW {
    /// Variables by name.
    pub slots: BTreeMap<String, Slot>,
    /// Updates made so far.
    pub step: usize,
    weight_decay: f64,
}

impl AdamW {
    /// Zero moments for every variable.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn new(vars: &BTreeMap<String, Var>, weight_decay: f64) -> Result<Self> {
        let slot = |var: &Var| -> Result<Slot> {
            Ok(Slot { var: var.clone(), first: var.zeros_like()?, second: var.zeros_like()? })
        };
        let slots: Result<_> = vars.iter().map(|(name, var)| Ok((name.clone(), slot(var)?))).collect();
        Ok(AdamW { slots: slots?, step: 0, weight_decay })
    }

    /// One update with gradients by name; a variable without a gradient stays.
    ///
    /// # Errors
    /// A gradient of another shape than its variable.
    pub fn update(&mut self, gradients: &BTreeMap<String, Tensor>, rate: f64) -> Result<()> {
        self.step += 1;
        let (beta1, beta2) = BETAS;
        let correct1 = 1.0 / (1.0 - beta1.powi(self.step as i32));
        let correct2 = 1.0 / (1.0 - beta2.powi(self.step as i32));
        for (name, slot) in &mut self.slots {
            let Some(gradient) = gradients.get(name) else { continue };
            slot.first = ((&slot.first * beta1)? + (gradient * (1.0 - beta1))?)?.detach();
            slot.second = ((&slot.second * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?.detach();
            let direction = ((&slot.first * correct1)? / ((&slot.second * correct2)?.sqrt()? + EPS)?)?;
            let decay = if slot.var.rank() > 1 { 1.0 - rate * self.weight_decay } else { 1.0 };
            let value = ((slot.var.as_tensor() * decay)? - (direction * rate)?)?;
            slot.var.set(&value.detach())?;
        }
        Ok(())
    }
}

/// Scales the gradients so that their common L2 norm is at most `limit`; returns the norm before.
///
/// # Errors
/// Only candle's own.
pub fn clip(gradients: &mut BTreeMap<String, Tensor>, limit: f64) -> Result<f64> {
    if gradients.is_empty() {
        return Ok(0.0);
    }
    let squares: Result<Vec<Tensor>> = gradients.values().map(|gradient| gradient.sqr()?.sum_all()).collect();
    // All at once: a card is waited for at every transfer.
    let squares = Tensor::stack(&squares?, 0)?.to_vec1::<f32>()?;
    let norm = squares.into_iter().map(f64::from).sum::<f64>().sqrt();
    if norm > limit {
        for gradient in gradients.values_mut() {
            *gradient = (&*gradient * (limit / norm))?;
        }
    }
    Ok(norm)
}

/// Learning rate of a step: linear warm-up to `peak` over `warmup` steps, then half a cosine down to 0 at `total`.
#[must_use]
pub fn learning_rate(step: usize, warmup: usize, total: usize, peak: f64) -> f64 {
    if step < warmup {
        return peak * (step + 1) as f64 / warmup as f64;
    }
    let done = (step - warmup) as f64 / total.saturating_sub(warmup).max(1) as f64;
    peak * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn warms_up_and_anneals_to_zero() {
        assert_eq!(learning_rate(0, 10, 100, 1.0), 0.1);
        assert_eq!(learning_rate(9, 10, 100, 1.0), 1.0);
        assert!((learning_rate(55, 10, 100, 1.0) - 0.5).abs() < 1e-12);
        assert!(learning_rate(100, 10, 100, 1.0).abs() < 1e-12);
    }

    #[test]
    fn adamw_matches_the_formula_by_hand() {
        let var = Var::from_vec(vec![1.0f32, -2.0], (1, 2), &Device::Cpu).unwrap();
        let mut optimiser = AdamW::new(&[("w".to_string(), var.clone())].into(), 0.1).unwrap();
        let gradient = Tensor::new(&[[0.5f32, -0.25]], &Device::Cpu).unwrap();
        optimiser.update(&[("w".to_string(), gradient)].into(), 0.01).unwrap();
        // On the first step the corrected direction is the gradient's sign.
        let expected = [1.0 * (1.0 - 0.001) - 0.01, -2.0 * (1.0 - 0.001) + 0.01];
        let found: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn clipping_keeps_direction_and_bounds_the_norm() {
        let mut gradients = [("a".to_string(), Tensor::new(&[3.0f32, 4.0], &Device::Cpu).unwrap())].into();
        assert!((clip(&mut gradients, 1.0).unwrap() - 5.0).abs() < 1e-6);
        let clipped: Vec<f32> = gradients["a"].to_vec1().unwrap();
        assert!((clipped[0] - 0.6).abs() < 1e-6 && (clipped[1] - 0.8).abs() < 1e-6);
    }
}
