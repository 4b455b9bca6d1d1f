//! Which logical stream a page belongs to, and where in it the page begins.

use super::super::head::{HeadError, OpusHead, StreamError};
use super::super::packet;
use super::super::page::PageHeader;
use super::{Machine, Step, Stream};

impl Machine {
    pub(super) fn enter(&mut self, header: PageHeader, verified: bool, window: &[u8]) -> Step {
        if header.first {
            return self.enter_first(header, verified, window);
        }
        let Some(stream) = self.stream.filter(|stream| stream.serial == header.serial) else {
            return self.pass_other(&header);
        };
        if (header.number != stream.page || !header.continued)
            && let Some(dropped) = self.drop_open()
        {
            return dropped;
        }
        self.follow(stream, &header, verified, window);
        self.cut_page(header, verified, window)
    }

    /// The first page of a logical stream: that of `OpusHead` and nothing else, or of another codec.
    pub(super) fn enter_first(&mut self, header: PageHeader, verified: bool, window: &[u8]) -> Step {
        let cause = match window.get(header.header_bytes()..header.page_bytes()) {
            Some(packet) if verified => OpusHead::parse(packet),
            _ => Err(HeadError::OtherCodec),
        };
        // Streams that run beside each other all begin before any of them goes on.
        let beside = self.stream.is_some_and(|stream| !stream.begun && stream.serial != header.serial);
        let head = match cause {
            Ok(head) if !beside => head,
            Ok(_) => return self.pass_other(&header),
            Err(cause) => {
                self.refused.get_or_insert(StreamError { offset: self.offset, cause });
                return self.pass_other(&header);
            }
        };
        if let Some(dropped) = self.drop_open() {
            return dropped;
        }
        self.head = Some(head);
        self.stream = Some(Stream {
            serial: header.serial,
            page: header.number.wrapping_add(1),
            pre_skip: head.pre_skip,
            begun: false,
            sounded: false,
            guessed: false,
            granule: None,
            lost_pages: 0,
        });
        self.links = self.links.saturating_add(1);
        self.cut_page(header, verified, window)
    }

    /// Moves the stream on to this page.
    pub(super) fn follow(&mut self, mut stream: Stream, header: &PageHeader, verified: bool, window: &[u8]) {
        let missing = header.number.wrapping_sub(stream.page);
        if missing != 0 {
            let missing = if missing <= u32::MAX / 2 { missing } else { u32::MAX };
            stream.lost_pages = stream.lost_pages.saturating_add(missing);
            stream.granule = None;
        }
        if verified && let Some(end) = header.granule {
            let samples = self.samples_on(header, window);
            let backward = end.checked_sub(samples);
            stream.granule = match (header.last, stream.granule) {
                (false, _) => backward.or(stream.granule),
                // The last page may end early, so it tells nothing unless it is also the first with sound.
                (true, None) if missing == 0 => Some(backward.unwrap_or(0)),
                (true, known) => known,
            };
        }
        stream.page = header.number.wrapping_add(1);
        stream.begun = true;
        stream.guessed = !verified && !stream.sounded;
        self.stream = Some(stream);
    }

    /// Samples of the packets that end on the page, that of one begun earlier included.
    pub(super) fn samples_on(&self, header: &PageHeader, window: &[u8]) -> u64 {
        let (mut segment, mut at, mut samples) = (0, header.header_bytes(), 0);
        let mut resumed = header.continued;
        while let Some((piece, behind)) = header.piece(segment) {
            if piece.ends {
                let stated = if resumed {
                    self.open.map_or(0, |open| open.duration)
                } else {
                    // `OpusTags` would be 48 frames of 20 ms, so it counts nothing.
                    packet::samples(window.get(at..at + piece.bytes).unwrap_or_default())
                };
                samples += u64::from(stated);
            }
            resumed = false;
            at += piece.bytes;
            segment = behind;
        }
        samples
    }
}
