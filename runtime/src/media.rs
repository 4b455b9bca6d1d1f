//! A stream of compressed media, cut into blocks as it arrives and kept as the rows a model reads.

use std::io::{self, Read};
use tempest_blocks::mp3::Event;
use tempest_blocks::mp3::{Block, Cutter, Fed, FrameHeader, SkipReason, StreamError};
use tempest_contract::{Contract, RowWriter};
use thiserror::Error;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// Most blocks of one clip: ten hours at 36 ms a block, 0.5 GB of rows and embeddings.
const MAX_BLOCKS: usize = 1 << 20;

/// Bytes without a single frame after which a stream is given up: beyond any tag that carries cover art.
const MAX_BYTES_BEFORE_FRAMES: u64 = 64 << 20;

/// The rows of one clip, and what was seen on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Media {
    /// Rows of all whole blocks, one after the other; [`Media::blocks`] of them.
    pub rows: Vec<i32>,
    /// Blocks.
    pub blocks: usize,
    /// Duration of the blocks in seconds.
    pub seconds: f64,
    /// Mean bit rate in kbit/s.
    pub bitrate_kbps: f64,
    /// Bytes that are no block and no tag.
    pub garbage_bytes: u64,
    /// Bytes of blocks longer than the model's L, which the view `bytes` does not show it.
    pub cut_bytes: u64,
    /// Blocks whose main data begins in frames that are not there; the views that read main data show zeros in its place.
    pub lost_blocks: usize,
    /// The stream ended inside a block, which is left out.
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
    #[error("the file is empty; give an MP3 file")]
    Empty,
    /// Bytes, but no frame.
    #[error("not an MP3: no frame in {bytes} bytes; expected {expected}")]
    NoFrames {
        /// Bytes read.
        bytes: u64,
        /// The media the model reads.
        expected: String,
    },
    /// A stream that is recognised and not supported.
    #[error("{cause}; re-encode it as Layer III: {recipe}")]
    Unsupported {
        /// What was found, and where.
        cause: StreamError,
        /// A command that makes fitting media.
        recipe: String,
    },
    /// Ended inside a frame.
    #[error(
        "truncated: the last frame is cut short after {blocks} whole ones; fetch it again, or classify what is there with --allow-truncated"
    )]
    Truncated {
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
        let (media, writer) = (Media::default(), RowWriter::new(&contract.view));
        let mut reader = Reader { media, contract, writer, bytes: 0, first: None, kilobits: 0.0 };
        let mut cutter = Cutter::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            reader.bytes += count as u64;
            reader.feed(&mut cutter, &chunk[..count])?;
            if reader.first.is_none() && reader.bytes > MAX_BYTES_BEFORE_FRAMES {
                break;
            }
        }
        while let Some(event) = cutter.finish() {
            reader.event(event)?;
        }
        reader.finish(cutter.diagnosis())
    }
}

struct Reader<'a> {
    media: Media,
    contract: &'a Contract,
    writer: RowWriter,
    bytes: u64,
    first: Option<FrameHeader>,
    kilobits: f64,
}

impl Reader<'_> {
    fn feed(&mut self, cutter: &mut Cutter, mut input: &[u8]) -> Result<(), MediaError> {
        loop {
            input = match cutter.feed(input) {
                Fed::NeedMore => return Ok(()),
                Fed::Block { block, rest } => {
                    self.event(Event::Block(block))?;
                    rest
                }
                Fed::Skipped { skipped, rest } => {
                    self.event(Event::Skipped(skipped))?;
                    rest
                }
            };
        }
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), MediaError> {
        match event {
            Event::Block(block) if block.truncated => self.media.truncated = true,
            Event::Block(block) => self.block(&block)?,
            Event::Skipped(skipped) => match skipped.reason {
                SkipReason::PartialHeader => self.media.truncated = true,
                SkipReason::Garbage => self.media.garbage_bytes += skipped.bytes,
                _ => self.media.truncated |= skipped.truncated,
            },
        }
        Ok(())
    }

    fn block(&mut self, block: &Block<'_>) -> Result<(), MediaError> {
        let header = block.header;
        let codec = &self.contract.codec;
        self.first.get_or_insert(header);
        if header.sample_rate() != codec.sample_rate || header.channels() != codec.channels {
            return Err(self.mismatch(header.to_string()));
        }
        if self.media.blocks == MAX_BLOCKS {
            return Err(MediaError::TooLong);
        }
        let seconds = f64::from(header.samples()) / f64::from(header.sample_rate());
        self.media.seconds += seconds;
        self.kilobits += f64::from(header.bitrate_kbps()) * seconds;
        self.row(block);
        Ok(())
    }

    /// Appends the row of a block. A block too short for its side information gives none.
    fn row(&mut self, block: &Block<'_>) {
        let Some(written) = self.writer.push(block, &mut self.media.rows) else { return };
        self.media.blocks += 1;
        self.media.cut_bytes += written.cut_bytes as u64;
        self.media.lost_blocks += usize::from(written.main_data_lost);
    }

    fn finish(mut self, diagnosis: Option<StreamError>) -> Result<Media, MediaError> {
        let contract = self.contract;
        if self.bytes == 0 {
            return Err(MediaError::Empty);
        }
        let Some(first) = self.first.filter(|_| self.media.blocks > 0) else {
            return Err(match diagnosis {
                Some(cause) => MediaError::Unsupported { cause, recipe: recipe(contract) },
                None if self.media.truncated => MediaError::Truncated { blocks: 0 },
                None => MediaError::NoFrames { bytes: self.bytes, expected: contract.media() },
            });
        };
        let rate = self.kilobits / self.media.seconds;
        let trained = &contract.codec.bitrates_kbps;
        let (low, high) = (trained.first().copied().unwrap_or(0), trained.last().copied().unwrap_or(u32::MAX));
        if !(f64::from(low)..=f64::from(high)).contains(&rate) {
            return Err(self.mismatch(format!("{first} ({rate:.0} kbit/s on average)")));
        }
        self.media.bitrate_kbps = rate;
        Ok(self.media)
    }

    fn mismatch(&self, found: String) -> MediaError {
        MediaError::Mismatch {
            found,
            model: self.contract.name.clone(),
            expected: self.contract.media(),
            recipe: recipe(self.contract),
        }
    }
}

/// A command that makes media the model reads.
fn recipe(contract: &Contract) -> String {
    let codec = &contract.codec;
    let rates = &codec.bitrates_kbps;
    let rate = rates.get(rates.len() / 2).copied().unwrap_or(32);
    format!("`ffmpeg -i IN -ar {} -ac {} -b:a {rate}k OUT.mp3`", codec.sample_rate, codec.channels)
}
