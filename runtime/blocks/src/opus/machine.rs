//! The state machine that both the push parser and the slice iterator drive.
//!
//! It is shown a window on the stream, which begins where the last step left off, and decides about its first bytes.
//! A decision reads a bounded prefix of the window and asks for more rather than guess; so it does not depend on how
//! much of the stream the window shows, and any chunking gives the same events.

use super::block::{Block, SkipReason, Skipped};
use super::crc;
use super::head::{HeadError, OpusHead, StreamError};
use super::packet;
use super::page::{self, PageHeader, Piece, Recognised};
use super::payload::Payload;

/// What is kept of a packet at most: one of six frames of 20 ms and 1275 bytes, each with its length. No encoder makes
/// longer ones; in theory 48 frames of 2.5 ms take 61 kB, and padding any number.
pub const MAX_PACKET_BYTES: usize = 2 + 6 * (2 + packet::MAX_FRAME_BYTES);

/// What begins the comment header.
const TAGS: &[u8; 8] = b"OpusTags";

/// Bytes of damaged pages summed up for each byte of the stream, and what is granted beforehand. Headers made up within
/// each other's pages are legal in form, and would have every byte summed up hundreds of times. Damage costs each page
/// one sum, and its bytes are passed; so a stream that is not made for it never comes near.
const CHECKED_PER_BYTE: u64 = 8;
const CHECKED_BEFOREHAND: u64 = 16 * page::MAX_PAGE_BYTES as u64;

/// What the machine expects at its offset.
#[derive(Clone, Copy, Debug)]
enum State {
    /// A page.
    Start,
    /// Anything: what began at this offset was no sound page.
    Search { from: u64, reason: SkipReason },
    /// The rest of a page of another stream, which began at this offset.
    Other { from: u64, left: usize },
    /// The next packet of the page, or its end.
    Page,
    /// The rest of what the page has of the open packet.
    Piece { left: usize, ends: bool },
}

/// A decision. The driver moves its window by what the step has used of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The window must have this many bytes, more than it has. Never at the end of the stream.
    Need(usize),
    /// This many bytes are reported later; may be none.
    Pass(usize),
    /// This many bytes belong to a packet that is given later; `first` are its first.
    Keep { used: usize, first: bool },
    /// A packet.
    Block(Cut),
    /// Something is complete with the first `used` bytes.
    Skip { used: usize, skipped: Skipped },
    /// The stream is at its end and fully reported.
    End,
}

/// A block without its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) source: Source,
    packet_bytes: u64,
    pub(super) offset: u64,
    sequence: u64,
    link: u32,
    duration: u32,
    position: Option<i64>,
    trimmed: u32,
    lost_pages: u32,
    verified: bool,
}

/// Where the bytes of a block are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// The first of the window.
    Window(usize),
    /// Those that were to be kept; `first` of them lie on the first page, in a stream of this number.
    Kept { first: usize, serial: u32 },
}

impl Cut {
    /// How many bytes the block has.
    pub(super) fn kept_bytes(&self) -> usize {
        usize::try_from(self.packet_bytes).map_or(MAX_PACKET_BYTES, |bytes| bytes.min(MAX_PACKET_BYTES))
    }

    /// Joins the cut with its bytes.
    #[inline]
    pub(super) fn block(self, bytes: Payload<'_>) -> Block<'_> {
        let truncated = bytes.len() as u64 != self.packet_bytes;
        let Self { packet_bytes, offset, sequence, link, duration, position, trimmed, lost_pages, verified, .. } = self;
        Block {
            bytes,
            packet_bytes,
            offset,
            sequence,
            link,
            duration,
            position,
            trimmed,
            lost_pages,
            verified,
            truncated,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Machine {
    state: State,
    /// Offset in the file of the window's first byte.
    offset: u64,
    /// Blocks so far.
    sequence: u64,
    /// Streams begun so far.
    links: u32,
    /// The longest page a window can show.
    held: usize,
    /// Bytes summed up of pages that turned out damaged.
    checked: u64,
    /// The page that is cut, in the states `Page` and `Piece`.
    page: Page,
    stream: Option<Stream>,
    open: Option<Open>,
    head: Option<OpusHead>,
    refused: Option<StreamError>,
}

/// The page that is cut.
#[derive(Clone, Debug)]
struct Page {
    header: PageHeader,
    offset: u64,
    /// The first segment not cut yet.
    segment: usize,
    /// The checksum so far, of a page too long to be checked first.
    checksum: Option<u32>,
    /// The stream ended within it.
    cut_off: bool,
}

/// The logical stream that is cut.
#[derive(Clone, Copy, Debug)]
struct Stream {
    serial: u32,
    /// Number of the next page.
    page: u32,
    pre_skip: u16,
    /// A page behind that of `OpusHead` was there.
    begun: bool,
    /// A packet was given.
    sounded: bool,
    /// That the first packet starts at 0 is only a guess.
    guessed: bool,
    /// Granule position of the start of the next packet.
    granule: Option<u64>,
    /// Pages missing since the last block.
    lost_pages: u32,
}

/// A packet of which a part is passed.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// `None`: it will be a block.
    skip: Option<SkipReason>,
    offset: u64,
    bytes: u64,
    /// Bytes on its first page.
    first: usize,
    duration: u32,
    verified: bool,
}

impl Machine {
    pub(super) const fn new(held: usize) -> Self {
        let page = Page { header: PageHeader::EMPTY, offset: 0, segment: 0, checksum: None, cut_off: false };
        Self {
            state: State::Start,
            offset: 0,
            sequence: 0,
            links: 0,
            held,
            checked: 0,
            page,
            stream: None,
            open: None,
            head: None,
            refused: None,
        }
    }

    pub(super) const fn head(&self) -> Option<OpusHead> {
        self.head
    }

    pub(super) const fn diagnosis(&self) -> Option<StreamError> {
        self.refused
    }

    /// Decides about the first bytes of the window; `end` says that the stream ends with it.
    #[inline]
    pub(super) fn step(&mut self, window: &[u8], end: bool) -> Step {
        let in_page = matches!(self.state, State::Page | State::Piece { .. });
        let step = match self.state {
            State::Page => self.packet(window, end),
            State::Piece { left, ends } => self.piece(left, ends, window, end),
            _ if window.is_empty() => self.starve(end),
            State::Start => self.start(window, end),
            State::Search { from, reason } => self.search(from, reason, window, end),
            State::Other { from, left } => self.other(from, left, window),
        };
        let used = match step {
            Step::Pass(used) | Step::Keep { used, .. } | Step::Skip { used, .. } => used,
            Step::Block(Cut { source: Source::Window(used), .. }) => used,
            Step::Block(_) | Step::Need(_) | Step::End => 0,
        };
        if in_page && let Some(checksum) = &mut self.page.checksum {
            *checksum = crc::update(*checksum, window.get(..used).unwrap_or_default());
        }
        self.offset += used as u64;
        step
    }

    /// No bytes between pages: at the end, what is still open is reported.
    fn starve(&mut self, end: bool) -> Step {
        if !end {
            return Step::Need(1);
        }
        if let Some(dropped) = self.drop_open() {
            return dropped;
        }
        match core::mem::replace(&mut self.state, State::Start) {
            State::Search { from, reason } if from < self.offset => {
                self.skip(from, 0, reason, reason == SkipReason::PartialPage)
            }
            State::Other { from, .. } => self.skip(from, 0, SkipReason::OtherStream, true),
            _ => {
                // What is fed from here on is another file.
                self.stream = None;
                Step::End
            }
        }
    }

    fn start(&mut self, window: &[u8], end: bool) -> Step {
        match self.sound(window, 0, false) {
            Sound::Yes { header, verified } => self.enter(header, verified, window),
            Sound::Need(bytes) if !end => Step::Need(bytes),
            Sound::Need(_) => self.lose_sync(SkipReason::PartialPage),
            Sound::Damaged => self.lose_sync(SkipReason::DamagedPage),
            Sound::No => self.lose_sync(SkipReason::Garbage),
        }
    }

    /// Passes garbage up to the next sound page, which [`start`](Self::start) then takes.
    fn search(&mut self, from: u64, reason: SkipReason, window: &[u8], end: bool) -> Step {
        let mut at = 0;
        while let Some(candidate) =
            window.get(at..).and_then(|rest| Some(at + rest.iter().position(|&byte| byte == b'O')?))
        {
            match self.sound(window, candidate, true) {
                Sound::Yes { .. } => return self.arrive(from, reason, candidate),
                Sound::Need(_) if end => {}
                Sound::Need(bytes) if candidate == 0 => return Step::Need(bytes),
                Sound::Need(_) => return Step::Pass(candidate),
                Sound::Damaged | Sound::No => {}
            }
            at = candidate + 1;
        }
        Step::Pass(window.len())
    }

    /// Garbage ends `used` bytes on.
    fn arrive(&mut self, from: u64, reason: SkipReason, used: usize) -> Step {
        self.state = State::Start;
        // What seemed cut off was damaged: the stream goes on.
        let reason = if reason == SkipReason::PartialPage { SkipReason::DamagedPage } else { reason };
        self.skip(from, used, reason, false)
    }

    fn lose_sync(&mut self, reason: SkipReason) -> Step {
        // What follows may be damaged, and a packet must not go on behind bytes that are no page.
        if let Some(dropped) = self.drop_open() {
            return dropped;
        }
        self.state = State::Search { from: self.offset, reason };
        // The first byte is passed, or the search would find the same page and believe less of it.
        Step::Pass(1)
    }

    /// Whether a page that can be believed begins at `at` in the window. One too long to hold is, unless found in
    /// garbage and of another stream than the one that is cut.
    fn sound(&mut self, window: &[u8], at: usize, in_garbage: bool) -> Sound {
        let window = window.get(at..).unwrap_or_default();
        let header = match PageHeader::recognise(window) {
            Recognised::Header(header) => header,
            Recognised::Need(bytes) => return Sound::Need(bytes),
            Recognised::No => return Sound::No,
        };
        let page_bytes = header.page_bytes();
        if page_bytes > self.held {
            let expected = self.stream.is_some_and(|stream| stream.serial == header.serial);
            return if in_garbage && !expected { Sound::No } else { Sound::Yes { header, verified: false } };
        }
        let passed = self.offset + at as u64;
        if self.checked > CHECKED_BEFOREHAND + CHECKED_PER_BYTE * passed {
            return Sound::No;
        }
        match window.get(..page_bytes) {
            None => Sound::Need(page_bytes),
            Some(page) if page::checksum(page) == header.checksum => Sound::Yes { header, verified: true },
            Some(_) => {
                self.checked += page_bytes as u64;
                Sound::Damaged
            }
        }
    }

    fn enter(&mut self, header: PageHeader, verified: bool, window: &[u8]) -> Step {
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
    fn enter_first(&mut self, header: PageHeader, verified: bool, window: &[u8]) -> Step {
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
    fn follow(&mut self, mut stream: Stream, header: &PageHeader, verified: bool, window: &[u8]) {
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
    fn samples_on(&self, header: &PageHeader, window: &[u8]) -> u64 {
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

    /// Steps over the header.
    fn cut_page(&mut self, header: PageHeader, verified: bool, window: &[u8]) -> Step {
        let used = header.header_bytes();
        let checksum = (!verified).then(|| page::checksum(window.get(..used).unwrap_or_default()));
        self.page = Page { header, offset: self.offset, segment: 0, checksum, cut_off: false };
        self.state = State::Page;
        if verified { self.skip(self.offset, used, SkipReason::PageHeader, false) } else { Step::Pass(used) }
    }

    fn pass_other(&mut self, header: &PageHeader) -> Step {
        self.state = State::Other { from: self.offset, left: header.page_bytes() };
        Step::Pass(0)
    }

    fn other(&mut self, from: u64, left: usize, window: &[u8]) -> Step {
        let used = left.min(window.len());
        if used < left {
            self.state = State::Other { from, left: left - used };
            return Step::Pass(used);
        }
        self.state = State::Start;
        self.skip(from, used, SkipReason::OtherStream, false)
    }

    /// The next packet of the page.
    #[inline]
    fn packet(&mut self, window: &[u8], end: bool) -> Step {
        let Some((piece, behind)) = self.page.header.piece(self.page.segment) else { return self.leave() };
        let resumed = self.page.segment == 0 && self.page.header.continued;
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
        if skip.is_none() && piece.ends && piece.bytes <= MAX_PACKET_BYTES {
            if let Some(packet) = window.get(..piece.bytes) {
                self.page.segment = behind;
                let duration = packet::samples(packet);
                let verified = self.page.checksum.is_none();
                let source = Source::Window(piece.bytes);
                return self.block(source, self.offset, piece.bytes as u64, duration, verified);
            }
            if !end {
                return Step::Need(piece.bytes);
            }
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

    /// Passes what the page has of the open packet.
    fn piece(&mut self, left: usize, ends: bool, window: &[u8], end: bool) -> Step {
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
    fn close(&mut self) -> Step {
        let (Some(open), Some(stream)) = (self.open.take(), self.stream) else { return Step::Pass(0) };
        let Open { skip, offset, bytes, first, duration, verified } = open;
        match skip {
            None => self.block(Source::Kept { first, serial: stream.serial }, offset, bytes, duration, verified),
            Some(_) if bytes == 0 => Step::Pass(0),
            Some(reason) => Step::Skip { used: 0, skipped: Skipped { offset, bytes, reason, truncated: false } },
        }
    }

    #[inline]
    fn block(&mut self, source: Source, offset: u64, packet_bytes: u64, duration: u32, verified: bool) -> Step {
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
        Step::Block(Cut {
            source,
            packet_bytes,
            offset,
            sequence,
            link,
            duration,
            position,
            trimmed,
            lost_pages,
            verified,
        })
    }

    /// The page is cut.
    fn leave(&mut self) -> Step {
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
    fn cut_off(&mut self) -> Step {
        self.page.cut_off = true;
        self.page.segment = usize::MAX;
        self.state = State::Page;
        Step::Pass(0)
    }

    /// Gives up the open packet.
    fn drop_open(&mut self) -> Option<Step> {
        let open = self.open.take().filter(|open| open.bytes > 0)?;
        let reason = open.skip.unwrap_or(SkipReason::LostEnd);
        Some(Step::Skip {
            used: 0,
            skipped: Skipped { offset: open.offset, bytes: open.bytes, reason, truncated: true },
        })
    }

    /// Reports the run from `from` that ends `used` bytes on.
    fn skip(&self, from: u64, used: usize, reason: SkipReason, truncated: bool) -> Step {
        let bytes = self.offset + used as u64 - from;
        Step::Skip { used, skipped: Skipped { offset: from, bytes, reason, truncated } }
    }
}

/// See [`Machine::sound`].
#[expect(clippy::large_enum_variant, reason = "lives for one step, and there is no heap")]
enum Sound {
    Yes {
        header: PageHeader,
        /// Its checksum is right.
        verified: bool,
    },
    Need(usize),
    /// A page in form, whose checksum is wrong.
    Damaged,
    No,
}
