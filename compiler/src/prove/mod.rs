//! Runs the emitted files on engines and compares them with the candle forward pass, the model's definition.

mod compare;
mod error;
mod labelled;
mod rows;
mod samples;

pub use compare::{Check, Difference};
pub use error::ProveError;
pub(crate) use labelled::{Candidate, answer};
pub use labelled::{Labelled, LabelledError, MOST_POINTS};
pub use rows::{real_rows, sample_rows, short_rows};

use crate::graphs::{Artefact, Artefacts, Plan, compile_graphs};
use crate::passes::{self, Silent};
use crate::target::Target;
use crate::{Gate, GraphId};
use samples::{Sample, Samples};
use tempest_engine::{Engine, EngineError, GraphIo, GraphName, Input, LoadOptions, Session, engine};
use tempest_models::Checkpoint;

/// Batch at which graphs with a symbolic batch are run.
const PROOF_BATCH: usize = 4;

/// How many samples of each graph are also run alone.
const ALONE: usize = 4;

/// The engines that verify, and those left out with the reason.
pub struct Engines {
    /// They run every graph.
    pub used: Vec<Box<dyn Engine>>,
    /// Name and reason.
    pub skipped: Vec<(String, String)>,
}

impl Engines {
    /// The engines of the target, and ONNX Runtime wherever it is installed.
    ///
    /// # Errors
    /// The name of an engine that the target asks for and that cannot run here, and why.
    pub fn of(target: &Target) -> Result<Self, (String, EngineError)> {
        let mut engines = Self { used: vec![], skipped: vec![] };
        for name in &target.engines {
            let failed = |error| (name.clone(), error);
            let required = engine(name).map_err(failed)?;
            required.check().map_err(failed)?;
            engines.used.push(required);
        }
        let extra = "onnxruntime";
        if !target.engines.iter().any(|name| name == extra) {
            match engine(extra).and_then(|found| found.check().map(|_| found)) {
                Ok(found) => engines.used.push(found),
                Err(error) => engines.skipped.push((extra.to_owned(), error.to_string())),
            }
        }
        Ok(engines)
    }
}

/// Runs every graph on every engine and compares it with the checkpoint's candle forward.
///
/// `rows` are blocks as the checkpoint's view writes them: built in ([`sample_rows`]) or of real media. Encoder and
/// fused graph run on them, the classifier on the embeddings that candle makes of them, in windows of several lengths
/// whose padding holds other values than zero.
///
/// # Errors
/// [`ProveError`], for the first graph on the first engine that is not within the gate of its precision.
pub fn prove(
    checkpoint: &Checkpoint,
    graphs: &Artefacts,
    rows: &[Vec<i32>],
    engines: &[Box<dyn Engine>],
    gate: Gate,
) -> Result<Vec<Check>, ProveError> {
    Proof { checkpoint, rows, engines, gate }.run(graphs)
}

/// What graphs are held against; see [`prove`].
#[derive(Clone, Copy)]
pub(crate) struct Proof<'a> {
    pub(crate) checkpoint: &'a Checkpoint,
    pub(crate) rows: &'a [Vec<i32>],
    pub(crate) engines: &'a [Box<dyn Engine>],
    pub(crate) gate: Gate,
}

impl Proof<'_> {
    pub(crate) fn run(&self, graphs: &Artefacts) -> Result<Vec<Check>, ProveError> {
        if self.rows.is_empty() {
            return Err(ProveError::NoRows);
        }
        let samples = Samples::of(self.checkpoint, self.rows)?;
        let mut checks = vec![];
        for engine in self.engines {
            for (name, artefact) in graphs {
                let Artefact { onnx, io, .. } = artefact;
                let run = Run { engine: engine.as_ref(), graph: *name, onnx, io, gate: self.gate };
                checks.push(run.check(&samples.for_graph(*name))?);
            }
        }
        Ok(checks)
    }

    /// The one pass without which graphs that failed would hold. The last first: those before make way for it.
    pub(crate) fn blame(&self, checkpoint_sha256: &str, target: &Target, plan: Plan<'_>) -> Option<&'static str> {
        let holds = |pass: &&str| {
            let without = [plan.without, &[(*pass).to_owned()]].concat();
            let plan = Plan { without: &without, ..plan };
            let graphs = compile_graphs(self.checkpoint, checkpoint_sha256, target, plan, &Silent);
            graphs.is_ok_and(|graphs| self.run(&graphs).is_ok())
        };
        passes::names().into_iter().rev().find(holds)
    }
}

/// One graph on one engine.
struct Run<'a> {
    engine: &'a dyn Engine,
    graph: GraphId,
    onnx: &'a [u8],
    io: &'a GraphIo,
    gate: Gate,
}

impl Run<'_> {
    fn check(&self, samples: &[Sample]) -> Result<Check, ProveError> {
        let mut batched = self.load(PROOF_BATCH)?;
        let outputs = self.run(batched.as_mut(), samples)?;
        let expected: Vec<&[f32]> = samples.iter().map(|sample| sample.expected.as_slice()).collect();
        let difference = self.compare(&expected, &outputs)?;
        let (graph, engine, tolerance) = (self.graph, self.engine.name().to_owned(), self.gate.max_abs);
        if difference.max_abs > f64::from(tolerance) {
            return Err(ProveError::Tolerance { graph, engine, max: difference.max_abs, tolerance });
        }
        if difference.min_cosine < self.gate.min_cosine {
            let (cosine, least) = (difference.min_cosine, self.gate.min_cosine);
            return Err(ProveError::Cosine { graph, engine, cosine, least });
        }
        let alone = self.check_alone(batched, &samples[..samples.len().min(ALONE)], &outputs)?;
        let top1 = (self.graph.name() != GraphName::Encoder).then(|| compare::top1(&expected, &outputs));
        Ok(Check {
            graph: self.graph,
            engine: self.engine.name().to_owned(),
            samples: samples.len(),
            difference,
            alone_max_abs: alone,
            top1_agreement: top1,
        })
    }

    /// The largest difference between a sample among others and the same sample alone; `None` where the graph takes
    /// one at a time anyway.
    fn check_alone(
        &self,
        batched: Box<dyn Session>,
        samples: &[Sample],
        outputs: &[Vec<f32>],
    ) -> Result<Option<f64>, ProveError> {
        if batched.batch() == 1 {
            return Ok(None);
        }
        let mut session = if self.io.is_symbolic() { self.load(1)? } else { batched };
        let mut worst = 0_f64;
        for (sample, output) in samples.iter().zip(outputs) {
            let alone = self.run(session.as_mut(), std::slice::from_ref(sample))?;
            worst = worst.max(self.compare(&[output], &alone)?.max_abs);
        }
        if worst > f64::from(self.gate.max_abs) {
            let (engine, tolerance) = (self.engine.name().to_owned(), self.gate.max_abs);
            return Err(ProveError::Batch { graph: self.graph, engine, max: worst, tolerance });
        }
        Ok(Some(worst))
    }

    fn load(&self, batch: usize) -> Result<Box<dyn Session>, ProveError> {
        let options = LoadOptions { batch, threads: 0 };
        self.engine.load(self.onnx, self.io, &options).map_err(|source| self.failed(source))
    }

    /// One output per sample. The last batch is filled up with its first sample.
    fn run(&self, session: &mut dyn Session, samples: &[Sample]) -> Result<Vec<Vec<f32>>, ProveError> {
        let batch = session.batch();
        let elements = session.io().output.elements().unwrap_or(0);
        let mut outputs = vec![];
        for chunk in samples.chunks(batch.max(1)) {
            let lanes = || chunk.iter().chain(std::iter::repeat(&chunk[0])).take(batch);
            let ports: Vec<samples::Data> = (0..self.io.inputs.len())
                .map(|port| samples::Data::join(lanes().map(|lane| &lane.inputs[port])))
                .collect();
            let inputs: Vec<Input<'_>> = ports.iter().map(samples::Data::as_input).collect();
            let mut out = vec![0.0; elements];
            session.run(&inputs, &mut out).map_err(|source| self.failed(source))?;
            outputs.extend(out.chunks(elements / batch).take(chunk.len()).map(<[f32]>::to_vec));
        }
        Ok(outputs)
    }

    fn compare<A: AsRef<[f32]>, B: AsRef<[f32]>>(&self, expected: &[A], found: &[B]) -> Result<Difference, ProveError> {
        compare::difference(expected, found).map_err(|bad| ProveError::NotFinite {
            graph: self.graph,
            engine: self.engine.name().to_owned(),
            sample: bad.sample,
            index: bad.index,
            value: bad.value,
        })
    }

    fn failed(&self, source: EngineError) -> ProveError {
        ProveError::Engine { graph: self.graph, engine: self.engine.name().to_owned(), source: source.into() }
    }
}
