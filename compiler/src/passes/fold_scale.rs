use super::{Changed, Pass, RewriteError};
use crate::ir::{Graph, Node, Op, ValueId};

/// `c * f(x W + b) -> f(x (c W) + (c b))` where `f` only moves elements or multiplies them by another matrix:
/// `Transpose`, `Reshape`, `MatMul` from the left.
///
/// On our graphs: `1 / sqrt(D / h)` of the attention scores goes into the query's weights, one pass over
/// `[batch, heads, S, S]` less in every layer.
///
/// Precondition: `c` is one constant float; W and b are constant; nothing else reads any step of `f`. Tolerance: one
/// rounding per weight (relative 6e-8), bit-exact where `c` is a power of two. Does not look through `MatMul` from
/// the right, where no layer of ours has a scale.
pub struct FoldScale;

impl Pass for FoldScale {
    fn name(&self) -> &'static str {
        "FoldScale"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut folded = 0;
        while let Some(found) = graph.nodes.iter().find_map(|node| find(graph, node)) {
            rewrite(graph, &found)?;
            folded += 1;
        }
        Ok(Changed(folded))
    }
}

struct Match {
    /// The product that disappears.
    scaled: ValueId,
    /// What is scaled.
    input: ValueId,
    factor: ValueId,
    /// Positions of `x W` and of `+ b`, and which input of each is the constant.
    product: (usize, usize),
    sum: (usize, usize),
}

fn find(graph: &Graph, node: &Node) -> Option<Match> {
    let (Op::Mul, [input, factor]) = (&node.op, &*node.inputs) else { return None };
    let scalar = graph.constant(*factor)?;
    if scalar.len() != 1 || !scalar.shape().is_empty() || node.output == graph.output {
        return None;
    }
    let sum = linear_below(graph, *input)?;
    let bias = constant_input(graph, sum)?;
    let product = graph.producer(graph.nodes[sum].inputs[1 - bias]).filter(|at| only_reader(graph, *at))?;
    let weight = constant_input(graph, product)?;
    let is_linear = graph.nodes[product].op == Op::MatMul && weight == 1;
    is_linear.then_some(Match {
        scaled: node.output,
        input: *input,
        factor: *factor,
        product: (product, weight),
        sum: (sum, bias),
    })
}

/// Position of the `Add` that `id` comes from, through steps that commute with a scale.
fn linear_below(graph: &Graph, mut id: ValueId) -> Option<usize> {
    loop {
        let at = graph.producer(id).filter(|at| only_reader(graph, *at))?;
        let node = &graph.nodes[at];
        match node.op {
            Op::Transpose { .. } | Op::Reshape { .. } | Op::MatMul => id = node.inputs[0],
            Op::Add => return Some(at),
            _ => return None,
        }
    }
}

fn only_reader(graph: &Graph, at: usize) -> bool {
    graph.uses(graph.nodes[at].output) == 1
}

/// Which of a node's two inputs is constant.
fn constant_input(graph: &Graph, at: usize) -> Option<usize> {
    graph.nodes[at].inputs.iter().position(|id| graph.constant(*id).is_some())
}

fn rewrite(graph: &mut Graph, found: &Match) -> Result<(), RewriteError> {
    graph.replace(found.scaled, found.input);
    graph.nodes.retain(|node| node.output != found.scaled);
    // `sum` stands after `product`: scaled first, its position still holds when `product` is scaled.
    scale(graph, found.sum, found.factor)?;
    scale(graph, found.product, found.factor)
}

/// Puts `constant * factor` before the node at `at` in the place of its constant.
fn scale(graph: &mut Graph, (at, input): (usize, usize), factor: ValueId) -> Result<(), RewriteError> {
    let name = format!("{}/scaled", graph.nodes[at].name);
    let inputs = [graph.nodes[at].inputs[input], factor];
    let scaled =
        graph.insert_node(at, &name, Op::Mul, &inputs).map_err(|source| RewriteError { node: name, source })?;
    graph.nodes[at + 1].inputs[input] = scaled;
    Ok(())
}
