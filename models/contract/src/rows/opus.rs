use super::{Foreign, Gap, GapReason, Item, Row, Sink};
use crate::{Opus, View, ViewKind};
use tempest_blocks::Cut;
use tempest_blocks::opus::{Block, Cutter, Event, MAX_PAGE_BYTES, OpusHead, SkipReason, Skipped, StreamError};
use tempest_blocks::opus::{State, bytes, fields, symbols};

/// Every page is checked before any of its packets is given.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    cutter: Cutter<MAX_PAGE_BYTES>,
    make: Make,
}

#[derive(Clone, Debug)]
struct Make {
    kind: ViewKind,
    row: Vec<i32>,
    packet_samples: u32,
    channels: u8,
    /// The chained stream of the block before.
    link: Option<u32>,
    /// A packet shorter than the model reads. It is foreign, unless it is the last of its stream: encoders cut that one
    /// to the sound's length (opusenc), and it is left out.
    short: Option<Foreign>,
    /// What `symbols` remembers of the packets before.
    state: State,
}

impl Walk {
    pub(super) fn new(codec: &Opus, view: &View) -> Self {
        let Opus { packet_samples, channels, .. } = *codec;
        let row = vec![0; view.row];
        let make =
            Make { kind: view.kind, row, packet_samples, channels, link: None, short: None, state: State::new() };
        Self { cutter: Cutter::holding(), make }
    }

    pub(super) fn feed<E>(&mut self, mut input: &[u8], sink: Sink<'_, E>) -> Result<(), E> {
        loop {
            // Of the stream that the event before belongs to: a head is an event of its own.
            let head = self.cutter.head();
            let (Some(event), rest) = self.cutter.push(input) else { return Ok(()) };
            self.make.event(&event, head, sink)?;
            input = rest;
        }
    }

    pub(super) fn finish<E>(&mut self, sink: Sink<'_, E>) -> Result<(), E> {
        loop {
            let head = self.cutter.head();
            let Some(event) = self.cutter.finish() else { return Ok(()) };
            self.make.event(&event, head, sink)?;
        }
    }

    pub(super) fn diagnosis(&self) -> Option<StreamError> {
        self.cutter.diagnosis()
    }
}

impl Make {
    fn event<E>(&mut self, event: &Event<'_>, head: Option<OpusHead>, sink: Sink<'_, E>) -> Result<(), E> {
        match event {
            Event::Block(block) => self.packet(block, head, sink),
            Event::Skipped(skipped) => skip(skipped, sink),
        }
    }

    fn packet<E>(&mut self, block: &Block<'_>, head: Option<OpusHead>, sink: Sink<'_, E>) -> Result<(), E> {
        let gap = |reason| Item::Gap(Gap { offset: block.offset, bytes: 0, reason });
        if self.link.replace(block.link).is_some_and(|link| link != block.link) {
            self.short = None;
            sink(gap(GapReason::NewStream))?;
        } else if block.lost_pages > 0 {
            sink(gap(GapReason::LostPages(block.lost_pages)))?;
        }
        if let Some(short) = self.short.take() {
            sink(Item::Foreign(short))?;
        }
        let channels = head.map_or(self.channels, |head| head.channels);
        if block.truncated || block.packet().is_err() {
            let damaged = Gap { offset: block.offset, bytes: block.packet_bytes, reason: GapReason::Damaged };
            return sink(Item::Gap(damaged));
        }
        let foreign = Foreign::Opus { samples: block.duration, channels };
        if channels == self.channels && block.duration < self.packet_samples {
            self.short = Some(foreign);
            return Ok(());
        }
        if (block.duration, channels) != (self.packet_samples, self.channels) {
            return sink(Item::Foreign(foreign));
        }
        match self.write(block) {
            Some(row) => sink(Item::Row(row)),
            None => Ok(()),
        }
    }

    fn write(&mut self, block: &Block<'_>) -> Option<Row<'_>> {
        let mut cut_bytes = 0;
        match self.kind {
            ViewKind::Bytes => cut_bytes = bytes::write(&block.bytes, &mut self.row),
            ViewKind::Symbols => symbols::write(block, self.channels, &mut self.state, &mut self.row).ok()?,
            _ => fields::write(block, &mut self.row).ok()?,
        }
        Some(Row {
            values: &self.row,
            offset: block.offset,
            bytes: block.packet_bytes,
            samples: block.duration,
            cut_bytes,
            main_data_lost: false,
        })
    }
}

fn skip<E>(skipped: &Skipped, sink: Sink<'_, E>) -> Result<(), E> {
    let Skipped { offset, bytes, reason, truncated } = *skipped;
    let gap = |reason| Item::Gap(Gap { offset, bytes, reason });
    match reason {
        SkipReason::Garbage => sink(gap(GapReason::Garbage)),
        SkipReason::DamagedPage | SkipReason::BadChecksum | SkipReason::LostStart | SkipReason::LostEnd => {
            sink(gap(GapReason::Damaged))
        }
        SkipReason::PartialPage => sink(Item::CutShort),
        _ if truncated => sink(Item::CutShort),
        _ => Ok(()),
    }
}
