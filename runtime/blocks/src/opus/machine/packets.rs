//! The packets of a page, and those that go on from page to page.

use super::super::block::{SkipReason, Skipped};
use super::super::packet;
use super::super::page::Piece;
use super::{Cut, MAX_PACKET_BYTES, Machine, Open, Source, State, Step, TAGS};

impl Machine {
    /// The next packet, if there is nothing to decide: the page is sound and the window shows all of the packet. What
    /// [`step`](Self::step) would give, but small enough to be made a part of an iterator: always, because a call for
    /// each packet costs a third of the speed with small ones.
    #[inline(always)]
    pub(in super::super) fn next_whole(&mut self, window: &[u8]) -> Option<Cut> {
        if !matches!(self.state, State::Page) || self.page.checksum.is_some() {
            return None;
        }
        let cut = self.whole(window)?;
        self.offset += cut.packet_bytes;
        Some(cut)
    }

    /// The next packet of the page.
    pub(super) fn packet(&mut self, window: &[u8], end: bool) -> Step {
        if let Some(cut) = self.whole(window) {
            return Step::Block(cut);
        }
        let Some((piece, behind)) = self.page.header.piece(self.page.segment) else { return self.leave() };
        let resumed = self.is_resumed();
        let wanted = if resumed { 0 } else { piece.bytes.min(TAGS.len()) };
        if window.len() < wanted {
            if !end {
                return Step::Need(wanted);
            }
            if window.is_empty() {
                return self.cut_off();
            }
        }
        let skip = match () {
            () if resumed => Some(SkipReason::LostStart),
            () if self.page.header.first => Some(SkipReason::OpusHead),
            () if window.starts_with(TAGS) && piece.bytes >= TAGS.len() => Some(SkipReason::OpusTags),
            () => None,
        };
        if skip.is_none() && piece.ends && piece.bytes <= MAX_PACKET_BYTES && !end {
            return Step::Need(piece.bytes);
        }
        if !resumed || self.open.is_none() {
            // What is skipped states no duration: it may even lack its first bytes.
            let first = window.get(..piece.bytes).unwrap_or(window);
            let duration = if skip.is_none() { packet::samples(first) } else { 0 };
            self.open =
                Some(Open { skip, offset: self.offset, bytes: 0, first: piece.bytes, duration, verified: true });
        }
        self.page.segment = behind;
        let Piece { bytes: left, ends } = piece;
        self.state = State::Piece { left, ends };
        Step::Pass(0)
    }

    /// Does the packet that is next go on from an earlier page?
    const fn is_resumed(&self) -> bool {
        self.page.segment == 0 && self.page.header.continued
    }

    /// The next packet, if it is a block and the window shows all of it.
    #[inline(always)]
    fn whole(&mut self, window: &[u8]) -> Option<Cut> {
        let (piece, behind) = self.page.header.piece(self.page.segment)?;
        let packet = window.get(..piece.bytes)?;
        let is_whole = piece.ends && piece.bytes <= MAX_PACKET_BYTES && !self.is_resumed();
        if !is_whole || self.page.header.first || packet.starts_with(TAGS) {
            return None;
        }
        self.page.segment = behind;
        let verified = self.page.checksum.is_none();
        let bytes = piece.bytes;
        Some(self.block(Source::Window(bytes), self.offset, bytes as u64, packet::samples(packet), verified))
    }

    /// Passes what the page has of the open packet.
    pub(super) fn piece(&mut self, left: usize, ends: bool, window: &[u8], end: bool) -> Step {
        let verified = self.page.checksum.is_none();
        let Some(open) = &mut self.open else { return self.leave() };
        open.verified &= verified;
        if left == 0 {
            self.state = State::Page;
            return if ends { self.close() } else { Step::Pass(0) };
        }
        if window.is_empty() {
            return if end { self.cut_off() } else { Step::Need(1) };
        }
        let (used, first) = (left.min(window.len()), open.bytes == 0);
        open.bytes += used as u64;
        let kept = open.skip.is_none();
        self.state = State::Piece { left: left - used, ends };
        if kept { Step::Keep { used, first } } else { Step::Pass(used) }
    }

    /// The open packet is complete.
    pub(super) fn close(&mut self) -> Step {
        let (Some(open), Some(stream)) = (self.open.take(), self.stream) else { return Step::Pass(0) };
        let Open { skip, offset, bytes, first, duration, verified } = open;
        match skip {
            None => {
                let source = Source::Kept { first, serial: stream.serial };
                Step::Block(self.block(source, offset, bytes, duration, verified))
            }
            Some(_) if bytes == 0 => Step::Pass(0),
            Some(reason) => Step::Skip { used: 0, skipped: Skipped { offset, bytes, reason, truncated: false } },
        }
    }

    #[inline]
    pub(super) fn block(
        &mut self,
        source: Source,
        offset: u64,
        packet_bytes: u64,
        duration: u32,
        verified: bool,
    ) -> Cut {
        let (mut position, mut trimmed, mut lost_pages) = (None, 0, 0);
        if let Some(stream) = &mut self.stream {
            lost_pages = core::mem::take(&mut stream.lost_pages);
            stream.sounded = true;
            if core::mem::take(&mut stream.guessed) {
                // The page cannot be summed up before its first packet is given. A file starts at
                // 0 if it would with all packets as long as this one; a recording of a broadcast starts anywhere.
                let samples = self.page.header.ends() as u64 * u64::from(duration);
                stream.granule = stream.granule.filter(|_| self.page.header.granule == Some(samples));
            }
            if let Some(granule) = &mut stream.granule {
                position = i64::try_from(*granule).ok().map(|granule| granule - i64::from(stream.pre_skip));
                *granule = granule.saturating_add(duration.into());
                if self.page.header.last {
                    let behind = granule.saturating_sub(self.page.header.granule.unwrap_or(u64::MAX));
                    trimmed = u32::try_from(behind).map_or(duration, |behind| behind.min(duration));
                }
            }
        }
        let sequence = self.sequence;
        self.sequence += 1;
        let link = self.links.saturating_sub(1);
        Cut { source, packet_bytes, offset, sequence, link, duration, position, trimmed, lost_pages, verified }
    }

    /// The page is cut.
    pub(super) fn leave(&mut self) -> Step {
        let page = &self.page;
        let sound = page.checksum.is_none_or(|checksum| checksum == page.header.checksum);
        if (!sound || page.header.last || page.cut_off)
            && let Some(dropped) = self.drop_open()
        {
            return dropped;
        }
        let page = &self.page;
        self.state = State::Start;
        if let Some(stream) = &mut self.stream {
            if !sound {
                stream.granule = None;
            } else if page.header.granule.is_some() && page.header.ends() > 0 && stream.begun {
                stream.granule = page.header.granule;
            }
        }
        if page.header.last {
            self.stream = None;
        }
        if page.checksum.is_none() {
            return Step::Pass(0);
        }
        let reason = if sound || page.cut_off { SkipReason::PageHeader } else { SkipReason::BadChecksum };
        let (bytes, truncated) = (page.header.header_bytes() as u64, page.cut_off);
        Step::Skip { used: 0, skipped: Skipped { offset: page.offset, bytes, reason, truncated } }
    }

    /// The stream ended within the page.
    pub(super) fn cut_off(&mut self) -> Step {
        self.page.cut_off = true;
        self.page.segment = usize::MAX;
        self.state = State::Page;
        Step::Pass(0)
    }

    /// Gives up the open packet.
    pub(super) fn drop_open(&mut self) -> Option<Step> {
        let open = self.open.take().filter(|open| open.bytes > 0)?;
        let reason = open.skip.unwrap_or(SkipReason::LostEnd);
        Some(Step::Skip {
            used: 0,
            skipped: Skipped { offset: open.offset, bytes: open.bytes, reason, truncated: true },
        })
    }
}
