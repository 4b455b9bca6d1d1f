use super::{Changed, Pass, RewriteError};
use crate::ir::{Constant, Graph, Node, Op, ValueId};

/// `x W -> scale(x) (quantize(x) W') s` with `W' = round(W / s)` in -127..=127 and one `s` for each column of W.
///
/// On our graphs: every linear layer; attention, norms, GELU, softmax and the residual stream stay float32. Only for
/// precision `int8` where the target quantises as it comes.
///
/// Precondition: W is a constant matrix of at least `SMALLEST` (4096) elements. Tolerance: none that holds for every
/// input; half a step of 1/127 of each column's largest weight and 1/255 of the range of x. What it does to answers is
/// measured by the proof. Does not quantise the first product of a numeric view, whose numbers have no bound; nor tables,
/// which are looked up and not multiplied; nor a mixer's weights, which stand on the left.
pub struct QuantizeProducts;

/// Below this many weights a product is not worth two more nodes.
const SMALLEST: usize = 4096;

impl Pass for QuantizeProducts {
    fn name(&self) -> &'static str {
        "QuantizeProducts"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut quantized = 0;
        for at in 0..graph.nodes.len() {
            let node = &graph.nodes[at];
            let found = is_wide(graph, node).then(|| graph.constant(node.inputs[1]).and_then(rounded)).flatten();
            let Some((weights, scales)) = found else { continue };
            let (x, name) = (node.inputs[0], node.name.clone());
            let weights = graph.add_constant(&format!("{name}/weights"), weights);
            let scales = graph.add_constant(&format!("{name}/weights/scales"), Constant::floats(scales));
            graph.nodes[at].op = Op::QuantizedMatMul;
            graph.nodes[at].inputs = vec![x, weights, scales];
            quantized += 1;
        }
        Ok(Changed(quantized))
    }
}

/// Numbers of a row beside their squares: far outliers, and one scale for all would drown the rest.
fn is_raw(graph: &Graph, x: ValueId) -> bool {
    graph.producer(x).is_some_and(|at| matches!(graph.nodes[at].op, Op::Concat { .. }))
}

/// Whether this is a product with a matrix of weights that is worth quantising.
pub(crate) fn is_wide(graph: &Graph, node: &Node) -> bool {
    let [x, weights] = *node.inputs else { return false };
    let is_matrix = |weights: &Constant| weights.shape().len() == 2 && weights.as_f32().is_some();
    node.op == Op::MatMul
        && graph.constant(x).is_none()
        && !is_raw(graph, x)
        && graph.constant(weights).is_some_and(|weights| is_matrix(weights) && weights.len() >= SMALLEST)
}

/// The integers of a matrix and the scales of its columns.
pub(super) fn rounded(weights: &Constant) -> Option<(Constant, Vec<f32>)> {
    let [_, columns] = *weights.shape() else { return None };
    let data = weights.as_f32()?;
    let scales: Vec<f32> = (0..columns).map(|column| scale(data.iter().skip(column).step_by(columns))).collect();
    let round = |(index, weight): (usize, &f32)| (weight / scales[index % columns]).round().clamp(-127.0, 127.0) as i8;
    let integers = data.iter().enumerate().map(round).collect();
    Some((Constant::i8(weights.shape(), integers)?, scales))
}

/// The step at which the largest of these is 127; 1 where all are 0.
fn scale<'a>(column: impl Iterator<Item = &'a f32>) -> f32 {
    let largest = column.fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    if largest > 0.0 { largest / 127.0 } else { 1.0 }
}
