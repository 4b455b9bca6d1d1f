//! Distillation (Hinton, Vinyals and Dean 2015): a trained model's answers are learnt beside the labels. The teacher may
//! read another view: it is shown its own rows of the same blocks.

use crate::batch::{Batch, Example};
use crate::loss::{encode, windows};
use anyhow::{Result, bail};
use candle_core::{D, Device, Tensor};
use tempest_contract::{Answers, Contract, Window};
use tempest_models::{Checkpoint, Model, Regime, nn};

/// How far the student follows its teacher.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Distil {
    /// Share of the class loss that compares with the teacher rather than with the labels, 0..=1.
    pub weight: f64,
    /// Divisor of both models' logits, above 0: higher shows more of what the teacher thinks of the wrong labels.
    pub temperature: f64,
}

/// A trained model whose answers are learnt.
#[derive(Clone, Debug)]
pub struct Tutor {
    model: Model,
    /// How far it is followed.
    pub distil: Distil,
}

/// A tutor, and the training clips as it reads them.
#[derive(Debug)]
pub struct Teacher {
    /// The model.
    pub tutor: Tutor,
    examples: Option<Vec<Example>>,
    /// SHA-256 of the checkpoint.
    pub sha256: String,
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

    /// `(1 - w) class + w T^2 KL(teacher || student)` of logits softened by T. The square keeps the gradient's size at any
    /// T.
    fn blend(&self, class: &Tensor, teacher: &Tensor, student: &Tensor) -> Result<Tensor> {
        let soften = |logits: &Tensor| nn::log_softmax(&(logits / self.temperature)?);
        let (teacher, student) = (soften(teacher)?, soften(student)?);
        let divergence = (teacher.exp()? * (teacher - student)?)?.sum(D::Minus1)?.mean_all()?;
        let scale = self.weight * self.temperature * self.temperature;
        Ok(((class * (1.0 - self.weight))? + (divergence * scale)?)?)
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
        if [contract.answers, checkpoint.contract.answers] != [Answers::OneOf; 2] {
            bail!("a teacher and its student both answer with one label of several; here several may be true");
        }
        let blocks =
            |examples: &[Example]| examples.iter().flat_map(|e| &e.variants).map(|rows| rows.len()).collect::<Vec<_>>();
        if examples.as_ref().is_some_and(|examples| blocks(examples) != blocks(of)) {
            bail!("the teacher's view {} cuts the clips into other blocks", checkpoint.contract.view.kind.name());
        }
        // Positions are computed, so the teacher takes the student's windows however long they are.
        let blocks = contract.window.blocks.max(checkpoint.contract.window.blocks);
        checkpoint.contract.window = Window { blocks, hop: blocks };
        Ok(Teacher { tutor: Tutor { model: Model::load(&checkpoint, device)?, distil }, examples, sha256 })
    }

    /// The teacher's own rows of the training clips; `None` where the student reads the same.
    #[must_use]
    pub fn examples(&self) -> Option<&[Example]> {
        self.examples.as_deref()
    }
}

impl Tutor {
    /// `class` blended with the distance of `logits`, the student's of `batch`, from the answers to the batch's taught rows.
    ///
    /// # Errors
    /// What candle refuses.
    pub(crate) fn blend(&self, class: &Tensor, logits: &Tensor, batch: &Batch) -> Result<Tensor> {
        let taught = Batch { rows: batch.taught.clone(), lengths: batch.lengths.clone(), ..Batch::default() };
        let (tokens, _) = encode(&self.model, &taught, &Regime::Infer, logits.device())?;
        let (windows, lengths) = windows(&tokens, &taught.lengths)?;
        let answers = self.model.classify(&windows, &lengths)?;
        self.distil.blend(class, &answers, logits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blend(distil: Distil, teacher: [f32; 2], student: [f32; 2]) -> f32 {
        let logits = |values: [f32; 2]| Tensor::from_slice(&values, (1, 2), &Device::Cpu).unwrap();
        let class = Tensor::new(5.0f32, &Device::Cpu).unwrap();
        distil.blend(&class, &logits(teacher), &logits(student)).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn agreement_costs_nothing_and_the_weight_blends() {
        let distil = |weight| Distil { weight, temperature: 2.0 };
        assert!(blend(distil(1.0), [2.0, 0.0], [3.0, 1.0]).abs() < 1e-6);
        assert!((blend(distil(0.25), [2.0, 0.0], [2.0, 0.0]) - 3.75).abs() < 1e-6);
        // At T = 2 the student's logits are 1 and 0, e / (1 + e) = 0.731; the teacher is certain.
        // KL([1, 0] || [0.731, 0.269]) = -ln 0.731 = 0.3133, times T^2.
        assert!((blend(distil(1.0), [200.0, 0.0], [2.0, 0.0]) - 4.0 * 0.313_262).abs() < 1e-4);
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let check = |weight, temperature| Distil { weight, temperature }.check();
        assert!(check(0.5, 2.0).is_ok());
        assert!(check(1.1, 2.0).unwrap_err().to_string().starts_with("--teacher-weight"));
        assert!(check(0.5, 0.0).unwrap_err().to_string().starts_with("--temperature"));
    }
}
