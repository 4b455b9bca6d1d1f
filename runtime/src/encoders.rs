//! The encoder of a model, and those for shorter blocks where its bundle has some.

use crate::ClassifyError;
use tempest_blocks::PAD;
use tempest_contract::Contract;
use tempest_engine::{Bundle, Engine, EngineError, GraphIo, GraphName, Input, LoadOptions, Session};

/// Encoders of one model: each block goes to the smallest that holds it.
pub(crate) struct Encoders {
    /// Ascending by the tokens they read of a row; the last reads all.
    sessions: Vec<(usize, Box<dyn Session>)>,
    batch: usize,
    /// Integers of one row, floats of one block's embedding.
    row: usize,
    embedding: usize,
    tokens_per_block: usize,
    /// One run's blocks and what they become; length and place of every block, where there is a choice: kept between
    /// runs.
    input: Vec<i32>,
    out: Vec<f32>,
    order: Vec<(usize, usize)>,
}

impl Encoders {
    /// Loads the encoder and every bucket of a bundle, `count` times; they share the weights where the engine can.
    pub(crate) fn load(
        bundle: &Bundle,
        engine: &dyn Engine,
        options: &LoadOptions,
        count: usize,
    ) -> Result<Vec<Self>, ClassifyError> {
        let mut graphs = bundle.buckets(engine, options, count)?;
        graphs.push(bundle.sessions(GraphName::Encoder, engine, options, count)?);
        let mut graphs: Vec<_> = graphs.into_iter().map(Vec::into_iter).collect();
        let mut next = || graphs.iter_mut().filter_map(Iterator::next).collect();
        let unfit = || ClassifyError::Shape { graph: "encoder" };
        (0..count).map(|_| Self::of(bundle.contract(), next()).ok_or_else(unfit)).collect()
    }

    /// Of sessions ascending by row; `None` where they do not fit the contract or each other.
    fn of(contract: &Contract, sessions: Vec<Box<dyn Session>>) -> Option<Self> {
        let shape = |session: Box<dyn Session>| Some((Shape::of(session.io(), contract)?, session));
        let all: Vec<(Shape, Box<dyn Session>)> = sessions.into_iter().map(shape).collect::<Option<_>>()?;
        let Shape { row, batch, tokens, dim } = all.last().map(|(shape, _)| *shape)?;
        let fits = |shape: &Shape| *shape == Shape { row: shape.row, batch, tokens, dim };
        if row != contract.view.row || !all.iter().all(|(shape, _)| fits(shape)) {
            return None;
        }
        let sessions = all.into_iter().map(|(shape, session)| (shape.row, session)).collect();
        let embedding = tokens * dim;
        let (input, out) = (vec![0; batch * row], vec![0.0; batch * embedding]);
        Some(Encoders { sessions, batch, row, embedding, tokens_per_block: tokens, input, out, order: vec![] })
    }

    /// Integers of one row.
    pub(crate) fn row(&self) -> usize {
        self.row
    }

    /// Floats of one block's embedding.
    pub(crate) fn embedding(&self) -> usize {
        self.embedding
    }

    /// L': tokens a block becomes.
    pub(crate) fn tokens_per_block(&self) -> usize {
        self.tokens_per_block
    }

    /// Embeddings of all rows, in their order; `embeddings` has room for exactly those.
    pub(crate) fn encode_into(&mut self, rows: &[i32], embeddings: &mut [f32]) -> Result<(), EngineError> {
        debug_assert_eq!(rows.len() / self.row, embeddings.len() / self.embedding);
        match self.sessions.as_mut_slice() {
            [(_, session)] => in_order(&mut **session, rows, embeddings, &mut self.input, &mut self.out),
            _ => self.by_length(rows, embeddings),
        }
    }

    /// Blocks of about one length run together, on the smallest encoder that holds them.
    fn by_length(&mut self, rows: &[i32], embeddings: &mut [f32]) -> Result<(), EngineError> {
        let Self { sessions, batch, row, embedding, input, out, order, .. } = self;
        order.clear();
        order.extend(rows.chunks_exact(*row).enumerate().map(|(at, block)| (used(block), at)));
        order.sort_unstable();
        for chunk in order.chunks(*batch) {
            let longest = chunk.last().map_or(0, |(length, _)| *length);
            let Some((width, session)) = sessions.iter_mut().find(|(width, _)| *width >= longest) else { break };
            let input = &mut input[..*batch * *width];
            for ((_, at), lane) in chunk.iter().zip(input.chunks_exact_mut(*width)) {
                lane.copy_from_slice(&rows[at * *row..][..*width]);
            }
            input[chunk.len() * *width..].fill(0);
            session.run(&[Input::I32(input)], out)?;
            for ((_, at), embedding) in chunk.iter().zip(out.chunks_exact(*embedding)) {
                embeddings[at * embedding.len()..][..embedding.len()].copy_from_slice(embedding);
            }
        }
        Ok(())
    }
}

/// A batch after the other, as they come; the last is filled up with zeros in `input`, its answers go through `out`.
fn in_order(
    session: &mut dyn Session,
    rows: &[i32],
    embeddings: &mut [f32],
    input: &mut [i32],
    out: &mut [f32],
) -> Result<(), EngineError> {
    for (rows, embeddings) in rows.chunks(input.len()).zip(embeddings.chunks_mut(out.len())) {
        if rows.len() == input.len() {
            session.run(&[Input::I32(rows)], embeddings)?;
            continue;
        }
        input[..rows.len()].copy_from_slice(rows);
        input[rows.len()..].fill(0);
        session.run(&[Input::I32(input)], out)?;
        embeddings.copy_from_slice(&out[..embeddings.len()]);
    }
    Ok(())
}

/// Tokens before the padding that a row ends in.
fn used(block: &[i32]) -> usize {
    block.iter().rposition(|token| *token != PAD).map_or(0, |last| last + 1)
}

/// `[batch, row] -> [batch, tokens, dim]`.
#[derive(Clone, Copy, PartialEq)]
struct Shape {
    batch: usize,
    row: usize,
    tokens: usize,
    dim: usize,
}

impl Shape {
    /// `None` where it is no encoder's, or longer than a row of the contract.
    fn of(io: &GraphIo, contract: &Contract) -> Option<Self> {
        let (input, output) = (io.inputs.first()?.dims()?, io.output.dims()?);
        let ([batch, row], [out_batch, tokens, dim]) = (input.as_slice(), output.as_slice()) else { return None };
        let fits = io.inputs.len() == 1 && *row <= contract.view.row && batch == out_batch && *batch > 0 && *row > 0;
        fits.then_some(Shape { batch: *batch, row: *row, tokens: *tokens, dim: *dim })
    }
}
