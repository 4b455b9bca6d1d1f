//! View `bytes`: the packet's bytes as tokens 0..=255, then [`PAD`] up to the length of the row.

use crate::tokens;

use super::payload::Payload;

pub use crate::tokens::PAD;

/// Fills the row, of any length, with the bytes of a block or frame, and returns how many of them did not fit.
///
/// ```
/// use tempest_blocks::opus::{Packet, bytes};
///
/// let packet = Packet::parse(&[0xF8, 7, 9])?; // one frame of two bytes
/// let frame = packet.frames().next().unwrap();
/// let mut row = [0; 3];
/// assert_eq!(bytes::write(&frame.bytes, &mut row), 0);
/// assert_eq!(row, [7, 9, bytes::PAD]);
/// # Ok::<(), tempest_blocks::opus::PacketError>(())
/// ```
pub fn write(bytes: &Payload<'_>, out: &mut [i32]) -> usize {
    tokens::fill(bytes.parts(), out);
    bytes.len().saturating_sub(out.len())
}
