//! A small typed graph: every value has a known element type and shape, every node one output.
//!
//! Nodes stand in topological order. Passes keep that order and the facts; [`verify`](crate::verify_ir::verify)
//! checks both after each of them.

mod constant;
mod cost;
mod eval;
mod fact;
mod infer;
mod op;
mod text;

pub use constant::{Constant, Data};
pub use cost::Cost;
pub use eval::evaluate;
pub use fact::{Dim, Dtype, Fact, broadcast, volume};
pub use infer::{InferError, infer};
pub use op::Op;

use std::collections::HashSet;

/// Names a [`Value`] of one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(usize);

/// A tensor: an input of the graph, a constant, or the output of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Unique in the graph. Constants carry the name of their tensor in the checkpoint.
    pub name: String,
    /// Its type and shape.
    pub fact: Fact,
    /// Its elements where they are known at compile time.
    pub constant: Option<Constant>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique in the graph, from the path of the weights: `/classifier.layers.0/attn/query`.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Its arguments, in the op's order.
    pub inputs: Vec<ValueId>,
    /// Its result.
    pub output: ValueId,
}

/// Values and the nodes that compute them.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// `encoder`, `classifier` or `clip`; `chunk` for the body of a scan.
    pub name: String,
    values: Vec<Value>,
    /// In topological order.
    pub nodes: Vec<Node>,
    /// The inputs, in order.
    pub inputs: Vec<ValueId>,
    /// The one output.
    pub output: ValueId,
}

impl Graph {
    /// A graph without anything; its output must be set before it is verified.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), values: vec![], nodes: vec![], inputs: vec![], output: ValueId(usize::MAX) }
    }

    /// The value behind an id, or `None` for an id of another graph.
    #[must_use]
    pub fn value(&self, id: ValueId) -> Option<&Value> {
        self.values.get(id.0)
    }

    /// The value behind an id, to change it.
    #[must_use]
    pub fn value_mut(&mut self, id: ValueId) -> Option<&mut Value> {
        self.values.get_mut(id.0)
    }

    /// All values, in the order they were made.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }

    /// The ids of all values.
    pub fn ids(&self) -> impl Iterator<Item = ValueId> + use<> {
        (0..self.values.len()).map(ValueId)
    }

    /// The bodies of its scans.
    pub fn bodies(&self) -> impl Iterator<Item = &Graph> {
        self.nodes.iter().filter_map(|node| match &node.op {
            Op::Scan { body } => Some(&**body),
            _ => None,
        })
    }

    /// The bodies of its scans, to change them. A body keeps its input's and output's facts.
    pub fn bodies_mut(&mut self) -> impl Iterator<Item = &mut Graph> {
        self.nodes.iter_mut().filter_map(|node| match &mut node.op {
            Op::Scan { body } => Some(&mut **body),
            _ => None,
        })
    }

    /// Adds an input.
    pub fn add_input(&mut self, name: &str, fact: Fact) -> ValueId {
        let id = self.add_value(name, fact, None);
        self.inputs.push(id);
        id
    }

    /// Adds a constant.
    pub fn add_constant(&mut self, name: &str, constant: Constant) -> ValueId {
        self.add_value(name, constant.fact(), Some(constant))
    }

    /// Adds a node at the end; its output takes the node's name.
    ///
    /// # Errors
    /// [`InferError`] where the op does not accept the inputs.
    pub fn add_node(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId, InferError> {
        let at = self.nodes.len();
        self.insert_node(at, name, op, inputs)
    }

    /// Adds a node before the one at `position`; its output takes the node's name.
    ///
    /// # Errors
    /// [`InferError`] where the op does not accept the inputs.
    pub fn insert_node(
        &mut self,
        position: usize,
        name: &str,
        op: Op,
        inputs: &[ValueId],
    ) -> Result<ValueId, InferError> {
        let fact = {
            let facts: Vec<&Fact> = inputs.iter().filter_map(|id| self.value(*id)).map(|value| &value.fact).collect();
            infer(&op, &facts)?
        };
        let output = self.add_value(name, fact, None);
        self.nodes.insert(position, Node { name: name.to_owned(), op, inputs: inputs.to_vec(), output });
        Ok(output)
    }

    /// The constant behind an id, if it is one.
    #[must_use]
    pub fn constant(&self, id: ValueId) -> Option<&Constant> {
        self.value(id)?.constant.as_ref()
    }

    /// Position of the node that computes a value; `None` for inputs and constants.
    #[must_use]
    pub fn producer(&self, id: ValueId) -> Option<usize> {
        self.nodes.iter().position(|node| node.output == id)
    }

    /// How often a value is read, by nodes or as the output.
    #[must_use]
    pub fn uses(&self, id: ValueId) -> usize {
        let by_nodes = self.nodes.iter().flat_map(|node| &node.inputs).filter(|&&input| input == id).count();
        by_nodes + usize::from(self.output == id)
    }

    /// Makes every reader of `old` read `new`.
    pub fn replace(&mut self, old: ValueId, new: ValueId) {
        for input in self.nodes.iter_mut().flat_map(|node| &mut node.inputs) {
            if *input == old {
                *input = new;
            }
        }
        if self.output == old {
            self.output = new;
        }
    }

    /// Drops values nobody reads, computes or feeds, and renumbers the rest. Returns how many went.
    pub fn drop_unused_values(&mut self) -> usize {
        let used: HashSet<ValueId> = self
            .nodes
            .iter()
            .flat_map(|node| node.inputs.iter().chain([&node.output]))
            .chain(&self.inputs)
            .chain([&self.output])
            .copied()
            .collect();
        let before = self.values.len();
        let mut renumbered = vec![None; before];
        let mut kept = 0;
        for (old, new) in renumbered.iter_mut().enumerate() {
            if used.contains(&ValueId(old)) {
                *new = Some(ValueId(kept));
                kept += 1;
            }
        }
        let mut index = 0;
        self.values.retain(|_| {
            index += 1;
            renumbered[index - 1].is_some()
        });
        self.renumber(|id| renumbered.get(id.0).copied().flatten().unwrap_or(id));
        before - kept
    }

    fn renumber(&mut self, new: impl Fn(ValueId) -> ValueId) {
        for node in &mut self.nodes {
            node.inputs.iter_mut().for_each(|id| *id = new(*id));
            node.output = new(node.output);
        }
        self.inputs.iter_mut().for_each(|id| *id = new(*id));
        self.output = new(self.output);
    }

    fn add_value(&mut self, name: &str, fact: Fact, constant: Option<Constant>) -> ValueId {
        self.values.push(Value { name: name.to_owned(), fact, constant });
        ValueId(self.values.len() - 1)
    }
}
