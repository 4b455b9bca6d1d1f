//! Turns a checkpoint into verified ONNX graphs.
//!
//! [`compile`] is the whole path, one stage after the other:
//!
//! | stage | where | gives |
//! |---|---|---|
//! | build | [`build`] | a plain graph of typed ops, as the model's specification reads |
//! | passes | [`passes`] | a smaller graph that computes the same, checked by [`verify_ir`] after each pass |
//! | emit | [`emit`] | ONNX opset 17, the same bytes for the same checkpoint |
//! | prove | [`prove`] | how far each engine's outputs are from the candle forward pass |
//! | bundle | [`bundle`] | the folder that the runtime reads |
//!
//! A bundle is written only after every graph has loaded and run on the engines of its [`target`], within tolerance.
#![forbid(unsafe_code)]

pub mod build;
pub mod bundle;
pub mod calibrate;
pub mod emit;
mod error;
mod graph_id;
pub mod graphs;
pub mod inspect;
pub mod ir;
pub mod passes;
mod precision;
pub mod prove;
mod report;
pub mod target;
pub mod triton;
pub mod verify_ir;

pub use error::CompileError;
pub use graph_id::GraphId;
pub use precision::{Gate, Precision, Quantisation};
pub use report::{Costs, GraphReport, Report, Seconds, Skipped, Step, Timing};

use calibrate::Clips;
use graphs::{Artefacts, Plan};
use passes::{Observer, Silent};
use prove::{Labelled, Proof};
use std::path::{Path, PathBuf};
use std::time::Instant;
use target::Target;
use tempest_contract::ViewKind;
use tempest_models::{Checkpoint, CheckpointError};

/// Seed of the built-in blocks that graphs are verified with.
const SEED: u64 = 17;

/// Fewest built-in blocks that graphs are verified with.
const MIN_ROWS: usize = 8;

/// What to compile for, and where to.
pub struct Options {
    /// A built-in target, or the path of a profile (`.toml`).
    pub target: String,
    /// The bundle's folder; [`bundle::default_output`] where there is none.
    pub output: Option<PathBuf>,
    /// Arithmetic of the products; the target's own where there is none.
    pub precision: Option<Precision>,
    /// View `bytes`: encoders for blocks of at most so many bytes too, ascending; the target's own where there is none.
    pub buckets: Option<Vec<usize>>,
    /// A folder of media that the scales of a static `int8` are measured on; `labelled`, or what is built in, where there
    /// is none.
    pub calibrate: Option<PathBuf>,
    /// Names of passes that do not run.
    pub without: Vec<String>,
    /// Run only the first passes of each graph. The result is verified and written all the same.
    pub stop_after: Option<usize>,
    /// Write into a folder that holds other files.
    pub force: bool,
    /// A folder with a folder of media for each label, which the graphs answer before the bundle is written.
    pub labelled: Option<PathBuf>,
    /// Put costs into the report, and time the graphs.
    pub costs: bool,
    /// Sees each graph after each pass.
    pub observer: Box<dyn Observer>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target: target::DEFAULT_TARGET.to_owned(),
            output: None,
            precision: None,
            buckets: None,
            calibrate: None,
            without: vec![],
            stop_after: None,
            force: false,
            labelled: None,
            costs: false,
            observer: Box::new(Silent),
        }
    }
}

/// Compiles a checkpoint for one target, verifies the graphs and writes the bundle.
///
/// # Errors
/// [`CompileError`]; nothing has been written then.
pub fn compile(checkpoint_path: &Path, options: &Options) -> Result<Report, CompileError> {
    let started = Instant::now();
    let mut target = Target::find(&options.target)?;
    if let Some(buckets) = &options.buckets {
        target.buckets.clone_from(buckets);
        target.check(&options.target)?;
    }
    if let Some(name) = options.without.iter().find(|name| !passes::names().contains(&name.as_str())) {
        return Err(CompileError::Pass { name: name.clone(), known: passes::names() });
    }
    let engines = prove::Engines::of(&target).map_err(|(engine, source)| CompileError::Engine {
        target: target.name.clone(),
        engine,
        source: source.into(),
    })?;
    let precision = options.precision.unwrap_or(target.precision);
    check_precision(&target, precision, options)?;
    let (checkpoint, sha256) = open(checkpoint_path)?;
    check_buckets(&checkpoint, options)?;
    let output = match &options.output {
        Some(output) => output.clone(),
        None => bundle::default_output(checkpoint_path, &checkpoint.contract),
    };
    bundle::check_destination(&output, target.layout, &checkpoint.contract, options.force)?;

    let observer = options.observer.as_ref();
    let plan = Plan { precision, without: &options.without, stop_after: options.stop_after, ranges: None };
    let clips = calibration(&checkpoint, &target, precision, options)?;
    let measure = |clips: &Clips| calibrate::ranges(&checkpoint, plan, clips, &engines);
    let ranges = clips.as_ref().map(measure).transpose()?;
    let plan = Plan { ranges: ranges.as_ref(), ..plan };
    let graphs = graphs::compile_graphs(&checkpoint, &sha256, &target, plan, observer)?;
    let manifest = bundle::manifest(&checkpoint.contract, &sha256, &target, precision, &graphs)?;
    let rows = checkpoint.contract.window.blocks.max(MIN_ROWS);
    let random = prove::sample_rows(&checkpoint, rows, SEED).map_err(|source| CompileError::Checkpoint {
        path: checkpoint_path.to_owned(),
        source: CheckpointError::Config(source).into(),
    })?;
    let short = prove::short_rows(&random, graphs::buckets(&checkpoint, &target));
    let rows = [prove::real_rows(&checkpoint), random, short].concat();
    let verifying = Instant::now();
    let proof =
        Proof { checkpoint: &checkpoint, rows: &rows, engines: &engines.used, gate: precision.gate(target.tolerance) };
    let here = graphs::runnable(&graphs);
    let checks = proof.run(&here).map_err(|source| {
        let pass = source.is_verification().then(|| proof.blame(&sha256, &target, plan)).flatten();
        CompileError::Prove { source, pass }
    })?;
    let labelled = match &options.labelled {
        Some(folder) => answer_labelled(folder, &checkpoint, &sha256, &target, plan, &here, &engines)?,
        None => vec![],
    };
    let seconds = Seconds {
        compiled: verifying.duration_since(started).as_secs_f64(),
        verified: verifying.elapsed().as_secs_f64(),
    };
    bundle::write(&output, target.layout, &manifest, precision, &graphs, options.force)?;
    let mut report = Report::new(checkpoint_path, output, &manifest, &graphs, checks, engines.skipped);
    report.seconds = seconds;
    report.labelled = labelled;
    report.stand_in = graphs.values().any(|graph| graph.stand_in.is_some());
    report.calibrated = clips;
    if options.costs {
        report.costs = Some(Costs::of(&checkpoint, &graphs));
        report.timings = report::time(&here, &engines.used).map_err(CompileError::Time)?;
    }
    Ok(report)
}

/// A precision that the target does not run, or media for scales that it does not take.
fn check_precision(target: &Target, precision: Precision, options: &Options) -> Result<(), CompileError> {
    let target_name = || target.name.clone();
    if !target.precisions.contains(&precision) {
        return Err(CompileError::Precision { target: target_name(), precision, known: target.precisions.clone() });
    }
    match &options.calibrate {
        Some(_) if !target.calibrates(precision) => {
            Err(CompileError::NoCalibration { target: target_name(), precision })
        }
        _ => Ok(()),
    }
}

/// What the scales are measured on, where there are any.
fn calibration(
    checkpoint: &Checkpoint,
    target: &Target,
    precision: Precision,
    options: &Options,
) -> Result<Option<Clips>, CompileError> {
    if !target.calibrates(precision) {
        return Ok(None);
    }
    let folder = options.calibrate.as_deref().or(options.labelled.as_deref());
    Ok(Some(Clips::of(checkpoint, folder, SEED)?))
}

/// Buckets that were asked for by name and that the model cannot have.
fn check_buckets(checkpoint: &Checkpoint, options: &Options) -> Result<(), CompileError> {
    let view = checkpoint.contract.view.kind;
    match &options.buckets {
        Some(buckets) if !buckets.is_empty() && view != ViewKind::Bytes => {
            Err(CompileError::NoBuckets { view: view.name() })
        }
        _ => Ok(()),
    }
}

/// Answers a labelled set with the graphs and with the checkpoint in float32, on every engine.
fn answer_labelled(
    folder: &Path,
    checkpoint: &Checkpoint,
    sha256: &str,
    target: &Target,
    plan: Plan<'_>,
    graphs: &Artefacts,
    engines: &prove::Engines,
) -> Result<Vec<Labelled>, CompileError> {
    let wide = Plan { precision: Precision::Fp32, ..plan };
    let fp32 = graphs::compile_graphs(checkpoint, sha256, target, wide, &Silent)?;
    let fp32_manifest = bundle::manifest(&checkpoint.contract, sha256, target, Precision::Fp32, &fp32)?;
    let manifest = bundle::manifest(&checkpoint.contract, sha256, target, plan.precision, graphs)?;
    let candidate = prove::Candidate { manifest: &manifest, graphs };
    let reference = prove::Candidate { manifest: &fp32_manifest, graphs: &fp32 };
    let answered = engines.used.iter().map(|engine| prove::answer(folder, engine.as_ref(), &candidate, &reference));
    Ok(answered.collect::<Result<_, _>>()?)
}

/// Reads and checks a checkpoint; gives it with the SHA-256 of its file.
///
/// # Errors
/// [`CompileError::Checkpoint`] names the file and what is wrong with it.
pub fn open(path: &Path) -> Result<(Checkpoint, String), CompileError> {
    let failed = |source: CheckpointError| CompileError::Checkpoint { path: path.to_owned(), source: source.into() };
    let bytes = Checkpoint::read(path).map_err(failed)?;
    let checkpoint = Checkpoint::from_bytes(&bytes).map_err(failed)?;
    Ok((checkpoint, tempest_engine::sha256_hex(&bytes)))
}

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
