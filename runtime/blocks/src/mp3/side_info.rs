//! The side information (ISO/IEC 11172-3, 2.4.1.7; ISO/IEC 13818-3, 2.4.1.7), bit by bit.

use crate::ViewError;
use crate::bits::Bits;

use super::header::FrameHeader;
use super::kinds::Version;

/// What a frame says of its main data. Values are as coded, not checked against what a decoder allows.
///
/// ```
/// use tempest_blocks::mp3::{FrameHeader, SideInfo};
///
/// // MPEG-2, mono: main_data_begin is the first byte behind the header.
/// let mut frame = [0_u8; 13];
/// frame[4] = 200;
/// let header = FrameHeader::parse(0xFFF3_48C0).unwrap();
/// assert_eq!(SideInfo::parse(header, &frame).unwrap().main_data_begin, 200);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SideInfo {
    /// How many bytes before this frame its main data begins, side information not counted: 9 bits, in MPEG-2 and 2.5
    /// 8 bits.
    pub main_data_begin: u16,
    /// Free for any use: 5 bits (mono) or 3 in MPEG-1, else 1 (mono) or 2.
    pub private_bits: u8,
    /// For each channel, which scale factor groups granule 1 takes over from granule 0: 4 bits, the first group in
    /// the highest. MPEG-1 only.
    pub scfsi: [u8; 2],
    /// Indexed by granule, then channel. Those the frame does not have are all zero.
    pub granules: [[GranuleChannel; 2]; 2],
}

/// One channel of one granule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GranuleChannel {
    /// Bits of scale factors and Huffman codes: 12 bits.
    pub part2_3_length: u16,
    /// Pairs of values in the regions with large values: 9 bits, legal up to 288.
    pub big_values: u16,
    /// Quantiser step size: 8 bits.
    pub global_gain: u8,
    /// Widths of the scale factors: 4 bits, in MPEG-2 and 2.5 9 bits.
    pub scalefac_compress: u16,
    /// Whether the block is other than normal.
    pub window_switching_flag: bool,
    /// 1 start, 2 short, 3 end; 0 (normal) without window switching: 2 bits.
    pub block_type: u8,
    /// Whether the two lowest subbands stay long; false without window switching.
    pub mixed_block_flag: bool,
    /// Huffman table of each region: 5 bits each. The third is 0 under window switching.
    pub table_select: [u8; 3],
    /// Gain of each short window: 3 bits each; 0 without window switching.
    pub subblock_gain: [u8; 3],
    /// Scale factor bands in the first region, less one: 4 bits; not coded, here 0, under window switching.
    pub region0_count: u8,
    /// Scale factor bands in the second region, less one: 3 bits; not coded, here 0, under window switching.
    pub region1_count: u8,
    /// Whether high scale factors are amplified; not coded, here false, in MPEG-2 and 2.5.
    pub preflag: bool,
    /// Whether scale factors step by 2 rather than by the square root of 2.
    pub scalefac_scale: bool,
    /// Which table codes the values up to 1.
    pub count1table_select: bool,
}

impl SideInfo {
    /// Reads the side information of a frame, given from its header on. A CRC in between is stepped over.
    pub fn parse(header: FrameHeader, frame: &[u8]) -> Result<Self, ViewError> {
        let needed = header.main_data_offset();
        match frame.get(header.side_info_offset()..) {
            Some(side_info) if frame.len() >= needed => Ok(Self::read(header, side_info)),
            _ => Err(ViewError::Truncated { needed, found: frame.len() }),
        }
    }

    /// Bits of main data: the sum of every `part2_3_length`.
    #[must_use]
    pub fn main_data_bits(&self) -> usize {
        self.granules.as_flattened().iter().map(|coded| usize::from(coded.part2_3_length)).sum()
    }

    fn read(header: FrameHeader, bytes: &[u8]) -> Self {
        let version = header.version();
        let channels = usize::from(header.channels());
        let (main_data_begin_bits, private_bits) = match (version, channels) {
            (Version::Mpeg1, 1) => (9, 5),
            (Version::Mpeg1, _) => (9, 3),
            (_, 1) => (8, 1),
            (_, _) => (8, 2),
        };
        let mut bits = Bits::at(bytes, 0);
        let mut side_info = Self {
            main_data_begin: bits.take(main_data_begin_bits) as u16,
            private_bits: bits.take(private_bits) as u8,
            ..Self::default()
        };
        let mut at = main_data_begin_bits + private_bits;
        if version == Version::Mpeg1 {
            side_info.scfsi.iter_mut().take(channels).for_each(|scfsi| *scfsi = bits.take(4) as u8);
            at += 4 * channels as u32;
        }
        for granule in side_info.granules.iter_mut().take(usize::from(header.granules())) {
            for channel in granule.iter_mut().take(channels) {
                *channel = GranuleChannel::read(version, Bits::at(bytes, at as usize));
                at += GranuleChannel::bits(version);
            }
        }
        side_info
    }
}

impl GranuleChannel {
    const fn bits(version: Version) -> u32 {
        match version {
            Version::Mpeg1 => 59,
            Version::Mpeg2 | Version::Mpeg25 => 63,
        }
    }

    #[inline]
    fn read(version: Version, mut bits: Bits) -> Self {
        let mut gr = Self {
            part2_3_length: bits.take(12) as u16,
            big_values: bits.take(9) as u16,
            global_gain: bits.take(8) as u8,
            scalefac_compress: bits.take(if version == Version::Mpeg1 { 4 } else { 9 }) as u16,
            window_switching_flag: bits.flag(),
            ..Self::default()
        };
        if gr.window_switching_flag {
            gr.read_switched(&mut bits);
        } else {
            gr.read_normal(&mut bits);
        }
        gr.preflag = version == Version::Mpeg1 && bits.flag();
        gr.scalefac_scale = bits.flag();
        gr.count1table_select = bits.flag();
        gr
    }

    /// 22 bits: two regions, whose borders are fixed.
    #[inline]
    fn read_switched(&mut self, bits: &mut Bits) {
        self.block_type = bits.take(2) as u8;
        self.mixed_block_flag = bits.flag();
        self.table_select = [bits.take(5) as u8, bits.take(5) as u8, 0];
        self.subblock_gain = [(); 3].map(|()| bits.take(3) as u8);
    }

    /// 22 bits: three regions.
    #[inline]
    fn read_normal(&mut self, bits: &mut Bits) {
        self.table_select = [(); 3].map(|()| bits.take(5) as u8);
        self.region0_count = bits.take(4) as u8;
        self.region1_count = bits.take(3) as u8;
    }

    /// The bits it was read from, the last of them lowest: 59, in MPEG-2 and 2.5 63. Fields wider than coded are cut.
    pub(super) fn to_bits(self, version: Version) -> u64 {
        let mut bits = 0;
        let mut put = |value: u16, width: u32| bits = bits << width | u64::from(value) & ((1 << width) - 1);
        put(self.part2_3_length, 12);
        put(self.big_values, 9);
        put(self.global_gain.into(), 8);
        put(self.scalefac_compress, if version == Version::Mpeg1 { 4 } else { 9 });
        put(self.window_switching_flag.into(), 1);
        if self.window_switching_flag {
            put(self.block_type.into(), 2);
            put(self.mixed_block_flag.into(), 1);
            self.table_select.iter().take(2).for_each(|&table| put(table.into(), 5));
            self.subblock_gain.iter().for_each(|&gain| put(gain.into(), 3));
        } else {
            self.table_select.iter().for_each(|&table| put(table.into(), 5));
            put(self.region0_count.into(), 4);
            put(self.region1_count.into(), 3);
        }
        if version == Version::Mpeg1 {
            put(self.preflag.into(), 1);
        }
        put(self.scalefac_scale.into(), 1);
        put(self.count1table_select.into(), 1);
        bits
    }
}
