//! Unit `granule`: one channel of one granule, 576 samples of it, in as few bytes as it takes.
//!
//! Frames differ in length, channels and granules with the bit rate and the mode of a file. Granules cut every file
//! into blocks of one kind: at usual rates of at most a hundred-odd bytes each.
//!
//! | bits of a block | what |
//! |---|---|
//! | 59, in MPEG-2 and 2.5 63 | the side information of this granule and channel, as it is coded |
//! | 4, in MPEG-1 only | the channel's `scfsi` in granule 1, 0 in granule 0 |
//! | 1 | 0 |
//! | `part2_3_length` | the main data of this granule and channel |
//! | 0 to 7 | 0, up to a whole byte |
//!
//! Rows of a granule, by `write_part` of [`fields`](super::fields), [`scalefactors`](super::scalefactors) and
//! [`symbols`](super::symbols), have the columns of a frame of one granule and one channel. What a granule lacks beside
//! its frame, and no bit of the block says, are the columns that [`write`](write()) puts before them.
//!
//! # Layout 1
//! | column | values | note |
//! |---|---|---|
//! | `version` | category of 3 | MPEG-1, MPEG-2, MPEG-2.5 |
//! | `sampling_frequency` | category of 3 | as coded: of MPEG-1, 44.1, 48, 32 kHz; else a half or quarter of it |
//! | `granule` | category of 2 | 0 in MPEG-2 and 2.5 |
//! | `channel` | category of 2 | |

use crate::ViewError;
use crate::column::{Column, category};

use super::bands::LINES;
use super::block::Block;
use super::header::FrameHeader;
use super::parts::Part;

/// Which columns [`write`](write()) puts first, in which order. A model states the layout it was trained on.
pub const LAYOUT: u32 = 1;

/// The columns that [`write`](write()) puts first.
pub const COLUMNS: [Column; 4] =
    [category("version", 3), category("sampling_frequency", 3), category("granule", 2), category("channel", 2)];

/// Bytes of a block before its main data.
pub const HEAD_BYTES: usize = 8;

/// The longest block: `part2_3_length` has 12 bits.
pub const MAX_GRANULE_BYTES: usize = HEAD_BYTES + 4095_usize.div_ceil(8);

/// One channel of one granule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granule<'a> {
    /// The frame's header.
    pub header: FrameHeader,
    /// Granule: 0 or 1.
    pub granule: u8,
    /// Channel: 0 or 1.
    pub channel: u8,
    /// Side information and main data, as the module says.
    pub bytes: &'a [u8],
    /// Offset of the frame in the stream, in bytes.
    pub offset: u64,
    /// Blocks of this stream before the frame.
    pub sequence: u64,
    /// There is less main data than the side information says.
    pub truncated: bool,
}

impl Granule<'_> {
    /// Samples of the channel the block stands for.
    pub const SAMPLES: u32 = LINES as u32;
}

/// Fills a row with the values of [`COLUMNS`], and what is left of it with the row of a view.
///
/// ```
/// use tempest_blocks::mp3::{FrameHeader, MainData, SideInfo, granule, parts, symbols};
///
/// let header = FrameHeader::parse(0xFFFB_90C0).unwrap(); // MPEG-1, 44.1 kHz, mono
/// let mut row = [0; granule::COLUMNS.len() + symbols::row_len(1, 1)];
/// for part in parts(header, &SideInfo::default(), MainData::default()) {
///     granule::write(&part, &mut row, symbols::write_part)?;
///     assert_eq!(row[..4], [0, 0, part.granule.into(), 0]);
/// }
/// # Ok::<(), tempest_blocks::ViewError>(())
/// ```
pub fn write(
    part: &Part<'_>,
    out: &mut [i32],
    view: impl FnOnce(&Part<'_>, &mut [i32]) -> Result<(), ViewError>,
) -> Result<(), ViewError> {
    const OWN: usize = COLUMNS.len();
    let too_short = ViewError::RowLength { expected: OWN, found: out.len() };
    let (own, row) = out.split_first_chunk_mut::<OWN>().ok_or(too_short)?;
    let header = part.header();
    *own = [header.version() as i32, header.sampling_frequency().into(), part.granule.into(), part.channel.into()];
    view(part, row).map_err(|error| match error {
        ViewError::RowLength { expected, found } => {
            ViewError::RowLength { expected: OWN + expected, found: OWN + found }
        }
        error => error,
    })
}

/// Writes a part of a block's main data as a block of its own into the caller's buffer.
///
/// ```
/// use tempest_blocks::mp3::{self, Reservoir, SideInfo, granule, parts};
///
/// # let mut frame = [0_u8; 208];
/// # frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x50, 0xC0]);
/// # let file = [frame, frame].concat();
/// let (mut reservoir, mut buffer) = (Reservoir::new(), [0; granule::MAX_GRANULE_BYTES]);
/// for block in mp3::blocks(&file) {
///     let Ok(main_data) = reservoir.push(&block) else { continue };
///     let side_info = SideInfo::parse(block.header, block.bytes)?;
///     for part in parts(block.header, &side_info, main_data) {
///         let granule = granule::cut(&block, &part, &mut buffer);
///         assert_eq!(granule.bytes, [0; 8]); // the frame is silent
///     }
/// }
/// # Ok::<(), tempest_blocks::ViewError>(())
/// ```
pub fn cut<'a>(block: &Block<'_>, part: &Part<'_>, buffer: &'a mut [u8; MAX_GRANULE_BYTES]) -> Granule<'a> {
    let needed = usize::from(part.coded.part2_3_length);
    let bits = part.main_data();
    let found = bits.remaining();
    let mut len = HEAD_BYTES;
    if let Some((head, tail)) = buffer.split_first_chunk_mut() {
        *head = (part.head() << 1).to_be_bytes();
        len += bits.copy_to(tail);
    }
    Granule {
        header: block.header,
        granule: part.granule,
        channel: part.channel,
        bytes: buffer.get(..len).unwrap_or_default(),
        offset: block.offset,
        sequence: block.sequence,
        truncated: found < needed,
    }
}
