//! The main data of a frame, taken apart: scale factors and Huffman codes of each granule and channel.

use core::iter::FusedIterator;
use core::ops::Range;

use crate::bits::CodeReader;

use super::bands::{BAND_SLOTS, BandTable, Shape};
use super::header::FrameHeader;
use super::kinds::Version;
use super::reservoir::MainData;
use super::scale::{ScaleFactors, preflag};
use super::side_info::{GranuleChannel, SideInfo};
use super::spectrum::Spectrum;

/// Parts 2 and 3 of one channel of one granule.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Granule: 0 or 1.
    pub granule: u8,
    /// Channel: 0 or 1.
    pub channel: u8,
    /// Its side information.
    pub coded: GranuleChannel,
    /// Its scale factors, those taken over from granule 0 included.
    pub scale_factors: ScaleFactors,
    /// Which of them those are: 4 bits, 0 in granule 0.
    pub scfsi: u8,
    header: FrameHeader,
    main_data_begin: u16,
    /// Parts 2 and 3, as far as they are there.
    main_data: CodeReader<'a>,
    /// Part 3 of that.
    codes: CodeReader<'a>,
}

/// See [`parts`].
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    header: FrameHeader,
    side_info: SideInfo,
    bits: CodeReader<'a>,
    /// Granule and channel are its two bits.
    next: u8,
    /// Of each channel, for granule 1.
    granule0: [ScaleFactors; 2],
}

/// Takes the main data of a frame apart, in the order coded: channel by channel within granule by granule. Whatever the
/// bytes, there are as many parts as the header says; what the main data does not have reads as zeros.
///
/// ```
/// use tempest_blocks::mp3::{FrameHeader, MainData, SideInfo, SpectrumEnd, Spectrum, parts};
///
/// let header = FrameHeader::parse(0xFFF3_48C0).unwrap(); // MPEG-2, mono
/// let mut side_info = SideInfo::default();
/// side_info.granules[0][0].part2_3_length = 8;
/// side_info.granules[0][0].count1table_select = true;
/// // Table B: `1110` and a sign is 0, 0, 0, -1; then `111` is no code of it.
/// let part = parts(header, &side_info, MainData::new(&[0b1110_1111])).next().unwrap();
/// let mut spectrum = Spectrum::default();
/// part.read_spectrum(&mut spectrum);
/// assert_eq!((&spectrum.values[..4], spectrum.coded), (&[0, 0, 0, -1][..], 4));
/// assert_eq!(spectrum.end, SpectrumEnd::Overrun);
/// ```
#[must_use]
pub fn parts<'a>(header: FrameHeader, side_info: &SideInfo, main_data: MainData<'a>) -> Parts<'a> {
    let bits = CodeReader::new(main_data.bytes());
    Parts { header, side_info: *side_info, bits, next: 0, granule0: [ScaleFactors::ZERO; 2] }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.header.channels() == 1 {
            self.next += self.next & 1;
        }
        let (granule, channel) = (self.next >> 1, self.next & 1);
        if granule >= self.header.granules() {
            return None;
        }
        self.next += 1;
        let (gr, ch) = (usize::from(granule), usize::from(channel));
        let coded = *self.side_info.granules.get(gr)?.get(ch)?;
        let scfsi = if granule == 1 { *self.side_info.scfsi.get(ch)? } else { 0 };
        let granule0 = self.granule0.get_mut(ch)?;
        let main_data = self.bits.split(coded.part2_3_length.into());
        let mut codes = main_data;
        let scale_factors = ScaleFactors::read(self.header, ch, &coded, (scfsi, granule0), &mut codes);
        *granule0 = scale_factors;
        let (header, main_data_begin) = (self.header, self.side_info.main_data_begin);
        Some(Part { granule, channel, coded, scale_factors, scfsi, header, main_data_begin, main_data, codes })
    }
}

impl FusedIterator for Parts<'_> {}

impl<'a> Part<'a> {
    /// The header of its frame.
    #[must_use]
    pub const fn header(&self) -> FrameHeader {
        self.header
    }

    pub(super) const fn main_data_begin(&self) -> u16 {
        self.main_data_begin
    }

    /// Scale factors and Huffman codes: `part2_3_length` bits, fewer if they are not there.
    pub(super) const fn main_data(&self) -> CodeReader<'a> {
        self.main_data
    }

    /// The 63 bits that a block of unit `granule` begins with.
    pub(super) fn head(&self) -> u64 {
        let coded = self.coded.to_bits(self.header.version());
        match self.header.version() {
            Version::Mpeg1 => coded << 4 | u64::from(self.scfsi),
            Version::Mpeg2 | Version::Mpeg25 => coded,
        }
    }

    /// Length of part 2, the scale factors, in bits, as far as they are there (2.4.2.7).
    #[must_use]
    pub const fn scale_factor_bits(&self) -> usize {
        self.main_data.remaining() - self.codes.remaining()
    }

    /// Reads the Huffman codes.
    pub fn read_spectrum(&self, into: &mut Spectrum) {
        into.read(&self.coded, BandTable::of(self.header).regions(&self.coded), self.codes);
    }

    /// The bands this granule has: the slot of each, and its lines in the order coded.
    pub fn bands(&self) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
        BandTable::of(self.header).bands(Shape::of(self.header.version(), &self.coded))
    }

    /// What the lines of a band are multiplied with, beyond their own power of 4/3, as a power of 2 in quarters:
    /// `global_gain`, scale factors, `scalefac_scale`, `preflag` and `subblock_gain` together (2.4.3.4.7.1). Exact;
    /// -410..=45.
    #[must_use]
    pub fn gain(&self, slot: usize) -> i32 {
        /// Table B.6.
        const PRETAB: [u8; 22] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 2, 0];
        let coded = &self.coded;
        let mut scale = self.scale_factors.slots().get(slot).map_or(0, |&scale| i32::from(scale));
        let mut gain = i32::from(coded.global_gain) - 210;
        match slot.checked_sub(super::bands::LONG_BANDS) {
            None if preflag(self.header, self.channel.into(), coded) => {
                scale += PRETAB.get(slot).map_or(0, |&pre| i32::from(pre));
            }
            None => {}
            Some(short) => gain -= coded.subblock_gain.get(short % 3).map_or(0, |&gain| 8 * i32::from(gain)),
        }
        gain - (scale << (1 + u32::from(coded.scalefac_scale)))
    }

    /// [`gain`](Self::gain) of each band this granule has, 0 in the other slots.
    #[must_use]
    pub fn gains(&self) -> [i32; BAND_SLOTS] {
        let mut gains = [0; BAND_SLOTS];
        for (slot, _) in self.bands() {
            if let Some(to) = gains.get_mut(slot) {
                *to = self.gain(slot);
            }
        }
        gains
    }
}

impl Default for Spectrum {
    fn default() -> Self {
        Self::ZERO
    }
}
