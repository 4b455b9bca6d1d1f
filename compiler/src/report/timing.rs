//! How long the graphs take here.

use crate::GraphId;
use crate::emit::emit;
use crate::graphs::Artefacts;
use crate::ir::{Constant, Dtype, Fact, Graph, Op};
use serde::Serialize;
use std::time::Instant;
use tempest_engine::{Dim, Engine, EngineError, GraphIo, Input, LoadOptions, Port};

/// Timed runs of each graph; the median counts.
const RUNS: usize = 7;

/// Rows and columns of the product that an engine's peak is measured with.
const SIDE: usize = 512;

/// One graph on one engine, one thread.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    /// The graph.
    pub graph: GraphId,
    /// The engine.
    pub engine: String,
    /// Milliseconds to load it.
    pub load_ms: f64,
    /// Milliseconds of a run: the median.
    pub run_ms: f64,
    /// Milliseconds that its products alone would take at the rate of one float32 product of 512 x 512.
    pub estimated_ms: f64,
}

/// Times every graph on every engine, symbolic batches at 1. Inputs are zeros: the time does not depend on them.
///
/// # Errors
/// What an engine says that does not load or run a graph.
pub(crate) fn time(graphs: &Artefacts, engines: &[Box<dyn Engine>]) -> Result<Vec<Timing>, EngineError> {
    let mut timings = vec![];
    for engine in engines {
        let (_, peak_ms) = median(engine.as_ref(), &emit(&square(), &[]), &square_io())?;
        let rate = (SIDE * SIDE * SIDE) as f64 / peak_ms;
        for (name, graph) in graphs {
            let (load_ms, run_ms) = median(engine.as_ref(), &graph.onnx, &graph.io)?;
            let estimated_ms = graph.stats.cost.macs as f64 / rate;
            timings.push(Timing { graph: *name, engine: engine.name().to_owned(), load_ms, run_ms, estimated_ms });
        }
    }
    Ok(timings)
}

fn median(engine: &dyn Engine, onnx: &[u8], io: &GraphIo) -> Result<(f64, f64), EngineError> {
    let start = Instant::now();
    let mut session = engine.load(onnx, io, &LoadOptions { batch: 1, threads: 1 })?;
    let load_ms = milliseconds(start);
    let io = session.io().clone();
    let elements = |port: &Port| port.elements().unwrap_or(0);
    let zeros: Vec<(Vec<i32>, Vec<f32>)> =
        io.inputs.iter().map(|port| (vec![0; elements(port)], vec![0.0; elements(port)])).collect();
    let inputs = io.inputs.iter().zip(&zeros).map(|(port, (ints, floats))| match port.dtype {
        tempest_engine::Dtype::I32 => Input::I32(ints),
        tempest_engine::Dtype::F32 => Input::F32(floats),
    });
    let inputs: Vec<Input<'_>> = inputs.collect();
    let mut out = vec![0.0; elements(&io.output)];
    session.run(&inputs, &mut out)?;
    let mut times = vec![];
    for _ in 0..RUNS {
        let start = Instant::now();
        session.run(&inputs, &mut out)?;
        times.push(milliseconds(start));
    }
    times.sort_by(f64::total_cmp);
    Ok((load_ms, times[RUNS / 2]))
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// `x W` of 512 x 512.
fn square() -> Graph {
    let mut graph = Graph::new("square");
    let x = graph.add_input("x", Fact::fixed(Dtype::F32, &[SIDE, SIDE]));
    let weights = Constant::f32(&[SIDE, SIDE], vec![1.0; SIDE * SIDE]);
    let weights = graph.add_constant("w", weights.unwrap_or_else(|| Constant::scalar(1.0)));
    if let Ok(product) = graph.add_node("y", Op::MatMul, &[x, weights]) {
        graph.output = product;
    }
    graph
}

fn square_io() -> GraphIo {
    let port = |name: &str| Port {
        name: name.to_owned(),
        dtype: tempest_engine::Dtype::F32,
        shape: vec![Dim::Fixed(SIDE), Dim::Fixed(SIDE)],
    };
    GraphIo { inputs: vec![port("x")], output: port("y") }
}
