//! One clip at a time, on whichever thread is free.

use super::request::{Content, RequestError};
use super::timeline::Timeline;
use crate::ordered::Panicked;
use crate::{Answer, Classifier, ClassifyError, Media, MediaError};
use std::time::{Duration, Instant};
use thiserror::Error;

/// What is wanted of a clip beside its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Take the whole blocks of clips whose last one is cut short.
    pub allow_truncated: bool,
    pub embeddings: Option<Pooling>,
    pub timeline: bool,
}

/// Of what there is one row of embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Pooling {
    /// The mean over the blocks of a file
    Files,
    /// Each block
    Blocks,
}

/// One classified clip.
pub(super) struct Classified {
    /// What was seen of the stream; its rows are gone.
    pub media: Media,
    pub answer: Answer,
    /// Rows of L' x D floats, as wanted.
    pub embeddings: Vec<f32>,
    pub timeline: Option<Timeline>,
    /// From opening the file to the answer.
    pub elapsed: Duration,
}

/// What became of a request.
pub(super) type Outcome = Result<Classified, Failure>;

/// Why a clip has no answer.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Classify(#[from] ClassifyError),
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl Wanted {
    pub(super) fn of(self, classifier: &mut Classifier, content: Result<Content, RequestError>) -> Outcome {
        let started = Instant::now();
        let source = content?.open().map_err(MediaError::from)?;
        let mut media = Media::read(source, classifier.contract())?;
        if media.truncated && !self.allow_truncated {
            let unit = classifier.contract().codec.unit().name();
            return Err(MediaError::Truncated { unit, blocks: media.blocks }.into());
        }
        let embeddings = classifier.encode(&std::mem::take(&mut media.rows))?;
        let mut timeline = self.timeline.then(|| Timeline::new(media.seconds, media.blocks));
        let answer = classifier.answer(&embeddings, |window, probabilities| {
            if let Some(timeline) = &mut timeline {
                timeline.add(window, probabilities);
            }
        })?;
        let elapsed = started.elapsed();
        let embeddings = self.pooled(embeddings, classifier.embedding());
        Ok(Classified { media, answer, embeddings, timeline, elapsed })
    }

    fn pooled(self, embeddings: Vec<f32>, width: usize) -> Vec<f32> {
        match self.embeddings {
            None => Vec::new(),
            Some(Pooling::Blocks) => embeddings,
            Some(Pooling::Files) => mean(&embeddings, width),
        }
    }
}

/// Mean of rows, summed in float64: as exact for ten hours as for one second.
fn mean(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sum = vec![0.0f64; width];
    for row in rows.chunks_exact(width) {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let share = width as f64 / rows.len().max(1) as f64;
    sum.iter().map(|sum| (sum * share) as f32).collect()
}
