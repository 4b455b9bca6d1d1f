use super::{Changed, Pass, RewriteError};
use crate::ir::{Constant, Graph, Node, Op, ValueId};

/// `(n g + s) W + b -> n (g W) + (s W + b)` where `n` is what a layer norm gives before its scale g and bias s.
///
/// On our graphs: every norm that only linear layers read, so all but the mixer's. An engine that has no kernel for the
/// whole norm (tract) walks `[batch, S, D]` twice less for each.
///
/// Precondition: g, s, W and b are constant; every reader of the norm is a product with weights on its right whose only
/// reader adds a vector. Tolerance: one rounding per weight and bias (relative 6e-8).
pub struct FoldNorms;

impl Pass for FoldNorms {
    fn name(&self) -> &'static str {
        "FoldNorms"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let norms: Vec<ValueId> = graph.nodes.iter().filter(|node| has_scale(graph, node)).map(|n| n.output).collect();
        let found: Vec<Match> = norms.into_iter().filter_map(|norm| find(graph, norm)).collect();
        let folded = found.len();
        for found in found {
            rewrite(graph, found);
        }
        Ok(Changed(folded))
    }
}

/// A norm, and what its readers become.
struct Match {
    norm: ValueId,
    width: usize,
    linears: Vec<Linear>,
}

/// `norm W + b` and its new constants.
struct Linear {
    product: ValueId,
    sum: ValueId,
    bias: ValueId,
    new_weights: Constant,
    new_bias: Constant,
}

/// Whether this is a norm with a scale other than 1 or a bias other than 0.
fn has_scale(graph: &Graph, node: &Node) -> bool {
    let (Op::LayerNormalization { .. }, [_, scale, bias]) = (&node.op, &*node.inputs) else { return false };
    let other =
        |id, neutral: f32| graph.constant(id).and_then(Constant::as_f32).map(|v| v.iter().any(|v| *v != neutral));
    matches!((other(*scale, 1.0), other(*bias, 0.0)), (Some(scale), Some(bias)) if scale || bias)
}

fn find(graph: &Graph, norm: ValueId) -> Option<Match> {
    let [_, scale, shift] = *graph.nodes[graph.producer(norm)?].inputs else { return None };
    let (scale, shift) = (graph.constant(scale)?.as_f32()?, graph.constant(shift)?.as_f32()?);
    let readers: Vec<&Node> = graph.nodes.iter().filter(|node| node.inputs.contains(&norm)).collect();
    let linears = readers.iter().map(|node| linear(graph, node, norm, scale, shift)).collect::<Option<Vec<_>>>()?;
    // The graph's output is a reader too.
    (!linears.is_empty() && graph.uses(norm) == linears.len()).then_some(Match { norm, width: scale.len(), linears })
}

fn linear(graph: &Graph, node: &Node, norm: ValueId, scale: &[f32], shift: &[f32]) -> Option<Linear> {
    let (Op::MatMul, [input, weights]) = (&node.op, &*node.inputs) else { return None };
    let weights = graph.constant(*weights).filter(|weights| *input == norm && weights.shape().len() == 2)?;
    let sum = graph.nodes.iter().find(|other| other.inputs.contains(&node.output))?;
    let (Op::Add, [a, b], 1) = (&sum.op, &*sum.inputs, graph.uses(node.output)) else { return None };
    let bias = if *a == node.output { *b } else { *a };
    let old = graph.constant(bias).filter(|bias| bias.shape().len() == 1)?.as_f32()?;
    let (rows, width) = (weights.as_f32()?, old.len());
    let scaled: Vec<f32> = rows.chunks(width).zip(scale).flat_map(|(row, g)| row.iter().map(move |w| w * g)).collect();
    let shifted = |at: usize| {
        let column = rows.iter().skip(at).step_by(width).zip(shift);
        (f64::from(old[at]) + column.map(|(w, s)| f64::from(*w) * f64::from(*s)).sum::<f64>()) as f32
    };
    Some(Linear {
        product: node.output,
        sum: sum.output,
        bias,
        new_weights: Constant::f32(weights.shape(), scaled)?,
        new_bias: Constant::floats((0..width).map(shifted).collect()),
    })
}

fn rewrite(graph: &mut Graph, found: Match) {
    let name = name(graph, found.norm);
    let neutral = |graph: &mut Graph, part, value| {
        graph.add_constant(&format!("{name}/{part}"), Constant::floats(vec![value; found.width]))
    };
    let (one, zero) = (neutral(graph, "one", 1.0), neutral(graph, "zero", 0.0));
    set(graph, found.norm, |inputs| inputs[1..].copy_from_slice(&[one, zero]));
    for linear in found.linears {
        let weights = format!("{}/normed", self::name(graph, linear.product));
        let weights = graph.add_constant(&weights, linear.new_weights);
        set(graph, linear.product, |inputs| inputs[1] = weights);
        let bias = format!("{}/normed", self::name(graph, linear.sum));
        let bias = graph.add_constant(&bias, linear.new_bias);
        set(graph, linear.sum, |inputs| inputs.iter_mut().filter(|id| **id == linear.bias).for_each(|id| *id = bias));
    }
}

fn name(graph: &Graph, id: ValueId) -> String {
    graph.value(id).map_or_else(String::new, |value| value.name.clone())
}

/// Changes the inputs of the node that computes `output`.
fn set(graph: &mut Graph, output: ValueId, change: impl FnOnce(&mut [ValueId])) {
    if let Some(node) = graph.nodes.iter_mut().find(|node| node.output == output) {
        change(&mut node.inputs);
    }
}
