//! What each pass did to a graph's cost.

use crate::ir::{Cost, Graph};
use crate::passes::{BUILD, Changed, Observer};
use serde::Serialize;
use std::cell::RefCell;

/// A graph's cost after a pass that changed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The graph; `chunk` is the body of a fused graph's scan.
    pub graph: String,
    /// The pass; `build` before the first.
    pub pass: String,
    /// Places it rewrote.
    pub rewrites: usize,
    /// Nodes after it.
    pub nodes: usize,
    /// The cost after it.
    pub cost: Cost,
}

/// Writes down each step, and lets another observer see it.
pub(crate) struct Tally<'a> {
    other: &'a dyn Observer,
    steps: RefCell<Vec<Step>>,
}

impl<'a> Tally<'a> {
    pub(crate) fn beside(other: &'a dyn Observer) -> Self {
        Self { other, steps: RefCell::default() }
    }

    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.steps.into_inner()
    }
}

impl Observer for Tally<'_> {
    fn after(&self, graph: &Graph, step: usize, pass: &str, changed: Changed) {
        self.other.after(graph, step, pass, changed);
        if pass != BUILD && changed == Changed(0) {
            return;
        }
        let (graph_name, pass, nodes) = (graph.name.clone(), pass.to_owned(), graph.nodes.len());
        let step = Step { graph: graph_name, pass, rewrites: changed.0, nodes, cost: Cost::of(graph) };
        self.steps.borrow_mut().push(step);
    }
}
