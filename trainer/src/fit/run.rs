//! A run in progress.

use super::average::Average;
use super::best::{Best, Score};
use super::log::{Log, Mean};
use super::media::{Turn, Variables};
use super::reader::Reader;
use super::validation::Validation;
use super::{Fitted, Task, state_path};
use crate::optim::{AdamW, clip};
use crate::state::{self, Progress, Saved, Tensors};
use crate::step::{Clips, Gradients};
use crate::tensorboard::Events;
use anyhow::{Result, bail};
use candle_core::{Device, Tensor};
use indicatif::ProgressBar;
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tempest_models::fold_format;

pub(super) struct Run<'a> {
    pub(super) task: &'a Task<'a>,
    pub(super) out: &'a Path,
    pub(super) device: &'a Device,
    pub(super) identity: Value,
    /// One for each medium of the task.
    pub(super) readers: Vec<Reader>,
    pub(super) variables: Variables,
    pub(super) optimiser: AdamW,
    /// The running average of the weights.
    pub(super) average: Option<Average>,
    pub(super) best: Option<Best>,
    pub(super) mean: Mean,
    pub(super) log: Log,
    pub(super) events: Option<Events>,
    pub(super) bar: ProgressBar,
    pub(super) started: Instant,
    pub(super) seconds_before: f64,
}

impl Run<'_> {
    /// Goes on from a saved state, whose weights and moments the optimiser has already.
    pub(super) fn restore(&mut self, saved: &Saved) -> Result<()> {
        let (sum, count) = saved.progress.mean;
        self.mean = Mean { sum: sum.map(f64::from_bits), count };
        self.seconds_before = saved.progress.seconds;
        if let (Some(average), Some(tensors)) = (&self.average, saved.part(state::AVERAGE)) {
            average.restore(tensors)?;
        }
        if let (Some((epoch, score)), Some(weights)) = (saved.progress.best, saved.part(state::BEST)) {
            self.best = Some(Best { epoch, score, weights: weights.clone() });
        }
        Ok(())
    }

    /// All epochs from the step the optimiser stands at; returns whether `stop` ended them early.
    pub(super) fn epochs(&mut self, stop: &AtomicBool) -> Result<bool> {
        self.bar.set_position(self.optimiser.step as u64);
        self.bar.reset_eta();
        while !self.is_done() {
            if self.epoch(self.optimiser.step / self.task.steps_per_epoch(), stop)? {
                return Ok(!self.is_done());
            }
        }
        Ok(false)
    }

    /// Whether all epochs are trained, or patience is at its end.
    fn is_done(&self) -> bool {
        let done = self.optimiser.step / self.task.steps_per_epoch();
        let patience = self.task.options.patience.zip(self.best.as_ref());
        done >= self.task.options.epochs || patience.is_some_and(|(patience, best)| best.is_out_of(patience, done))
    }

    /// What is left of an epoch; returns whether `stop` was set, with the state saved.
    fn epoch(&mut self, epoch: usize, stop: &AtomicBool) -> Result<bool> {
        let (steps, begun) = (self.task.steps_per_epoch(), Instant::now());
        let (plan, accumulate) = (self.task.plan(epoch), self.task.options.accumulate);
        let mut clips = 0;
        for number in self.optimiser.step % steps..steps {
            let first = number * accumulate;
            let batches = &plan[first..(first + accumulate).min(plan.len())];
            self.step(batches, epoch * plan.len() + first)?;
            clips += clips_of(batches);
            if stop.load(Ordering::Relaxed) && number + 1 < steps {
                self.save()?;
                return Ok(true);
            }
        }
        self.report(epoch, clips as f64 / begun.elapsed().as_secs_f64())?;
        self.mean = Mean::default();
        self.save()?;
        Ok(stop.load(Ordering::Relaxed))
    }

    /// One step on the mean gradient of `batches`, of which the first is number `first` of the run.
    fn step(&mut self, batches: &[Turn], first: usize) -> Result<()> {
        let mut gradients = self.gradients(batches, first)?;
        let norm = clip(&mut gradients.by_name, self.task.options.clip)?;
        if !(norm.is_finite() && gradients.class_loss.is_finite() && gradients.recon_loss.is_finite()) {
            return Err(self.diverged());
        }
        self.optimiser.update(&gradients.by_name, self.rate(self.optimiser.step))?;
        if let Some(average) = &self.average {
            average.update(&self.variables.trained, self.optimiser.step)?;
        }
        self.mean.add([gradients.class_loss, gradients.recon_loss, norm]);
        self.bar.inc(1);
        Ok(())
    }

    fn gradients(&self, batches: &[Turn], first: usize) -> Result<Gradients> {
        let clips = clips_of(batches);
        (first..).zip(batches).try_fold(Gradients::default(), |sum, (number, Turn { medium, picks })| {
            let (of, reader) = (&self.task.media[*medium], &self.readers[*medium]);
            let examples = of.corpus.train.as_slice();
            let data = Clips { examples, taught: of.teacher.map(|teacher| teacher.examples().unwrap_or(examples)) };
            let part = reader.workers.gradients(&data, picks, number)?.renamed(&self.variables.names[*medium]);
            sum.add(part.scale(picks.len() as f64 / clips as f64)?)
        })
    }

    /// The learning rate of a step.
    fn rate(&self, step: usize) -> f64 {
        let options = self.task.options;
        let total = options.epochs * self.task.steps_per_epoch();
        options.schedule.rate(step, options.warmup, total, options.learning_rate)
    }

    /// Says at which step numbers ceased to be numbers, and how to go on from what is kept: the same command would come
    /// to the same step.
    fn diverged(&self) -> anyhow::Error {
        let step = self.optimiser.step;
        let state = state_path(self.out);
        match step / self.task.steps_per_epoch() {
            _ if !state.exists() => {
                anyhow::anyhow!("step {step}: the loss is not finite; start again with a lower --learning-rate")
            }
            epochs => anyhow::anyhow!(
                "step {step}: the loss is not finite; {} keeps the run as last saved, in or after epoch {epochs}: train on \
                 from it with a lower --learning-rate, --init {} and another --out",
                state.display(),
                state.display(),
            ),
        }
    }

    /// Scores the validation clips, keeps the best epoch where there is patience, and says how it goes.
    fn report(&mut self, epoch: usize, clips_per_second: f64) -> Result<()> {
        let score = self.validate()?;
        if let (Some(_), Some(score)) = (self.task.options.patience, score)
            && Best::is_beaten(self.best.as_ref(), &score)
        {
            self.best = Some(Best { epoch: epoch + 1, score, weights: self.weights()? });
        }
        let [class, recon, norm] = self.mean.values();
        let seconds = self.seconds();
        let line = serde_json::json!({
            "epoch": epoch + 1, "step": self.optimiser.step, "class_loss": class, "recon_loss": recon,
            "gradient_norm": norm, "learning_rate": self.rate(self.optimiser.step - 1),
            "validation_accuracy": score.filter(|_| self.task.options.labelled()).map(|score| score.accuracy()),
            "validation_loss": score.map(|score| score.loss), "clips_per_second": clips_per_second, "seconds": seconds,
        });
        self.log.write(&line)?;
        self.events.as_mut().map_or(Ok(()), |events| events.line(&line))?;
        let message = format!("L_c {class:.3} L_r {recon:.3}{}", self.shown(score));
        if self.bar.is_hidden() {
            eprintln!("epoch {}/{} {message} {seconds:.0} s", epoch + 1, self.task.options.epochs);
        }
        self.bar.set_message(format!("{message} {clips_per_second:.0} clips/s"));
        Ok(())
    }

    /// The score for people, and the best one where it counts.
    fn shown(&self, score: Option<Score>) -> String {
        let text = |score: Score| match self.task.options.labelled() {
            true => format!("{:.1} %", 100.0 * score.accuracy()),
            false => format!("L_r {:.3}", score.loss),
        };
        let best = self.best.as_ref().map(|best| format!(" (best {} in epoch {})", text(best.score), best.epoch));
        score.map_or(String::new(), |score| format!(" validation {}{}", text(score), best.unwrap_or_default()))
    }

    /// The score of all media's validation clips together.
    fn validate(&self) -> Result<Option<Score>> {
        let options = self.task.options;
        let (labelled, seed, padding) = (options.labelled(), options.seed, options.recon_padding);
        let mut scores = Vec::new();
        for (medium, reader) in self.task.media.iter().zip(&self.readers) {
            let (contract, mask) = (medium.contract, reader.workers.options().mask.as_ref());
            let validation = Validation { contract, labelled, mask, padding, seed, device: self.device };
            scores.extend(validation.score(&reader.scored, &medium.corpus.validation)?);
        }
        Ok(Score::of(&scores))
    }

    /// Seconds spent training, over all sittings.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// A copy on the CPU of the weights the run would end with now, those of the average where there is one.
    fn weights(&self) -> Result<Tensors> {
        let vars = self.average.as_ref().map_or(&self.variables.trained, |average| &average.vars);
        vars.iter().map(|(name, var)| Ok((name.clone(), on_cpu(var.as_tensor())?))).collect()
    }

    fn save(&self) -> Result<()> {
        let average: Option<Tensors> = self
            .average
            .as_ref()
            .map(|average| average.vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect());
        let mut parts = vec![(state::FIXED, &self.variables.fixed)];
        parts.extend(average.as_ref().map(|tensors| (state::AVERAGE, tensors)));
        parts.extend(self.best.as_ref().map(|best| (state::BEST, &best.weights)));
        let progress = Progress {
            step: self.optimiser.step,
            seconds: self.seconds(),
            mean: (self.mean.sum.map(f64::to_bits), self.mean.count),
            best: self.best.as_ref().map(|best| (best.epoch, best.score)),
            options: self.identity.clone(),
        };
        state::save(&state_path(self.out), &self.optimiser, &parts, &progress)
    }

    /// What the run ends with: the best epoch's weights where there is patience, else the last ones.
    pub(super) fn end(self, interrupted: bool) -> Result<Fitted> {
        let (steps, seconds) = (self.optimiser.step, self.seconds());
        let mut tensors = match &self.best {
            Some(best) => best.weights.clone(),
            None => self.weights()?,
        };
        for (name, tensor) in &self.variables.fixed {
            tensors.insert(name.clone(), on_cpu(tensor)?);
        }
        for (name, tensor) in &tensors {
            if !tensor.flatten_all()?.to_vec1::<f32>()?.iter().all(|value| value.is_finite()) {
                bail!("'{name}' is not finite after step {steps}; lower --learning-rate");
            }
        }
        let best = self.best.map(|best| (best.epoch, best.score));
        let models: Result<_> = (0..self.readers.len())
            .map(|medium| {
                let mut model = self.variables.of(medium, &tensors);
                fold_format(&mut model)?;
                Ok(model)
            })
            .collect();
        Ok(Fitted { models: models?, steps, best, seconds, interrupted })
    }
}

fn clips_of(batches: &[Turn]) -> usize {
    batches.iter().map(|batch| batch.picks.len()).sum()
}

fn on_cpu(tensor: &Tensor) -> candle_core::Result<Tensor> {
    tensor.to_device(&Device::Cpu)?.copy()
}
