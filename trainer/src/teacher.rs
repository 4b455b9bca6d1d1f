//! Distillation (Hinton, Vinyals and Dean 2015): a trained model's answers are learnt beside the labels. The teacher may
//! read another view: it is shown its own rows of the same blocks.

use crate::batch::{Batch, Example, Mix, Pick};
use crate::step::{encode, windows};
use anyhow::{Result, bail};
use candle_core::{D, Device, Tensor};
use std::ops::Range;
use tempest_contract::{Contract, Window};
use tempest_models::{Checkpoint, Model, Regime, nn};

/// How far the student follows its teacher.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Distil {
    /// Share of the class loss that compares with the teacher rather than with the labels, 0..=1.
    pub weight: f64,
    /// Divisor of both models' logits, above 0: higher shows more of what the teacher thinks of the wrong labels.
    pub temperature: f64,
}

/// A trained model that answers to the clips a student learns.
#[derive(Debug)]
pub struct Teacher {
    model: Model,
    /// The teacher's own rows of the training clips; `None` where the student reads the same.
    examples: Option<Vec<Example>>,
    classes: usize,
    distil: Distil,
    device: Device,
    /// SHA-256 of the checkpoint.
    pub sha256: String,
}

/// A teacher's probabilities, clips x classes, at the temperature.
#[derive(Clone, Debug, PartialEq)]
pub struct Soft {
    probabilities: Vec<f32>,
    distil: Distil,
}

impl Distil {
    /// Checks both numbers.
    ///
    /// # Errors
    /// The option and what it may be.
    pub fn check(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.weight) {
            bail!("--teacher-weight {}: must be 0 to 1", self.weight);
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            bail!("--temperature {}: must be a number above 0", self.temperature);
        }
        Ok(())
    }
}

impl Teacher {
    /// The model of `checkpoint` for a student of `contract`. `examples` are the teacher's rows of the training clips `of`
    /// the student, or `None` where both read the same.
    ///
    /// # Errors
    /// Other labels than the student's, rows of other blocks, numbers out of range.
    pub fn new(
        checkpoint: &Checkpoint,
        contract: &Contract,
        of: &[Example],
        examples: Option<Vec<Example>>,
        distil: Distil,
        device: &Device,
    ) -> Result<Self> {
        distil.check()?;
        let sha256 = crate::fit::sha256(&checkpoint.to_bytes()?);
        let mut checkpoint = checkpoint.clone();
        if checkpoint.contract.labels != contract.labels {
            let (his, ours) = (checkpoint.contract.labels.join(", "), contract.labels.join(", "));
            bail!("the teacher knows the labels [{his}], the data set has [{ours}]");
        }
        let blocks =
            |examples: &[Example]| examples.iter().flat_map(|e| &e.variants).map(|rows| rows.len()).collect::<Vec<_>>();
        if examples.as_ref().is_some_and(|examples| blocks(examples) != blocks(of)) {
            bail!("the teacher's view {} cuts the clips into other blocks", checkpoint.contract.view.kind.name());
        }
        // Positions are computed, so the teacher takes the student's windows however long they are.
        let blocks = contract.window.blocks.max(checkpoint.contract.window.blocks);
        checkpoint.contract.window = Window { blocks, hop: blocks };
        let model = Model::load(&checkpoint, device)?;
        Ok(Teacher { model, examples, classes: contract.labels.len(), distil, device: device.clone(), sha256 })
    }

    /// Weight and temperature.
    #[must_use]
    pub fn distil(&self) -> Distil {
        self.distil
    }

    /// What the teacher says of the clips of `range`, mixed as the student sees them.
    ///
    /// # Errors
    /// What candle refuses.
    pub(crate) fn answer(&self, students: &[Example], picks: &[Pick], range: Range<usize>, mix: &Mix) -> Result<Soft> {
        let examples = self.examples.as_deref().unwrap_or(students);
        let batch = Batch::gather(examples, picks, range, mix, self.classes, 0.0);
        let (tokens, _) = encode(&self.model, &batch, &Regime::Infer, &self.device)?;
        let (windows, lengths) = windows(&tokens, &batch.lengths)?;
        let logits = self.model.classify(&windows, &lengths)?;
        let probabilities = nn::softmax(&(logits / self.distil.temperature)?)?;
        Ok(Soft { probabilities: probabilities.flatten_all()?.to_vec1()?, distil: self.distil })
    }
}

impl Soft {
    /// `(1 - w) class + w T^2 KL(teacher || student)`, both softened by T. The square keeps the gradient's size at any T.
    ///
    /// # Errors
    /// What candle refuses.
    pub(crate) fn blend(&self, class: &Tensor, logits: &Tensor) -> Result<Tensor> {
        let Distil { weight, temperature } = self.distil;
        let teacher = Tensor::from_slice(&self.probabilities, logits.shape(), logits.device())?;
        let student = nn::log_softmax(&(logits / temperature)?)?;
        // An answer of 0 has no part in the sum: 0 log 0 is 0.
        let difference = ((&teacher + 1e-20)?.log()? - student)?;
        let divergence = (teacher * difference)?.sum(D::Minus1)?.mean_all()?;
        Ok(((class * (1.0 - weight))? + (divergence * (weight * temperature * temperature))?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soft(probabilities: &[f32], weight: f64, temperature: f64) -> Soft {
        Soft { probabilities: probabilities.to_vec(), distil: Distil { weight, temperature } }
    }

    fn blend(soft: &Soft, logits: &[f32]) -> f32 {
        let logits = Tensor::from_slice(logits, (1, logits.len()), &Device::Cpu).unwrap();
        soft.blend(&Tensor::new(5.0f32, &Device::Cpu).unwrap(), &logits).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn agreement_costs_nothing_and_the_weight_blends() {
        let logits = [2.0f32, 0.0];
        // At T = 2 the logits are 1 and 0: e / (1 + e).
        let agreed = soft(&[0.731_058_6, 0.268_941_4], 1.0, 2.0);
        assert!(blend(&agreed, &logits).abs() < 1e-5);
        assert!((blend(&soft(&[0.731_058_6, 0.268_941_4], 0.25, 2.0), &logits) - 3.75).abs() < 1e-5);
        // KL([1, 0] || [0.731, 0.269]) = -ln 0.731 = 0.3133, times T^2.
        assert!((blend(&soft(&[1.0, 0.0], 1.0, 2.0), &logits) - 4.0 * 0.313_262).abs() < 1e-4);
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let check = |weight, temperature| Distil { weight, temperature }.check();
        assert!(check(0.5, 2.0).is_ok());
        assert!(check(1.1, 2.0).unwrap_err().to_string().starts_with("--teacher-weight"));
        assert!(check(0.5, 0.0).unwrap_err().to_string().starts_with("--temperature"));
    }
}
