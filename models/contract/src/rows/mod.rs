//! Media to rows: what trainer, compiler and runtime show a model is made here.

mod intervals;
mod jpeg;
mod mp3;
mod opus;

use crate::{Codec, Contract, Unit};
use std::fmt;
use tempest_blocks::{ErrorClass, jpeg as jpeg_blocks, mp3 as mp3_blocks, opus as opus_blocks};

/// Longest image that is held, in bytes; what lies behind is not read.
pub const MAX_IMAGE_BYTES: usize = 1 << 26;

/// Cuts one stream of a contract's format into blocks and writes the row of each whole one.
///
/// It is pushed: any chunking of a stream gives the same items. All memory is taken when it is made, below 100 KiB and
/// the row; nothing is allocated while it works. Of JPEG, the units `mcu-approx` and `restart` depend on what lies behind
/// a block: the image is held, up to [`MAX_IMAGE_BYTES`], and its rows come when it is finished.
#[derive(Clone, Debug)]
pub struct RowStream {
    walk: Box<Walk>,
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "boxed, and never in numbers")]
enum Walk {
    Mp3(mp3::Walk),
    Opus(opus::Walk),
    Jpeg(jpeg::Walk),
    Intervals(intervals::Walk),
}

/// What takes the items of a stream. Its error is the caller's, and ends the call; the items behind it are lost.
pub type Sink<'s, E> = &'s mut dyn FnMut(Item<'_>) -> Result<(), E>;

/// What comes next in a stream.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A whole block of the contract's media.
    Row(Row<'a>),
    /// A whole block of other media, which gives no row.
    Foreign(Foreign),
    /// Something is missing or out of place: what follows does not continue what was before.
    Gap(Gap),
    /// The stream ends inside a block or its header, which is left out.
    CutShort,
}

/// One block as the model reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The view's F integers.
    pub values: &'a [i32],
    /// Offset of the block's first byte in the stream.
    pub offset: u64,
    /// Bytes of the stream that it stands for: its own; of an ADU those of its frame, of a granule its share of them; of an
    /// image the bytes its bits fill.
    pub bytes: u64,
    /// Samples it stands for, at [`Codec::clock`]'s rate; of a granule of one of two channels half of them, 0 for images.
    pub samples: u32,
    /// View `bytes`: bytes of the block beyond L, which the row does not show.
    pub cut_bytes: usize,
    /// The block's main data begins in frames that are not there: its scale factors and sums are 0, and an ADU or granule
    /// ends behind its side information.
    pub main_data_lost: bool,
}

/// What a block is, that is not of the contract's media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// An MP3 frame of another sample rate, channel count or layout.
    Mp3(mp3_blocks::FrameHeader),
    /// An Opus packet of another duration, or of a stream with other channels.
    Opus {
        /// Samples of the packet at 48 kHz.
        samples: u32,
        /// Channels that the stream's head states.
        channels: u8,
    },
    /// An image of another size or number of components, or with other MCUs.
    Jpeg {
        /// Width and height in pixels.
        size: [u16; 2],
        /// Its components.
        components: u8,
        /// Data units of its MCU.
        data_units: u8,
    },
}

/// A break in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where in the stream, in bytes.
    pub offset: u64,
    /// Bytes of the stream that are no block; 0 where what is missing is not there at all.
    pub bytes: u64,
    /// What is wrong.
    pub reason: GapReason,
}

/// What is wrong at a [`Gap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// Bytes between blocks that are no part of the format.
    Garbage,
    /// Blocks that are recognised and broken.
    Damaged,
    /// Ogg: so many pages are missing.
    LostPages(u32),
    /// Ogg: another stream begins, chained to the one before.
    NewStream,
}

/// What a stream holds in place of blocks that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diagnosis {
    /// Layer I, Layer II, the free format, AAC.
    Mp3(mp3_blocks::StreamError),
    /// Another codec in Ogg, or Opus of a kind that is not cut.
    Opus(opus_blocks::StreamError),
    /// The first error of an image.
    Jpeg(jpeg_blocks::Error),
}

impl RowStream {
    /// At the start of a stream of the contract's media, whose rows are written in the contract's view.
    #[must_use]
    pub fn new(contract: &Contract) -> Self {
        let view = &contract.view;
        let walk = match &contract.codec {
            Codec::Mp3(codec) => Walk::Mp3(mp3::Walk::new(codec, view)),
            Codec::OggOpus(codec) => Walk::Opus(opus::Walk::new(codec, view)),
            Codec::Jpeg(codec) if codec.unit == Unit::Mcu => Walk::Jpeg(jpeg::Walk::new(codec, view)),
            Codec::Jpeg(codec) => Walk::Intervals(intervals::Walk::new(codec, view)),
        };
        Self { walk: Box::new(walk) }
    }

    /// Reads on. All of `input` is used.
    ///
    /// # Errors
    /// The sink's own.
    pub fn feed<E>(&mut self, input: &[u8], sink: Sink<'_, E>) -> Result<(), E> {
        match &mut *self.walk {
            Walk::Mp3(walk) => walk.feed(input, sink),
            Walk::Opus(walk) => walk.feed(input, sink),
            Walk::Jpeg(walk) => walk.feed(input, sink),
            Walk::Intervals(walk) => {
                walk.feed(input);
                Ok(())
            }
        }
    }

    /// Says that the stream has ended and gives what that decides.
    ///
    /// # Errors
    /// The sink's own.
    pub fn finish<E>(&mut self, sink: Sink<'_, E>) -> Result<(), E> {
        match &mut *self.walk {
            Walk::Mp3(walk) => walk.finish(sink),
            Walk::Opus(walk) => walk.finish(sink),
            Walk::Jpeg(walk) => walk.finish(sink),
            Walk::Intervals(walk) => walk.finish(sink),
        }
    }

    /// What the stream holds in place of blocks; ask when it gave none.
    #[must_use]
    pub fn diagnosis(&self) -> Option<Diagnosis> {
        match &*self.walk {
            Walk::Mp3(walk) => walk.diagnosis().map(Diagnosis::Mp3),
            Walk::Opus(walk) => walk.diagnosis().map(Diagnosis::Opus),
            Walk::Jpeg(walk) => walk.diagnosis().map(Diagnosis::Jpeg),
            Walk::Intervals(walk) => walk.diagnosis().map(Diagnosis::Jpeg),
        }
    }
}

impl Diagnosis {
    /// Broken, refused by design, or too large.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Diagnosis::Mp3(error) => error.class(),
            Diagnosis::Opus(error) => error.class(),
            Diagnosis::Jpeg(error) => error.class(),
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Diagnosis::Mp3(error) => error.fmt(f),
            Diagnosis::Opus(error) => error.fmt(f),
            Diagnosis::Jpeg(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Foreign::Mp3(header) => header.fmt(f),
            Foreign::Opus { samples, channels } => {
                let channels = if *channels == 1 { "mono" } else { "stereo" };
                write!(f, "Opus packet of {} ms, {channels}", *samples as f32 / 48.0)
            }
            Foreign::Jpeg { size: [width, height], components, data_units } => {
                write!(f, "JPEG of {width}x{height}, {components} components, MCUs of {data_units} data units")
            }
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GapReason::Garbage => f.write_str("garbage"),
            GapReason::Damaged => f.write_str("damaged data"),
            GapReason::LostPages(pages) => write!(f, "{pages} pages missing"),
            GapReason::NewStream => f.write_str("another stream begins"),
        }
    }
}
