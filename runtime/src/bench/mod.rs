//! What a model costs here: every stage timed, engines side by side in one process, in turn.

mod assertion;
mod stats;

pub use assertion::{Assertion, AssertionError, Verdict};
pub use stats::Stats;

use crate::{Classifier, ClassifyError, Media, MediaError};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;
use tempest_engine::{Bundle, Engine};
use thiserror::Error;

/// Stages in the order of the work. `parse` runs no engine; `end_to_end` is all of it, from bytes to answers.
pub const STAGES: [&str; 4] = ["parse", "encode", "classify", "end_to_end"];

/// A stream in memory, so that no disk is timed.
#[derive(Clone, Debug)]
pub struct Clip {
    /// What people know it by.
    pub name: String,
    /// All its bytes.
    pub bytes: Vec<u8>,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    /// Measurements of each stage, 1 or more; each goes over all clips.
    pub runs: usize,
    /// Rounds before the first that counts.
    pub warm_up: usize,
    /// Threads of one run (ONNX Runtime; tract uses one).
    pub threads: usize,
}

/// Why nothing was measured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A clip the model cannot read.
    #[error("{name}: {source}")]
    Media {
        /// The clip.
        name: String,
        /// What it is.
        source: Box<MediaError>,
    },
    /// An engine that refuses or fails.
    #[error("engine {engine}: {source}")]
    Engine {
        /// Its name.
        engine: String,
        /// Why.
        source: Box<ClassifyError>,
    },
    /// No clip, or no run.
    #[error("nothing to measure: there must be a clip and a run")]
    Nothing,
}

/// What was measured, and where.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the model.
    pub model: String,
    /// Arithmetic inside its graphs.
    pub precision: String,
    /// Clips of one round.
    pub clips: usize,
    /// Their blocks.
    pub blocks: usize,
    /// Their duration.
    pub seconds: f64,
    /// What was asked for.
    #[serde(flatten)]
    pub plan: Plan,
    /// In the order in which they took turns.
    pub engines: Vec<EngineReport>,
    /// `parse`, then the other stages of each engine.
    pub stages: Vec<StageReport>,
    /// Most memory the process has held at once, all engines together; `None` where the system does not say (Linux does).
    pub peak_rss_bytes: Option<u64>,
    /// Threads of the process at the end; `None` likewise.
    pub process_threads: Option<u64>,
}

/// One engine.
#[derive(Clone, Debug, Serialize)]
pub struct EngineReport {
    /// Its name.
    pub engine: String,
    /// Version of its library.
    pub version: String,
    /// The library file; `None` for an engine that is built in.
    pub library: Option<PathBuf>,
    /// Milliseconds from the bundle in memory to a loaded model.
    pub load_ms: f64,
}

/// One stage on one engine, over all clips.
#[derive(Clone, Debug, Serialize)]
pub struct StageReport {
    /// One of [`STAGES`].
    pub stage: &'static str,
    /// `None` for `parse`.
    pub engine: Option<String>,
    /// Times of one round, in milliseconds.
    #[serde(flatten)]
    pub ms: Stats,
    /// Blocks of a round by its median time.
    pub blocks_per_second: f64,
    /// Median time of a round by the duration of its clips; `None` of images.
    pub real_time_factor: Option<f64>,
}

/// Measures every stage on every engine. The engines take turns within a round: what disturbs the machine disturbs all.
///
/// # Errors
/// [`BenchError`], before anything is timed.
pub fn measure(
    bundle: &Bundle,
    clips: &[Clip],
    engines: &[Box<dyn Engine>],
    plan: Plan,
    mut each_round: impl FnMut(),
) -> Result<Report, BenchError> {
    let media = clips.iter().map(|clip| read(bundle, clip)).collect::<Result<Vec<_>, _>>()?;
    let blocks = media.iter().map(|media| media.blocks).sum();
    let seconds = media.iter().map(|media| media.seconds).sum();
    let (mut parse, mut lanes) = (Vec::new(), lanes(bundle, engines, plan.threads)?);
    for round in 0..plan.warm_up + plan.runs {
        if round == plan.warm_up {
            parse.clear();
            lanes.iter_mut().for_each(Lane::forget);
        }
        parse.push(timed(|| clips.iter().try_for_each(|clip| read(bundle, clip).map(drop)))?);
        lanes.iter_mut().try_for_each(|lane| lane.round(bundle, clips, &media))?;
        each_round();
    }
    let stage = |stage, engine: Option<&str>, times: Vec<f64>| {
        let ms = Stats::of(times).ok_or(BenchError::Nothing)?;
        let blocks_per_second = blocks as f64 / ms.p50 * 1e3;
        let real_time_factor = (seconds > 0.0).then(|| ms.p50 / 1e3 / seconds);
        Ok(StageReport { stage, engine: engine.map(Into::into), ms, blocks_per_second, real_time_factor })
    };
    let mut stages = vec![stage("parse", None, parse)?];
    for lane in &mut lanes {
        for (name, times) in STAGES[1..].iter().zip(std::mem::take(&mut lane.times)) {
            stages.push(stage(name, Some(&lane.report.engine), times)?);
        }
    }
    Ok(Report {
        model: bundle.contract().name.clone(),
        precision: bundle.manifest().precision.clone(),
        clips: clips.len(),
        blocks,
        seconds,
        plan,
        engines: lanes.into_iter().map(|lane| lane.report).collect(),
        stages,
        peak_rss_bytes: crate::process::peak_rss_bytes(),
        process_threads: crate::process::threads(),
    })
}

impl Report {
    /// Milliseconds of `STAGE.ENGINE` by the name of a statistic.
    ///
    /// # Errors
    /// As [`find`].
    pub fn time(&self, work: &str, stat: &str) -> Result<f64, AssertionError> {
        let names: Vec<String> = self.stages.iter().map(StageReport::name).collect();
        let stage = &self.stages[find(&names, work)?];
        stage.ms.named(stat).ok_or_else(|| AssertionError::Unknown { name: stat.into(), known: names.join(", ") })
    }
}

/// What is measured on these engines, in the order of [`Report::stages`]: `parse`, then `STAGE.ENGINE`.
#[must_use]
pub fn names(engines: &[&str]) -> Vec<String> {
    let of = |engine: &&str| STAGES[1..].iter().map(|stage| format!("{stage}.{engine}")).collect::<Vec<_>>();
    std::iter::once(STAGES[0].into()).chain(engines.iter().flat_map(of)).collect()
}

/// Which of [`names`] is meant; where one engine is measured, its name may be left out.
///
/// # Errors
/// [`AssertionError::Unknown`] lists what there is.
pub fn find(names: &[String], work: &str) -> Result<usize, AssertionError> {
    let is_one = names.len() == STAGES.len();
    let is_it = |name: &String| name == work || (is_one && name.split('.').next() == Some(work));
    let found = names.iter().position(is_it);
    found.ok_or_else(|| AssertionError::Unknown { name: work.into(), known: names.join(", ") })
}

impl StageReport {
    /// `encode.tract`; `parse` alone.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.engine {
            Some(engine) => format!("{}.{engine}", self.stage),
            None => self.stage.into(),
        }
    }
}

/// One engine at work.
struct Lane {
    report: EngineReport,
    classifier: Classifier,
    /// Milliseconds of `encode`, `classify`, `end_to_end`.
    times: [Vec<f64>; 3],
}

fn lanes(bundle: &Bundle, engines: &[Box<dyn Engine>], threads: usize) -> Result<Vec<Lane>, BenchError> {
    let of = |engine: &dyn Engine| lane(bundle, engine, threads).map_err(failed(engine.name()));
    engines.iter().map(|engine| of(&**engine)).collect()
}

fn lane(bundle: &Bundle, engine: &dyn Engine, threads: usize) -> Result<Lane, ClassifyError> {
    let info = engine.check()?;
    let started = Instant::now();
    let classifier = Classifier::load(bundle, engine, threads)?;
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    let report = EngineReport { engine: info.engine.into(), version: info.version, library: info.library, load_ms };
    Ok(Lane { report, classifier, times: Default::default() })
}

fn failed(engine: &str) -> impl Fn(ClassifyError) -> BenchError {
    move |source| BenchError::Engine { engine: engine.into(), source: Box::new(source) }
}

impl Lane {
    fn round(&mut self, bundle: &Bundle, clips: &[Clip], media: &[Media]) -> Result<(), BenchError> {
        let Lane { report, classifier, times: [encode, classify, end_to_end] } = self;
        let failed = failed(&report.engine);
        let mut embeddings = Vec::new();
        encode.push(
            timed(|| {
                embeddings = media.iter().map(|media| classifier.encode(&media.rows)).collect::<Result<_, _>>()?;
                Ok(())
            })
            .map_err(&failed)?,
        );
        let mut answer = |clip: &Vec<f32>| classifier.answer(clip, |_, _| ()).map(drop);
        classify.push(timed(|| embeddings.iter().try_for_each(&mut answer)).map_err(&failed)?);
        end_to_end.push(timed(|| {
            clips.iter().try_for_each(|clip| classifier.classify(&read(bundle, clip)?).map(drop).map_err(&failed))
        })?);
        Ok(())
    }

    fn forget(&mut self) {
        self.times.iter_mut().for_each(Vec::clear);
    }
}

fn read(bundle: &Bundle, clip: &Clip) -> Result<Media, BenchError> {
    let media = Media::read(&*clip.bytes, bundle.contract());
    media.map_err(|source| BenchError::Media { name: clip.name.clone(), source: Box::new(source) })
}

/// Milliseconds that `work` takes.
fn timed<E>(work: impl FnOnce() -> Result<(), E>) -> Result<f64, E> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}
