//! View `bytes`: the packet's bytes as tokens 0..=255, then [`PAD`] up to the length of the row.

use super::payload::Payload;

pub use crate::mp3::bytes::PAD;

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
    let mut rest = &mut *out;
    for part in bytes.parts() {
        let (tokens, behind) = rest.split_at_mut(part.len().min(rest.len()));
        tokens.iter_mut().zip(part).for_each(|(token, &byte)| *token = byte.into());
        rest = behind;
    }
    rest.fill(PAD);
    bytes.len().saturating_sub(out.len())
}
