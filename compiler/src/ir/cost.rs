//! What a graph costs, from its shapes alone.

use super::{Dim, Dtype, Fact, Graph, Node, Op, ValueId};
use serde::Serialize;
use std::collections::HashMap;

/// What one run of a graph costs at a batch of 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Multiply-accumulate operations of matrix products.
    pub macs: u64,
    /// Elements that all other ops write.
    pub elements: u64,
    /// Bytes of constants.
    pub weight_bytes: u64,
    /// Most bytes of activations that are alive at one time, in the order of the nodes.
    pub activation_bytes: u64,
}

impl Cost {
    /// Adds up a graph; a scan's body counts as often as it runs.
    #[must_use]
    pub fn of(graph: &Graph) -> Self {
        let mut cost = Self { activation_bytes: peak(graph), weight_bytes: constants(graph), ..Self::default() };
        for node in &graph.nodes {
            match &node.op {
                Op::MatMul | Op::QuantizedMatMul => cost.macs += product(graph, node),
                Op::Scan { body } => cost.add_body(Self::of(body), runs(graph, node)),
                _ => cost.elements += fact(graph, node.output).map_or(0, elements),
            }
        }
        cost
    }

    fn add_body(&mut self, body: Self, runs: u64) {
        self.macs += runs * body.macs;
        self.elements += runs * body.elements;
        self.weight_bytes += body.weight_bytes;
        self.activation_bytes += body.activation_bytes;
    }
}

fn fact(graph: &Graph, id: ValueId) -> Option<&Fact> {
    Some(&graph.value(id)?.fact)
}

/// Elements at a batch of 1.
fn elements(fact: &Fact) -> u64 {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) | Dim::Batch(size) => *size as u64,
    };
    fact.shape.iter().map(size).product()
}

fn bytes(fact: &Fact) -> u64 {
    let width = match fact.dtype {
        Dtype::F32 | Dtype::I32 => 4,
        Dtype::F16 | Dtype::BF16 => 2,
        Dtype::I8 | Dtype::Bool => 1,
    };
    width * elements(fact)
}

/// Every element of the product is a sum over the inner axis.
fn product(graph: &Graph, node: &Node) -> u64 {
    let inner = fact(graph, node.inputs[0]).and_then(|fact| fact.shape.last().copied());
    let inner = inner.map_or(0, |dim| elements(&Fact::new(Dtype::F32, vec![dim])));
    inner * fact(graph, node.output).map_or(0, elements)
}

/// How often the body of a scan runs.
fn runs(graph: &Graph, node: &Node) -> u64 {
    let count = fact(graph, node.output).and_then(|fact| fact.shape.first().copied());
    count.map_or(0, |dim| elements(&Fact::new(Dtype::F32, vec![dim])))
}

fn constants(graph: &Graph) -> u64 {
    graph.values().filter_map(|value| value.constant.as_ref()).map(|constant| bytes(&constant.fact())).sum()
}

/// A value lives from the node that computes it to the last one that reads it.
fn peak(graph: &Graph) -> u64 {
    let mut last = HashMap::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        last.extend(node.inputs.iter().map(|input| (*input, at)));
    }
    last.insert(graph.output, usize::MAX);
    let size = |id: ValueId| match graph.constant(id) {
        Some(_) => 0,
        None => fact(graph, id).map_or(0, bytes),
    };
    let mut alive: u64 = graph.inputs.iter().map(|input| size(*input)).sum();
    let mut most = alive;
    for (at, node) in graph.nodes.iter().enumerate() {
        alive += size(node.output);
        most = most.max(alive);
        let mut done: Vec<ValueId> = node.inputs.iter().copied().filter(|input| last.get(input) == Some(&at)).collect();
        done.sort_unstable();
        done.dedup();
        alive -= done.into_iter().map(size).sum::<u64>();
    }
    most
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;
    use crate::ir::Constant;

    #[test]
    fn counts_by_hand() {
        let mut graph = Graph::new("tiny");
        let x = graph.add_input("x", Fact::new(Dtype::F32, vec![Dim::Batch(1), Dim::Fixed(5), Dim::Fixed(2)]));
        let weight = graph.add_constant("w", Constant::f32(&[2, 3], [0.0; 6]).unwrap());
        let product = graph.add_node("/product", Op::MatMul, &[x, weight]).unwrap();
        graph.output = graph.add_node("/erf", Op::Erf, &[product]).unwrap();
        // 5 rows of 3 sums of 2; x beside the product, then the product beside erf.
        let cost = Cost { macs: 30, elements: 15, weight_bytes: 24, activation_bytes: 120 };
        assert_eq!(Cost::of(&graph), cost);
    }

    #[test]
    fn a_body_counts_as_often_as_it_runs() {
        let mut body = Graph::new("chunk");
        let row = body.add_input("row", Fact::fixed(Dtype::F32, &[1, 2]));
        let weight = body.add_constant("w", Constant::f32(&[2, 3], [0.0; 6]).unwrap());
        body.output = body.add_node("/product", Op::MatMul, &[row, weight]).unwrap();
        let mut graph = Graph::new("tiny");
        let x = graph.add_input("x", Fact::fixed(Dtype::F32, &[7, 1, 2]));
        graph.output = graph.add_node("/scan", Op::Scan { body: Box::new(body) }, &[x]).unwrap();
        assert_eq!((Cost::of(&graph).macs, Cost::of(&graph).weight_bytes), (7 * 6, 24));
    }
}
