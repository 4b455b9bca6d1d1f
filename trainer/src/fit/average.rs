//! A running average of the weights.

use anyhow::Result;
use candle_core::{Tensor, Var};
use std::collections::BTreeMap;

/// `average = d average + (1 - d) weights` after every step, with `d = min(decay, (1 + step) / (10 + step))`: the first
/// steps, far from where the weights end, are soon forgotten.
#[derive(Debug)]
pub(super) struct Average {
    decay: f64,
    /// The averages by name of the variable; a model built on them sees every update.
    pub(super) vars: BTreeMap<String, Var>,
}

impl Average {
    /// Starts at the variables' present values.
    pub(super) fn new(vars: &BTreeMap<String, Var>, decay: f64) -> Result<Self> {
        let copy = |var: &Var| Var::from_tensor(&var.as_tensor().copy()?);
        let vars: Result<_, candle_core::Error> =
            vars.iter().map(|(name, var)| Ok((name.clone(), copy(var)?))).collect();
        Ok(Average { decay, vars: vars? })
    }

    /// Takes in the weights after `step` updates.
    pub(super) fn update(&self, weights: &BTreeMap<String, Var>, step: usize) -> Result<()> {
        let decay = self.decay.min((1 + step) as f64 / (10 + step) as f64);
        for (name, average) in &self.vars {
            let Some(weight) = weights.get(name) else { continue };
            let moved = ((average.as_tensor() * decay)? + (weight.as_tensor() * (1.0 - decay))?)?;
            average.set(&moved.detach())?;
        }
        Ok(())
    }

    /// Goes on from saved averages.
    pub(super) fn restore(&self, saved: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, average) in &self.vars {
            if let Some(tensor) = saved.get(name) {
                average.set(&tensor.to_device(average.device())?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn the_average_follows_the_weights_by_the_formula() {
        let weight = Var::from_vec(vec![1.0f32], 1, &Device::Cpu).unwrap();
        let vars: BTreeMap<String, Var> = [("w".to_string(), weight.clone())].into();
        let average = Average::new(&vars, 0.5).unwrap();
        let mut expected = 1.0;
        for step in 1..30 {
            weight.set(&Tensor::new(&[step as f32], &Device::Cpu).unwrap()).unwrap();
            average.update(&vars, step).unwrap();
            let decay = f64::min(0.5, (1.0 + step as f64) / (10.0 + step as f64));
            expected = decay * expected + (1.0 - decay) * step as f64;
        }
        let found = average.vars["w"].to_vec1::<f32>().unwrap()[0];
        assert!((f64::from(found) - expected).abs() < 1e-4, "{found} {expected}");
    }
}
