//! The state machine that both the push parser and the slice iterator drive.
//!
//! It is shown a window on the stream, which begins where the last step left off, and decides about its first bytes.
//! A decision reads a bounded prefix of the window and asks for more rather than guess; so it does not depend on how
//! much of the stream the window shows, and any chunking gives the same events.

mod packets;
mod stream;

use super::block::{Block, SkipReason, Skipped};
use super::crc;
use super::head::{OpusHead, StreamError};
use super::packet;
use super::page::{self, PageHeader, Recognised};
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
