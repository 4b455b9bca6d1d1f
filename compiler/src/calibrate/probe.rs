use super::CalibrateError;
use crate::emit::emit;
use crate::graphs::io;
use crate::ir::{Dim, Fact, Graph, Op, ValueId};
use crate::passes::{RewriteError, is_wide};
use std::collections::BTreeMap;
use std::ops::Range;
use tempest_engine::{Engine, Input, LoadOptions, Session};

/// Share of the elements whose magnitude a range covers in every run: one outlier in ten thousand is cut off.
const COVERED: f64 = 0.9999;

/// A graph at work whose output is joined from what its products multiply, and its own output behind.
pub(super) struct Probe {
    session: Box<dyn Session>,
    parts: Vec<Part>,
    out: Vec<f32>,
    /// The graph's own output.
    own: Range<usize>,
}

/// What some products multiply.
struct Part {
    /// Names of the products.
    products: Vec<String>,
    elements: Range<usize>,
    largest: f32,
}

impl Probe {
    /// `graph` is in float32 and of batch 1.
    pub(super) fn load(mut graph: Graph, engine: &dyn Engine) -> Result<Self, CalibrateError> {
        let (parts, own) = join(&mut graph)?;
        let session = engine.load(&emit(&graph, &[]), &io(&graph), &LoadOptions::default())?;
        Ok(Self { session, parts, out: vec![0.0; own.end], own })
    }

    /// One run; gives the graph's own output.
    pub(super) fn run(&mut self, inputs: &[Input<'_>]) -> Result<&[f32], CalibrateError> {
        self.session.run(inputs, &mut self.out)?;
        for part in &mut self.parts {
            part.largest = part.largest.max(magnitude(&self.out[part.elements.clone()]));
        }
        Ok(&self.out[self.own.clone()])
    }

    /// The largest magnitude of every run, by product.
    pub(super) fn into_ranges(self) -> impl Iterator<Item = (String, f32)> {
        self.parts.into_iter().flat_map(|part| part.products.into_iter().map(move |name| (name, part.largest)))
    }
}

/// The magnitude that [`COVERED`] of the values do not exceed.
fn magnitude(values: &[f32]) -> f32 {
    let mut magnitudes: Vec<f32> = values.iter().map(|value| value.abs()).collect();
    let at = (magnitudes.len().saturating_sub(1) as f64 * COVERED).ceil() as usize;
    if magnitudes.is_empty() { 0.0 } else { *magnitudes.select_nth_unstable_by(at, f32::total_cmp).1 }
}

/// Makes the graph's output one row: what its products multiply, each once, then what it was.
fn join(graph: &mut Graph) -> Result<(Vec<Part>, Range<usize>), RewriteError> {
    let mut products = BTreeMap::<ValueId, Vec<String>>::new();
    for node in graph.nodes.iter().filter(|node| is_wide(graph, node)) {
        products.entry(node.inputs[0]).or_default().push(node.name.clone());
    }
    let (mut parts, mut rows, mut end) = (vec![], vec![], 0);
    for (id, products) in products {
        let size = flatten(graph, id, &mut rows)?;
        parts.push(Part { products, elements: end..end + size, largest: 0.0 });
        end += size;
    }
    let size = flatten(graph, graph.output, &mut rows)?;
    graph.output = add(graph, "/probe", Op::Concat { axis: 1 }, &rows)?;
    Ok((parts, end..end + size))
}

/// Adds a value as a row; gives its elements.
fn flatten(graph: &mut Graph, id: ValueId, rows: &mut Vec<ValueId>) -> Result<usize, RewriteError> {
    let size = graph.value(id).and_then(|value| Fact::sizes(&value.fact)).map_or(0, |sizes| sizes.iter().product());
    let shape = vec![Dim::Fixed(1), Dim::Fixed(size)];
    rows.push(add(graph, &format!("/probe/{}", rows.len()), Op::Reshape { shape }, &[id])?);
    Ok(size)
}

fn add(graph: &mut Graph, name: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId, RewriteError> {
    graph.add_node(name, op, inputs).map_err(|source| RewriteError { node: name.to_owned(), source })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;
    use crate::ir::{Constant, Dtype};
    use tempest_engine::Tract;

    #[test]
    fn keeps_the_largest_magnitude_of_all_runs_and_passes_the_output_on() {
        let mut graph = Graph::new("tiny");
        let x = graph.add_input("x", Fact::fixed(Dtype::F32, &[1, 2]));
        let one = graph.add_constant("one", Constant::scalar(1.0));
        let above = graph.add_node("/above", Op::Add, &[x, one]).unwrap();
        let weights = graph.add_constant("w", Constant::f32(&[2, 2048], vec![1.0; 4096]).unwrap());
        graph.output = graph.add_node("/product", Op::MatMul, &[above, weights]).unwrap();
        let mut probe = Probe::load(graph, &Tract).unwrap();
        assert_eq!(probe.run(&[Input::F32(&[1.0, -6.0])]).unwrap(), [-3.0; 2048]);
        probe.run(&[Input::F32(&[2.0, 0.0])]).unwrap();
        assert_eq!(probe.into_ranges().collect::<Vec<_>>(), [("/product".to_owned(), 5.0)]);
    }

    #[test]
    fn one_outlier_in_many_is_cut_off() {
        let mut values = vec![1.0; 99_999];
        values.push(-50.0);
        assert_eq!(magnitude(&values), 1.0);
        assert_eq!(magnitude(&[0.5, -2.0]), 2.0);
        assert_eq!(magnitude(&[]), 0.0);
    }
}
