//! Every engine runs the same graphs to the same numbers, and refuses the same mistakes with the same errors.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod common;

use common::{Graph, engines, max_difference, noise, product};
use tempest_engine::{Dtype, Engine, Input, LoadOptions, Session};
use tract_onnx::pb::{AttributeProto, attribute_proto::AttributeType, tensor_proto::DataType};

const ONE: LoadOptions = LoadOptions { batch: 1, threads: 1 };

fn load(engine: &dyn Engine, graph: &Graph, batch: usize) -> Box<dyn Session> {
    engine.load(&graph.bytes(), &graph.io(), &LoadOptions { batch, threads: 1 }).unwrap()
}

fn run(session: &mut dyn Session, inputs: &[Input<'_>]) -> Vec<f32> {
    let mut out = vec![f32::NAN; session.io().output.elements().unwrap()];
    session.run(inputs, &mut out).unwrap();
    out
}

#[test]
fn a_product_is_exact() {
    for engine in engines() {
        let mut session = load(&*engine, &product(2), 7);
        assert_eq!(session.batch(), 2, "a fixed batch does not look at the option");
        let input = [1, 0, 0, 1, 1, 1];
        assert_eq!(run(&mut *session, &[Input::I32(&input)]), [1.0, 2.0, 9.0, 12.0], "{}", engine.name());
    }
}

#[test]
fn a_symbolic_batch_is_fixed_at_loading() {
    for engine in engines() {
        for batch in [1, 2, 5] {
            let mut session = load(&*engine, &product(0), batch);
            assert_eq!((session.batch(), session.io().is_symbolic()), (batch, false));
            assert_eq!(session.io().inputs[0].dims().unwrap(), [batch, 3]);
            let out = run(&mut *session, &[Input::I32(&[1, 0, 0].repeat(batch))]);
            assert_eq!(out, [1.0, 2.0].repeat(batch), "{}", engine.name());
        }
        let options = LoadOptions { batch: 0, threads: 1 };
        let error = engine.load(&product(0).bytes(), &product(0).io(), &options).err().unwrap();
        assert_eq!(error.to_string(), "port 'x': the batch asked for is 0");
    }
}

#[test]
fn arguments_that_do_not_fit_are_refused_and_the_session_goes_on() {
    for engine in engines() {
        let mut session = load(&*engine, &product(2), 1);
        let mut out = [f32::NAN; 4];
        let mut text = |inputs: &[Input<'_>], out: &mut [f32]| session.run(inputs, out).unwrap_err().to_string();
        let six = [0; 6];
        assert_eq!(text(&[], &mut out), "the graph takes 1 inputs, got 0");
        assert_eq!(text(&[Input::F32(&[0.0; 6])], &mut out), "input 'x' is i32, got f32");
        assert_eq!(text(&[Input::I32(&six[..5])], &mut out), "input 'x' [2, 3] takes 6 elements, got 5");
        assert_eq!(text(&[Input::I32(&six)], &mut [0.0; 3]), "output 'y' [2, 2] gives 4 elements, the buffer holds 3");
        assert!(out.iter().all(|value| value.is_nan()), "a refused run leaves the buffer alone");
        assert_eq!(run(&mut *session, &[Input::I32(&six)]), [0.0; 4]);
    }
}

/// Pre-norm attention over a masked sequence, as the compiler writes it: every op of a TEMPEST graph.
fn attention(batch: usize) -> Graph {
    let (length, dim, heads) = (5_i64, 6_i64, 2_i64);
    let [n, d] = [length as usize, dim as usize];
    let head = dim / heads;
    Graph::new()
        .input("tokens", Dtype::I32, &[batch, n])
        .input("length", Dtype::I32, &[batch])
        .floats("table", &[7, dim], &noise(7 * d, 1))
        .floats("gain", &[dim], &noise(d, 2))
        .floats("shift", &[dim], &noise(d, 3))
        .floats("qkv", &[dim, 3 * dim], &noise(3 * d * d, 4))
        .floats("positions", &[length], &[0.0, 1.0, 2.0, 3.0, 4.0])
        .floats("scale", &[], &[1.0 / (head as f32).sqrt()])
        .floats("zero", &[], &[0.0])
        .floats("hidden", &[], &[-1e4])
        .floats("half", &[], &[0.5])
        .floats("one", &[], &[1.0])
        .floats("root2", &[], &[std::f32::consts::SQRT_2])
        .floats("cls", &[1, 1, dim], &noise(d, 5))
        .integers("last", &[2])
        .integers("split_heads", &[0, length, heads, head])
        .integers("join_heads", &[0, length, dim])
        .integers("axis1", &[1])
        .integers("mask_axes", &[1, 2])
        .integers("from", &[0])
        .integers("to", &[1])
        .node("Gather", &["table", "tokens"], "x", &[("axis", &[0])])
        .node("LayerNormalization", &["x", "gain", "shift"], "a", &[("axis", &[-1])])
        .node("MatMul", &["a", "qkv"], "projected", &[])
        .node("Split", &["projected"], "q,k,v", &[("axis", &[2])])
        .node("Reshape", &["q", "split_heads"], "q4", &[])
        .node("Transpose", &["q4"], "qt", &[("perm", &[0, 2, 1, 3])])
        .node("Reshape", &["k", "split_heads"], "k4", &[])
        .node("Transpose", &["k4"], "kt", &[("perm", &[0, 2, 3, 1])])
        .node("Reshape", &["v", "split_heads"], "v4", &[])
        .node("Transpose", &["v4"], "vt", &[("perm", &[0, 2, 1, 3])])
        .node("Cast", &["length"], "length_f", &[("to", &[DataType::Float as i64])])
        .node("Unsqueeze", &["length_f", "axis1"], "length_2", &[])
        .node("Less", &["positions", "length_2"], "real", &[])
        .node("Where", &["real", "zero", "hidden"], "mask_2", &[])
        .node("Unsqueeze", &["mask_2", "mask_axes"], "mask", &[])
        .node("MatMul", &["qt", "kt"], "scores", &[])
        .node("Mul", &["scores", "scale"], "scaled", &[])
        .node("Add", &["scaled", "mask"], "masked", &[])
        .node("Softmax", &["masked"], "weights", &[("axis", &[-1])])
        .node("MatMul", &["weights", "vt"], "mixed", &[])
        .node("Transpose", &["mixed"], "mixed_t", &[("perm", &[0, 2, 1, 3])])
        .node("Reshape", &["mixed_t", "join_heads"], "joined", &[])
        .node("Add", &["x", "joined"], "residual", &[])
        .node("Div", &["residual", "root2"], "e0", &[])
        .node("Erf", &["e0"], "e1", &[])
        .node("Add", &["e1", "one"], "e2", &[])
        .node("Mul", &["residual", "e2"], "e3", &[])
        .node("Mul", &["e3", "half"], "gelu", &[])
        .node("ReduceSum", &["gelu", "axis1"], "summed", &[("keepdims", &[1])])
        .node("Shape", &["gelu"], "batch", &[("end", &[1])])
        .integers("cls_rest", &[1, dim])
        .node("Concat", &["batch", "cls_rest"], "cls_shape", &[("axis", &[0])])
        .node("Expand", &["cls", "cls_shape"], "cls_n", &[])
        .node("Concat", &["cls_n", "summed", "gelu"], "sequence", &[("axis", &[1])])
        .node("Slice", &["sequence", "from", "to", "axis1"], "cls_row", &[])
        .node("Squeeze", &["cls_row", "axis1"], "cls_flat", &[])
        .node("ReduceMean", &["sequence"], "mean", &[("axes", &[1]), ("keepdims", &[0])])
        .node("Sub", &["mean", "cls_flat"], "y", &[])
        .output("y", &[batch, d])
}

#[test]
fn attention_agrees_with_a_reference_and_between_engines() {
    let tokens = [0, 1, 2, 3, 6, 5, 4, 6, 6, 6, 1, 1, 1, 1, 1];
    let lengths = [4, 2, 5];
    let expected: Vec<f32> =
        tokens.chunks(5).zip(lengths).flat_map(|(tokens, length)| reference(tokens, length)).collect();
    for engine in engines() {
        for graph in [attention(3), attention(0)] {
            let mut session = load(&*engine, &graph, 3);
            let out = run(&mut *session, &[Input::I32(&tokens), Input::I32(&lengths)]);
            let difference = max_difference(&out, &expected);
            assert!(difference < 1e-5, "{}: {difference}", engine.name());
        }
    }
}

/// The graph of [`attention`] for one sequence, in plain loops and float64.
fn reference(tokens: &[i32], length: i32) -> Vec<f32> {
    let [table, gain, shift, qkv, cls] =
        [(42, 1), (6, 2), (6, 3), (108, 4), (6, 5)].map(|(count, seed)| noise(count, seed));
    let x: Vec<Vec<f64>> =
        tokens.iter().map(|&token| (0..6).map(|i| f64::from(table[token as usize * 6 + i])).collect()).collect();
    let projected: Vec<Vec<f64>> = x
        .iter()
        .map(|row| {
            let mean = row.iter().sum::<f64>() / 6.0;
            let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 6.0;
            let norm = |i: usize| (row[i] - mean) / (variance + 1e-5).sqrt() * f64::from(gain[i]) + f64::from(shift[i]);
            (0..18).map(|j| (0..6).map(|i| norm(i) * f64::from(qkv[i * 18 + j])).sum()).collect()
        })
        .collect();
    let mut rows: Vec<Vec<f64>> = x;
    for head in 0..2 {
        for (row, query) in rows.iter_mut().zip(&projected) {
            let score = |key: &Vec<f64>| {
                (0..3).map(|i| query[head * 3 + i] * key[6 + head * 3 + i]).sum::<f64>() / 3_f64.sqrt()
            };
            let weights: Vec<f64> = projected[..length as usize].iter().map(|key| score(key).exp()).collect();
            let total: f64 = weights.iter().sum();
            for i in 0..3 {
                let mixed: f64 = weights.iter().zip(&projected).map(|(w, key)| w * key[12 + head * 3 + i]).sum();
                row[head * 3 + i] += mixed / total;
            }
        }
    }
    let gelu = |x: f64| 0.5 * x * (1.0 + erf(x / 2_f64.sqrt()));
    (0..6)
        .map(|i| {
            let sum: f64 = rows.iter().map(|row| gelu(row[i])).sum();
            let cls = f64::from(cls[i]);
            ((cls + sum + sum) / 7.0 - cls) as f32
        })
        .collect()
}

/// Maclaurin series; exact to float64 for the small arguments here.
fn erf(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..60 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// One op at a time: f32 [2, 3, 4] `x` and i32 [2, 3] `i`, both always used.
fn single(op: &str, inputs: &[&str], attributes: &[(&str, &[i64])], shape: &[usize]) -> Graph {
    Graph::new()
        .input("x", Dtype::F32, &[2, 3, 4])
        .input("i", Dtype::I32, &[2, 3])
        .floats("w", &[4, 5], &noise(20, 9))
        .floats("b", &[4], &noise(4, 10))
        .floats("two", &[], &[2.0])
        .floats("low", &[], &[-0.25])
        .floats("high", &[], &[0.5])
        .floats("nought", &[], &[0.0])
        .int32("pad", 2)
        .int32("top", 3)
        .integers("axis1", &[1])
        .integers("axis2", &[2])
        .integers("begin", &[1])
        .integers("end", &[3])
        .integers("flat", &[2, 12])
        .integers("wide", &[2, 2, 3, 4])
        .node("Neg", &["x"], "neg", &[])
        .node("Abs", &["x"], "abs", &[])
        .node("Equal", &["i", "pad"], "is_pad", &[])
        .node("Unsqueeze", &["is_pad", "axis2"], "is_pad3", &[])
        .node("Min", &["i", "top"], "index", &[])
        .node(op, inputs, "z", attributes)
        .node("Cast", &["z"], "z_f", &[("to", &[1])])
        .node("Cast", &["i"], "i_f", &[("to", &[1])])
        .node("Mul", &["i_f", "nought"], "i_0", &[])
        .node("ReduceSum", &["i_0"], "i_sum", &[("keepdims", &[0])])
        .node("Mul", &["x", "nought"], "x_0", &[])
        .node("ReduceSum", &["x_0"], "x_sum", &[("keepdims", &[0])])
        .node("Add", &["z_f", "i_sum"], "z_i", &[])
        .node("Add", &["z_i", "x_sum"], "y", &[])
        .output("y", shape)
}

#[test]
fn every_op_agrees_between_engines() {
    let (x, i) = (noise(24, 7), [0, 1, 2, 3, 2, 5]);
    for graph in ops() {
        let mut results: Vec<Vec<f32>> = Vec::new();
        for engine in engines() {
            let loaded = engine.load(&graph.bytes(), &graph.io(), &ONE);
            let op = &graph.proto.node[5].op_type;
            let mut session = loaded.unwrap_or_else(|error| panic!("{op}: {error}"));
            results.push(run(&mut *session, &[Input::F32(&x), Input::I32(&i)]));
            let difference = max_difference(&results[0], results.last().unwrap());
            assert!(difference < 1e-5, "{op} on {}: {difference}", engine.name());
        }
    }
}

/// The ops a compiled graph may hold, beside those of [`attention`].
fn ops() -> Vec<Graph> {
    let cube: &[usize] = &[2, 3, 4];
    let unary = ["Identity", "Exp", "Tanh", "Sigmoid", "Erf", "Relu", "Neg", "Reciprocal", "Floor", "Sign"];
    let binary = ["Add", "Sub", "Mul", "Div", "Max", "Min", "PRelu"];
    let mut graphs: Vec<Graph> = unary.iter().map(|op| single(op, &["x"], &[], cube)).collect();
    graphs.extend(binary.iter().map(|op| single(op, &["x", "b"], &[], cube)));
    graphs.extend(["Sqrt", "Log"].iter().map(|op| single(op, &["abs"], &[], cube)));
    graphs.extend(["Less", "Greater", "GreaterOrEqual", "LessOrEqual"].map(|op| single(op, &["x", "b"], &[], cube)));
    graphs.extend(
        ["ReduceMean", "ReduceMax", "ReduceSumSquare", "ReduceL2"]
            .map(|op| single(op, &["x"], &[("axes", &[-1]), ("keepdims", &[1])], &[2, 3, 1])),
    );
    graphs.extend([
        single("Pow", &["x", "two"], &[], cube),
        single("Clip", &["x", "low", "high"], &[], cube),
        single("Not", &["is_pad"], &[], &[2, 3]),
        single("And", &["is_pad", "is_pad"], &[], &[2, 3]),
        single("Or", &["is_pad", "is_pad"], &[], &[2, 3]),
        single("Where", &["is_pad3", "x", "neg"], &[], cube),
        single("Softmax", &["x"], &[("axis", &[1])], cube),
        single("LogSoftmax", &["x"], &[("axis", &[-1])], cube),
        single("LayerNormalization", &["x", "b", "b"], &[("axis", &[-1])], cube),
        single("LayerNormalization", &["x", "b"], &[("axis", &[-1])], cube),
        single("MatMul", &["x", "w"], &[], &[2, 3, 5]),
        single("Gather", &["w", "index"], &[("axis", &[0])], &[2, 3, 5]),
        single("GatherElements", &["w", "index"], &[("axis", &[0])], &[2, 3]),
        single("ReduceSum", &["x", "axis1"], &[("keepdims", &[0])], &[2, 4]),
        single("Concat", &["x", "neg", "x"], &[("axis", &[1])], &[2, 9, 4]),
        single("Slice", &["x", "begin", "end", "axis2"], &[], &[2, 3, 2]),
        single("Reshape", &["x", "flat"], &[], &[2, 12]),
        single("Flatten", &["x"], &[("axis", &[1])], &[2, 12]),
        single("Transpose", &["x"], &[("perm", &[0, 2, 1])], &[2, 4, 3]),
        single("Unsqueeze", &["x", "axis1"], &[], &[2, 1, 3, 4]),
        single("Expand", &["w", "wide_w"], &[], &[2, 4, 5]).integers("wide_w", &[2, 4, 5]),
        single("Tile", &["b", "axis2"], &[], &[8]),
        single("Einsum", &["x", "w"], &[], &[2, 3, 5]),
    ]);
    graphs.iter_mut().filter(|graph| graph.proto.node[5].op_type == "Einsum").for_each(|graph| {
        let equation = b"bij,jk->bik".to_vec();
        let mut attribute = AttributeProto { name: "equation".into(), s: equation, ..Default::default() };
        attribute.set_type(AttributeType::String);
        graph.proto.node[5].attribute.push(attribute);
    });
    graphs
}

#[test]
fn sessions_move_between_threads() {
    for engine in engines() {
        let mut session = load(&*engine, &product(1), 1);
        let out = std::thread::spawn(move || run(&mut *session, &[Input::I32(&[0, 0, 1])])).join().unwrap();
        assert_eq!(out, [5.0, 6.0]);
    }
}

#[test]
fn many_sessions_of_a_graph_answer_as_one() {
    let graph = attention(2);
    let tokens = [0, 1, 2, 3, 6, 5, 4, 6, 6, 6];
    let inputs = [Input::I32(&tokens), Input::I32(&[4, 2])];
    for engine in engines() {
        let expected = run(&mut *load(&*engine, &graph, 2), &inputs);
        let sessions = engine.load_many(&graph.bytes(), &graph.io(), &ONE, 3).unwrap();
        assert_eq!(sessions.len(), 3);
        for mut session in sessions {
            assert_eq!(run(&mut *session, &inputs), expected, "{}", engine.name());
        }
        assert!(engine.load_many(&graph.bytes(), &graph.io(), &ONE, 0).unwrap().is_empty());
    }
}

#[test]
fn names_of_engines() {
    let error = tempest_engine::engine("tflite").err().unwrap().to_string();
    assert_eq!(
        error,
        "engine 'tflite' is unknown; known: tract, onnxruntime, onnxruntime:cuda, onnxruntime:tensorrt, auto"
    );
    for (name, expected) in [
        ("auto", "tract"),
        ("onnxruntime:cpu", "onnxruntime"),
        ("cuda", "onnxruntime:cuda"),
        ("tensorrt", "onnxruntime:tensorrt"),
    ] {
        assert_eq!(tempest_engine::engine(name).unwrap().name(), expected);
    }
    for name in tempest_engine::ENGINES.into_iter().filter(|name| *name != "auto") {
        assert_eq!(tempest_engine::engine(name).unwrap().name(), name);
    }
}

#[test]
fn auto_says_why() {
    let info = |name: &str| tempest_engine::engine(name).unwrap().check().unwrap();
    let (auto, tract) = (info("auto"), info("tract"));
    assert_eq!((auto.engine, auto.library, &auto.version), ("tract", None, &tract.version));
    assert!(auto.why.unwrap().starts_with("built in"), "{:?}", auto.why);
    assert_eq!((tract.why, tract.providers), (None, vec![]));
}
