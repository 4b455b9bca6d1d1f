//! The text form of a graph, for people and for snapshots: one line per value, in the order it is computed.
use super::{Constant, Data, Graph, Value, ValueId};
use std::fmt;

/// Constants of at most this many elements are printed whole.
const SHOWN: usize = 4;

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {}", self.name)?;
        for value in self.inputs.iter().filter_map(|id| self.value(*id)) {
            writeln!(f, "  %{} = input {}", value.name, value.fact)?;
        }
        for value in self.values() {
            if let Some(constant) = &value.constant {
                writeln!(f, "  %{} = constant {}{}", value.name, value.fact, elements(constant))?;
            }
        }
        for node in &self.nodes {
            let inputs: Vec<String> = node.inputs.iter().map(|id| reference(self, *id)).collect();
            let fact = self.value(node.output).map_or("?".to_owned(), |value| value.fact.to_string());
            writeln!(f, "  {} = {}({}) {fact}", reference(self, node.output), node.op, inputs.join(", "))?;
        }
        writeln!(f, "  return {}", reference(self, self.output))?;
        self.bodies().try_for_each(|body| body.fmt(f))
    }
}

fn reference(graph: &Graph, id: ValueId) -> String {
    graph.value(id).map_or_else(|| "%?".to_owned(), |value: &Value| format!("%{}", value.name))
}

fn elements(constant: &Constant) -> String {
    if constant.len() > SHOWN {
        return String::new();
    }
    match constant.data() {
        Data::F32(data) => format!(" {data:?}"),
        Data::F16(data) => format!(" {data:?}"),
        Data::BF16(data) => format!(" {data:?}"),
        Data::I8(data) => format!(" {data:?}"),
        Data::I32(data) => format!(" {data:?}"),
    }
}
