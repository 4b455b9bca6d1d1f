use super::RewriteError;
use crate::ir::{Constant, Graph, Op, ValueId};

/// Adds nodes before a node, named after it: `/encoder.layers.0/norm1/scale/row`.
pub(super) struct Adder<'a> {
    graph: &'a mut Graph,
    prefix: String,
    position: usize,
}

impl<'a> Adder<'a> {
    /// Before the node of that name, or at the end where there is none.
    pub(super) fn before(graph: &'a mut Graph, node: &str, part: &str) -> Self {
        let position = graph.nodes.iter().position(|other| other.name == node).unwrap_or(graph.nodes.len());
        Self { graph, prefix: format!("{node}/{part}"), position }
    }

    pub(super) fn constant(&mut self, name: &str, constant: Constant) -> ValueId {
        self.graph.add_constant(&format!("{}/{name}", self.prefix), constant)
    }

    pub(super) fn node(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId, RewriteError> {
        let name = format!("{}/{name}", self.prefix);
        let added = self.graph.insert_node(self.position, &name, op, inputs);
        self.position += 1;
        added.map_err(|source| RewriteError { node: name, source })
    }
}
