use crate::GraphId;
use crate::build::PAD;
use candle_core::{Device, Result, Tensor};
use std::borrow::Cow;
use tempest_contract::ViewKind;
use tempest_engine::{GraphName, Input};
use tempest_models::{Checkpoint, Model};

/// Blocks that candle encodes at a time.
const CHUNK: usize = 16;

/// What the padding of a window holds for the classifier: finite, and not zero.
const PADDING: f32 = 3.0;

/// One block or window: an input per port, and what the checkpoint makes of it.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) inputs: Vec<Data>,
    pub(super) expected: Vec<f32>,
}

impl Sample {
    /// The block in a row of so many tokens: what candle makes of it in the whole row is what is expected. `None` where it
    /// does not fit.
    fn cut(&self, row: usize) -> Option<Self> {
        let [Data::I32(block)] = &*self.inputs else { return None };
        let (kept, rest) = block.split_at_checked(row)?;
        let fits = rest.iter().all(|token| *token == PAD);
        fits.then(|| Self { inputs: vec![Data::I32(kept.to_vec())], expected: self.expected.clone() })
    }
}

/// Elements of one input.
#[derive(Clone)]
pub(super) enum Data {
    I32(Vec<i32>),
    F32(Vec<f32>),
}

impl Data {
    /// All lanes of a batch, one after the other; lanes of one port have one type.
    pub(super) fn join<'a>(lanes: impl Iterator<Item = &'a Data>) -> Data {
        let mut joined = (vec![], vec![]);
        for lane in lanes {
            match lane {
                Data::I32(values) => joined.0.extend_from_slice(values),
                Data::F32(values) => joined.1.extend_from_slice(values),
            }
        }
        if joined.1.is_empty() { Data::I32(joined.0) } else { Data::F32(joined.1) }
    }

    pub(super) fn as_input(&self) -> Input<'_> {
        match self {
            Data::I32(values) => Input::I32(values),
            Data::F32(values) => Input::F32(values),
        }
    }
}

/// Samples of every graph.
pub(super) struct Samples {
    encoder: Vec<Sample>,
    classifier: Vec<Sample>,
    clip: Vec<Sample>,
}

impl Samples {
    /// Runs the candle forward on `rows`, which are not empty.
    pub(super) fn of(checkpoint: &Checkpoint, rows: &[Vec<i32>]) -> Result<Self> {
        let model = Model::load(checkpoint, &Device::Cpu)?;
        let embeddings = encode(&model, rows)?;
        let mut samples = Samples { encoder: vec![], classifier: vec![], clip: vec![] };
        for (row, expected) in rows.iter().zip(&embeddings) {
            samples.encoder.push(Sample { inputs: vec![Data::I32(row.clone())], expected: expected.clone() });
        }
        for (index, window) in windows(checkpoint.contract.window.blocks, rows.len()).into_iter().enumerate() {
            let expected = classify(&model, checkpoint, &window, &embeddings)?;
            let length = Data::I32(vec![(window.len() * checkpoint.config.tokens_per_block) as i32]);
            let tokens = Data::F32(window_tokens(checkpoint, &window, &embeddings));
            let blocks = Data::I32(window_blocks(checkpoint, &window, rows, index));
            let classifier = vec![tokens, length.clone()];
            samples.classifier.push(Sample { inputs: classifier, expected: expected.clone() });
            samples.clip.push(Sample { inputs: vec![blocks, length], expected });
        }
        Ok(samples)
    }

    pub(super) fn for_graph(&self, id: GraphId) -> Cow<'_, [Sample]> {
        match id {
            GraphId::Graph(GraphName::Encoder) => (&self.encoder).into(),
            GraphId::Graph(GraphName::Classifier) => (&self.classifier).into(),
            GraphId::Graph(GraphName::Clip) => (&self.clip).into(),
            GraphId::Bucket(row) => self.encoder.iter().filter_map(|sample| sample.cut(row)).collect(),
        }
    }
}

fn encode(model: &Model, rows: &[Vec<i32>]) -> Result<Vec<Vec<f32>>> {
    let mut embeddings = vec![];
    for chunk in rows.chunks(CHUNK) {
        let ids: Vec<i64> = chunk.iter().flatten().map(|id| i64::from(*id)).collect();
        let tensor = Tensor::from_vec(ids, (chunk.len(), chunk[0].len()), &Device::Cpu)?;
        embeddings.extend(model.encode(&tensor)?.flatten_from(1)?.to_vec2()?);
    }
    Ok(embeddings)
}

/// Windows as lists of rows: two full ones, then partial ones down to a single block.
fn windows(blocks: usize, rows: usize) -> Vec<Vec<usize>> {
    let lengths = [blocks, blocks, blocks.div_ceil(2), blocks.saturating_sub(1).max(1), 1];
    let window = |(index, length): (usize, &usize)| (0..*length).map(|at| (index * 7 + at) % rows).collect();
    lengths.iter().enumerate().map(window).collect()
}

/// Logits of the window's real tokens alone: the reference sees no padding.
fn classify(model: &Model, checkpoint: &Checkpoint, window: &[usize], embeddings: &[Vec<f32>]) -> Result<Vec<f32>> {
    let tokens = window.len() * checkpoint.config.tokens_per_block;
    let values: Vec<f32> = window.iter().flat_map(|row| &embeddings[*row]).copied().collect();
    let tensor = Tensor::from_vec(values, (1, tokens, checkpoint.config.dim), &Device::Cpu)?;
    model.classify(&tensor, &[tokens])?.flatten_all()?.to_vec1()
}

fn window_tokens(checkpoint: &Checkpoint, window: &[usize], embeddings: &[Vec<f32>]) -> Vec<f32> {
    let config = &checkpoint.config;
    let mut tokens: Vec<f32> = window.iter().flat_map(|row| &embeddings[*row]).copied().collect();
    tokens.resize(checkpoint.contract.window.blocks * config.tokens_per_block * config.dim, PADDING);
    tokens
}

/// The window's blocks, then padding: every other window with what a runtime writes there, the others with real blocks,
/// so that only the mask keeps them out.
fn window_blocks(checkpoint: &Checkpoint, window: &[usize], rows: &[Vec<i32>], index: usize) -> Vec<i32> {
    let contract = &checkpoint.contract;
    let empty = match contract.view.kind {
        ViewKind::Bytes => PAD,
        ViewKind::Fields | ViewKind::Scalefactors | ViewKind::Symbols => 0,
    };
    let mut blocks: Vec<i32> = window.iter().flat_map(|row| &rows[*row]).copied().collect();
    let mut filler = rows.iter().cycle().flatten().copied();
    let total = contract.window.blocks * contract.view.row;
    while blocks.len() < total {
        blocks.push(if index.is_multiple_of(2) { empty } else { filler.next().unwrap_or(empty) });
    }
    blocks
}
