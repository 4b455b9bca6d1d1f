//! View `scalefactors`: `fields`, and the scale factors at the head of the main data.
//!
//! # Layout 1
//! The columns of [`fields`](super::fields) (layout 1), then 61 for each granule and, within it, each channel. The row
//! of a block has [`row_len`]`(granules, channels)` values, from 85 (MPEG-2 mono) to 328 (MPEG-1 stereo).
//!
//! | column, for each granule and channel | values | note |
//! |---|---|---|
//! | `scalefac_l0` to `_l21` | 0..=15, intensity stereo in MPEG-2: 0..=31 | long bands, lowest first |
//! | `scalefac_s0_w0`, `_s0_w1` to `_s12_w2` | the same | short bands, within each the three windows |
//!
//! Scale factors are as coded; those that granule 1 takes over (`scfsi`) are there again. The last band, `l21` and
//! `s12`, has none. 0 stands where there is none: a long block has no short bands, a short block no long ones, a mixed
//! block 8 long ones (MPEG-2: 6) and the short ones from `s3` on.

use crate::ViewError;

use super::bands::BAND_SLOTS;
use super::block::Block;
use super::columns::{self, BandColumns, band_columns};
use super::fields::Column;
use super::parts::{Part, parts};
use super::reservoir::MainData;

/// Which columns a row has, in which order. A model states the layout it was trained on.
pub const LAYOUT: u32 = 1;

static KINDS: [BandColumns; 1] = [band_columns!("scalefac")];

/// Values in a row: `granules` and `channels` are those of the header, 1 or 2 each.
#[must_use]
pub const fn row_len(granules: u8, channels: u8) -> usize {
    columns::row_len(granules, channels, KINDS.len())
}

/// The columns in the order of the row, [`row_len`] of them.
pub fn columns(granules: u8, channels: u8) -> impl Iterator<Item = Column> + Clone {
    columns::columns(granules, channels, &KINDS)
}

/// Fills the row of a block with its main data. The row must have the [`row_len`] of the block's header. Where main data
/// is missing, scale factors are 0; `MainData::default()` stands for main data that is missing altogether.
pub fn write(block: &Block<'_>, main_data: MainData<'_>, out: &mut [i32]) -> Result<(), ViewError> {
    let (side_info, of_bands) = columns::begin(block, KINDS.len(), out)?;
    let (rows, _) = of_bands.as_chunks_mut::<BAND_SLOTS>();
    for (row, part) in rows.iter_mut().zip(parts(block.header, &side_info, main_data)) {
        *row = part.scale_factors.slots().map(i32::from);
    }
    Ok(())
}

/// Fills the row of one channel of one granule: the [`columns`]`(1, 1)`, and so a row of that [`row_len`].
pub fn write_part(part: &Part<'_>, out: &mut [i32]) -> Result<(), ViewError> {
    let of_bands = columns::begin_part(part, KINDS.len(), out)?;
    for (to, &scale) in of_bands.iter_mut().zip(part.scale_factors.slots()) {
        *to = scale.into();
    }
    Ok(())
}
