//! The state machine that both the push parser and the slice iterator drive.
//!
//! It is shown a window on the stream, which begins where the last step left off, and decides about its first bytes.
//! A decision reads a bounded prefix of the window, at most [`LOOK_AHEAD`] bytes, and asks for more rather than guess;
//! so it does not depend on how much of the stream the window shows, and any chunking gives the same events.

use crate::verdict::Verdict;

use super::block::{Block, SkipReason, Skipped};
use super::error::StreamError;
use super::header::{FrameHeader, HEADER_BYTES, MAX_FRAME_BYTES};
use super::refused::Refused;
use super::sync::{anchor, begins_like_a_header, confirmed, may_anchor, word};
use super::tag::{self, LYRICS3_BEGIN, LYRICS3_END_BYTES, TAG_HEADER_BYTES, Tag};

/// The most bytes a decision reads: the longest frame, and what follows it (a header, or a tag's header).
pub(super) const LOOK_AHEAD: usize = MAX_FRAME_BYTES + TAG_HEADER_BYTES;

/// What the machine expects at its offset.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The first byte of a stream, or the first behind a tag: a tag, or a frame that proves itself.
    Start,
    /// The frame that follows a frame with this header, or a tag.
    Sync(FrameHeader),
    /// Anything: garbage began at this offset, or a tag that does not say how long it is.
    Search { from: u64, reason: SkipReason },
    /// The rest of a tag that began at this offset.
    InTag { from: u64, left: u64, reason: SkipReason },
}

/// A decision. The driver moves its window by what the step has used of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The window must have this many bytes, more than it has. Never at the end of the stream.
    Need(usize),
    /// This many bytes belong to a run reported later; may be none.
    Pass(usize),
    /// The first bytes are a frame.
    Block(Cut),
    /// A run is complete with the first `used` bytes.
    Skip { used: usize, skipped: Skipped },
    /// The stream is at its end and fully reported.
    End,
}

/// A block whose bytes are the first `used` of the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) used: usize,
    header: FrameHeader,
    offset: u64,
    sequence: u64,
    truncated: bool,
}

impl Cut {
    /// Joins the cut with its bytes.
    pub(super) fn block(self, bytes: &[u8]) -> Block<'_> {
        let Self { header, offset, sequence, truncated, .. } = self;
        Block { header, bytes, offset, sequence, truncated }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Machine {
    state: State,
    /// Offset in the stream of the window's first byte.
    offset: u64,
    /// Blocks so far.
    sequence: u64,
    refused: Refused,
}

impl Machine {
    pub(super) const fn new() -> Self {
        Self { state: State::Start, offset: 0, sequence: 0, refused: Refused::new() }
    }

    pub(super) const fn diagnosis(&self) -> Option<StreamError> {
        self.refused.found()
    }

    /// Decides about the first bytes of the window; `end` says that the stream ends with it.
    pub(super) fn step(&mut self, window: &[u8], end: bool) -> Step {
        let step = match self.state {
            _ if window.is_empty() => self.starve(end),
            State::Start => self.start(window, end),
            State::Sync(last) => self.follow(last, window, end),
            State::Search { from, reason } => self.search(from, reason, window, end),
            State::InTag { from, left, reason } => self.pass_tag(from, left, reason, window),
        };
        self.offset += match step {
            Step::Pass(used) | Step::Skip { used, .. } | Step::Block(Cut { used, .. }) => used as u64,
            Step::Need(_) | Step::End => 0,
        };
        step
    }

    /// No bytes: at the end, a run still open is reported.
    fn starve(&mut self, end: bool) -> Step {
        if !end {
            return Step::Need(1);
        }
        let state = core::mem::replace(&mut self.state, State::Start);
        match state {
            State::Search { from, reason } if from < self.offset => {
                self.skip(from, 0, reason, reason != SkipReason::Garbage)
            }
            State::InTag { from, reason, .. } => self.skip(from, 0, reason, true),
            _ => Step::End,
        }
    }

    fn start(&mut self, window: &[u8], end: bool) -> Step {
        match tag::recognise(window).at_end(end) {
            Verdict::Yes(tag) => return self.enter_tag(tag),
            Verdict::Need(bytes) => return Step::Need(bytes),
            Verdict::No => {}
        }
        match confirmed(window, end).at_end(end) {
            Verdict::Yes(header) => self.frame(header, true, window, end),
            Verdict::Need(bytes) => Step::Need(bytes),
            Verdict::No => {
                if let Some(word) = word(window) {
                    self.refused.note_start(word, self.offset);
                }
                self.lose_sync()
            }
        }
    }

    fn follow(&mut self, last: FrameHeader, window: &[u8], end: bool) -> Step {
        let Some(word) = word(window) else {
            return if end { self.remnant(window) } else { Step::Need(HEADER_BYTES) };
        };
        if let Ok(header) = FrameHeader::parse(word)
            && header.same_stream(last)
        {
            return self.frame(header, false, window, end);
        }
        match tag::recognise(window).at_end(end) {
            Verdict::Yes(tag) => self.enter_tag(tag),
            Verdict::Need(bytes) => Step::Need(bytes),
            Verdict::No => self.lose_sync(),
        }
    }

    /// A frame that belongs to the stream: a block, or a table of contents.
    fn frame(&mut self, header: FrameHeader, first: bool, window: &[u8], end: bool) -> Step {
        let frame_bytes = header.frame_bytes();
        if window.len() < frame_bytes && !end {
            return Step::Need(frame_bytes);
        }
        self.state = State::Sync(header);
        let frame = window.get(..frame_bytes).unwrap_or(window);
        let (used, truncated) = (frame.len(), frame.len() < frame_bytes);
        if let Some(reason) = tag::table_of_contents(header, frame, first) {
            return self.skip(self.offset, used, reason, truncated);
        }
        let sequence = self.sequence;
        self.sequence += 1;
        Step::Block(Cut { used, header, offset: self.offset, sequence, truncated })
    }

    /// Less than a header is left of the stream.
    fn remnant(&mut self, window: &[u8]) -> Step {
        self.state = State::Start;
        let partial = begins_like_a_header(window);
        let reason = if partial { SkipReason::PartialHeader } else { SkipReason::Garbage };
        self.skip(self.offset, window.len(), reason, partial)
    }

    fn lose_sync(&mut self) -> Step {
        self.state = State::Search { from: self.offset, reason: SkipReason::Garbage };
        Step::Pass(0)
    }

    /// Passes garbage up to the next place where a stream may start, which [`start`](Self::start) then takes; passes
    /// Lyrics3 up to its end, if that comes first.
    fn search(&mut self, from: u64, reason: SkipReason, window: &[u8], end: bool) -> Step {
        let mut at = 0;
        while let Some(candidate) = window.get(at..).and_then(|rest| Some(at + rest.iter().position(may_anchor)?)) {
            let rest = window.get(candidate..).unwrap_or_default();
            match way_out(reason, rest, end) {
                Verdict::Yes(own) => return self.arrive(from, reason, candidate + own),
                Verdict::Need(bytes) if candidate == 0 => return Step::Need(bytes),
                Verdict::Need(_) => return Step::Pass(candidate),
                Verdict::No => {}
            }
            if let Some(word) = word(rest) {
                self.refused.note(word, self.offset + candidate as u64);
            }
            at = candidate + 1;
        }
        Step::Pass(window.len())
    }

    /// What is passed ends `used` bytes on.
    fn arrive(&mut self, from: u64, reason: SkipReason, used: usize) -> Step {
        self.state = State::Start;
        if from == self.offset + used as u64 {
            return Step::Pass(0);
        }
        self.skip(from, used, reason, false)
    }

    fn enter_tag(&mut self, Tag { reason, bytes }: Tag) -> Step {
        let from = self.offset;
        match bytes {
            Some(left) => {
                self.state = State::InTag { from, left, reason };
                Step::Pass(0)
            }
            None => {
                self.state = State::Search { from, reason };
                Step::Pass(LYRICS3_BEGIN.len())
            }
        }
    }

    fn pass_tag(&mut self, from: u64, left: u64, reason: SkipReason, window: &[u8]) -> Step {
        let used = usize::try_from(left).map_or(window.len(), |left| left.min(window.len()));
        let left = left - used as u64;
        if left > 0 {
            self.state = State::InTag { from, left, reason };
            return Step::Pass(used);
        }
        self.state = State::Start;
        self.skip(from, used, reason, false)
    }

    /// Reports the run from `from` that ends `used` bytes on.
    fn skip(&self, from: u64, used: usize, reason: SkipReason, truncated: bool) -> Step {
        let bytes = self.offset + used as u64 - from;
        Step::Skip { used, skipped: Skipped { offset: from, bytes, reason, truncated } }
    }
}

/// Does what is passed for this reason end here, and how many bytes of it are still its own?
fn way_out(reason: SkipReason, window: &[u8], end: bool) -> Verdict<usize> {
    let ends = match reason {
        SkipReason::Lyrics3 => tag::lyrics3_end(window).at_end(end),
        _ => Verdict::No,
    };
    match ends {
        Verdict::No => anchor(window, end).map(|()| 0),
        ends => ends.map(|()| LYRICS3_END_BYTES),
    }
}
