//! Streams to rows: what the model reads of each block, kept as flat integers.

use std::convert::Infallible;
use std::ops::Range;
use tempest_blocks::mp3::bytes::PAD;
use tempest_contract::rows::{Foreign, Item, Sink};
use tempest_contract::{Contract, RowStream};
use thiserror::Error;

/// The rows of one stream, `count` x `width`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// F: integers per row.
    pub width: usize,
    /// All rows, one after the other.
    pub values: Vec<i32>,
    /// Bytes of blocks longer than L, which the view `bytes` cuts off.
    pub cut_bytes: usize,
}

/// Why a stream gives no rows.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RowsError {
    /// No whole block was found.
    #[error("no block of {expected} found")]
    NoBlocks {
        /// The training media.
        expected: String,
    },
    /// The stream is not what the model is trained on.
    #[error("the stream holds {found}, training expects {expected}")]
    Media {
        /// What the stream holds.
        found: Foreign,
        /// The training media.
        expected: String,
    },
}

impl Rows {
    /// Cuts `stream` into blocks and writes the row of each whole one, in the contract's view.
    ///
    /// # Errors
    /// [`RowsError`]: no block, or blocks of other media than the contract's.
    pub fn read(stream: &[u8], contract: &Contract) -> Result<Self, RowsError> {
        let mut rows = Rows { width: contract.view.row, values: Vec::new(), cut_bytes: 0 };
        walk(stream, contract, &mut |item| match item {
            Item::Row(row) => {
                rows.values.extend_from_slice(row.values);
                rows.cut_bytes += row.cut_bytes;
                Ok(())
            }
            Item::Foreign(found) => Err(RowsError::Media { found, expected: contract.media() }),
            // A last block cut short is left out; damage is not in what was just encoded.
            Item::Gap(_) | Item::CutShort => Ok(()),
        })?;
        if rows.is_empty() { Err(RowsError::NoBlocks { expected: contract.media() }) } else { Ok(rows) }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The integers of these rows.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> &[i32] {
        &self.values[rows.start * self.width..rows.end * self.width]
    }
}

/// Lengths of the stream's blocks in bytes, for measuring L; those of the numeric views say only how many there are.
#[must_use]
pub fn block_bytes(stream: &[u8], contract: &Contract) -> Vec<usize> {
    let mut sizes = Vec::new();
    let done: Result<(), Infallible> = walk(stream, contract, &mut |item| {
        if let Item::Row(row) = item {
            sizes.push(row.values.iter().filter(|&&token| token != PAD).count() + row.cut_bytes);
        }
        Ok(())
    });
    done.map_or_else(|never| match never {}, |()| sizes)
}

/// Whether the stream holds a whole block, of the contract's media or of others.
#[must_use]
pub fn has_block(stream: &[u8], contract: &Contract) -> bool {
    let mut found = |item: Item<'_>| match item {
        Item::Row(_) | Item::Foreign(_) => Err(()),
        Item::Gap(_) | Item::CutShort => Ok(()),
    };
    walk(stream, contract, &mut found).is_err()
}

/// Mean bit rate of the stream's blocks in kbit/s; `None` without blocks, and of images.
#[must_use]
pub fn mean_kbps(stream: &[u8], contract: &Contract) -> Option<f64> {
    let (mut bytes, mut samples) = (0, 0);
    let done: Result<(), Infallible> = walk(stream, contract, &mut |item| {
        if let Item::Row(row) = item {
            (bytes, samples) = (bytes + row.bytes, samples + u64::from(row.samples));
        }
        Ok(())
    });
    done.map_or_else(|never| match never {}, |()| ());
    let (rate, _) = contract.codec.clock()?;
    (samples > 0).then(|| bytes as f64 / 125.0 * f64::from(rate) / samples as f64)
}

fn walk<E>(stream: &[u8], contract: &Contract, sink: Sink<'_, E>) -> Result<(), E> {
    let mut cutter = RowStream::new(contract);
    cutter.feed(stream, sink)?;
    cutter.finish(sink)
}
