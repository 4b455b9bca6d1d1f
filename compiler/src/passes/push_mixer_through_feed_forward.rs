use super::adder::Adder;
use super::{Changed, Pass, RewriteError};
use crate::ir::{Dim, Graph, Node, Op, ValueId};

/// `M (z (x + (h W + b))) -> M' x + (M' h) W + rowsum(M') b` with `M' = M z^T`: what mixes tokens runs before what maps
/// features, so the last feed-forward's second product sees H mixed rows instead of L.
///
/// `z` [batch, L, 1] is 0 for padding and 1 elsewhere; scaling the H x L numbers of M by it replaces scaling
/// `x`. On our graphs: the mixer of view `bytes`. Per block L ff D products become H ff D + H L ff.
///
/// Precondition: M, W and b are constant; nothing else reads the steps between; H (D + L) < L D. Tolerance: 1e-5 of the
/// largest element; sums are taken in another order.
pub struct PushMixerThroughFeedForward;

impl Pass for PushMixerThroughFeedForward {
    fn name(&self) -> &'static str {
        "PushMixerThroughFeedForward"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let Some(found) = graph.nodes.iter().find_map(|node| find(graph, node)) else { return Ok(Changed(0)) };
        rewrite(graph, &found)?;
        Ok(Changed(1))
    }
}

struct Match {
    /// The product that mixes, its name, and its weights.
    mix: ValueId,
    name: String,
    mixer: ValueId,
    /// [batch, L, 1].
    real: ValueId,
    x: ValueId,
    hidden: ValueId,
    down: ValueId,
    bias: ValueId,
    batch: Dim,
    length: usize,
    rows: usize,
    width: usize,
}

fn find(graph: &Graph, node: &Node) -> Option<Match> {
    let (Op::MatMul, [mixer, zeroed]) = (&node.op, &*node.inputs) else { return None };
    let [rows, length] = *graph.constant(*mixer)?.shape() else { return None };
    let [real, residual] = sole(graph, *zeroed, &Op::Mul)?.map_order(|id| is_column(graph, id, length))?;
    let [fed, x] = sole(graph, residual, &Op::Add)?.map_order(|id| biased(graph, id).is_some())?;
    let (product, bias) = biased(graph, fed)?;
    let Pair(hidden, down) = sole(graph, product, &Op::MatMul)?;
    let [_, width] = *graph.constant(down)?.shape() else { return None };
    let [batch, ..] = *graph.value(hidden)?.fact.shape else { return None };
    let pays = rows * (width + length) < length * width;
    let name = node.name.clone();
    pays.then_some(Match {
        mix: node.output,
        name,
        mixer: *mixer,
        real,
        x,
        hidden,
        down,
        bias,
        batch,
        length,
        rows,
        width,
    })
}

/// The two inputs of a node.
struct Pair(ValueId, ValueId);

impl Pair {
    /// Both, the one that `is_first` holds for in front.
    fn map_order(self, is_first: impl Fn(ValueId) -> bool) -> Option<[ValueId; 2]> {
        match (is_first(self.0), is_first(self.1)) {
            (true, _) => Some([self.0, self.1]),
            (false, true) => Some([self.1, self.0]),
            (false, false) => None,
        }
    }
}

/// The inputs of the node of this op that computes a value nobody else reads.
fn sole(graph: &Graph, id: ValueId, op: &Op) -> Option<Pair> {
    let node = &graph.nodes[graph.producer(id).filter(|_| graph.uses(id) == 1)?];
    match &*node.inputs {
        [a, b] if node.op == *op => Some(Pair(*a, *b)),
        _ => None,
    }
}

/// `y + b` with a constant vector b, read by nobody else.
fn biased(graph: &Graph, id: ValueId) -> Option<(ValueId, ValueId)> {
    let is_bias = |id| graph.constant(id).is_some_and(|bias| bias.shape().len() == 1);
    let [bias, y] = sole(graph, id, &Op::Add)?.map_order(is_bias)?;
    Some((y, bias))
}

fn is_column(graph: &Graph, id: ValueId, length: usize) -> bool {
    graph.value(id).is_some_and(|value| value.fact.shape.get(1..) == Some(&[Dim::Fixed(length), Dim::Fixed(1)]))
}

fn rewrite(graph: &mut Graph, found: &Match) -> Result<(), RewriteError> {
    let Match { batch, length, rows, .. } = *found;
    let shape = |batch, rows, columns| Op::Reshape { shape: vec![batch, Dim::Fixed(rows), Dim::Fixed(columns)] };
    // Constants of the rank of what they meet: tract's fast kernels refuse those that it has to widen itself.
    let one = Dim::Fixed(1);
    let mut add = Adder::before(graph, &found.name, "pushed");
    let real = add.node("real", shape(batch, 1, length), &[found.real])?;
    let mixer = add.node("weights", shape(one, rows, length), &[found.mixer])?;
    let mixer = add.node("mixer", Op::Mul, &[mixer, real])?;
    let x = add.node("residual", Op::MatMul, &[mixer, found.x])?;
    let hidden = add.node("hidden", Op::MatMul, &[mixer, found.hidden])?;
    let fed = add.node("down", Op::MatMul, &[hidden, found.down])?;
    let weight = add.node("weight", Op::ReduceSum { axis: 2 }, &[mixer])?;
    let weight = add.node("weight/column", shape(batch, rows, 1), &[weight])?;
    let bias = add.node("bias/row", shape(one, 1, found.width), &[found.bias])?;
    let bias = add.node("bias", Op::Mul, &[weight, bias])?;
    let biased = add.node("biased", Op::Add, &[fed, bias])?;
    let mixed = add.node("mixed", Op::Add, &[x, biased])?;
    graph.replace(found.mix, mixed);
    graph.nodes.retain(|node| node.output != found.mix);
    Ok(())
}
