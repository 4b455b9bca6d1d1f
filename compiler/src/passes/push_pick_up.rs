use super::{Changed, Pass, RewriteError};
use crate::ir::{Dim, Graph, InferError, Node, Op, ValueId, infer};

/// `pick(f(x)) -> f(pick(x))`, where `pick` takes one index of an axis along which `f` works row by row.
///
/// On our graphs: the answer is read from \[CLS\] alone, so in the last layer of the classifier only [CLS] asks: one
/// query, one row of scores, one row through the feed-forward instead of 1 + T L'.
///
/// Precondition: nothing else reads `f(x)`; pushed further, the pick would only compute a row twice. Tolerance: bit-exact
/// but for the order in which an engine sums a product of one row (1e-6). Does not pick columns of a product: none of
/// our graphs asks for one.
pub struct PushPickUp;

impl Pass for PushPickUp {
    fn name(&self) -> &'static str {
        "PushPickUp"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut pushed = 0;
        while let Some(found) = (0..graph.nodes.len()).find_map(|at| find(graph, at)) {
            rewrite(graph, &found)?;
            pushed += 1;
        }
        Ok(Changed(pushed))
    }
}

struct Match {
    /// Position of `f`.
    at: usize,
    /// For each input of `f`, the axis along which it is picked from, if it is.
    axes: Vec<Option<usize>>,
    /// `f` of one row.
    op: Op,
    index: ValueId,
    /// What the pick gives.
    picked: ValueId,
}

fn find(graph: &Graph, at: usize) -> Option<Match> {
    let (Op::Gather { axis }, [from, index]) = (&graph.nodes[at].op, &*graph.nodes[at].inputs) else { return None };
    if graph.constant(*index)?.shape() != [1] || graph.uses(*from) != 1 {
        return None;
    }
    let above = graph.producer(*from)?;
    let (op, axes) = row_by_row(graph, &graph.nodes[above], *axis)?;
    Some(Match { at: above, axes, op, index: *index, picked: graph.nodes[at].output })
}

/// `f` of one row, and along which axis that row is taken from each input.
fn row_by_row(graph: &Graph, node: &Node, axis: usize) -> Option<(Op, Vec<Option<usize>>)> {
    let shape = |id: &ValueId| graph.value(*id).map(|value| &*value.fact.shape);
    let rank = shape(&node.output)?.len();
    let first = shape(node.inputs.first()?)?;
    let alone = |axis| {
        Some((node.op.clone(), std::iter::once(Some(axis)).chain(node.inputs[1..].iter().map(|_| None)).collect()))
    };
    match &node.op {
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Min | Op::Max | Op::Where | Op::Erf => {
            let axes = node.inputs.iter().map(|id| Some(own_axis(shape(id)?, rank, axis)));
            Some((node.op.clone(), axes.collect::<Option<_>>()?))
        }
        Op::LayerNormalization { .. } | Op::Softmax if axis + 1 < rank => alone(axis),
        Op::MatMul if axis + 2 == rank && first.len() >= 2 => alone(first.len() - 2),
        Op::Transpose { perm } => alone(*perm.get(axis)?),
        Op::Reshape { shape } if first.get(..=axis)? == shape.get(..=axis)? => {
            let mut picked = shape.clone();
            picked[axis] = Dim::Fixed(1);
            Some((Op::Reshape { shape: picked }, vec![Some(axis)]))
        }
        _ => None,
    }
}

/// The axis of an operand that broadcasting lays on `axis` of the result; `None` where it is repeated along it.
fn own_axis(shape: &[Dim], rank: usize, axis: usize) -> Option<usize> {
    let own = (axis + shape.len()).checked_sub(rank)?;
    (shape.get(own)? != &Dim::Fixed(1)).then_some(own)
}

fn rewrite(graph: &mut Graph, found: &Match) -> Result<(), RewriteError> {
    let name = graph.nodes[found.at].name.clone();
    let bug = |source| RewriteError { node: name.clone(), source };
    let mut at = found.at;
    let mut inputs = graph.nodes[at].inputs.clone();
    for (index, (input, axis)) in inputs.iter_mut().zip(&found.axes).enumerate() {
        let Some(axis) = *axis else { continue };
        let name = format!("{name}/pick{index}");
        *input = graph.insert_node(at, &name, Op::Gather { axis }, &[*input, found.index]).map_err(bug)?;
        at += 1;
    }
    let output = graph.nodes[at].output;
    graph.nodes[at].op = found.op.clone();
    graph.nodes[at].inputs = inputs;
    infer_again(graph, at).map_err(bug)?;
    graph.nodes.retain(|node| node.output != found.picked);
    graph.replace(found.picked, output);
    Ok(())
}

/// Stores what a changed node's op makes of its inputs now.
fn infer_again(graph: &mut Graph, at: usize) -> Result<(), InferError> {
    let node = &graph.nodes[at];
    let facts: Vec<_> = node.inputs.iter().filter_map(|id| Some(&graph.value(*id)?.fact)).collect();
    let (fact, output) = (infer(&node.op, &facts)?, node.output);
    if let Some(value) = graph.value_mut(output) {
        value.fact = fact;
    }
    Ok(())
}
