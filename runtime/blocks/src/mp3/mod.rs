//! MPEG audio Layer III: MPEG-1 (ISO/IEC 11172-3), MPEG-2 LSF (ISO/IEC 13818-3) and the common extension MPEG-2.5.
//!
//! The unit of cutting is the *frame*: header, CRC if any, side information, and the main data that lies between it and the next
//! header. Through the bit reservoir a frame's own main data may begin in earlier frames (`main_data_begin`), so a
//! frame is not self-contained; its header and side information are. [`Reservoir`] gathers a frame's main data, and
//! [`parts`] takes it apart into scale factors and Huffman codes. Two more units are made of that: [`adu`], the frame
//! with its own main data, and [`granule`], one channel of one granule.
//!
//! # From bytes to frames
//! A header alone is weak evidence: 11 sync bits. So a stream is entered, at its start, behind a tag or after garbage,
//! only at a frame that leads exactly to a second header of the same version, layer and sample rate, or to a tag, or
//! to the end of the stream. From there each frame leads to the next; bit rate, padding and channel mode may change
//! freely. Where the chain breaks, the search starts anew, which also finds a second stream joined to the first.
//!
//! Every byte is reported once: in a [`Block`], or in a [`Skipped`] with its [`SkipReason`].
//!
//! # Cut streams
//! A stream that ends inside a frame gives what there is of it, as a block with `truncated` set; less than a header
//! gives [`SkipReason::PartialHeader`], and a tag that ends early has `truncated` set. A clean end has none of these.

pub mod adu;
mod bands;
mod block;
pub mod bytes;
mod codebooks;
mod columns;
mod cutter;
mod error;
pub mod fields;
pub mod granule;
mod header;
mod huffman;
mod kinds;
mod machine;
mod parts;
mod pool;
mod refused;
mod reservoir;
mod scale;
pub mod scalefactors;
mod side_info;
mod slice;
mod spectrum;
pub mod symbols;
mod sync;
mod tables;
mod tag;

pub use bands::{BAND_SLOTS, LONG_BANDS, SHORT_BANDS};
pub use block::{Block, Event, SkipReason, Skipped};
pub use cutter::{Cutter, Fed};
pub use error::{HeaderError, StreamError};
pub use header::{FrameHeader, HEADER_BYTES, MAX_FRAME_BYTES};
pub use kinds::{ChannelMode, Version};
pub use parts::{Part, Parts, parts};
pub(crate) use pool::log2;
pub use reservoir::{MAX_MAIN_DATA_BEGIN, MainData, MainDataError, Reservoir};
pub use scale::ScaleFactors;
pub use side_info::{GranuleChannel, SideInfo};
pub use slice::{Blocks, Events, blocks, events};
pub use spectrum::{Spectrum, SpectrumEnd};
pub(crate) use sync::{Start, leads_to, start};
