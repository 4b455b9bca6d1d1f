//! The passes that make a graph smaller, in the order in which they run.
//!
//! The list runs again and again until no pass changes anything; [`verify`] runs after each pass.
//! Intentionally *not* done:
//!
//! - Folding `(x - mean) / std` into `numeric.project`. The layer reads `z * z` too, so the exact fold multiplies out
//!   a square: for a column whose mean is many deviations from 0, terms far larger than the result cancel.
//! - `x / sqrt 2 -> x * (1 / sqrt 2)` in GELU. Engines recognise the division and fuse the whole of it.
//! - Looking up the first layer's query, key and value head by head, from tables of [V h, w], in place of transposing what
//!   was looked up: three times as many short copies cost more than the transposes (`base`: 2 % slower on ONNX Runtime, 6 %
//!   on tract).
//! - One product for query, key and value, cut apart behind it: as fast as three in float32, and the cutting is a copy.
//! - ONNX Runtime's own `MultiHeadAttention` with a mask: 8.5 ms for a layer of 28 blocks, plain operators 8.5.

mod absorb_attention_biases;
mod adder;
mod eliminate_common_subexpressions;
mod eliminate_dead_nodes;
mod fold_constants;
mod fold_norms;
mod fold_scale;
mod halve_products;
mod push_mixer_through_feed_forward;
mod push_pick_up;
mod quantize_products;
mod quantize_statically;
mod tabulate_first_projection;
mod widen_products;

pub use absorb_attention_biases::AbsorbAttentionBiases;
pub use eliminate_common_subexpressions::EliminateCommonSubexpressions;
pub use eliminate_dead_nodes::EliminateDeadNodes;
pub use fold_constants::FoldConstants;
pub use fold_norms::FoldNorms;
pub use fold_scale::FoldScale;
pub use halve_products::HalveProducts;
pub use push_mixer_through_feed_forward::PushMixerThroughFeedForward;
pub use push_pick_up::PushPickUp;
pub use quantize_products::QuantizeProducts;
pub(crate) use quantize_products::is_wide;
pub use quantize_statically::QuantizeStatically;
pub use tabulate_first_projection::TabulateFirstProjection;
pub(crate) use widen_products::WidenProducts;

use crate::Precision;
use crate::calibrate::Ranges;
use crate::ir::{Dtype, Graph, InferError};
use crate::verify_ir::{VerifyError, verify};
use thiserror::Error;

/// The stage before the first pass, for [`Observer::after`].
pub const BUILD: &str = "build";

/// Rounds of the list before a graph that still changes is an error. Ours settle in three.
const MAX_ROUNDS: usize = 16;

/// One rewrite of a graph that keeps what it computes.
pub trait Pass {
    /// Its name: a verb, the same in code, on the command line and in reports.
    fn name(&self) -> &'static str;

    /// Rewrites `graph` where its pattern stands and says how often it did; 0 leaves the graph as it was.
    /// Keeps the topological order, all facts and the names and order of inputs and output.
    ///
    /// # Errors
    /// [`RewriteError`] where a node that it adds does not fit; a bug of the pass.
    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError>;
}

/// How many places a pass has rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed(pub usize);

/// A node that a pass added does not fit its inputs.
#[derive(Debug, Error)]
#[error("node '{node}': {source}; this is a bug")]
pub struct RewriteError {
    /// Name of the new node.
    pub node: String,
    /// What does not fit.
    pub source: InferError,
}

/// Why the passes over a graph stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PassError {
    /// The graph was broken before the first pass.
    #[error("{graph} >> {BUILD}: {source}")]
    Built {
        /// The graph.
        graph: String,
        /// What is broken.
        source: Box<VerifyError>,
    },
    /// A pass could not do its rewrite.
    #[error("{graph} >> {pass} (step {step}): {source}")]
    Rewrite {
        /// The graph.
        graph: String,
        /// The pass.
        pass: &'static str,
        /// Number of the pass that ran, from 1.
        step: usize,
        /// What does not fit.
        source: Box<RewriteError>,
    },
    /// A pass broke the graph.
    #[error("{graph} >> {pass} (step {step}): {source}")]
    Broken {
        /// The graph.
        graph: String,
        /// The pass.
        pass: &'static str,
        /// Number of the pass that ran, from 1.
        step: usize,
        /// What is broken.
        source: Box<VerifyError>,
    },
    /// The passes undo each other.
    #[error("{graph}: still changing after {MAX_ROUNDS} rounds: {}; this is a bug", passes.join(", "))]
    Restless {
        /// The graph.
        graph: String,
        /// The passes that changed it in the last round.
        passes: Vec<&'static str>,
    },
}

/// Sees every graph after [`BUILD`] and after every pass that ran.
pub trait Observer {
    /// `step` counts the passes that ran on this graph, 0 for [`BUILD`].
    fn after(&self, graph: &Graph, step: usize, pass: &str, changed: Changed);
}

/// Watches nothing.
pub struct Silent;

impl Observer for Silent {
    fn after(&self, _: &Graph, _: usize, _: &str, _: Changed) {}
}

/// The stages of a precision: each is a list that runs until nothing changes. With `ranges`, `int8` is static.
#[must_use]
pub fn stages(precision: Precision, ranges: Option<&Ranges>) -> Vec<Vec<Box<dyn Pass>>> {
    // Last, because the passes before look for the plain products that these replace.
    let narrow: Option<Box<dyn Pass>> = match precision {
        Precision::Fp32 => None,
        Precision::Fp16 => Some(Box::new(HalveProducts { to: Dtype::F16 })),
        Precision::Bf16 => Some(Box::new(HalveProducts { to: Dtype::BF16 })),
        Precision::Int8 => Some(match ranges {
            None => Box::new(QuantizeProducts),
            Some(ranges) => Box::new(QuantizeStatically { ranges: ranges.clone() }),
        }),
    };
    let tidy = || vec![Box::new(EliminateCommonSubexpressions) as Box<dyn Pass>, Box::new(EliminateDeadNodes)];
    let narrow = narrow.map(|pass| vec![pass, Box::new(FoldConstants)].into_iter().chain(tidy()).collect());
    [Some(simplify()), narrow].into_iter().flatten().collect()
}

/// Names of all passes of all precisions, in the order in which they first run.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names = vec![];
    let calibrated = stages(Precision::Int8, Some(&Ranges::default()));
    let all = Precision::ALL.into_iter().flat_map(|precision| stages(precision, None));
    for pass in all.chain(calibrated).flatten() {
        if !names.contains(&pass.name()) {
            names.push(pass.name());
        }
    }
    names
}

/// The first stage. Each line says why it stands where it does.
fn simplify() -> Vec<Box<dyn Pass>> {
    vec![
        Box::new(FoldConstants),         // first: FoldScale wants weights, not the Transpose of weights
        Box::new(FoldNorms),             // while every linear layer still has its bias
        Box::new(FoldScale),             // leaves products of weights, which the next round folds
        Box::new(AbsorbAttentionBiases), // before the tables, which would give every bias a pass of its own
        Box::new(PushPickUp),
        Box::new(PushMixerThroughFeedForward),
        Box::new(TabulateFirstProjection), // once FoldScale's products are folded: it wants constant weights
        Box::new(EliminateCommonSubexpressions), // after the folds, which make constants equal
        Box::new(EliminateDeadNodes),      // last: every pass above leaves values without readers
    ]
}

/// Runs each stage over the bodies of the graph's scans, then over the graph, until nothing changes or `stop_after` passes have run, verifying after each.
/// Returns how many have run.
///
/// # Errors
/// [`PassError`] names graph, pass and step; `--stop-after` with that step shows the graph.
pub fn run(
    graph: &mut Graph,
    stages: &[Vec<Box<dyn Pass>>],
    stop_after: Option<usize>,
    observer: &dyn Observer,
) -> Result<usize, PassError> {
    verify(graph).map_err(|source| PassError::Built { graph: graph.name.clone(), source: source.into() })?;
    for body in graph.bodies_mut() {
        run(body, stages, stop_after, observer)?;
    }
    observer.after(graph, 0, BUILD, Changed(0));
    let mut step = 0;
    for passes in stages {
        for round in 1.. {
            let mut changing = vec![];
            for pass in passes {
                if stop_after.is_some_and(|limit| step >= limit) {
                    return Ok(step);
                }
                step += 1;
                let changed = run_one(graph, pass.as_ref(), step)?;
                observer.after(graph, step, pass.name(), changed);
                if changed != Changed(0) {
                    changing.push(pass.name());
                }
            }
            if changing.is_empty() {
                break;
            }
            if round == MAX_ROUNDS {
                return Err(PassError::Restless { graph: graph.name.clone(), passes: changing });
            }
        }
    }
    Ok(step)
}

fn run_one(graph: &mut Graph, pass: &dyn Pass, step: usize) -> Result<Changed, PassError> {
    let (name, pass_name) = (graph.name.clone(), pass.name());
    let changed = pass.run(graph).map_err(|source| PassError::Rewrite {
        graph: name.clone(),
        pass: pass_name,
        step,
        source: Box::new(source),
    })?;
    verify(graph).map_err(|source| PassError::Broken {
        graph: name,
        pass: pass_name,
        step,
        source: Box::new(source),
    })?;
    Ok(changed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod model_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests;
