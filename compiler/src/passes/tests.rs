use super::*;
use crate::emit::emit;
use crate::ir::{Constant, Dim, Dtype, Fact, Op, ValueId};
use insta::assert_snapshot;
use tempest_engine::{GraphIo, Input, LoadOptions, Port, engine};

/// `x W + b` with x [2, 2], in a graph whose output the caller sets.
fn linear() -> (Graph, ValueId) {
    let mut g = Graph::new("tiny");
    let x = g.add_input("x", Fact::fixed(Dtype::F32, &[2, 2]));
    let weight = g.add_constant("w", Constant::f32(&[2, 2], [1.0, 2.0, 3.0, 4.0]).unwrap());
    let bias = g.add_constant("b", Constant::floats(vec![0.5, -0.5]));
    let product = g.add_node("/product", Op::MatMul, &[x, weight]).unwrap();
    let sum = g.add_node("/sum", Op::Add, &[product, bias]).unwrap();
    (g, sum)
}

/// What tract makes of the graph for fixed inputs, as it is: floats of -2..2, integers of 0..3.
fn run_graph(graph: &Graph) -> Vec<f32> {
    let port = |id: ValueId| {
        let value = graph.value(id).unwrap();
        let shape = value.fact.sizes().unwrap().into_iter().map(tempest_engine::Dim::Fixed).collect();
        let dtype =
            if value.fact.dtype == Dtype::I32 { tempest_engine::Dtype::I32 } else { tempest_engine::Dtype::F32 };
        Port { name: value.name.clone(), dtype, shape }
    };
    let io = GraphIo { inputs: graph.inputs.iter().copied().map(port).collect(), output: port(graph.output) };
    let mut session = engine("tract").unwrap().load(&emit(graph, &[]), &io, &LoadOptions::default()).unwrap();
    let mut out = vec![0.0; session.io().output.elements().unwrap()];
    let count = |port: &Port| port.elements().unwrap();
    let floats: Vec<Vec<f32>> = io.inputs.iter().map(|port| wave(count(port), 2.0)).collect();
    let ints: Vec<Vec<i32>> =
        io.inputs.iter().map(|port| (0..count(port) as i32).map(|i| i * i % 3).collect()).collect();
    let inputs = io.inputs.iter().zip(floats.iter().zip(&ints)).map(|(port, (floats, ints))| match port.dtype {
        tempest_engine::Dtype::I32 => Input::I32(ints),
        tempest_engine::Dtype::F32 => Input::F32(floats),
    });
    session.run(&inputs.collect::<Vec<_>>(), &mut out).unwrap();
    out
}

/// Numbers that look like none of each other.
pub(super) fn wave(count: usize, height: f32) -> Vec<f32> {
    (0..count).map(|index| height * (1.7 * index as f32 + 0.3 * height).sin()).collect()
}

/// Runs one pass and gives the graph as text, having checked it and what it computes.
pub(super) fn after(pass: &dyn Pass, mut graph: Graph, tolerance: f32) -> String {
    verify(&graph).unwrap();
    let before = run_graph(&graph);
    let Changed(count) = pass.run(&mut graph).unwrap();
    verify(&graph).unwrap();
    for (old, new) in before.iter().zip(run_graph(&graph)) {
        assert!((old - new).abs() <= tolerance, "{old} became {new}:\n{graph}");
    }
    assert_eq!(pass.run(&mut graph.clone()).unwrap(), Changed(0), "the pass does not settle:\n{graph}");
    format!("{count} changed\n{graph}")
}

#[test]
fn folds_constants() {
    let (mut g, _) = linear();
    let (x, weight) = (g.inputs[0], g.nodes[0].inputs[1]);
    let turned = g.add_node("/turned", Op::Transpose { perm: vec![1, 0] }, &[weight]).unwrap();
    g.output = g.add_node("/y", Op::MatMul, &[x, turned]).unwrap();
    assert_snapshot!(after(&FoldConstants, g, 0.0), @r"
    1 changed
    graph tiny
      %x = input f32[2,2]
      %w = constant f32[2,2] [1.0, 2.0, 3.0, 4.0]
      %b = constant f32[2] [0.5, -0.5]
      %/turned = constant f32[2,2] [1.0, 3.0, 2.0, 4.0]
      %/product = MatMul(%x, %w) f32[2,2]
      %/sum = Add(%/product, %b) f32[2,2]
      %/y = MatMul(%x, %/turned) f32[2,2]
      return %/y
    ");
}

#[test]
fn does_not_fold_what_would_blow_up_the_file() {
    let mut g = Graph::new("large");
    let row = g.add_constant("row", Constant::f32(&[1, 1024], vec![0.0; 1024]).unwrap());
    let column = g.add_constant("column", Constant::f32(&[1024, 1], vec![0.0; 1024]).unwrap());
    let table = g.add_node("/table", Op::Add, &[row, column]).unwrap();
    g.output = g.add_node("/out", Op::Erf, &[table]).unwrap();
    assert_eq!(FoldConstants.run(&mut g).unwrap(), Changed(0));
}

#[test]
fn folds_a_norms_scale_and_bias_into_what_reads_it() {
    let mut g = Graph::new("tiny");
    let x = g.add_input("x", Fact::fixed(Dtype::F32, &[2, 3]));
    let scale = g.add_constant("scale", Constant::floats(vec![2.0, 0.5, -1.0]));
    let shift = g.add_constant("shift", Constant::floats(vec![0.25, -4.0, 1.0]));
    let norm = g.add_node("/norm", Op::LayerNormalization { epsilon: 1e-5 }, &[x, scale, shift]).unwrap();
    let mut linear = |name: &str, seed: f32| {
        let weights = g.add_constant(&format!("{name}.w"), Constant::f32(&[3, 2], wave(6, seed)).unwrap());
        let bias = g.add_constant(&format!("{name}.b"), Constant::floats(vec![0.5, seed]));
        let product = g.add_node(&format!("/{name}/product"), Op::MatMul, &[norm, weights]).unwrap();
        g.add_node(&format!("/{name}/sum"), Op::Add, &[bias, product]).unwrap()
    };
    let (a, b) = (linear("a", 1.0), linear("b", 2.0));
    g.output = g.add_node("/y", Op::Mul, &[a, b]).unwrap();
    let folded = after(&FoldNorms, g.clone(), 1e-5);
    assert!(folded.starts_with("1 changed"), "{folded}");
    assert!(folded.contains("%/norm = LayerNormalization{epsilon=1e-5}(%x, %/norm/one, %/norm/zero)"), "{folded}");
    assert!(folded.contains("%/b/product = MatMul(%/norm, %/b/product/normed)"), "{folded}");

    // Another reader wants the scale.
    let act = g.add_node("/act", Op::Erf, &[norm]).unwrap();
    let joined = g.add_node("/joined", Op::Concat { axis: 1 }, &[g.output, act]).unwrap();
    g.output = joined;
    assert_eq!(FoldNorms.run(&mut g).unwrap(), Changed(0));
}

#[test]
fn folds_a_scale_through_what_moves_elements() {
    let (mut g, sum) = linear();
    let cut = g.add_node("/cut", Op::Reshape { shape: [1, 2, 2].map(Dim::Fixed).to_vec() }, &[sum]).unwrap();
    let turned = g.add_node("/turned", Op::Transpose { perm: vec![0, 2, 1] }, &[cut]).unwrap();
    let x = g.inputs[0];
    let scores = g.add_node("/scores", Op::MatMul, &[turned, x]).unwrap();
    let factor = g.add_constant("factor", Constant::scalar(0.3));
    let scaled = g.add_node("/scaled", Op::Mul, &[scores, factor]).unwrap();
    g.output = g.add_node("/out", Op::Erf, &[scaled]).unwrap();
    assert_snapshot!(after(&FoldScale, g, 1e-6), @r"
    1 changed
    graph tiny
      %x = input f32[2,2]
      %w = constant f32[2,2] [1.0, 2.0, 3.0, 4.0]
      %b = constant f32[2] [0.5, -0.5]
      %factor = constant f32[] [0.3]
      %/product/scaled = Mul(%w, %factor) f32[2,2]
      %/product = MatMul(%x, %/product/scaled) f32[2,2]
      %/sum/scaled = Mul(%b, %factor) f32[2]
      %/sum = Add(%/product, %/sum/scaled) f32[2,2]
      %/cut = Reshape{shape=[1,2,2]}(%/sum) f32[1,2,2]
      %/turned = Transpose{perm=[0,2,1]}(%/cut) f32[1,2,2]
      %/scores = MatMul(%/turned, %x) f32[1,2,2]
      %/out = Erf(%/scores) f32[1,2,2]
      return %/out
    ");
}

#[test]
fn does_not_fold_a_scale_where_the_unscaled_value_is_read_too() {
    let (mut g, sum) = linear();
    let factor = g.add_constant("factor", Constant::scalar(0.3));
    let scaled = g.add_node("/scaled", Op::Mul, &[sum, factor]).unwrap();
    g.output = g.add_node("/out", Op::Add, &[scaled, sum]).unwrap();
    assert_eq!(FoldScale.run(&mut g).unwrap(), Changed(0));
}

#[test]
fn does_not_fold_a_scale_per_element() {
    let (mut g, sum) = linear();
    let factor = g.add_constant("factor", Constant::floats(vec![0.3, 0.4]));
    let scaled = g.add_node("/scaled", Op::Mul, &[sum, factor]).unwrap();
    g.output = g.add_node("/out", Op::Erf, &[scaled]).unwrap();
    assert_eq!(FoldScale.run(&mut g).unwrap(), Changed(0));
}

#[test]
fn eliminates_common_subexpressions() {
    let (mut g, sum) = linear();
    let [one, also_one] = ["one", "also_one"].map(|name| g.add_constant(name, Constant::scalar(1.0)));
    let [a, b] = [("/a", one), ("/b", also_one)].map(|(name, one)| g.add_node(name, Op::Add, &[sum, one]).unwrap());
    g.output = g.add_node("/out", Op::Mul, &[a, b]).unwrap();
    assert_snapshot!(after(&EliminateCommonSubexpressions, g, 0.0), @r"
    2 changed
    graph tiny
      %x = input f32[2,2]
      %w = constant f32[2,2] [1.0, 2.0, 3.0, 4.0]
      %b = constant f32[2] [0.5, -0.5]
      %one = constant f32[] [1.0]
      %also_one = constant f32[] [1.0]
      %/product = MatMul(%x, %w) f32[2,2]
      %/sum = Add(%/product, %b) f32[2,2]
      %/a = Add(%/sum, %one) f32[2,2]
      %/b = Add(%/sum, %one) f32[2,2]
      %/out = Mul(%/a, %/a) f32[2,2]
      return %/out
    ");
}

#[test]
fn tells_zero_from_minus_zero() {
    let (mut g, sum) = linear();
    let [plus, minus] = [("plus", 0.0), ("minus", -0.0)].map(|(name, x)| g.add_constant(name, Constant::scalar(x)));
    let a = g.add_node("/a", Op::Mul, &[sum, plus]).unwrap();
    g.output = g.add_node("/out", Op::Add, &[a, minus]).unwrap();
    assert_eq!(EliminateCommonSubexpressions.run(&mut g).unwrap(), Changed(0));
}

#[test]
fn eliminates_dead_nodes() {
    let (mut g, sum) = linear();
    let two = g.add_constant("two", Constant::scalar(2.0));
    let dead = g.add_node("/dead", Op::Mul, &[sum, two]).unwrap();
    g.add_node("/deader", Op::Erf, &[dead]).unwrap();
    g.output = g.add_node("/out", Op::Erf, &[sum]).unwrap();
    assert_snapshot!(after(&EliminateDeadNodes, g, 0.0), @r"
    3 changed
    graph tiny
      %x = input f32[2,2]
      %w = constant f32[2,2] [1.0, 2.0, 3.0, 4.0]
      %b = constant f32[2] [0.5, -0.5]
      %/product = MatMul(%x, %w) f32[2,2]
      %/sum = Add(%/product, %b) f32[2,2]
      %/out = Erf(%/sum) f32[2,2]
      return %/out
    ");
}

/// Reports a change for ever.
struct Restless;

impl Pass for Restless {
    fn name(&self) -> &'static str {
        "Restless"
    }

    fn run(&self, _: &mut Graph) -> Result<Changed, RewriteError> {
        Ok(Changed(1))
    }
}

/// Drops the last node.
struct Butcher;

impl Pass for Butcher {
    fn name(&self) -> &'static str {
        "Butcher"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        graph.nodes.pop();
        Ok(Changed(1))
    }
}

#[test]
fn a_pass_that_never_settles_or_breaks_the_graph_is_named() {
    let run_list = |pass: Box<dyn Pass>| {
        let (mut g, sum) = linear();
        g.output = sum;
        run(&mut g, &[vec![Box::new(FoldConstants), pass]], None, &Silent).unwrap_err().to_string()
    };
    assert_eq!(run_list(Box::new(Restless)), "tiny: still changing after 16 rounds: Restless; this is a bug");
    assert_eq!(
        run_list(Box::new(Butcher)),
        "tiny >> Butcher (step 2): the output is computed by no node; this is a bug"
    );
}

#[test]
fn stops_after_as_many_passes_as_asked() {
    let (mut g, sum) = linear();
    g.output = sum;
    assert_eq!(run(&mut g.clone(), &stages(Precision::Fp32, None), Some(3), &Silent).unwrap(), 3);
    assert_eq!(run(&mut g, &stages(Precision::Fp32, None), None, &Silent).unwrap(), 9);
}
