//! Part 2 of the main data: scale factors (ISO/IEC 11172-3, 2.4.2.7; ISO/IEC 13818-3, 2.4.3.2).

use crate::bits::CodeReader;

use super::bands::{BAND_SLOTS, LONG_BANDS, SHORT_BANDS, Shape};
use super::header::FrameHeader;
use super::kinds::Version;
use super::side_info::GranuleChannel;

/// The scale factors of one channel of one granule, as coded: 0 where none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleFactors {
    /// One for each slot of a band.
    slots: [u8; BAND_SLOTS],
}

/// How many scale factors in a row have which width in bits.
type Groups = [(u8, u32); 4];

impl ScaleFactors {
    pub(super) const ZERO: Self = Self { slots: [0; BAND_SLOTS] };

    /// Those of long bands.
    #[must_use]
    pub fn long(&self) -> [u8; LONG_BANDS] {
        self.slots.first_chunk().copied().unwrap_or([0; LONG_BANDS])
    }

    /// Those of short bands, for each of the three windows.
    #[must_use]
    pub fn short(&self) -> [[u8; 3]; SHORT_BANDS] {
        let (bands, _) = self.slots.get(LONG_BANDS..).unwrap_or_default().as_chunks();
        bands.first_chunk().copied().unwrap_or([[0; 3]; SHORT_BANDS])
    }

    /// For each slot: 22 long bands, then 13 short bands with three windows each.
    #[must_use]
    pub const fn slots(&self) -> &[u8; BAND_SLOTS] {
        &self.slots
    }

    /// Reads them; where the bits end early, they are 0. `scfsi` says which groups are those of `granule0`.
    pub(super) fn read(
        header: FrameHeader,
        channel: usize,
        coded: &GranuleChannel,
        (scfsi, granule0): (u8, &Self),
        bits: &mut CodeReader<'_>,
    ) -> Self {
        let shape = Shape::of(header.version(), coded);
        let (groups, scfsi) = match header.version() {
            Version::Mpeg1 => (mpeg1_groups(coded, shape), if shape == Shape::Long { scfsi } else { 0 }),
            Version::Mpeg2 | Version::Mpeg25 => {
                (lsf_groups(coded, shape, header.intensity_stereo() && channel == 1), 0)
            }
        };
        let mut scale_factors = Self::ZERO;
        let mut slots = (0..).map(|nth| shape.slot(nth));
        for (group, (count, width)) in groups.into_iter().enumerate() {
            let shared = scfsi & (0b1000 >> group) != 0;
            for slot in slots.by_ref().take(count.into()) {
                let value = match granule0.slots.get(slot) {
                    Some(&value) if shared => value,
                    _ => bits.read_or_zero(width) as u8,
                };
                if let Some(to) = scale_factors.slots.get_mut(slot) {
                    *to = value;
                }
            }
        }
        scale_factors
    }
}

/// The high scale factors of LSF are amplified where the widths say so (13818-3, 2.4.3.2).
pub(super) const fn preflag(header: FrameHeader, channel: usize, coded: &GranuleChannel) -> bool {
    match header.version() {
        Version::Mpeg1 => coded.preflag,
        Version::Mpeg2 | Version::Mpeg25 => {
            coded.scalefac_compress >= 500 && !(header.intensity_stereo() && channel == 1)
        }
    }
}

/// 11172-3, 2.4.2.7, `scalefac_compress`. In long blocks the groups are those that `scfsi` names.
fn mpeg1_groups(coded: &GranuleChannel, shape: Shape) -> Groups {
    const SLEN: [(u32, u32); 16] = [
        (0, 0),
        (0, 1),
        (0, 2),
        (0, 3),
        (3, 0),
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 1),
        (2, 2),
        (2, 3),
        (3, 1),
        (3, 2),
        (3, 3),
        (4, 2),
        (4, 3),
    ];
    let (slen1, slen2) = SLEN.get(usize::from(coded.scalefac_compress)).copied().unwrap_or_default();
    match shape {
        Shape::Long => [(6, slen1), (5, slen1), (5, slen2), (5, slen2)],
        Shape::Short => [(18, slen1), (18, slen2), (0, 0), (0, 0)],
        Shape::Mixed(_) => [(17, slen1), (18, slen2), (0, 0), (0, 0)],
    }
}

/// 13818-3, 2.4.3.2: `scalefac_compress` is a number of mixed bases, of six kinds.
fn lsf_groups(coded: &GranuleChannel, shape: Shape, intensity: bool) -> Groups {
    let compress = u32::from(coded.scalefac_compress);
    let (slen, counts) = if intensity { lsf_intensity(compress / 2) } else { lsf_plain(compress) };
    let [long, short, mixed] = counts;
    let counts = match shape {
        Shape::Long => long,
        Shape::Short => short,
        Shape::Mixed(_) => mixed,
    };
    let mut groups = [(0, 0); 4];
    for (group, pair) in groups.iter_mut().zip(counts.into_iter().zip(slen)) {
        *group = pair;
    }
    groups
}

/// Widths, and the counts for long, short and mixed blocks.
type LsfWidths = ([u32; 4], [[u8; 4]; 3]);

const fn lsf_plain(compress: u32) -> LsfWidths {
    match compress {
        0..400 => {
            let (high, low) = (compress >> 4, compress & 15);
            ([high / 5, high % 5, low >> 2, low & 3], [[6, 5, 5, 5], [9, 9, 9, 9], [6, 9, 9, 9]])
        }
        400..500 => {
            let (high, low) = ((compress - 400) >> 2, (compress - 400) & 3);
            ([high / 5, high % 5, low, 0], [[6, 5, 7, 3], [9, 9, 12, 6], [6, 9, 12, 6]])
        }
        _ => {
            let compress = compress - 500;
            ([compress / 3, compress % 3, 0, 0], [[11, 10, 0, 0], [18, 18, 0, 0], [15, 18, 0, 0]])
        }
    }
}

const fn lsf_intensity(compress: u32) -> LsfWidths {
    match compress {
        0..180 => {
            let slen = [compress / 36, compress % 36 / 6, compress % 6, 0];
            (slen, [[7, 7, 7, 0], [12, 12, 12, 0], [6, 15, 12, 0]])
        }
        180..244 => {
            let compress = compress - 180;
            ([compress >> 4, compress >> 2 & 3, compress & 3, 0], [[6, 6, 6, 3], [12, 9, 9, 6], [6, 12, 9, 6]])
        }
        _ => {
            let compress = compress - 244;
            ([compress / 3, compress % 3, 0, 0], [[8, 8, 5, 0], [15, 12, 9, 0], [6, 18, 9, 0]])
        }
    }
}
