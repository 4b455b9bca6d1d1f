//! Opus (RFC 6716) in Ogg (RFC 3533, RFC 7845).
//!
//! The block is the *packet*; [`Block::packet`] gives the [`Frame`]s inside. Packets stand on their own but for what a
//! decoder remembers of the sound before.
//!
//! # From bytes to packets
//! A file is a row of pages, each with a checksum. The first page that holds an `OpusHead` begins the stream that is
//! cut; pages of other streams are passed over, Opus running beside it too. A stream chained behind it begins a new
//! `link`. A page that is missing (page numbers jump) or damaged ends the packet that would go on there; so do bytes
//! that are no page. Behind them only a page with the right checksum is believed, searched from the byte behind the
//! capture pattern of the damaged page on, so damage costs the pages it touches and no other.
//!
//! Every byte is reported once: in a [`Block`] (`packet_bytes` of them), or in a [`Skipped`] with its [`SkipReason`].
//! Blocks come in order; a packet or header packet on several pages comes at its end, so its offset is before that of
//! the page headers it spans.
//!
//! # When a page is believed
//! The checksum covers a whole page, up to [`MAX_PAGE_BYTES`], four times what a microcontroller has to give; and
//! encoders fill a page with a second of sound. So a [`Cutter`] holds pages of up to its `HELD` bytes until they are
//! checked, and gives nothing of a damaged one. A longer page is cut as it comes, its blocks with `verified` unset,
//! and its verdict follows: its header is reported behind its packets, as [`SkipReason::PageHeader`] or
//! [`SkipReason::BadChecksum`]. How long a page is stands in its header, so all this does not depend on the chunking.
//! [`events`] has the whole file and checks every page first, as does a `Cutter<MAX_PAGE_BYTES>`, which gives exactly
//! the same; a smaller cutter gives the same packets of an undamaged, whole file, and in any case the same as
//! [`Events::like_cutter`]. Not checked are pages longer than `HELD` of other streams.
//!
//! Rejected: to judge every page behind its packets, which is one way less and needs no buffer, but hands out what
//! RFC 3533 says to discard, and passes over the next page when a damaged segment table says so; and to refuse long
//! pages, which are most of the music there is.
//!
//! # Positions
//! A page says where its last packet ends, so the first packet of a page is placed by counting back from there, over
//! all packets of the page. Of a page too long to hold, packets are placed by the end of the page before. The first
//! page with sound has none: there `position` is `None` unless the page's end proves that the file starts at 0. The
//! same after missing pages, and on a last page after them, which may end early.
//!
//! # Limits
//! Of a packet longer than [`MAX_PACKET_BYTES`] the first so many bytes are given, as a block with `truncated` set and
//! its true length. The work is linear in the bytes given: where pages made to overlap would have each byte summed up
//! hundreds of times, those summed up in vain are counted, and beyond eight times the bytes passed (and a megabyte)
//! no page is believed.
//!
//! # Cut streams
//! An incomplete page at the end cannot be checked: it is [`SkipReason::PartialPage`]. Of one too long to hold, whole
//! packets are given.

mod block;
pub mod bytes;
mod celt;
mod coded;
mod crc;
mod cutter;
mod detect;
pub mod fields;
mod head;
mod machine;
mod packet;
mod page;
mod payload;
mod range;
mod silk;
mod slice;
pub mod symbols;
mod toc;

pub use block::{Block, Event, SkipReason, Skipped};
pub use coded::State;
pub use cutter::{Cutter, Fed, HELD_BYTES};
pub(crate) use detect::{FIRST_PAGE_BYTES, first_page};
pub use head::{HeadError, OpusHead, StreamError};
pub use machine::MAX_PACKET_BYTES;
pub use packet::{Frame, Frames, MAX_FRAME_BYTES, MAX_FRAMES, MAX_PACKET_SAMPLES, Packet, PacketError};
pub use page::MAX_PAGE_BYTES;
pub use payload::{Parts, Payload};
pub use slice::{Blocks, Events, blocks, events};
pub use toc::{Bandwidth, Mode, Toc};
