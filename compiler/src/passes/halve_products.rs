use super::adder::Adder;
use super::{Changed, Pass, RewriteError};
use crate::ir::{Dtype, Graph, Node, Op, ValueId};

/// `a b -> float(half(a) half(b))`: the operands of every matrix product in floats of 16 bits.
///
/// Norms, softmax, GELU, masks, the residual stream and the product that makes the output stay float32; `FoldConstants` turns
/// the weights into 16 bits in the file. Only for precisions `fp16` and `bf16`. Precondition: none. Tolerance: 2^-11 of
/// each operand, 2^-8 in bfloat16; what that does to answers is measured by the proof. An engine whose products sum in 16 bits
/// adds to that.
pub struct HalveProducts {
    /// [`Dtype::F16`] or [`Dtype::BF16`].
    pub to: Dtype,
}

impl Pass for HalveProducts {
    fn name(&self) -> &'static str {
        "HalveProducts"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut halved = 0;
        while let Some(at) = graph
            .nodes
            .iter()
            .position(|node| node.op == Op::MatMul && is_float(graph, node.output) && !makes_output(graph, node.output))
        {
            let node = graph.nodes[at].clone();
            let mut add = Adder::before(graph, &node.name, "half");
            let left = add.node("left", Op::Cast { to: self.to }, &node.inputs[..1])?;
            let right = add.node("right", Op::Cast { to: self.to }, &node.inputs[1..])?;
            let product = add.node("product", Op::MatMul, &[left, right])?;
            let float = add.node("float", Op::Cast { to: Dtype::F32 }, &[product])?;
            graph.replace(node.output, float);
            graph.nodes.retain(|other| other.output != node.output);
            halved += 1;
        }
        Ok(Changed(halved))
    }
}

/// Whether a product is the output, or becomes it by the addition of a constant.
fn makes_output(graph: &Graph, product: ValueId) -> bool {
    let biased = |node: &Node| {
        let others_known = node.inputs.iter().all(|id| *id == product || graph.constant(*id).is_some());
        node.op == Op::Add && node.inputs.contains(&product) && others_known
    };
    let last = graph.producer(graph.output).map(|at| &graph.nodes[at]);
    product == graph.output || last.is_some_and(biased)
}

fn is_float(graph: &Graph, id: ValueId) -> bool {
    graph.value(id).is_some_and(|value| value.fact.dtype == Dtype::F32)
}
