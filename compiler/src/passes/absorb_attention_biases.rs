use super::{Changed, Pass, RewriteError};
use crate::ir::{Constant, Graph, Node, Op, ValueId};

/// `softmax(q (k + b)^T + m) -> softmax(q k^T + m)` and `P (v + b) W + c -> P v W + (b W + c)`.
///
/// A key's bias adds `q b` to every score of a row, which softmax does not see; a value's bias passes through shares that
/// sum to 1. On our graphs: two additions over `[batch, S, D]` less in every layer.
///
/// Precondition: `b` is one constant vector for all tokens; between it and the product stand only `Reshape` and `Transpose`
/// that nothing else reads; the shares are joined to heads again and go through one linear layer. Tolerance: 1e-6 relative to the
/// scores, one rounding per bias. The query's bias stays: it differs from key to key.
pub struct AbsorbAttentionBiases;

impl Pass for AbsorbAttentionBiases {
    fn name(&self) -> &'static str {
        "AbsorbAttentionBiases"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut absorbed = 0;
        let softmaxes: Vec<ValueId> =
            graph.nodes.iter().filter(|node| node.op == Op::Softmax).map(|node| node.output).collect();
        for shares in softmaxes {
            absorbed += usize::from(drop_key_bias(graph, shares).is_some());
            if let Some(found) = find_value_bias(graph, shares) {
                move_value_bias(graph, found);
                absorbed += 1;
            }
        }
        Ok(Changed(absorbed))
    }
}

/// The node that computes a value nobody else reads.
fn sole(graph: &Graph, id: ValueId) -> Option<&Node> {
    (graph.uses(id) == 1).then(|| graph.producer(id).map(|at| &graph.nodes[at]))?
}

/// The one node that reads a value.
fn reader(graph: &Graph, id: ValueId) -> Option<&Node> {
    (graph.uses(id) == 1).then(|| graph.nodes.iter().find(|node| node.inputs.contains(&id)))?
}

/// Splits `x + c` into `x` and the constant `c`.
fn biased(graph: &Graph, node: &Node) -> Option<(ValueId, ValueId)> {
    let (Op::Add, [a, b]) = (&node.op, &*node.inputs) else { return None };
    match (graph.constant(*a), graph.constant(*b)) {
        (None, Some(_)) => Some((*a, *b)),
        (Some(_), None) => Some((*b, *a)),
        _ => None,
    }
}

/// The `x + b` below a matrix cut into heads: what it gives, x, and b, which is a vector over D.
fn bias_below(graph: &Graph, mut id: ValueId) -> Option<(ValueId, ValueId, ValueId)> {
    loop {
        let node = sole(graph, id)?;
        match node.op {
            Op::Reshape { .. } | Op::Transpose { .. } => id = node.inputs[0],
            Op::Add => {
                let (x, bias) = biased(graph, node)?;
                return (graph.constant(bias)?.shape().len() == 1).then_some((node.output, x, bias));
            }
            _ => return None,
        }
    }
}

fn drop_key_bias(graph: &mut Graph, shares: ValueId) -> Option<()> {
    let mut node = graph.producer(shares).map(|at| &graph.nodes[at])?;
    // The mask, then the scale where it is not folded yet: neither changes what a constant per row does.
    loop {
        node = sole(graph, node.inputs[0])?;
        match node.op {
            Op::Add | Op::Mul => {}
            Op::MatMul => break,
            _ => return None,
        }
    }
    let (sum, keys, _) = bias_below(graph, node.inputs[1])?;
    graph.replace(sum, keys);
    graph.nodes.retain(|node| node.output != sum);
    Some(())
}

struct ValueBias {
    sum: ValueId,
    values: ValueId,
    out: ValueId,
    out_bias: ValueId,
    /// `b W + c`.
    moved: Constant,
}

fn find_value_bias(graph: &Graph, shares: ValueId) -> Option<ValueBias> {
    let mixed = reader(graph, shares).filter(|node| node.op == Op::MatMul && node.inputs[0] == shares)?;
    let (sum, values, bias) = bias_below(graph, mixed.inputs[1])?;
    let mut node = reader(graph, mixed.output)?;
    while matches!(node.op, Op::Transpose { .. } | Op::Reshape { .. }) {
        node = reader(graph, node.output)?;
    }
    let weight = graph.constant(*node.inputs.get(1)?).filter(|_| node.op == Op::MatMul)?;
    let out = reader(graph, node.output)?;
    let (_, out_bias) = biased(graph, out)?;
    let moved = moved(graph.constant(bias)?, weight, graph.constant(out_bias)?)?;
    Some(ValueBias { sum, values, out: out.output, out_bias, moved })
}

/// Puts `b W + c` in the place of `c`.
fn move_value_bias(graph: &mut Graph, found: ValueBias) {
    let out = graph.value(found.out).map_or("", |value| &value.name);
    let mut name = format!("{out}/absorbed");
    // What a later round absorbs, behind what an earlier one did.
    while graph.values().any(|value| value.name == name) {
        name.push_str("/again");
    }
    let moved = graph.add_constant(&name, found.moved);
    for input in graph.nodes.iter_mut().filter(|node| node.output == found.out).flat_map(|node| &mut node.inputs) {
        if *input == found.out_bias {
            *input = moved;
        }
    }
    graph.replace(found.sum, found.values);
    graph.nodes.retain(|node| node.output != found.sum);
}

fn moved(bias: &Constant, weight: &Constant, out_bias: &Constant) -> Option<Constant> {
    let (bias, weights, out) = (bias.as_f32()?, weight.as_f32()?, out_bias.as_f32()?);
    let width = out.len();
    let column =
        |at: usize| bias.iter().zip(weights.iter().skip(at).step_by(width)).map(|(b, w)| f64::from(*b) * f64::from(*w));
    Constant::f32(
        &[width],
        (0..width).map(|at| (f64::from(out[at]) + column(at).sum::<f64>()) as f32).collect::<Vec<_>>(),
    )
}
