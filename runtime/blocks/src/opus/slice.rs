//! Blocks of a stream that lies in memory as a whole.

use core::iter::FusedIterator;

use super::block::{Block, Event};
use super::head::{OpusHead, StreamError};
use super::machine::{Machine, Source, Step};
use super::page::MAX_PAGE_BYTES;
use super::payload::Payload;

/// The blocks of `data`, in order, borrowed from it. Every page is checked before any of its packets is given.
#[must_use]
pub const fn blocks(data: &[u8]) -> Blocks<'_> {
    Blocks { events: events(data) }
}

/// The blocks of `data` and what was skipped: together every byte of `data`.
#[must_use]
pub const fn events(data: &[u8]) -> Events<'_> {
    Events::held(data, MAX_PAGE_BYTES)
}

/// See [`blocks`].
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    events: Events<'a>,
}

impl Blocks<'_> {
    /// See [`Cutter::head`](super::Cutter::head).
    #[must_use]
    pub const fn head(&self) -> Option<OpusHead> {
        self.events.head()
    }

    /// See [`Cutter::diagnosis`](super::Cutter::diagnosis); speaks of what the iterator has passed so far.
    #[must_use]
    pub const fn diagnosis(&self) -> Option<StreamError> {
        self.events.diagnosis()
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(block) = self.events.next_whole() {
                return Some(block);
            }
            if let Event::Block(block) = self.events.advance()? {
                return Some(block);
            }
        }
    }
}

impl FusedIterator for Blocks<'_> {}

/// See [`events`].
#[derive(Clone, Debug)]
pub struct Events<'a> {
    machine: Machine,
    data: &'a [u8],
    at: usize,
}

impl<'a> Events<'a> {
    /// What a [`Cutter<HELD>`](super::Cutter) makes of `data`, also of its damaged pages.
    #[must_use]
    pub const fn like_cutter<const HELD: usize>(data: &'a [u8]) -> Self {
        Self::held(data, HELD)
    }

    const fn held(data: &'a [u8], held: usize) -> Self {
        Self { machine: Machine::new(held), data, at: 0 }
    }

    /// See [`Cutter::head`](super::Cutter::head).
    #[must_use]
    pub const fn head(&self) -> Option<OpusHead> {
        self.machine.head()
    }

    /// See [`Cutter::diagnosis`](super::Cutter::diagnosis); speaks of what the iterator has passed so far.
    #[must_use]
    pub const fn diagnosis(&self) -> Option<StreamError> {
        self.machine.diagnosis()
    }

    /// The next event, if it is a packet that lies whole on a sound page, as nearly all do.
    #[inline]
    fn next_whole(&mut self) -> Option<Block<'a>> {
        let cut = self.machine.next_whole(self.data.get(self.at..).unwrap_or_default())?;
        let Source::Window(used) = cut.source else { return None };
        Some(cut.block(Payload::whole(self.take(used))))
    }

    /// The next event.
    fn advance(&mut self) -> Option<Event<'a>> {
        loop {
            match self.machine.step(self.data.get(self.at..).unwrap_or_default(), true) {
                Step::Pass(used) | Step::Keep { used, .. } => drop(self.take(used)),
                Step::Block(cut) => {
                    let bytes = match cut.source {
                        Source::Window(used) => Payload::whole(self.take(used)),
                        Source::Kept { first, serial } => {
                            // An offset in the slice, so no longer than its length.
                            let stream = self.data.get(cut.offset as usize..self.at).unwrap_or_default();
                            Payload::split(stream, first, serial, cut.kept_bytes())
                        }
                    };
                    return Some(Event::Block(cut.block(bytes)));
                }
                Step::Skip { used, skipped } => {
                    self.take(used);
                    return Some(Event::Skipped(skipped));
                }
                Step::Need(_) | Step::End => return None,
            }
        }
    }

    #[inline]
    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let taken = rest.get(..bytes).unwrap_or(rest);
        self.at += taken.len();
        taken
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.next_whole() {
            Some(block) => Some(Event::Block(block)),
            None => self.advance(),
        }
    }
}

impl FusedIterator for Events<'_> {}
