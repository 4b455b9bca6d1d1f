//! One clip at a time, on whichever thread is free.

use super::recode::Recode;
use super::request::{Content, RequestError};
use super::timeline::Timeline;
use crate::ordered::Panicked;
use crate::{Answer, Classifier, ClassifyError, Media, MediaError};
use std::time::{Duration, Instant};
use thiserror::Error;

/// What is wanted of a clip beside its answer.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub recode: Recode,
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
    /// What was seen of the stream, the first of several; its rows are gone.
    pub media: Media,
    /// Bit rates in kbit/s that it was encoded anew at; none where it was read as it came.
    pub recoded_kbps: Vec<u32>,
    pub answer: Answer,
    /// Rows of L' x D floats, as wanted.
    pub embeddings: Vec<f32>,
    pub timeline: Option<Timeline>,
    /// From opening the file to the answer.
    pub elapsed: Duration,
}

/// What one clip is read as.
pub(super) struct Streams {
    pub first: Media,
    /// The same sound at other bit rates.
    pub others: Vec<Media>,
    /// Bit rates in kbit/s that it was encoded anew at; none where it was read as it came.
    pub recoded_kbps: Vec<u32>,
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
    #[cfg(feature = "lame")]
    #[error("cannot be encoded anew: {0}")]
    Recode(#[from] crate::recode::RecodeError),
    #[error(transparent)]
    Classify(#[from] ClassifyError),
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl Streams {
    pub(super) fn as_it_comes(media: Media) -> Self {
        Streams { first: media, others: Vec::new(), recoded_kbps: Vec::new() }
    }
}

impl Wanted {
    pub(super) fn of(&self, classifier: &mut Classifier, content: Result<Content, RequestError>) -> Outcome {
        let started = Instant::now();
        let Streams { first, others, recoded_kbps } = self.recode.read(content?, classifier.contract())?;
        let mut whole = self.classify(classifier, first)?;
        let share = 1.0 / (1 + others.len()) as f32;
        for media in others {
            let other = self.classify(classifier, media)?.answer;
            whole.answer.windows += other.windows;
            whole.answer.probabilities.iter_mut().zip(other.probabilities).for_each(|(sum, p)| *sum += p);
        }
        whole.answer.probabilities.iter_mut().for_each(|p| *p *= share);
        Ok(Classified { recoded_kbps, elapsed: started.elapsed(), ..whole })
    }

    fn classify(&self, classifier: &mut Classifier, mut media: Media) -> Outcome {
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
        let embeddings = self.pooled(embeddings, classifier.embedding());
        Ok(Classified { media, recoded_kbps: Vec::new(), answer, embeddings, timeline, elapsed: Duration::ZERO })
    }

    fn pooled(&self, embeddings: Vec<f32>, width: usize) -> Vec<f32> {
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
