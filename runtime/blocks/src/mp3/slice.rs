//! Blocks of a stream that lies in memory as a whole.

use core::iter::FusedIterator;

use super::block::{Block, Event};
use super::error::StreamError;
use super::machine::{Machine, Step};

/// The blocks of `data`, in order, borrowed from it: the same that [`Cutter`](super::Cutter) gives for any chunking.
#[must_use]
pub const fn blocks(data: &[u8]) -> Blocks<'_> {
    Blocks { events: events(data) }
}

/// The blocks of `data` and, between them, what was skipped: together every byte of `data`, in order.
#[must_use]
pub const fn events(data: &[u8]) -> Events<'_> {
    Events { machine: Machine::new(), rest: data }
}

/// See [`blocks`].
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    events: Events<'a>,
}

impl Blocks<'_> {
    /// See [`Cutter::diagnosis`](super::Cutter::diagnosis); speaks of what the iterator has passed so far.
    #[must_use]
    pub const fn diagnosis(&self) -> Option<StreamError> {
        self.events.diagnosis()
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.events.find_map(|event| match event {
            Event::Block(block) => Some(block),
            Event::Skipped(_) => None,
        })
    }
}

impl FusedIterator for Blocks<'_> {}

/// See [`events`].
#[derive(Clone, Debug)]
pub struct Events<'a> {
    machine: Machine,
    rest: &'a [u8],
}

impl<'a> Events<'a> {
    /// See [`Cutter::diagnosis`](super::Cutter::diagnosis); speaks of what the iterator has passed so far.
    #[must_use]
    pub const fn diagnosis(&self) -> Option<StreamError> {
        self.machine.diagnosis()
    }

    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.machine.step(self.rest, true) {
                Step::Pass(used) => drop(self.take(used)),
                Step::Block(cut) => return Some(Event::Block(cut.block(self.take(cut.used)))),
                Step::Skip { used, skipped } => {
                    self.take(used);
                    return Some(Event::Skipped(skipped));
                }
                Step::Need(_) | Step::End => return None,
            }
        }
    }
}

impl FusedIterator for Events<'_> {}
