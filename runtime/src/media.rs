//! A stream of compressed media, cut into blocks as it arrives and kept as the rows a model reads.

use std::io::{self, Read};
use tempest_blocks::ErrorClass;
use tempest_contract::rows::{Diagnosis, Gap, GapReason, Item, Row};
use tempest_contract::{Contract, RowStream};
use thiserror::Error;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// Most blocks of one clip: ten hours at 36 ms a block, 0.5 GB of rows and embeddings.
const MAX_BLOCKS: usize = 1 << 20;

/// Bytes without a single block after which a stream is given up: beyond any tag that carries cover art.
const MAX_BYTES_BEFORE_BLOCKS: u64 = 64 << 20;

/// The rows of one clip, and what was seen on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Media {
    /// Rows of all whole blocks, one after the other; [`Media::blocks`] of them.
    pub rows: Vec<i32>,
    /// Blocks.
    pub blocks: usize,
    /// Duration of the blocks in seconds; 0 for images.
    pub seconds: f64,
    /// Mean bit rate in kbit/s; 0 for images.
    pub bitrate_kbps: f64,
    /// Bytes that are no block and no part of the format.
    pub garbage_bytes: u64,
    /// Places where something is missing or damaged.
    pub gaps: usize,
    /// Bytes of blocks longer than the model's L, which the view `bytes` does not show it.
    pub cut_bytes: u64,
    /// Blocks whose main data begins in frames that are not there; the views that read main data show zeros in its place.
    pub lost_blocks: usize,
    /// The stream ended inside a block, which is left out, or before an image did.
    pub truncated: bool,
}

/// Why a stream cannot be classified.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MediaError {
    /// Reading failed.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    /// Not a single byte.
    #[error("the file is empty; give {name} file")]
    Empty {
        /// Name of the format, with its article.
        name: &'static str,
    },
    /// Bytes, but no block.
    #[error("not {name}: no {unit} in {bytes} bytes; expected {expected}")]
    NoBlocks {
        /// Name of the format that was looked for, with its article.
        name: &'static str,
        /// What a block is called there.
        unit: &'static str,
        /// Bytes read.
        bytes: u64,
        /// The media the model reads.
        expected: String,
    },
    /// A stream that is recognised and not supported.
    #[error("{cause}; re-encode it: {recipe}")]
    Unsupported {
        /// What was found, and where.
        cause: Diagnosis,
        /// A command that makes fitting media.
        recipe: String,
    },
    /// Ended inside a frame.
    #[error(
        "truncated: the last {unit} is cut short after {blocks} whole ones; fetch it again, or classify what is there with --allow-truncated"
    )]
    Truncated {
        /// What a block is called.
        unit: &'static str,
        /// Whole blocks before.
        blocks: usize,
    },
    /// Media of another kind than the model was trained on.
    #[error("{found}; the model '{model}' expects {expected}: convert it with {recipe}")]
    Mismatch {
        /// What the stream is.
        found: String,
        /// Name of the model.
        model: String,
        /// What the model reads.
        expected: String,
        /// A command that makes fitting media.
        recipe: String,
    },
    /// Longer than a clip may be.
    #[error("more than {MAX_BLOCKS} blocks; cut the recording into shorter files")]
    TooLong,
}

impl Media {
    /// Reads a stream to its end. Gives the same rows however the bytes arrive.
    ///
    /// # Errors
    /// [`MediaError`]: what the stream is, what the model expects and what to do. A truncated last block is no error
    /// here; see [`Media::truncated`].
    pub fn read(mut source: impl Read, contract: &Contract) -> Result<Self, MediaError> {
        let mut stream = RowStream::new(contract);
        let mut reader = Reader { media: Media::default(), contract, bytes: 0, samples: 0, block_bytes: 0 };
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            reader.bytes += count as u64;
            stream.feed(&chunk[..count], &mut |item| reader.item(item))?;
            if reader.media.blocks == 0 && reader.bytes > MAX_BYTES_BEFORE_BLOCKS {
                break;
            }
        }
        stream.finish(&mut |item| reader.item(item))?;
        reader.finish(stream.diagnosis())
    }
}

struct Reader<'a> {
    media: Media,
    contract: &'a Contract,
    /// Bytes of the stream, samples and bytes of its blocks.
    bytes: u64,
    samples: u64,
    block_bytes: u64,
}

impl Reader<'_> {
    fn item(&mut self, item: Item<'_>) -> Result<(), MediaError> {
        match item {
            Item::Row(row) => self.row(&row)?,
            Item::Foreign(foreign) => return Err(self.mismatch(foreign.to_string())),
            Item::Gap(Gap { bytes, reason: GapReason::Garbage, .. }) => self.media.garbage_bytes += bytes,
            Item::Gap(_) => self.media.gaps += 1,
            Item::CutShort => self.media.truncated = true,
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), MediaError> {
        if self.media.blocks == MAX_BLOCKS {
            return Err(MediaError::TooLong);
        }
        self.media.rows.extend_from_slice(row.values);
        self.media.blocks += 1;
        self.media.cut_bytes += row.cut_bytes as u64;
        self.media.lost_blocks += usize::from(row.main_data_lost);
        self.samples += u64::from(row.samples);
        self.block_bytes += row.bytes;
        Ok(())
    }

    fn finish(mut self, diagnosis: Option<Diagnosis>) -> Result<Media, MediaError> {
        let codec = &self.contract.codec;
        if self.bytes == 0 {
            return Err(MediaError::Empty { name: codec.a_name() });
        }
        if self.media.blocks == 0 {
            return Err(self.without_blocks(diagnosis));
        }
        if let Some((rate, _)) = codec.clock() {
            self.media.seconds = self.samples as f64 / f64::from(rate);
            self.media.bitrate_kbps = self.block_bytes as f64 / 125.0 / self.media.seconds;
        }
        if !codec.accepts_rate(self.media.bitrate_kbps) {
            return Err(self.mismatch(format!("{} of {:.0} kbit/s on average", codec.name(), self.media.bitrate_kbps)));
        }
        Ok(self.media)
    }

    fn without_blocks(&self, diagnosis: Option<Diagnosis>) -> MediaError {
        let codec = &self.contract.codec;
        match diagnosis {
            Some(cause) if cause.class() == ErrorClass::Unsupported => {
                MediaError::Unsupported { cause, recipe: codec.recipe() }
            }
            _ if self.media.truncated => MediaError::Truncated { unit: codec.unit().name(), blocks: 0 },
            _ => MediaError::NoBlocks {
                name: codec.a_name(),
                unit: codec.unit().name(),
                bytes: self.bytes,
                expected: codec.to_string(),
            },
        }
    }

    fn mismatch(&self, found: String) -> MediaError {
        MediaError::Mismatch {
            found,
            model: self.contract.name.clone(),
            expected: self.contract.media(),
            recipe: self.contract.codec.recipe(),
        }
    }
}
