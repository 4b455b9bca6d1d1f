use super::Tally;
use super::ring::Ring;
use crate::classifier::{Classifier, ClassifyError};

/// Rows whose embedding is remembered: a few hold what repeats in silence, where padding alternates.
const REMEMBERED: usize = 8;

/// Rows that wait for the encoder, each kind of row once.
#[derive(Debug)]
pub(super) struct Ahead {
    row: usize,
    width: usize,
    capacity: usize,
    /// Rows to encode, and their embeddings.
    rows: Vec<i32>,
    embeddings: Vec<f32>,
    /// Where the embedding of each block in waiting comes from, in order.
    order: Vec<From>,
    /// The rows encoded last, and their embeddings.
    known_rows: Vec<i32>,
    known: Vec<f32>,
    /// The next of them to be overwritten.
    next: usize,
}

#[derive(Clone, Copy, Debug)]
enum From {
    Encoder(usize),
    Memory(usize),
}

impl Ahead {
    /// For up to `capacity` blocks in waiting.
    pub(super) fn new(model: &Classifier, capacity: usize) -> Self {
        let (row, width) = (model.row(), model.embedding());
        Ahead {
            row,
            width,
            capacity,
            rows: Vec::with_capacity(capacity * row),
            embeddings: vec![0.0; capacity * width],
            order: Vec::with_capacity(capacity),
            known_rows: Vec::with_capacity(REMEMBERED * row),
            known: Vec::with_capacity(REMEMBERED * width),
            next: 0,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.order.len() == self.capacity
    }

    pub(super) fn push(&mut self, row: &[i32], tally: &mut Tally) {
        let find = |rows: &[i32]| rows.chunks_exact(self.row).position(|known| known == row);
        // The newest in waiting are few, and silence repeats at once.
        let place = match find(&self.known_rows).map(From::Memory) {
            Some(known) => Some(known),
            None => find(&self.rows).map(From::Encoder),
        };
        tally.repeated += u64::from(place.is_some());
        self.order.push(place.unwrap_or_else(|| {
            self.rows.extend_from_slice(row);
            From::Encoder(self.rows.len() / self.row - 1)
        }));
    }

    /// Encodes what waits, and gives all embeddings to the ring in the order of their blocks.
    pub(super) fn encode(&mut self, model: &mut Classifier, ring: &mut Ring) -> Result<(), ClassifyError> {
        let count = self.rows.len() / self.row;
        let encoded = model.encode_into(&self.rows, &mut self.embeddings[..count * self.width]);
        if encoded.is_ok() {
            for from in &self.order {
                let (embeddings, at) = match *from {
                    From::Encoder(at) => (&self.embeddings, at),
                    From::Memory(at) => (&self.known, at),
                };
                ring.push(&embeddings[at * self.width..(at + 1) * self.width]);
            }
            self.remember(count);
        }
        self.clear();
        encoded
    }

    /// Keeps the last of the rows that were encoded.
    fn remember(&mut self, count: usize) {
        for at in count.saturating_sub(REMEMBERED)..count {
            let row = &self.rows[at * self.row..(at + 1) * self.row];
            let embedding = &self.embeddings[at * self.width..(at + 1) * self.width];
            if self.known.len() < REMEMBERED * self.width {
                self.known_rows.extend_from_slice(row);
                self.known.extend_from_slice(embedding);
                continue;
            }
            let next = self.next;
            self.known_rows[next * self.row..(next + 1) * self.row].copy_from_slice(row);
            self.known[next * self.width..(next + 1) * self.width].copy_from_slice(embedding);
            self.next = (next + 1) % REMEMBERED;
        }
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.order.clear();
    }
}
