//! View `bytes`: the block's aligned bytes as tokens 0..=255, then [`PAD`] up to the length of the row.

use super::block::Data;

pub use crate::tokens::PAD;

/// Fills the row, of any length, and returns how many bytes of the block did not fit. The bytes are those of
/// [`Data::aligned`]: the block's bits moved to the start of a byte, without stuffing.
pub fn write(data: &Data<'_>, out: &mut [i32]) -> usize {
    let mut bytes = data.aligned();
    for token in out.iter_mut() {
        *token = bytes.next().map_or(PAD, i32::from);
    }
    data.aligned_len().saturating_sub(out.len())
}
