//! Rows that follow the columns of `fields` with columns for each band of each granule and channel.

use crate::ViewError;

use super::bands::BAND_SLOTS;
use super::block::Block;
use super::fields::{self, Column};
use super::parts::Part;
use super::side_info::SideInfo;

/// Columns of one kind, one for each slot of a band: `<name>_l0` to `_l21` for long bands, then `<name>_s0_w0` to
/// `_s12_w2` for short bands and windows.
macro_rules! band_columns {
    ($name:literal) => {
        $crate::mp3::columns::band_columns!($name:
            "_l0" "_l1" "_l2" "_l3" "_l4" "_l5" "_l6" "_l7" "_l8" "_l9" "_l10"
            "_l11" "_l12" "_l13" "_l14" "_l15" "_l16" "_l17" "_l18" "_l19" "_l20" "_l21"
            "_s0_w0" "_s0_w1" "_s0_w2" "_s1_w0" "_s1_w1" "_s1_w2" "_s2_w0" "_s2_w1" "_s2_w2"
            "_s3_w0" "_s3_w1" "_s3_w2" "_s4_w0" "_s4_w1" "_s4_w2" "_s5_w0" "_s5_w1" "_s5_w2"
            "_s6_w0" "_s6_w1" "_s6_w2" "_s7_w0" "_s7_w1" "_s7_w2" "_s8_w0" "_s8_w1" "_s8_w2"
            "_s9_w0" "_s9_w1" "_s9_w2" "_s10_w0" "_s10_w1" "_s10_w2" "_s11_w0" "_s11_w1" "_s11_w2"
            "_s12_w0" "_s12_w1" "_s12_w2")
    };
    ($name:literal: $($slot:literal)*) => {
        [$($crate::column::number(concat!($name, $slot))),*]
    };
}
pub(super) use band_columns;

/// Columns of one kind.
pub(super) type BandColumns = [Column; BAND_SLOTS];

/// The columns of a row: those of `fields`, then for each granule and channel those of each kind.
pub(super) fn columns(
    granules: u8,
    channels: u8,
    kinds: &'static [BandColumns],
) -> impl Iterator<Item = Column> + Clone {
    let places = (0..granules).flat_map(move |granule| (0..channels).map(move |channel| (granule, channel)));
    let of_bands = places
        .flat_map(|place| kinds.as_flattened().iter().map(move |&column| Column { place: Some(place), ..column }));
    fields::columns(granules, channels).chain(of_bands)
}

pub(super) const fn row_len(granules: u8, channels: u8, kinds: usize) -> usize {
    fields::row_len(granules, channels) + kinds * BAND_SLOTS * granules as usize * channels as usize
}

/// Fills the columns of `fields` and gives the others, cleared, with the side information.
pub(super) fn begin<'r>(
    block: &Block<'_>,
    kinds: usize,
    out: &'r mut [i32],
) -> Result<(SideInfo, &'r mut [i32]), ViewError> {
    let header = block.header;
    let (granules, channels) = (header.granules(), header.channels());
    let (expected, found) = (row_len(granules, channels, kinds), out.len());
    let side_info = SideInfo::parse(header, block.bytes)?;
    let split = out.split_at_mut_checked(fields::row_len(granules, channels)).filter(|_| found == expected);
    let (of_fields, of_bands) = split.ok_or(ViewError::RowLength { expected, found })?;
    fields::fill(header, &side_info, of_fields);
    of_bands.fill(0);
    Ok((side_info, of_bands))
}

/// As [`begin`], for the row of one channel of one granule.
pub(super) fn begin_part<'r>(part: &Part<'_>, kinds: usize, out: &'r mut [i32]) -> Result<&'r mut [i32], ViewError> {
    let (expected, found) = (row_len(1, 1, kinds), out.len());
    let split = out.split_at_mut_checked(fields::row_len(1, 1)).filter(|_| found == expected);
    let (of_fields, of_bands) = split.ok_or(ViewError::RowLength { expected, found })?;
    fields::fill_part(part, of_fields);
    of_bands.fill(0);
    Ok(of_bands)
}
