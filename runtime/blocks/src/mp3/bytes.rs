//! View `bytes`: the block's bytes as tokens 0..=255, then [`PAD`] up to the length of the row.

use crate::tokens;

use super::block::Block;

pub use crate::tokens::PAD;

/// Fills the row, of any length, and returns how many bytes of the block did not fit.
///
/// ```
/// use tempest_blocks::mp3::{self, bytes};
///
/// # let mut frame = [0_u8; 208];
/// # frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x50, 0xC0]);
/// let block = mp3::blocks(&frame).next().unwrap(); // a frame of 208 bytes
/// let mut row = [0; 210];
/// assert_eq!(bytes::write(&block, &mut row), 0);
/// assert_eq!((row[0], row[207], row[208]), (0xFF, 0, bytes::PAD));
/// assert_eq!(bytes::write(&block, &mut row[..200]), 8);
/// ```
pub fn write(block: &Block<'_>, out: &mut [i32]) -> usize {
    tokens::fill([block.bytes], out);
    block.bytes.len().saturating_sub(out.len())
}
