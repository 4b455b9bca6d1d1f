use super::{Changed, Pass, RewriteError};
use crate::ir::{Constant, Graph, Op, ValueId};
use std::collections::HashMap;

/// `y = f(a), z = f(a) -> y = z = f(a)`, constants included: equal constants become the first of them.
///
/// On our graphs: the constants of every GELU and mask. Precondition: same op with the same fields on the same
/// inputs; constants equal in type, shape and every bit. Tolerance: bit-exact. The output of a graph is never
/// replaced, so that it keeps its name.
pub struct EliminateCommonSubexpressions;

impl Pass for EliminateCommonSubexpressions {
    fn name(&self) -> &'static str {
        "EliminateCommonSubexpressions"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let merged = merge_constants(graph) + merge_nodes(graph);
        Ok(Changed(merged))
    }
}

fn merge_constants(graph: &mut Graph) -> usize {
    let mut kept: HashMap<String, Vec<(ValueId, Constant)>> = HashMap::new();
    let mut merged = 0;
    for id in graph.ids() {
        let Some(constant) = graph.constant(id).filter(|_| graph.uses(id) > 0).cloned() else { continue };
        let alike = kept.entry(constant.fact().to_string()).or_default();
        match alike.iter().find(|(_, other)| other.same_bits(&constant)) {
            Some((first, _)) => {
                graph.replace(id, *first);
                merged += 1;
            }
            None => alike.push((id, constant)),
        }
    }
    merged
}

fn merge_nodes(graph: &mut Graph) -> usize {
    let mut kept: HashMap<(String, Vec<ValueId>), ValueId> = HashMap::new();
    let mut merged = 0;
    for at in 0..graph.nodes.len() {
        let node = &graph.nodes[at];
        let (output, key) = (node.output, (op_key(&node.op), node.inputs.clone()));
        match kept.get(&key) {
            Some(first) if output != graph.output && graph.uses(output) > 0 => {
                graph.replace(output, *first);
                merged += 1;
            }
            Some(_) => {}
            None => drop(kept.insert(key, output)),
        }
    }
    merged
}

/// Equal for ops that are equal, fields included.
fn op_key(op: &Op) -> String {
    op.to_string()
}
