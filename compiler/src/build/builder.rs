use super::BuildError;
use crate::ir::{Constant, Dim, Dtype, Fact, Graph, Op, ValueId};
use std::collections::HashMap;
use tempest_models::Checkpoint;

/// A place in the model, spelled both ways: tensors `classifier.layers.0.attn`, nodes `/classifier.layers.0/attn`.
#[derive(Clone, Debug)]
pub(super) struct Path {
    tensors: String,
    nodes: String,
}

impl Path {
    pub(super) fn new(tensors: &str) -> Self {
        Self { tensors: tensors.to_owned(), nodes: format!("/{tensors}") }
    }

    pub(super) fn join(&self, part: &str) -> Self {
        Self { tensors: format!("{}.{part}", self.tensors), nodes: self.node(part) }
    }

    pub(super) fn node(&self, part: &str) -> String {
        format!("{}/{part}", self.nodes)
    }
}

/// A graph under construction, and the checkpoint its weights come from.
pub(super) struct Builder<'a> {
    pub(super) checkpoint: &'a Checkpoint,
    /// Tokens or columns of a block.
    pub(super) row: usize,
    graph: Graph,
    weights: HashMap<String, ValueId>,
}

type Built = Result<ValueId, BuildError>;

impl<'a> Builder<'a> {
    pub(super) fn new(name: &str, checkpoint: &'a Checkpoint) -> Self {
        Self { checkpoint, row: checkpoint.contract.view.row, graph: Graph::new(name), weights: HashMap::new() }
    }

    /// For blocks of another length than the contract's.
    pub(super) fn of_row(self, row: usize) -> Self {
        Self { row, ..self }
    }

    pub(super) fn finish(mut self, output: ValueId, name: &str) -> Graph {
        self.graph.output = output;
        if let Some(value) = self.graph.value_mut(output) {
            value.name = name.to_owned();
        }
        self.graph
    }

    /// T L': tokens of a full window.
    pub(super) fn window_tokens(&self) -> usize {
        self.checkpoint.contract.window.blocks * self.checkpoint.config.tokens_per_block
    }

    pub(super) fn input(&mut self, name: &str, fact: Fact) -> ValueId {
        self.graph.add_input(name, fact)
    }

    pub(super) fn constant(&mut self, name: &str, constant: Constant) -> ValueId {
        self.graph.add_constant(name, constant)
    }

    pub(super) fn node(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> Built {
        self.graph.add_node(name, op, inputs).map_err(|source| BuildError::Infer { node: name.to_owned(), source })
    }

    /// `op(x, constant)`; the constant is named after the node.
    pub(super) fn with(&mut self, name: &str, op: Op, x: ValueId, constant: Constant) -> Built {
        let constant = self.constant(&format!("{name}/constant"), constant);
        self.node(name, op, &[x, constant])
    }

    pub(super) fn reshape(&mut self, name: &str, x: ValueId, shape: &[Dim]) -> Built {
        self.node(name, Op::Reshape { shape: shape.to_vec() }, &[x])
    }

    pub(super) fn transpose(&mut self, name: &str, x: ValueId, perm: &[usize]) -> Built {
        self.node(name, Op::Transpose { perm: perm.to_vec() }, &[x])
    }

    /// The tensor of this name in the checkpoint; one constant however often it is asked for.
    pub(super) fn weight(&mut self, name: &str) -> Built {
        if let Some(id) = self.weights.get(name) {
            return Ok(*id);
        }
        let tensor = self.checkpoint.tensors.get(name).ok_or_else(|| BuildError::Missing { name: name.to_owned() })?;
        let failed = |source| BuildError::Tensor { name: name.to_owned(), source };
        let data: Vec<f32> = tensor.flatten_all().and_then(|flat| flat.to_vec1()).map_err(failed)?;
        let constant = Constant::f32(tensor.dims(), data)
            .ok_or_else(|| failed(candle_core::Error::Msg("not as many elements as its shape says".into())))?;
        let id = self.constant(name, constant);
        self.weights.insert(name.to_owned(), id);
        Ok(id)
    }

    /// `x W^T + b` over the last axis.
    pub(super) fn linear(&mut self, path: &Path, x: ValueId) -> Built {
        let (weight, bias) = self.linear_weights(path)?;
        let turned = self.transpose(&path.node("transpose"), weight, &[1, 0])?;
        let product = self.node(&path.node("matmul"), Op::MatMul, &[x, turned])?;
        self.node(&path.nodes, Op::Add, &[product, bias])
    }

    /// `W x + b` over the token axis of x [batch, tokens, D]: b is added to whole rows. W may be wider than x has tokens:
    /// those behind are zeros.
    pub(super) fn linear_over_tokens(&mut self, path: &Path, x: ValueId, [rows, tokens]: [usize; 2]) -> Built {
        let (weight, bias) = self.linear_weights(path)?;
        let weight = self.first_columns(&path.node("columns"), weight, tokens);
        let column = self.reshape(&path.node("column"), bias, &[Dim::Fixed(rows), Dim::Fixed(1)])?;
        let product = self.node(&path.node("matmul"), Op::MatMul, &[weight, x])?;
        self.node(&path.nodes, Op::Add, &[product, column])
    }

    /// LayerNorm over the last axis.
    pub(super) fn norm(&mut self, path: &Path, x: ValueId) -> Built {
        let (scale, bias) = self.linear_weights(path)?;
        let epsilon = tempest_models::nn::NORM_EPS as f32;
        self.node(&path.nodes, Op::LayerNormalization { epsilon }, &[x, scale, bias])
    }

    /// `0.5 x (1 + erf(x / sqrt 2))`, in the order in which engines recognise and fuse it.
    pub(super) fn gelu(&mut self, path: &Path, x: ValueId) -> Built {
        let scaled = self.with(&path.node("scaled"), Op::Div, x, Constant::scalar(std::f32::consts::SQRT_2))?;
        let erf = self.node(&path.node("erf"), Op::Erf, &[scaled])?;
        let shifted = self.with(&path.node("shifted"), Op::Add, erf, Constant::scalar(1.0))?;
        let product = self.node(&path.node("product"), Op::Mul, &[x, shifted])?;
        self.with(&path.nodes, Op::Mul, product, Constant::scalar(0.5))
    }

    /// `condition ? yes : no` as float32.
    pub(super) fn choose(&mut self, name: &str, condition: ValueId, yes: f32, no: f32) -> Built {
        let yes = self.constant(&format!("{name}/yes"), Constant::scalar(yes));
        let no = self.constant(&format!("{name}/no"), Constant::scalar(no));
        self.node(name, Op::Where, &[condition, yes, no])
    }

    /// int32 to float32.
    pub(super) fn float(&mut self, name: &str, x: ValueId) -> Built {
        self.node(name, Op::Cast { to: Dtype::F32 }, &[x])
    }

    /// Sinusoidal positions [count, D].
    pub(super) fn positions(&mut self, name: &str, count: usize) -> Built {
        let dim = self.checkpoint.config.dim;
        let data = tempest_models::sinusoids(count, dim);
        let constant = Constant::f32(&[count, dim], data)
            .ok_or_else(|| BuildError::Missing { name: format!("{name}: not {count} rows of {dim}") })?;
        Ok(self.constant(name, constant))
    }

    /// The first columns of a matrix; the matrix itself where it has no more.
    fn first_columns(&mut self, name: &str, matrix: ValueId, columns: usize) -> ValueId {
        let cut = self.graph.constant(matrix).and_then(|matrix| {
            let [rows, width] = *matrix.shape() else { return None };
            let data = matrix.as_f32().filter(|_| width > columns)?;
            let data: Vec<f32> = data.chunks(width).flat_map(|row| &row[..columns]).copied().collect();
            Constant::f32(&[rows, columns], data)
        });
        cut.map_or(matrix, |cut| self.constant(name, cut))
    }

    fn linear_weights(&mut self, path: &Path) -> Result<(ValueId, ValueId), BuildError> {
        Ok((self.weight(&format!("{}.weight", path.tensors))?, self.weight(&format!("{}.bias", path.tensors))?))
    }
}
