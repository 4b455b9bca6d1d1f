use super::adder::Adder;
use super::{Changed, Pass, RewriteError};
use crate::ir::{Dtype, Graph, Op};

/// `a b -> float(half(a) half(b))`: the operands of every matrix product in half floats.
///
/// Norms, softmax, GELU, masks, the residual stream and the logits stay float32; `FoldConstants` turns the weights into half
/// floats in the file. Only for precision `fp16`. Precondition: none. Tolerance: 2^-11 of each operand; what that does
/// to answers is measured by the proof. An engine whose products sum in half floats adds to that.
pub struct HalveProducts;

impl Pass for HalveProducts {
    fn name(&self) -> &'static str {
        "HalveProducts"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut halved = 0;
        while let Some(at) = graph
            .nodes
            .iter()
            .position(|node| node.op == Op::MatMul && is_float(graph, node.output) && node.output != graph.output)
        {
            let node = graph.nodes[at].clone();
            let mut add = Adder::before(graph, &node.name, "half");
            let left = add.node("left", Op::Cast { to: Dtype::F16 }, &node.inputs[..1])?;
            let right = add.node("right", Op::Cast { to: Dtype::F16 }, &node.inputs[1..])?;
            let product = add.node("product", Op::MatMul, &[left, right])?;
            let float = add.node("float", Op::Cast { to: Dtype::F32 }, &[product])?;
            graph.replace(node.output, float);
            graph.nodes.retain(|other| other.output != node.output);
            halved += 1;
        }
        Ok(Changed(halved))
    }
}

fn is_float(graph: &Graph, id: crate::ir::ValueId) -> bool {
    graph.value(id).is_some_and(|value| value.fact.dtype == Dtype::F32)
}
