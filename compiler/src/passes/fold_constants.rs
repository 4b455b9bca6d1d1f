use super::{Changed, Pass, RewriteError};
use crate::ir::{Constant, Graph, Node, evaluate};

/// `f(c1, c2, ..) -> c`: a node whose inputs are all constant becomes the constant it computes.
///
/// On our graphs: the transposed weights of every linear layer, the columns of the mixer's biases, `concat(cls, PE)`,
/// and the weights that [`FoldScale`](super::FoldScale) multiplies.
///
/// Precondition: [`evaluate`] knows the op, and the result is not larger than `GROWTH_BYTES` (1 MiB) plus its
/// inputs, so that repeating a small constant cannot blow up the file. Tolerance: bit-exact; float32 arithmetic is
/// IEEE here as in the engines.
pub struct FoldConstants;

/// What a folded constant may add to a file. Our largest growth is 0.
const GROWTH_BYTES: usize = 1 << 20;

impl Pass for FoldConstants {
    fn name(&self) -> &'static str {
        "FoldConstants"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut folded = 0;
        for node in std::mem::take(&mut graph.nodes) {
            let constant = if node.output == graph.output { None } else { fold(graph, &node) };
            match (constant, graph.value_mut(node.output)) {
                (Some(constant), Some(value)) => {
                    value.constant = Some(constant);
                    folded += 1;
                }
                _ => graph.nodes.push(node),
            }
        }
        Ok(Changed(folded))
    }
}

fn fold(graph: &Graph, node: &Node) -> Option<Constant> {
    let inputs: Vec<&Constant> = node.inputs.iter().map(|id| graph.constant(*id)).collect::<Option<_>>()?;
    let elements = graph.value(node.output)?.fact.sizes()?.iter().product::<usize>();
    let read: usize = inputs.iter().map(|constant| constant.len()).sum();
    if (elements.saturating_sub(read)) * size_of::<f32>() > GROWTH_BYTES {
        return None;
    }
    evaluate(&node.op, &inputs)
}
