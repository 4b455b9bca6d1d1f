use super::adder::Adder;
use super::{Changed, Pass, RewriteError};
use crate::ir::{Dtype, Graph, Node, Op};

/// `a b -> bfloat16(float(a) float(b))`: what a card computes of a product of bfloat16 that sums in float32, spelled for an
/// engine that cannot multiply them.
///
/// No pass of any precision: the proof runs this in place of the graph that is written. Tolerance: the order of sums.
pub struct WidenProducts;

impl Pass for WidenProducts {
    fn name(&self) -> &'static str {
        "WidenProducts"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut widened = 0;
        while let Some(node) = graph.nodes.iter().find(|node| is_short(graph, node)).cloned() {
            let mut add = Adder::before(graph, &node.name, "wide");
            let left = add.node("left", Op::Cast { to: Dtype::F32 }, &node.inputs[..1])?;
            let right = add.node("right", Op::Cast { to: Dtype::F32 }, &node.inputs[1..])?;
            let product = add.node("product", Op::MatMul, &[left, right])?;
            let short = add.node("short", Op::Cast { to: Dtype::BF16 }, &[product])?;
            graph.replace(node.output, short);
            graph.nodes.retain(|other| other.output != node.output);
            widened += 1;
        }
        Ok(Changed(widened))
    }
}

fn is_short(graph: &Graph, node: &Node) -> bool {
    node.op == Op::MatMul && graph.value(node.output).is_some_and(|value| value.fact.dtype == Dtype::BF16)
}
