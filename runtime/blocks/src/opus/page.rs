//! The header of a page (RFC 3533, section 6).

use super::crc;

/// Bytes of a header before its segment table.
pub(super) const FIXED_BYTES: usize = 27;
/// Segments of a page at most: their count is one byte.
pub(super) const SEGMENTS_MAX: usize = 255;
/// A lacing value of 255 says that the packet goes on.
const GOES_ON: u8 = 255;

/// The longest page: a full segment table and 255 segments of 255 bytes.
pub const MAX_PAGE_BYTES: usize = FIXED_BYTES + SEGMENTS_MAX + SEGMENTS_MAX * GOES_ON as usize;

const CAPTURE: &[u8; 4] = b"OggS";
const CHECKSUM: core::ops::Range<usize> = 22..26;

/// A page's header, legal in form. What it says is believed once the checksum is right.
#[derive(Clone, Debug)]
pub(super) struct PageHeader {
    /// The first packet began on an earlier page.
    pub(super) continued: bool,
    /// First page of its logical stream.
    pub(super) first: bool,
    /// Last page of its logical stream.
    pub(super) last: bool,
    /// End position of the last packet that ends here; `None` if none does.
    pub(super) granule: Option<u64>,
    pub(super) serial: u32,
    pub(super) number: u32,
    pub(super) checksum: u32,
    segments: [u8; SEGMENTS_MAX],
    segment_count: u8,
}

/// What the first bytes of a window are.
#[expect(clippy::large_enum_variant, reason = "lives for one step, and there is no heap")]
pub(super) enum Recognised {
    /// A header that is legal in form.
    Header(PageHeader),
    /// They may begin a header: this many bytes are needed, in all.
    Need(usize),
    No,
}

/// A packet, or as much of it as lies on the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) bytes: usize,
    /// The packet ends here.
    pub(super) ends: bool,
}

impl PageHeader {
    /// A header of nothing, to be overwritten.
    pub(super) const EMPTY: Self = Self {
        continued: false,
        first: false,
        last: false,
        granule: None,
        serial: 0,
        number: 0,
        checksum: 0,
        segments: [0; SEGMENTS_MAX],
        segment_count: 0,
    };

    pub(super) fn recognise(window: &[u8]) -> Recognised {
        // Version 0, three flags.
        let begins = window.iter().zip(CAPTURE).all(|(byte, capture)| byte == capture)
            && window.get(4).is_none_or(|&version| version == 0)
            && window.get(5).is_none_or(|&flags| flags < 8);
        if !begins {
            return Recognised::No;
        }
        let Some((fixed, rest)) = window.split_first_chunk::<FIXED_BYTES>() else {
            return Recognised::Need(FIXED_BYTES);
        };
        let segment_count = fixed[FIXED_BYTES - 1];
        let Some(table) = rest.get(..usize::from(segment_count)) else {
            return Recognised::Need(FIXED_BYTES + usize::from(segment_count));
        };
        let mut segments = [0; SEGMENTS_MAX];
        segments.iter_mut().zip(table).for_each(|(to, &from)| *to = from);
        let word = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let granule = u64::from(word(10)) << 32 | u64::from(word(6));
        let flags = fixed[5];
        Recognised::Header(Self {
            continued: flags & 1 != 0,
            first: flags & 2 != 0,
            last: flags & 4 != 0,
            // Positions are signed, and -1 says that there is none.
            granule: Some(granule).filter(|&granule| granule <= i64::MAX as u64),
            serial: word(14),
            number: word(18),
            checksum: word(CHECKSUM.start),
            segments,
            segment_count,
        })
    }

    pub(super) fn header_bytes(&self) -> usize {
        FIXED_BYTES + usize::from(self.segment_count)
    }

    pub(super) fn page_bytes(&self) -> usize {
        self.header_bytes() + self.segments().iter().map(|&lacing| usize::from(lacing)).sum::<usize>()
    }

    /// How many packets end on this page.
    pub(super) fn ends(&self) -> usize {
        self.segments().iter().filter(|&&lacing| lacing < GOES_ON).count()
    }

    /// The packet whose first segment here is the one numbered `from`, and the segment behind it.
    #[inline]
    pub(super) fn piece(&self, from: usize) -> Option<(Piece, usize)> {
        piece(self.segments(), from)
    }

    fn segments(&self) -> &[u8] {
        self.segments.get(..usize::from(self.segment_count)).unwrap_or_default()
    }
}

/// The checksum of the first bytes of a page, its own field taken as zero.
pub(super) fn checksum(page: &[u8]) -> u32 {
    // Zeros in front add nothing to a checksum; with so many the field ends a slice.
    const FRONT: usize = CHECKSUM.end.next_multiple_of(crc::SLICE) - CHECKSUM.end;
    let mut head = [0; FRONT + CHECKSUM.end];
    let before = page.get(..CHECKSUM.start).unwrap_or_default();
    head.iter_mut().skip(FRONT).zip(before).for_each(|(to, &from)| *to = from);
    crc::update(crc::update(0, &head), page.get(CHECKSUM.end..).unwrap_or_default())
}

/// See [`PageHeader::piece`].
#[inline]
fn piece(segments: &[u8], from: usize) -> Option<(Piece, usize)> {
    let segments = segments.get(from..).filter(|segments| !segments.is_empty())?;
    let full = segments.iter().take_while(|&&lacing| lacing == GOES_ON).count();
    let last = segments.get(full).copied();
    let bytes = full * usize::from(GOES_ON) + last.map_or(0, usize::from);
    Some((Piece { bytes, ends: last.is_some() }, from + full + usize::from(last.is_some())))
}

/// Where, on the page that `window` begins with, the end of a packet of stream `serial` lies that began earlier: from,
/// to and the length of the page. Nothing on a page of another stream. The page is known to be one.
pub(super) fn continuation(window: &[u8], serial: u32) -> Option<(usize, usize, usize)> {
    let (fixed, rest) = window.split_first_chunk::<FIXED_BYTES>()?;
    let segments = rest.get(..usize::from(fixed[FIXED_BYTES - 1]))?;
    let from = FIXED_BYTES + segments.len();
    let page_bytes = from + segments.iter().map(|&lacing| usize::from(lacing)).sum::<usize>();
    let ours = fixed[14..18] == serial.to_le_bytes();
    let bytes = piece(segments, 0).filter(|_| ours).map_or(0, |(piece, _)| piece.bytes);
    Some((from, from + bytes, page_bytes))
}
