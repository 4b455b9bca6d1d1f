//! View `fields`: what header and side information say, one number each.
//!
//! # Layout 1
//! Four columns for the frame, then twenty for each granule and, within it, each channel. The row of a block has
//! [`row_len`]`(granules, channels)` values, from 24 (MPEG-2 mono) to 84 (MPEG-1 stereo).
//!
//! | column | values | note |
//! |---|---|---|
//! | `bitrate_index` | category of 16 | the frame's |
//! | `mode` | category of 4 | stereo, joint stereo, dual channel, mono |
//! | `mode_extension` | category of 4 | as coded, in any mode |
//! | `main_data_begin` | 0..=511 | MPEG-2 and 2.5: 0..=255 |
//!
//! | column, for each granule and channel | values | note |
//! |---|---|---|
//! | `part2_3_length` | 0..=4095 | bits |
//! | `big_values` | 0..=511 | legal up to 288 |
//! | `global_gain` | 0..=255 | |
//! | `scalefac_compress_high` | category of 32 | value >> 4: 0 in MPEG-1 |
//! | `scalefac_compress_low` | category of 16 | value & 15 |
//! | `window_switching` | category of 2 | |
//! | `block_type` | category of 4 | 0 without window switching |
//! | `mixed_block` | category of 2 | 0 without window switching |
//! | `table_select_0`, `_1`, `_2` | category of 32 each | the third is 0 under window switching |
//! | `subblock_gain_0`, `_1`, `_2` | category of 8 each | 0 without window switching |
//! | `region0_count` | category of 16 | 0 under window switching |
//! | `region1_count` | category of 8 | 0 under window switching |
//! | `preflag` | category of 2 | 0 in MPEG-2 and 2.5 |
//! | `scalefac_scale` | category of 2 | |
//! | `count1table_select` | category of 2 | |
//! | `scfsi` | category of 16 | the channel's four bits in granule 1 of MPEG-1, else 0 |
//!
//! Every value lies in its range whatever the block holds: a category can index a table of its size.

use crate::ViewError;
use crate::column::{category, number};

use super::block::Block;
use super::header::FrameHeader;
use super::parts::Part;
use super::side_info::{GranuleChannel, SideInfo};

pub use crate::column::{Column, Kind};

/// Which columns a row has, in which order. A model states the layout it was trained on.
pub const LAYOUT: u32 = 1;

const FRAME_COLUMNS: [Column; 4] =
    [category("bitrate_index", 16), category("mode", 4), category("mode_extension", 4), number("main_data_begin")];

const GRANULE_COLUMNS: [Column; 20] = [
    number("part2_3_length"),
    number("big_values"),
    number("global_gain"),
    category("scalefac_compress_high", 32),
    category("scalefac_compress_low", 16),
    category("window_switching", 2),
    category("block_type", 4),
    category("mixed_block", 2),
    category("table_select_0", 32),
    category("table_select_1", 32),
    category("table_select_2", 32),
    category("subblock_gain_0", 8),
    category("subblock_gain_1", 8),
    category("subblock_gain_2", 8),
    category("region0_count", 16),
    category("region1_count", 8),
    category("preflag", 2),
    category("scalefac_scale", 2),
    category("count1table_select", 2),
    category("scfsi", 16),
];

/// Values in a row: `granules` and `channels` are those of the header, 1 or 2 each.
#[must_use]
pub const fn row_len(granules: u8, channels: u8) -> usize {
    FRAME_COLUMNS.len() + GRANULE_COLUMNS.len() * granules as usize * channels as usize
}

/// The columns in the order of the row, [`row_len`] of them.
pub fn columns(granules: u8, channels: u8) -> impl Iterator<Item = Column> + Clone {
    let places = (0..granules).flat_map(move |granule| (0..channels).map(move |channel| (granule, channel)));
    let of_granules =
        places.flat_map(|place| GRANULE_COLUMNS.into_iter().map(move |column| Column { place: Some(place), ..column }));
    FRAME_COLUMNS.into_iter().chain(of_granules)
}

/// Fills the row of a block. The row must have the [`row_len`] of the block's header. A truncated block has a row as
/// long as its side information is whole.
pub fn write(block: &Block<'_>, out: &mut [i32]) -> Result<(), ViewError> {
    let header = block.header;
    let expected = row_len(header.granules(), header.channels());
    if out.len() != expected {
        return Err(ViewError::RowLength { expected, found: out.len() });
    }
    let side_info = SideInfo::parse(header, block.bytes)?;
    fill(header, &side_info, out);
    Ok(())
}

/// Fills the row of one channel of one granule: the [`columns`]`(1, 1)`, and so a row of that [`row_len`].
pub fn write_part(part: &Part<'_>, out: &mut [i32]) -> Result<(), ViewError> {
    let (expected, found) = (row_len(1, 1), out.len());
    if found != expected {
        return Err(ViewError::RowLength { expected, found });
    }
    fill_part(part, out);
    Ok(())
}

/// Fills the row of one channel of one granule; what does not fit is left out.
pub(super) fn fill_part(part: &Part<'_>, out: &mut [i32]) {
    let frame = frame_values(part.header(), part.main_data_begin());
    let granule = granule_values(&part.coded, part.scfsi);
    for (to, from) in out.iter_mut().zip(frame.into_iter().chain(granule)) {
        *to = from;
    }
}

/// Fills the row of a frame; what does not fit is left out.
pub(super) fn fill(header: FrameHeader, side_info: &SideInfo, out: &mut [i32]) {
    let Some((frame, granules)) = out.split_first_chunk_mut() else { return };
    *frame = frame_values(header, side_info.main_data_begin);

    let channels = usize::from(header.channels());
    let (rows, _) = granules.as_chunks_mut();
    let coded = side_info.granules.iter().enumerate().flat_map(|(granule, coded)| {
        let of_channels = coded.iter().zip(side_info.scfsi).take(channels);
        of_channels.map(move |(coded, scfsi)| (coded, if granule == 1 { scfsi } else { 0 }))
    });
    for (row, (coded, scfsi)) in rows.iter_mut().zip(coded) {
        *row = granule_values(coded, scfsi);
    }
}

fn frame_values(header: FrameHeader, main_data_begin: u16) -> [i32; FRAME_COLUMNS.len()] {
    [header.bitrate_index().into(), header.mode() as i32, header.mode_extension().into(), main_data_begin.into()]
}

fn granule_values(coded: &GranuleChannel, scfsi: u8) -> [i32; GRANULE_COLUMNS.len()] {
    let [table_select_0, table_select_1, table_select_2] = coded.table_select;
    let [subblock_gain_0, subblock_gain_1, subblock_gain_2] = coded.subblock_gain;
    [
        coded.part2_3_length.into(),
        coded.big_values.into(),
        coded.global_gain.into(),
        (coded.scalefac_compress >> 4).into(),
        (coded.scalefac_compress & 15).into(),
        coded.window_switching_flag.into(),
        coded.block_type.into(),
        coded.mixed_block_flag.into(),
        table_select_0.into(),
        table_select_1.into(),
        table_select_2.into(),
        subblock_gain_0.into(),
        subblock_gain_1.into(),
        subblock_gain_2.into(),
        coded.region0_count.into(),
        coded.region1_count.into(),
        coded.preflag.into(),
        coded.scalefac_scale.into(),
        coded.count1table_select.into(),
        scfsi.into(),
    ]
}
