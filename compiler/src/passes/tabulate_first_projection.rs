use super::adder::Adder;
use super::{Changed, Pass, RewriteError};
use crate::ir::{Constant, Dim, Graph, Node, Op, ValueId};

/// `LayerNorm(E[s] + P[p]) W -> r[s,p] (A[s] + B[p]) + c`: tokens have few values and few places, so the first layer's
/// product becomes two tables.
///
/// With `E' = E - mean(E)` and `P' = P - mean(P)` over D, the norm is `r (E'[s] + P'[p]) g + b` where
/// `r = 1 / sqrt(mean((E'[s] + P'[p])^2) + epsilon)`; so `A = (E' g) W`, `B = (P' g) W`, `c = b W`, all computed here in
/// float64. On our graphs: query, key and value of the first layer of view `bytes`, 3 L D^2 products a block.
///
/// Precondition: E, P, g, b and W are constant, tokens are [batch, L], and every reader of the norm is such a product.
/// Tolerance: 1e-5 of the largest element; the sum over D is taken in another order. Costs V N + L N floats for
/// each product [D, N] and V L for `r`; the product's D N go.
pub struct TabulateFirstProjection;

impl Pass for TabulateFirstProjection {
    fn name(&self) -> &'static str {
        "TabulateFirstProjection"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut tabulated = 0;
        while let Some(found) = graph.nodes.iter().find_map(|node| find(graph, node)) {
            let scale = found.scale(graph)?;
            for product in &found.products {
                found.tabulate(graph, *product, scale)?;
                tabulated += 1;
            }
        }
        Ok(Changed(tabulated))
    }
}

struct Match {
    /// Name of the norm.
    name: String,
    ids: ValueId,
    batch: Dim,
    /// E', [V, D].
    bytes: Table,
    /// P', [L, D].
    places: Table,
    gain: Vec<f32>,
    shift: Vec<f32>,
    epsilon: f64,
    /// What each product of the norm gives.
    products: Vec<ValueId>,
}

/// Rows whose mean over D has been taken out.
struct Table {
    width: usize,
    data: Vec<f64>,
}

fn find(graph: &Graph, norm: &Node) -> Option<Match> {
    let (Op::LayerNormalization { epsilon }, [x, gain, shift]) = (&norm.op, &*norm.inputs) else { return None };
    let sum = &graph.nodes[graph.producer(*x)?];
    let (Op::Add, [looked_up, places]) = (&sum.op, &*sum.inputs) else { return None };
    let lookup = &graph.nodes[graph.producer(*looked_up)?];
    let (Op::Gather { axis: 0 }, [table, ids]) = (&lookup.op, &*lookup.inputs) else { return None };
    let (bytes, places) = (Table::centred(graph.constant(*table)?)?, Table::centred(graph.constant(*places)?)?);
    let [batch, Dim::Fixed(length)] = *graph.value(*ids)?.fact.shape else { return None };
    if length != places.rows().len() || graph.output == norm.output {
        return None;
    }
    let readers: Vec<&Node> = graph.nodes.iter().filter(|node| node.inputs.contains(&norm.output)).collect();
    let is_product = |node: &&Node| {
        let weight = graph.constant(node.inputs[1]).filter(|weight| weight.as_f32().is_some());
        node.op == Op::MatMul && weight.is_some_and(|weight| matches!(weight.shape(), [_, columns] if *columns > 0))
    };
    if readers.is_empty() || !readers.iter().all(is_product) {
        return None;
    }
    Some(Match {
        name: norm.name.clone(),
        ids: *ids,
        batch,
        bytes,
        places,
        gain: graph.constant(*gain)?.as_f32()?.to_vec(),
        shift: graph.constant(*shift)?.as_f32()?.to_vec(),
        epsilon: f64::from(*epsilon),
        products: readers.iter().map(|node| node.output).collect(),
    })
}

impl Match {
    /// `r` of every token, [batch, L, 1], computed where the norm is.
    fn scale(&self, graph: &mut Graph) -> Result<ValueId, RewriteError> {
        let length = self.places.rows().len();
        let table =
            self.bytes.rows().flat_map(|e| self.places.rows().map(move |p| self.inverse_deviation(e, p) as f32));
        let table = Constant::floats(table.collect());
        let mut add = Adder::before(graph, &self.name, "scale");
        let stride = add.constant("length", Constant::int(length as i32));
        let place = add.constant("place", Constant::ints((0..length as i32).collect()));
        let table = add.constant("table", table);
        let row = add.node("row", Op::Mul, &[self.ids, stride])?;
        let index = add.node("index", Op::Add, &[row, place])?;
        let picked = add.node("picked", Op::Gather { axis: 0 }, &[table, index])?;
        let shape = vec![self.batch, Dim::Fixed(length), Dim::Fixed(1)];
        add.node("tokens", Op::Reshape { shape }, &[picked])
    }

    fn inverse_deviation(&self, byte: &[f64], place: &[f64]) -> f64 {
        let square: f64 = byte.iter().zip(place).map(|(e, p)| (e + p) * (e + p)).sum();
        1.0 / (square / self.bytes.width as f64 + self.epsilon).sqrt()
    }

    /// Replaces one product by its tables.
    fn tabulate(&self, graph: &mut Graph, product: ValueId, scale: ValueId) -> Result<(), RewriteError> {
        let Some(at) = graph.producer(product) else { return Ok(()) };
        let name = graph.nodes[at].name.clone();
        let Some(weight) = graph.constant(graph.nodes[at].inputs[1]).cloned() else { return Ok(()) };
        let Some(weights) = weight.as_f32() else { return Ok(()) };
        let (width, dim) = (weight.shape()[1], self.shift.len());
        let bytes = self.bytes.times(&self.gain, weights, width);
        let places = self.places.times(&self.gain, weights, width);
        let shift = Table { width: dim, data: self.shift.iter().map(|b| f64::from(*b)).collect() };
        let shift = shift.times(&vec![1.0; dim], weights, width);
        // Of the rank of what it is added to: tract's fast kernels refuse a matrix that it has to widen itself.
        let tables = (
            Constant::f32(&[bytes.len() / width, width], bytes),
            Constant::f32(&[1, places.len() / width, width], places),
        );
        let (Some(bytes), Some(places)) = tables else { return Ok(()) };

        let mut add = Adder::before(graph, &name, "table");
        let bytes = add.constant("bytes", bytes);
        let places = add.constant("places", places);
        let shift = add.constant("shift", Constant::floats(shift));
        let looked_up = add.node("lookup", Op::Gather { axis: 0 }, &[bytes, self.ids])?;
        let sum = add.node("sum", Op::Add, &[looked_up, places])?;
        let scaled = add.node("scaled", Op::Mul, &[sum, scale])?;
        let shifted = add.node("shifted", Op::Add, &[scaled, shift])?;
        graph.replace(product, shifted);
        graph.nodes.retain(|node| node.output != product);
        Ok(())
    }
}

impl Table {
    fn centred(constant: &Constant) -> Option<Self> {
        let ([_, width] | [1, _, width]) = *constant.shape() else { return None };
        let centre = |row: &[f32]| {
            let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / row.len() as f64;
            row.iter().map(|x| f64::from(*x) - mean).collect::<Vec<_>>()
        };
        (width > 0).then_some(Self { width, data: constant.as_f32()?.chunks(width).flat_map(centre).collect() })
    }

    fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.data.chunks(self.width)
    }

    /// `(self gain) weights`, of so many columns, row by row.
    fn times(&self, gain: &[f32], weights: &[f32], columns: usize) -> Vec<f32> {
        let row = |row: &[f64]| {
            let mut sums = vec![0.0_f64; columns];
            for ((x, g), weights) in row.iter().zip(gain).zip(weights.chunks(columns)) {
                let x = x * f64::from(*g);
                sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum += x * f64::from(*w));
            }
            sums.into_iter().map(|sum| sum as f32)
        };
        self.rows().flat_map(row).collect()
    }
}
