//! Streams to rows: what the model reads of each block, kept as flat integers.

use std::ops::Range;
use tempest_blocks::mp3::{self, Block};
use tempest_contract::{Contract, RowWriter};
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
    /// No whole frame was found.
    #[error("no MP3 frame found")]
    NoBlocks,
    /// The stream is not what the model is trained on.
    #[error(
        "the stream is {found_rate} Hz with {found_channels} channel(s), training expects {rate} Hz with {channels}"
    )]
    Media {
        /// Sample rate of the stream.
        found_rate: u32,
        /// Channels of the stream.
        found_channels: u8,
        /// Sample rate of the training media.
        rate: u32,
        /// Channels of the training media.
        channels: u8,
    },
}

impl Rows {
    /// Cuts `stream` into blocks and writes the row of each whole one, in the contract's view.
    ///
    /// # Errors
    /// [`RowsError`]: no frame, or frames of another sample rate or channel count than the contract's codec.
    pub fn read(stream: &[u8], contract: &Contract) -> Result<Self, RowsError> {
        let codec = &contract.codec;
        let mut rows = Rows { width: contract.view.row, values: Vec::new(), cut_bytes: 0 };
        let mut writer = RowWriter::new(&contract.view);
        for block in blocks(stream) {
            let header = &block.header;
            if header.sample_rate() != codec.sample_rate || header.channels() != codec.channels {
                return Err(RowsError::Media {
                    found_rate: header.sample_rate(),
                    found_channels: header.channels(),
                    rate: codec.sample_rate,
                    channels: codec.channels,
                });
            }
            // The side information of a whole frame is always there; a frame without one gives no row.
            if let Some(written) = writer.push(&block, &mut rows.values) {
                rows.cut_bytes += written.cut_bytes;
            }
        }
        if rows.is_empty() { Err(RowsError::NoBlocks) } else { Ok(rows) }
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

/// The whole frames of a stream; a last frame cut short is left out.
pub fn blocks(stream: &[u8]) -> impl Iterator<Item = Block<'_>> {
    mp3::blocks(stream).filter(|block| !block.truncated)
}

/// Sizes of the stream's frames in bytes, for measuring L.
pub fn frame_bytes(stream: &[u8]) -> impl Iterator<Item = usize> + '_ {
    blocks(stream).map(|block| block.bytes.len())
}
