//! The passes that know the model, each on the smallest graph that it rewrites.

use super::tests::{after, wave};
use super::*;
use crate::ir::{Constant, Dim, Dtype, Fact, Op, ValueId};
use insta::assert_snapshot;

fn input(graph: &mut Graph, name: &str, shape: &[usize]) -> ValueId {
    graph.add_input(name, Fact::fixed(Dtype::F32, shape))
}

fn constant(graph: &mut Graph, name: &str, shape: &[usize]) -> ValueId {
    let data = wave(shape.iter().product(), 0.5 + name.len() as f32 / 10.0);
    graph.add_constant(name, Constant::f32(shape, data).unwrap())
}

fn reshape(graph: &mut Graph, name: &str, x: ValueId, shape: &[usize]) -> ValueId {
    let shape = shape.iter().copied().map(Dim::Fixed).collect();
    graph.add_node(name, Op::Reshape { shape }, &[x]).unwrap()
}

#[test]
fn pushes_a_pick_up_to_what_others_read() {
    let mut g = Graph::new("tiny");
    let x = input(&mut g, "x", &[1, 3, 2]);
    let weight = constant(&mut g, "w", &[2, 2]);
    let bias = constant(&mut g, "bias", &[2]);
    let product = g.add_node("/product", Op::MatMul, &[x, weight]).unwrap();
    let sum = g.add_node("/sum", Op::Add, &[product, bias]).unwrap();
    let residual = g.add_node("/residual", Op::Add, &[x, sum]).unwrap();
    let first = g.add_constant("first", Constant::ints(vec![0]));
    g.output = g.add_node("/answer", Op::Gather { axis: 1 }, &[residual, first]).unwrap();
    assert_snapshot!(after(&PushPickUp, g, 1e-6), @r"
    3 changed
    graph tiny
      %x = input f32[1,3,2]
      %w = constant f32[2,2] [0.107417755, 0.5715457, -0.25469887, -0.5059126]
      %bias = constant f32[2] [0.24005829, 0.8292337]
      %first = constant i32[1] [0]
      %/product/pick0 = Gather{axis=1}(%x, %first) f32[1,1,2]
      %/product = MatMul(%/product/pick0, %w) f32[1,1,2]
      %/sum = Add(%/product, %bias) f32[1,1,2]
      %/residual/pick0 = Gather{axis=1}(%x, %first) f32[1,1,2]
      %/residual = Add(%/residual/pick0, %/sum) f32[1,1,2]
      return %/residual
    ");
}

#[test]
fn a_pick_stays_below_what_is_read_whole() {
    let mut g = Graph::new("tiny");
    let x = input(&mut g, "x", &[1, 3, 2]);
    let erf = g.add_node("/erf", Op::Erf, &[x]).unwrap();
    let first = g.add_constant("first", Constant::ints(vec![0]));
    let picked = g.add_node("/answer", Op::Gather { axis: 1 }, &[erf, first]).unwrap();
    g.output = g.add_node("/both", Op::Add, &[erf, picked]).unwrap();
    assert_eq!(PushPickUp.run(&mut g).unwrap(), Changed(0));
}

/// One head of attention over [1, 2, 2], its scores scaled, and the linear layer behind it.
fn attention() -> Graph {
    let mut g = Graph::new("tiny");
    let x = input(&mut g, "x", &[1, 2, 2]);
    let [query, key, value] = ["q", "k", "v"].map(|part| {
        let weight = constant(&mut g, &format!("{part}.weight"), &[2, 2]);
        let bias = constant(&mut g, &format!("{part}.bias.."), &[2]);
        let product = g.add_node(&format!("/{part}/product"), Op::MatMul, &[x, weight]).unwrap();
        g.add_node(&format!("/{part}"), Op::Add, &[product, bias]).unwrap()
    });
    let turned = g.add_node("/k/turned", Op::Transpose { perm: vec![0, 2, 1] }, &[key]).unwrap();
    let scores = g.add_node("/scores", Op::MatMul, &[query, turned]).unwrap();
    let mask = constant(&mut g, "mask", &[1, 1, 2]);
    let masked = g.add_node("/masked", Op::Add, &[scores, mask]).unwrap();
    let shares = g.add_node("/shares", Op::Softmax, &[masked]).unwrap();
    let mixed = g.add_node("/mixed", Op::MatMul, &[shares, value]).unwrap();
    let joined = reshape(&mut g, "/joined", mixed, &[2, 2]);
    let (weight, bias) = (constant(&mut g, "out.weight", &[2, 2]), constant(&mut g, "out.bias", &[2]));
    let product = g.add_node("/out/product", Op::MatMul, &[joined, weight]).unwrap();
    g.output = g.add_node("/out", Op::Add, &[product, bias]).unwrap();
    g
}

#[test]
fn absorbs_the_biases_of_keys_and_values() {
    assert_snapshot!(after(&AbsorbAttentionBiases, attention(), 1e-6), @r"
    2 changed
    graph tiny
      %x = input f32[1,2,2]
      %q.weight = constant f32[2,2] [0.49424493, 1.1286788, -0.78509325, -0.9263689]
      %q.bias.. = constant f32[2] [0.49424493, 1.1286788]
      %k.weight = constant f32[2,2] [0.49424493, 1.1286788, -0.78509325, -0.9263689]
      %k.bias.. = constant f32[2] [0.49424493, 1.1286788]
      %v.weight = constant f32[2,2] [0.49424493, 1.1286788, -0.78509325, -0.9263689]
      %v.bias.. = constant f32[2] [0.49424493, 1.1286788]
      %mask = constant f32[1,1,2] [0.24005829, 0.8292337]
      %out.weight = constant f32[2,2] [0.6524483, 1.2553481, -0.97593784, -1.0038595]
      %out.bias = constant f32[2] [0.49424493, 1.1286788]
      %/out/absorbed = constant f32[2] [-0.28480616, 0.6160933]
      %/q/product = MatMul(%x, %q.weight) f32[1,2,2]
      %/q = Add(%/q/product, %q.bias..) f32[1,2,2]
      %/k/product = MatMul(%x, %k.weight) f32[1,2,2]
      %/v/product = MatMul(%x, %v.weight) f32[1,2,2]
      %/k/turned = Transpose{perm=[0,2,1]}(%/k/product) f32[1,2,2]
      %/scores = MatMul(%/q, %/k/turned) f32[1,2,2]
      %/masked = Add(%/scores, %mask) f32[1,2,2]
      %/shares = Softmax(%/masked) f32[1,2,2]
      %/mixed = MatMul(%/shares, %/v/product) f32[1,2,2]
      %/joined = Reshape{shape=[2,2]}(%/mixed) f32[2,2]
      %/out/product = MatMul(%/joined, %out.weight) f32[2,2]
      %/out = Add(%/out/product, %/out/absorbed) f32[2,2]
      return %/out
    ");
}

/// Tokens of three values on two places, normalised and multiplied twice.
fn embedding(epsilon: f32) -> Graph {
    let mut g = Graph::new("tiny");
    let ids = g.add_input("ids", Fact::fixed(Dtype::I32, &[2, 2]));
    let (table, places) = (constant(&mut g, "table", &[3, 4]), constant(&mut g, "places", &[1, 2, 4]));
    let looked_up = g.add_node("/lookup", Op::Gather { axis: 0 }, &[table, ids]).unwrap();
    let x = g.add_node("/x", Op::Add, &[looked_up, places]).unwrap();
    let (gain, shift) = (constant(&mut g, "gain", &[4]), constant(&mut g, "shift", &[4]));
    let norm = g.add_node("/norm", Op::LayerNormalization { epsilon }, &[x, gain, shift]).unwrap();
    let (one, two) = (constant(&mut g, "one", &[4, 2]), constant(&mut g, "other", &[4, 2]));
    let one = g.add_node("/one", Op::MatMul, &[norm, one]).unwrap();
    let two = g.add_node("/two", Op::MatMul, &[norm, two]).unwrap();
    g.output = g.add_node("/sum", Op::Add, &[one, two]).unwrap();
    g
}

#[test]
fn tabulates_products_of_a_normed_embedding() {
    assert_snapshot!(after(&TabulateFirstProjection, embedding(1e-5), 1e-5), @r"
    2 changed
    graph tiny
      %ids = input i32[2,2]
      %table = constant f32[3,4]
      %places = constant f32[1,2,4]
      %gain = constant f32[4] [0.24005829, 0.8292337, -0.45374274, -0.712309]
      %shift = constant f32[4] [0.29552022, 0.9092974, -0.5298362, -0.77276415]
      %one = constant f32[4,2]
      %other = constant f32[4,2]
      %/norm/scale/length = constant i32[] [2]
      %/norm/scale/place = constant i32[2] [0, 1]
      %/norm/scale/table = constant f32[6]
      %/one/table/bytes = constant f32[3,2]
      %/one/table/places = constant f32[1,2,2] [-0.5463523, -0.52927047, -0.08777261, -0.034948688]
      %/one/table/shift = constant f32[2] [-0.057339657, -0.3807514]
      %/two/table/bytes = constant f32[3,2]
      %/two/table/places = constant f32[1,2,2] [-0.72703713, -0.6139468, -0.11301461, -0.036632553]
      %/two/table/shift = constant f32[2] [-0.10088308, -0.46704066]
      %/lookup = Gather{axis=0}(%table, %ids) f32[2,2,4]
      %/x = Add(%/lookup, %places) f32[2,2,4]
      %/norm/scale/row = Mul(%ids, %/norm/scale/length) i32[2,2]
      %/norm/scale/index = Add(%/norm/scale/row, %/norm/scale/place) i32[2,2]
      %/norm/scale/picked = Gather{axis=0}(%/norm/scale/table, %/norm/scale/index) f32[2,2]
      %/norm/scale/tokens = Reshape{shape=[2,2,1]}(%/norm/scale/picked) f32[2,2,1]
      %/norm = LayerNormalization{epsilon=1e-5}(%/x, %gain, %shift) f32[2,2,4]
      %/one/table/lookup = Gather{axis=0}(%/one/table/bytes, %ids) f32[2,2,2]
      %/one/table/sum = Add(%/one/table/lookup, %/one/table/places) f32[2,2,2]
      %/one/table/scaled = Mul(%/one/table/sum, %/norm/scale/tokens) f32[2,2,2]
      %/one/table/shifted = Add(%/one/table/scaled, %/one/table/shift) f32[2,2,2]
      %/two/table/lookup = Gather{axis=0}(%/two/table/bytes, %ids) f32[2,2,2]
      %/two/table/sum = Add(%/two/table/lookup, %/two/table/places) f32[2,2,2]
      %/two/table/scaled = Mul(%/two/table/sum, %/norm/scale/tokens) f32[2,2,2]
      %/two/table/shifted = Add(%/two/table/scaled, %/two/table/shift) f32[2,2,2]
      %/sum = Add(%/one/table/shifted, %/two/table/shifted) f32[2,2,2]
      return %/sum
    ");
    // Where epsilon is not small beside the variance, it is still in the right place.
    after(&TabulateFirstProjection, embedding(0.5), 1e-5);
}

#[test]
fn sums_of_tables_are_not_tabulated() {
    let mut g = Graph::new("tiny");
    let [ids, others] = ["ids", "others"].map(|name| g.add_input(name, Fact::fixed(Dtype::I32, &[2, 2])));
    let (table, places) = (constant(&mut g, "table", &[6, 4]), constant(&mut g, "places", &[1, 2, 4]));
    let [one, two] = [("/one", ids), ("/two", others)]
        .map(|(name, ids)| g.add_node(name, Op::Gather { axis: 0 }, &[table, ids]).unwrap());
    let patches = g.add_node("/patches", Op::Add, &[one, two]).unwrap();
    let x = g.add_node("/x", Op::Add, &[patches, places]).unwrap();
    let (gain, shift) = (constant(&mut g, "gain", &[4]), constant(&mut g, "shift", &[4]));
    let norm = g.add_node("/norm", Op::LayerNormalization { epsilon: 1e-5 }, &[x, gain, shift]).unwrap();
    let weight = constant(&mut g, "one", &[4, 2]);
    g.output = g.add_node("/product", Op::MatMul, &[norm, weight]).unwrap();
    assert_eq!(TabulateFirstProjection.run(&mut g).unwrap(), Changed(0));
}

/// A mixer of `rows` behind a feed-forward and its residual, some tokens padding.
fn mixer(rows: usize) -> Graph {
    let mut g = Graph::new("tiny");
    let (x, hidden) = (input(&mut g, "x", &[2, 6, 4]), input(&mut g, "hidden", &[2, 6, 3]));
    let real = constant(&mut g, "real", &[2, 6, 1]);
    let (down, bias) = (constant(&mut g, "down", &[3, 4]), constant(&mut g, "down.bias", &[4]));
    let weights = constant(&mut g, "mixer", &[rows, 6]);
    let product = g.add_node("/down/product", Op::MatMul, &[hidden, down]).unwrap();
    let fed = g.add_node("/down", Op::Add, &[product, bias]).unwrap();
    let sum = g.add_node("/residual", Op::Add, &[x, fed]).unwrap();
    let zeroed = g.add_node("/zeroed", Op::Mul, &[sum, real]).unwrap();
    g.output = g.add_node("/mixed", Op::MatMul, &[weights, zeroed]).unwrap();
    // A graph's output keeps its name; the mixer is inside.
    g.output = g.add_node("/out", Op::Erf, &[g.output]).unwrap();
    g
}

#[test]
fn pushes_the_mixer_through_the_feed_forward() {
    assert_snapshot!(after(&PushMixerThroughFeedForward, mixer(2), 1e-5), @r"
    1 changed
    graph tiny
      %x = input f32[2,6,4]
      %hidden = input f32[2,6,3]
      %real = constant f32[2,6,1]
      %down = constant f32[3,4]
      %down.bias = constant f32[4] [0.5708647, 1.1941166, -0.8785755, -0.967717]
      %mixer = constant f32[2,6]
      %/down/product = MatMul(%hidden, %down) f32[2,6,4]
      %/down = Add(%/down/product, %down.bias) f32[2,6,4]
      %/residual = Add(%x, %/down) f32[2,6,4]
      %/zeroed = Mul(%/residual, %real) f32[2,6,4]
      %/mixed/pushed/real = Reshape{shape=[2,1,6]}(%real) f32[2,1,6]
      %/mixed/pushed/weights = Reshape{shape=[1,2,6]}(%mixer) f32[1,2,6]
      %/mixed/pushed/mixer = Mul(%/mixed/pushed/weights, %/mixed/pushed/real) f32[2,2,6]
      %/mixed/pushed/residual = MatMul(%/mixed/pushed/mixer, %x) f32[2,2,4]
      %/mixed/pushed/hidden = MatMul(%/mixed/pushed/mixer, %hidden) f32[2,2,3]
      %/mixed/pushed/down = MatMul(%/mixed/pushed/hidden, %down) f32[2,2,4]
      %/mixed/pushed/weight = ReduceSum{axis=2}(%/mixed/pushed/mixer) f32[2,2]
      %/mixed/pushed/weight/column = Reshape{shape=[2,2,1]}(%/mixed/pushed/weight) f32[2,2,1]
      %/mixed/pushed/bias/row = Reshape{shape=[1,1,4]}(%down.bias) f32[1,1,4]
      %/mixed/pushed/bias = Mul(%/mixed/pushed/weight/column, %/mixed/pushed/bias/row) f32[2,2,4]
      %/mixed/pushed/biased = Add(%/mixed/pushed/down, %/mixed/pushed/bias) f32[2,2,4]
      %/mixed/pushed/mixed = Add(%/mixed/pushed/residual, %/mixed/pushed/biased) f32[2,2,4]
      %/out = Erf(%/mixed/pushed/mixed) f32[2,2,4]
      return %/out
    ");
}

#[test]
fn a_mixer_that_saves_nothing_stays_behind() {
    assert_eq!(PushMixerThroughFeedForward.run(&mut mixer(3)).unwrap(), Changed(0));
}

#[test]
fn narrows_products() {
    let mut g = Graph::new("tiny");
    let x = input(&mut g, "x", &[2, 64]);
    let weights = constant(&mut g, "w", &[64, 64]);
    let product = g.add_node("/product", Op::MatMul, &[x, weights]).unwrap();
    let small = constant(&mut g, "small", &[64, 2]);
    let small = g.add_node("/small", Op::MatMul, &[product, small]).unwrap();
    g.output = g.add_node("/out", Op::Erf, &[small]).unwrap();
    assert_snapshot!(after(&QuantizeProducts, g.clone(), 0.2), @r"
    1 changed
    graph tiny
      %x = input f32[2,64]
      %w = constant f32[64,64]
      %small = constant f32[64,2]
      %/product/weights = constant i8[64,64]
      %/product/weights/scales = constant f32[64]
      %/product = QuantizedMatMul(%x, %/product/weights, %/product/weights/scales) f32[2,64]
      %/small = MatMul(%/product, %small) f32[2,2]
      %/out = Erf(%/small) f32[2,2]
      return %/out
    ");
    assert_snapshot!(after(&HalveProducts { to: Dtype::F16 }, g, 0.01), @r"
    2 changed
    graph tiny
      %x = input f32[2,64]
      %w = constant f32[64,64]
      %small = constant f32[64,2]
      %/product/half/left = Cast{to=f16}(%x) f16[2,64]
      %/product/half/right = Cast{to=f16}(%w) f16[64,64]
      %/product/half/product = MatMul(%/product/half/left, %/product/half/right) f16[2,64]
      %/product/half/float = Cast{to=f32}(%/product/half/product) f32[2,64]
      %/small/half/left = Cast{to=f16}(%/product/half/float) f16[2,64]
      %/small/half/right = Cast{to=f16}(%small) f16[64,2]
      %/small/half/product = MatMul(%/small/half/left, %/small/half/right) f16[2,2]
      %/small/half/float = Cast{to=f32}(%/small/half/product) f32[2,2]
      %/out = Erf(%/small/half/float) f32[2,2]
      return %/out
    ");
}

/// `x W + b`, as a head makes logits, of weights that are worth quantising.
fn head() -> Graph {
    let mut g = Graph::new("tiny");
    let x = input(&mut g, "x", &[2, 64]);
    let weights = constant(&mut g, "w", &[64, 64]);
    let product = g.add_node("/product", Op::MatMul, &[x, weights]).unwrap();
    let bias = constant(&mut g, "b", &[64]);
    g.output = g.add_node("/out", Op::Add, &[product, bias]).unwrap();
    g
}

#[test]
fn the_product_that_makes_the_output_keeps_its_width() {
    for to in [Dtype::F16, Dtype::BF16] {
        assert_eq!(HalveProducts { to }.run(&mut head()).unwrap(), Changed(0));
    }
}

#[test]
fn quantises_by_the_ranges_that_were_measured() {
    let ranges = |product: &str| Ranges::from_iter([(product.to_owned(), 2.54)]);
    let other = QuantizeStatically { ranges: ranges("/other") };
    assert_eq!(other.run(&mut head()).unwrap(), Changed(0));
    let text = after(&QuantizeStatically { ranges: ranges("/product") }, head(), 0.2);
    for line in [
        "%/product/quantized/scale = constant f32[] [0.02]",
        "%/product/quantized/zero_point = constant i8[] [0]",
        "%/product/quantized/weights = constant i8[64,64]",
        "%/product/quantized/weights/scales = constant f32[64]",
        "%/product/quantized/x = QuantizeLinear(%x, ",
        "DequantizeLinear{axis=1}(%/product/quantized/weights, ",
        "%/product = MatMul(%/product/quantized/x/float, %/product/quantized/weights/float) f32[2,64]",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn products_of_bfloat16_are_widened_for_the_proof() {
    let mut g = head();
    g.output = g.add_node("/last", Op::Erf, &[g.output]).unwrap();
    assert_eq!(HalveProducts { to: Dtype::BF16 }.run(&mut g).unwrap(), Changed(1));
    assert_eq!(WidenProducts.run(&mut g).unwrap(), Changed(1));
    crate::verify_ir::verify(&g).unwrap();
    let text = g.to_string();
    assert!(
        text.contains("wide/product = MatMul(") && text.contains("Cast{to=bf16}(%/product/half/product/wide/product)"),
        "{text}"
    );
    assert_eq!(WidenProducts.run(&mut g).unwrap(), Changed(0));
}
