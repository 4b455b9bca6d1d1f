//! Unit `adu`: a frame with its own main data behind its side information (application data unit, RFC 5219), so that
//! it really is self-contained.
//!
//! An ADU is the frame's header, its CRC if it has one, its side information, and its main data: as many bytes as its
//! `part2_3_length`s make, rounded up. Stuffing and ancillary data between main data are left out. Header and side
//! information are unchanged: `main_data_begin` still says where the main data lay.

use crate::ViewError;

use super::block::Block;
use super::header::{FrameHeader, MAX_FRAME_BYTES};
use super::reservoir::{MAX_MAIN_DATA_BEGIN, MainData};
use super::side_info::SideInfo;

/// The longest ADU: a frame, and what lies before it.
pub const MAX_ADU_BYTES: usize = MAX_MAIN_DATA_BEGIN + MAX_FRAME_BYTES;

/// One ADU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adu<'a> {
    /// The frame's header, which is also the first four of `bytes`.
    pub header: FrameHeader,
    /// Header, CRC, side information, main data.
    pub bytes: &'a [u8],
    /// Offset of the frame in the stream, in bytes.
    pub offset: u64,
    /// Blocks of this stream before the frame.
    pub sequence: u64,
    /// There is less main data than the side information says: the frame is truncated or damaged.
    pub truncated: bool,
}

impl<'a> Adu<'a> {
    /// The main data.
    #[must_use]
    pub fn main_data(&self) -> MainData<'a> {
        MainData::new(self.bytes.get(self.header.main_data_offset()..).unwrap_or_default())
    }

    /// The ADU as a view reads it: a block whose `bytes` are those of the ADU.
    #[must_use]
    pub const fn as_block(&self) -> Block<'a> {
        let &Self { header, bytes, offset, sequence, truncated } = self;
        Block { header, bytes, offset, sequence, truncated }
    }
}

/// Joins a frame with its main data in the caller's buffer.
///
/// ```
/// use tempest_blocks::mp3::{self, Reservoir, adu, bytes};
///
/// # let mut frame = [0_u8; 208];
/// # frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x50, 0xC0]);
/// # let file = [frame, frame].concat();
/// let (mut reservoir, mut buffer, mut row) = (Reservoir::new(), [0; adu::MAX_ADU_BYTES], [0; 320]);
/// for block in mp3::blocks(&file) {
///     let Ok(main_data) = reservoir.push(&block) else { continue };
///     let adu = adu::join(&block, main_data, &mut buffer)?;
///     assert_eq!(adu.bytes.len(), 21); // header and side information: the frame is silent
///     bytes::write(&adu.as_block(), &mut row);
/// }
/// # Ok::<(), tempest_blocks::ViewError>(())
/// ```
pub fn join<'a>(
    block: &Block<'_>,
    main_data: MainData<'_>,
    buffer: &'a mut [u8; MAX_ADU_BYTES],
) -> Result<Adu<'a>, ViewError> {
    let side_info = SideInfo::parse(block.header, block.bytes)?;
    let head = block.bytes.get(..block.header.main_data_offset()).unwrap_or_default();
    let needed = side_info.main_data_bits().div_ceil(8);
    let mut len = 0;
    for (to, &from) in buffer.iter_mut().zip(head.iter().chain(main_data.bytes().iter().take(needed))) {
        *to = from;
        len += 1;
    }
    Ok(Adu {
        header: block.header,
        bytes: buffer.get(..len).unwrap_or_default(),
        offset: block.offset,
        sequence: block.sequence,
        truncated: len < head.len() + needed,
    })
}
