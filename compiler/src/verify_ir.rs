//! What must hold of every graph, checked after it is built and after every pass, in every build.

use crate::ir::{Graph, InferError, Node, ValueId, infer};
use std::collections::{BTreeSet, HashSet};
use thiserror::Error;

/// What is broken in a graph. Every case is a bug of the compiler, apart from [`VerifyError::Unsupported`].
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// An edge to a value the graph does not have.
    #[error("node '{node}' reads or writes a value that does not exist; this is a bug")]
    Edge {
        /// The node.
        node: String,
    },
    /// A value is read before any node has computed it.
    #[error("node '{node}' reads '{value}' before it is computed; this is a bug")]
    Order {
        /// The reader.
        node: String,
        /// What it reads.
        value: String,
    },
    /// A value has two sources: nodes, or a node and the graph's inputs or constants.
    #[error("node '{node}' computes '{value}', which has another source; this is a bug")]
    Computed {
        /// The node.
        node: String,
        /// What it computes.
        value: String,
    },
    /// Two nodes or two values have one name.
    #[error("the name '{name}' stands twice; this is a bug")]
    Name {
        /// The name.
        name: String,
    },
    /// A node's inputs do not fit its op.
    #[error("node '{node}': {source}; this is a bug")]
    Infer {
        /// The node.
        node: String,
        /// What does not fit.
        source: InferError,
    },
    /// A stored fact is not what the op makes of its inputs, or not that of the constant.
    #[error("'{value}' is stored as {stored} and inferred as {inferred}; this is a bug")]
    Fact {
        /// The value.
        value: String,
        /// The stored fact.
        stored: String,
        /// The true one.
        inferred: String,
    },
    /// The graph's output is computed by nothing.
    #[error("the output is computed by no node; this is a bug")]
    Output,
    /// A node's op is not in the target's list.
    #[error("node '{node}': target '{target}' has no {op}")]
    Unsupported {
        /// The node.
        node: String,
        /// Its op.
        op: &'static str,
        /// The target.
        target: String,
    },
}

/// Checks edges, names, order and facts: each node reads what exists already, computes one new value, and every
/// stored fact is what its op infers from its inputs.
///
/// # Errors
/// [`VerifyError`], naming the first node or value that is wrong.
pub fn verify(graph: &Graph) -> Result<(), VerifyError> {
    // ONNX lets a body read the names around it, so none may stand for two things.
    unique(graph.values().chain(graph.bodies().flat_map(Graph::values)).map(|value| value.name.as_str()))?;
    let inside = graph.bodies().flat_map(|body| &body.nodes);
    unique(graph.nodes.iter().chain(inside).map(|node| node.name.as_str()))?;
    graph.bodies().try_for_each(verify)?;
    let mut known: HashSet<ValueId> = graph.inputs.iter().copied().collect();
    for id in graph.ids() {
        constant(graph, id, &mut known)?;
    }
    for step in &graph.nodes {
        node(graph, step, &mut known)?;
    }
    match graph.producer(graph.output) {
        Some(_) => Ok(()),
        None => Err(VerifyError::Output),
    }
}

/// Checks that a graph that is about to be emitted uses only what its target runs.
///
/// # Errors
/// [`VerifyError::Unsupported`], naming the first node whose op is not in `ops`.
pub fn check_ops(graph: &Graph, target: &str, ops: &BTreeSet<String>) -> Result<(), VerifyError> {
    let lacking = |node: &Node| node.op.operators().into_iter().find(|op| !ops.contains(*op));
    match graph.nodes.iter().find_map(|node| Some((node, lacking(node)?))) {
        None => Ok(()),
        Some((Node { name, .. }, op)) => {
            Err(VerifyError::Unsupported { node: name.clone(), op, target: target.to_owned() })
        }
    }
}

fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), VerifyError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(VerifyError::Name { name: name.to_owned() });
        }
    }
    Ok(())
}

fn constant(graph: &Graph, id: ValueId, known: &mut HashSet<ValueId>) -> Result<(), VerifyError> {
    let Some(value) = graph.value(id) else { return Ok(()) };
    let Some(constant) = &value.constant else { return Ok(()) };
    known.insert(id);
    same_fact(&value.name, &value.fact, &constant.fact())
}

fn node(graph: &Graph, node: &Node, known: &mut HashSet<ValueId>) -> Result<(), VerifyError> {
    let edge = || VerifyError::Edge { node: node.name.clone() };
    let mut facts = Vec::with_capacity(node.inputs.len());
    for id in &node.inputs {
        let value = graph.value(*id).ok_or_else(edge)?;
        if !known.contains(id) {
            return Err(VerifyError::Order { node: node.name.clone(), value: value.name.clone() });
        }
        facts.push(&value.fact);
    }
    let output = graph.value(node.output).ok_or_else(edge)?;
    if !known.insert(node.output) {
        return Err(VerifyError::Computed { node: node.name.clone(), value: output.name.clone() });
    }
    let inferred = infer(&node.op, &facts).map_err(|source| VerifyError::Infer { node: node.name.clone(), source })?;
    same_fact(&output.name, &output.fact, &inferred)
}

fn same_fact(value: &str, stored: &crate::ir::Fact, inferred: &crate::ir::Fact) -> Result<(), VerifyError> {
    if stored == inferred {
        return Ok(());
    }
    Err(VerifyError::Fact { value: value.to_owned(), stored: stored.to_string(), inferred: inferred.to_string() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;
    use crate::ir::{Constant, Dim, Dtype, Fact, Op};

    fn graph() -> Graph {
        let mut graph = Graph::new("tiny");
        let x = graph.add_input("x", Fact::new(Dtype::F32, vec![Dim::Batch(1), Dim::Fixed(2)]));
        let one = graph.add_constant("one", Constant::scalar(1.0));
        let sum = graph.add_node("/sum", Op::Add, &[x, one]).unwrap();
        graph.output = graph.add_node("/erf", Op::Erf, &[sum]).unwrap();
        graph
    }

    fn broken(change: fn(&mut Graph)) -> String {
        let mut graph = graph();
        change(&mut graph);
        verify(&graph).unwrap_err().to_string()
    }

    #[test]
    fn accepts_a_sound_graph() {
        assert_eq!(verify(&graph()), Ok(()));
    }

    #[test]
    fn catches_each_way_to_break_one() {
        assert_eq!(broken(|g| g.nodes.swap(0, 1)), "node '/erf' reads '/sum' before it is computed; this is a bug");
        assert_eq!(broken(|g| g.nodes[1].name = "/sum".into()), "the name '/sum' stands twice; this is a bug");
        assert_eq!(
            broken(|g| g.nodes[1].output = g.inputs[0]),
            "node '/erf' computes 'x', which has another source; this is a bug"
        );
        assert_eq!(
            broken(|g| g.nodes[1].inputs[0] = Graph::new("other").output),
            "node '/erf' reads or writes a value that does not exist; this is a bug"
        );
        assert_eq!(
            broken(|g| g.value_mut(g.nodes[0].output).unwrap().fact.shape[1] = Dim::Fixed(3)),
            "'/sum' is stored as f32[batch,3] and inferred as f32[batch,2]; this is a bug"
        );
        assert_eq!(
            broken(|g| g.nodes[1].op = Op::MatMul),
            "node '/erf': MatMul takes 2 inputs, found 1; this is a bug"
        );
        assert_eq!(broken(|g| drop(g.nodes.pop())), "the output is computed by no node; this is a bug");
    }

    #[test]
    fn names_the_op_that_a_target_lacks() {
        let ops = ["Add".to_owned()].into();
        let error = check_ops(&graph(), "tiny", &ops).unwrap_err().to_string();
        assert_eq!(error, "node '/erf': target 'tiny' has no Erf");
    }
}
