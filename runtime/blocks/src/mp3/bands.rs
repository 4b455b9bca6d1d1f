//! Scale factor bands (ISO/IEC 11172-3, table B.8; ISO/IEC 13818-3, table B.2) and which of them a granule has.

use core::ops::Range;

use super::header::FrameHeader;
use super::kinds::Version;
use super::side_info::GranuleChannel;

/// Bands of a long block; the last has no scale factor.
pub const LONG_BANDS: usize = 22;
/// Bands of each window of a short block; the last has no scale factor.
pub const SHORT_BANDS: usize = 13;
/// Slots for every band a granule can have: 22 long, then 13 short with three windows each. A long block uses the
/// first 22, a short block the last 39, a mixed block some of each.
pub const BAND_SLOTS: usize = LONG_BANDS + 3 * SHORT_BANDS;

/// Lines of a granule.
pub(super) const LINES: usize = 576;

/// The first band of a mixed block that is short: below it lie 36 lines (at 8 kHz, 72).
const FIRST_SHORT_OF_MIXED: usize = 3;

/// Where the bands begin, and where the last ends.
#[derive(Debug)]
pub(super) struct BandTable {
    long: [u16; LONG_BANDS + 1],
    /// In lines of one window.
    short: [u16; SHORT_BANDS + 1],
}

/// Which blocks a granule has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Long,
    Short,
    /// The first bands long, this many, the others short.
    Mixed(usize),
}

impl Shape {
    pub(super) const fn of(version: Version, coded: &GranuleChannel) -> Self {
        match (coded.block_type, coded.mixed_block_flag) {
            (2, false) => Self::Short,
            (2, true) => Self::Mixed(match version {
                Version::Mpeg1 => 8,
                Version::Mpeg2 | Version::Mpeg25 => 6,
            }),
            _ => Self::Long,
        }
    }

    /// The slot of a scale factor, counted in the order they are coded.
    pub(super) const fn slot(self, nth: usize) -> usize {
        match self {
            Self::Long => nth,
            Self::Short => LONG_BANDS + nth,
            Self::Mixed(long) if nth < long => nth,
            Self::Mixed(long) => LONG_BANDS + 3 * FIRST_SHORT_OF_MIXED + nth - long,
        }
    }

    const fn long_bands(self) -> usize {
        match self {
            Self::Long => LONG_BANDS,
            Self::Short => 0,
            Self::Mixed(long) => long,
        }
    }

    const fn first_short_band(self) -> usize {
        match self {
            Self::Long => SHORT_BANDS,
            Self::Short => 0,
            Self::Mixed(_) => FIRST_SHORT_OF_MIXED,
        }
    }
}

impl BandTable {
    pub(super) const fn of(header: FrameHeader) -> &'static Self {
        match header.sample_rate() {
            44_100 => &TABLE_44100,
            48_000 => &TABLE_48000,
            32_000 => &TABLE_32000,
            22_050 => &TABLE_22050,
            24_000 => &TABLE_24000,
            8_000 => &TABLE_8000,
            // And 11.025 and 12 kHz.
            _ => &TABLE_16000,
        }
    }

    /// The slot and the lines of each band, in the order coded: within a short band, one window after the other.
    pub(super) fn bands(&'static self, shape: Shape) -> impl Iterator<Item = (usize, Range<usize>)> {
        let long = self.long.windows(2).take(shape.long_bands()).enumerate();
        let long = long.filter_map(|(band, borders)| match *borders {
            [start, end] => Some((band, usize::from(start)..usize::from(end))),
            _ => None,
        });
        let short = self.short.windows(2).enumerate().skip(shape.first_short_band());
        let short = short.flat_map(|(band, borders)| {
            let (start, width) = match *borders {
                [start, end] => (usize::from(start), usize::from(end - start)),
                _ => (0, 0),
            };
            (0..3).map(move |window| {
                let first = 3 * start + window * width;
                (LONG_BANDS + 3 * band + window, first..first + width)
            })
        });
        long.chain(short)
    }

    /// The lines where the first and the second region of large values end (2.4.2.7, `region0_count`).
    pub(super) fn regions(&self, coded: &GranuleChannel) -> [usize; 2] {
        let long = |band: usize| self.long.get(band).map_or(LINES, |&line| line.into());
        if coded.window_switching_flag {
            let three_short = self.short.get(3).map_or(LINES, |&line| 3 * usize::from(line));
            return [if coded.block_type == 2 { three_short } else { long(8) }, LINES];
        }
        let first = usize::from(coded.region0_count) + 1;
        let second = first + usize::from(coded.region1_count) + 1;
        [long(first), long(second)]
    }
}

static TABLE_44100: BandTable = BandTable {
    long: [0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342, 418, 576],
    short: [0, 4, 8, 12, 16, 22, 30, 40, 52, 66, 84, 106, 136, 192],
};

static TABLE_48000: BandTable = BandTable {
    long: [0, 4, 8, 12, 16, 20, 24, 30, 36, 42, 50, 60, 72, 88, 106, 128, 156, 190, 230, 276, 330, 384, 576],
    short: [0, 4, 8, 12, 16, 22, 28, 38, 50, 64, 80, 100, 126, 192],
};

static TABLE_32000: BandTable = BandTable {
    long: [0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 54, 66, 82, 102, 126, 156, 194, 240, 296, 364, 448, 550, 576],
    short: [0, 4, 8, 12, 16, 22, 30, 42, 58, 78, 104, 138, 180, 192],
};

static TABLE_22050: BandTable =
    BandTable { long: LONG_LSF, short: [0, 4, 8, 12, 18, 24, 32, 42, 56, 74, 100, 132, 174, 192] };

/// Where this has 332, some old decoders have 330.
static TABLE_24000: BandTable = BandTable {
    long: [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 114, 136, 162, 194, 232, 278, 332, 394, 464, 540, 576],
    short: [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 136, 180, 192],
};

static TABLE_16000: BandTable =
    BandTable { long: LONG_LSF, short: [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 134, 174, 192] };

static TABLE_8000: BandTable = BandTable {
    long: [0, 12, 24, 36, 48, 60, 72, 88, 108, 132, 160, 192, 232, 280, 336, 400, 476, 566, 568, 570, 572, 574, 576],
    short: [0, 8, 16, 24, 36, 52, 72, 96, 124, 160, 162, 164, 166, 192],
};

/// Shared by 22.05, 16, 12 and 11.025 kHz.
const LONG_LSF: [u16; LONG_BANDS + 1] =
    [0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576];
