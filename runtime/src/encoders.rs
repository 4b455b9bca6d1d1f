//! The encoder of a model, and those for shorter blocks where its bundle has some.

use crate::ClassifyError;
use tempest_blocks::PAD;
use tempest_contract::Contract;
use tempest_engine::{Bundle, Engine, GraphIo, GraphName, Input, LoadOptions, Session};

/// Blocks encoded together where the bundle leaves the batch open.
const BATCH: usize = 16;

/// Encoders of one model: each block goes to the smallest that holds it.
pub(crate) struct Encoders {
    /// Ascending by the tokens they read of a row; the last reads all.
    sessions: Vec<(usize, Box<dyn Session>)>,
    batch: usize,
    /// Integers of one row, floats of one block's embedding.
    row: usize,
    embedding: usize,
    tokens_per_block: usize,
}

impl Encoders {
    /// Loads the encoder and every bucket of a bundle.
    pub(crate) fn load(bundle: &Bundle, engine: &dyn Engine, threads: usize) -> Result<Self, ClassifyError> {
        let options = LoadOptions { batch: BATCH, threads };
        let mut all = bundle.buckets(engine, &options)?;
        all.push(bundle.session(GraphName::Encoder, engine, &options)?);
        let shape = |session: Box<dyn Session>| Some((Shape::of(session.io(), bundle.contract())?, session));
        let unfit = || ClassifyError::Shape { graph: "encoder" };
        let all: Vec<(Shape, Box<dyn Session>)> = all.into_iter().map(shape).collect::<Option<_>>().ok_or_else(unfit)?;
        let Some(Shape { row, batch, tokens, dim }) = all.last().map(|(shape, _)| *shape) else { return Err(unfit()) };
        let fits = |shape: &Shape| *shape == Shape { row: shape.row, batch, tokens, dim };
        if row != bundle.contract().view.row || !all.iter().all(|(shape, _)| fits(shape)) {
            return Err(unfit());
        }
        let sessions = all.into_iter().map(|(shape, session)| (shape.row, session)).collect();
        Ok(Encoders { sessions, batch, row, embedding: tokens * dim, tokens_per_block: tokens })
    }

    /// Floats of one block's embedding.
    pub(crate) fn embedding(&self) -> usize {
        self.embedding
    }

    /// L': tokens a block becomes.
    pub(crate) fn tokens_per_block(&self) -> usize {
        self.tokens_per_block
    }

    /// Embeddings of all rows, in their order. Blocks of about one length run together.
    pub(crate) fn encode(&mut self, rows: &[i32]) -> Result<Vec<f32>, ClassifyError> {
        let mut embeddings = vec![0.0; rows.len() / self.row * self.embedding];
        let mut blocks: Vec<(usize, &[i32])> = rows.chunks_exact(self.row).enumerate().collect();
        if self.sessions.len() > 1 {
            blocks.sort_by_key(|(_, block)| used(block));
        }
        let mut input = vec![0; self.batch * self.row];
        let mut out = vec![0.0; self.batch * self.embedding];
        for chunk in blocks.chunks(self.batch) {
            let longest = chunk.last().map_or(0, |(_, block)| used(block));
            let Some((row, session)) = self.sessions.iter_mut().find(|(row, _)| *row >= longest) else { break };
            let input = &mut input[..self.batch * *row];
            input.fill(0);
            for ((_, block), lane) in chunk.iter().zip(input.chunks_exact_mut(*row)) {
                lane.copy_from_slice(&block[..*row]);
            }
            session.run(&[Input::I32(input)], &mut out)?;
            for ((at, _), embedding) in chunk.iter().zip(out.chunks_exact(self.embedding)) {
                embeddings[at * self.embedding..][..self.embedding].copy_from_slice(embedding);
            }
        }
        Ok(embeddings)
    }
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
