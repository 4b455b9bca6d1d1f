use super::{Changed, Pass, RewriteError};
use crate::ir::{Graph, ValueId};
use std::collections::HashSet;

/// `y = f(a)`, nobody reads `y` -> nothing: nodes and constants that no output needs are dropped.
///
/// On our graphs: what the passes before leave behind. Precondition: none; our ops have no effect but their output.
/// Tolerance: bit-exact. Inputs of the graph stay, read or not: they are its interface.
pub struct EliminateDeadNodes;

impl Pass for EliminateDeadNodes {
    fn name(&self) -> &'static str {
        "EliminateDeadNodes"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut needed: HashSet<ValueId> = [graph.output].into();
        for node in graph.nodes.iter().rev() {
            if needed.contains(&node.output) {
                needed.extend(&node.inputs);
            }
        }
        graph.nodes.retain(|node| needed.contains(&node.output));
        Ok(Changed(graph.drop_unused_values()))
    }
}
