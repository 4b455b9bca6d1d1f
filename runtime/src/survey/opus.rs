//! Ogg Opus: packets, and the frames inside.

use super::emit::{Emit, Found, fill, tokens};
use super::item::{Cause, Kind, Place, Reason};
use super::{Diagnosis, OpusTally, Sink, Tally, Unit, View};
use tempest_blocks::Cut;
use tempest_blocks::opus::{Block, Cutter, Event, MAX_PAGE_BYTES, Packet, State, fields, symbols};

/// Samples of a second: Opus counts at 48 kHz whatever was encoded.
const RATE: f64 = 48_000.0;

/// Every page is checked before any of its packets is given.
pub(super) struct Walk {
    cutter: Cutter<MAX_PAGE_BYTES>,
    make: Make,
}

struct Make {
    emit: Emit,
    /// Samples that are heard: of all packets, less pre-skip and what lies behind the end.
    samples: i64,
    /// The stream chained in the file whose pre-skip is taken off.
    link: Option<u32>,
    /// What `symbols` remembers of the packets before.
    state: State,
}

impl Walk {
    pub(super) fn new(unit: Unit, view: Option<View>) -> Self {
        let tally = Tally { opus: Some(OpusTally::default()), ..Tally::default() };
        let emit = Emit::new(unit, view, tally);
        Self { cutter: Cutter::holding(), make: Make { emit, samples: 0, link: None, state: State::new() } }
    }

    pub(super) fn feed<E>(&mut self, mut input: &[u8], sink: Sink<'_, E>) -> Result<(), E> {
        loop {
            let head = self.cutter.head();
            let (Some(event), rest) = self.cutter.push(input) else { return Ok(()) };
            self.make.emit.tally.opus.get_or_insert_default().head = head;
            self.make.event(&event, sink)?;
            input = rest;
        }
    }

    pub(super) fn finish<E>(&mut self, sink: Sink<'_, E>) -> Result<(), E> {
        loop {
            let head = self.cutter.head();
            let Some(event) = self.cutter.finish() else { return Ok(()) };
            self.make.emit.tally.opus.get_or_insert_default().head = head;
            self.make.event(&event, sink)?;
        }
    }

    pub(super) const fn tally(&self) -> &Tally {
        &self.make.emit.tally
    }

    pub(super) const fn tally_mut(&mut self) -> &mut Tally {
        &mut self.make.emit.tally
    }

    pub(super) fn diagnosis(&self) -> Option<Diagnosis> {
        self.cutter.diagnosis().map(|error| Diagnosis::new(error, error.class()))
    }
}

impl Make {
    fn event<E>(&mut self, event: &Event<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        match event {
            Event::Block(block) => self.packet(block, sink),
            Event::Skipped(skipped) => {
                let run = (skipped.offset, skipped.bytes);
                self.emit.skipped(run, Reason::Opus(skipped.reason), skipped.truncated, sink)
            }
        }
    }

    fn packet<E>(&mut self, block: &Block<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        self.count(block);
        let packet = block.packet();
        if let Err(rule) = packet {
            self.emit.fault(block.offset, Cause::Packet(rule), sink)?;
        }
        match (self.emit.unit, packet) {
            (Unit::Frame, Ok(packet)) => self.frames(block, &packet, sink),
            (Unit::Frame, Err(_)) => Ok(()),
            _ => self.whole(block, sink),
        }
    }

    /// Adds up what is heard.
    fn count(&mut self, block: &Block<'_>) {
        let tally = &mut self.emit.tally;
        if self.link.replace(block.link) != Some(block.link) {
            let head = tally.opus.as_ref().and_then(|opus| opus.head);
            self.samples -= head.map_or(0, |head| head.pre_skip.into());
        }
        self.samples += i64::from(block.duration) - i64::from(block.trimmed);
        tally.packet(block);
        tally.seconds = self.samples.max(0) as f64 / RATE;
    }

    fn whole<E>(&mut self, block: &Block<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        let frames = block.packet().map(|packet| (packet.frame_count(), packet.padding()));
        let found = Found {
            offset: block.offset,
            bytes: block.bytes.as_slice().unwrap_or_default(),
            place: place(block, 0, block.duration),
            kind: Kind::Packet {
                toc: block.toc(),
                frames,
                trimmed: block.trimmed,
                lost_pages: block.lost_pages,
                link: block.link,
            },
            truncated: block.truncated,
        };
        let head = self.emit.tally.opus.as_ref().and_then(|opus| opus.head);
        let (channels, state) = (head.map_or(1, |head| head.channels), &mut self.state);
        let write = |view, row: &mut Vec<i32>| match view {
            View::Fields => fill(row, fields::ROW_LEN, |row| fields::write(block, row)),
            View::Symbols => {
                fill(row, symbols::row_len(block.duration, channels), |row| symbols::write(block, channels, state, row))
            }
            _ => tokens(row, found.bytes),
        };
        self.emit.block(&found, write, sink)
    }

    fn frames<E>(&mut self, block: &Block<'_>, packet: &Packet<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        for frame in packet.frames() {
            let found = Found {
                offset: block.offset + frame.start as u64,
                bytes: frame.bytes.as_slice().unwrap_or_default(),
                place: place(block, frame.position(), frame.samples()),
                kind: Kind::PacketFrame { toc: frame.toc, packet: block.sequence, index: frame.index },
                truncated: frame.truncated,
            };
            self.emit.block(&found, |_, row| tokens(row, found.bytes), sink)?;
        }
        Ok(())
    }
}

/// So many samples of a packet.
fn place(block: &Block<'_>, from: u32, samples: u32) -> Place {
    let start = block.position.map(|position| (position + i64::from(from)) as f64 / RATE);
    Place::Time { start, seconds: f64::from(samples) / RATE }
}
