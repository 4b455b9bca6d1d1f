//! View `fields`: what a packet says of its frames, one number each.
//!
//! # Layout 1
//! The row of every packet has [`ROW_LEN`] values.
//!
//! | column | values | note |
//! |---|---|---|
//! | `config` | category of 32 | mode, bandwidth and frame size in one |
//! | `mode` | category of 3 | SILK, hybrid, CELT |
//! | `bandwidth` | category of 5 | 4, 6, 8, 12, 20 kHz |
//! | `frame_size` | category of 6 | 2.5, 5, 10, 20, 40, 60 ms |
//! | `stereo` | category of 2 | |
//! | `code` | category of 4 | |
//! | `vbr` | category of 2 | code 2, and code 3 with its flag set |
//! | `frame_count` | 1..=48 | |
//! | `padding` | 0..=2147483647 | bytes behind the last frame |
//! | `packet_bytes` | 1..=2147483647 | the first byte included |
//! | `frame_bytes_0` to `_5` | 0..=1275 | of the first six frames; 0 where there are fewer |
//!
//! Every value lies in its range whatever the packet holds: a category can index a table of its size.

use crate::ViewError;
use crate::column::{category, number};

use super::block::Block;

pub use crate::column::{Column, Kind};

/// Which columns a row has, in which order. A model states the layout it was trained on.
pub const LAYOUT: u32 = 1;

/// Values in a row.
pub const ROW_LEN: usize = COLUMNS.len();

/// Frames whose length has a column: as many as 120 ms have of the usual 20 ms.
const FRAME_LENGTHS: usize = 6;

/// The columns in the order of the row.
pub const COLUMNS: [Column; 10 + FRAME_LENGTHS] = [
    category("config", 32),
    category("mode", 3),
    category("bandwidth", 5),
    category("frame_size", 6),
    category("stereo", 2),
    category("code", 4),
    category("vbr", 2),
    number("frame_count"),
    number("padding"),
    number("packet_bytes"),
    number("frame_bytes_0"),
    number("frame_bytes_1"),
    number("frame_bytes_2"),
    number("frame_bytes_3"),
    number("frame_bytes_4"),
    number("frame_bytes_5"),
];

/// Fills the row of a block. A truncated block has a row as long as its frame lengths are whole; those are as coded.
pub fn write(block: &Block<'_>, out: &mut [i32]) -> Result<(), ViewError> {
    let found = out.len();
    let row: &mut [i32; ROW_LEN] = out.try_into().map_err(|_| ViewError::RowLength { expected: ROW_LEN, found })?;
    let packet = block.packet().map_err(ViewError::Packet)?;
    let toc = packet.toc();
    let mut lengths = [0; FRAME_LENGTHS];
    lengths.iter_mut().zip(packet.frame_lengths()).for_each(|(to, bytes)| *to = bytes as i32);
    let capped = |bytes: u64| i32::try_from(bytes).unwrap_or(i32::MAX);
    let (columns, frames) = row.split_at_mut(ROW_LEN - FRAME_LENGTHS);
    columns.copy_from_slice(&[
        toc.config().into(),
        toc.mode() as i32,
        toc.bandwidth() as i32,
        toc.frame_size().into(),
        toc.stereo().into(),
        toc.code().into(),
        packet.vbr().into(),
        packet.frame_count().into(),
        capped(packet.padding()),
        capped(block.packet_bytes),
    ]);
    frames.copy_from_slice(&lengths);
    Ok(())
}
