//! Cuts compressed media into *blocks* without decoding them, and writes each block as a row of numbers.
//!
//! A block is the smallest part of a stream that the format itself marks out: for MP3, one frame; for Ogg Opus, one packet
//! and the frames inside; for JPEG, one MCU. A *view* says which part of a block becomes numbers: its bytes as they are,
//! its bit-aligned side information ([`mp3::fields`], [`opus::fields`]), its scale factors ([`mp3::scalefactors`]), or its
//! entropy-coded integers ([`mp3::symbols`], [`opus::symbols`], [`jpeg::symbols`]). No sample is ever computed.
//!
//! | level | MP3 | Ogg Opus | promise |
//! |---|---|---|---|
//! | word, packet | [`mp3::FrameHeader::parse`] | [`opus::Packet::parse`] | pure: bytes in, what they say or the reason why not out |
//! | stream, pushed | [`mp3::Cutter`] | [`opus::Cutter`] | any chunking of a stream gives the same blocks; state below 4 KiB and 16 KiB |
//! | stream, in memory | [`mp3::blocks`], [`mp3::events`] | [`opus::blocks`], [`opus::events`] | the same blocks as the cutter, borrowed from the slice |
//! | main data | [`mp3::Reservoir`] | | each frame's own, gathered in less than 2 KiB |
//! | memory | | [`opus::State`] | what a packet's numbers are differences to, in less than 256 bytes |
//! | view | `write` of [`mp3::bytes`], [`mp3::fields`], [`mp3::scalefactors`], [`mp3::symbols`] | `write` of [`opus::fields`], [`opus::symbols`], [`opus::bytes`] | fills the caller's row |
//!
//! | level | JPEG | promise |
//! |---|---|---|
//! | image, pushed | [`jpeg::Cutter`] | any chunking of an image gives the same MCUs; state below 16 KiB |
//! | image, in memory | [`jpeg::Image`] | the same MCUs as the cutter, restart intervals, guessed MCUs |
//! | view | [`jpeg::symbols::write`], [`jpeg::bytes::write`] | fills the caller's row |
//!
//! [`detect`] and [`Detector`] tell which format a stream is of. [`Cut`] is what the three cutters share. Behind features,
//! off by default: `std_io`, `embedded_io_v0_7` and `embedded_io_async_v0_7` read a stream through any cutter,
//! `heapless_v0_9` keeps rows and blocks, `defmt` formats errors and headers.
//!
//! The crate needs neither the standard library nor an allocator. No input makes it panic, and the work done is linear
//! in the bytes given.
//!
//! ```
//! use tempest_blocks::mp3;
//!
//! // Three silent frames of 64 kbit/s, 44.1 kHz, mono: a header, zero side information, filler.
//! let mut frame = [0_u8; 208];
//! frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x50, 0xC0]);
//! let file = [frame, frame, frame].concat();
//!
//! let mut row = [0_i32; mp3::fields::row_len(2, 1)];
//! for block in mp3::blocks(&file) {
//!     assert_eq!((block.bytes.len(), block.duration()), (208, 1152));
//!     mp3::fields::write(&block, &mut row)?;
//!     assert_eq!(row[0], 5); // bitrate_index: 64 kbit/s
//! }
//! # Ok::<(), tempest_blocks::ViewError>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bits;
mod column;
mod cut;
mod detect;
#[cfg(feature = "embedded_io_async_v0_7")]
pub mod embedded_io_async_v0_7;
#[cfg(feature = "embedded_io_v0_7")]
pub mod embedded_io_v0_7;
mod error;
#[cfg(feature = "heapless_v0_9")]
pub mod heapless_v0_9;
pub mod jpeg;
mod kept;
pub mod mp3;
pub mod opus;
#[cfg(any(feature = "embedded_io_async_v0_7", feature = "embedded_io_v0_7", feature = "std"))]
pub mod pull;
#[cfg(feature = "std")]
pub mod std_io;
mod tokens;
mod verdict;

pub use column::{Column, Kind};
pub use cut::Cut;
pub use detect::{Detection, Detector, Format, detect};
pub use error::{ErrorClass, ViewError};
pub use tokens::PAD;

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
