//! View `symbols`: the Huffman-coded integers, pooled by scale factor band ([`write`](write())) or whole
//! ([`write_whole`]). Nothing is dequantised, nothing is transformed.
//!
//! # Layout 1
//! The columns of [`fields`](super::fields) (layout 1), then 122 for each granule and, within it, each channel. The row
//! of a block has [`row_len`]`(granules, channels)` values, from 146 (MPEG-2 mono) to 572 (MPEG-1 stereo).
//!
//! | column, for each granule and channel | values | note |
//! |---|---|---|
//! | `gain_l0` to `_l21` | -410..=45 | long bands, lowest first: log2 of the band's gain, in quarters |
//! | `gain_s0_w0`, `_s0_w1` to `_s12_w2` | the same | short bands, within each the three windows |
//! | `pooled_l0` to `_l21` | 0..=6771 | long bands: log2(1 + sum of \|q\|^(4/3)), in steps of 1/256 |
//! | `pooled_s0_w0`, `_s0_w1` to `_s12_w2` | the same | short bands and windows |
//!
//! A band's gain is what its dequantised lines are multiplied with: `global_gain`, scale factors, `scalefac_scale`,
//! `preflag` and `subblock_gain` together, exact. Sums are computed with integers and are off by less than two steps.
//! 0 stands for bands a block does not have: a long block has no short bands, a short block no long ones, a mixed block
//! 8 long ones (MPEG-2: 6) and the short ones from `s3` on.
//!
//! Middle/side and intensity stereo are left as they are coded.

use crate::ViewError;

use super::bands::{BAND_SLOTS, LINES};
use super::block::Block;
use super::columns::{self, BandColumns, band_columns};
use super::fields::Column;
use super::parts::{Part, parts};
use super::pool::log2_of_sum;
use super::reservoir::MainData;
use super::side_info::SideInfo;
use super::spectrum::Spectrum;

/// Which columns a row has, in which order. A model states the layout it was trained on.
pub const LAYOUT: u32 = 1;

static KINDS: [BandColumns; 2] = [band_columns!("gain"), band_columns!("pooled")];

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
/// is missing, scale factors and lines are 0; `MainData::default()` stands for main data that is missing altogether.
pub fn write(block: &Block<'_>, main_data: MainData<'_>, out: &mut [i32]) -> Result<(), ViewError> {
    let (side_info, of_bands) = columns::begin(block, KINDS.len(), out)?;
    let (rows, _) = of_bands.as_chunks_mut::<{ 2 * BAND_SLOTS }>();
    let mut spectrum = Spectrum::ZERO;
    for (row, part) in rows.iter_mut().zip(parts(block.header, &side_info, main_data)) {
        fill(&part, &mut spectrum, row);
    }
    Ok(())
}

/// Fills the row of one channel of one granule: the [`columns`]`(1, 1)`, and so a row of that [`row_len`].
pub fn write_part(part: &Part<'_>, out: &mut [i32]) -> Result<(), ViewError> {
    let of_bands = columns::begin_part(part, KINDS.len(), out)?;
    if let Some(row) = of_bands.first_chunk_mut() {
        fill(part, &mut Spectrum::default(), row);
    }
    Ok(())
}

/// Fills the columns of a part's bands; the others stay as they are.
fn fill(part: &Part<'_>, spectrum: &mut Spectrum, row: &mut [i32; 2 * BAND_SLOTS]) {
    part.read_spectrum(spectrum);
    let (gains, pooled) = row.split_at_mut(BAND_SLOTS);
    for (slot, lines) in part.bands() {
        let (Some(gain), Some(pooled)) = (gains.get_mut(slot), pooled.get_mut(slot)) else { continue };
        *gain = part.gain(slot);
        let coded = lines.start.min(spectrum.coded)..lines.end.min(spectrum.coded);
        *pooled = log2_of_sum(spectrum.values.get(coded).unwrap_or_default());
    }
}

/// Values in a row of [`write_whole`]: 576 for each granule and channel.
#[must_use]
pub const fn whole_len(granules: u8, channels: u8) -> usize {
    LINES * granules as usize * channels as usize
}

/// Fills a row with the integers themselves, -8206..=8206, in the order coded: granule by granule, within it channel by
/// channel, 576 lines each. Lines that are not coded, or whose main data is missing, are 0.
pub fn write_whole(block: &Block<'_>, main_data: MainData<'_>, out: &mut [i32]) -> Result<(), ViewError> {
    let header = block.header;
    let (expected, found) = (whole_len(header.granules(), header.channels()), out.len());
    let side_info = SideInfo::parse(header, block.bytes)?;
    if found != expected {
        return Err(ViewError::RowLength { expected, found });
    }
    let (rows, _) = out.as_chunks_mut::<LINES>();
    let mut spectrum = Spectrum::ZERO;
    for (row, part) in rows.iter_mut().zip(parts(header, &side_info, main_data)) {
        part.read_spectrum(&mut spectrum);
        *row = spectrum.values.map(i32::from);
    }
    Ok(())
}
