//! Rows and blocks in a [`heapless::Vec`], version 0.9: one after the other, in as much room as the caller gives.
//! Feature `heapless_v0_9`.

use core::{error::Error, fmt};

use heapless::Vec;

use crate::{ErrorClass, ViewError, jpeg, mp3, opus};

/// There is no room for all bytes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Overflow {
    /// Bytes of the block.
    pub needed: usize,
    /// Bytes that there was room for.
    pub room: usize,
}

impl Overflow {
    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        ErrorClass::Limit
    }
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the block has {} bytes, there is room for {}", self.needed, self.room)
    }
}

impl Error for Overflow {}

/// Appends a row of so many values, which `write` fills. If it fails, or if there is no room
/// ([`ViewError::RowLength`], `found` being the room), `rows` is as before.
///
/// ```
/// use tempest_blocks::{heapless_v0_9::push_row, mp3::{self, fields}};
///
/// # let mut frame = [0_u8; 208];
/// # frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x50, 0xC0]);
/// # let file = [frame, frame].concat();
/// const LEN: usize = fields::row_len(2, 1);
/// let mut rows = heapless::Vec::<i32, { 16 * LEN }>::new();
/// for block in mp3::blocks(&file) {
///     push_row(&mut rows, LEN, |row| fields::write(&block, row))?;
/// }
/// assert_eq!(rows.len(), 2 * LEN);
/// # Ok::<(), tempest_blocks::ViewError>(())
/// ```
pub fn push_row<const N: usize, T>(
    rows: &mut Vec<i32, N>,
    len: usize,
    write: impl FnOnce(&mut [i32]) -> Result<T, ViewError>,
) -> Result<T, ViewError> {
    let (start, room) = (rows.len(), N - rows.len());
    let too_long = ViewError::RowLength { expected: len, found: room };
    if len > room || rows.resize(start + len, 0).is_err() {
        return Err(too_long);
    }
    let written = write(rows.get_mut(start..).unwrap_or_default());
    if written.is_err() {
        rows.truncate(start);
    }
    written
}

/// Appends the bytes of a block, or none if there is no room for all.
///
/// ```
/// use tempest_blocks::{heapless_v0_9::{Overflow, push_bytes}, opus::Packet};
///
/// let packet = Packet::parse(&[0xF8, 7, 9])?; // one frame of two bytes
/// let frame = packet.frames().next().unwrap();
/// let mut owned = heapless::Vec::<u8, 3>::new();
/// assert_eq!(push_bytes(&mut owned, &frame.bytes), Ok(()));
/// assert_eq!(push_bytes(&mut owned, &frame.bytes), Err(Overflow { needed: 2, room: 1 }));
/// assert_eq!(owned, [7, 9]);
/// # Ok::<(), tempest_blocks::opus::PacketError>(())
/// ```
pub fn push_bytes<const N: usize>(to: &mut Vec<u8, N>, block: &impl Bytes) -> Result<(), Overflow> {
    let (start, needed, room) = (to.len(), block.len(), N - to.len());
    if needed > room || to.resize(start + needed, 0).is_err() {
        return Err(Overflow { needed, room });
    }
    block.copy_to(to.get_mut(start..).unwrap_or_default());
    Ok(())
}

/// What has bytes: an MP3 [frame](mp3::Block), [ADU](mp3::adu::Adu) or [granule](mp3::granule::Granule), an Opus
/// [packet or frame](opus::Payload), the aligned [data](jpeg::Data) of an MCU or restart interval.
pub trait Bytes: sealed::Bytes {}

impl<T: sealed::Bytes> Bytes for T {}

mod sealed {
    pub trait Bytes {
        fn len(&self) -> usize;
        /// Fills `out`, which is as long.
        fn copy_to(&self, out: &mut [u8]);
    }
}

/// Bytes that lie in one piece.
macro_rules! slices {
    ($($block:ty),*) => {$(
        impl sealed::Bytes for $block {
            fn len(&self) -> usize {
                self.bytes.len()
            }

            fn copy_to(&self, out: &mut [u8]) {
                out.copy_from_slice(self.bytes);
            }
        }
    )*};
}
slices!(mp3::Block<'_>, mp3::adu::Adu<'_>, mp3::granule::Granule<'_>);

impl sealed::Bytes for opus::Payload<'_> {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn copy_to(&self, out: &mut [u8]) {
        Self::copy_to(self, out);
    }
}

impl sealed::Bytes for jpeg::Data<'_> {
    fn len(&self) -> usize {
        self.aligned_len()
    }

    fn copy_to(&self, out: &mut [u8]) {
        self.align(out);
    }
}
