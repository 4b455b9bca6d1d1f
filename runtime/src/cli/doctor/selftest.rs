//! The built-in model's answer to the sample, on one engine after another.

use crate::{Answer, Classifier, Media, builtin};
use anyhow::{Context, Result};
use serde::Serialize;
use std::time::Instant;
use tempest_engine::{Bundle, engine};

/// MP3 frames of a spoken wake word.
const SAMPLE: &[u8] = include_bytes!("../../../../samples/tempest.mp3");

/// What a probability may differ from tract's. Float32 differs by 1e-6, TF32 on a card by 1e-4.
const TOLERANCE: f32 = 1e-3;

/// What one engine answered.
#[derive(Debug, Serialize)]
pub(super) struct Tested {
    pub engine: &'static str,
    /// Whether the answer is tract's.
    pub passed: bool,
    /// Absent where there is an error.
    pub label: Option<String>,
    /// Of that label.
    pub probability: Option<f32>,
    /// Largest difference of a probability from tract's.
    pub difference: Option<f32>,
    /// From the bundle's bytes to the answer.
    pub seconds: f64,
    /// Why there is no answer.
    pub error: Option<String>,
}

impl Tested {
    /// An engine that ran and answered otherwise than tract.
    pub(super) fn is_wrong(&self) -> bool {
        !self.passed && self.error.is_none()
    }
}

/// The model, what it is asked, and what it should answer.
pub(super) struct SelfTest {
    bundle: Bundle,
    media: Media,
    expected: Answer,
}

impl SelfTest {
    pub(super) fn new() -> Result<Self> {
        let bundle = builtin::bundle()?;
        let media = Media::read(SAMPLE, bundle.contract()).context("the built-in sample")?;
        let expected = answer(&bundle, &media, "tract").context("the built-in model")?;
        Ok(Self { bundle, media, expected })
    }

    /// Name of the model.
    pub(super) fn model(&self) -> &str {
        &self.bundle.contract().name
    }

    pub(super) fn run(&self, engine: &'static str) -> Tested {
        let started = Instant::now();
        let answered = answer(&self.bundle, &self.media, engine);
        let seconds = started.elapsed().as_secs_f64();
        let failed =
            Tested { engine, passed: false, label: None, probability: None, difference: None, seconds, error: None };
        match answered {
            Err(error) => Tested { error: Some(format!("{error:#}")), ..failed },
            Ok(answer) => self.compare(&answer, failed),
        }
    }

    fn compare(&self, answer: &Answer, tested: Tested) -> Tested {
        let (pairs, labels) =
            (answer.probabilities.iter().zip(&self.expected.probabilities), &self.bundle.contract().labels);
        let difference = pairs.map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max);
        let first = |answer: &Answer| answer.ranked().first().copied();
        let same = first(answer).map(|(label, _)| label) == first(&self.expected).map(|(label, _)| label);
        Tested {
            passed: same && difference <= TOLERANCE,
            label: first(answer).and_then(|(label, _)| labels.get(label).cloned()),
            probability: first(answer).map(|(_, probability)| probability),
            difference: Some(difference),
            ..tested
        }
    }
}

fn answer(bundle: &Bundle, media: &Media, name: &str) -> Result<Answer> {
    Ok(Classifier::load(bundle, &*engine(name)?, 1)?.classify(media)?)
}
