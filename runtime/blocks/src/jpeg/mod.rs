//! JPEG (ITU-T T.81 | ISO/IEC 10918-1): sequential DCT images with Huffman coding and 8-bit samples.
//!
//! The block is the *MCU*, minimum coded unit: 8 x 8 samples of each component, or a few of those under subsampling. Its
//! borders lie anywhere in a byte and are found only by reading every Huffman code before them; that is done here, but
//! no coefficient is dequantised or transformed.
//!
//! | unit | how | exact |
//! |---|---|---|
//! | MCU | [`Image::mcus`], [`Cutter`] | to the bit |
//! | restart interval | [`Image::restarts`] | to the byte, as marked by RSTn; else a whole scan |
//! | MCU, guessed | [`Image::approx`] | no: an interval in equal parts, as the TEMPEST paper does it |
//!
//! # What is read
//! Baseline (SOF0) and extended sequential (SOF1) images of 1 to 4 components in any sampling, in one scan or several,
//! with tables redefined between them, with and without restart markers. Other segments are skipped by their length, so
//! a thumbnail within APP1 is none of the image. Behind EOI everything is [`SkipReason::Trailing`].
//!
//! # What is refused
//! By name ([`Cause`]): progressive, lossless, arithmetic and hierarchical images, JPEG-LS, samples of other than 8 bits,
//! more than 4 components, and a height that only a DNL segment tells. A DNL segment behind a stated height is skipped.
//!
//! # Damage
//! Bits that are no code and markers where none may be are an [`Error`] with an offset. Reading goes on at the next RSTn
//! if there is one, else with the next scan; up to three lost restart markers are made up for. Every byte is reported
//! once, in a block or as [`Skipped`], but for a byte that two MCUs share.

mod block;
pub mod bytes;
mod cutter;
mod error;
mod frame;
mod huffman;
mod image;
mod machine;
mod marker;
mod reader;
mod scan;
pub mod symbols;

pub use block::{Data, Interval, Mcu, Place, SkipReason, Skipped};
pub use cutter::{Cutter, Fed};
pub use error::{Cause, Error};
pub use frame::{Component, Frame, MAX_COMPONENTS, Process};
pub use image::{Approx, Division, Event, Events, Image, IntervalEvent, IntervalEvents, Mcus, Part, Parts, Restarts};
pub use marker::Marker;
pub(crate) use marker::begins_image;
pub use scan::MAX_UNITS;
